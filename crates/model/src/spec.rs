//! What a configuration asks for and the supervisor obeys: plain, fully resolved data.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::event::EventType;
use crate::exit::ExitCodes;
use crate::keeping::LogKeeping;
use crate::name::{GroupName, ProcessName, ProgramName};
use crate::signal::Signal;

/// Where in the configuration something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
}

/// A command line and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// As written, after expansion.
    pub text: String,
    /// Split by the rules of a POSIX shell, or the reason why that is impossible, for example
    /// `No closing quotation`. A command without words, or an unusable one, is no error of the
    /// configuration: it fails when it is started.
    pub words: Result<Vec<String>, String>,
}

/// When a process that ended by itself is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoRestart {
    /// Never.
    Never,
    /// When its ending was not one of the expected ones.
    Unexpected,
    /// Always.
    Always,
}

/// The user a program runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSpec {
    /// As written: a name or a number.
    pub text: String,
    /// The user id it stands for.
    pub uid: u32,
}

/// Where one output stream of a program goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// Nowhere: it is read and dropped.
    None,
    /// To a file with a name of its own in `childlogdir`, made when the group becomes active.
    Auto,
    /// To this file.
    File(PathBuf),
}

/// Everything about one output stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSpec {
    /// Where it goes.
    pub target: LogTarget,
    /// Rotate when the file has this many bytes; zero or less: never.
    pub maxbytes: i64,
    /// How many rotated files to keep; zero: cut the file off instead.
    pub backups: i64,
    /// How many bytes between capture tokens to keep; zero: do not look for tokens.
    pub capture_maxbytes: i64,
    /// Whether each chunk is published as an event.
    pub events_enabled: bool,
    /// Whether each line also goes to the system log.
    pub syslog: bool,
    /// What else is done with its log.
    pub keeping: LogKeeping,
}

impl StreamSpec {
    /// A stream that goes nowhere.
    pub fn nowhere() -> Self {
        Self {
            target: LogTarget::None,
            maxbytes: 0,
            backups: 0,
            capture_maxbytes: 0,
            events_enabled: false,
            syslog: false,
            keeping: LogKeeping::default(),
        }
    }
}

/// What to put into a child's `SUPERVISOR_SERVER_URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerUrl {
    /// The address of the first unix server, else of the first inet server.
    Auto,
    /// Exactly this; empty: leave the variable out.
    Text(String),
}

/// One process, fully resolved.
///
/// Numbers of seconds and counts keep the sign they were written with, as clients may ask for them
/// back; the methods give them their meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the dialect with a name of its own")]
pub struct ProcessSpec {
    /// Its name within its group.
    pub name: ProcessName,
    /// The section it comes from.
    pub program: ProgramName,
    /// What to run.
    pub command: CommandLine,
    /// The directory to run it in; not checked before the start.
    pub directory: Option<String>,
    /// Its umask, else the daemon's.
    pub umask: Option<u32>,
    /// Lower starts first and stops last.
    pub priority: i64,
    /// Whether it is started when its group becomes active.
    pub autostart: bool,
    /// Whether it is started again when it ends.
    pub autorestart: AutoRestart,
    /// How long it must stay up to count as started.
    pub startsecs: i64,
    /// How many failed starts in a row are tried again.
    pub startretries: i64,
    /// The user to run it as, else the daemon's.
    pub user: Option<UserSpec>,
    /// The signal that asks it to stop.
    pub stopsignal: Signal,
    /// How long it may take to stop before it is killed.
    pub stopwaitsecs: i64,
    /// Whether the stop signal goes to its whole process group.
    pub stopasgroup: bool,
    /// Whether the kill goes to its whole process group.
    pub killasgroup: bool,
    /// Whether both go to everything that descends from it, wherever that went.
    pub stopastree: bool,
    /// Which exit codes are expected.
    pub exitcodes: ExitCodes,
    /// Whether standard error goes where standard output goes.
    pub redirect_stderr: bool,
    /// Its standard output.
    pub stdout: StreamSpec,
    /// Its standard error.
    pub stderr: StreamSpec,
    /// Variables to set, the daemon's `environment` included, in order of their keys.
    pub environment: Vec<(String, String)>,
    /// Its `serverurl`.
    pub serverurl: ServerUrl,
    /// Where its section was written. Two specs that differ in nothing else are the same.
    pub origin: Origin,
}

/// `seconds` as a length of time; a negative number is none.
fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

impl ProcessSpec {
    /// How long it must stay up to count as started.
    pub fn start_time(&self) -> Duration {
        seconds(self.startsecs)
    }

    /// How long it may take to stop before it is killed.
    pub fn stop_time(&self) -> Duration {
        seconds(self.stopwaitsecs)
    }

    /// The stream that `channel` names.
    pub const fn stream(&self, channel: crate::child::Channel) -> &StreamSpec {
        match channel {
            crate::child::Channel::Stdout => &self.stdout,
            crate::child::Channel::Stderr => &self.stderr,
        }
    }

    /// A process of which nothing is written but its command, a single word, and whose output goes nowhere: where
    /// tests and simulations begin.
    pub fn usual(program: ProgramName, command: &str) -> Self {
        Self {
            name: ProcessName::expanded(program.as_str()),
            program,
            command: CommandLine { text: command.to_owned(), words: Ok(vec![command.to_owned()]) },
            directory: None,
            umask: None,
            priority: 999,
            autostart: true,
            autorestart: AutoRestart::Unexpected,
            startsecs: 1,
            startretries: 3,
            user: None,
            stopsignal: Signal::TERM,
            stopwaitsecs: 10,
            stopasgroup: false,
            stopastree: false,
            killasgroup: false,
            exitcodes: ExitCodes(vec![0]),
            redirect_stderr: false,
            stdout: StreamSpec::nowhere(),
            stderr: StreamSpec::nowhere(),
            environment: Vec::new(),
            serverurl: ServerUrl::Auto,
            origin: Origin { file: "".into(), line: 1 },
        }
    }

    /// The names of the options in which `other` differs, in alphabetical order; empty when a
    /// running child needs no restart to go from one to the other.
    ///
    /// Unlike the original (`options.py`, `ProcessConfig.__eq__`) an `AUTO` that becomes a path, or
    /// the reverse, is a change.
    pub fn differing_options(&self, other: &Self) -> Vec<&'static str> {
        let mut all = vec![
            ("autorestart", self.autorestart == other.autorestart),
            ("autostart", self.autostart == other.autostart),
            ("command", self.command == other.command),
            ("directory", self.directory == other.directory),
            ("environment", self.environment == other.environment),
            ("exitcodes", self.exitcodes == other.exitcodes),
            ("killasgroup", self.killasgroup == other.killasgroup),
            ("priority", self.priority == other.priority),
            ("process_name", self.name == other.name),
            ("redirect_stderr", self.redirect_stderr == other.redirect_stderr),
            ("serverurl", self.serverurl == other.serverurl),
            ("startretries", self.startretries == other.startretries),
            ("startsecs", self.startsecs == other.startsecs),
            ("stopasgroup", self.stopasgroup == other.stopasgroup),
            ("stopastree", self.stopastree == other.stopastree),
            ("stopsignal", self.stopsignal == other.stopsignal),
            ("stopwaitsecs", self.stopwaitsecs == other.stopwaitsecs),
            ("umask", self.umask == other.umask),
            ("user", self.user.as_ref().map(|it| it.uid) == other.user.as_ref().map(|it| it.uid)),
        ];
        all.extend(stream_options(&self.stdout, &other.stdout, &STDOUT_OPTIONS));
        all.extend(stream_options(&self.stderr, &other.stderr, &STDERR_OPTIONS));
        let mut names: Vec<_> = all.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    }
}

const STDOUT_OPTIONS: [&str; 12] = [
    "stdout_logfile",
    "stdout_logfile_maxbytes",
    "stdout_logfile_backups",
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_syslog",
    "stdout_logfile_rotate",
    "stdout_logfile_compress",
    "stdout_logfile_total_maxbytes",
    "stdout_logfile_format",
    "stdout_logfile_on_full",
    "stdout_logfile_also",
];

const STDERR_OPTIONS: [&str; 12] = [
    "stderr_logfile",
    "stderr_logfile_maxbytes",
    "stderr_logfile_backups",
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_syslog",
    "stderr_logfile_rotate",
    "stderr_logfile_compress",
    "stderr_logfile_total_maxbytes",
    "stderr_logfile_format",
    "stderr_logfile_on_full",
    "stderr_logfile_also",
];

fn stream_options(
    old: &StreamSpec,
    new: &StreamSpec,
    names: &[&'static str; 12],
) -> [(&'static str, bool); 12] {
    let [target, maxbytes, backups, capture, events, syslog, rotate, compress, total, format, on_full, also] =
        *names;
    let (was, is) = (&old.keeping, &new.keeping);
    [
        (target, old.target == new.target),
        (maxbytes, old.maxbytes == new.maxbytes),
        (backups, old.backups == new.backups),
        (capture, old.capture_maxbytes == new.capture_maxbytes),
        (events, old.events_enabled == new.events_enabled),
        (syslog, old.syslog == new.syslog),
        (rotate, was.rotate == is.rotate),
        (compress, was.compress == is.compress),
        (total, was.total_maxbytes == is.total_maxbytes),
        (format, was.format == is.format),
        (on_full, was.on_full == is.on_full),
        (also, was.also == is.also),
    ]
}

/// A socket that all processes of a FastCGI group share as descriptor 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketSpec {
    /// A TCP address.
    Tcp {
        /// Lower-cased host name or address.
        host: String,
        /// The port.
        port: u16,
        /// Length of the accept queue; the kernel's maximum when absent.
        backlog: Option<u16>,
    },
    /// A path in the file system.
    Unix {
        /// An absolute path.
        path: PathBuf,
        /// Owner and group to give it; absent: leave as made.
        owner: Option<(u32, Option<u32>)>,
        /// Permission bits.
        mode: u32,
        /// Length of the accept queue; the kernel's maximum when absent.
        backlog: Option<u16>,
    },
}

impl SocketSpec {
    /// `tcp://host:port` or `unix:///path`, as written to the log.
    pub fn url(&self) -> String {
        match self {
            Self::Tcp { host, port, .. } => format!("tcp://{host}:{port}"),
            Self::Unix { path, .. } => format!("unix://{}", path.display()),
        }
    }
}

/// The function that judges results when no other is named (`dispatchers.py`).
pub const DEFAULT_RESULT_HANDLER: &str = "supervisor.dispatchers:default_handler";

/// What an event listener pool subscribes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSpec {
    /// How many events may wait, if that was written anywhere.
    pub buffer_size: Option<i64>,
    /// The types it wants, in the order written.
    pub events: Vec<EventType>,
    /// The Python function that judges results, as written; only the default can be hosted.
    pub result_handler: String,
}

/// What kind of group it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupKind {
    /// Plain programs.
    Plain,
    /// FastCGI programs sharing a socket.
    FastCgi(SocketSpec),
    /// Event listeners.
    Listener(ListenerSpec),
}

impl GroupKind {
    /// What stands before the colon in the section of each program of it.
    pub const fn section(&self) -> &'static str {
        match self {
            Self::Plain => "program",
            Self::FastCgi(_) => "fcgi-program",
            Self::Listener(_) => "eventlistener",
        }
    }
}

/// A group of processes: the unit that is added, removed and ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSpec {
    /// Its name.
    pub name: GroupName,
    /// Lower starts first and stops last.
    pub priority: i64,
    /// What it is.
    pub kind: GroupKind,
    /// Its processes, in the order they are started.
    pub processes: Vec<Arc<ProcessSpec>>,
}

impl GroupSpec {
    /// Whether a running group must be replaced to become `other` (`options.py`,
    /// `ProcessGroupConfig.__eq__`).
    pub fn is_changed_by(&self, other: &Self) -> bool {
        self.name != other.name
            || self.priority != other.priority
            || self.kind != other.kind
            || self.processes.len() != other.processes.len()
            || self
                .processes
                .iter()
                .zip(&other.processes)
                .any(|(old, new)| !old.differing_options(new).is_empty())
    }
}
