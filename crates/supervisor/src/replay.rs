//! A memory made of changes, and changes made of a memory.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use model::child::ChildId;
use model::listener::Letter;
use model::name::GroupName;

use crate::bus;
use crate::memory::{
    Change, FateMemory, ListenerMemory, ListenerState, Memory, PoolMemory, SuccessorMemory, Talk, Tape,
};

impl Memory {
    /// Takes note of a change. Applied in the order in which they were taken from a machine, changes make
    /// the memory of that machine; those that make no sense change nothing.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Configured { tape } => self.configured = Some(tape),
            Change::Counters { counters } => self.counters = counters,
            Change::Mood { mood } => self.mood = mood,
            Change::Group { name, group } => drop(self.groups.insert(name, group)),
            Change::GroupGone { name } => drop(self.groups.remove(&name)),
            Change::Process { name, process } => drop(self.processes.insert(name, *process)),
            Change::ProcessGone { name } => drop(self.processes.remove(&name)),
            Change::Pool { name, pool } => self.pools.entry(name).or_default().state = pool,
            Change::PoolGone { name } => drop(self.pools.remove(&name)),
            Change::LetterLast { letter } => self.append(letter),
            Change::LetterForAll { serial, pools, event } => {
                for (pool, pool_serial) in pools {
                    self.append(Letter { serial, pool, pool_serial, event: Arc::clone(&event) });
                }
            }
            Change::LetterFirst { letter } => self.waiting(&letter.pool.clone()).push_front(letter),
            Change::LetterDropped { pool } => drop(self.waiting(&pool).pop_front()),
            Change::LetterHeld { pool, child } => {
                let letter = self.waiting(&pool).pop_front();
                if let Some(listener) = self.listeners.get_mut(&child) {
                    listener.state.talk = Talk::Busy;
                    listener.letter = letter;
                }
            }
            Change::Listener { child, listener } => self.hear(child, listener),
            Change::ListenerGone { child } => drop(self.listeners.remove(&child)),
            Change::Ordered { ordered } => self.ordered = ordered,
            Change::Unknown => {}
        }
    }

    fn append(&mut self, letter: Letter) {
        let pool = self.pools.entry(letter.pool.clone()).or_default();
        pool.state.serial = bus::after(letter.pool_serial);
        pool.waiting.push_back(letter);
    }

    fn waiting(&mut self, pool: &GroupName) -> &mut VecDeque<Letter> {
        &mut self.pools.entry(pool.clone()).or_default().waiting
    }

    fn hear(&mut self, child: ChildId, state: ListenerState) {
        let held = self.listeners.remove(&child).and_then(|it| it.letter);
        let letter = held.filter(|_| state.talk == Talk::Busy);
        self.listeners.insert(child, ListenerMemory { state, letter });
    }

    /// The changes that make this memory out of nothing.
    pub fn into_changes(self) -> Vec<Change> {
        let mut all = vec![
            Change::Counters { counters: self.counters },
            Change::Mood { mood: self.mood },
            Change::Ordered { ordered: self.ordered },
        ];
        all.extend(self.groups.into_iter().map(|(name, group)| Change::Group { name, group }));
        all.extend(
            self.processes
                .into_iter()
                .map(|(name, process)| Change::Process { name, process: Box::new(process) }),
        );
        for (child, ListenerMemory { state, letter }) in self.listeners {
            all.push(Change::Listener { child, listener: state });
            if let Some(letter) = letter {
                let pool = letter.pool.clone();
                all.extend([Change::LetterFirst { letter }, Change::LetterHeld { pool, child }]);
            }
        }
        for (name, PoolMemory { state, waiting }) in self.pools {
            all.extend(waiting.into_iter().map(|letter| Change::LetterLast { letter }));
            // After its letters: one that waits again has an old number.
            all.push(Change::Pool { name, pool: state });
        }
        all.extend(self.configured.map(|tape| Change::Configured { tape }));
        all
    }

    /// Whether the machine had begun: else it knows nothing, and begins with
    /// [`Input::Begin`](crate::input::Input::Begin).
    pub fn has_begun(&self) -> bool {
        self.configured.is_some()
    }

    /// The configurations that are needed to bring it back to life.
    pub fn tapes(&self) -> BTreeSet<Tape> {
        let groups = self.groups.values().flat_map(|it| {
            let next = match it.successor {
                Some(SuccessorMemory::Group { tape, .. }) => Some(tape),
                Some(SuccessorMemory::Nothing) | None => None,
            };
            [Some(it.tape), next]
        });
        let processes = self.processes.values().flat_map(|it| {
            let next = match it.fate {
                Some(FateMemory::Replace { tape, .. }) => Some(tape),
                Some(FateMemory::Remove) | None => None,
            };
            [Some(it.tape), next]
        });
        groups.chain(processes).chain([self.configured]).flatten().collect()
    }
}
