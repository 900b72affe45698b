//! The machine as a configuration sees it, behind a trait: crate `config` reads files, users and
//! variables only through this, crate `os` has the real one, and tests pretend.

use std::path::{Path, PathBuf};

/// A user of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// Its name.
    pub name: String,
    /// Its home directory.
    pub home: PathBuf,
}

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ReadError {
    /// Whether it is simply not there.
    pub missing: bool,
    /// The reason in words, for example `Is a directory`.
    pub reason: String,
}

/// What a configuration may ask of the machine.
pub trait Outside {
    /// The bytes of a file.
    ///
    /// # Errors
    /// When it cannot be read, or has more than `limit_bytes`.
    fn read(&self, path: &Path, limit_bytes: u64) -> Result<Vec<u8>, ReadError>;

    /// The paths a shell pattern matches, sorted; hidden files only when the pattern says so.
    fn glob(&self, pattern: &str) -> Vec<PathBuf>;

    /// Whether there is a directory of this name.
    fn is_dir(&self, path: &Path) -> bool;

    /// Whether there is anything of this name.
    fn exists(&self, path: &Path) -> bool;

    /// The variables of the environment that are text.
    fn environment(&self) -> Vec<(String, String)>;

    /// The name of the machine (`uname -n`).
    fn node_name(&self) -> String;

    /// The working directory.
    fn current_dir(&self) -> PathBuf;

    /// The user with this name.
    fn user_named(&self, name: &str) -> Option<User>;

    /// The user with this number.
    fn user_numbered(&self, uid: u32) -> Option<User>;

    /// The number of the group with this name.
    fn group_named(&self, name: &str) -> Option<u32>;

    /// Whether there is a group with this number.
    fn group_exists(&self, gid: u32) -> bool;

    /// The user this process runs as.
    fn own_uid(&self) -> u32;
}
