//! `menshen` under its own name: what each verb does.

mod audit;
mod check;
pub(crate) mod complete;
mod doctor;
mod doubt;
mod facts;
mod help;
pub(crate) mod history;
mod logs;
mod orders;
mod paint;
mod plan;
mod reach;
mod secret;
mod server;
mod status;
mod targets;
mod top;
pub(crate) mod wait;
mod why;

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use clap::Parser;
use model::fault::FaultCode;
use model::outside::Outside;
use os::outside::Machine;

pub use reach::demo_socket;

use crate::args::{Cli, Global, Invocation, Order, Verb};
use crate::client::{CallError, Client};
use crate::echo;
use crate::pane::Pane;
use crate::place::PlaceError;
use crate::python;
use crate::session::Failure;
use crate::transport::TransportError;
use paint::Paint;
use reach::Reach;

/// The wish is fulfilled.
pub(crate) const DONE: u8 = 0;
/// Something failed.
pub(crate) const FAILED: u8 = 1;
/// The command line or the configuration is wrong.
pub(crate) const USAGE: u8 = 2;
/// The server cannot be reached, or does not let us in.
pub(crate) const UNREACHABLE: u8 = 3;
/// There is no such process or group.
pub(crate) const NO_SUCH: u8 = 4;
/// Ended by Ctrl-C, as shells report it.
const INTERRUPTED: u8 = 130;

/// Why a verb did not come to its end.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The server did not do as asked.
    Call(CallError),
    /// There is nowhere to print to any more.
    Output(io::Error),
    /// Names that stand for nothing, each in a sentence; nothing was done.
    Names(Vec<String>),
    /// A mistake in the command line or the configuration.
    Usage(String),
    /// The user interrupted.
    Interrupted,
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        match &error {
            CallError::Transport(TransportError::Interrupted) => Self::Interrupted,
            CallError::Place(_)
            | CallError::Transport(_)
            | CallError::Fault { .. }
            | CallError::Unreadable(_)
            | CallError::Shape(_) => Self::Call(error),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Call(error) => error.into(),
            Failure::Output(error) => Self::Output(error),
            Failure::Interrupted => Self::Interrupted,
            Failure::UnknownResult { .. } | Failure::EndOfInput | Failure::Overflow => {
                Self::Usage(failure.to_string())
            }
        }
    }
}

/// The world of one run.
pub(crate) struct Streams<'a> {
    /// Where results go.
    pub out: &'a mut dyn Write,
    /// Where complaints go.
    pub err: &'a mut dyn Write,
    /// Whether a person looks at the results.
    pub terminal: bool,
    /// Whether a person looks at the complaints.
    pub err_terminal: bool,
}

/// What every verb that talks to a server has at hand.
pub(crate) struct Desk<'a> {
    /// The server.
    pub client: Client,
    /// How it was found.
    pub reach: Reach,
    /// Where results go.
    pub out: &'a mut dyn Write,
    /// Where complaints go.
    pub err: &'a mut dyn Write,
    /// How results look.
    pub paint: Paint,
}

impl Desk<'_> {
    /// Prints a line.
    pub(crate) fn say(&mut self, line: impl AsRef<str>) -> Result<(), Trouble> {
        writeln!(self.out, "{}", line.as_ref())?;
        Ok(())
    }

    /// Prints a value as JSON.
    pub(crate) fn print_json(&mut self, value: &serde_json::Value) -> Result<(), Trouble> {
        self.say(format!("{value:#}"))
    }
}

/// Runs `menshen`; the first word is its own name.
pub fn menshen(words: &[String]) -> Invocation {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let (terminal, err_terminal) = (out.is_terminal(), err.is_terminal());
    run(words, &Machine, &mut Streams { out: &mut out, err: &mut err, terminal, err_terminal })
}

/// Runs it with the streams given.
pub(crate) fn run(words: &[String], outside: &dyn Outside, streams: &mut Streams<'_>) -> Invocation {
    // Its flags are supervisord's, some of which have another meaning here.
    if let [name, verb, flags @ ..] = words
        && verb == "daemon"
    {
        return Invocation::Daemon { words: [std::slice::from_ref(name), flags].concat() };
    }
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => return Invocation::Exit(help::refuse(&error, streams)),
    };
    let (global, name) = (cli.global, words.first().map_or("menshen", String::as_str));
    match cli.verb {
        None if global.server.is_some() || global.username.is_some() || global.password.is_some() => {
            let error = Trouble::Usage("a verb is missing; menshen help shows them".to_owned());
            Invocation::Exit(conclude(Err(error), None, streams.err))
        }
        None => Invocation::Foreground { words: words.to_vec(), config: global.config },
        Some(Verb::Daemon { flags }) => {
            Invocation::Daemon { words: daemon_words(name, global.config.as_deref(), &flags) }
        }
        Some(verb) => {
            let paint = Paint::choose(streams.terminal, global.no_color, outside);
            Invocation::Exit(serve_behind_pane(verb, &Request { global, name, paint, outside }, streams))
        }
    }
}

fn daemon_words(name: &str, config: Option<&Path>, flags: &[String]) -> Vec<String> {
    let mut words = vec![name.to_owned()];
    if let Some(config) = config {
        words.extend(["-c".to_owned(), config.to_string_lossy().into_owned()]);
    }
    words.extend_from_slice(flags);
    words
}

/// What was asked for besides the verb.
struct Request<'a> {
    global: Global,
    name: &'a str,
    paint: Paint,
    outside: &'a dyn Outside,
}

/// Lets a verb print without anything that it prints steering the terminal; but whoever takes a program to
/// the foreground is at its terminal.
fn serve_behind_pane(verb: Verb, request: &Request<'_>, streams: &mut Streams<'_>) -> u8 {
    let is_foreground = matches!(verb, Verb::Order(Order::Fg { .. }));
    let (terminal, err_terminal) = (streams.terminal, streams.err_terminal);
    let mut out = Pane::before(&mut *streams.out, terminal && !is_foreground);
    let mut err = Pane::before(&mut *streams.err, err_terminal && !is_foreground);
    let code = serve(verb, request, &mut Streams { out: &mut out, err: &mut err, terminal, err_terminal });
    // Whoever cannot see the end of it has seen what went wrong before.
    let _ = out.finish().and_then(|()| err.finish());
    code
}

fn serve(verb: Verb, request: &Request<'_>, streams: &mut Streams<'_>) -> u8 {
    let Request { global, name, paint, outside } = request;
    let result = match verb {
        Verb::Order(order) => return talk(order, request, streams),
        Verb::Passwd { name, role } => secret::passwd(name.as_deref(), role, streams),
        Verb::Token => secret::token(streams),
        Verb::SampleConfig => return echo::print(streams.out, streams.err),
        Verb::Check { compat, format } => {
            check::check(global.config.as_deref(), name, *outside, (compat, format), streams.out)
        }
        Verb::Doctor { format } => {
            doctor::doctor(global.config.as_deref(), name, *outside, format, *paint, streams.out)
        }
        Verb::Help { topic, pattern } => {
            help::help(topic.as_deref(), pattern.as_deref(), *paint, streams.out)
        }
        Verb::Completions { shell } => complete::completions(shell, streams.out),
        Verb::Complete { words } => complete::complete(&words, *outside, streams.out),
        Verb::Man => help::man(streams.out),
        Verb::Daemon { .. } => Ok(DONE), // Not ours to do: `run` has handed it on.
    };
    conclude(result, None, streams.err)
}

/// Runs a verb that needs a server.
fn talk(order: Order, request: &Request<'_>, streams: &mut Streams<'_>) -> u8 {
    let reach = match reach::find(&request.global, request.name, request.outside) {
        Ok(reach) => reach,
        Err(error) => return conclude(Err(Trouble::Usage(error)), None, streams.err),
    };
    let mut desk = Desk {
        client: Client::new(reach.target.clone()),
        reach,
        out: streams.out,
        err: streams.err,
        paint: request.paint,
    };
    let result = obey(&mut desk, order).and_then(|code| {
        desk.out.flush()?;
        Ok(code)
    });
    conclude(result, Some(&desk.reach), desk.err)
}

fn obey(desk: &mut Desk<'_>, order: Order) -> Result<u8, Trouble> {
    match order {
        Order::Status { names, check, format } => status::status(desk, &names, check, format),
        Order::Start { names, patience } => patiently(desk, &orders::Wish::Start, &names.names, patience),
        Order::Stop { names, patience } => patiently(desk, &orders::Wish::Stop, &names.names, patience),
        Order::Restart { names, patience } => patiently(desk, &orders::Wish::Restart, &names.names, patience),
        Order::Wait { names, until, timeout } => wait::wait(desk, &names.names, until, timeout),
        Order::Logs { follow, bytes, names } => logs::logs(desk, &names, follow, bytes),
        Order::Clear(it) => orders::carry_out(desk, &orders::Wish::Clear, &it.names),
        Order::Rotate(it) => orders::carry_out(desk, &orders::Wish::Rotate, &it.names),
        Order::Signal { signal, names } => {
            orders::carry_out(desk, &orders::Wish::Signal(signal), &names.names)
        }
        Order::Tail { follow, bytes, name, output } => {
            let name = name.as_deref();
            if follow { server::follow(desk, name, output) } else { server::tail(desk, name, output, bytes) }
        }
        Order::Audit { format } => audit::audit(desk, format),
        Order::Why { names, format } => why::why(desk, &names, format),
        Order::History { names, since, kinds, most, format } => {
            history::history(desk, &history::Wish { names, kinds, since, most }, format)
        }
        Order::Pid { names, format } => facts::pid(desk, &names, format),
        Order::Avail { format } => facts::avail(desk, format),
        Order::Reread { format } => facts::reread(desk, format),
        Order::Version { format } => facts::version(desk, format),
        Order::Plan { groups, format } | Order::Update { groups, dry_run: true, format } => {
            plan::plan(desk, &groups, format)
        }
        Order::Update { groups, dry_run: false, format } => plan::update(desk, &groups, format),
        Order::Add { groups } => server::add(desk, &groups),
        Order::Remove { groups } => server::remove(desk, &groups),
        Order::Reload { keep } => server::reload(desk, keep),
        Order::Upgrade { program } => server::upgrade(desk, program),
        Order::Adopt(it) => doubt::decide(desk, doubt::Verdict::Adopt, &it.names),
        Order::Forget(it) => doubt::decide(desk, doubt::Verdict::Forget, &it.names),
        Order::Shutdown { no_wait } => server::shutdown(desk, no_wait),
        Order::Fg { name } => server::fg(desk, &name),
        Order::Shell => server::shell(desk),
        Order::Top => top::top(desk),
    }
}

/// Carries out an order with as much patience as is asked for; by default, as much as it takes.
fn patiently(
    desk: &mut Desk<'_>,
    wish: &orders::Wish,
    names: &[String],
    patience: wait::Patience,
) -> Result<u8, Trouble> {
    if patience.no_wait || patience.timeout.is_some() {
        wait::order(desk, wish, names, patience)
    } else {
        orders::carry_out(desk, wish, names)
    }
}

/// Says what went wrong; returns the exit code. What cannot be printed changes nothing about it.
fn conclude(result: Result<u8, Trouble>, reach: Option<&Reach>, err: &mut dyn Write) -> u8 {
    let trouble = match result {
        Ok(code) => return code,
        Err(trouble) => trouble,
    };
    let (code, text) = match trouble {
        Trouble::Interrupted => return INTERRUPTED,
        // Whoever read our output has seen enough.
        Trouble::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return DONE,
        Trouble::Output(error) => (FAILED, python::words(&error)),
        Trouble::Usage(text) => (USAGE, text),
        Trouble::Names(lines) => (NO_SUCH, lines.join("\n  ")),
        Trouble::Call(error) => (code_of(&error), explain(&error, reach)),
    };
    let _ = writeln!(err, "menshen: {text}");
    code
}

fn code_of(error: &CallError) -> u8 {
    match error {
        CallError::Place(_) => USAGE,
        CallError::Transport(
            TransportError::Connect(_)
            | TransportError::Host(_)
            | TransportError::Secret(_)
            | TransportError::Status { code: 401, .. },
        ) => UNREACHABLE,
        CallError::Fault { .. } if error.fault() == Some(FaultCode::BadName) => NO_SUCH,
        CallError::Transport(_)
        | CallError::Fault { .. }
        | CallError::Unreadable(_)
        | CallError::Shape(_) => FAILED,
    }
}

fn explain(error: &CallError, reach: Option<&Reach>) -> String {
    let Some(reach) = reach else {
        return error.to_string();
    };
    let url = &reach.target.url;
    match error {
        CallError::Transport(TransportError::Connect(error)) => {
            let reason = python::words(error);
            format!("no server answers at {url}: {reason}\n{}", reach.advice())
        }
        CallError::Transport(TransportError::Secret(reason)) => format!(
            "the server at {url} cannot be spoken to in secret: {reason}\n  SSL_CERT_FILE=FILE names the certificates \
             of those to trust"
        ),
        CallError::Transport(TransportError::Host(reason)) => {
            format!("the server at {url} cannot be found: {reason}\n{}", reach.advice())
        }
        CallError::Transport(TransportError::Status { code: 401, .. }) => {
            format!("the server at {url} does not let you in\n{}", reach.login_advice())
        }
        CallError::Place(PlaceError::Scheme(_)) => {
            format!("{url} names no server: write http://HOST:PORT or unix:///PATH")
        }
        CallError::Place(_)
        | CallError::Transport(_)
        | CallError::Fault { .. }
        | CallError::Unreadable(_)
        | CallError::Shape(_) => fault_words(error).map_or_else(|| error.to_string(), str::to_owned),
    }
}

/// Words for the faults that can meet any call.
fn fault_words(error: &CallError) -> Option<&'static str> {
    let words = [
        (FaultCode::ShutdownState, "the server is shutting down"),
        (
            FaultCode::UnknownMethod,
            "the server does not know the supervisor methods: [rpcinterface:supervisor] is missing",
        ),
    ];
    let code = error.fault()?;
    words.into_iter().find(|(it, _)| *it == code).map(|(_, words)| words)
}
