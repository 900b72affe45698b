//! What must not be lost when the daemon dies: a memory made of changes.
//!
//! The machine tells what it would have to remember, as it changes; the daemon writes that down before it
//! does what the step asks for, and gives it back to a new machine. This is the whole sequence:
//!
//! ```text
//! a first start    Supervisor::new, take_changes → a new file
//!                  Input::Resumed { living }     what the keeper has, usually nothing; then Input::Begin
//! each step        step → take_changes → written, then the effects are performed
//!                  performed → take_changes → written; nothing unless an effect was one that must be
//!                  neither lost nor doubled
//! after a death    Memory::apply for each change in the file, in order
//!                  Memory::tapes: read these configurations again, from the daemon's own copies
//!                  Supervisor::resume, take_changes → a new file in place of the old one
//!                  Input::Resumed { living } → steps as before. No Input::Begin, unless
//!                  Memory::has_begun says that the dead daemon had not come so far
//! ```
//!
//! The changes of one step belong into one record: half a step is none. Specs are not remembered, only
//! from which *tape* they came: a number of the daemon's for a configuration it has read.
//!
//! With the feature `serde` a change can be written down. Later versions read what earlier ones wrote, for
//! ever: fields are added with a default and kinds are never given another meaning, fields that are not
//! known are ignored, and a change of a kind that is not known is [`Change::Unknown`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use model::child::ChildId;
use model::event::{Event, TickPeriod};
use model::exit::{Ended, ExitStatus};
use model::listener::Letter;
use model::name::{FullName, GroupName, ProcessName};
use model::signal::Signal;
use model::time::{Mono, Stamp, Wall};

use crate::effect::Scope;
use crate::input::Departure;
use crate::phase::Phase;

/// Names a configuration the daemon has read and kept: what the machine remembers in place of specs.
pub type Tape = u32;

/// Everything that is to be remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// The configuration last read, from which groups are added; none before the machine has begun.
    pub configured: Option<Tape>,
    /// The numbers that are given out next.
    pub counters: Counters,
    /// What the machine was about.
    pub mood: MoodMemory,
    /// The active groups.
    pub groups: BTreeMap<GroupName, GroupMemory>,
    /// Their processes.
    pub processes: BTreeMap<FullName, ProcessMemory>,
    /// The listener pools.
    pub pools: BTreeMap<GroupName, PoolMemory>,
    /// The children of pools that have said something.
    pub listeners: BTreeMap<ChildId, ListenerMemory>,
    /// What was asked for and may not have been done.
    pub ordered: Vec<Ordered>,
}

/// The numbers that are given out next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Counters {
    /// Of a child.
    pub child: u64,
    /// Of an event.
    pub event: u64,
    /// Of a group in the order in which groups became active.
    pub rank: u64,
    /// What the clocks that strike have shown, in seconds since the epoch.
    pub clocks: BTreeMap<TickPeriod, i64>,
}

/// What the machine was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum MoodMemory {
    /// Supervising.
    #[default]
    Running,
    /// Stopping everything.
    Leaving(Departure),
    /// Everything was stopped.
    Left(Departure),
}

/// An active group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct GroupMemory {
    /// Where what it is comes from.
    pub tape: Tape,
    /// How many groups had become active before it.
    pub rank: u64,
    /// What takes its place when its last child has ended.
    pub successor: Option<SuccessorMemory>,
}

/// What takes the place of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum SuccessorMemory {
    /// Nothing.
    Nothing,
    /// A group of the same name.
    Group {
        /// Where what it is comes from.
        tape: Tape,
        /// Which of its processes are started.
        start: BTreeSet<ProcessName>,
    },
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct ProcessMemory {
    /// Where its options come from.
    pub tape: Tape,
    /// Where it stands.
    pub phase: Phase,
    /// What becomes of it when its child has ended.
    pub fate: Option<FateMemory>,
    /// When its last child was ordered.
    pub started: Option<Stamp>,
    /// When its last child ended.
    pub stopped: Option<Wall>,
    /// Why it last failed to start.
    pub spawn_error: Option<String>,
    /// How it last ended after it had been up.
    pub exit: Option<ExitStatus>,
    /// How often it was started.
    pub starts: u64,
    /// How often of these nobody had asked for it.
    pub restarts: u64,
    /// The end of its last child.
    pub ended: Option<Ended>,
}

/// What becomes of a process that makes room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum FateMemory {
    /// It gets other options.
    Replace {
        /// Where they come from.
        tape: Tape,
        /// Whether it is started with them.
        start: bool,
    },
    /// It is forgotten.
    Remove,
}

/// A listener pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolMemory {
    /// All but what waits in it.
    pub state: PoolState,
    /// What waits in it, the next first.
    pub waiting: VecDeque<Letter>,
}

/// What is to be remembered of a pool beside its letters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct PoolState {
    /// The number of its next event.
    pub serial: u64,
    /// How many events it had no room for.
    pub dropped: u64,
    /// How many of them since nothing has waited in it for the last time.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub burst: u64,
    /// Until when it rests.
    pub rests_until: Option<Mono>,
    /// When each of its processes was last restarted for breaking the protocol.
    pub mendings: BTreeMap<ProcessName, VecDeque<Mono>>,
}

/// What is left out, so that what is written stays as it was before there was such a count.
#[cfg(feature = "serde")]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A child of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerMemory {
    /// Whose child it is, and where its conversation stands.
    pub state: ListenerState,
    /// The event it has in its hands.
    pub letter: Option<Letter>,
}

/// What is to be remembered of a listener beside its letter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ListenerState {
    /// Whose child it is.
    pub name: FullName,
    /// Where its conversation stands.
    pub talk: Talk,
    /// Whether it has broken the protocol and nobody has decided yet what to do about it.
    #[cfg_attr(feature = "serde", serde(default))]
    pub to_mend: bool,
}

/// Where the conversation with a listener stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Talk {
    /// It has yet to ask for an event.
    Acknowledged,
    /// It waits for an event.
    Ready,
    /// It waits for an event and has closed its standard input.
    Deaf,
    /// It has an event.
    Busy,
    /// It has broken the protocol.
    Unknown,
}

/// Something that was asked for and may not have been done: the daemon may die between writing down a step
/// and performing it. It is asked for again then.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Ordered {
    /// A signal that is to end a child.
    Signal {
        /// To whom.
        child: ChildId,
        /// Which.
        signal: Signal,
        /// To it alone or to its process group.
        scope: Scope,
    },
    /// The event a listener has in its hands.
    Letter {
        /// The listener.
        child: ChildId,
    },
    /// Another last will.
    Amend {
        /// Whose.
        child: ChildId,
    },
}

/// One difference between two memories.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "change", rename_all = "snake_case")
)]
pub enum Change {
    /// A configuration was read.
    Configured {
        /// Which.
        tape: Tape,
    },
    /// Numbers were given out.
    Counters {
        /// The next ones.
        counters: Counters,
    },
    /// The machine is about something else.
    Mood {
        /// What.
        mood: MoodMemory,
    },
    /// A group has become active, or is another.
    Group {
        /// Which.
        name: GroupName,
        /// What it is now.
        group: GroupMemory,
    },
    /// A group is gone.
    GroupGone {
        /// Which.
        name: GroupName,
    },
    /// A process has come to a group, or has changed.
    Process {
        /// Which.
        name: FullName,
        /// What it is now.
        process: Box<ProcessMemory>,
    },
    /// A process is gone.
    ProcessGone {
        /// Which.
        name: FullName,
    },
    /// A pool is there, or has changed.
    Pool {
        /// Which.
        name: GroupName,
        /// What it is now.
        pool: PoolState,
    },
    /// A pool is gone, with all that waited in it.
    PoolGone {
        /// Which.
        name: GroupName,
    },
    /// An event waits, behind all others of its pool, with the number that was next there.
    LetterLast {
        /// It.
        letter: Letter,
    },
    /// An event waits in several pools, in each behind all others and with the number that was next there.
    LetterForAll {
        /// Its number.
        serial: u64,
        /// The pools, and its number in each.
        pools: Vec<(GroupName, u64)>,
        /// It: once, since a program may write 128 KiB at a time.
        event: Arc<Event>,
    },
    /// An event waits again, before all others of its pool.
    LetterFirst {
        /// It.
        letter: Letter,
    },
    /// The first event of a pool is lost.
    LetterDropped {
        /// The pool.
        pool: GroupName,
    },
    /// The first event of a pool is in the hands of a listener.
    LetterHeld {
        /// The pool.
        pool: GroupName,
        /// The listener.
        child: ChildId,
    },
    /// A listener has changed. Unless it is busy it has no event any more.
    Listener {
        /// Which.
        child: ChildId,
        /// What it is now.
        listener: ListenerState,
    },
    /// A listener is gone.
    ListenerGone {
        /// Which.
        child: ChildId,
    },
    /// What was asked for and may not have been done is now this.
    Ordered {
        /// All of it.
        ordered: Vec<Ordered>,
    },
    /// Something a later version remembers and this one does not know of.
    #[cfg_attr(feature = "serde", serde(other))]
    Unknown,
}
