//! Any files are either a configuration or an error that is told, and the same each time.
//!
//! A NUL in the input starts the text of a second file, which the first may include.
#![no_main]

use std::path::{Path, PathBuf};

use config::diagnostic::Severity;
use config::{Overrides, load};
use libfuzzer_sys::fuzz_target;
use model::outside::{Outside, ReadError, User};

const MAIN: &str = "/etc/supervisord.conf";
const SECOND: &str = "/etc/conf.d/a.conf";

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let machine = Pretend {
        main: parts.next().unwrap_or_default().to_vec(),
        second: parts.next().unwrap_or_default().to_vec(),
    };
    let loaded = load(Path::new(MAIN), &Overrides::default(), &machine);
    let has_error = loaded.diagnostics.iter().any(|it| it.severity == Severity::Error);
    assert_eq!(loaded.config.is_none(), has_error, "refused and told why, or taken");
    assert_eq!(loaded.first_error().is_some(), has_error);
    if let Some(config) = &loaded.config {
        assert!(config.files.len() <= config::INCLUDED_FILES_MAX + 1);
    }
    assert!(loaded == load(Path::new(MAIN), &Overrides::default(), &machine), "twice the same");
});

struct Pretend {
    main: Vec<u8>,
    second: Vec<u8>,
}

impl Outside for Pretend {
    fn read(&self, path: &Path, limit_bytes: u64) -> Result<Vec<u8>, ReadError> {
        let bytes = match path.to_str() {
            Some(MAIN) => &self.main,
            Some(SECOND) => &self.second,
            _ => return Err(ReadError { missing: true, reason: "No such file or directory".to_owned() }),
        };
        if u64::try_from(bytes.len()).is_ok_and(|it| it > limit_bytes) {
            return Err(ReadError { missing: false, reason: format!("has more than {limit_bytes} bytes") });
        }
        Ok(bytes.clone())
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        match pattern.split_once('*') {
            None => [MAIN, SECOND].iter().filter(|it| **it == pattern).map(PathBuf::from).collect(),
            Some((head, tail)) => [SECOND, MAIN]
                .iter()
                .filter(|it| it.starts_with(head) && it.ends_with(tail))
                .map(PathBuf::from)
                .collect(),
        }
    }

    fn is_dir(&self, path: &Path) -> bool {
        ["/", "/tmp", "/etc", "/etc/conf.d", "/var/log", "/home/me"].map(Path::new).contains(&path)
    }

    fn exists(&self, path: &Path) -> bool {
        self.is_dir(path) || [MAIN, SECOND].map(Path::new).contains(&path)
    }

    fn environment(&self) -> Vec<(String, String)> {
        [("HOME", "/home/me"), ("PATH", "/bin")].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    fn node_name(&self) -> String {
        "node".to_owned()
    }

    fn current_dir(&self) -> PathBuf {
        "/tmp".into()
    }

    fn user_named(&self, name: &str) -> Option<User> {
        (name == "web").then(|| web(7))
    }

    fn user_numbered(&self, uid: u32) -> Option<User> {
        (uid == 7).then(|| web(uid))
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

fn web(uid: u32) -> User {
    User { uid, gid: 33, name: "web".to_owned(), home: "/home/web".into() }
}
