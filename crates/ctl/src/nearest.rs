//! What was probably meant: the nearest known name to a mistyped one.

/// Longer names are not compared: the cost is a product of lengths.
const NAME_CHARS_MAX: usize = 128;

/// The name nearest to `word`, if one is near enough to be a slip of the fingers.
pub(crate) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(NAME_CHARS_MAX).collect();
    // One slip in three characters, so that short names are not taken for other short names.
    let tolerance = word.len().div_ceil(3).min(3);
    names
        .map(|name| (distance(&word, &name.chars().take(NAME_CHARS_MAX).collect::<Vec<_>>()), name))
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many insertions, deletions, substitutions and swaps of neighbors lead from `a` to `b`.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let substituted = above[j] + usize::from(from != to);
            let mut best = substituted.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *to && *from == b[j - 1] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_a_stranger_finds_none() {
        let known = ["web", "worker", "db:primary", "cron"];
        let cases = [
            ("wbe", Some("web")),
            ("werker", Some("worker")),
            ("db:primry", Some("db:primary")),
            ("corn", Some("cron")),
            ("x", None),
            ("queue", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, known.into_iter()), expected, "{word}");
        }
    }
}
