//! Dates as HTTP writes them.

use std::time::{SystemTime, UNIX_EPOCH};

use model::time::{Utc, Wall, Zone};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// For example `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7). Times before 1970 are shown as 1970.
pub(crate) fn http_date(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let civil = Utc.civil(Wall::from_seconds(i64::try_from(since).unwrap_or(0)));
    let name = |names: &[&'static str], index: u64| {
        usize::try_from(index).ok().and_then(|it| names.get(it).copied()).unwrap_or("???")
    };
    // The first day of 1970 was a Thursday.
    let day = name(&DAYS, since / 86_400 % 7);
    let month = name(&MONTHS, u64::from(civil.month).saturating_sub(1));
    let (hour, minute, second) = (civil.hour, civil.minute, civil.second);
    format!("{day}, {:02} {month} {:04} {hour:02}:{minute:02}:{second:02} GMT", civil.day, civil.year)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_date_looks_as_in_the_standard() {
        let at = UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(UNIX_EPOCH - Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
