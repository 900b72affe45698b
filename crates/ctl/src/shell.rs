//! The interactive shell: a prompt, history, completion.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{FileHistory, History, SearchDirection};
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use crate::client::{Client, Target};
use crate::command::TABLE;
use crate::input::{Input, Lines, Plain, Typed};
use crate::interrupt::acknowledge;
use crate::session::{Next, Session, Stop};
use crate::transport::Interrupt;

/// How many lines of history are kept.
const HISTORY_LINES_MAX: usize = 1000;

/// Runs lines until the user has had enough: first `status`, then what is typed.
pub(crate) fn run(session: &mut Session<'_>, prompt: &str) -> Result<(), Stop> {
    session.heed_interrupts().map_err(Stop::Output)?;
    let mut line = "status".to_owned();
    loop {
        match session.run(&line) {
            Ok(Next::Stay) => {}
            Ok(Next::Leave) => return Ok(()),
            Err(Stop::Interrupted) => return leave(session),
            Err(stop @ Stop::Output(_)) => return Err(stop),
        }
        let target = session.client.target();
        line = match session.input.command(prompt, target, session.out).map_err(Stop::Output)? {
            Typed::Line(line) => line,
            Typed::End | Typed::Interrupted if session.input.ends_lines() => return Ok(()),
            Typed::End => "EOF".to_owned(),
            Typed::Interrupted => return leave(session),
        };
    }
}

/// Ctrl-C leaves the shell; what the terminal shows of it ends its line.
fn leave(session: &mut Session<'_>) -> Result<(), Stop> {
    if let Some(interrupt) = &session.interrupt {
        acknowledge(interrupt);
    }
    writeln!(session.out).and_then(|()| session.out.flush()).map_err(Stop::Output)
}

/// The input of this process: edited when a person sits at both ends, else as it comes.
///
/// # Errors
/// When there is none.
pub(crate) fn input(history: Option<&Path>) -> io::Result<Box<dyn Input>> {
    let plain = Plain::new(Lines::of_stdin()?);
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() || !can_be_edited_on() {
        return Ok(Box::new(plain));
    }
    // A terminal that cannot be edited on can still be read from.
    match Terminal::new(plain, history) {
        Ok(terminal) => Ok(Box::new(terminal)),
        Err(_) => Ok(Box::new(Plain::new(Lines::of_stdin()?))),
    }
}

/// Whether the terminal can move its cursor. Where it cannot, the editor would read whole lines by itself,
/// and not notice Ctrl-C.
fn can_be_edited_on() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    !["dumb", "cons25", "emacs"].iter().any(|it| term.eq_ignore_ascii_case(it))
}

/// Input from a person, with line editing.
struct Terminal {
    editor: Editor<Names, FileHistory>,
    plain: Plain,
    history: Option<PathBuf>,
}

impl Terminal {
    fn new(plain: Plain, history: Option<&Path>) -> Result<Self, ReadlineError> {
        let config = Config::builder()
            .max_history_size(HISTORY_LINES_MAX)?
            .completion_type(CompletionType::List)
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Names { target: None, known: RefCell::new(None) }));
        if let Some(path) = history
            && let Ok(bytes) = std::fs::read(path)
        {
            for line in String::from_utf8_lossy(&bytes).lines() {
                editor.add_history_entry(line)?;
            }
        }
        Ok(Self { editor, plain, history: history.map(Path::to_owned) })
    }

    /// One line per entry, as readline writes them, so that the original can read them again.
    fn save(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let history = self.editor.history();
        for index in 0..history.len() {
            if let Ok(Some(found)) = history.get(index, SearchDirection::Forward) {
                writeln!(file, "{}", found.entry)?;
            }
        }
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(path) = &self.history {
            // Like the original: a history that cannot be kept is no reason to complain.
            let _ = self.save(path);
        }
    }
}

impl Input for Terminal {
    fn line(&mut self, prompt: &str, _out: &mut dyn Write) -> io::Result<Typed> {
        match self.editor.readline(prompt) {
            Ok(line) => Ok(Typed::Line(line)),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupted),
            Err(ReadlineError::Io(error)) => Err(error),
            Err(other) => Err(io::Error::other(other)),
        }
    }

    fn command(&mut self, prompt: &str, target: &Target, out: &mut dyn Write) -> io::Result<Typed> {
        if let Some(names) = self.editor.helper_mut() {
            // Fetched once per line at most, and never shown when stale.
            *names = Names { target: Some(target.clone()), known: RefCell::new(None) };
        }
        let typed = self.line(prompt, out)?;
        if let Typed::Line(line) = &typed
            && !line.trim().is_empty()
        {
            self.editor.add_history_entry(line).map_err(io::Error::other)?;
        }
        Ok(typed)
    }

    fn secret(&mut self, prompt: &str, out: &mut dyn Write) -> io::Result<Typed> {
        self.plain.secret(prompt, out)
    }

    fn lines(&mut self) -> &mut Lines {
        self.plain.lines()
    }

    fn ends_lines(&self) -> bool {
        true
    }

    fn heed(&mut self, interrupt: Interrupt) {
        self.plain.heed(interrupt);
    }
}

/// What can be completed: commands, and the names the server knows.
struct Names {
    target: Option<Target>,
    /// Group and name of each process, once fetched.
    known: RefCell<Option<Vec<(String, String)>>>,
}

impl Names {
    fn fetch(&self) -> Vec<(String, String)> {
        let mut known = self.known.borrow_mut();
        let fetched = known.get_or_insert_with(|| {
            let client = self.target.clone().map(Client::new);
            // A server that does not answer knows no names.
            let processes = client.and_then(|mut it| it.processes().ok()).unwrap_or_default();
            processes.into_iter().map(|it| (it.group, it.name)).collect()
        });
        fetched.clone()
    }
}

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..pos).unwrap_or(line);
        Ok(complete(typed, || self.fetch()))
    }
}

impl Hinter for Names {
    type Hint = String;
}
impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}

/// Where the word being typed begins, and the words it may become, each with a blank after it.
fn complete(typed: &str, fetch: impl FnOnce() -> Vec<(String, String)>) -> (usize, Vec<String>) {
    let start = typed.rfind(char::is_whitespace).map_or(0, |it| it + 1);
    let word = typed.get(start..).unwrap_or("");
    let action = typed.get(..start).and_then(|it| it.split_whitespace().next());
    let words = match action {
        None | Some("help") => {
            TABLE.iter().filter(|it| it.listed || it.name == "help").map(|it| it.name.to_owned()).collect()
        }
        Some("add" | "remove" | "update") => groups(fetch()),
        Some("clear" | "fg" | "pid" | "restart" | "signal" | "start" | "status" | "stop" | "tail") => {
            processes(fetch(), word.contains(':'))
        }
        Some(_) => Vec::new(),
    };
    (start, words.into_iter().filter(|it| it.starts_with(word)).map(|it| it + " ").collect())
}

fn groups(known: Vec<(String, String)>) -> Vec<String> {
    let mut groups: Vec<_> = known.into_iter().map(|(group, _)| group).collect();
    groups.dedup();
    groups
}

/// The full names, and `group:*` for each group that is not just its one process.
fn processes(known: Vec<(String, String)>, in_full: bool) -> Vec<String> {
    let mut names = Vec::new();
    for (group, name) in known {
        if !in_full && group == name {
            names.push(name);
            continue;
        }
        names.push(format!("{group}:{name}"));
        let whole = format!("{group}:*");
        if !names.contains(&whole) {
            names.push(whole);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed_by_what_stands_before_them() {
        let known = || {
            [("cat", "cat"), ("web", "web_00"), ("web", "web_01")]
                .map(|(group, name)| (group.to_owned(), name.to_owned()))
                .to_vec()
        };
        let cases: [(&str, usize, &[&str]); 9] = [
            ("sta", 0, &["start ", "status "]),
            ("help re", 5, &["reload ", "remove ", "reread ", "restart "]),
            ("start ", 6, &["cat ", "web:web_00 ", "web:* ", "web:web_01 "]),
            ("stop cat we", 9, &["web:web_00 ", "web:* ", "web:web_01 "]),
            ("stop cat:", 5, &["cat:cat ", "cat:* "]),
            ("update ", 7, &["cat ", "web "]),
            ("version ", 8, &[]),
            ("  h", 2, &["help "]),
            ("tail -f c", 8, &["cat "]),
        ];
        for (typed, start, words) in cases {
            let expected = (start, words.iter().map(|&it| it.to_owned()).collect());
            assert_eq!(complete(typed, known), expected, "{typed:?}");
        }
    }
}
