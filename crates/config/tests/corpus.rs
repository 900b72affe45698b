//! Real configuration files of public projects, and what Supervisor's own parser makes of them.
//!
//! The files lie outside the repository; `MENSHEN_CORPUS` names their directory if it is elsewhere.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "everything in this file is part of a test"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Loaded, MainLog, Overrides, ServerSpec, load};
use model::level::Level;
use model::outside::{Outside, ReadError, User};
use model::spec::{
    AutoRestart, GroupKind, GroupSpec, LogTarget, ProcessSpec, ServerUrl, SocketSpec, StreamSpec,
};
use serde_json::{Map, Value, json};

const HERE: &str = "/corpus/here";

/// Files on which the newest Supervisor, which we follow, and 4.3.0, which made the expectations,
/// disagree, and why. So far there is none: no file in it has an `environment` that the two read
/// differently.
const NEWER_RULES: &[(&str, &str)] = &[];

/// The pretended machine of `oracle.py`.
struct Machine {
    files: BTreeMap<PathBuf, Vec<u8>>,
    variables: Vec<(String, String)>,
    included: bool,
    users: RefCell<Ids>,
    groups: RefCell<Ids>,
}

/// Ids by name, handed out as they are asked for.
struct Ids(Vec<(String, u32)>);

impl Ids {
    fn new() -> RefCell<Self> {
        RefCell::new(Self(vec![("root".to_owned(), 0)]))
    }

    fn id(&mut self, name: &str) -> Option<u32> {
        if name.is_empty() || name.contains(|it: char| is_space(it) || it == ':' || it == ',') {
            return None;
        }
        if let Some((_, id)) = self.0.iter().find(|(it, _)| it == name) {
            return Some(*id);
        }
        let id = 20_000 + u32::try_from(self.0.len()).unwrap();
        self.0.push((name.to_owned(), id));
        Some(id)
    }

    fn name(&self, id: u32) -> String {
        let found = self.0.iter().find(|(_, it)| *it == id);
        found.map_or_else(|| id.to_string(), |(name, _)| name.clone())
    }
}

/// `\s` of a Python pattern.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

impl Outside for Machine {
    fn read(&self, path: &Path, _: u64) -> Result<Vec<u8>, ReadError> {
        let missing = || ReadError { missing: true, reason: "No such file or directory".to_owned() };
        self.files.get(path).cloned().ok_or_else(missing)
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let path = PathBuf::from(pattern);
        if self.included && self.files.contains_key(&path) { vec![path] } else { Vec::new() }
    }

    fn is_dir(&self, _: &Path) -> bool {
        true
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    fn environment(&self) -> Vec<(String, String)> {
        self.variables.clone()
    }

    fn node_name(&self) -> String {
        "corpus-host".to_owned()
    }

    fn current_dir(&self) -> PathBuf {
        HERE.into()
    }

    fn user_named(&self, name: &str) -> Option<User> {
        let id = self.users.borrow_mut().id(name)?;
        Some(User { uid: id, gid: id, name: name.to_owned(), home: format!("/home/{name}").into() })
    }

    fn user_numbered(&self, uid: u32) -> Option<User> {
        let name = self.users.borrow().name(uid);
        Some(User { uid, gid: uid, home: format!("/home/{name}").into(), name })
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        self.groups.borrow_mut().id(name)
    }

    fn group_exists(&self, _: u32) -> bool {
        true
    }

    fn own_uid(&self) -> u32 {
        0
    }
}

impl Machine {
    fn new(files: BTreeMap<PathBuf, Vec<u8>>, expected: &Value, included: bool) -> Self {
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        let variables = expected["env"].as_object().unwrap();
        Self {
            files,
            variables: variables.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
            included,
            users: Ids::new(),
            groups: Ids::new(),
        }
    }

    fn user(&self, uid: u32) -> String {
        self.users.borrow().name(uid)
    }

    /// A user and a group as `oracle.py` shows them.
    fn owner(&self, uid: u32, gid: Option<u32>) -> Value {
        json!([self.user(uid), gid.map(|it| self.group_or_user(it))])
    }

    fn group_or_user(&self, gid: u32) -> String {
        let name = self.groups.borrow().name(gid);
        if name == gid.to_string() { self.user(gid) } else { name }
    }
}

/// The class of an error, by the same words as `classify()` in `oracle.py`.
fn class(message: &str) -> &'static str {
    const CLASSES: [(&str, &[&str]); 28] = [
        ("no-supervisord-section", &["does not include supervisord section"]),
        ("expansion-unknown", &["which cannot be expanded"]),
        ("expansion-bad", &["is badly formatted"]),
        ("no-section-header", &["contains no section headers"]),
        ("ini-syntax", &["contains parsing errors"]),
        ("no-command", &["does not specify a command"]),
        (
            "environment",
            &["Unexpected end of key/value pairs", "No closing quotation", "No escaped character"],
        ),
        ("process-num-missing", &["process_num) must be present"]),
        ("group-member-unknown", &["names unknown program"]),
        ("bad-name", &["Invalid name"]),
        ("bad-user", &["Invalid user"]),
        ("bad-chown", &["Invalid sockchown", "Invalid socket_owner"]),
        ("stop-kill-group", &["stopasgroup=true and killasgroup=false"]),
        ("http-auth-incomplete", &["incomplete authentication"]),
        ("listener-events", &["requires an \"events\" line", "Unknown event type"]),
        ("listener-redirect", &["sets redirect_stderr=true"]),
        ("bad-boolean", &["not a valid boolean"]),
        ("bad-int", &["invalid literal for int"]),
        ("bad-signal", &["not a valid signal"]),
        ("bad-autorestart", &["invalid 'autorestart'"]),
        ("bad-exitcodes", &["exit codes"]),
        ("bad-octal", &["octal"]),
        ("bad-loglevel", &["bad logging level"]),
        ("bad-port", &["port number", "below lower bound", "above upper bound"]),
        (
            "bad-fcgi-socket",
            &[
                "Bad socket format",
                "requires a \"socket\" line",
                "is not an absolute path",
                "socket_mode params",
            ],
        ),
        ("bad-plugin", &["cannot be resolved within", "does not specify a"]),
        ("no-include-files", &["no files setting"]),
        ("encoding", &["codec can't decode"]),
    ];
    let found = CLASSES.iter().find(|(_, words)| words.iter().any(|it| message.contains(it)));
    found.map_or("other", |(class, _)| class)
}

/// A result in the form of `oracle.py`.
fn answer(loaded: &Loaded, machine: &Machine, fragment: bool) -> Value {
    let Some(config) = &loaded.config else {
        let error = loaded.first_error().expect("no configuration without an error");
        return json!({"accepted": false, "reason": class(error), "error": error});
    };
    let relative = |it: &String| it.strip_prefix("/corpus/here/").unwrap_or(it).to_owned();
    let include: Vec<_> =
        if fragment { Vec::new() } else { config.include_patterns.iter().map(relative).collect() };
    let warnings: Vec<_> =
        loaded.notices.iter().filter(|(level, _)| *level == Level::Warn).map(|(_, text)| text).collect();
    let stubbed: Vec<_> = config
        .unhosted
        .iter()
        .filter(|it| it.option != "supervisor.ctl_factory" && !it.plugin.starts_with("supervisor."))
        .map(|it| &it.plugin)
        .collect();
    json!({
        "accepted": true,
        "supervisord": settings(config),
        "servers": config.servers.iter().map(|it| server(it, machine)).collect::<Vec<_>>(),
        "rpcinterfaces": config.rpc_interfaces.iter().map(|it| json!({
            "name": it.name, "factory": it.factory, "options": pairs(&it.options),
        })).collect::<Vec<_>>(),
        "include": include,
        "stubbed_plugins": stubbed,
        "warnings": warnings,
        "groups": config.groups.iter().map(|it| group(it, machine)).collect::<Vec<_>>(),
    })
}

fn pairs(pairs: &[(String, String)]) -> Value {
    Value::Object(pairs.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<Map<_, _>>())
}

fn octal(bits: u32) -> String {
    format!("{bits:03o}")
}

fn settings(config: &config::Config) -> Value {
    let it = &config.settings;
    json!({
        "directory": it.directory,
        "user": it.user.as_ref().map(|it| &it.text),
        "umask": octal(it.umask),
        "logfile": match &it.logfile { MainLog::File(path) => json!(path), MainLog::Syslog => json!("syslog") },
        "logfile_maxbytes": it.logfile_maxbytes,
        "logfile_backups": it.logfile_backups,
        "loglevel": it.loglevel.as_str(),
        "pidfile": it.pidfile,
        "identifier": it.identifier,
        "nodaemon": it.nodaemon,
        "silent": it.silent,
        "minfds": it.minfds,
        "minprocs": it.minprocs,
        "childlogdir": it.childlogdir,
        "nocleanup": it.nocleanup,
        "strip_ansi": it.strip_ansi,
        "environment": pairs(&it.environment),
        "serverurl": config.server_url,
    })
}

fn server(server: &ServerSpec, machine: &Machine) -> Value {
    match server {
        ServerSpec::Unix { section, file, chmod, chown, auth, .. } => json!({
            "section": section,
            "username": auth.as_ref().map(|it| &it.username),
            "password_set": auth.is_some(),
            "file": file,
            "chmod": octal(*chmod),
            "chown": chown.0.map(|uid| machine.owner(uid, chown.1)),
        }),
        ServerSpec::Inet { section, host, port, auth, .. } => json!({
            "section": section,
            "username": auth.as_ref().map(|it| &it.username),
            "password_set": auth.is_some(),
            "host": host,
            "port": port,
        }),
    }
}

fn group(group: &GroupSpec, machine: &Machine) -> Value {
    let mut all = json!({
        "name": group.name.as_str(),
        "priority": group.priority,
        "kind": match &group.kind {
            GroupKind::Plain => "group",
            GroupKind::FastCgi(_) => "fcgi",
            GroupKind::Listener(_) => "eventlistener",
        },
        "processes": group.processes.iter().map(|it| process(it, machine)).collect::<Vec<_>>(),
    });
    match &group.kind {
        GroupKind::Plain => {}
        GroupKind::FastCgi(socket) => {
            all["socket"] = json!(socket.url());
            match socket {
                SocketSpec::Tcp { backlog, .. } => all["socket_backlog"] = json!(backlog),
                SocketSpec::Unix { owner, mode, backlog, .. } => {
                    all["socket_backlog"] = json!(backlog);
                    all["socket_mode"] = json!(octal(*mode));
                    all["socket_owner"] = json!(owner.map(|(uid, gid)| machine.owner(uid, gid)));
                }
            }
        }
        GroupKind::Listener(listener) => {
            let mut events: Vec<_> = listener.events.iter().map(|it| it.as_str()).collect();
            events.sort_unstable();
            all["events"] = json!(events);
            all["buffer_size"] = json!(listener.buffer_size.unwrap_or(10));
            all["result_handler"] = json!(listener.result_handler);
        }
    }
    all
}

fn process(it: &ProcessSpec, machine: &Machine) -> Value {
    let signal = it.stopsignal.name().map(|it| it.trim_start_matches("SIG").to_owned());
    let mut all = json!({
        "name": it.name.as_str(),
        "command": it.command.text,
        "directory": it.directory,
        "umask": it.umask.map(octal),
        "priority": it.priority,
        "autostart": it.autostart,
        "autorestart": match it.autorestart {
            AutoRestart::Never => json!(false),
            AutoRestart::Always => json!(true),
            AutoRestart::Unexpected => json!("unexpected"),
        },
        "startsecs": it.startsecs,
        "startretries": it.startretries,
        "user": it.user.as_ref().map(|it| machine.user(it.uid)),
        "stopsignal": signal.map_or_else(|| json!(it.stopsignal.number()), |it| json!(it)),
        "stopwaitsecs": it.stopwaitsecs,
        "stopasgroup": it.stopasgroup,
        "killasgroup": it.killasgroup,
        "exitcodes": it.exitcodes.0,
        "redirect_stderr": it.redirect_stderr,
        "environment": pairs(&it.environment),
        "serverurl": match &it.serverurl { ServerUrl::Auto => json!(null), ServerUrl::Text(text) => json!(text) },
    });
    match &it.command.words {
        // Accepted when it is read; the start will say so.
        Ok(words) if words.is_empty() => all["argv_error"] = json!("command is empty"),
        Ok(words) => all["argv"] = json!(words),
        Err(reason) => all["argv_error"] = json!(reason),
    }
    stream(&mut all, "stdout", &it.stdout);
    stream(&mut all, "stderr", &it.stderr);
    all
}

fn stream(all: &mut Value, name: &str, it: &StreamSpec) {
    all[format!("{name}_logfile")] = match &it.target {
        LogTarget::None => json!(null),
        LogTarget::Auto => json!("AUTO"),
        LogTarget::File(path) => json!(path),
    };
    all[format!("{name}_logfile_maxbytes")] = json!(it.maxbytes);
    all[format!("{name}_logfile_backups")] = json!(it.backups);
    all[format!("{name}_capture_maxbytes")] = json!(it.capture_maxbytes);
    all[format!("{name}_events_enabled")] = json!(it.events_enabled);
    all[format!("{name}_syslog")] = json!(it.syslog);
}

/// Every path at which two values differ.
fn differences(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|it| !a.contains_key(*it))) {
                differences(&format!("{path}.{key}"), &ours[key], &theirs[key], found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (number, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{number}]"), a, b, found);
            }
        }
        // An empty name of a log is no log.
        (Value::Null, Value::String(text)) if text.is_empty() && path.ends_with("_logfile") => {}
        _ if ours != theirs => found.push(format!("{path}: ours {ours}, theirs {theirs}")),
        _ => {}
    }
}

fn corpus() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let root = std::env::var_os("MENSHEN_CORPUS").map_or(beside, PathBuf::from).join("supervisor");
    assert!(
        root.is_dir(),
        "the corpus of configuration files is not at {}; set MENSHEN_CORPUS to its directory",
        root.display()
    );
    root
}

#[derive(Default)]
struct Tally {
    checked: usize,
    same_errors: usize,
    errors: usize,
    different: Vec<String>,
}

fn compare(name: &str, expected: &Value, ours: &Value, tally: &mut Tally) {
    tally.checked += 1;
    let mut found = Vec::new();
    if expected["accepted"] == json!(true) {
        differences(name, ours, expected, &mut found);
    } else {
        tally.errors += 1;
        differences(name, &ours["reason"], &expected["reason"], &mut found);
        tally.same_errors += usize::from(ours["error"] == expected["error"]);
        if ours["error"] != expected["error"] {
            println!("{name}: ours {}, theirs {}", ours["error"], expected["error"]);
        }
    }
    if !NEWER_RULES.iter().any(|(file, _)| name.starts_with(file)) {
        tally.different.extend(found);
    }
}

#[test]
fn every_file_of_the_corpus_gives_what_supervisor_makes_of_it() {
    let root = corpus();
    let mut paths: Vec<_> = std::fs::read_dir(&root).unwrap().map(|it| it.unwrap().path()).collect();
    paths.retain(|it| it.extension().is_some_and(|it| it == "conf"));
    paths.sort();
    let mut tally = Tally::default();
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let expected = std::fs::read(path.with_extension("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let here = Path::new(HERE).join(name);
        let mut files = BTreeMap::from([(here.clone(), bytes)]);
        let machine = Machine::new(files.clone(), &expected, false);
        let loaded = load(&here, &Overrides::default(), &machine);
        compare(name, &expected["main"], &answer(&loaded, &machine, false), &mut tally);
        if expected["fragment"].is_object() {
            let main = Path::new(HERE).join("main.conf");
            files.insert(main.clone(), format!("[supervisord]\n\n[include]\nfiles = {name}\n").into());
            let machine = Machine::new(files, &expected, true);
            let loaded = load(&main, &Overrides::default(), &machine);
            let name = format!("{name} as a fragment");
            compare(&name, &expected["fragment"], &answer(&loaded, &machine, true), &mut tally);
        }
    }
    println!(
        "{} results of {} files; {} of {} error messages are the same to the byte",
        tally.checked,
        paths.len(),
        tally.same_errors,
        tally.errors
    );
    assert!(tally.checked > 100, "the corpus is incomplete");
    assert!(tally.different.is_empty(), "{:#?}", tally.different);
    assert_eq!(tally.same_errors, tally.errors, "see the messages above");
}
