//! A configuration on tape: everything the machine answered while it was read, so that a later daemon can
//! read the same configuration again, whatever has become of the files meanwhile.
//!
//! A daemon that takes the place of a dead one must obey what was in force, not what somebody has begun to
//! edit. Answers are kept rather than their meaning, because the files of a user stay readable for every
//! version to come, which the inside of a program does not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::outside::{Outside, ReadError, User};
use serde_json::{Map, Value, json};

/// The answers, by question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tape {
    answers: BTreeMap<String, Value>,
}

impl Tape {
    /// As bytes for a file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let answers: Map<String, Value> =
            self.answers.iter().map(|(question, answer)| (question.clone(), answer.clone())).collect();
        Value::Object(answers).to_string().into_bytes()
    }

    /// What [`Tape::to_bytes`] wrote; `None` for anything else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let answers: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
        Some(Self { answers: answers.into_iter().collect() })
    }
}

/// A machine that remembers what it has said.
pub(crate) struct Recorder<'a> {
    outside: &'a dyn Outside,
    tape: RefCell<Tape>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(outside: &'a dyn Outside) -> Self {
        Self { outside, tape: RefCell::default() }
    }

    /// What was said.
    pub(crate) fn into_tape(self) -> Tape {
        self.tape.into_inner()
    }

    /// Takes note of an answer that can be written down.
    fn note(&self, question: String, answer: Value) {
        self.tape.borrow_mut().answers.insert(question, answer);
    }
}

/// A machine that says again what it said. What it was not asked then, it looks up now.
pub(crate) struct Replay<'a> {
    pub(crate) outside: &'a dyn Outside,
    pub(crate) tape: &'a Tape,
}

impl Replay<'_> {
    fn answer(&self, question: &str) -> Option<&Value> {
        self.tape.answers.get(question)
    }

    fn flag(&self, question: &str) -> Option<bool> {
        self.answer(question)?.as_bool()
    }
}

/// What is on tape answers another question.
struct NoAnswer;

/// A question: what is asked, about what.
fn about(what: &str, of: impl std::fmt::Display) -> String {
    format!("{what} {of}")
}

fn about_path(what: &str, path: &Path) -> String {
    about(what, path.display())
}

fn file_to_json(file: &Result<Vec<u8>, ReadError>) -> Option<Value> {
    match file {
        // A file that is no text is a mistake, and no configuration with a mistake is kept.
        Ok(bytes) => Some(json!({ "text": std::str::from_utf8(bytes).ok()? })),
        Err(ReadError { missing, reason }) => Some(json!({ "missing": missing, "reason": reason })),
    }
}

fn file_from_json(value: &Value) -> Option<Result<Vec<u8>, ReadError>> {
    if let Some(text) = value.get("text") {
        return Some(Ok(text.as_str()?.as_bytes().to_vec()));
    }
    let missing = value.get("missing")?.as_bool()?;
    Some(Err(ReadError { missing, reason: value.get("reason")?.as_str()?.to_owned() }))
}

fn user_to_json(user: Option<&User>) -> Option<Value> {
    let Some(User { uid, gid, name, home }) = user else { return Some(Value::Null) };
    Some(json!({ "uid": uid, "gid": gid, "name": name, "home": home.to_str()? }))
}

/// A user, or that there is none; an error when it says neither.
fn known_user(value: &Value) -> Result<Option<User>, NoAnswer> {
    if value.is_null() { Ok(None) } else { user_from_json(value).map(Some).ok_or(NoAnswer) }
}

fn user_from_json(value: &Value) -> Option<User> {
    let number = |key| u32::try_from(value.get(key)?.as_u64()?).ok();
    let text = |key| value.get(key)?.as_str();
    Some(User {
        uid: number("uid")?,
        gid: number("gid")?,
        name: text("name")?.to_owned(),
        home: text("home")?.into(),
    })
}

impl Outside for Recorder<'_> {
    fn read(&self, path: &Path, limit_bytes: u64) -> Result<Vec<u8>, ReadError> {
        let file = self.outside.read(path, limit_bytes);
        if let Some(answer) = file_to_json(&file) {
            self.note(about_path("read", path), answer);
        }
        file
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let found = self.outside.glob(pattern);
        if let Some(paths) = found.iter().map(|it| it.to_str()).collect::<Option<Vec<_>>>() {
            self.note(about("glob", pattern), json!(paths));
        }
        found
    }

    fn is_dir(&self, path: &Path) -> bool {
        let is_dir = self.outside.is_dir(path);
        self.note(about_path("directory", path), json!(is_dir));
        is_dir
    }

    fn exists(&self, path: &Path) -> bool {
        let exists = self.outside.exists(path);
        self.note(about_path("exists", path), json!(exists));
        exists
    }

    /// Not on tape: every daemon of a keeper is given the same.
    fn environment(&self) -> Vec<(String, String)> {
        self.outside.environment()
    }

    fn node_name(&self) -> String {
        let name = self.outside.node_name();
        self.note("node name".to_owned(), json!(name));
        name
    }

    fn current_dir(&self) -> PathBuf {
        let directory = self.outside.current_dir();
        if let Some(text) = directory.to_str() {
            self.note("current directory".to_owned(), json!(text));
        }
        directory
    }

    fn user_named(&self, name: &str) -> Option<User> {
        let user = self.outside.user_named(name);
        if let Some(answer) = user_to_json(user.as_ref()) {
            self.note(about("user", name), answer);
        }
        user
    }

    fn user_numbered(&self, uid: u32) -> Option<User> {
        let user = self.outside.user_numbered(uid);
        if let Some(answer) = user_to_json(user.as_ref()) {
            self.note(about("uid", uid), answer);
        }
        user
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        let group = self.outside.group_named(name);
        self.note(about("group", name), json!(group));
        group
    }

    fn group_exists(&self, gid: u32) -> bool {
        let exists = self.outside.group_exists(gid);
        self.note(about("gid", gid), json!(exists));
        exists
    }

    fn own_uid(&self) -> u32 {
        self.outside.own_uid()
    }
}

impl Outside for Replay<'_> {
    fn read(&self, path: &Path, limit_bytes: u64) -> Result<Vec<u8>, ReadError> {
        let kept = self.answer(&about_path("read", path)).and_then(file_from_json);
        kept.unwrap_or_else(|| self.outside.read(path, limit_bytes))
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let kept = self.answer(&about("glob", pattern)).and_then(|it| {
            it.as_array()?.iter().map(|it| it.as_str().map(PathBuf::from)).collect::<Option<Vec<_>>>()
        });
        kept.unwrap_or_else(|| self.outside.glob(pattern))
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.flag(&about_path("directory", path)).unwrap_or_else(|| self.outside.is_dir(path))
    }

    fn exists(&self, path: &Path) -> bool {
        self.flag(&about_path("exists", path)).unwrap_or_else(|| self.outside.exists(path))
    }

    fn environment(&self) -> Vec<(String, String)> {
        self.outside.environment()
    }

    fn node_name(&self) -> String {
        let kept = self.answer("node name").and_then(|it| it.as_str().map(str::to_owned));
        kept.unwrap_or_else(|| self.outside.node_name())
    }

    fn current_dir(&self) -> PathBuf {
        let kept = self.answer("current directory").and_then(|it| it.as_str().map(PathBuf::from));
        kept.unwrap_or_else(|| self.outside.current_dir())
    }

    fn user_named(&self, name: &str) -> Option<User> {
        let kept = self.answer(&about("user", name)).and_then(|it| known_user(it).ok());
        kept.unwrap_or_else(|| self.outside.user_named(name))
    }

    fn user_numbered(&self, uid: u32) -> Option<User> {
        let kept = self.answer(&about("uid", uid)).and_then(|it| known_user(it).ok());
        kept.unwrap_or_else(|| self.outside.user_numbered(uid))
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        match self.answer(&about("group", name)) {
            Some(kept) => kept.as_u64().and_then(|it| u32::try_from(it).ok()),
            None => self.outside.group_named(name),
        }
    }

    fn group_exists(&self, gid: u32) -> bool {
        self.flag(&about("gid", gid)).unwrap_or_else(|| self.outside.group_exists(gid))
    }

    fn own_uid(&self) -> u32 {
        self.outside.own_uid()
    }
}

#[cfg(test)]
mod tests {
    use config::Overrides;
    use os::outside::Machine;

    use super::*;

    const MAIN: &str = "[supervisord]\nuser=root\n[include]\nfiles=conf.d/*.ini\n";
    const WEB: &str = "[program:web]\ncommand=/bin/cat\ndirectory=%(here)s\nstdout_logfile=%(here)s/%(host_node_name)s.log\n";

    /// The groups of the configuration in `room`, and what was wrong with it.
    fn read(room: &Path, outside: &dyn Outside) -> (Vec<String>, Option<String>) {
        let loaded = config::load(&room.join("main.conf"), &Overrides::default(), outside);
        let groups = loaded.config.iter().flat_map(|it| &it.groups).map(|it| format!("{it:?}")).collect();
        (groups, loaded.first_error().map(str::to_owned))
    }

    fn room() -> tempfile::TempDir {
        let room = tempfile::tempdir().unwrap();
        std::fs::create_dir(room.path().join("conf.d")).unwrap();
        std::fs::write(room.path().join("main.conf"), MAIN).unwrap();
        std::fs::write(room.path().join("conf.d/web.ini"), WEB).unwrap();
        room
    }

    #[test]
    fn a_configuration_on_tape_outlives_its_files() {
        let room = room();
        let recorder = Recorder::new(&Machine);
        let (groups, error) = read(room.path(), &recorder);
        assert_eq!((groups.len(), error), (1, None));
        let tape = recorder.into_tape();
        let tape = Tape::from_bytes(&tape.to_bytes()).unwrap();
        let replay = Replay { outside: &Machine, tape: &tape };
        // Somebody has begun to edit, and has deleted, and has added.
        std::fs::write(room.path().join("main.conf"), "half a line").unwrap();
        std::fs::remove_file(room.path().join("conf.d/web.ini")).unwrap();
        std::fs::write(room.path().join("conf.d/new.ini"), "[program:new]\ncommand=cat\n").unwrap();
        assert_eq!(read(room.path(), &replay), (groups.clone(), None));
        std::fs::remove_dir_all(room.path().join("conf.d")).unwrap();
        assert_eq!(read(room.path(), &replay), (groups, None));
        assert!(read(room.path(), &Machine).1.is_some(), "the files themselves are broken by now");
    }

    #[test]
    fn what_is_not_on_tape_is_looked_up() {
        let room = room();
        let empty = Tape::default();
        let replay = Replay { outside: &Machine, tape: &empty };
        assert_eq!(read(room.path(), &replay), read(room.path(), &Machine));
    }

    #[test]
    fn what_is_no_tape_is_refused() {
        for bytes in [&b""[..], b"[1]", b"{\"read\"", b"\xff\xfe"] {
            assert_eq!(Tape::from_bytes(bytes), None);
        }
        // Answers of a later version, or of a damaged file, are looked up anew.
        let odd = Tape::from_bytes(br#"{"read /etc/hostname": 7, "glob /*": [1], "uid 0": "x"}"#).unwrap();
        let replay = Replay { outside: &Machine, tape: &odd };
        assert_eq!(replay.glob("/*"), Machine.glob("/*"));
        assert_eq!(replay.user_numbered(0), Machine.user_numbered(0));
    }
}
