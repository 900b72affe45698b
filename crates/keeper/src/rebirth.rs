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

/// The daemon's deaths.
#[derive(Debug, Default)]
pub(crate) struct Rebirth {
    deaths: usize,
}

impl Rebirth {
    /// A daemon that was started at `born` has died. Returns the pause before the next.
    pub(crate) fn died(&mut self, born: Duration, now: Duration) -> Duration {
        if now.saturating_sub(born) >= GOOD_LIFE {
            self.deaths = 0;
        }
        if os::failpoint::is_hurried() {
            return Duration::ZERO;
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
        let mut now = Duration::from_secs(1000);
        let mut pause_after = |life: u64| {
            let born = now;
            now += Duration::from_secs(life);
            rebirth.died(born, now).as_millis()
        };
        let short = [0; 7].map(&mut pause_after);
        assert_eq!(short, [0, 100, 1000, 5000, 30_000, 30_000, 30_000]);
        assert_eq!([59, 60, 0, 60].map(&mut pause_after), [30_000, 0, 100, 0]);
    }
}
