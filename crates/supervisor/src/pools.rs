//! What is remembered of pools and listeners.

use std::collections::BTreeMap;
use std::time::Duration;

use model::child::ChildId;
use model::event::TickPeriod;
use model::listener::Letter;
use model::name::{FullName, GroupName};
use model::time::{Mono, Stamp};

use crate::bus::{Bus, Pool};
use crate::deadline::{Reason, Timers};
use crate::effect::Effects;
use crate::event_note::EventNote;
use crate::listener::{Listener, ListenerState};
use crate::memory::{Change, ListenerMemory, PoolMemory, Talk};

/// How long a listener whose turn it is may be silent when another daemon has taken over.
///
/// What it said last may have died with the one before, and then it waits for us as we wait for it. The
/// chance is one in many thousands, and a listener may take its time over an event; so this is longer than
/// most ever take.
const SILENCE_MAX: Duration = Duration::from_mins(5);

impl Bus {
    /// What has happened since this was last asked.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = self.diary.take();
        for name in self.diary.take_pools() {
            if let Some(pool) = self.pools.get(&name) {
                changes.push(Change::Pool { name, pool: pool.state() });
            }
        }
        changes
    }

    pub(crate) fn pool_memories(&self) -> BTreeMap<GroupName, PoolMemory> {
        self.pools.iter().map(|(name, it)| (name.clone(), it.memory())).collect()
    }

    pub(crate) fn listener_memories(&self) -> BTreeMap<ChildId, ListenerMemory> {
        let memory = |it: &Listener| ListenerMemory { state: it.memory(), letter: it.held().cloned() };
        self.listeners.iter().map(|(child, it)| (*child, memory(it))).collect()
    }

    pub(crate) fn talk(&self, child: ChildId) -> Option<Talk> {
        self.listeners.get(&child).map(|it| it.memory().talk)
    }

    /// Whether a listener has an event in its hands, or waits for one of those that wait for it.
    pub(crate) fn is_talking(&self, name: &FullName) -> bool {
        let has_more = self.pools.get(&name.group).is_some_and(Pool::has_letters);
        self.listeners.values().filter(|it| it.name == *name).any(|it| match it.state {
            ListenerState::Busy(_) => true,
            ListenerState::Acknowledged | ListenerState::Ready => has_more,
            ListenerState::Deaf | ListenerState::Unknown => false,
        })
    }

    /// The event a listener has in its hands.
    pub(crate) fn held(&self, child: ChildId) -> Option<&Letter> {
        self.listeners.get(&child)?.held()
    }

    /// Gives the pools that are open what is remembered of them.
    pub(crate) fn resume(
        &mut self,
        pools: BTreeMap<GroupName, PoolMemory>,
        listeners: BTreeMap<ChildId, ListenerMemory>,
        clocks: &BTreeMap<TickPeriod, i64>,
        now: Stamp,
        timers: &mut Timers,
    ) {
        for (name, memory) in pools {
            if let Some(pool) = self.pools.get_mut(&name) {
                let rests_until = memory.state.rests_until;
                pool.resume(memory);
                pool.pause = rests_until.map(|at| timers.arm(at, Reason::Redeliver(name.clone())));
                self.wake(&name);
            }
        }
        let listeners = listeners.into_iter().filter(|(_, it)| self.pools.contains_key(&it.state.name.group));
        self.listeners = listeners.map(|(child, it)| (child, Listener::resume(it))).collect();
        self.ticks.resume(clocks, now, timers);
    }

    /// Waits for the listeners whose turn it is to speak, but not for ever: a daemon may have died with the
    /// words in its hands. What can be told from silence only is told from silence.
    pub(crate) fn await_words(&mut self, now: Mono, timers: &mut Timers) {
        for (child, listener) in self.listeners.iter_mut().filter(|(_, it)| it.is_to_speak()) {
            listener.silence.get_or_insert_with(|| timers.arm(now + SILENCE_MAX, Reason::Silence(*child)));
        }
    }

    /// It has spoken, or is gone.
    pub(crate) fn end_silence(&mut self, child: ChildId, timers: &mut Timers) {
        if let Some(key) = self.listeners.get_mut(&child).and_then(|it| it.silence.take()) {
            timers.disarm(key);
        }
    }

    /// It has not spoken: whatever it was, it begins anew if it may.
    pub(crate) fn give_up_on(&mut self, child: ChildId, fx: &mut Effects) {
        let Some(listener) = self.listeners.get_mut(&child) else { return };
        listener.silence = None;
        listener.to_mend = true;
        let (group, process) = (listener.name.group.clone(), listener.name.process.clone());
        let listener = listener.memory();
        self.diary.write(|| Change::Listener { child, listener });
        fx.note(EventNote::ListenerSilent { process, seconds: SILENCE_MAX.as_secs() });
        self.wake(&group);
    }
}
