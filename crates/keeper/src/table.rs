//! The children, by number, by slot and by pid. Pure: what is held for a child is the caller's affair.

use std::collections::BTreeMap;

use wire::keeper::handover::End;
use wire::keeper::{Standing, Will};

/// A child, from its birth until the daemon has recorded its end.
#[derive(Debug, Clone)]
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
    pub(crate) life: Life,
    /// What is held for it.
    pub(crate) held: H,
}

/// How far a child's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// It lives, or may live.
    Living,
    /// It has ended, but not all those who were to be stopped with it. Its pid means nothing any more.
    Lingering(End),
    /// It has ended, and this is to be reported until it is recorded.
    Ended(End),
}

/// All children that are not forgotten.
#[derive(Debug, Clone)]
pub(crate) struct Table<H> {
    /// In boxes: the nodes of the tree are half empty, and a child is large.
    children: BTreeMap<u64, Box<Child<H>>>,
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
        if child.standing == Standing::Own && child.life == Life::Living {
            self.living.insert(child.pid, id);
        }
        self.slots.insert(child.slot.clone(), id);
        self.children.insert(id, Box::new(child));
    }

    /// The number of our own live child with this pid.
    pub(crate) fn of_pid(&self, pid: u32) -> Option<u64> {
        self.living.get(&pid).copied()
    }

    /// Records how far a child's life has come. Once it lives no more, its pid means nothing.
    pub(crate) fn set_life(&mut self, id: u64, life: Life) {
        let Some(child) = self.children.get_mut(&id) else {
            return;
        };
        child.life = life;
        if life != Life::Living && self.living.get(&child.pid) == Some(&id) {
            self.living.remove(&child.pid);
        }
    }

    /// Empties the slot of a child that has ended; one that lives, or may live, stays.
    pub(crate) fn forget(&mut self, id: u64) -> Option<Child<H>> {
        self.get(id)?.end()?;
        self.remove(id)
    }

    /// Empties the slot of a child that is not to be ours, whether it lives or is in doubt.
    pub(crate) fn give_up(&mut self, id: u64) -> Option<Child<H>> {
        self.get(id).filter(|it| it.end().is_none())?;
        self.remove(id)
    }

    fn remove(&mut self, id: u64) -> Option<Child<H>> {
        let child = *self.children.remove(&id)?;
        self.slots.remove(&child.slot);
        if self.living.get(&child.pid) == Some(&id) {
            self.living.remove(&child.pid);
        }
        Some(child)
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Child<H>> {
        self.children.get(&id).map(|it| &**it)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Child<H>> {
        self.children.get_mut(&id).map(|it| &mut **it)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Child<H>)> {
        self.children.iter().map(|(id, child)| (*id, &**child))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut Child<H>)> {
        self.children.iter_mut().map(|(id, child)| (*id, &mut **child))
    }

    /// How many are not forgotten.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.children.len()).unwrap_or(u32::MAX)
    }
}

impl<H> Child<H> {
    pub(crate) const fn is_in_doubt(&self) -> bool {
        matches!(self.standing, Standing::Doubt { .. })
    }

    pub(crate) const fn is_living(&self) -> bool {
        matches!(self.life, Life::Living) && !self.is_in_doubt()
    }

    /// How it ended, once there is nothing left of it.
    pub(crate) const fn end(&self) -> Option<End> {
        match self.life {
            Life::Ended(end) => Some(end),
            Life::Living | Life::Lingering(_) => None,
        }
    }

    pub(crate) const fn is_lingering(&self) -> bool {
        matches!(self.life, Life::Lingering(_))
    }

    /// Whether there is something to stop.
    pub(crate) const fn is_to_stop(&self) -> bool {
        self.end().is_none() && !self.is_in_doubt()
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
            life: Life::Living,
            held: (),
        }
    }

    fn pid_of_living(table: &Table<()>, id: u64) -> Option<u32> {
        table.get(id).filter(|it| it.is_living()).map(|it| it.pid)
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
        table.set_life(1, Life::Lingering(END));
        assert!(table.forget(1).is_none(), "nor of one that lingers");
        assert!(!table.is_free(2, b"a:a"));
        table.set_life(1, Life::Ended(END));
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
        assert_eq!(pid_of_living(&table, 1), None);
        assert!(table.of_pid(100).is_none());
        assert!(table.give_up(1).is_some() && table.give_up(1).is_none());
        assert!(table.is_free(2, b"a:a"));
        table.insert(2, child(100, "a:a"));
        assert!(table.give_up(2).is_some() && table.is_free(3, b"a:a"), "nor need there be a doubt");
    }

    #[test]
    fn a_pid_means_its_child_only_while_that_lives() {
        let mut table = Table::new();
        table.insert(1, child(100, "a:a"));
        assert_eq!((pid_of_living(&table, 1), table.of_pid(100)), (Some(100), Some(1)));
        table.set_life(1, Life::Ended(END));
        assert_eq!((pid_of_living(&table, 1), table.of_pid(100)), (None, None));

        table.insert(2, child(100, "a:b")); // The kernel uses pids again.
        assert_eq!(table.of_pid(100), Some(2));
        assert!(table.forget(1).is_some());
        assert_eq!(pid_of_living(&table, 2), Some(100));
        assert_eq!(table.count(), 1);
    }

    #[test]
    fn a_child_of_another_keeper_is_not_found_by_its_pid() {
        let mut table = Table::new();
        table.insert(1, Child { standing: Standing::Adopted, ..child(100, "a:a") });
        table.insert(2, child(100, "a:b")); // The first has ended, which is not known yet.
        assert_eq!(table.of_pid(100), Some(2));
        table.set_life(1, Life::Ended(END));
        assert_eq!(table.of_pid(100), Some(2));
    }

    #[test]
    fn a_stranger_changes_nothing() {
        let mut table = Table::new();
        table.insert(1, child(100, "a:a"));
        table.set_life(4242, Life::Ended(END));
        assert_eq!(pid_of_living(&table, 1), Some(100));
        assert!(table.of_pid(4242).is_none());
    }
}
