//! The real machine behind [`model::outside::Outside`].

use std::fs::File;
use std::io::Read;
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
            require_literal_leading_dot: true,
        };
        // A pattern that is none matches nothing, as in the original.
        let Ok(found) = glob::glob_with(pattern, rules) else {
            return Vec::new();
        };
        let mut paths: Vec<_> = found.filter_map(Result::ok).collect();
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
