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
    /// Cut the file off at its beginning.
    Truncate,
}

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
    let taken = (1..backups).take_while(|it| exists(&numbered(path, *it))).last().unwrap_or(0);
    let mut steps: Vec<Step> = (1..=taken)
        .rev()
        .map(|it| Step::Rename { from: numbered(path, it), to: numbered(path, it + 1) })
        .collect();
    steps.push(Step::Rename { from: path.to_owned(), to: numbered(path, 1) });
    steps
}

fn numbered(path: &Path, number: i64) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps, in short: `1>2 0>1`.
    fn shown(backups: i64, there: &[i64]) -> String {
        let path = Path::new("/l");
        let names: Vec<PathBuf> = there.iter().map(|it| numbered(path, *it)).collect();
        let short = |path: &Path| match path.to_str().unwrap().strip_prefix("/l") {
            Some("") => "0".to_owned(),
            Some(number) => number.trim_start_matches('.').to_owned(),
            None => unreachable!("every name begins so"),
        };
        let steps = steps(path, backups, |it| names.iter().any(|name| name == it));
        let shown = steps.iter().map(|step| match step {
            Step::Rename { from, to } => format!("{}>{}", short(from), short(to)),
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
}
