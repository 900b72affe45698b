//! Finding the file a command names, and whether it can be run.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use model::spawn::SpawnFailure;
use rustix::fs::{Access, access};

/// Where programs are looked for when nobody has set `PATH` (`process.py`, `get_path`).
pub const DEFAULT_PATH: &str = "/bin:/usr/bin:/usr/local/bin";

/// The file that `word`, the first of a command, stands for: itself when it holds a slash, else the
/// first entry of that name in the directories of `path`, executable or not, as the original has it
/// (`process.py`, `get_execv_args`).
///
/// # Errors
/// When it is missing, a directory, or not for us to execute.
pub fn find(word: &str, path: &str) -> Result<PathBuf, SpawnFailure> {
    let file = if word.contains('/') {
        PathBuf::from(word)
    } else {
        path.split(':')
            .map(|directory| Path::new(directory).join(word))
            .find(|it| it.exists())
            .unwrap_or_else(|| PathBuf::from(word))
    };
    match check(&file) {
        None => Ok(file),
        Some(failure) => Err(failure(file.to_string_lossy().into_owned())),
    }
}

fn check(file: &Path) -> Option<fn(String) -> SpawnFailure> {
    let Ok(about) = std::fs::metadata(file) else {
        return Some(SpawnFailure::Missing);
    };
    if about.is_dir() {
        return Some(SpawnFailure::Directory);
    }
    if about.permissions().mode() & 0o111 == 0 {
        return Some(SpawnFailure::NotExecutable);
    }
    if access(file, Access::EXEC_OK).is_err() {
        return Some(SpawnFailure::Forbidden);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_looked_up_and_a_path_is_not() {
        assert_eq!(find("sh", "/nonexistent:/bin"), Ok(PathBuf::from("/bin/sh")));
        assert_eq!(find("/bin/sh", ""), Ok(PathBuf::from("/bin/sh")));
    }

    #[test]
    fn each_obstacle_has_its_own_word() {
        let room = tempfile::tempdir().unwrap();
        let plain = room.path().join("plain");
        std::fs::write(&plain, "").unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let cases = [
            ("no-such-program".to_owned(), SpawnFailure::Missing("no-such-program".to_owned())),
            (text(&plain), SpawnFailure::NotExecutable(text(&plain))),
            (text(room.path()), SpawnFailure::Directory(text(room.path()))),
        ];
        for (word, failure) in cases {
            assert_eq!(find(&word, "/bin"), Err(failure));
        }
    }
}
