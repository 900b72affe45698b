//! How long a pipe is left alone, so that one look brings many writes.
//!
//! What a look costs does not depend on how much it brings, so that a program which writes a line a
//! thousand times a second would cost a thousand looks. A pipe that was looked at a moment ago is
//! therefore left alone for a while, as long as it does not fill up meanwhile: its writer must not have
//! to wait. What comes after a silence is never held up.

use std::time::Duration;

use model::time::Mono;

use super::PIPE_BYTES_LARGE;

/// How long a pipe rests at first. Each longer rest is twice as long.
const REST_MIN: Duration = Duration::from_micros(250);

/// How long it rests at most when nobody but the log wants its bytes.
pub(super) const REST_MAX: Duration = Duration::from_millis(32);

/// How long when somebody looks on.
pub(super) const REST_MAX_LOOKED_AT: Duration = Duration::from_millis(2);

/// What the pipes of one child are left alone for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    rest: Duration,
    last: Mono,
}

impl Pace {
    /// When to look again after `bytes` of a pipe that holds `capacity` came at `now`; none: as soon as
    /// there is more. All rests of a length end at the same moments, so that many pipes cost one wake-up.
    pub(super) fn next(&mut self, now: Mono, bytes: usize, capacity: usize, most: Duration) -> Option<Mono> {
        let since = now - self.last;
        self.last = now;
        self.rest = match bytes {
            _ if since > REST_MAX + self.rest => Duration::ZERO,
            // Of a large pipe a quarter is a good gulp, and to rest would cost a flood its speed.
            _ if capacity >= PIPE_BYTES_LARGE && bytes >= capacity / 4 => Duration::ZERO,
            // It was full, or nearly: its writer has had to wait.
            _ if bytes >= capacity / 4 * 3 => self.rest / 2,
            _ if bytes <= capacity / 4 => (self.rest * 2).clamp(REST_MIN, REST_MAX),
            _ => self.rest,
        };
        let rest = self.rest.min(most);
        if rest < REST_MIN {
            return None;
        }
        let rests = (now.0.as_nanos() + rest.as_nanos()) / rest.as_nanos();
        Some(Mono(Duration::from_nanos(u64::try_from(rests * rest.as_nanos()).unwrap_or(u64::MAX))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: usize = 65_536;

    fn at(micros: u64) -> Mono {
        Mono(Duration::from_micros(micros))
    }

    #[test]
    fn what_comes_after_a_silence_is_not_held_up() {
        let mut pace = Pace::default();
        assert_eq!(pace.next(at(1_000_000), 10, CAPACITY, REST_MAX), None);
        assert_eq!(pace.next(at(2_000_000), 10, CAPACITY, REST_MAX), None);
    }

    #[test]
    fn who_writes_often_is_looked_at_less_and_less_often_up_to_a_limit() {
        for (most, wanted) in [(REST_MAX, REST_MAX), (REST_MAX_LOOKED_AT, REST_MAX_LOOKED_AT)] {
            let mut pace = Pace::default();
            let mut now = at(1_000_000);
            let mut gap = Duration::ZERO;
            for _ in 0..20 {
                let next = pace.next(now, 100, CAPACITY, most).unwrap_or(now + Duration::from_micros(900));
                gap = next - now;
                assert!(gap <= most);
                now = next;
            }
            assert_eq!(gap, wanted);
        }
    }

    #[test]
    fn who_fills_the_pipe_is_looked_at_at_once() {
        let mut pace = Pace::default();
        let mut now = at(1_000_000);
        for _ in 0..20 {
            now = pace.next(now, 100, CAPACITY, REST_MAX).unwrap_or(now + Duration::from_micros(900));
        }
        let mut rested = 0;
        while let Some(next) = pace.next(now, CAPACITY, CAPACITY, REST_MAX) {
            now = next;
            rested += 1;
        }
        assert!(rested <= 7, "{rested}");
    }
}
