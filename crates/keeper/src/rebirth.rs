//! How long to wait before the daemon is started again. Pure.

use std::time::Duration;

/// The pauses before the first start after a death, the second, and so on; the last one is repeated.
const PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// A daemon that was there for so long was a good one: the next death is the first again.
const GOOD_LIFE: Duration = Duration::from_mins(1);

/// One that was up and was killed comes back at once, however often: it was somebody else's fault, and there is no
/// reason to think that the next one will not do. But killing must not be answered faster than this.
const KILLED_PERIOD_MIN: Duration = Duration::from_millis(100);

/// How a daemon died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// Somebody has killed it when it was up.
    Killed,
    /// It never came up, or its death was its own doing.
    Other,
}

/// The daemon's deaths.
#[derive(Debug, Default)]
pub(crate) struct Rebirth {
    deaths: usize,
}

impl Rebirth {
    /// A daemon that lived for so long has died. Returns the pause before the next.
    pub(crate) fn died(&mut self, death: Death, life: Duration) -> Duration {
        if life >= GOOD_LIFE {
            self.deaths = 0;
        }
        if os::failpoint::is_hurried() {
            return Duration::ZERO;
        }
        if death == Death::Killed {
            return KILLED_PERIOD_MIN.saturating_sub(life);
        }
        let [.., longest] = PAUSES;
        let pause = PAUSES.get(self.deaths).copied().unwrap_or(longest);
        self.deaths = self.deaths.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_a_daemon_has_had_a_good_life() {
        let mut rebirth = Rebirth::default();
        let mut pause_after = |life: u64| rebirth.died(Death::Other, Duration::from_secs(life)).as_millis();
        let short = [0; 7].map(&mut pause_after);
        assert_eq!(short, [0, 100, 1000, 5000, 30_000, 30_000, 30_000]);
        assert_eq!([59, 60, 0, 60].map(&mut pause_after), [30_000, 0, 100, 0]);
    }

    #[test]
    fn who_is_killed_again_and_again_comes_back_again_and_again() {
        let mut rebirth = Rebirth::default();
        let mut pause_after =
            |life: u64| rebirth.died(Death::Killed, Duration::from_millis(life)).as_millis();
        assert_eq!([5000, 100, 60, 0, 0, 0, 99].map(&mut pause_after), [0, 0, 40, 100, 100, 100, 1]);
        assert_eq!(rebirth.died(Death::Other, Duration::ZERO), Duration::ZERO, "none of that was its fault");
    }
}
