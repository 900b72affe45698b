//! The machine, asked in the original's words.

use std::collections::BTreeMap;
use std::path::Path;

use model::outside::{Outside, User};

use crate::python;
use crate::value::ValueError;

/// Where to look for a directory for temporary files when no variable names one (`tempfile.gettempdir`).
const TEMPORARY_DIRECTORIES: [&str; 3] = ["/tmp", "/var/tmp", "/usr/tmp"];

/// What there is outside, with what never changes asked once.
pub(crate) struct Machine<'a> {
    pub(crate) outside: &'a dyn Outside,
    /// The variables of the environment.
    pub(crate) variables: BTreeMap<String, String>,
    /// Its name.
    pub(crate) node_name: String,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(outside: &'a dyn Outside) -> Self {
        let variables = outside.environment().into_iter().collect();
        Self { outside, variables, node_name: outside.node_name() }
    }

    /// `os.path.abspath`.
    pub(crate) fn absolute(&self, path: &str) -> String {
        python::normalize(&python::join(&self.outside.current_dir().to_string_lossy(), path))
    }

    /// An absolute path, with `~` replaced (`options.py`, `normalize_path`).
    pub(crate) fn full_path(&self, path: &str) -> String {
        self.absolute(&self.expand_user(path))
    }

    /// Replaces a leading `~` or `~user` by a home directory, if that is known
    /// (`os.path.expanduser`).
    pub(crate) fn expand_user(&self, path: &str) -> String {
        let Some(rest) = path.strip_prefix('~') else { return path.to_owned() };
        let (name, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let home = match name {
            "" => self.variables.get("HOME").cloned().or_else(|| self.own_home()),
            name => self.outside.user_named(name).map(|it| it.home.to_string_lossy().into_owned()),
        };
        let Some(home) = home else { return path.to_owned() };
        match format!("{}{tail}", home.trim_end_matches('/')) {
            empty if empty.is_empty() => "/".to_owned(),
            path => path,
        }
    }

    fn own_home(&self) -> Option<String> {
        let user = self.outside.user_numbered(self.outside.own_uid())?;
        Some(user.home.to_string_lossy().into_owned())
    }

    /// A directory that must exist.
    pub(crate) fn existing_directory(&self, text: &str) -> Result<String, ValueError> {
        let path = self.expand_user(text);
        if self.outside.is_dir(Path::new(&path)) {
            Ok(path)
        } else {
            Err(ValueError::Directory(text.to_owned()))
        }
    }

    /// A file whose directory must exist, if it names one.
    pub(crate) fn existing_dirpath(&self, text: &str) -> Result<String, ValueError> {
        let path = self.expand_user(text);
        let directory = python::dirname(&path);
        if directory.is_empty() || self.outside.is_dir(Path::new(directory)) {
            Ok(path)
        } else {
            Err(ValueError::ParentDirectory(text.to_owned()))
        }
    }

    /// A user by name or number.
    pub(crate) fn user(&self, text: &str) -> Result<User, ValueError> {
        match python::integer(text, 10) {
            Some(number) => u32::try_from(number.clamped)
                .ok()
                .and_then(|uid| self.outside.user_numbered(uid))
                .ok_or_else(|| ValueError::UserId(text.to_owned())),
            None => self.outside.user_named(text).ok_or_else(|| ValueError::UserName(text.to_owned())),
        }
    }

    fn group(&self, text: &str) -> Option<u32> {
        match python::integer(text, 10) {
            Some(number) => u32::try_from(number.clamped).ok().filter(|gid| self.outside.group_exists(*gid)),
            None => self.outside.group_named(text),
        }
    }

    /// `user` or `user:group`.
    pub(crate) fn owner(&self, text: &str) -> Result<(u32, Option<u32>), ValueError> {
        let bad = || ValueError::Owner(text.to_owned());
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(self.group(group).ok_or_else(bad)?)),
            None => (text, None),
        };
        Ok((self.user(user).map_err(|_| bad())?.uid, group))
    }

    /// The directory for temporary files.
    pub(crate) fn temporary_directory(&self) -> String {
        let variables = ["TMPDIR", "TEMP", "TMP"].iter().filter_map(|it| self.variables.get(*it));
        let named = variables.filter(|it| !it.is_empty()).map(|it| self.absolute(it));
        let usual = TEMPORARY_DIRECTORIES.into_iter().map(str::to_owned);
        named
            .chain(usual)
            .find(|it| self.outside.is_dir(Path::new(it)))
            .unwrap_or_else(|| self.outside.current_dir().to_string_lossy().into_owned())
    }
}
