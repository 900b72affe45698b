//! The real machine behind [`model::outside::Outside`].

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use model::outside::{Outside, ReadError, User};

/// This machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

fn read_error(error: &std::io::Error) -> ReadError {
    let text = error.to_string();
    // The standard library appends the number, which tells an operator nothing more.
    let reason = text.split(" (os error").next().unwrap_or(&text).to_owned();
    ReadError { missing: error.kind() == std::io::ErrorKind::NotFound, reason }
}

/// Whether a shell would list `path` for `pattern`: what begins with a dot only where the pattern
/// does too, and never the directory itself or the one above it.
fn is_wanted(path: &Path, pattern: &str) -> bool {
    let names = path.as_os_str().as_bytes().split(|it| *it == b'/').rev();
    let wanted = pattern.as_bytes().split(|it| *it == b'/').rev();
    names.zip(wanted).all(|(name, pattern)| match name {
        b"." | b".." => name == pattern,
        name => !name.starts_with(b".") || pattern.starts_with(b"."),
    })
}

impl Outside for Machine {
    fn read(&self, path: &Path, limit_bytes: u64) -> Result<Vec<u8>, ReadError> {
        let file = File::open(path).map_err(|it| read_error(&it))?;
        let mut bytes = Vec::new();
        file.take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(|it| read_error(&it))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit_bytes {
            return Err(ReadError { missing: false, reason: format!("has more than {limit_bytes} bytes") });
        }
        Ok(bytes)
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let rules = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            // The crate's own rule for hidden files misses `.x` for `.*`; see `is_wanted`.
            require_literal_leading_dot: false,
        };
        // A pattern that is none matches nothing, as in the original.
        let Ok(found) = glob::glob_with(pattern, rules) else {
            return Vec::new();
        };
        let mut paths: Vec<_> =
            found.filter_map(Result::ok).filter(|path| is_wanted(path, pattern)).collect();
        paths.sort();
        paths
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn environment(&self) -> Vec<(String, String)> {
        std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    fn node_name(&self) -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    fn current_dir(&self) -> PathBuf {
        std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
    }

    fn user_named(&self, name: &str) -> Option<User> {
        crate::user::named(name)
    }

    fn user_numbered(&self, uid: u32) -> Option<User> {
        crate::user::numbered(uid)
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        crate::user::group_named(name)
    }

    fn group_exists(&self, gid: u32) -> bool {
        crate::user::group_exists(gid)
    }

    fn own_uid(&self) -> u32 {
        crate::user::own_uid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_finds_what_a_shell_would() {
        let room = tempfile::tempdir().unwrap();
        for name in ["b.ini", "a.ini", ".hidden.ini", "note.txt"] {
            std::fs::write(room.path().join(name), "").unwrap();
        }
        let found = |pattern: &str| -> Vec<String> {
            let paths = Machine.glob(room.path().join(pattern).to_str().unwrap());
            paths.iter().map(|it| it.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(found("*.ini"), ["a.ini", "b.ini"]);
        assert_eq!(found(".*"), [".hidden.ini"]);
        assert_eq!(found("[ab].ini"), ["a.ini", "b.ini"]);
        assert!(found("[").is_empty());
        assert!(found("*.none").is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_said_in_words() {
        let room = tempfile::tempdir().unwrap();
        let said = |path: &Path, limit| Machine.read(path, limit).unwrap_err();
        assert!(said(&room.path().join("none"), 10).missing);
        assert_eq!(said(room.path(), 10).reason, "Is a directory");
        let file = room.path().join("file");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(said(&file, 4).reason, "has more than 4 bytes");
        assert_eq!(Machine.read(&file, 5).unwrap(), b"12345");
    }
}
