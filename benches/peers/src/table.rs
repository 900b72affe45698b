//! The table that people read.

use std::fmt::Write;

use crate::rows::{Goal, ROWS, Row};
use crate::sheet::Sheet;
use crate::stats::{median, percentile};

/// Whose numbers the goals are about.
const OURS: &str = "menshen";

/// The whole table in Markdown: a line for each contender in each row that has numbers.
pub(crate) fn text(sheet: &Sheet) -> String {
    let mut text = format!("Machine: {}\n", sheet.machine);
    let versions: Vec<String> = sheet.contenders.iter().map(|(name, it)| format!("{name} {it}")).collect();
    let _ = writeln!(text, "Contenders: {}\n", versions.join("; "));
    text.push_str("| row | contender | median | 10 % to 90 % | worst | n | ratio to ours | goal |\n");
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    for row in ROWS {
        for (name, _) in &sheet.contenders {
            line(&mut text, sheet, row, name);
        }
    }
    text.push('\n');
    for failure in &sheet.failures {
        let _ = writeln!(text, "FAILED: {failure}");
    }
    text
}

fn line(text: &mut String, sheet: &Sheet, row: &Row, name: &str) {
    let samples = sheet.samples(row.key, name);
    let Some(middle) = median(samples) else { return };
    let at = |percent| percentile(samples, percent).unwrap_or(middle);
    let ours = median(sheet.samples(row.key, OURS)).filter(|it| *it > 0.0);
    let ratio = ours.map_or_else(|| "-".to_owned(), |it| format!("{:.2}", middle / it));
    let goal = if name == OURS { verdict(sheet, row) } else { String::new() };
    let what = if name == OURS { format!("{} ({})", row.what, row.key) } else { String::new() };
    let _ = writeln!(
        text,
        "| {what} | {name} | {} {} | {} to {} | {} | {} | {ratio} | {goal} |",
        number(middle),
        row.unit,
        number(at(10)),
        number(at(90)),
        number(at(100)),
        samples.len(),
    );
}

/// Each goal of a row, and whether it is reached.
fn verdict(sheet: &Sheet, row: &Row) -> String {
    let words = row.goals.iter().map(|goal| {
        let (reached, text) = judged(sheet, row, *goal);
        let mark = match reached {
            Some(true) => "reached",
            Some(false) => "MISSED",
            None => "unknown",
        };
        format!("{text}: {mark}")
    });
    words.collect::<Vec<_>>().join("; ")
}

fn judged(sheet: &Sheet, row: &Row, goal: Goal) -> (Option<bool>, String) {
    let ours = sheet.samples(row.key, OURS);
    let middle = median(ours).unwrap_or(f64::NAN);
    let other = |name: &str| median(sheet.samples(row.key, name));
    match goal {
        Goal::AtMost(most) => (Some(middle <= most), format!("≤ {}", number(most))),
        Goal::AtLeast(least) => (Some(middle >= least), format!("≥ {}", number(least))),
        Goal::P99AtMost(most) => {
            (percentile(ours, 99).map(|it| it <= most), format!("99 % ≤ {}", number(most)))
        }
        Goal::TimesOf(times, name) => {
            (other(name).map(|it| middle <= it * times), format!("≤ {times} × {name}"))
        }
        Goal::AtLeastTimesOf(times, name) => {
            (other(name).map(|it| middle >= it * times), format!("≥ {times} × {name}"))
        }
        Goal::TimesRow(times, key) => {
            let base =
                ROWS.iter().find(|it| it.key == key).and_then(|it| median(sheet.samples(it.key, OURS)));
            (base.map(|it| middle <= it * times), format!("≤ {times} × {key}"))
        }
    }
}

/// A number with about three digits that mean something.
fn number(value: f64) -> String {
    match value.abs() {
        it if it >= 1000.0 => {
            let digits = format!("{value:.0}");
            let mut text = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) && digit.is_ascii_digit() {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
        it if it >= 100.0 => format!("{value:.0}"),
        it if it >= 10.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_mean_something() {
        let cases =
            [(0.0, "0"), (0.123, "0.12"), (12.34, "12.3"), (123.4, "123"), (1_234_567.8, "1,234,568")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_goal_is_judged_by_the_median_of_ours() {
        let names = [("menshen", ""), ("dinit", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let mut sheet = Sheet::new(names.into());
        for sample in [10.0, 12.0, 100.0] {
            sheet.push("stop-1000", "menshen", sample);
        }
        sheet.push("stop-1000", "dinit", 10.0);
        let row = ROWS.iter().find(|it| it.key == "stop-1000").unwrap();
        assert_eq!(verdict(&sheet, row), "≤ 1.2 × dinit: reached");
        sheet.push("stop-1000", "menshen", 100.0);
        assert_eq!(verdict(&sheet, row), "≤ 1.2 × dinit: MISSED");
    }
}
