//! The children, by number, by slot and by pid. Pure: what is held for a child is the caller's affair.

use std::collections::BTreeMap;

use wire::keeper::handover::End;
use wire::keeper::{Standing, Will};

/// A child, from its birth until the daemon has recorded its end.
#[derive(Debug)]
pub(crate) struct Child<H> {
    /// The name of its slot.
    pub(crate) slot: Vec<u8>,
    pub(crate) memo: Vec<u8>,
    /// 0 when it was never known.
    pub(crate) pid: u32,
    /// With the pid, who it is; 0 when it was never known.
    pub(crate) start_ticks: u64,
    /// On the monotonic clock.
    pub(crate) started_us: u64,
    pub(crate) will: Will,
    pub(crate) standing: Standing,
    /// `None` while it lives, or may live.
    pub(crate) end: Option<End>,
    /// What is held for it.
    pub(crate) held: H,
}

/// All children that are not forgotten.
#[derive(Debug)]
pub(crate) struct Table<H> {
    children: BTreeMap<u64, Child<H>>,
    /// Whose each slot is.
    slots: BTreeMap<Vec<u8>, u64>,
    /// Our own that live. A pid means its child only until it is reaped.
    living: BTreeMap<u32, u64>,
}

impl<H> Table<H> {
    pub(crate) const fn new() -> Self {
        Self { children: BTreeMap::new(), slots: BTreeMap::new(), living: BTreeMap::new() }
    }

    /// Whether a child with this number may be made in this slot. "Never two copies" is this one
    /// question: living, in doubt or ended and not recorded, whoever is not forgotten is in the way.
    pub(crate) fn is_free(&self, id: u64, slot: &[u8]) -> bool {
        !self.slots.contains_key(slot) && !self.children.contains_key(&id)
    }

    /// Puts a child into a slot that [is free](Self::is_free).
    pub(crate) fn insert(&mut self, id: u64, child: Child<H>) {
        if child.standing == Standing::Own && child.end.is_none() {
            self.living.insert(child.pid, id);
        }
        self.slots.insert(child.slot.clone(), id);
        self.children.insert(id, child);
    }

    /// Our own live child with this pid.
    pub(crate) fn living_mut(&mut self, pid: u32) -> Option<(u64, &mut Child<H>)> {
        let id = *self.living.get(&pid)?;
        self.children.get_mut(&id).map(|child| (id, child))
    }

    /// Records the end of a child, whose pid means nothing from here on.
    pub(crate) fn end(&mut self, id: u64, end: End) {
        let Some(child) = self.children.get_mut(&id) else {
            return;
        };
        child.end = Some(end);
        if self.living.get(&child.pid) == Some(&id) {
            self.living.remove(&child.pid);
        }
    }

    /// Empties the slot of a child that has ended; one that lives, or may live, stays.
    pub(crate) fn forget(&mut self, id: u64) -> Option<Child<H>> {
        self.children.get(&id)?.end?;
        self.remove(id)
    }

    fn remove(&mut self, id: u64) -> Option<Child<H>> {
        let child = self.children.remove(&id)?;
        self.slots.remove(&child.slot);
        Some(child)
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Child<H>> {
        self.children.get(&id)
    }

    /// A child that is not in doubt and has not ended.
    pub(crate) fn get_living_mut(&mut self, id: u64) -> Option<&mut Child<H>> {
        self.children.get_mut(&id).filter(|it| it.is_living())
    }

    pub(crate) fn get_living(&self, id: u64) -> Option<&Child<H>> {
        self.get(id).filter(|it| it.is_living())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Child<H>)> {
        self.children.iter().map(|(id, child)| (*id, child))
    }

    pub(crate) fn iter_living(&self) -> impl Iterator<Item = (u64, &Child<H>)> {
        self.iter().filter(|(_, it)| it.is_living())
    }

    /// How many are not forgotten.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.children.len()).unwrap_or(u32::MAX)
    }
}

impl<H> Child<H> {
    fn is_living(&self) -> bool {
        self.end.is_none() && !matches!(self.standing, Standing::Doubt { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::keeper::{Doubt, Scope, Usage};

    const USAGE: Usage = Usage { user_us: 0, system_us: 0, peak_kib: 0 };
    const END: End = End { status: 0, known: true, at_us: 0, setup: None, usage: USAGE };

    fn child(pid: u32, slot: &str) -> Child<()> {
        let (stop_scope, kill_scope) = (Scope::Process, Scope::Process);
        Child {
            slot: slot.into(),
            memo: vec![],
            pid,
            start_ticks: 0,
            started_us: 0,
            will: Will { signal: 15, wait_ms: 10, stop_scope, kill_scope, priority: 999 },
            standing: Standing::Own,
            end: None,
            held: (),
        }
    }

    fn pid_of_living(table: &Table<()>, id: u64) -> Option<u32> {
        table.get_living(id).map(|it| it.pid)
    }

    #[test]
    fn a_slot_is_free_before_its_child_and_after_it_is_forgotten() {
        let mut table = Table::new();
        assert!(table.is_free(1, b"a:a"));
        table.insert(1, child(100, "a:a"));
        assert!(!table.is_free(2, b"a:a"), "another number makes no other slot");
        assert!(!table.is_free(1, b"a:b"), "a number is used once");
        assert!(table.is_free(2, b"a:b"));
        assert!(table.forget(1).is_none(), "nothing is forgotten of a child that lives");
        table.end(1, END);
        assert!(!table.is_free(2, b"a:a"), "its end is not recorded yet");
        assert!(table.forget(1).is_some());
        assert!(table.is_free(2, b"a:a"));
        assert!(table.forget(1).is_none());
    }

    #[test]
    fn a_child_in_doubt_holds_its_slot_and_is_nobody_to_signal() {
        let mut table = Table::new();
        let standing = Standing::Doubt { reason: Doubt::Several.number() };
        table.insert(1, Child { standing, ..child(100, "a:a") });
        assert!(!table.is_free(2, b"a:a"));
        assert!(table.forget(1).is_none());
        assert_eq!((pid_of_living(&table, 1), table.iter_living().count()), (None, 0));
        assert!(table.living_mut(100).is_none());
    }

    #[test]
    fn a_pid_means_its_child_only_while_that_lives() {
        let mut table = Table::new();
        table.insert(1, child(100, "a:a"));
        assert_eq!((pid_of_living(&table, 1), table.living_mut(100).map(|it| it.0)), (Some(100), Some(1)));
        table.end(1, END);
        assert_eq!((pid_of_living(&table, 1), table.living_mut(100).map(|it| it.0)), (None, None));

        table.insert(2, child(100, "a:b")); // The kernel uses pids again.
        assert_eq!(table.living_mut(100).map(|it| it.0), Some(2));
        assert!(table.forget(1).is_some());
        assert_eq!(pid_of_living(&table, 2), Some(100));
        assert_eq!((table.count(), table.iter_living().count()), (1, 1));
    }

    #[test]
    fn a_child_of_another_keeper_is_not_found_by_its_pid() {
        let mut table = Table::new();
        table.insert(1, Child { standing: Standing::Adopted, ..child(100, "a:a") });
        table.insert(2, child(100, "a:b")); // The first has ended, which is not known yet.
        assert_eq!(table.living_mut(100).map(|it| it.0), Some(2));
        table.end(1, END);
        assert_eq!(table.living_mut(100).map(|it| it.0), Some(2));
    }

    #[test]
    fn a_stranger_changes_nothing() {
        let mut table = Table::new();
        table.insert(1, child(100, "a:a"));
        table.end(4242, END);
        assert_eq!(pid_of_living(&table, 1), Some(100));
        assert!(table.living_mut(4242).is_none());
    }
}
