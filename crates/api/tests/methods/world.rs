//! A machine whose children obey at once, and what the tests say to it.

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
use model::exit::ExitStatus;
use model::fault::{Fault, FaultCode};
use model::name::{FullName, GroupName, ProgramName};
use model::role::Role;
use model::signal::Signal;
use model::spec::{CommandLine, GroupKind, GroupSpec, LogTarget, ProcessSpec, StreamSpec};
use model::time::{Stamp, Utc, Wall};
use model::usage::{ExitRecord, MachineUsage, ProcessUsage};
use supervisor::effect::{Answer, Effect, Effects};
use supervisor::input::{Input, Request, RequestId};
use supervisor::supervisor::Supervisor;
use wire::value::{Members, MethodCall, Value};

pub(crate) fn stream() -> StreamSpec {
    StreamSpec { target: LogTarget::Auto, maxbytes: 52_428_800, backups: 10, ..StreamSpec::nowhere() }
}

pub(crate) fn process(name: &str) -> ProcessSpec {
    ProcessSpec {
        command: CommandLine { text: format!("/bin/{name} -x"), words: Ok(vec![]) },
        stdout: stream(),
        stderr: stream(),
        ..ProcessSpec::usual(ProgramName::parse(name).unwrap(), name)
    }
}

pub(crate) fn group(name: &str, processes: Vec<ProcessSpec>) -> Arc<GroupSpec> {
    Arc::new(GroupSpec {
        name: GroupName::parse(name).unwrap(),
        priority: 999,
        kind: GroupKind::Plain,
        processes: processes.into_iter().map(Arc::new).collect(),
    })
}

/// `cat` by itself, `g` with `a` and `b`, and `no`, which is not started by itself.
pub(crate) fn groups() -> Vec<Arc<GroupSpec>> {
    let no = ProcessSpec { autostart: false, ..process("no") };
    vec![
        group("cat", vec![process("cat")]),
        group("g", vec![process("a"), process("b")]),
        group("no", vec![no]),
    ]
}

pub(crate) struct Files;

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
pub(crate) struct World {
    pub(crate) supervisor: Supervisor,
    pub(crate) fx: Effects,
    pub(crate) now: Stamp,
    pub(crate) identity: Identity,
    pub(crate) answers: BTreeMap<RequestId, Result<Answer, Fault>>,
    pub(crate) next_request: u64,
    pub(crate) next_pid: u32,
    /// What the next chore comes to.
    pub(crate) outcome: Outcome,
    pub(crate) chores: Vec<Chore>,
    pub(crate) requests: Vec<Request>,
    pub(crate) asker: Rc<Asker>,
    pub(crate) interface: Interface,
    pub(crate) book: Book,
    pub(crate) records: Vec<model::audit::Record>,
}

/// Somebody with this role.
pub(crate) fn asker(role: Role) -> Rc<Asker> {
    Rc::new(Asker { who: Who::User("ann".into()), role, door: Door::Inet([127, 0, 0, 1].into()) })
}

impl World {
    /// All that is started by itself is up.
    pub(crate) fn new() -> Self {
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

    pub(crate) fn step(&mut self, input: Input) {
        self.supervisor.step(self.now, input, &mut self.fx);
        let effects: Vec<_> = self.fx.drain().collect();
        for effect in effects {
            self.perform(effect);
        }
    }

    pub(crate) fn perform(&mut self, effect: Effect) {
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
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some((at, _)) = self.supervisor.deadline().filter(|(at, _)| *at <= end) {
            self.now.mono = at.max(self.now.mono);
            self.step(Input::Due);
        }
        self.now.mono = end;
        self.now.wall = Wall::from_seconds(1000 + i64::try_from(end.0.as_secs()).unwrap());
    }

    pub(crate) fn ask(&mut self, request: Request) -> Outcome {
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

    /// What a call sees.
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            supervisor: &self.supervisor,
            now: self.now,
            zone: &Utc,
            identity: &self.identity,
            files: &Files,
            usages: &Files,
            audit: &self.book,
        }
    }

    pub(crate) fn call(&mut self, name: &str, params: Vec<Value>) -> Result<Value, Refusal> {
        let mut session = Session::new(
            MethodCall { name: name.to_owned(), params },
            self.interface,
            Rc::clone(&self.asker),
        );
        loop {
            let next = session.advance(&self.context());
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
    pub(crate) fn say(&mut self, name: &str, params: Vec<Value>) -> String {
        match self.call(&format!("supervisor.{name}"), params) {
            Ok(value) => shown(&value),
            Err(Refusal::Fault(fault)) => format!("{} {fault}", fault.code.code()),
            Err(Refusal::Internal(_)) => "HTTP 500".to_owned(),
        }
    }
}

/// A value as compactly as possible.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Int(it) => it.to_string(),
        Value::Bool(it) => it.to_string(),
        Value::String(it) => format!("{it:?}"),
        Value::Double(_) | Value::DateTime(_) | Value::Nil => format!("{value:?}"),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Struct(members) => {
            let list: Vec<_> = members.iter().map(|(name, it)| format!("{name}: {}", shown(it))).collect();
            format!("{{{}}}", list.join(", "))
        }
    }
}

pub(crate) fn text(it: &str) -> Value {
    Value::String(it.to_owned())
}

pub(crate) fn texts<const N: usize>(list: [&str; N]) -> Vec<Value> {
    list.map(text).into()
}

/// The results of a group: `name status description` of each.
pub(crate) fn results(value: &Value) -> Vec<String> {
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

/// A call, as one of many.
pub(crate) fn request(name: &str, params: Vec<Value>) -> Value {
    Value::Struct(Members::from([("methodName", text(name)), ("params", Value::Array(params))]))
}
