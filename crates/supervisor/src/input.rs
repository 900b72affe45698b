//! What the machine is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::child::{Channel, ChildId};
use model::event::Event;
use model::exit::ExitStatus;
use model::listener::Said;
use model::name::{FullName, GroupName};
use model::signal::Signal;
use model::spawn::{SetupFailure, SpawnFailure};
use model::spec::GroupSpec;
use model::time::Mono;

use crate::memory::Tape;

/// Names one request from its arrival to its answer. Chosen by the shell, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The configuration was read for the first time: these groups become active, in this order.
    Begin {
        /// Sorted by priority, then name.
        groups: Vec<Arc<GroupSpec>>,
        /// Where the daemon keeps this configuration.
        tape: Tape,
    },
    /// These are all the children there are, when the machine or the world is new: to be told once, before
    /// anything else, and before [`Input::Begin`] if that is to come.
    Resumed {
        /// Those that live, and those whose end is still to be told.
        living: Vec<Living>,
    },
    /// The moment of [`Supervisor::deadline`](crate::supervisor::Supervisor::deadline) has come.
    Due,
    /// A child asked for by [`Effect::Spawn`](crate::effect::Effect::Spawn) exists.
    Spawned {
        /// Which.
        child: ChildId,
        /// Its process id.
        pid: u32,
    },
    /// A child asked for could not be made.
    SpawnFailed {
        /// Which.
        child: ChildId,
        /// Why.
        failure: SpawnFailure,
    },
    /// A child has ended.
    Exited {
        /// Which.
        child: ChildId,
        /// How.
        status: ExitStatus,
        /// When that was noticed.
        at: Mono,
        /// The step at which it failed to become its program, if it never did.
        setup: Option<SetupFailure>,
        /// Those who were to be ended with it and are still there, not even killed.
        survivors: Vec<u32>,
    },
    /// A signal asked for by [`Effect::Signal`](crate::effect::Effect::Signal) could not be sent.
    SignalFailed {
        /// To whom.
        child: ChildId,
        /// Which.
        signal: Signal,
        /// Whether there was nobody to send it to, as when the child has just ended.
        gone: bool,
        /// The kernel's reason, for example `[Errno 1] Operation not permitted`.
        reason: String,
    },
    /// A child of a listener pool has said something on its standard output.
    Heard {
        /// Who.
        child: ChildId,
        /// All that was read at once. Events are handed out only after the last of it.
        said: Vec<Said>,
    },
    /// What [`Effect::Send`](crate::effect::Effect::Send) asked for could not be done; nothing of it was
    /// sent.
    SendFailed {
        /// To whom.
        child: ChildId,
        /// The number of the event.
        serial: u64,
        /// Whether nobody reads there any more; else there is merely no room.
        closed: bool,
    },
    /// A child has written something. To be told only of streams with `events_enabled`.
    Wrote {
        /// Who.
        child: ChildId,
        /// Where.
        channel: Channel,
        /// What.
        bytes: Vec<u8>,
    },
    /// A child has sent something between capture tokens.
    Captured {
        /// Who.
        child: ChildId,
        /// Where.
        channel: Channel,
        /// What.
        bytes: Vec<u8>,
    },
    /// Something has happened that the machine has no part in, and that listeners may want to know.
    Publish(Event),
    /// The configuration was read again: groups are added from this set from now on.
    Reread {
        /// Sorted by priority, then name.
        groups: Vec<Arc<GroupSpec>>,
        /// Where the daemon keeps it.
        tape: Tape,
    },
    /// A client asks for something. Each request is answered exactly once by an
    /// [`Effect::Answer`](crate::effect::Effect::Answer).
    Request {
        /// The answer will carry it.
        id: RequestId,
        /// What it asks for.
        request: Request,
    },
    /// A client will not read its answer any more. What it asked for goes on.
    Abandoned {
        /// The request.
        id: RequestId,
    },
    /// Stop everything and leave, or stop everything and begin again. Ignored when already leaving,
    /// except that a wish to leave wins over a wish to begin again.
    Leave(Departure),
}

impl Input {
    /// Whether it is what programs, clients and the keeper tell. That comes in floods: several steps may be taken, and written
    /// down in one piece, before anything is performed.
    pub const fn is_news(&self) -> bool {
        match self {
            Self::Heard { .. }
            | Self::Wrote { .. }
            | Self::Captured { .. }
            | Self::Publish(_)
            | Self::Spawned { .. }
            | Self::Exited { .. } => true,
            Self::Begin { .. }
            | Self::Resumed { .. }
            | Self::Due
            | Self::SpawnFailed { .. }
            | Self::SignalFailed { .. }
            | Self::SendFailed { .. }
            | Self::Reread { .. }
            | Self::Request { .. }
            | Self::Abandoned { .. }
            | Self::Leave(_) => false,
        }
    }
}

/// A child that is there although this machine has not made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Living {
    /// Which.
    pub child: ChildId,
    /// Whose child it is said to be.
    pub name: FullName,
    /// Its pid, if it is known.
    pub pid: Option<u32>,
    /// When it was made.
    pub started: Mono,
    /// What is known of it.
    pub standing: Standing,
    /// Whether it has ended, which is still to be told by [`Input::Exited`].
    pub ended: bool,
}

/// What is known of a child that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The keeper is its parent.
    Own,
    /// Somebody else is its parent, but it is watched.
    Adopted,
    /// Nobody can say whether it is what it is said to be.
    Doubt {
        /// Why, to follow `x is in doubt:`.
        reason: String,
    },
}

/// How the supervisor leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Departure {
    /// For good.
    Shutdown,
    /// To be started again with a fresh configuration.
    Restart,
}

/// Which processes a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of a group.
    Group(GroupName),
    /// These. One that is gone by now is left out.
    Named(BTreeSet<FullName>),
    /// All there are.
    All,
}

impl Selection {
    /// Whether a process belongs to it.
    pub fn holds(&self, name: &FullName) -> bool {
        match self {
            Self::Group(group) => name.group == *group,
            Self::Named(names) => names.contains(name),
            Self::All => true,
        }
    }
}

/// What a client can ask the machine to do.
///
/// Names have been looked up by the caller; a name that is gone by now is answered with `BAD_NAME`.
/// `named` is the text the client wrote, which the texts of faults repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Start one process.
    Start {
        /// Which.
        name: FullName,
        /// As the client wrote it.
        named: String,
        /// Answer only when it is up or has failed.
        wait: bool,
        /// What a look at its program file found, just before.
        obstacle: Option<SpawnFailure>,
    },
    /// Start all that do not run.
    StartMany {
        /// Which.
        selection: Selection,
        /// What a look at their program files found, just before; those without a finding are absent.
        obstacles: BTreeMap<FullName, SpawnFailure>,
        /// Answer only when all are up or have failed.
        wait: bool,
    },
    /// Stop one process.
    Stop {
        /// Which.
        name: FullName,
        /// As the client wrote it.
        named: String,
        /// Answer only when it has stopped.
        wait: bool,
    },
    /// Stop all that run.
    StopMany {
        /// Which.
        selection: Selection,
        /// Answer only when all have stopped.
        wait: bool,
    },
    /// Send a signal to one process.
    Signal {
        /// Which.
        name: FullName,
        /// As the client wrote it.
        named: String,
        /// The signal.
        signal: Signal,
    },
    /// Send a signal to all that run.
    SignalMany {
        /// Which.
        selection: Selection,
        /// The signal.
        signal: Signal,
    },
    /// Make a group of the configuration last read active.
    AddGroup {
        /// As the client wrote it.
        name: String,
    },
    /// Make a group whose processes have all stopped inactive.
    RemoveGroup {
        /// As the client wrote it.
        name: String,
    },
    /// Make the active groups what the configuration says, touching no process more than it needs
    /// ([`plan`](crate::plan)). Answered when everything is up or down, by
    /// [`Answer::Updated`](crate::effect::Answer::Updated).
    Update {
        /// Only these groups.
        names: Option<Vec<String>>,
        /// The configuration, read just before: sorted by priority, then name. Groups are added from
        /// this set from now on.
        configured: Vec<Arc<GroupSpec>>,
        /// Where the daemon keeps it.
        tape: Tape,
    },
    /// Take a child in doubt for the process's own.
    Adopt {
        /// Which process.
        name: FullName,
        /// As the client wrote it.
        named: String,
    },
    /// Take a child in doubt for nobody's and leave it alone, so that the process can be started.
    Forget {
        /// Which process.
        name: FullName,
        /// As the client wrote it.
        named: String,
    },
    /// Stop everything and leave, or begin again. Answered at once.
    Leave(Departure),
}
