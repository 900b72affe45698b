//! Time as data. The pure crates are told the time; they never ask for it.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point on the monotonic clock, counted from an origin only its owner knows.
///
/// All decisions are made on this clock, so that a wall clock set back or forth changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(pub Duration);

impl Add<Duration> for Mono {
    type Output = Self;
    /// Saturates: a deadline past the end of time is never reached.
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs))
    }
}

impl Sub for Mono {
    type Output = Duration;
    /// The time since `rhs`, zero when `rhs` lies ahead.
    fn sub(self, rhs: Self) -> Duration {
        self.0.saturating_sub(rhs.0)
    }
}

/// A point on the wall clock: microseconds since the Unix epoch. For display and records only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Wall {
    /// Microseconds since 1970-01-01 00:00:00 UTC; negative before it.
    pub micros: i64,
}

impl Wall {
    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.micros.div_euclid(1_000_000)
    }

    /// The point `seconds` after the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self { micros: seconds.saturating_mul(1_000_000) }
    }
}

/// One moment, read from both clocks at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stamp {
    /// For decisions.
    pub mono: Mono,
    /// For people.
    pub wall: Wall,
}

impl Stamp {
    /// What the wall clock showed at `mono`, had nobody set it since; now, for a moment that lies ahead.
    pub fn wall_at(self, mono: Mono) -> Wall {
        let ago = i64::try_from((self.mono - mono).as_micros()).unwrap_or(i64::MAX);
        Wall { micros: self.wall.micros.saturating_sub(ago) }
    }
}

/// A wall-clock point as a calendar shows it in some zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// For example 2026.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60: a leap second is shown as 60.
    pub second: u8,
    /// 0 to 999.
    pub millis: u16,
}

/// A time zone: the one thing text output must ask the machine for.
pub trait Zone {
    /// What the clocks on the wall show at `wall`.
    fn civil(&self, wall: Wall) -> Civil;
}

/// Coordinated universal time, for tests and for machines without a zone database.
#[derive(Debug, Clone, Copy, Default)]
pub struct Utc;

impl Zone for Utc {
    fn civil(&self, wall: Wall) -> Civil {
        let days = wall.seconds().div_euclid(86_400);
        let rest = wall.seconds().rem_euclid(86_400);
        let (year, month, day) = date_from_days(days);
        let narrow = |n: i64| u8::try_from(n).unwrap_or(0);
        Civil {
            year,
            month,
            day,
            hour: narrow(rest / 3600),
            minute: narrow(rest / 60 % 60),
            second: narrow(rest % 60),
            millis: u16::try_from(wall.micros.rem_euclid(1_000_000) / 1000).unwrap_or(0),
        }
    }
}

/// Year, month and day of the `days`-th day after 1970-01-01 in the proleptic Gregorian calendar.
///
/// Years are counted from March so that the leap day is the last of its year; 146,097 days make
/// one cycle of 400 years.
fn date_from_days(days: i64) -> (i32, u8, u8) {
    let from_march = days + 719_468;
    let cycle = from_march.div_euclid(146_097);
    let in_cycle = from_march.rem_euclid(146_097);
    let year_in_cycle = (in_cycle - in_cycle / 1460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
    let day_in_year = in_cycle - (365 * year_in_cycle + year_in_cycle / 4 - year_in_cycle / 100);
    let march_month = (5 * day_in_year + 2) / 153;
    let day = day_in_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_in_cycle + cycle * 400 + i64::from(month <= 2);
    (
        i32::try_from(year).unwrap_or(i32::MAX),
        u8::try_from(month).unwrap_or(1),
        u8::try_from(day).unwrap_or(1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_knows_leap_days_and_the_time_before_the_epoch() {
        let cases = [
            (0, (1970, 1, 1, 0, 0, 0)),
            (951_782_399, (2000, 2, 28, 23, 59, 59)),
            (951_782_400, (2000, 2, 29, 0, 0, 0)),
            (-1, (1969, 12, 31, 23, 59, 59)),
            (4_107_542_400, (2100, 3, 1, 0, 0, 0)),
        ];
        for (seconds, (year, month, day, hour, minute, second)) in cases {
            let civil = Civil { year, month, day, hour, minute, second, millis: 0 };
            assert_eq!(Utc.civil(Wall::from_seconds(seconds)), civil, "at {seconds}");
        }
    }

    #[test]
    fn monotonic_differences_never_go_below_zero() {
        let (early, late) = (Mono(Duration::from_secs(1)), Mono(Duration::from_secs(3)));
        assert_eq!(early - late, Duration::ZERO);
        assert_eq!(late - early, Duration::from_secs(2));
        assert_eq!(late + Duration::MAX, Mono(Duration::MAX));
    }
}
