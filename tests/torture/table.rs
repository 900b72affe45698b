//! The table: what a case did, what it found, and whether that is all right.

use std::time::Duration;

use crate::lines::Lines;

/// What came of one case.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) seconds: f64,
    /// Faults that were really done: kills, mostly.
    pub(crate) faults: usize,
    pub(crate) starts: usize,
    pub(crate) exits: usize,
    pub(crate) lines: Lines,
    pub(crate) copies: usize,
    /// Ends of lives that no event told of, and those that were told more than once.
    pub(crate) untold: usize,
    pub(crate) told_again: usize,
    /// How many of the untold are nobody's fault: a child that is made at the moment in which the keeper dies, and
    /// ends before anybody looks, was never known to anybody but itself.
    pub(crate) excused: usize,
    /// Whether what was kept for the next one was damaged. Nothing then says which letters were sent, so that one may come
    /// twice, with one serial, by which a listener can tell; and output that was under way may suffer.
    pub(crate) is_damaged: bool,
    pub(crate) zombies: usize,
    pub(crate) descriptors: usize,
    pub(crate) canaries_hurt: usize,
    pub(crate) survivors: usize,
    /// How long it took after each fault until the supervisor answered again.
    pub(crate) away: Vec<Duration>,
    /// Anything else that must not be, each a sentence.
    pub(crate) complaints: Vec<String>,
}

impl Row {
    /// Whether everything is as promised.
    pub(crate) fn is_clean(&self) -> bool {
        let is_excused = |name: &str| self.is_damaged && ["lost", "doubled", "torn"].contains(&name);
        let is_right = |(name, number): &(&str, u64)| *number == 0 || is_excused(name);
        self.complaints.is_empty() && self.numbers().iter().all(is_right)
    }

    /// What must be zero.
    fn numbers(&self) -> [(&'static str, u64); 10] {
        let count = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
        [
            ("lost", self.lines.lost),
            ("doubled", self.lines.doubled),
            ("torn", self.lines.torn),
            ("copies", count(self.copies)),
            ("untold", count(self.untold.saturating_sub(self.excused))),
            ("told twice", count(self.told_again)),
            ("zombies", count(self.zombies)),
            ("leaked fds", count(self.descriptors)),
            ("canaries", count(self.canaries_hurt)),
            ("survivors", count(self.survivors)),
        ]
    }
}

/// The whole table as Markdown, so that it can be put into a document as it is.
pub(crate) fn print(rows: &[Row]) -> String {
    let names = Row::default().numbers().map(|(name, _)| name).join(" | ");
    let mut text = vec![
        format!("| case | seconds | faults | starts | exits | lines | {names} | away, median / max | |"),
        format!("|---|{}---|---|", "---:|".repeat(15)),
    ];
    text.extend(rows.iter().map(line));
    let complaints = |row: &Row| {
        let all = row.complaints.iter().map(|it| format!("{}: {it}", row.case));
        all.collect::<Vec<_>>()
    };
    text.extend(rows.iter().flat_map(complaints));
    text.extend(rows.iter().filter(|it| it.untold > 0 && it.excused > 0).map(|row| {
        let (case, untold) = (row.case, row.untold.min(row.excused));
        format!(
            "{case}: not counted: {untold} that were made as the keeper died, and ended before anybody looked"
        )
    }));
    text.join("\n")
}

fn line(row: &Row) -> String {
    let numbers = row.numbers().map(|(_, it)| it.to_string()).join(" | ");
    let verdict = if row.is_clean() { "ok" } else { "**FAILED**" };
    let Row { case, seconds, faults, starts, exits, .. } = row;
    let (lines, away) = (row.lines.whole, away(&row.away));
    format!(
        "| {case} | {seconds:.0} | {faults} | {starts} | {exits} | {lines} | {numbers} | {away} | {verdict} |"
    )
}

fn away(all: &[Duration]) -> String {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    let (Some(median), Some(most)) = (sorted.get(sorted.len() / 2), sorted.last()) else {
        return "-".to_owned();
    };
    format!("{} / {} ms", median.as_millis(), most.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_amiss_is_a_failure() {
        let mut row = Row { case: "calm", ..Row::default() };
        assert!(row.is_clean() && print(&[Row::default()]).contains("| ok |"));
        row.lines.lost = 1;
        assert!(!row.is_clean() && print(&[row]).contains("**FAILED**"));
        let row = Row { complaints: vec!["it ended".to_owned()], case: "calm", ..Row::default() };
        assert!(print(&[row]).contains("calm: it ended"));
    }
}
