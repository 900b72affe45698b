//! What a process needs beside itself while the machine takes a step.

use std::collections::BTreeMap;

use model::child::ChildId;
use model::event::Event;
use model::fault::Fault;
use model::name::FullName;
use model::signal::Signal;
use model::spawn::SpawnFailure;
use model::state::ProcessState;
use model::time::{Mono, Stamp};

use crate::bus::Bus;
use crate::deadline::Timers;
use crate::effect::{Answer, Effect, Effects, Scope};
use crate::input::RequestId;
use crate::ledger::Ledger;
use crate::memory::Ordered;
use crate::note::Note;

/// What processes share: the machine keeps it beside its groups, so that one process can be changed
/// while these are changed too.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) timers: Timers,
    /// Who listens to events.
    pub(crate) bus: Bus,
    /// Whose each child is, from the order to make it until its end.
    pub(crate) children: BTreeMap<ChildId, FullName>,
    pub(crate) next_child: u64,
    /// What happened in this step, for those who wait for it.
    pub(crate) news: Vec<News>,
    /// Set once and for all when everything is to be stopped: nothing is started any more.
    pub(crate) leaving: bool,
    /// What is to be remembered.
    pub(crate) ledger: Ledger,
}

impl Books {
    pub(crate) fn new(first_child: ChildId) -> Self {
        Self {
            timers: Timers::default(),
            bus: Bus::default(),
            children: BTreeMap::new(),
            next_child: first_child.0,
            news: Vec::new(),
            leaving: false,
            ledger: Ledger::default(),
        }
    }
}

/// One piece of news about a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) name: FullName,
    pub(crate) what: What,
}

/// What happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Its child exists.
    Spawned,
    /// It has a new state.
    Entered(ProcessState, Cause),
}

/// Why it has a new state, as far as those who wait need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nothing special.
    Course,
    /// There was no child.
    SpawnFailed(SpawnFailure),
    /// The child ended before it was up.
    EndedEarly,
    /// A signal could not be sent; the text says why.
    SignalFailed(String),
    /// It has ended, but not all that were to be ended with it; the text names them.
    Survived(String),
}

/// One step of the machine: the moment, and what is to be done so far.
pub(crate) struct Step<'a> {
    pub(crate) now: Stamp,
    pub(crate) fx: &'a mut Effects,
}

impl Step<'_> {
    /// What a process needs to take part in it.
    pub(crate) fn turn<'b>(&'b mut self, books: &'b mut Books) -> Turn<'b> {
        Turn { now: self.now, fx: self.fx, books }
    }

    /// Answers a request.
    pub(crate) fn answer(&mut self, id: RequestId, answer: Result<Answer, Fault>) {
        self.fx.push(Effect::Answer { id, answer });
    }
}

/// One step, as a process sees it.
pub(crate) struct Turn<'a> {
    pub(crate) now: Stamp,
    pub(crate) fx: &'a mut Effects,
    pub(crate) books: &'a mut Books,
}

impl Turn<'_> {
    /// The moment, on the clock that decides.
    pub(crate) fn mono(&self) -> Mono {
        self.now.mono
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.fx.push(Effect::Note(note));
    }

    pub(crate) fn publish(&mut self, event: Event) {
        self.books.bus.post(&event, self.fx);
        self.fx.push(Effect::Publish(event));
    }

    /// Sends a signal that is to end a child: neither lost nor sent twice should the daemon die.
    pub(crate) fn send(&mut self, child: ChildId, signal: Signal, scope: Scope) {
        self.books.ledger.order(Ordered::Signal { child, signal, scope });
        self.fx.push(Effect::Signal { child, signal, scope });
    }

    /// A number for a new child of `name`, never used before.
    pub(crate) fn number_child(&mut self, name: &FullName) -> ChildId {
        let child = ChildId(self.books.next_child);
        // Nanoseconds are a common first number; the end of the numbers is centuries away.
        self.books.next_child = self.books.next_child.wrapping_add(1);
        self.books.children.insert(child, name.clone());
        child
    }
}
