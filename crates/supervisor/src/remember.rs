//! What the machine would have to remember, in whole and in changes.

use std::collections::BTreeSet;

use model::child::ChildId;
use model::listener::Letter;

use crate::group::Group;
use crate::ledger::Told;
use crate::memory::{
    Change, Counters, FateMemory, GroupMemory, Memory, MoodMemory, ProcessMemory, SuccessorMemory, Talk, Tape,
};
use crate::process::Process;
use crate::shutdown::{Leaving, Mood};
use crate::supervisor::Supervisor;
use crate::update::{Fate, Successor};

impl Supervisor {
    /// What has changed since this was last asked: to be written down, in one piece, before the effects of
    /// the steps in between are performed. Asked for the first time it is everything, for a new file.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let now = self.told();
        let told = std::mem::replace(&mut self.books.ledger.told, now);
        if !self.books.ledger.keep() {
            self.books.bus.diary.keep();
            let _ = self.books.ledger.take_ordered();
            return self.memory().into_changes();
        }
        let mut changes = Vec::new();
        for name in self.books.ledger.take_groups() {
            changes.push(match self.groups.get(&name) {
                Some(group) => Change::Group { name, group: group.memory() },
                None => Change::GroupGone { name },
            });
        }
        for name in self.books.ledger.take_processes() {
            changes.push(match self.process(&name) {
                Some(process) => Change::Process { name, process: Box::new(process.memory()) },
                None => Change::ProcessGone { name },
            });
        }
        changes.extend(self.books.bus.take_changes());
        changes.extend(self.books.ledger.take_ordered().map(|ordered| Change::Ordered { ordered }));
        changes.extend(self.books.ledger.told.changes_from(&told));
        changes
    }

    /// All effects that were asked for until now have been performed. What changed by that is the daemon's to
    /// ask for, and to write down: at once, unless this says that it was letters and nothing else. Of those the daemon
    /// knows otherwise which it has sent, so that they may be asked for again.
    pub fn performed(&mut self) -> bool {
        self.books.ledger.performed()
    }

    /// Everything it would have to remember.
    pub fn memory(&self) -> Memory {
        let Told { configured, counters, mood } = self.told();
        let processes = self.groups.values().flat_map(|it| it.processes.values());
        Memory {
            configured,
            counters,
            mood,
            groups: self.groups.iter().map(|(name, it)| (name.clone(), it.memory())).collect(),
            processes: processes.map(|it| (it.name.clone(), it.memory())).collect(),
            pools: self.books.bus.pool_memories(),
            listeners: self.books.bus.listener_memories(),
            ordered: self.books.ledger.ordered().to_vec(),
        }
    }

    /// The configurations it would need to be brought back to life; the daemon may drop all others.
    pub fn tapes(&self) -> BTreeSet<Tape> {
        self.memory().tapes()
    }

    /// Where the conversation with a child of a listener pool stands: what is read from it next must be
    /// understood by that.
    pub fn talk(&self, child: ChildId) -> Option<Talk> {
        self.books.bus.talk(child)
    }

    /// The event a listener has in its hands.
    pub fn held_letter(&self, child: ChildId) -> Option<&Letter> {
        self.books.bus.held(child)
    }

    fn told(&self) -> Told {
        let counters = Counters {
            child: self.books.next_child,
            event: self.books.bus.next_serial,
            rank: self.next_rank,
            clocks: self.books.bus.ticks.shown(),
        };
        Told { configured: self.configured.tape, counters, mood: self.mood.memory() }
    }
}

impl Told {
    fn changes_from(&self, old: &Self) -> impl Iterator<Item = Change> {
        let counters = (self.counters != old.counters).then(|| self.counters.clone());
        let mood = (self.mood != old.mood).then_some(self.mood);
        let configured = self.configured.filter(|_| self.configured != old.configured);
        [
            counters.map(|counters| Change::Counters { counters }),
            mood.map(|mood| Change::Mood { mood }),
            configured.map(|tape| Change::Configured { tape }),
        ]
        .into_iter()
        .flatten()
    }
}

impl Mood {
    fn memory(&self) -> MoodMemory {
        match self {
            Self::Running => MoodMemory::Running,
            Self::Leaving(Leaving { departure, .. }) => MoodMemory::Leaving(*departure),
            Self::Left(departure) => MoodMemory::Left(*departure),
        }
    }
}

impl Group {
    fn memory(&self) -> GroupMemory {
        let successor = self.successor.as_ref().map(|it| match it {
            Successor::Nothing => SuccessorMemory::Nothing,
            Successor::Group { tape, start, .. } => {
                SuccessorMemory::Group { tape: *tape, start: start.clone() }
            }
        });
        GroupMemory { tape: self.tape, rank: self.rank, successor }
    }
}

impl Process {
    fn memory(&self) -> ProcessMemory {
        let fate = self.fate.as_ref().map(|it| match it {
            Fate::Replace { tape, start, .. } => FateMemory::Replace { tape: *tape, start: *start },
            Fate::Remove => FateMemory::Remove,
        });
        ProcessMemory {
            tape: self.tape,
            phase: self.phase.clone(),
            fate,
            started: self.record.started,
            stopped: self.record.stopped,
            spawn_error: self.record.spawn_error.clone(),
            exit: self.record.exit,
            starts: self.record.starts,
            restarts: self.record.restarts,
            ended: self.record.ended,
        }
    }
}
