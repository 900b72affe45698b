//! What has changed since the daemon last asked: marks, set where things change, so that nothing has to be
//! looked for.

use std::collections::BTreeSet;

use model::name::{FullName, GroupName};

use crate::memory::{Change, Counters, MoodMemory, Ordered, Tape};

/// Marks on what has changed. Until the daemon has asked for the first time nobody remembers anything, and
/// nothing is marked.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    is_kept: bool,
    groups: BTreeSet<GroupName>,
    processes: BTreeSet<FullName>,
    /// What is to be done and must be neither lost nor doubled.
    ordered: Vec<Ordered>,
    is_ordered_told: bool,
    /// What was told of the few things that are compared.
    pub(crate) told: Told,
}

/// What is told when it differs from what was told before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) configured: Option<Tape>,
    pub(crate) counters: Counters,
    pub(crate) mood: MoodMemory,
}

impl Ledger {
    /// Marks from here on. Says whether it did so before.
    pub(crate) fn keep(&mut self) -> bool {
        std::mem::replace(&mut self.is_kept, true)
    }

    /// A group has come, gone, or changed.
    pub(crate) fn group(&mut self, name: &GroupName) {
        if self.is_kept {
            self.groups.insert(name.clone());
        }
    }

    /// A process has come, gone, or changed.
    pub(crate) fn process(&mut self, name: &FullName) {
        if self.is_kept {
            self.processes.insert(name.clone());
        }
    }

    pub(crate) fn take_groups(&mut self) -> BTreeSet<GroupName> {
        std::mem::take(&mut self.groups)
    }

    pub(crate) fn take_processes(&mut self) -> BTreeSet<FullName> {
        std::mem::take(&mut self.processes)
    }

    /// Something is asked for that must be neither lost nor doubled.
    pub(crate) fn order(&mut self, ordered: Ordered) {
        if self.is_kept {
            self.ordered.push(ordered);
            self.is_ordered_told = false;
        }
    }

    /// All that was asked for is done. Says whether it was nothing but letters.
    pub(crate) fn performed(&mut self) -> bool {
        let was_letters = self.ordered.iter().all(|it| matches!(it, Ordered::Letter { .. }));
        let was_anything = !self.ordered.is_empty();
        if was_anything {
            self.ordered.clear();
            self.is_ordered_told = false;
        }
        was_anything && was_letters
    }

    /// This was asked for by another machine, and may not have been done.
    pub(crate) fn remind(&mut self, ordered: Vec<Ordered>) {
        self.ordered = ordered;
    }

    /// What was asked for and not done, to be asked for again.
    pub(crate) fn take_back(&mut self) -> Vec<Ordered> {
        self.is_ordered_told &= self.ordered.is_empty();
        std::mem::take(&mut self.ordered)
    }

    pub(crate) fn ordered(&self) -> &[Ordered] {
        &self.ordered
    }

    /// What is asked for and not yet done, if that has changed.
    pub(crate) fn take_ordered(&mut self) -> Option<Vec<Ordered>> {
        let is_told = std::mem::replace(&mut self.is_ordered_told, true);
        (!is_told).then(|| self.ordered.clone())
    }
}

/// What has happened to pools and listeners, in order: letters move, and only the whole way can be told.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    is_kept: bool,
    changes: Vec<Change>,
    pools: BTreeSet<GroupName>,
}

impl Diary {
    /// Writes from here on.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Writes a change down.
    pub(crate) fn write(&mut self, change: impl FnOnce() -> Change) {
        if self.is_kept {
            self.changes.push(change());
        }
    }

    /// Something about a pool has changed that is no matter of order.
    pub(crate) fn pool(&mut self, name: &GroupName) {
        if self.is_kept {
            self.pools.insert(name.clone());
        }
    }

    pub(crate) fn take(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    pub(crate) fn take_pools(&mut self) -> BTreeSet<GroupName> {
        std::mem::take(&mut self.pools)
    }
}
