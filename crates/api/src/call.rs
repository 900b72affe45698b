//! What a call sees, asks for and is told: the words between a session and the daemon.

use std::path::PathBuf;
use std::sync::Arc;

use model::child::{Channel, ChildId};
use model::event::Event;
use model::fault::Fault;
use model::name::FullName;
use model::past::{Past, Query};
use model::spec::GroupSpec;
use model::time::{Stamp, Zone};
use model::usage::{ExitRecord, MachineUsage, ProcessUsage};
use supervisor::effect::{Answer, Settled};
use supervisor::supervisor::Supervisor;
use wire::value::{RemoteFault, Value};

use crate::audit::Book;
use crate::python;
use crate::recent::Recent;

/// By which interface a call comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// By XML-RPC, which offers what the configuration names.
    XmlRpc,
    /// By one of our own, a page or JSON, which no configuration has to name: the page of the original needs no
    /// `[rpcinterface:supervisor]` either.
    Own,
}

/// What a call may know of the daemon it reaches.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The version of the program.
    pub version: String,
    /// The `identifier` of the configuration.
    pub identifier: String,
    /// The process id clients are told.
    pub pid: u32,
    /// Whether the configuration has the `supervisor` interface; without it only `system` is there.
    pub has_supervisor_namespace: bool,
}

/// Where logs are.
pub trait LogPaths {
    /// The file a stream of a process goes to, if to one; for `AUTO` the name that was made up.
    fn path(&self, name: &FullName, channel: Channel) -> Option<PathBuf>;
    /// How many bytes the log of a stream did not get, because it did not take them and was not waited for.
    fn dropped_bytes(&self, name: &FullName, channel: Channel) -> u64;
}

/// What is known of what processes use and how they ended.
pub trait Usages {
    /// The latest figures of the child of a process, if there are any.
    fn process(&self, name: &FullName) -> Option<ProcessUsage>;
    /// The latest figures of the machine, if there are any.
    fn machine(&self) -> Option<&MachineUsage>;
    /// The last ends of children of a process, the oldest first; none where nobody remembers them.
    fn exits(&self, name: &FullName) -> Vec<ExitRecord> {
        let _ = name;
        Vec::new()
    }
    /// What every process used at the last looks.
    fn recent(&self) -> Vec<(&FullName, &Recent)> {
        Vec::new()
    }
    /// Whether what was is kept, and can be asked for.
    fn has_history(&self) -> bool {
        false
    }
}

/// The world at one moment, as a call sees it.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The machine, to look at.
    pub supervisor: &'a Supervisor,
    /// The moment.
    pub now: Stamp,
    /// The zone in which times are shown to people.
    pub zone: &'a dyn Zone,
    /// Who answers.
    pub identity: &'a Identity,
    /// Where the logs of processes are.
    pub files: &'a dyn LogPaths,
    /// What processes use.
    pub usages: &'a dyn Usages,
    /// What was changed last.
    pub audit: &'a Book,
}

/// Why there is no good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// One the protocol knows.
    Fault(Fault),
    /// One it does not: an HTTP status of 500, with the reason for the log. It is what the original
    /// answers where an exception escapes a method.
    Internal(String),
}

impl Refusal {
    /// What the original says where it asks a value for what only a text has.
    pub(crate) fn lacks(value: &Value, method: &str) -> Self {
        let name = python::type_name(value);
        Self::Internal(format!("<class 'AttributeError'>:'{name}' object has no attribute '{method}'"))
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A fault as it travels.
pub fn remote(fault: &Fault) -> RemoteFault {
    RemoteFault { code: fault.code.code().into(), text: fault.to_string() }
}

/// Something to be done in the world for a call. Each says which [`Outcome`] settles it; any of them may
/// be settled by [`Outcome::Failed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chore {
    /// Read the daemon's own log as `logs::tail::read` does: [`Outcome::Bytes`]. `NO_FILE` with its path
    /// if it is missing, `FAILED` if it cannot be read.
    ReadMainLog {
        /// The client's numbers.
        offset: i64,
        /// The client's numbers.
        length: i64,
    },
    /// Remove and reopen the daemon's own log: [`Outcome::Done`]. `NO_FILE` (no path) if there is none,
    /// `FAILED` if it cannot be removed.
    ClearMainLog,
    /// Read a file as `logs::tail::read` does: [`Outcome::Bytes`]. `NO_FILE` with its path if it is
    /// missing, `FAILED` if it cannot be read.
    ReadLog {
        /// The file.
        path: PathBuf,
        /// The client's numbers.
        offset: i64,
        /// The client's numbers.
        length: i64,
    },
    /// Read a file as `logs::tail::tail` does: [`Outcome::Tail`]; of nothing, if it is missing.
    TailLog {
        /// The file.
        path: PathBuf,
        /// The client's numbers.
        offset: i64,
        /// The client's numbers.
        length: i64,
    },
    /// Empty both logs of each process: [`Outcome::Settled`], in this order.
    ClearLogs {
        /// The processes.
        names: Vec<FullName>,
    },
    /// Rotate both logs of each process, whether they are full or not: [`Outcome::Settled`], in this order.
    RotateLogs {
        /// The processes.
        names: Vec<FullName>,
    },
    /// Read the configuration again: [`Outcome::Reread`]. When it could be read, the machine is to be told
    /// by [`Input::Reread`](supervisor::input::Input::Reread) before the session goes on.
    Reread,
    /// Read the configuration again without telling the machine: [`Outcome::Reread`], with a reason
    /// that says where in the files the mistake is.
    Preview,
    /// Leave for another daemon that takes everything over: [`Outcome::Done`] when it is about to.
    /// `CANT_REREAD` if it would not find a configuration it can use.
    Succeed,
    /// Make keeper and daemon another program: [`Outcome::Done`] when the keeper is it, which takes a while.
    /// `FAILED` with the reason when it cannot be.
    Upgrade {
        /// The new program.
        path: PathBuf,
    },
    /// Write to the standard input of a child: [`Outcome::Done`] once it is written or queued. `NO_FILE`
    /// if it is closed, `FAILED` if the queue is full. A fault without an extra gets the client's name.
    SendStdin {
        /// The process.
        name: FullName,
        /// Its child.
        child: ChildId,
        /// What to write.
        bytes: Vec<u8>,
    },
    /// Tell those who listen: [`Outcome::Done`].
    Publish(Event),
    /// Ask the history: [`Outcome::Past`], which takes a while. `NO_FILE` when none is kept, `FAILED` with the
    /// reason when it cannot be read.
    Remember(Query),
}

/// What came of what a call needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The machine has answered.
    Answered(Result<Answer, Fault>),
    /// It is done.
    Done,
    /// It could not be done.
    Failed(Fault),
    /// These bytes were read.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
        /// Where in the file they begin.
        start: u64,
    },
    /// These bytes were read from the end of a file.
    Tail {
        /// The bytes.
        bytes: Vec<u8>,
        /// Where in the file they begin.
        start: u64,
        /// The size of the file.
        size: u64,
        /// Whether bytes were left out.
        overflow: bool,
    },
    /// This is what was.
    Past(Past),
    /// Done or not, for each process.
    Settled(Vec<Settled>),
    /// The groups of the configuration, sorted by priority and name, or why it could not be read.
    Reread(Result<Vec<Arc<GroupSpec>>, String>),
}
