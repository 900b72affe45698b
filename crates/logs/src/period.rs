//! When a log is rotated by the clock: with the first bytes that belong to another period than the last.
//!
//! Which period the last belong to is told by the file itself, so that nothing is to be remembered, and
//! nobody is woken at midnight for a log that is silent.

use model::keeping::RotateWhen;
use model::time::{Wall, Zone};
use os::clock::LocalZone;

/// Whether now is another period than when a file was last written, in seconds since the epoch.
pub(crate) fn has_passed(when: RotateWhen, written_at: i64) -> bool {
    // A clock that was set back has not begun a new period.
    when != RotateWhen::Never && differ(when, &LocalZone, Wall::from_seconds(written_at), os::clock::wall())
}

fn differ(when: RotateWhen, zone: &dyn Zone, then: Wall, now: Wall) -> bool {
    if now <= then {
        return false;
    }
    let day = |wall| {
        let it = zone.civil(wall);
        (it.year, it.month, it.day, it.hour)
    };
    match when {
        RotateWhen::Never => false,
        RotateWhen::Hourly => day(then) != day(now),
        RotateWhen::Daily => {
            let ((year, month, date, _), (now_year, now_month, now_date, _)) = (day(then), day(now));
            (year, month, date) != (now_year, now_month, now_date)
        }
        RotateWhen::Every(seconds) => {
            let period = |wall: Wall| wall.seconds().div_euclid(i64::from(seconds.max(1)));
            period(then) != period(now)
        }
    }
}

#[cfg(test)]
mod tests {
    use model::time::Utc;

    use super::*;

    #[test]
    fn a_period_ends_at_the_hour_at_midnight_or_at_a_multiple_of_seconds() {
        const MIDNIGHT: i64 = 951_782_400; // 2000-02-29 00:00:00 UTC
        let cases = [
            (RotateWhen::Never, -1, 1, false),
            (RotateWhen::Daily, -1, 0, true),
            (RotateWhen::Daily, 0, 86_399, false),
            (RotateWhen::Daily, 0, 86_400, true),
            (RotateWhen::Hourly, 0, 3_599, false),
            (RotateWhen::Hourly, 3_599, 3_600, true),
            (RotateWhen::Hourly, 0, 86_400, true),
            (RotateWhen::Every(10), 0, 9, false),
            (RotateWhen::Every(10), 9, 10, true),
            (RotateWhen::Daily, 1, -1, false),
        ];
        for (when, then, now, wanted) in cases {
            let at = |offset| Wall::from_seconds(MIDNIGHT + offset);
            assert_eq!(differ(when, &Utc, at(then), at(now)), wanted, "{when:?} {then} {now}");
        }
    }
}
