//! What the commands of `supervisorctl` share: a server, a place to print, an exit code.

use std::io::{self, Write};

use model::fault::FaultCode;

use crate::client::{CallError, Client, Target};
use crate::command::{self, Act};
use crate::exit;
use crate::input::{Input, Typed};
use crate::python;
use crate::transport::{Credentials, Interrupt, TransportError};

/// The version of the interface this program speaks.
pub(crate) const API_VERSION: &str = "3.0";

/// Why a command did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server did not do as asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is nowhere to print to any more.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// The server answered with a number that has no words here.
    #[error("Unknown result code {code} for {name}")]
    UnknownResult {
        /// The number.
        code: i64,
        /// The process it is about.
        name: String,
    },
    /// A question was left unanswered.
    #[error("EOF when reading a line")]
    EndOfInput,
    /// A number is larger than the protocol has.
    #[error("int exceeds XML-RPC limits")]
    Overflow,
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
}

/// What comes after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next one.
    Stay,
    /// Nothing.
    Leave,
}

/// Why no further line can be run.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The user interrupted.
    Interrupted,
    /// There is nowhere to print to any more.
    Output(io::Error),
}

/// A line, taken apart as Python's `cmd.Cmd.parseline` does.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Empty,
    /// No command, only to be shown.
    Strange(&'a str),
    Command {
        word: &'a str,
        argument: &'a str,
    },
}

fn parse_line(line: &str) -> Line<'_> {
    let line = line.trim();
    if line.is_empty() {
        return Line::Empty;
    }
    if let Some(topic) = line.strip_prefix('?') {
        return Line::Command { word: "help", argument: topic.trim() };
    }
    let end = line.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(line.len());
    let (word, argument) = line.split_at(end);
    if word.is_empty() { Line::Strange(line) } else { Line::Command { word, argument: argument.trim() } }
}

/// One run of `supervisorctl`.
pub(crate) struct Session<'a> {
    /// The server.
    pub client: Client,
    /// Where results go.
    pub out: &'a mut dyn Write,
    /// Where the complaints of followers go.
    pub err: &'a mut dyn Write,
    /// Who answers questions.
    pub input: &'a mut dyn Input,
    /// Whether questions may be asked.
    pub interactive: bool,
    /// The exit code so far.
    pub exit: u8,
    /// Once Ctrl-C no longer ends the process: what it does instead.
    pub interrupt: Option<Interrupt>,
}

impl<'a> Session<'a> {
    /// A session with the server at `target`.
    pub(crate) fn new(
        target: Target,
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
        input: &'a mut dyn Input,
        interactive: bool,
    ) -> Self {
        let client = Client::new(target);
        Self { client, out, err, input, interactive, exit: exit::SUCCESS, interrupt: None }
    }

    /// Prints a line.
    pub(crate) fn say(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        self.out.write_all(line.as_ref().as_bytes())?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    /// Prints an error and the usage of the command it was made with.
    pub(crate) fn misuse(&mut self, code: u8, error: &str, command: &str) -> Result<(), Failure> {
        self.exit = code;
        self.say(error)?;
        match command::find(command) {
            Some(it) => self.say(it.usage),
            None => Ok(()),
        }
    }

    /// Asks and waits for the answer.
    pub(crate) fn ask(&mut self, question: &str) -> Result<String, Failure> {
        let typed = self.input.line(question, self.out)?;
        answer(typed)
    }

    /// Asks whether to go on, when there is someone to ask.
    pub(crate) fn is_sure(&mut self, question: &str) -> Result<bool, Failure> {
        Ok(!self.interactive || self.ask(question)?.to_lowercase().starts_with('y'))
    }

    /// From now on Ctrl-C ends what is going on instead of the process.
    pub(crate) fn heed_interrupts(&mut self) -> io::Result<Interrupt> {
        if let Some(interrupt) = &self.interrupt {
            return Ok(Interrupt::clone(interrupt));
        }
        let interrupt = crate::interrupt::watch()?;
        self.heed(Interrupt::clone(&interrupt));
        Ok(interrupt)
    }

    fn heed(&mut self, interrupt: Interrupt) {
        self.client.heed(Interrupt::clone(&interrupt));
        self.input.heed(Interrupt::clone(&interrupt));
        self.interrupt = Some(interrupt);
    }

    /// Runs one line.
    pub(crate) fn run(&mut self, line: &str) -> Result<Next, Stop> {
        loop {
            let failure = match self.obey(line) {
                Ok(next) => return self.flush(next),
                Err(failure) => failure,
            };
            match self.report(failure) {
                Ok(true) => {}
                Ok(false) => return self.flush(Next::Stay),
                Err(Failure::Output(error)) => return Err(Stop::Output(error)),
                Err(Failure::Interrupted) => return Err(Stop::Interrupted),
                Err(
                    failure @ (Failure::Call(_)
                    | Failure::UnknownResult { .. }
                    | Failure::EndOfInput
                    | Failure::Overflow),
                ) => {
                    self.print_exception(&failure).map_err(Stop::Output)?;
                    return self.flush(Next::Stay);
                }
            }
        }
    }

    fn flush(&mut self, next: Next) -> Result<Next, Stop> {
        self.out.flush().map_err(Stop::Output)?;
        Ok(next)
    }

    fn obey(&mut self, line: &str) -> Result<Next, Failure> {
        let (word, argument, shown) = match parse_line(line) {
            Line::Empty => return Ok(Next::Stay),
            Line::Strange(line) => ("", "", line),
            Line::Command { word, argument } => (word, argument, line.trim()),
        };
        match command::find(word).map(|it| it.act) {
            Some(Act::Leave) => {
                self.say("")?;
                return Ok(Next::Leave);
            }
            Some(Act::Run(run)) => run(self, argument)?,
            None => {
                self.exit = exit::GENERIC;
                self.say(format!("*** Unknown syntax: {shown}"))?;
            }
        }
        Ok(Next::Stay)
    }

    /// Says what failed; `true` when the line is to be run again.
    fn report(&mut self, failure: Failure) -> Result<bool, Failure> {
        let interrupted = match &failure {
            Failure::Call(CallError::Transport(TransportError::Interrupted)) | Failure::Interrupted => true,
            Failure::Call(CallError::Transport(TransportError::Status { code: 401, .. })) => {
                self.say("Server requires authentication")?;
                if self.interactive {
                    self.log_in()?;
                    return Ok(true);
                }
                false
            }
            Failure::Output(_) => return Err(failure),
            Failure::Call(_) | Failure::UnknownResult { .. } | Failure::EndOfInput | Failure::Overflow => {
                false
            }
        };
        if interrupted {
            return Err(Failure::Interrupted);
        }
        self.print_exception(&failure)?;
        Ok(false)
    }

    /// The original adds the file and line of its own source, which have no counterpart here.
    fn print_exception(&mut self, failure: &Failure) -> io::Result<()> {
        self.exit = exit::GENERIC;
        let text = match failure {
            Failure::Call(error) => python::exception(error),
            Failure::UnknownResult { .. } => format!("<class 'ValueError'>, {failure}"),
            Failure::EndOfInput => format!("<class 'EOFError'>, {failure}"),
            Failure::Overflow => format!("<class 'OverflowError'>, {failure}"),
            Failure::Output(error) => error.to_string(),
            Failure::Interrupted => "<class 'KeyboardInterrupt'>, ".to_owned(),
        };
        writeln!(self.out, "error: {text}")
    }

    fn log_in(&mut self) -> Result<(), Failure> {
        let username = self.ask("Username:")?;
        let typed = self.input.secret("Password:", self.out)?;
        let password = answer(typed)?;
        self.say("")?;
        let mut target = self.client.target().clone();
        target.credentials = Some(Credentials { username, password });
        self.client.turn_to(target);
        Ok(())
    }

    /// Whether there is a server that speaks our interface; says so when not.
    pub(crate) fn is_up(&mut self) -> Result<bool, Failure> {
        let (code, text) = match self.client.api_version() {
            Ok(version) if version == API_VERSION => return Ok(true),
            Ok(version) => (
                exit::OTHER_VERSION,
                format!(
                    "Sorry, this version of supervisorctl expects to talk to a server with API version \
                     {API_VERSION}, but the remote version is {version}."
                ),
            ),
            Err(error) if error.fault() == Some(FaultCode::UnknownMethod) => (
                exit::UNIMPLEMENTED,
                "Sorry, supervisord responded but did not recognize the supervisor namespace commands \
                 that supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] \
                 section is enabled in the configuration file (see sample.conf)."
                    .to_owned(),
            ),
            Err(error) => match Absence::of(&error) {
                Some(Absence::Refused) => {
                    (exit::REFUSED, format!("{} refused connection", self.client.target().url))
                }
                Some(Absence::NoSocket) => {
                    (exit::NOT_RUNNING, format!("{} no such file", self.client.target().url))
                }
                None => return Err(error.into()),
            },
        };
        self.exit = code;
        self.say(text)?;
        Ok(false)
    }

    /// Remembers what a fault means for the exit code; the last one to matter wins.
    pub(crate) fn note(&mut self, status: i64, ignored: Option<FaultCode>) {
        let code = FaultCode::from_code(status);
        if code == Some(FaultCode::Success) || (code.is_some() && code == ignored) {
            return;
        }
        let dead = [FaultCode::SpawnError, FaultCode::AbnormalTermination, FaultCode::NotRunning];
        self.exit = if code.is_some_and(|it| dead.contains(&it)) { exit::NOT_RUNNING } else { exit::GENERIC };
    }
}

fn answer(typed: Typed) -> Result<String, Failure> {
    match typed {
        Typed::Line(line) => Ok(line),
        Typed::End => Err(Failure::EndOfInput),
        Typed::Interrupted => Err(Failure::Interrupted),
    }
}

/// The two ways a server is plainly not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// Nobody listens.
    Refused,
    /// There is no such socket.
    NoSocket,
}

impl Absence {
    /// Whether this is what `error` says.
    pub(crate) fn of(error: &CallError) -> Option<Self> {
        let CallError::Transport(TransportError::Connect(error) | TransportError::Broken(error)) = error
        else {
            return None;
        };
        let is = |kind| error.kind() == kind;
        is(io::ErrorKind::ConnectionRefused)
            .then_some(Self::Refused)
            .or_else(|| is(io::ErrorKind::NotFound).then_some(Self::NoSocket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_by_pythons_cmd() {
        let command = |word, argument| Line::Command { word, argument };
        let cases = [
            ("", Line::Empty),
            (" \t", Line::Empty),
            (" status  web ", command("status", "web")),
            ("status:web", command("status", ":web")),
            ("?", command("help", "")),
            ("?  stop", command("help", "stop")),
            ("!ls", Line::Strange("!ls")),
            ("-f x", Line::Strange("-f x")),
            ("EOF", command("EOF", "")),
        ];
        for (line, parsed) in cases {
            assert_eq!(parse_line(line), parsed, "{line:?}");
        }
    }
}
