//! Numbers as people read them.

use std::fmt::Write;

/// A number of seconds in its two largest units, for example `3 h 5 min`.
pub(crate) fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = match (days, hours, minutes) {
        (0, 0, 0) => write!(text, "{seconds} s"),
        (0, 0, minutes) => write!(text, "{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => write!(text, "{hours} h {minutes} min"),
        (days, hours, _) => write!(text, "{days} d {hours} h"),
    };
    text
}

/// A number of bytes with three digits or so, in units of 1024.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // In tenths of the unit, so that no digit is made up.
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    while tenths >= 10_240 {
        let Some(next) = units.next() else { break };
        (tenths, unit) = (tenths / 1024, next);
    }
    if tenths < 100 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

/// Of one processor; a tenth is enough to see what sleeps.
pub(crate) fn percent(percent: f64) -> String {
    if percent < 9.95 { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_shows_its_two_largest_units() {
        let cases = [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (11_100, "3 h 5 min"), (90_000, "1 d 1 h")];
        for (seconds, wanted) in cases {
            assert_eq!(span(seconds), wanted);
        }
    }

    #[test]
    fn bytes_keep_two_or_three_digits() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 kB"),
            (10_240, "10 kB"),
            (1_048_575, "1023 kB"),
            (1_572_864, "1.5 MB"),
            (u64::MAX, "1638 PB"),
        ];
        for (number, wanted) in cases {
            assert_eq!(bytes(number), wanted, "{number}");
        }
    }

    #[test]
    fn a_percentage_says_no_more_than_it_knows() {
        let cases = [(0.0, "0.0%"), (0.04, "0.0%"), (9.94, "9.9%"), (9.96, "10%"), (250.4, "250%")];
        for (number, wanted) in cases {
            assert_eq!(percent(number), wanted);
        }
    }
}
