//! `<dateTime.iso8601>`: moments that there are.

/// The moment as it was written, if it is one: `YYYYMMDDTHH:MM:SS`.
pub(crate) fn checked(text: &str) -> Option<String> {
    let is_like = |(byte, pattern): (u8, u8)| match pattern {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    };
    let pattern = b"00000000T00:00:00";
    if text.len() != pattern.len() || !text.bytes().zip(*pattern).all(is_like) {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let is_date = year > 0 && (1..=days_of(year, month)).contains(&day);
    let is_time = number(9, 11)? < 24 && number(12, 14)? < 60 && number(15, 17)? < 60;
    (is_date && is_time).then(|| text.to_owned())
}

/// How many days a month has; none where it is none.
const fn days_of(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_calendar_and_the_clock_know_is_a_moment() {
        for text in ["20200101T00:00:00", "20200229T23:59:59", "20000229T00:00:00", "00010131T00:00:00"] {
            assert_eq!(checked(text).as_deref(), Some(text));
        }
        let none = [
            "",
            "zz",
            "20200230T00:00:00",
            "19000229T00:00:00",
            "20201301T00:00:00",
            "20200001T00:00:00",
            "20200100T00:00:00",
            "20200101T24:00:00",
            "20200101T00:60:00",
            "20200101T23:59:60",
            "00000101T00:00:00",
            " 20200101T00:00:00",
            "20200101 00:00:00",
            "2020-01-01T00:00:00",
        ];
        for text in none {
            assert_eq!(checked(text), None, "{text:?}");
        }
    }
}
