//! Reading the clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::time::{Civil, Mono, Stamp, Utc, Wall, Zone};
use rustix::time::{ClockId, clock_gettime};

/// The monotonic clock, counted from the start of the machine.
pub fn mono() -> Mono {
    let time = clock_gettime(ClockId::Monotonic);
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    Mono(Duration::new(secs, u32::try_from(time.tv_nsec).unwrap_or(0)))
}

/// How long ago the machine was started, with the time it has slept: the clock on which processes are born.
pub(crate) fn since_boot() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

/// The wall clock.
pub fn wall() -> Wall {
    let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |it| -it),
    };
    Wall { micros }
}

/// Both clocks.
pub fn now() -> Stamp {
    Stamp { mono: mono(), wall: wall() }
}

/// The time zone of this process: `TZ`, else the machine's.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalZone;

impl Zone for LocalZone {
    fn civil(&self, wall: Wall) -> Civil {
        let mut fields = std::mem::MaybeUninit::<libc::tm>::zeroed();
        let seconds: libc::time_t = wall.seconds();
        // SAFETY: both pointers are to live, properly aligned memory of the right type, and
        // `localtime_r` keeps neither.
        let filled = unsafe { libc::localtime_r(&raw const seconds, fields.as_mut_ptr()) };
        if filled.is_null() {
            return Utc.civil(wall); // The year does not fit: any answer is as good.
        }
        // SAFETY: all-zero is a valid `tm`, and the call above has filled it in besides.
        let fields = unsafe { fields.assume_init() };
        let narrow = |n: i32| u8::try_from(n).unwrap_or(0);
        Civil {
            year: fields.tm_year.saturating_add(1900),
            month: narrow(fields.tm_mon + 1),
            day: narrow(fields.tm_mday),
            hour: narrow(fields.tm_hour),
            minute: narrow(fields.tm_min),
            second: narrow(fields.tm_sec),
            millis: u16::try_from(wall.micros.rem_euclid(1_000_000) / 1000).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_is_within_a_day_of_universal_time() {
        let wall = Wall::from_seconds(1_700_000_000);
        let (local, utc) = (LocalZone.civil(wall), Utc.civil(wall));
        assert_eq!((local.year, local.month), (utc.year, utc.month));
        assert!(local.day.abs_diff(utc.day) <= 1);
        assert_eq!(local.second, utc.second);
    }

    #[test]
    fn the_monotonic_clock_does_not_go_back() {
        let first = mono();
        assert!(mono() >= first);
    }
}
