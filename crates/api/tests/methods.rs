//! Every method, through a real machine whose children obey at once.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the one answer it wants")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use api::audit::Book;
use api::call::{Chore, Context, Identity, Interface, LogPaths, Outcome, Refusal, Usages};
use api::session::{Next, Session};
use model::audit::{Asker, Door, Who};
use model::child::{Channel, ChildId};
use model::event::{Event, EventType};
use model::exit::{ExitCodes, ExitStatus};
use model::fault::{Fault, FaultCode};
use model::name::{FullName, GroupName, ProcessName, ProgramName};
use model::role::Role;
use model::signal::Signal;
use model::spawn::SpawnFailure;
use model::spec::{
    AutoRestart, CommandLine, GroupKind, GroupSpec, ListenerSpec, LogTarget, Origin, ProcessSpec, ServerUrl,
    StreamSpec, UserSpec,
};
use model::time::{Stamp, Utc, Wall};
use model::usage::{ExitRecord, MachineUsage, ProcessUsage};
use supervisor::effect::{Answer, Effect, Effects, Settled};
use supervisor::input::{Departure, Input, Request, RequestId};
use supervisor::supervisor::Supervisor;
use wire::value::{Members, MethodCall, Value};

fn stream() -> StreamSpec {
    StreamSpec {
        target: LogTarget::Auto,
        maxbytes: 52_428_800,
        backups: 10,
        capture_maxbytes: 0,
        events_enabled: false,
        syslog: false,
        keeping: model::keeping::LogKeeping::default(),
    }
}

fn process(name: &str) -> ProcessSpec {
    ProcessSpec {
        name: ProcessName::expanded(name),
        program: ProgramName::parse(name).unwrap(),
        command: CommandLine { text: format!("/bin/{name} -x"), words: Ok(vec![]) },
        directory: None,
        umask: None,
        priority: 999,
        autostart: true,
        autorestart: AutoRestart::Unexpected,
        startsecs: 1,
        startretries: 3,
        user: None,
        stopsignal: Signal::TERM,
        stopwaitsecs: 10,
        stopasgroup: false,
        stopastree: false,
        killasgroup: false,
        exitcodes: ExitCodes(vec![0]),
        redirect_stderr: false,
        stdout: stream(),
        stderr: stream(),
        environment: vec![],
        serverurl: ServerUrl::Auto,
        origin: Origin { file: "x".into(), line: 1 },
    }
}

fn group(name: &str, processes: Vec<ProcessSpec>) -> Arc<GroupSpec> {
    Arc::new(GroupSpec {
        name: GroupName::parse(name).unwrap(),
        priority: 999,
        kind: GroupKind::Plain,
        processes: processes.into_iter().map(Arc::new).collect(),
    })
}

/// `cat` by itself, `g` with `a` and `b`, and `no`, which is not started by itself.
fn groups() -> Vec<Arc<GroupSpec>> {
    let no = ProcessSpec { autostart: false, ..process("no") };
    vec![
        group("cat", vec![process("cat")]),
        group("g", vec![process("a"), process("b")]),
        group("no", vec![no]),
    ]
}

struct Files;

impl Usages for Files {
    fn process(&self, name: &FullName) -> Option<ProcessUsage> {
        let usage = ProcessUsage { cpu_permille: Some(125), resident_bytes: 4096, ..ProcessUsage::default() };
        (name.process.as_str() == "cat").then_some(usage)
    }

    fn machine(&self) -> Option<&MachineUsage> {
        None
    }

    fn exits(&self, _: &FullName) -> Vec<ExitRecord> {
        Vec::new()
    }
}

impl LogPaths for Files {
    fn path(&self, name: &FullName, channel: Channel) -> Option<PathBuf> {
        (name.process.as_str() != "no").then(|| format!("/log/{name}-{channel}").into())
    }

    fn dropped_bytes(&self, _name: &FullName, channel: Channel) -> u64 {
        if channel == Channel::Stdout { 7 } else { 0 }
    }
}

/// A machine, and a world in which every wish comes true at once.
struct World {
    supervisor: Supervisor,
    fx: Effects,
    now: Stamp,
    identity: Identity,
    answers: BTreeMap<RequestId, Result<Answer, Fault>>,
    next_request: u64,
    next_pid: u32,
    /// What the next chore comes to.
    outcome: Outcome,
    chores: Vec<Chore>,
    requests: Vec<Request>,
    asker: Rc<Asker>,
    interface: Interface,
    book: Book,
    records: Vec<model::audit::Record>,
}

/// Somebody with this role.
fn asker(role: Role) -> Rc<Asker> {
    Rc::new(Asker { who: Who::User("ann".into()), role, door: Door::Inet([127, 0, 0, 1].into()) })
}

impl World {
    /// All that is started by itself is up.
    fn new() -> Self {
        let mut world = Self {
            supervisor: Supervisor::new(ChildId(1)),
            fx: Effects::default(),
            now: Stamp { wall: Wall::from_seconds(1000), ..Stamp::default() },
            identity: Identity {
                version: "4.3.0".to_owned(),
                identifier: "supervisor".to_owned(),
                pid: 77,
                has_supervisor_namespace: true,
            },
            answers: BTreeMap::new(),
            next_request: 1,
            next_pid: 100,
            outcome: Outcome::Done,
            chores: vec![],
            requests: vec![],
            asker: asker(Role::Admin),
            interface: Interface::XmlRpc,
            book: Book::default(),
            records: vec![],
        };
        world.step(Input::Begin { groups: groups(), tape: 0 });
        world.pass(Duration::from_secs(5));
        world
    }

    fn step(&mut self, input: Input) {
        self.supervisor.step(self.now, input, &mut self.fx);
        let effects: Vec<_> = self.fx.drain().collect();
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Spawn { child, .. } => {
                self.next_pid += 1;
                self.step(Input::Spawned { child, pid: self.next_pid });
            }
            Effect::Signal { child, signal, .. } if signal == Signal::TERM || signal == Signal::KILL => {
                self.step(Input::Exited {
                    child,
                    status: ExitStatus::Signaled { signal, core: false },
                    at: self.now.mono,
                    setup: None,
                    survivors: Vec::new(),
                });
            }
            Effect::Answer { id, answer } => {
                self.answers.insert(id, answer);
            }
            Effect::Signal { .. }
            | Effect::GroupOpened(_)
            | Effect::GroupClosed(_)
            | Effect::ProcessOpened { .. }
            | Effect::ProcessChanged { .. }
            | Effect::ProcessClosed(_)
            | Effect::Buried { .. }
            | Effect::Publish(_)
            | Effect::Send { .. }
            | Effect::Note(_)
            | Effect::Amend { .. }
            | Effect::Adopted { .. }
            | Effect::Settle { .. }
            | Effect::Quit(_) => {}
        }
    }

    /// Lets time go by, deadline after deadline.
    fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some((at, _)) = self.supervisor.deadline().filter(|(at, _)| *at <= end) {
            self.now.mono = at.max(self.now.mono);
            self.step(Input::Due);
        }
        self.now.mono = end;
        self.now.wall = Wall::from_seconds(1000 + i64::try_from(end.0.as_secs()).unwrap());
    }

    fn ask(&mut self, request: Request) -> Outcome {
        self.requests.push(request.clone());
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.step(Input::Request { id, request });
        for _ in 0..60 {
            if let Some(answer) = self.answers.remove(&id) {
                return Outcome::Answered(answer);
            }
            self.pass(Duration::from_secs(1));
        }
        panic!("never answered")
    }

    fn call(&mut self, name: &str, params: Vec<Value>) -> Result<Value, Refusal> {
        let mut session = Session::new(
            MethodCall { name: name.to_owned(), params },
            self.interface,
            Rc::clone(&self.asker),
        );
        loop {
            let context = Context {
                supervisor: &self.supervisor,
                now: self.now,
                zone: &Utc,
                identity: &self.identity,
                files: &Files,
                usages: &Files,
                audit: &self.book,
            };
            let next = session.advance(&context);
            for it in session.take_records() {
                self.book.push(it.clone());
                self.records.push(it);
            }
            let outcome = match next {
                Next::Done(result) => return result,
                Next::Turn => continue,
                Next::Ask(Request::Update { names, .. }) => match self.outcome.clone() {
                    Outcome::Reread(Ok(configured)) => {
                        self.ask(Request::Update { names, configured, tape: 0 })
                    }
                    Outcome::Reread(Err(reason)) => {
                        Outcome::Failed(Fault::about(FaultCode::CantReread, reason))
                    }
                    other => panic!("{other:?} is no configuration"),
                },
                Next::Ask(request) => self.ask(request),
                Next::Chore(chore) => {
                    self.chores.push(chore);
                    self.outcome.clone()
                }
            };
            session.settle(outcome);
        }
    }

    /// The answer as text: short enough for tables.
    fn say(&mut self, name: &str, params: Vec<Value>) -> String {
        match self.call(&format!("supervisor.{name}"), params) {
            Ok(value) => shown(&value),
            Err(Refusal::Fault(fault)) => format!("{} {fault}", fault.code.code()),
            Err(Refusal::Internal(_)) => "HTTP 500".to_owned(),
        }
    }
}

/// A value as compactly as possible.
fn shown(value: &Value) -> String {
    match value {
        Value::Int(it) => it.to_string(),
        Value::Bool(it) => it.to_string(),
        Value::String(it) => format!("{it:?}"),
        Value::Double(_) | Value::DateTime(_) | Value::Bytes(_) | Value::Nil => format!("{value:?}"),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Struct(members) => {
            let list: Vec<_> = members.iter().map(|(name, it)| format!("{name}: {}", shown(it))).collect();
            format!("{{{}}}", list.join(", "))
        }
    }
}

fn text(it: &str) -> Value {
    Value::String(it.to_owned())
}

fn texts<const N: usize>(list: [&str; N]) -> Vec<Value> {
    list.map(text).into()
}

/// The results of a group: `name status description` of each.
fn results(value: &Value) -> Vec<String> {
    let Value::Array(items) = value else { panic!("{value:?} is no list") };
    let member = |it: &Value, name: &str| match it {
        Value::Struct(members) => shown(&members[name]).replace('"', ""),
        other => panic!("{other:?} is no struct"),
    };
    let line = |it| {
        format!(
            "{}:{} {} {}",
            member(it, "group"),
            member(it, "name"),
            member(it, "status"),
            member(it, "description")
        )
    };
    items.iter().map(line).collect()
}

#[test]
fn what_is_asked_of_the_daemon_itself_is_answered_at_once() {
    let mut world = World::new();
    let cases = [
        ("getAPIVersion", "\"3.0\""),
        ("getVersion", "\"3.0\""),
        ("getSupervisorVersion", "\"4.3.0\""),
        ("getIdentification", "\"supervisor\""),
        ("getPID", "77"),
        ("getState", "{statecode: 1, statename: \"RUNNING\"}"),
    ];
    for (name, wanted) in cases {
        assert_eq!(world.say(name, vec![]), wanted, "{name}");
    }
}

#[test]
fn a_name_that_means_nothing_is_a_fault_everywhere() {
    let mut world = World::new();
    let one = ["getProcessInfo", "startProcess", "stopProcess", "clearProcessLog", "clearProcessLogs"];
    for method in one {
        for name in ["nope", "g", "g:nope", "nope:*", "", ":", "a:b:c"] {
            assert_eq!(world.say(method, texts([name])), format!("10 BAD_NAME: {name}"), "{method}");
        }
    }
    for method in ["startProcessGroup", "stopProcessGroup", "addProcessGroup", "removeProcessGroup"] {
        for name in ["nope", "g:*", "g:a", ""] {
            assert_eq!(world.say(method, texts([name])), format!("10 BAD_NAME: {name}"), "{method}");
        }
    }
    for method in ["getProcessInfo", "clearProcessLogs"] {
        assert_eq!(world.say(method, texts(["g:*"])), "10 BAD_NAME: g:*", "{method}");
    }
    for method in ["readProcessLog", "readProcessStdoutLog", "readProcessStderrLog", "tailProcessLog"] {
        let params = vec![text("g:*"), Value::Int(0), Value::Int(0)];
        assert_eq!(world.say(method, params), "10 BAD_NAME: g:*", "{method}");
    }
    assert_eq!(world.say("signalProcess", texts(["g", "HUP"])), "10 BAD_NAME: g");
    assert_eq!(world.say("sendProcessStdin", texts(["g:*", "x"])), "10 BAD_NAME: g:*");
}

#[test]
fn a_wrong_call_is_told_what_is_wrong() {
    let mut world = World::new();
    let cases: Vec<(&str, Vec<Value>, &str)> = vec![
        ("nope", vec![], "1 UNKNOWN_METHOD"),
        ("_update", texts(["x"]), "1 UNKNOWN_METHOD"),
        ("getState.x", vec![], "1 UNKNOWN_METHOD"),
        ("getState", vec![Value::Int(1)], "2 INCORRECT_PARAMETERS"),
        ("startProcess", vec![], "2 INCORRECT_PARAMETERS"),
        ("startProcess", texts(["cat", "1", "2"]), "2 INCORRECT_PARAMETERS"),
        ("startProcess", vec![Value::Array(vec![])], "2 INCORRECT_PARAMETERS"),
        ("getProcessInfo", vec![Value::Int(5)], "10 BAD_NAME: 5"),
        ("stopProcessGroup", vec![Value::Bool(true)], "10 BAD_NAME: True"),
        ("readLog", texts(["x", "0"]), "HTTP 500"),
        ("readLog", vec![Value::Array(vec![]), Value::Int(0)], "2 INCORRECT_PARAMETERS"),
        ("sendProcessStdin", vec![text("nope"), Value::Int(5)], "2 INCORRECT_PARAMETERS: 5"),
        (
            "sendProcessStdin",
            vec![text("cat"), Value::Array(vec![Value::Int(1)])],
            "2 INCORRECT_PARAMETERS: [1]",
        ),
        ("sendProcessStdin", texts(["no", "x"]), "70 NOT_RUNNING: no"),
        ("signalProcess", texts(["cat", "HUPX"]), "11 BAD_SIGNAL: HUPX"),
        ("signalProcess", texts(["cat", "99"]), "11 BAD_SIGNAL: 99"),
        ("signalProcess", texts(["no", "HUP"]), "70 NOT_RUNNING: no"),
        ("signalProcess", vec![text("no"), Value::Bool(true)], "70 NOT_RUNNING: no"),
        ("signalProcess", vec![text("no"), Value::Double(99.5)], "11 BAD_SIGNAL: 99"),
        ("stopProcess", texts(["no"]), "70 NOT_RUNNING: no"),
        ("startProcess", texts(["cat:cat"]), "60 ALREADY_STARTED: cat:cat"),
        ("addProcessGroup", texts(["g"]), "90 ALREADY_ADDED: g"),
        ("removeProcessGroup", texts(["g"]), "91 STILL_RUNNING: g"),
        ("readProcessLog", vec![text("no"), Value::Int(0), Value::Int(0)], "20 NO_FILE"),
    ];
    for (name, params, wanted) in cases {
        assert_eq!(world.say(name, params.clone()), wanted, "{name} {params:?}");
    }
}

#[test]
fn a_process_is_started_stopped_and_signalled() {
    let mut world = World::new();
    assert_eq!(world.say("stopProcess", texts(["cat"])), "true");
    assert_eq!(world.say("startProcess", texts(["cat"])), "true");
    assert_eq!(world.say("stopProcess", vec![text("g:a"), Value::Bool(false)]), "true");
    assert_eq!(world.say("startProcess", vec![text("g:a"), Value::Int(0)]), "true");
    assert_eq!(world.say("signalProcess", vec![text("cat"), Value::Int(1)]), "true");
    let waits: Vec<_> = world
        .requests
        .iter()
        .map(|it| match it {
            Request::Start { wait, named, obstacle: None, .. } => format!("start {named} {wait}"),
            Request::Stop { wait, named, .. } => format!("stop {named} {wait}"),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(waits[..4], ["stop cat true", "start cat true", "stop g:a false", "start g:a false"]);
}

#[test]
fn a_program_that_is_not_there_is_a_fault_of_its_start() {
    let mut world = World::new();
    let mut session = Session::new(
        MethodCall { name: "supervisor.startProcess".to_owned(), params: texts(["no"]) },
        world.interface,
        Rc::clone(&world.asker),
    );
    let context = Context {
        supervisor: &world.supervisor,
        now: world.now,
        zone: &Utc,
        identity: &world.identity,
        files: &Files,
        usages: &Files,
        audit: &world.book,
    };
    let Next::Ask(Request::Start { name, named, wait, .. }) = session.advance(&context) else {
        panic!("no start")
    };
    let obstacle = Some(SpawnFailure::Missing("/no".to_owned()));
    let outcome = world.ask(Request::Start { name, named, wait, obstacle });
    session.settle(outcome);
    let context = Context {
        supervisor: &world.supervisor,
        now: world.now,
        zone: &Utc,
        identity: &world.identity,
        files: &Files,
        usages: &Files,
        audit: &world.book,
    };
    let Next::Done(Err(Refusal::Fault(fault))) = session.advance(&context) else { panic!("no fault") };
    assert_eq!(fault.to_string(), "NO_FILE: can't find command '/no'");
}

#[test]
fn a_group_answers_for_each_of_its_processes() {
    let mut world = World::new();
    for (method, name) in [("stopProcess", "g:*"), ("startProcess", "g:"), ("stopProcessGroup", "g")] {
        let value = world.call(&format!("supervisor.{method}"), texts([name])).unwrap();
        assert_eq!(results(&value), ["g:a 80 OK", "g:b 80 OK"], "{method}");
    }
    let value = world.call("supervisor.stopAllProcesses", vec![]).unwrap();
    assert_eq!(results(&value), ["cat:cat 80 OK"]);
    let value = world.call("supervisor.startAllProcesses", vec![Value::Bool(false)]).unwrap();
    assert_eq!(results(&value), ["cat:cat 80 OK", "g:a 80 OK", "g:b 80 OK", "no:no 80 OK"]);
    world.pass(Duration::from_secs(5));
    let value = world.call("supervisor.signalAllProcesses", texts(["HUP"])).unwrap();
    assert_eq!(results(&value).len(), 4);
    let value = world.call("supervisor.signalProcessGroup", texts(["g", "sigusr1"])).unwrap();
    assert_eq!(results(&value), ["g:a 80 OK", "g:b 80 OK"]);
    let value = world.call("supervisor.signalProcess", texts(["g:*", "XX"])).unwrap();
    assert_eq!(results(&value), ["g:a 11 BAD_SIGNAL: XX", "g:b 11 BAD_SIGNAL: XX"]);
}

#[test]
fn a_group_is_removed_and_added_again() {
    let mut world = World::new();
    assert_eq!(world.say("removeProcessGroup", texts(["no"])), "true");
    assert_eq!(world.say("getProcessInfo", texts(["no"])), "10 BAD_NAME: no");
    assert_eq!(world.say("removeProcessGroup", texts(["no"])), "10 BAD_NAME: no");
    assert_eq!(world.say("addProcessGroup", texts(["no"])), "true");
    assert!(world.say("getProcessInfo", texts(["no"])).contains("Not started"));
}

#[test]
fn a_process_is_described_with_every_member_clients_know() {
    let mut world = World::new();
    world.pass(Duration::from_secs(27));
    let info = world.say("getProcessInfo", texts(["g:a"]));
    let wanted = "{description: \"pid 102, uptime 0:00:32\", exitstatus: 0, group: \"g\", logfile: \"/log/g:a-stdout\", \
                  name: \"a\", now: 1032, pid: 102, spawnerr: \"\", start: 1000, state: 20, statename: \"RUNNING\", \
                  stderr_logfile: \"/log/g:a-stderr\", stdout_logfile: \"/log/g:a-stdout\", stop: 0}";
    assert_eq!(info, wanted);
    let info = world.say("getProcessInfo", texts(["no"]));
    let wanted = "{description: \"Not started\", exitstatus: 0, group: \"no\", logfile: \"\", name: \"no\", now: 1032, \
                  pid: 0, spawnerr: \"\", start: 0, state: 0, statename: \"STOPPED\", stderr_logfile: \"\", \
                  stdout_logfile: \"\", stop: 0}";
    assert_eq!(info, wanted);
    let Value::Array(all) = world.call("supervisor.getAllProcessInfo", vec![]).unwrap() else {
        panic!("no list")
    };
    let names: Vec<_> = all
        .iter()
        .map(|it| match it {
            Value::Struct(members) => shown(&members["name"]),
            other => panic!("{other:?} is no struct"),
        })
        .collect();
    assert_eq!(names, ["\"cat\"", "\"a\"", "\"b\"", "\"no\""]);
}

#[test]
fn a_configuration_is_told_option_by_option() {
    let mut world = World::new();
    let odd = ProcessSpec {
        autorestart: AutoRestart::Always,
        directory: Some("/tmp".to_owned()),
        user: Some(UserSpec { text: "nobody".to_owned(), uid: 65534 }),
        stderr: StreamSpec { target: LogTarget::None, ..stream() },
        stdout: StreamSpec { target: LogTarget::File("/o".into()), ..stream() },
        serverurl: ServerUrl::Text("http://x".to_owned()),
        ..process("odd")
    };
    world.step(Input::Reread {
        groups: vec![group("z", vec![odd]), group("cat", vec![process("cat")])],
        tape: 0,
    });
    let wanted = "[{autorestart: \"unexpected\", autostart: true, command: \"/bin/cat -x\", directory: \"none\", \
        exitcodes: [0], group: \"cat\", group_prio: 999, inuse: true, killasgroup: false, name: \"cat\", \
        process_prio: 999, redirect_stderr: false, serverurl: \"none\", startretries: 3, startsecs: 1, \
        stderr_capture_maxbytes: 0, stderr_events_enabled: false, stderr_logfile: \"auto\", \
        stderr_logfile_backups: 10, stderr_logfile_maxbytes: 52428800, stderr_syslog: false, \
        stdout_capture_maxbytes: 0, stdout_events_enabled: false, stdout_logfile: \"auto\", \
        stdout_logfile_backups: 10, stdout_logfile_maxbytes: 52428800, stdout_syslog: false, stopsignal: 15, \
        stopwaitsecs: 10, uid: \"none\"}, \
        {autorestart: true, autostart: true, command: \"/bin/odd -x\", directory: \"/tmp\", exitcodes: [0], \
        group: \"z\", group_prio: 999, inuse: false, killasgroup: false, name: \"odd\", process_prio: 999, \
        redirect_stderr: false, serverurl: \"http://x\", startretries: 3, startsecs: 1, \
        stderr_capture_maxbytes: 0, stderr_events_enabled: false, stderr_logfile: \"none\", \
        stderr_logfile_backups: 10, stderr_logfile_maxbytes: 52428800, stderr_syslog: false, \
        stdout_capture_maxbytes: 0, stdout_events_enabled: false, stdout_logfile: \"/o\", \
        stdout_logfile_backups: 10, stdout_logfile_maxbytes: 52428800, stdout_syslog: false, stopsignal: 15, \
        stopwaitsecs: 10, uid: 65534}]";
    assert_eq!(world.say("getAllConfigInfo", vec![]), wanted);
}

#[test]
fn a_configuration_read_again_tells_what_has_changed() {
    let mut world = World::new();
    let changed = ProcessSpec { startsecs: 2, ..process("cat") };
    let groups =
        vec![group("cat", vec![changed]), group("no", vec![process("no")]), group("new", vec![process("n")])];
    world.outcome = Outcome::Reread(Ok(groups));
    assert_eq!(world.say("reloadConfig", vec![]), "[[[\"new\"], [\"cat\", \"no\"], [\"g\"]]]");
    world.outcome = Outcome::Reread(Err("File contains no section headers.".to_owned()));
    assert_eq!(world.say("reloadConfig", vec![]), "92 CANT_REREAD: File contains no section headers.");
}

#[test]
fn a_log_is_read_as_text() {
    let mut world = World::new();
    world.outcome = Outcome::Bytes { bytes: b"\xa9caf\xc3".to_vec(), start: 7 };
    let params = |name: &str| vec![text(name), Value::Int(-7), text(" 0 ")];
    assert_eq!(world.say("readProcessStderrLog", params("g:a")), "\"caf\"");
    assert_eq!(world.say("readLog", vec![Value::Int(7), Value::Bool(true)]), "\"caf\"");
    let wanted = [
        Chore::ReadLog { path: "/log/g:a-stderr".into(), offset: -7, length: 0 },
        Chore::ReadMainLog { offset: 7, length: 1 },
    ];
    assert_eq!(world.chores, wanted);
    world.outcome = Outcome::Failed(Fault::about(FaultCode::NoFile, "/log/g:a-stdout"));
    assert_eq!(world.say("readProcessLog", params("g:a")), "20 NO_FILE: /log/g:a-stdout");
    world.outcome = Outcome::Tail { bytes: b"end".to_vec(), start: 97, size: 100, overflow: true };
    assert_eq!(world.say("tailProcessStdoutLog", params("cat")), "[\"end\", 100, true]");
    assert_eq!(world.say("tailProcessStderrLog", params("no")), "[\"\", 0, false]");
}

#[test]
fn logs_are_cleared_one_by_one_or_all() {
    let mut world = World::new();
    let name = |group: &str, process: &str| FullName {
        group: GroupName::parse(group).unwrap(),
        process: ProcessName::expanded(process),
    };
    let failed = Settled { name: name("cat", "cat"), outcome: Err(FaultCode::Failed.into()) };
    world.outcome = Outcome::Settled(vec![failed.clone()]);
    assert_eq!(world.say("clearProcessLogs", texts(["cat:cat"])), "30 FAILED: cat:cat");
    world.outcome = Outcome::Settled(vec![failed, Settled { name: name("g", "a"), outcome: Ok(()) }]);
    let value = world.call("supervisor.clearAllProcessLogs", vec![]).unwrap();
    assert_eq!(results(&value), ["cat:cat 30 FAILED", "g:a 80 OK"]);
    let names = vec![name("cat", "cat"), name("g", "a"), name("g", "b"), name("no", "no")];
    assert_eq!(world.chores.last().unwrap(), &Chore::ClearLogs { names });
    world.outcome = Outcome::Done;
    assert_eq!(world.say("clearLog", vec![]), "true");

    let result = Settled { name: name("g", "a"), outcome: Ok(()) };
    world.outcome = Outcome::Settled(vec![result]);
    let value = world.call("menshen.rotateProcessLogs", vec![Value::Array(texts(["g:a"]))]).unwrap();
    assert_eq!(results(&value), ["g:a 80 OK"]);
    assert_eq!(world.chores.last().unwrap(), &Chore::RotateLogs { names: vec![name("g", "a")] });
}

#[test]
fn bytes_reach_a_process_and_words_the_listeners() {
    let mut world = World::new();
    assert_eq!(world.say("sendProcessStdin", texts(["cat", "é"])), "true");
    assert_eq!(world.say("sendProcessStdin", vec![text("cat"), Value::Bytes(vec![0xff])]), "true");
    let sent: Vec<_> = world
        .chores
        .iter()
        .map(|it| match it {
            Chore::SendStdin { bytes, .. } => bytes.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sent, [b"\xc3\xa9".to_vec(), vec![0xff]]);
    world.outcome = Outcome::Failed(FaultCode::NoFile.into());
    assert_eq!(world.say("sendProcessStdin", texts(["cat:cat", "x"])), "20 NO_FILE: cat:cat");
    world.outcome = Outcome::Done;
    assert_eq!(world.say("sendRemoteCommEvent", vec![Value::Int(1), text("b")]), "true");
    assert!(matches!(world.chores.last().unwrap(), Chore::Publish(it) if it.payload() == "type:1\nb"));
    let list = Value::Array(vec![Value::Double(1.5), Value::Bool(true)]);
    assert_eq!(world.say("sendRemoteCommEvent", vec![text("a"), list]), "true");
    assert!(
        matches!(world.chores.last().unwrap(), Chore::Publish(it) if it.payload() == "type:a\n[1.5, True]")
    );
}

#[test]
fn while_it_leaves_it_answers_with_one_fault_and_no_other() {
    for departure in [Departure::Shutdown, Departure::Restart] {
        let mut world = World::new();
        let method = if departure == Departure::Shutdown { "shutdown" } else { "restart" };
        assert_eq!(world.say(method, vec![]), "true");
        for entry in &api::method::ENTRIES {
            let params: Vec<_> = entry.params.iter().map(|_| text("0")).collect();
            let result = world.call(entry.name, params);
            let is_exempt = entry.name.starts_with("system.") || entry.name.ends_with("sendRemoteCommEvent");
            let is_refused = result == Err(Refusal::Fault(FaultCode::ShutdownState.into()));
            assert_eq!(is_refused, !is_exempt, "{}: {result:?}", entry.name);
        }
        // What could never be a call is told so even now.
        assert_eq!(world.say("getState", texts(["x"])), "2 INCORRECT_PARAMETERS");
    }
}

#[test]
fn methods_are_listed_and_described() {
    let mut world = World::new();
    let names = |world: &mut World| match world.call("system.listMethods", vec![]).unwrap() {
        Value::Array(items) => items.iter().map(|it| shown(it).replace('"', "")).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let all = names(&mut world);
    assert_eq!(all.len(), 41);
    for name in &all {
        let Ok(Value::String(help)) = world.call("system.methodHelp", texts([name])) else {
            panic!("{name}")
        };
        assert!(help.contains("@return "), "{name}");
        assert!(matches!(world.call("system.methodSignature", texts([name])), Ok(Value::Array(_))), "{name}");
    }
    for method in ["system.methodHelp", "system.methodSignature"] {
        let fault = Refusal::Fault(FaultCode::SignatureUnsupported.into());
        assert_eq!(world.call(method, texts(["x"])), Err(fault), "{method}");
    }
    world.identity.has_supervisor_namespace = false;
    assert_eq!(names(&mut world).len(), 4);
    assert_eq!(world.say("getState", vec![]), "1 UNKNOWN_METHOD");
    // The page needs no such interface.
    world.interface = Interface::Own;
    assert!(world.call("menshen.getProcesses", vec![]).is_ok());
}

#[test]
fn a_plan_is_a_look_and_an_update_does_what_it_says() {
    let mut world = World::new();
    let patient = ProcessSpec { stopwaitsecs: 60, ..process("a") };
    let other = ProcessSpec { umask: Some(0), ..process("b") };
    let configured = vec![group("g", vec![patient, other]), group("new", vec![process("new")])];
    world.outcome = Outcome::Reread(Ok(configured));
    let mut say = |name: &str, params: Vec<Value>| match world.call(name, params) {
        Ok(value) => shown(&value),
        Err(refusal) => format!("{refusal:?}"),
    };
    let plan = "{action: \"removed\", group: \"cat\", name: \"cat\", options: []}, \
                {action: \"removed\", group: \"no\", name: \"no\", options: []}, \
                {action: \"changed\", group: \"g\", name: \"a\", options: [\"stopwaitsecs\"]}, \
                {action: \"restarted\", group: \"g\", name: \"b\", options: [\"umask\"]}, \
                {action: \"added\", group: \"new\", name: \"new\", options: []}";
    assert_eq!(say("menshen.plan", vec![]), format!("[{plan}]"));
    assert_eq!(say("menshen.plan", vec![Value::Array(vec![])]), format!("[{plan}]"), "a plan is only a look");
    assert_eq!(
        say("menshen.plan", vec![Value::Array(texts(["new"]))]),
        "[{action: \"added\", group: \"new\", name: \"new\", options: []}]"
    );
    assert!(say("menshen.update", texts(["nope"])).contains("BadName"));
    assert_eq!(
        say("menshen.update", texts(["g"])),
        "[{action: \"changed\", description: \"OK\", group: \"g\", name: \"a\", options: [\"stopwaitsecs\"], \
          status: 80}, {action: \"restarted\", description: \"OK\", group: \"g\", name: \"b\", options: \
          [\"umask\"], status: 80}]"
    );
    assert_eq!(say("menshen.plan", texts(["g"])), "[]");
    world.outcome = Outcome::Reread(Err("x.conf:3:1: error: no".to_owned()));
    for name in ["menshen.plan", "menshen.update"] {
        let fault = Fault::about(FaultCode::CantReread, "x.conf:3:1: error: no");
        assert_eq!(world.call(name, vec![]), Err(Refusal::Fault(fault)), "{name}");
    }
}

#[test]
fn what_the_original_does_not_have_is_listed_apart() {
    let mut world = World::new();
    let Ok(Value::Array(names)) = world.call("menshen.listMethods", vec![]) else { panic!("none") };
    assert!(names.contains(&text("menshen.plan")) && names.contains(&text("menshen.listMethods")));
    assert!(matches!(world.call("system.methodHelp", texts(["menshen.plan"])), Ok(Value::String(_))));
}

#[test]
fn our_own_clients_are_told_more_of_a_process() {
    let mut world = World::new();
    let listener = ListenerSpec {
        buffer_size: Some(2),
        events: vec![EventType::RemoteCommunication],
        result_handler: String::new(),
    };
    let ear =
        GroupSpec { kind: GroupKind::Listener(listener), ..(*group("ear", vec![process("ear")])).clone() };
    world.step(Input::Reread { groups: vec![Arc::new(ear)], tape: 0 });
    assert_eq!(world.say("addProcessGroup", texts(["ear"])), "true");
    for _ in 0..5 {
        let event = Event::RemoteCommunication { kind: "k".to_owned(), data: "d".to_owned() };
        world.step(Input::Publish(event));
    }
    assert_eq!(world.say("stopProcess", texts(["cat"])), "true");
    assert_eq!(world.say("startProcess", texts(["cat"])), "true");
    let Ok(Value::Array(all)) = world.call("menshen.getAllProcessInfo", vec![]) else { panic!("none") };
    let Ok(Value::Array(old)) = world.call("supervisor.getAllProcessInfo", vec![]) else { panic!("none") };
    let of = |list: &[Value], name: &str| {
        let is_it = |it: &&Value| matches!(it, Value::Struct(members) if members["name"] == text(name));
        let Some(Value::Struct(members)) = list.iter().find(is_it) else { panic!("no {name}") };
        members.clone()
    };
    let (mut cat, mut ear) = (of(&all, "cat"), of(&all, "ear"));
    let take = |from: &mut Members, key: &str| shown(&from.remove(key).unwrap());
    assert_eq!((take(&mut cat, "starts"), take(&mut cat, "restarts")), ("2".to_owned(), "0".to_owned()));
    assert_eq!(
        take(&mut cat, "ended"),
        "{at: 1005, cause: \"stopped\", core: false, description: \"terminated by SIGTERM\", signal: \"SIGTERM\"}"
    );
    let dropped = (take(&mut cat, "stdout_bytes_dropped"), take(&mut cat, "stderr_bytes_dropped"));
    assert_eq!(dropped, ("7".to_owned(), "0".to_owned()));
    assert_eq!(cat, of(&old, "cat"), "the rest is what everybody is told");
    assert_eq!(take(&mut ear, "listener"), "{dropped: 3, size: 2, state: \"ACKNOWLEDGED\", waiting: 2}");
    assert!(!ear.contains_key("ended"));
}

fn request(name: &str, params: Vec<Value>) -> Value {
    Value::Struct(Members::from([("methodName", text(name)), ("params", Value::Array(params))]))
}

#[test]
fn many_calls_are_made_one_after_the_other_and_answered_raw() {
    let mut world = World::new();
    let calls = vec![
        request("supervisor.stopProcess", texts(["cat"])),
        request("supervisor.getPID", vec![]),
        request("supervisor.startProcess", texts(["cat"])),
        request("supervisor.stopProcess", texts(["nope"])),
        request("supervisor.stopProcessGroup", texts(["g"])),
        request("system.multicall", vec![]),
        request("x", vec![]),
        request("supervisor.readLog", texts(["x", "0"])),
        Value::Struct(Members::new()),
        Value::Struct(Members::from([("methodName", text("supervisor.getVersion"))])),
    ];
    let Ok(Value::Array(answers)) = world.call("system.multicall", vec![Value::Array(calls)]) else {
        panic!("none")
    };
    let answers: Vec<_> = answers.iter().map(shown).collect();
    let wanted = [
        "true",
        "77",
        "true",
        "{faultCode: 10, faultString: \"BAD_NAME: nope\"}",
        "[{description: \"OK\", group: \"g\", name: \"a\", status: 80}, \
          {description: \"OK\", group: \"g\", name: \"b\", status: 80}]",
        "{faultCode: 2, faultString: \"INCORRECT_PARAMETERS: Recursive system.multicall forbidden\"}",
        "{faultCode: 1, faultString: \"UNKNOWN_METHOD\"}",
        "{faultCode: 30, faultString: \"FAILED: \\\"x\\\" is no number\"}",
        "{faultCode: 2, faultString: \"INCORRECT_PARAMETERS: No methodName\"}",
        "\"3.0\"",
    ];
    assert_eq!(answers, wanted);
}

#[test]
fn a_multicall_has_a_limit_and_must_be_one() {
    let mut world = World::new();
    let call = |world: &mut World, params| world.call("system.multicall", vec![params]);
    assert_eq!(call(&mut world, Value::Array(vec![])), Ok(Value::Array(vec![])));
    assert_eq!(call(&mut world, text("")), Ok(Value::Array(vec![])));
    let incorrect = Refusal::Fault(FaultCode::IncorrectParameters.into());
    assert_eq!(call(&mut world, Value::Int(5)), Err(incorrect));
    assert!(matches!(call(&mut world, text("x")), Err(Refusal::Internal(_))));
    assert!(matches!(call(&mut world, Value::Array(vec![Value::Int(5)])), Err(Refusal::Internal(_))));
    let many = vec![request("supervisor.getPID", vec![]); 5000];
    assert!(matches!(call(&mut world, Value::Array(many)), Err(Refusal::Fault(_))));
    // Answers that would take too much memory together are refused from there on.
    world.outcome = Outcome::Bytes { bytes: vec![b'x'; 40 << 20], start: 0 };
    let reads = vec![request("supervisor.readLog", vec![Value::Int(0), Value::Int(0)]); 4];
    let Ok(Value::Array(answers)) = call(&mut world, Value::Array(reads)) else { panic!("none") };
    let is_text = |it: &Value| matches!(it, Value::String(_));
    assert_eq!(answers.iter().map(is_text).collect::<Vec<_>>(), [true, true, false, false]);
    assert_eq!(world.chores.len(), 2);
}

#[path = "methods/roles.rs"]
mod roles;

#[path = "methods/extended.rs"]
mod extended;
