//! Stopping children by their last wills. Pure: time comes in, signals go out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wire::keeper::{Scope, Will};

/// How long a killed child may take to be gone. One that is stuck in the kernel cannot be helped,
/// and must not keep all others, and this process, from ending.
const KILL_WAIT: Duration = Duration::from_secs(10);

/// A signal to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) child: u64,
    pub(crate) signal: i32,
    pub(crate) scope: Scope,
}

/// A child that was told to stop.
#[derive(Debug)]
struct Told {
    will: Will,
    /// Whether it was killed, or only asked.
    killed: bool,
    /// When it is killed, or given up.
    due: Duration,
}

/// The stopping of all children: those with the highest priority first, and the next only when
/// these are gone. Its work per event does not grow with their number, only with its logarithm.
#[derive(Debug)]
pub(crate) struct Stopping {
    grace: Duration,
    /// Those whose turn has not come, in the order it will.
    untold: BTreeMap<(Reverse<i64>, u64), Will>,
    told: BTreeMap<u64, Told>,
    due: BTreeSet<(Duration, u64)>,
}

impl Stopping {
    /// No child gets longer than `grace` to stop.
    pub(crate) fn new(grace: Duration, living: impl Iterator<Item = (u64, Will)>) -> Self {
        let untold = living.map(|(child, will)| ((Reverse(will.priority), child), will)).collect();
        Self { grace, untold, told: BTreeMap::new(), due: BTreeSet::new() }
    }

    /// A child has ended.
    pub(crate) fn ended(&mut self, child: u64, will: &Will) {
        self.untold.remove(&(Reverse(will.priority), child));
        if let Some(told) = self.told.remove(&child) {
            self.due.remove(&(told.due, child));
        }
    }

    /// What is to be done now.
    pub(crate) fn turn(&mut self, now: Duration) -> Vec<Deed> {
        let mut deeds = Vec::new();
        while let Some((_, child)) = self.due.first().filter(|(due, _)| *due <= now).copied() {
            deeds.extend(self.insist(now, child));
        }
        if self.told.is_empty() {
            self.ask_next(now, &mut deeds);
        }
        deeds
    }

    /// When to take the next turn, if no child ends before.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Whether nobody is left to wait for: all are gone, or given up.
    pub(crate) fn is_done(&self) -> bool {
        self.untold.is_empty() && self.told.is_empty()
    }

    /// Asks all of the highest priority that is left.
    fn ask_next(&mut self, now: Duration, deeds: &mut Vec<Deed>) {
        let Some((&(first, _), _)) = self.untold.first_key_value() else {
            return;
        };
        while let Some(entry) = self.untold.first_entry().filter(|it| it.key().0 == first) {
            let ((_, child), will) = entry.remove_entry();
            deeds.push(Deed { child, signal: will.signal, scope: will.stop_scope });
            let wait = Duration::from_millis(will.wait_ms).min(self.grace);
            self.tell(child, Told { will, killed: false, due: now.saturating_add(wait) });
        }
    }

    /// Kills a child that was asked, gives up one that was killed.
    fn insist(&mut self, now: Duration, child: u64) -> Option<Deed> {
        let Told { will, killed, due } = self.told.remove(&child)?;
        self.due.remove(&(due, child));
        if killed {
            return None;
        }
        self.tell(child, Told { will, killed: true, due: now.saturating_add(KILL_WAIT) });
        Some(Deed { child, signal: os::signals::KILL, scope: will.kill_scope })
    }

    fn tell(&mut self, child: u64, told: Told) {
        self.due.insert((told.due, child));
        self.told.insert(child, told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn will(priority: i64, wait_s: u64) -> Will {
        let (stop_scope, kill_scope) = (Scope::Process, Scope::Group);
        Will { signal: 15, wait_ms: wait_s.saturating_mul(1000), stop_scope, kill_scope, priority }
    }

    fn told(deeds: Vec<Deed>) -> Vec<(u64, i32, Scope)> {
        deeds.into_iter().map(|it| (it.child, it.signal, it.scope)).collect()
    }

    #[test]
    fn a_child_is_asked_once_killed_once_and_then_given_up() {
        let mut stopping = Stopping::new(S(100), [(1, will(0, 5))].into_iter());
        assert_eq!(told(stopping.turn(S(10))), [(1, 15, Scope::Process)]);
        assert_eq!(stopping.deadline(), Some(S(15)));
        assert_eq!(told(stopping.turn(S(14))), []);
        assert_eq!(told(stopping.turn(S(15))), [(1, 9, Scope::Group)]);
        assert_eq!(stopping.deadline(), Some(S(25)));
        assert_eq!(told(stopping.turn(S(24))), []);
        assert!(!stopping.is_done());
        assert_eq!(told(stopping.turn(S(25))), []);
        assert!(stopping.is_done());
        assert_eq!((stopping.deadline(), told(stopping.turn(S(99)))), (None, vec![]));
    }

    #[test]
    fn the_highest_priority_goes_first_and_the_next_waits_for_its_end() {
        let all = [(1, will(1, 5)), (2, will(7, 5)), (3, will(7, 9)), (4, will(1, 5))];
        let mut stopping = Stopping::new(S(100), all.iter().copied());
        assert_eq!(told(stopping.turn(S(0))), [(2, 15, Scope::Process), (3, 15, Scope::Process)]);
        assert_eq!(stopping.deadline(), Some(S(5)));
        stopping.ended(2, &will(7, 5));
        assert_eq!(told(stopping.turn(S(1))), []);
        assert_eq!(stopping.deadline(), Some(S(9)));
        stopping.ended(4, &will(1, 5)); // By itself, before its turn.
        stopping.ended(3, &will(7, 9));
        assert_eq!(told(stopping.turn(S(2))), [(1, 15, Scope::Process)]);
        assert!(!stopping.is_done());
        stopping.ended(1, &will(1, 5));
        assert_eq!(told(stopping.turn(S(3))), []);
        assert!(stopping.is_done());
    }

    #[test]
    fn a_child_that_cannot_be_killed_holds_up_the_others_for_a_while_only() {
        let all = [(1, will(0, 5)), (2, will(7, 5))];
        let mut stopping = Stopping::new(S(1), all.into_iter());
        assert_eq!(told(stopping.turn(S(0))), [(2, 15, Scope::Process)]);
        assert_eq!(told(stopping.turn(S(1))), [(2, 9, Scope::Group)], "grace is shorter than its will");
        assert_eq!(told(stopping.turn(S(11))), [(1, 15, Scope::Process)]);
    }

    #[test]
    fn a_stopping_of_nobody_is_done() {
        let mut stopping = Stopping::new(S(1), std::iter::empty());
        assert!(stopping.is_done());
        assert_eq!((told(stopping.turn(S(1))), stopping.deadline()), (vec![], None));
    }

    #[test]
    fn no_will_is_too_long_to_count() {
        let mut will = will(0, 0);
        will.wait_ms = u64::MAX;
        let mut stopping = Stopping::new(Duration::MAX, [(1, will)].into_iter());
        stopping.turn(S(1));
        assert!(stopping.deadline().is_some_and(|it| it > S(1_000_000_000)));
    }
}
