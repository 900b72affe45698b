//! A machine for tests: files in a map, a handful of users.

use std::path::{Path, PathBuf};

use model::outside::{Outside, ReadError, User};

pub(crate) struct Pretend {
    files: Vec<(String, Vec<u8>)>,
    pub(crate) variables: Vec<(String, String)>,
}

impl Pretend {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        let variables = [("HOME", "/home/me"), ("PATH", "/bin")];
        Self { files, variables: variables.map(|(k, v)| (k.to_owned(), v.to_owned())).into() }
    }

    pub(crate) fn with_bytes(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.push((path.to_owned(), bytes.to_vec()));
        self
    }

    fn user(uid: u32, name: &str) -> User {
        User { uid, gid: uid + 1000, name: name.to_owned(), home: format!("/home/{name}").into() }
    }
}

const USERS: [(u32, &str); 3] = [(0, "root"), (7, "web"), (8, "db")];

impl Outside for Pretend {
    fn read(&self, path: &Path, limit_bytes: u64) -> Result<Vec<u8>, ReadError> {
        let found = self.files.iter().find(|(name, _)| Path::new(name) == path);
        match found {
            Some((_, bytes)) if u64::try_from(bytes.len()).unwrap() > limit_bytes => {
                Err(ReadError { missing: false, reason: format!("has more than {limit_bytes} bytes") })
            }
            Some((_, bytes)) => Ok(bytes.clone()),
            None if self.is_dir(path) => {
                Err(ReadError { missing: false, reason: "Is a directory".to_owned() })
            }
            None => Err(ReadError { missing: true, reason: "No such file or directory".to_owned() }),
        }
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let (head, tail) = pattern.split_once('*').unwrap_or((pattern, ""));
        let matches = |it: &&String| {
            let long_enough = it.len() >= head.len() + tail.len();
            if pattern.contains('*') {
                long_enough && it.starts_with(head) && it.ends_with(tail)
            } else {
                *it == pattern
            }
        };
        let mut found: Vec<PathBuf> =
            self.files.iter().map(|(path, _)| path).filter(matches).map(PathBuf::from).collect();
        if self.is_dir(Path::new(pattern)) {
            found.push(pattern.into());
        }
        found.sort();
        found
    }

    fn is_dir(&self, path: &Path) -> bool {
        ["/", "/tmp", "/etc", "/etc/conf.d", "/var/log", "/home/me"].map(Path::new).contains(&path)
    }

    fn exists(&self, path: &Path) -> bool {
        self.is_dir(path) || self.files.iter().any(|(name, _)| Path::new(name) == path)
    }

    fn environment(&self) -> Vec<(String, String)> {
        self.variables.clone()
    }

    fn node_name(&self) -> String {
        "node".to_owned()
    }

    fn current_dir(&self) -> PathBuf {
        "/work".into()
    }

    fn user_named(&self, name: &str) -> Option<User> {
        USERS.iter().find(|(_, it)| *it == name).map(|(uid, name)| Self::user(*uid, name))
    }

    fn user_numbered(&self, uid: u32) -> Option<User> {
        USERS.iter().find(|(it, _)| *it == uid).map(|(uid, name)| Self::user(*uid, name))
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        (name == "www").then_some(33)
    }

    fn group_exists(&self, gid: u32) -> bool {
        gid == 33
    }

    fn own_uid(&self) -> u32 {
        0
    }
}
