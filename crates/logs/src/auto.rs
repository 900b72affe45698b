//! Logs with a name of their own (`stdout_logfile=AUTO`): made for each start of the daemon, and
//! removed at the next.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use model::child::Channel;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;

/// Of these the random part of a name consists, as in Python's `tempfile`.
const LETTERS: &[u8; 37] = b"abcdefghijklmnopqrstuvwxyz0123456789_";

/// How many of them.
const LETTER_COUNT: usize = 8;

/// How many names are tried. Two of 37⁸ agree so rarely that a second attempt will do; the rest are
/// for a folder that somebody has filled on purpose.
const ATTEMPTS_MAX: u32 = 100;

/// Makes an empty log in `folder` that only its owner can read, and returns its path:
/// `<name>-<channel>---<identifier>-<8 random characters>.log` (`options.py`,
/// `get_autochildlog_name`).
///
/// # Errors
/// When it cannot be made.
pub fn create(folder: &Path, name: &str, channel: Channel, identifier: &str) -> io::Result<PathBuf> {
    for _ in 0..ATTEMPTS_MAX {
        let path = folder.join(format!("{name}-{channel}---{identifier}-{}.log", random()?));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match open(&path, flags, Mode::RUSR | Mode::WUSR) {
            Ok(_) => return Ok(path),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Removes the logs that earlier daemons of this `identifier` made in `folder`, and what rotation
/// made of them (`options.py`, `clear_autochildlogdir`); returns the original's warnings.
///
/// To be called only by a daemon that is sure to be the only one: it cannot tell the logs of a dead
/// daemon from those of a living one.
pub fn clean_up(folder: &Path, identifier: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return vec!["Could not clear childlog dir".to_owned()];
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|it| is_stale(&it.file_name(), identifier))
        .map(|it| it.path())
        .collect();
    paths.sort();
    paths.retain(|it| fs::remove_file(it).is_err_and(|error| error.kind() != io::ErrorKind::NotFound));
    paths.iter().map(|it| format!("Failed to clean up '{}'", it.display())).collect()
}

/// Whether `name` matches `.+?---<identifier>-\S+\.log` at its beginning. The identifier stands for
/// itself; in the original it is a pattern, so that one with a dot can remove the logs of others.
fn is_stale(name: &OsStr, identifier: &str) -> bool {
    let name = name.to_string_lossy();
    let middle = format!("---{identifier}-");
    let line = name.split('\n').next().unwrap_or_default();
    name.match_indices(&middle).filter(|(at, _)| (1..=line.len()).contains(at)).any(|(at, _)| {
        let word = name.get(at + middle.len()..).unwrap_or_default();
        let word = word.split(char::is_whitespace).next().unwrap_or_default();
        word.char_indices().nth(1).and_then(|(at, _)| word.get(at..)).is_some_and(|it| it.contains(".log"))
    })
}

fn random() -> io::Result<String> {
    let mut bytes = [0; LETTER_COUNT];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let letters = LETTERS.iter().map(|it| char::from(*it)).cycle();
    Ok(bytes.iter().filter_map(|it| letters.clone().nth(usize::from(*it))).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_log_of_its_own_is_empty_private_and_known_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let one = create(folder.path(), "web", Channel::Stdout, "supervisor").unwrap();
        let other = create(folder.path(), "web", Channel::Stdout, "supervisor").unwrap();
        assert_ne!(one, other);
        let name = one.file_name().unwrap().to_str().unwrap();
        let random = name.strip_prefix("web-stdout---supervisor-").and_then(|it| it.strip_suffix(".log"));
        let random = random.unwrap_or_else(|| panic!("{name}"));
        assert_eq!(random.len(), LETTER_COUNT);
        assert!(random.bytes().all(|it| LETTERS.contains(&it)), "{random}");
        let found = fs::metadata(&one).unwrap();
        assert_eq!((found.permissions().mode() & 0o777, found.len()), (0o600, 0));
        assert!(create(&folder.path().join("missing"), "web", Channel::Stderr, "x").is_err());
    }

    #[test]
    fn logs_of_earlier_starts_are_known_by_their_names() {
        let cases = [
            ("web-stdout---sup-abcd_123.log", true),
            ("web-stdout---sup-abcd_123.log.1", true),
            ("web-stdout---sup-abcd_123.log.bak", true),
            ("x---sup-a.log", true),
            ("x---y---sup-a.log", true),
            ("---sup-a.log", false),
            ("x---sup-.log", false),
            ("x---sup-..log", true),
            ("x---sup-a b.log", false),
            ("x---other-a.log", false),
            ("x---sup-a.txt", false),
            ("x---sup2-a.log", false),
            ("x\n---sup-a.log", false),
            ("x---sup-a.log\n", true),
            ("web.log", false),
        ];
        for (name, wanted) in cases {
            assert_eq!(is_stale(OsStr::new(name), "sup"), wanted, "{name:?}");
        }
        assert!(is_stale(OsStr::new("x---s.p-a.log"), "s.p"));
        assert!(!is_stale(OsStr::new("x---sup-a.log"), "s.p"), "a dot is a dot");
    }

    #[test]
    fn what_cannot_be_removed_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a-stdout---sup-12345678.log", "a-stdout---sup-12345678.log.3", "kept.log"] {
            fs::write(path(name), "x").unwrap();
        }
        fs::create_dir(path("b---sup-x.log")).unwrap();
        let warnings = clean_up(folder.path(), "sup");
        assert_eq!(warnings, [format!("Failed to clean up '{}'", path("b---sup-x.log").display())]);
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["b---sup-x.log", "kept.log"]);
        assert_eq!(clean_up(&path("missing"), "sup"), ["Could not clear childlog dir"]);
    }
}
