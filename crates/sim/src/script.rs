//! What a simulated world is made of: groups of programs, how each life of a program goes, and what
//! happens from outside. Times are milliseconds from the beginning. The text form is in
//! `script_text.rs`.

use std::sync::Arc;

use model::exit::ExitStatus;
use model::name::{FullName, GroupName, ProgramName};
use model::signal::Signal;
use model::spawn::{SetupFailure, SetupStage, SpawnFailure};
use model::spec::{AutoRestart, GroupKind, GroupSpec, ProcessSpec};
use model::state::ProcessState;
use supervisor::input::{Departure, Request};

use crate::disaster::Death;

/// A whole world.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// What it is about, line by line.
    pub comments: Vec<String>,
    /// The groups, in the order of the configuration.
    pub groups: Vec<Group>,
    /// What happens from outside, in order of time.
    pub steps: Vec<Step>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its priority.
    pub priority: i64,
    /// Whether it is not there at first, but only after a `reread`.
    pub later: bool,
    /// Its programs.
    pub programs: Vec<Program>,
}

/// A program: the options that matter to the machine, and its lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// As in a configuration.
    pub priority: i64,
    /// As in a configuration.
    pub autostart: bool,
    /// As in a configuration.
    pub autorestart: AutoRestart,
    /// As in a configuration.
    pub startsecs: i64,
    /// As in a configuration.
    pub startretries: i64,
    /// As in a configuration.
    pub stopwaitsecs: i64,
    /// How its first, second, ... child fares; the last line holds for all that follow. Without any, it
    /// runs until it is asked to stop.
    pub lives: Vec<Life>,
}

impl Program {
    /// A program with the defaults of a configuration.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            priority: 999,
            autostart: true,
            autorestart: AutoRestart::Unexpected,
            startsecs: 1,
            startretries: 3,
            stopwaitsecs: 10,
            lives: Vec::new(),
        }
    }
}

/// How one child fares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a clause of its own in a script")]
pub struct Life {
    /// There is no child, for this reason.
    pub refused: Option<Refusal>,
    /// How long it takes until it is known that there is one, or none.
    pub slow_ms: u64,
    /// It never becomes its program.
    pub setup_fails: bool,
    /// When and how it ends by itself.
    pub ends: Option<(u64, End)>,
    /// It does not heed the signals that ask it to stop.
    pub ignores: bool,
    /// How long it takes to end when it heeds them.
    pub stops_ms: u64,
    /// How long after its end the machine is told.
    pub untold_ms: u64,
    /// It cannot be signaled.
    pub denied: bool,
    /// When the keeper has died nobody can say what it is.
    pub doubtful: bool,
}

/// How a child ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this code.
    Code(u8),
    /// By this signal.
    Signal(Signal),
}

impl End {
    /// As `wait(2)` would say it.
    pub const fn status(self) -> ExitStatus {
        match self {
            Self::Code(code) => ExitStatus::Exited(code),
            Self::Signal(signal) => ExitStatus::Signaled { signal, core: false },
        }
    }
}

/// Why there is no child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The command line cannot be split.
    Unparsable,
    /// The command line is empty.
    Empty,
    /// The program is missing.
    Missing,
    /// It is a directory.
    Directory,
    /// It has no execute bit.
    NotExecutable,
    /// It may not be executed.
    Forbidden,
    /// No descriptors are left.
    Files,
    /// No processes are left.
    Processes,
    /// Something else before the fork.
    Preparing,
    /// Something else at the fork.
    Forking,
}

impl Refusal {
    /// Every one, with its word in scripts.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Unparsable, "unparsable"),
        (Self::Empty, "empty"),
        (Self::Missing, "missing"),
        (Self::Directory, "directory"),
        (Self::NotExecutable, "not-executable"),
        (Self::Forbidden, "forbidden"),
        (Self::Files, "files"),
        (Self::Processes, "processes"),
        (Self::Preparing, "preparing"),
        (Self::Forking, "forking"),
    ];

    /// As the machine is told.
    pub fn failure(self, process: &str) -> SpawnFailure {
        let file = format!("/bin/{process}");
        let process = process.to_owned();
        match self {
            Self::Unparsable => {
                SpawnFailure::Unparsable { command: file, reason: "No closing quotation".to_owned() }
            }
            Self::Empty => SpawnFailure::Empty,
            Self::Missing => SpawnFailure::Missing(file),
            Self::Directory => SpawnFailure::Directory(file),
            Self::NotExecutable => SpawnFailure::NotExecutable(file),
            Self::Forbidden => SpawnFailure::Forbidden(file),
            Self::Files => SpawnFailure::TooManyFiles(process),
            Self::Processes => SpawnFailure::TooManyProcesses(process),
            Self::Preparing => SpawnFailure::Preparing { process, reason: "EIO".to_owned() },
            Self::Forking => SpawnFailure::Forking { process, reason: "ENOMEM".to_owned() },
        }
    }
}

/// Why a child of [`Life::setup_fails`] left.
pub fn setup_failure() -> SetupFailure {
    SetupFailure { stage: SetupStage::Directory, errno: "ENOENT".to_owned() }
}

/// Something from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at_ms: u64,
    /// What.
    pub act: Act,
}

/// What happens from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A client asks for something.
    Ask(Request),
    /// The configuration is read again; it has these groups.
    Reread(Vec<String>),
    /// A client asks for an update to a variant of the configuration that this number names.
    Update(u64),
    /// The client of the n-th request, from 1, is gone.
    Abandon(u64),
    /// A signal to the supervisor wants everything to stop.
    Leave(Departure),
    /// The loop does not come round for this long.
    Stall(u64),
    /// The daemon dies, or the keeper, or both.
    Die(Death),
    /// Somebody sets the clock on the wall by this many seconds.
    JumpWall(i64),
    /// The writer of the script knows what is true at this moment.
    Expect(Expectation),
}

/// What the writer of a script knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// The process is in this state.
    State(FullName, ProcessState),
    /// The n-th request has this answer.
    Answer(u64, String),
    /// Everything has stopped.
    Quit,
}

impl Group {
    /// As the machine is told. `None` when a name is none.
    pub fn spec(&self) -> Option<Arc<GroupSpec>> {
        let processes = self.programs.iter().map(Program::spec).collect::<Option<Vec<_>>>()?;
        let name = GroupName::parse(&self.name).ok()?;
        Some(Arc::new(GroupSpec { name, priority: self.priority, kind: GroupKind::Plain, processes }))
    }
}

impl Program {
    fn spec(&self) -> Option<Arc<ProcessSpec>> {
        let usual = ProcessSpec::usual(ProgramName::parse(&self.name).ok()?, &self.name);
        Some(Arc::new(ProcessSpec {
            priority: self.priority,
            autostart: self.autostart,
            autorestart: self.autorestart,
            startsecs: self.startsecs,
            startretries: self.startretries,
            stopwaitsecs: self.stopwaitsecs,
            ..usual
        }))
    }

    /// How its `nth` child fares, from 0.
    pub fn life(&self, nth: usize) -> Life {
        self.lives.get(nth).or(self.lives.last()).cloned().unwrap_or_default()
    }
}
