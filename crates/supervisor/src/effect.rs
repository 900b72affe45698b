//! What the machine asks for.

use std::sync::Arc;

use model::child::ChildId;
use model::event::Event;
use model::fault::Fault;
use model::listener::Letter;
use model::name::{FullName, GroupName};
use model::signal::Signal;
use model::spec::{GroupSpec, ProcessSpec};

use crate::input::{Departure, RequestId};
use crate::note::{EventNote, Note};
use crate::plan::Planned;

/// Something to be done. The shell performs effects in the order given; none can fail: a failure
/// comes back as an [`Input`](crate::input::Input).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A group has become active: make the log files its processes need before they run.
    GroupOpened(Arc<GroupSpec>),
    /// A group is gone: close what was kept for it.
    GroupClosed(GroupName),
    /// A process has joined a group that is active: make the log files it needs before it runs.
    ProcessOpened {
        /// Which.
        name: FullName,
        /// What it is.
        spec: Arc<ProcessSpec>,
    },
    /// A process has other options: its output goes where they say from now on.
    ProcessChanged {
        /// Which.
        name: FullName,
        /// What it was.
        old: Arc<ProcessSpec>,
        /// What it is.
        new: Arc<ProcessSpec>,
    },
    /// A process has left a group that stays: close what was kept for it.
    ProcessClosed(FullName),
    /// Make a child.
    Spawn {
        /// Its number, which every report about it carries.
        child: ChildId,
        /// Whose child it is.
        name: FullName,
        /// What to run.
        spec: Arc<ProcessSpec>,
    },
    /// Send a signal.
    Signal {
        /// To whom.
        child: ChildId,
        /// Which.
        signal: Signal,
        /// To it alone or to its process group.
        scope: Scope,
    },
    /// What is to become of a child when nobody is left to ask has changed: the options that say how it is
    /// stopped.
    Amend {
        /// Which.
        child: ChildId,
        /// What its process is now.
        spec: Arc<ProcessSpec>,
    },
    /// A child that lives already, or whose end is still to be told, belongs to this process: its output goes
    /// where the process's output goes.
    Adopted {
        /// Which.
        child: ChildId,
        /// Whose child it is.
        name: FullName,
        /// What the process is.
        spec: Arc<ProcessSpec>,
    },
    /// Somebody has decided about a child in doubt: it is ours, or it is nobody's and is left alone. The
    /// process may have another child only after that.
    Settle {
        /// Which.
        child: ChildId,
        /// Whether it is ours.
        adopt: bool,
    },
    /// A child's end has been taken note of: whoever keeps its record may drop it.
    Buried {
        /// Which.
        child: ChildId,
    },
    /// Something has happened that clients may want to know. The listeners among them have been thought of:
    /// what they are to be told is in [`Effect::Send`].
    Publish(Event),
    /// Send an event to a listener, after all that was sent to it before. If that cannot be done it is to
    /// be answered with [`Input::SendFailed`](crate::input::Input::SendFailed).
    Send {
        /// To whom.
        child: ChildId,
        /// What.
        letter: Letter,
    },
    /// Write to the log.
    Note(Note),
    /// Answer a request.
    Answer {
        /// Which.
        id: RequestId,
        /// What.
        answer: Result<Answer, Fault>,
    },
    /// All is stopped: leave.
    Quit(Departure),
}

/// Whom a signal reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Scope {
    /// The process itself.
    Process,
    /// Its whole process group.
    Group,
    /// Everything that descends from it.
    Tree,
}

impl Scope {
    /// Whom a process's stop signal reaches.
    pub const fn of_stop(spec: &ProcessSpec) -> Self {
        Self::of(spec.stopasgroup, spec.stopastree)
    }

    /// Whom its kill reaches.
    pub const fn of_kill(spec: &ProcessSpec) -> Self {
        Self::of(spec.killasgroup, spec.stopastree)
    }

    const fn of(group: bool, tree: bool) -> Self {
        match (tree, group) {
            (true, _) => Self::Tree,
            (false, true) => Self::Group,
            (false, false) => Self::Process,
        }
    }
}

/// The good answers to requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Done,
    /// Done, or not, for each process: immediate failures and successes first, in order of
    /// priority, then the others as they were settled.
    Many(Vec<Settled>),
    /// What an update did, in the order of its plan; empty when there was nothing to do.
    Updated(Vec<Updated>),
}

/// What became of one part of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// What was to be done.
    pub planned: Planned,
    /// How that went: a process that was started is up, one that was stopped is down.
    pub outcome: Result<(), Fault>,
}

/// What became of one process of a request about many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Which.
    pub name: FullName,
    /// How.
    pub outcome: Result<(), Fault>,
}

/// The effects of one step, in order.
#[derive(Debug, Default)]
pub struct Effects {
    list: Vec<Effect>,
}

/// How many effects a step has room for without asking for more.
const USUAL_EFFECTS: usize = 32;

impl Effects {
    /// Adds one at the end.
    pub fn push(&mut self, effect: Effect) {
        self.list.push(effect);
    }

    /// Adds a line for the log about events.
    pub(crate) fn note(&mut self, note: EventNote) {
        self.push(Effect::Note(Note::Events(note)));
    }

    /// Takes all, in order; the room is kept for the next step.
    pub fn drain(&mut self) -> impl Iterator<Item = Effect> + '_ {
        self.list.drain(..)
    }

    /// Gives back room that only a rare step needs, such as the start of everything.
    pub fn tidy(&mut self) {
        self.list.shrink_to(USUAL_EFFECTS);
    }

    /// Looks at them without taking them.
    pub fn as_slice(&self) -> &[Effect] {
        &self.list
    }
}
