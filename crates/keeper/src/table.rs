//! The children, by number and by pid. Pure: what is held for a child is the caller's affair.

use std::collections::BTreeMap;

use wire::keeper::{SetupError, Usage, Will};

/// A child, from its birth until the daemon has recorded its end.
#[derive(Debug)]
pub(crate) struct Child<H> {
    pub(crate) pid: u32,
    /// On the monotonic clock.
    pub(crate) started_us: u64,
    pub(crate) will: Will,
    /// `None` while it lives.
    pub(crate) end: Option<End>,
    /// What is held for it.
    pub(crate) held: H,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) status: i32,
    pub(crate) setup: Option<SetupError>,
    pub(crate) usage: Usage,
}

/// All children that are not forgotten.
#[derive(Debug)]
pub(crate) struct Table<H> {
    slots: BTreeMap<u64, Child<H>>,
    /// Those that live. A pid means its child only until it is reaped.
    living: BTreeMap<u32, u64>,
}

impl<H> Table<H> {
    pub(crate) const fn new() -> Self {
        Self { slots: BTreeMap::new(), living: BTreeMap::new() }
    }

    /// Whether a child may be made in this slot. "Never two copies" is this one question.
    pub(crate) fn is_free(&self, id: u64) -> bool {
        !self.slots.contains_key(&id)
    }

    /// Puts a live child into a slot that [is free](Self::is_free).
    pub(crate) fn insert(&mut self, id: u64, child: Child<H>) {
        self.living.insert(child.pid, id);
        self.slots.insert(id, child);
    }

    /// The live child with this pid.
    pub(crate) fn living_mut(&mut self, pid: u32) -> Option<(u64, &mut Child<H>)> {
        let id = *self.living.get(&pid)?;
        self.slots.get_mut(&id).map(|child| (id, child))
    }

    /// Records the end of the child with this pid, which means nothing from here on.
    pub(crate) fn end(&mut self, pid: u32, end: End) {
        if let Some((_, child)) = self.living_mut(pid) {
            child.end = Some(end);
        }
        self.living.remove(&pid);
    }

    /// Empties the slot of a child that has ended; one that lives stays.
    pub(crate) fn forget(&mut self, id: u64) -> Option<Child<H>> {
        self.slots.get(&id)?.end?;
        self.slots.remove(&id)
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Child<H>> {
        self.slots.get(&id)
    }

    /// The pid of a child that lives.
    pub(crate) fn pid_of_living(&self, id: u64) -> Option<u32> {
        self.get(id).filter(|it| it.end.is_none()).map(|it| it.pid)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Child<H>)> {
        self.slots.iter().map(|(id, child)| (*id, child))
    }

    pub(crate) fn iter_living(&self) -> impl Iterator<Item = (u64, &Child<H>)> {
        self.living.values().filter_map(|id| self.slots.get(id).map(|child| (*id, child)))
    }

    /// How many are not forgotten.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::keeper::Scope;

    const END: End = End { status: 0, setup: None, usage: Usage { user_us: 0, system_us: 0, peak_kib: 0 } };

    fn child(pid: u32) -> Child<()> {
        let (stop_scope, kill_scope) = (Scope::Process, Scope::Process);
        let will = Will { signal: 15, wait_ms: 10, stop_scope, kill_scope, priority: 999 };
        Child { pid, started_us: 0, will, end: None, held: () }
    }

    #[test]
    fn a_slot_is_free_before_its_child_and_after_it_is_forgotten() {
        let mut table = Table::new();
        assert!(table.is_free(1));
        table.insert(1, child(100));
        assert!(!table.is_free(1));
        assert!(table.forget(1).is_none(), "nothing is forgotten of a child that lives");
        table.end(100, END);
        assert!(!table.is_free(1), "its end is not recorded yet");
        assert!(table.forget(1).is_some());
        assert!(table.is_free(1));
        assert!(table.forget(1).is_none());
    }

    #[test]
    fn a_pid_means_its_child_only_while_that_lives() {
        let mut table = Table::new();
        table.insert(1, child(100));
        assert_eq!((table.pid_of_living(1), table.living_mut(100).map(|it| it.0)), (Some(100), Some(1)));
        table.end(100, END);
        assert_eq!((table.pid_of_living(1), table.living_mut(100).map(|it| it.0)), (None, None));

        table.insert(2, child(100)); // The kernel uses pids again.
        assert_eq!(table.living_mut(100).map(|it| it.0), Some(2));
        assert!(table.forget(1).is_some());
        assert_eq!(table.pid_of_living(2), Some(100));
        assert_eq!((table.count(), table.iter_living().count()), (1, 1));
    }

    #[test]
    fn a_stranger_changes_nothing() {
        let mut table = Table::new();
        table.insert(1, child(100));
        table.end(4242, END);
        assert_eq!(table.pid_of_living(1), Some(100));
        assert_eq!(table.pid_of_living(4242), None);
    }
}
