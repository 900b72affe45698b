//! Who belongs to a child that is to be stopped with all that belong to it. Pure: what processes there are comes in.
//!
//! The child's group keeps its number for as long as anyone is in it, also after the child itself is gone. Who has left
//! the group is found by descent, for as long as there is someone to descend from; whoever was seen once is remembered
//! by pid and birth. What else tells who belongs to it, a control group or what orphans have in their environment, is
//! looked at elsewhere (`kin`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use os::procfs::Stat;
use wire::keeper::Scope;

/// Who a process is: its pid and the tick of its birth.
pub(crate) type Who = (u32, u64);

/// How long those who were killed may take to be gone before they are reported and given up.
pub(crate) const KILL_WAIT: Duration = Duration::from_secs(10);

/// The stopping of all that belong to a child.
#[derive(Debug)]
pub(crate) struct Hunt {
    /// How far those reach.
    scope: Scope,
    /// Those who were seen, beside the group.
    seen: BTreeSet<Who>,
    /// When they were killed.
    killed_at: Option<Duration>,
    traces: Traces,
}

/// What else tells who belongs to a child.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces {
    /// The control group that is its own.
    pub(crate) cgroup: Option<PathBuf>,
    /// What stands in its environment and in no other's.
    pub(crate) marks: Vec<Vec<u8>>,
}

impl Hunt {
    pub(crate) const fn new(scope: Scope, traces: Traces) -> Self {
        Self { scope, seen: BTreeSet::new(), killed_at: None, traces }
    }

    /// A signal goes to all of them.
    pub(crate) fn signaled(&mut self, scope: Scope, signal: i32, now: Duration) {
        if scope == Scope::Tree {
            self.scope = Scope::Tree;
        }
        if signal == os::signals::KILL {
            self.killed_at = self.killed_at.or(Some(now));
        }
    }

    /// Whether they were killed, and when they are given up.
    pub(crate) fn given_up_at(&self) -> Option<Duration> {
        self.killed_at.map(|it| it.saturating_add(KILL_WAIT))
    }

    /// How far those reach.
    pub(crate) const fn scope(&self) -> Scope {
        self.scope
    }

    /// What tells who belongs to it beside its family.
    pub(crate) const fn traces(&self) -> &Traces {
        &self.traces
    }

    /// Those of `all` who belong to `child`, without itself and without the dead.
    pub(crate) fn quarry(
        &mut self,
        child: Who,
        all: &BTreeMap<u32, Stat>,
        kin: &BTreeSet<u32>,
    ) -> BTreeSet<Who> {
        let found: BTreeSet<Who> = all
            .iter()
            .filter(|(pid, it)| !it.is_zombie && self.is_of(**pid, it, child, (all, kin)))
            .map(|(pid, it)| (*pid, it.start_ticks))
            .collect();
        if self.scope == Scope::Tree {
            self.seen.extend(&found);
        }
        found
    }

    fn is_of(
        &self,
        pid: u32,
        it: &Stat,
        child: Who,
        (all, kin): (&BTreeMap<u32, Stat>, &BTreeSet<u32>),
    ) -> bool {
        let (leader, born) = child;
        if pid == leader || it.start_ticks < born {
            return false;
        }
        // Somebody else with the child's pid: then its number stands for another group.
        let is_reused = all.get(&leader).is_some_and(|it| it.start_ticks != born);
        let is_in = |number: u32| number == leader && !is_reused;
        match self.scope {
            Scope::Process => false,
            Scope::Group => is_in(it.group),
            Scope::Tree => {
                let is_near = is_in(it.group) || is_in(it.session) || kin.contains(&pid);
                is_near || self.descends(pid, it, child, (all, kin))
            }
        }
    }

    /// Whether a process is one of those who were seen, or descends from one of them or from the child.
    fn descends(
        &self,
        pid: u32,
        it: &Stat,
        child: Who,
        (all, kin): (&BTreeMap<u32, Stat>, &BTreeSet<u32>),
    ) -> bool {
        let (mut pid, mut it) = (pid, it);
        // No line is longer than there are processes.
        for _ in 0..all.len() {
            let is_known = self.seen.contains(&(pid, it.start_ticks));
            if (pid, it.start_ticks) == child || is_known || kin.contains(&pid) {
                return true;
            }
            pid = it.parent;
            let Some(parent) = all.get(&pid) else {
                return false;
            };
            it = parent;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHILD: Who = (100, 50);

    /// Processes, each with its parent, group, session and birth.
    fn all(processes: &[(u32, u32, u32, u32, u64)]) -> BTreeMap<u32, Stat> {
        let stat = |&(pid, parent, group, session, start_ticks): &(u32, u32, u32, u32, u64)| {
            (pid, Stat { is_zombie: false, parent, group, session, start_ticks })
        };
        processes.iter().map(stat).collect()
    }

    fn pids(hunt: &mut Hunt, all: &BTreeMap<u32, Stat>) -> Vec<u32> {
        hunt.quarry(CHILD, all, &BTreeSet::new()).into_iter().map(|(pid, _)| pid).collect()
    }

    #[test]
    fn a_group_is_those_who_bear_its_number_and_live() {
        let mut all = all(&[
            (1, 0, 1, 1, 0),
            (100, 1, 100, 1, 50),
            (101, 100, 100, 1, 51),
            (102, 101, 102, 1, 52), // Has left the group.
            (103, 1, 100, 1, 53),   // Has lost its parent.
            (104, 100, 100, 1, 54),
        ]);
        all.get_mut(&104).unwrap().is_zombie = true;
        assert_eq!(pids(&mut Hunt::new(Scope::Group, Traces::default()), &all), [101, 103]);
        all.remove(&100);
        assert_eq!(
            pids(&mut Hunt::new(Scope::Group, Traces::default()), &all),
            [101, 103],
            "the number is theirs still"
        );
    }

    #[test]
    fn a_number_that_is_used_again_stands_for_nobody_of_ours() {
        let all = all(&[(100, 1, 100, 100, 99), (101, 100, 100, 100, 99), (102, 1, 100, 100, 60)]);
        for scope in [Scope::Group, Scope::Tree] {
            assert_eq!(pids(&mut Hunt::new(scope, Traces::default()), &all), []);
        }
    }

    #[test]
    fn a_tree_is_all_who_descend_wherever_they_went_once_they_were_seen() {
        let mut hunt = Hunt::new(Scope::Tree, Traces::default());
        let mut processes = all(&[
            (1, 0, 1, 1, 0),
            (100, 1, 100, 1, 50),
            (101, 100, 101, 101, 51), // A session of its own.
            (102, 101, 102, 102, 52),
            (200, 1, 200, 1, 53), // Another child.
            (201, 200, 201, 1, 54),
        ]);
        assert_eq!(pids(&mut hunt, &processes), [101, 102]);
        // The line is broken: the child and the one in between are gone.
        processes.remove(&100);
        processes.remove(&101);
        processes.get_mut(&102).unwrap().parent = 1;
        processes.extend(all(&[(103, 102, 103, 103, 55)]));
        assert_eq!(pids(&mut hunt, &processes), [102, 103]);
        processes.get_mut(&102).unwrap().start_ticks = 99;
        assert_eq!(pids(&mut hunt, &processes), [103], "another process with its pid");
    }

    #[test]
    fn kin_belong_to_the_tree_and_so_do_their_own() {
        let all = all(&[
            (1, 0, 1, 1, 0),
            (100, 1, 100, 1, 50),
            (300, 1, 300, 300, 60), // An orphan, known by what it carries.
            (301, 300, 301, 301, 61),
            (302, 1, 302, 302, 40), // The same, but older than the child.
            (400, 1, 400, 400, 62),
        ]);
        let kin = BTreeSet::from([300, 302]);
        let found = |scope| {
            let mut hunt = Hunt::new(scope, Traces::default());
            hunt.quarry(CHILD, &all, &kin).into_iter().map(|(pid, _)| pid).collect::<Vec<_>>()
        };
        assert_eq!(found(Scope::Tree), [300, 301]);
        assert_eq!(found(Scope::Group), []);
    }

    #[test]
    fn nobody_is_older_than_the_child() {
        let all = all(&[(100, 1, 100, 1, 50), (99, 100, 100, 1, 49)]);
        assert_eq!(pids(&mut Hunt::new(Scope::Tree, Traces::default()), &all), []);
    }

    #[test]
    fn who_was_killed_is_given_up_in_time() {
        let mut hunt = Hunt::new(Scope::Group, Traces::default());
        hunt.signaled(Scope::Group, 15, Duration::from_secs(1));
        assert_eq!(hunt.given_up_at(), None);
        hunt.signaled(Scope::Group, 9, Duration::from_secs(2));
        hunt.signaled(Scope::Group, 9, Duration::from_secs(5));
        assert_eq!(hunt.given_up_at(), Some(Duration::from_secs(12)));
    }
}
