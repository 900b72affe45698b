//! When children were born, in the ticks of `/proc`, mostly without asking it.
//!
//! The kernel takes the moment from the clock that began with the machine (`start_boottime` in `copy_process`), and
//! `/proc` rounds it down to ticks of ten milliseconds. Whoever looks at that clock before and after knows the tick, unless
//! it ended in between. Asking `/proc` makes the kernel build a directory for the process, and take it down at its end.

use std::time::Duration;

use crate::{clock, procfs};

/// How many children `/proc` is asked about all the same, to see that it agrees: it need not be the kernel's own.
const ASKED_FIRST: u32 = 16;

/// The births of our own children.
#[derive(Debug)]
pub struct Births {
    per_second: u64,
    /// How many more children both are asked about.
    unproved: u32,
    /// Whether they have ever disagreed.
    differs: bool,
}

impl Default for Births {
    fn default() -> Self {
        Self {
            per_second: rustix::param::clock_ticks_per_second().max(1),
            unproved: ASKED_FIRST,
            differs: false,
        }
    }
}

impl Births {
    /// What is to be known before a child is made.
    pub fn before() -> Duration {
        clock::since_boot()
    }

    /// When a child was born that was made just now, and not `before` that moment; it has not been reaped. `None` where
    /// there is no telling.
    pub fn of(&mut self, pid: u32, before: Duration) -> Option<u64> {
        let [first, last] = [before, clock::since_boot()].map(|it| self.ticks(it));
        let known = (first == last).then_some(first);
        self.choose(known, || procfs::stat(pid).ok().map(|it| it.start_ticks))
    }

    fn choose(&mut self, known: Option<u64>, ask: impl FnOnce() -> Option<u64>) -> Option<u64> {
        if let Some(known) = known.filter(|_| self.unproved == 0 && !self.differs) {
            return Some(known);
        }
        let told = ask()?;
        if let Some(known) = known {
            self.differs |= known != told;
            self.unproved = self.unproved.saturating_sub(1);
        }
        Some(told)
    }

    fn ticks(&self, moment: Duration) -> u64 {
        let ticks = moment.as_nanos().saturating_mul(u128::from(self.per_second)) / 1_000_000_000;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_clock_says_is_what_proc_says() {
        let mut births = Births { unproved: 0, ..Births::default() };
        for _ in 0..100 {
            let before = Births::before();
            let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
            let told = procfs::stat(child.id()).unwrap().start_ticks;
            assert_eq!(births.of(child.id(), before), Some(told));
            child.wait().unwrap();
        }
    }

    #[test]
    fn proc_is_asked_until_it_has_agreed_often_enough() {
        let mut births = Births::default();
        for tick in 0..u64::from(ASKED_FIRST) {
            assert_eq!(births.choose(Some(tick), || Some(tick)), Some(tick));
        }
        assert_eq!(births.choose(Some(7), || unreachable!("it has agreed")), Some(7));
        assert_eq!(births.choose(None, || Some(8)), Some(8), "the tick ended meanwhile");
        assert_eq!(births.choose(None, || None), None);
    }

    #[test]
    fn where_they_differ_once_proc_is_asked_for_ever() {
        let mut births = Births::default();
        assert_eq!(births.choose(Some(1), || Some(2)), Some(2));
        for tick in 0..100 {
            assert_eq!(births.choose(Some(tick), || Some(tick + 1)), Some(tick + 1));
        }
    }
}
