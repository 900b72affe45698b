//! What to do with a file that is full.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How the files of a log make room, without the last step: to open a new file, or to go on in the
/// one that was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Give a file another name, in the place of any that has it.
    Rename {
        /// Its name.
        from: PathBuf,
        /// Its new name.
        to: PathBuf,
    },
    /// Remove a file that none takes the place of.
    Remove(PathBuf),
    /// Cut the file off at its beginning.
    Truncate,
}

/// What may follow the number of a rotated log: nothing, or what tells how it was made smaller.
pub(crate) const SUFFIXES: [&str; 3] = ["", ".gz", ".zst"];

/// The steps to take when the log at `path` is full; `exists` tells whether there is a file.
///
/// The rule of the original (`loggers.py`, `doRollover`): every older file moves up by one, the
/// oldest is lost, `path` becomes `path.1`; without backups the file itself is emptied. Where a
/// number is free, the files above it stay where they are: nothing has to make room for more than
/// there is, and a count of backups in the millions costs nothing.
pub(crate) fn steps(path: &Path, backups: i64, exists: impl Fn(&Path) -> bool) -> Vec<Step> {
    if backups <= 0 {
        return vec![Step::Truncate];
    }
    let forms = |number| {
        let present = |it: &&str| exists(&numbered(path, number, it));
        SUFFIXES.into_iter().filter(present).collect::<Vec<_>>()
    };
    let taken = (1..backups).take_while(|it| !forms(*it).is_empty()).last().unwrap_or(0);
    let mut steps = Vec::new();
    if taken == backups - 1 {
        // The oldest is lost by being overwritten, except where its successor has another form.
        let over = if taken == 0 { vec![""] } else { forms(taken) };
        let lost = forms(backups).into_iter().filter(|it| !over.contains(it));
        steps.extend(lost.map(|it| Step::Remove(numbered(path, backups, it))));
    }
    for number in (1..=taken).rev() {
        steps.extend(
            forms(number).into_iter().map(|it| Step::Rename {
                from: numbered(path, number, it),
                to: numbered(path, number + 1, it),
            }),
        );
    }
    steps.push(Step::Rename { from: path.to_owned(), to: numbered(path, 1, "") });
    steps
}

/// The name of a rotated log.
pub(crate) fn numbered(path: &Path, number: i64, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}{suffix}"));
    name.into()
}

/// The rotated logs there are, the newest first, up to the first number that is free.
pub(crate) fn rotated(path: &Path) -> impl Iterator<Item = PathBuf> {
    let path = path.to_owned();
    (1..)
        .map_while(move |number| {
            let forms = SUFFIXES.map(|it| numbered(&path, number, it));
            let there: Vec<_> = forms.into_iter().filter(|it| it.symlink_metadata().is_ok()).collect();
            (!there.is_empty()).then_some(there)
        })
        .flatten()
}

/// Which rotated logs must go for the log and them to have no more than `bytes_max`; it may itself
/// have `reserved` bytes. `sizes` has theirs, the newest first.
pub(crate) fn beyond(sizes: &[u64], reserved: u64, bytes_max: u64) -> usize {
    let mut total = reserved;
    let kept = sizes.iter().take_while(|it| {
        total = total.saturating_add(**it);
        total <= bytes_max
    });
    sizes.len() - kept.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps, in short: `1>2 0>1`.
    fn shown(backups: i64, there: &[i64]) -> String {
        let path = Path::new("/l");
        let names: Vec<PathBuf> = there.iter().map(|it| numbered(path, *it, "")).collect();
        let short = |path: &Path| match path.to_str().unwrap().strip_prefix("/l") {
            Some("") => "0".to_owned(),
            Some(number) => number.trim_start_matches('.').to_owned(),
            None => unreachable!("every name begins so"),
        };
        let steps = steps(path, backups, |it| names.iter().any(|name| name == it));
        let shown = steps.iter().map(|step| match step {
            Step::Rename { from, to } => format!("{}>{}", short(from), short(to)),
            Step::Remove(path) => format!("-{}", short(path)),
            Step::Truncate => "cut".to_owned(),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_files_of_a_log_move_up_by_one_and_the_oldest_is_lost() {
        let cases: [(i64, &[i64], &str); 10] = [
            (0, &[], "cut"),
            (-1, &[1], "cut"),
            (1, &[], "0>1"),
            (1, &[1], "0>1"),
            (2, &[1], "1>2 0>1"),
            (2, &[1, 2], "1>2 0>1"),
            (3, &[1, 2], "2>3 1>2 0>1"),
            (10, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "9>10 8>9 7>8 6>7 5>6 4>5 3>4 2>3 1>2 0>1"),
            (5, &[1, 3], "1>2 0>1"),
            (i64::MAX, &[1, 2], "2>3 1>2 0>1"),
        ];
        for (backups, there, wanted) in cases {
            assert_eq!(shown(backups, there), wanted, "{backups} {there:?}");
        }
    }

    #[test]
    fn files_that_were_made_smaller_move_up_with_the_others() {
        let path = Path::new("/l");
        let there = ["/l.1", "/l.2.gz", "/l.3.zst"];
        let steps = steps(path, 3, |it| there.iter().any(|name| Path::new(name) == it));
        let wanted = [
            Step::Remove("/l.3.zst".into()),
            Step::Rename { from: "/l.2.gz".into(), to: "/l.3.gz".into() },
            Step::Rename { from: "/l.1".into(), to: "/l.2".into() },
            Step::Rename { from: "/l".into(), to: "/l.1".into() },
        ];
        assert_eq!(steps, wanted);
    }

    #[test]
    fn the_oldest_go_until_the_rest_has_room() {
        let cases: [(&[u64], u64, u64, usize); 5] = [
            (&[], 10, 5, 0),
            (&[1, 1, 1], 10, 13, 0),
            (&[1, 1, 1], 10, 12, 1),
            (&[1, 5, 1], 10, 12, 2),
            (&[1, 1], 10, 5, 2),
        ];
        for (sizes, reserved, bytes_max, wanted) in cases {
            assert_eq!(beyond(sizes, reserved, bytes_max), wanted, "{sizes:?} {reserved} {bytes_max}");
        }
    }
}
