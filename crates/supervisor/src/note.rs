//! What the machine says to the log. The words are Supervisor's, which people and scripts look for
//! (`process.py`, `supervisord.py`); `x` stands for the bare name of a process, never `group:x`.

use std::fmt;

use model::exit::ExitStatus;
use model::level::Level;
use model::name::ProcessName;
use model::signal::Signal;
use model::spawn::SetupFailure;
use model::state::ProcessState;

use crate::effect::Scope;
pub use crate::event_note::EventNote;

/// A line for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the blanks of the line that documents the variant")]
pub enum Note {
    /// `spawned: 'x' with pid 1`
    Spawned { process: ProcessName, pid: u32 },
    /// `spawnerr: can't find command 'x'`
    SpawnError { text: String },
    /// `process 'x' could not be started: it could not enter its directory: ENOENT`. Our own: the
    /// original leaves it to the child's log.
    SetupFailed { process: ProcessName, failure: SetupFailure },
    /// `success: x entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)`
    Success { process: ProcessName, startsecs: i64 },
    /// `exited: x (exit status 0; expected)`
    Exited { process: ProcessName, status: ExitStatus, expected: bool },
    /// `stopped: x (terminated by SIGTERM)`
    Stopped { process: ProcessName, status: ExitStatus, expected: bool },
    /// `gave up: x entered FATAL state, too many start retries too quickly`
    GaveUp { process: ProcessName },
    /// `process 'x' already running`
    AlreadyRunning { process: ProcessName },
    /// It has ended, and others that were to be ended with it have not.
    Survived { process: ProcessName, pids: Vec<u32> },
    /// `killing x (pid 1) with signal SIGTERM`
    Killing { process: ProcessName, pid: u32, scope: Scope, signal: Signal },
    /// `killing 'x' (1) with SIGKILL`
    KillingHard { process: ProcessName, pid: u32 },
    /// `Attempted to kill x, which is in BACKOFF state.`
    StoppedWhileWaiting { process: ProcessName },
    /// `sending x (pid 1) sig SIGHUP`
    Sending { process: ProcessName, pid: u32, signal: Signal },
    /// `unable to signal x (pid 1), it probably just exited on its own: [Errno 3] No such process`
    KilledTooLate { process: ProcessName, pid: u32, reason: String },
    /// `unable to signal x (pid 1), it probably just now exited on its own: ...`
    SignaledTooLate { process: ProcessName, pid: u32, reason: String },
    /// `unknown problem killing x (1):[Errno 1] Operation not permitted`
    KillFailed { process: ProcessName, pid: u32, reason: String },
    /// `unknown problem sending sig x (1):[Errno 1] Operation not permitted`
    SignalFailed { process: ProcessName, pid: u32, reason: String },
    /// `waiting for x to stop`
    WaitingToStop { process: ProcessName },
    /// `waiting for x, y to die`
    WaitingToDie { processes: Vec<ProcessName> },
    /// `changed: x (command, stopwaitsecs)`. Our own: the original has no such changes.
    Changed { process: ProcessName, options: Vec<&'static str> },
    /// `adopted: 'x' with pid 1`. Our own, as the next three: the original starts a second one.
    Adopted { process: ProcessName, pid: u32 },
    /// `g:x is in doubt: REASON; see what pid 1 is, then ...`
    InDoubt { named: String, pid: Option<u32>, reason: String },
    /// `forgot: 'x'; pid 1 is left alone`
    Forgotten { process: ProcessName, pid: u32 },
    /// `g:x is not in the configuration but runs as pid 1; it is left alone`
    Stray { named: String, pid: u32 },
    /// `x state: STOPPING`
    StateOf { process: ProcessName, state: ProcessState },
    /// About events and those who listen to them.
    Events(EventNote),
}

impl Note {
    /// How much it matters.
    pub const fn level(&self) -> Level {
        match self {
            Self::Spawned { .. }
            | Self::SpawnError { .. }
            | Self::Success { .. }
            | Self::GaveUp { .. }
            | Self::WaitingToStop { .. }
            | Self::WaitingToDie { .. }
            | Self::Changed { .. }
            | Self::Adopted { .. }
            | Self::Forgotten { .. }
            | Self::Exited { expected: true, .. }
            | Self::Stopped { expected: true, .. } => Level::Info,
            Self::Exited { expected: false, .. }
            | Self::Stopped { expected: false, .. }
            | Self::SetupFailed { .. }
            | Self::Stray { .. }
            | Self::AlreadyRunning { .. }
            | Self::KillingHard { .. } => Level::Warn,
            Self::Killing { .. }
            | Self::StoppedWhileWaiting { .. }
            | Self::Sending { .. }
            | Self::KilledTooLate { .. }
            | Self::SignaledTooLate { .. } => Level::Debug,
            Self::Events(note) => note.level(),
            Self::Survived { .. } => Level::Error,
            Self::KillFailed { .. } | Self::SignalFailed { .. } | Self::InDoubt { .. } => Level::Critical,
            Self::StateOf { .. } => Level::Blather,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawned { process, pid } => write!(f, "spawned: '{process}' with pid {pid}"),
            Self::SpawnError { text } => write!(f, "spawnerr: {text}"),
            Self::SetupFailed { process, failure } => {
                write!(f, "process '{process}' could not be started: {failure}")
            }
            Self::Success { process, startsecs } => write!(
                f,
                "success: {process} entered RUNNING state, process has stayed up for > than {startsecs} \
                 seconds (startsecs)"
            ),
            Self::Exited { process, status, expected } => {
                let word = if *expected { "expected" } else { "not expected" };
                write!(f, "exited: {process} ({status}; {word})")
            }
            Self::Stopped { process, status, .. } => write!(f, "stopped: {process} ({status})"),
            Self::GaveUp { process } => {
                write!(f, "gave up: {process} entered FATAL state, too many start retries too quickly")
            }
            Self::AlreadyRunning { process } => write!(f, "process '{process}' already running"),
            Self::Killing { process, pid, scope, signal } => {
                let group = match scope {
                    Scope::Process => "",
                    Scope::Group => "process group ",
                    Scope::Tree => "process tree ",
                };
                write!(f, "killing {process} (pid {pid}) {group}with signal {signal}")
            }
            Self::Survived { process, pids } => survived(f, process, pids),
            Self::KillingHard { process, pid } => write!(f, "killing '{process}' ({pid}) with SIGKILL"),
            Self::StoppedWhileWaiting { process } => {
                write!(f, "Attempted to kill {process}, which is in BACKOFF state.")
            }
            Self::Sending { process, pid, signal } => write!(f, "sending {process} (pid {pid}) sig {signal}"),
            Self::KilledTooLate { process, pid, reason } => write!(
                f,
                "unable to signal {process} (pid {pid}), it probably just exited on its own: {reason}"
            ),
            Self::SignaledTooLate { process, pid, reason } => write!(
                f,
                "unable to signal {process} (pid {pid}), it probably just now exited on its own: {reason}"
            ),
            Self::KillFailed { process, pid, reason } => {
                write!(f, "unknown problem killing {process} ({pid}):{reason}")
            }
            Self::SignalFailed { process, pid, reason } => {
                write!(f, "unknown problem sending sig {process} ({pid}):{reason}")
            }
            Self::WaitingToStop { process } => write!(f, "waiting for {process} to stop"),
            Self::WaitingToDie { processes } => {
                f.write_str("waiting for ")?;
                for (index, process) in processes.iter().enumerate() {
                    write!(f, "{}{process}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str(" to die")
            }
            Self::Changed { process, options } => write!(f, "changed: {process} ({})", options.join(", ")),
            Self::Adopted { process, pid } => write!(f, "adopted: '{process}' with pid {pid}"),
            Self::InDoubt { named, pid, reason } => {
                write!(f, "{named} {}", InDoubt { named, pid: *pid, reason })
            }
            Self::Forgotten { process, pid } => write!(f, "forgot: '{process}'; pid {pid} is left alone"),
            Self::Stray { named, pid } => {
                write!(f, "{named} is not in the configuration but runs as pid {pid}; it is left alone")
            }
            Self::StateOf { process, state } => write!(f, "{process} state: {state}"),
            Self::Events(note) => note.fmt(f),
        }
    }
}

/// What there is to say of a process in doubt, in the log as to clients: why, and what to do about it.
pub(crate) struct InDoubt<'a> {
    pub(crate) named: &'a str,
    pub(crate) pid: Option<u32>,
    pub(crate) reason: &'a str,
}

impl fmt::Display for InDoubt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { named, pid, reason } = self;
        write!(f, "is in doubt and not started: {reason}; ")?;
        match pid {
            Some(pid) => write!(f, "see what pid {pid} is, then `menshen adopt {named}` or ")?,
            None => f.write_str("see that nothing of it is left, then ")?,
        }
        write!(f, "`menshen forget {named}`")
    }
}

fn survived(f: &mut fmt::Formatter<'_>, process: &ProcessName, pids: &[u32]) -> fmt::Result {
    let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
    let pids = pids.join(", ");
    write!(f, "{process} has ended, but not even SIGKILL ends these of its processes: {pids}")
}
