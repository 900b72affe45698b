//! Numbered lines: whether every one that was written is in the files, once, whole, and in its place.

use std::collections::BTreeMap;
use std::path::Path;

use crate::actor::PADDING;

/// What was found in the files of one slot, or of many.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Lines {
    /// Lines that are whole.
    pub(crate) whole: u64,
    /// Numbers that are missing.
    pub(crate) lost: u64,
    /// Numbers that came again, or too late.
    pub(crate) doubled: u64,
    /// Lines that are no line of any writer.
    pub(crate) torn: u64,
}

impl Lines {
    pub(crate) const fn add(&mut self, other: &Self) {
        self.whole += other.whole;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.torn += other.torn;
    }
}

/// The log at `path` with its backups, the oldest first.
pub(crate) fn whole_log(path: &Path) -> Vec<u8> {
    let backup = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        std::fs::read(name).ok()
    };
    let mut parts: Vec<Vec<u8>> = (1..).map_while(backup).collect();
    parts.reverse();
    parts.push(std::fs::read(path).unwrap_or_default());
    parts.concat()
}

/// Judges the log of `slot`. `ends` says how many lines each life had written, where that is known.
pub(crate) fn judge(slot: &str, bytes: &[u8], ends: &BTreeMap<u32, u64>) -> Lines {
    let mut found = Lines::default();
    let mut last: BTreeMap<u32, u64> = BTreeMap::new();
    for line in bytes.split_inclusive(|it| *it == b'\n') {
        let Some((pid, number)) = parse(slot, line) else {
            found.torn += 1;
            continue;
        };
        let before = last.entry(pid).or_default();
        found.whole += 1;
        if number <= *before {
            found.doubled += 1;
        } else {
            found.lost += number - *before - 1;
            *before = number;
        }
    }
    for (pid, written) in ends {
        found.lost += written.saturating_sub(last.get(pid).copied().unwrap_or(0));
    }
    found
}

/// What was written, of a line as the log has it.
fn bare(line: &str) -> Option<&str> {
    if line.starts_with('{') {
        return line.split_once("\"line\":\"")?.1.strip_suffix("\"}");
    }
    Some(line.split_once(" stdout: ").map_or(line, |(_, it)| it))
}

/// The pid and the number of a line of `slot`, if it is one, with its end.
fn parse(slot: &str, line: &[u8]) -> Option<(u32, u64)> {
    let text = bare(std::str::from_utf8(line).ok()?.strip_suffix('\n')?)?;
    let mut words = text.splitn(4, ' ');
    let is_ours = words.next()? == slot;
    let (pid, number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let padding = words.next()?;
    (is_ours && padding == PADDING).then_some((pid, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pid: u32, number: u64) -> String {
        format!("w1 {pid} {number:010} the quick brown fox jumps over the lazy dog\n")
    }

    #[test]
    fn each_kind_of_damage_is_seen() {
        let ends = BTreeMap::from([(7, 4)]);
        let all: String = (1..=4).map(|it| line(7, it)).collect();
        let judged = |text: &str| judge("w1", text.as_bytes(), &ends);
        assert_eq!(judged(&all), Lines { whole: 4, ..Lines::default() });
        assert_eq!(judged(&all.replace(&line(7, 2), "")).lost, 1);
        assert_eq!(judged(&all.replace(&line(7, 4), "")).lost, 1, "the end is known");
        assert_eq!(judged(&format!("{all}{}", line(7, 3))).doubled, 1);
        assert_eq!(judged(&all.replace(&line(7, 2), &line(7, 2)[..20])).torn, 1);
        assert_eq!(judged(&all.replace("w1", "w2")).torn, 4, "lines of somebody else");
        assert_eq!(judged(&format!("{all}{}", line(8, 1))).lost, 0, "another life begins with 1");
        let prefixed = all.replace("w1 ", "2026-11-26 05:17:48,185 w1 stdout: w1 ");
        assert_eq!(judged(&prefixed), Lines { whole: 4, ..Lines::default() });
        assert_eq!(judged(&prefixed[30..]).torn, 1);
        let json = all.replace("w1 ", "{\"ts\":\"x\",\"line\":\"w1 ").replace('\n', "\"}\n");
        assert_eq!(judged(&json), Lines { whole: 4, ..Lines::default() });
        assert_eq!(judged(&json.replace("\"}\n{", "{")).torn, 1);
    }
}
