//! What is remembered of pools and listeners.

use std::collections::BTreeMap;

use model::child::ChildId;
use model::event::TickPeriod;
use model::listener::Letter;
use model::name::GroupName;
use model::time::Stamp;

use crate::bus::Bus;
use crate::deadline::{Reason, Timers};
use crate::listener::Listener;
use crate::memory::{Change, ListenerMemory, PoolMemory, Talk};

impl Bus {
    /// What has happened since this was last asked.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = self.diary.take();
        for name in self.diary.take_pools() {
            if let Some(pool) = self.pools.get(&name) {
                changes.push(Change::Pool { name, pool: pool.memory().state });
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
}
