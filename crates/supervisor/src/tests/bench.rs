//! A machine on a bench: a clock set by hand, a world that does what a test says, and a journal.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use model::child::ChildId;
use model::event::Event;
use model::exit::ExitStatus;
use model::name::{FullName, GroupName, ProcessName, ProgramName};
use model::signal::Signal;
use model::spec::{GroupKind, GroupSpec, ProcessSpec};
use model::time::{Mono, Stamp, Wall};

use crate::effect::{Answer, Effect, Effects, Scope};
use crate::input::{Input, Living, Request, RequestId, Selection, Standing};
use crate::memory::{Memory, Tape};
use crate::phase::Phase;
use crate::supervisor::Supervisor;

/// A process with Supervisor's defaults.
pub(super) fn process(name: &str) -> ProcessSpec {
    ProcessSpec::usual(ProgramName::parse(name).unwrap(), name)
}

/// A group of such processes.
pub(super) fn group(name: &str, priority: i64, processes: Vec<ProcessSpec>) -> Arc<GroupSpec> {
    let processes = processes.into_iter().map(Arc::new).collect();
    Arc::new(GroupSpec { name: GroupName::parse(name).unwrap(), priority, kind: GroupKind::Plain, processes })
}

/// A process that forms its own group.
pub(super) fn alone(spec: ProcessSpec) -> Arc<GroupSpec> {
    let name = spec.name.clone();
    group(name.as_str(), 999, vec![spec])
}

pub(super) fn named(group: &str, process: &str) -> FullName {
    FullName { group: GroupName::parse(group).unwrap(), process: ProcessName::expanded(process) }
}

pub(super) fn exit(code: u8) -> ExitStatus {
    ExitStatus::Exited(code)
}

pub(super) fn killed_by(signal: Signal) -> ExitStatus {
    ExitStatus::Signaled { signal, core: false }
}

/// The bench.
pub(super) struct Bench {
    pub(super) machine: Supervisor,
    /// What somebody who writes down every change knows.
    pub(super) memory: Memory,
    /// What they knew before the effects of the last step were performed.
    unperformed: Memory,
    /// The configurations it was told of.
    tapes: BTreeMap<Tape, Vec<Arc<GroupSpec>>>,
    /// Whether it dies only when the test says so.
    pub(super) is_hardy: bool,
    now: Mono,
    fx: Effects,
    requests: u64,
    journal: String,
}

impl Bench {
    pub(super) fn new() -> Self {
        let machine = Supervisor::new(ChildId(1));
        let (memory, unperformed) = (Memory::default(), Memory::default());
        Self {
            machine,
            memory,
            unperformed,
            tapes: BTreeMap::new(),
            is_hardy: false,
            now: Mono::default(),
            fx: Effects::default(),
            requests: 0,
            journal: String::new(),
        }
    }

    /// A machine that has begun with these groups.
    pub(super) fn begun(groups: Vec<Arc<GroupSpec>>) -> Self {
        let mut bench = Self::new();
        bench.tell(Input::Begin { groups, tape: 0 });
        bench
    }

    pub(super) fn stamp(&self) -> Stamp {
        let micros = i64::try_from(self.now.0.as_micros()).unwrap();
        Stamp { mono: self.now, wall: Wall { micros } }
    }

    /// Lets time pass up to `secs` after the beginning, going from deadline to deadline.
    pub(super) fn until(&mut self, secs: f64) -> &mut Self {
        let end = Mono(Duration::from_secs_f64(secs));
        while let Some((at, _)) = self.machine.deadline().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.tell(Input::Due);
        }
        self.now = end;
        self
    }

    /// Lets time pass without the machine being told, as when the loop has slept.
    pub(super) fn oversleep_until(&mut self, secs: f64) -> &mut Self {
        self.now = Mono(Duration::from_secs_f64(secs));
        self
    }

    pub(super) fn tell(&mut self, mut input: Input) -> &mut Self {
        self.keep_tape(&mut input);
        let mut fx = std::mem::take(&mut self.fx);
        self.machine.step(self.stamp(), input, &mut fx);
        self.remember();
        for effect in fx.drain() {
            self.write(&effect);
        }
        self.unperformed = self.memory.clone();
        self.machine.performed();
        self.remember();
        self.fx = fx;
        self.die_unnoticed();
        self
    }

    fn keep_tape(&mut self, input: &mut Input) {
        if let Input::Begin { groups, tape }
        | Input::Reread { groups, tape }
        | Input::Request { request: Request::Update { configured: groups, tape, .. }, .. } = input
        {
            *tape = u32::try_from(self.tapes.len()).unwrap();
            self.tapes.insert(*tape, groups.clone());
        }
    }

    /// The daemon dies after every step of every test, where nobody waits for an answer, which would be lost,
    /// and another machine takes its place. No test may notice.
    fn die_unnoticed(&mut self) {
        let machine = &self.machine;
        let processes = || machine.groups.values().flat_map(|it| it.processes.values());
        let is_busy = self.is_hardy
            || machine.books.leaving
            || machine.waiting.waits_for_any()
            || machine.updates.are_owed();
        let mut children: Vec<_> = machine.strays().cloned().collect();
        for process in processes() {
            match process.phase.child() {
                None => {}
                // It may or may not have been made.
                Some((_, None)) => return,
                Some((child, pid)) => children.push(Living {
                    child,
                    name: process.name.clone(),
                    pid,
                    started: self.now,
                    standing: Standing::Own,
                    ended: false,
                }),
            }
        }
        let is_in_doubt = processes().any(|it| matches!(it.phase, Phase::Doubt { .. }));
        if is_busy || is_in_doubt || children.len() > 100 || !self.memory.has_begun() {
            return;
        }
        self.die();
        let mut fx = Effects::default();
        self.machine.step(self.stamp(), Input::Resumed { living: children.clone() }, &mut fx);
        let done: Vec<_> = fx.drain().filter(|it| !matches!(it, Effect::Adopted { .. })).collect();
        assert!(done.is_empty(), "a new machine has done {done:?}");
        // Here it is certain that nothing said was lost.
        let books = &mut self.machine.books;
        for living in &children {
            books.bus.end_silence(living.child, &mut books.timers);
        }
        self.remember();
    }

    /// Writes down what has changed, and sees to it that nothing was left out.
    fn remember(&mut self) {
        for change in self.machine.take_changes() {
            self.memory.apply(change);
        }
        // A look at thousands after each step would take the tests a minute.
        if self.memory.processes.len() < 100 {
            assert!(self.memory == self.machine.memory(), "not all that has changed was told");
        }
    }

    /// The daemon dies, and another machine takes over with what was written down.
    pub(super) fn die(&mut self) -> &mut Self {
        self.machine = Supervisor::resume(self.memory.clone(), &self.tapes, self.stamp());
        assert_eq!(self.machine.memory(), self.memory, "what is remembered is brought back");
        self.memory = Memory::default();
        self.remember();
        self
    }

    /// It dies before it has done what the last step asked for.
    pub(super) fn die_before_performing(&mut self) -> &mut Self {
        self.memory = std::mem::take(&mut self.unperformed);
        self.die()
    }

    /// It is told what is there: children by number, name, and when they were made.
    pub(super) fn resumed(&mut self, living: Vec<Living>) -> &mut Self {
        self.tell(Input::Resumed { living })
    }

    /// The child now has a pid: its number and a thousand.
    pub(super) fn spawned(&mut self, child: u64) -> &mut Self {
        let pid = u32::try_from(child).unwrap() + 1000;
        self.tell(Input::Spawned { child: ChildId(child), pid })
    }

    pub(super) fn exited(&mut self, child: u64, status: ExitStatus) -> &mut Self {
        self.tell(Input::Exited {
            child: ChildId(child),
            status,
            at: self.now,
            setup: None,
            survivors: vec![],
        })
    }

    pub(super) fn ask(&mut self, request: Request) -> &mut Self {
        self.requests += 1;
        self.tell(Input::Request { id: RequestId(self.requests), request })
    }

    pub(super) fn start(&mut self, name: &str, wait: bool) -> &mut Self {
        let request =
            Request::Start { name: named(name, name), named: name.to_owned(), wait, obstacle: None };
        self.ask(request)
    }

    pub(super) fn stop(&mut self, name: &str, wait: bool) -> &mut Self {
        self.ask(Request::Stop { name: named(name, name), named: name.to_owned(), wait })
    }

    pub(super) fn stop_all(&mut self) -> &mut Self {
        self.ask(Request::StopMany { selection: Selection::All, wait: true })
    }

    /// What happened since the last call.
    pub(super) fn journal(&mut self) -> String {
        std::mem::take(&mut self.journal)
    }

    /// Drops what happened so far.
    pub(super) fn forget(&mut self) -> &mut Self {
        self.journal.clear();
        self
    }

    fn write(&mut self, effect: &Effect) {
        let text = match effect {
            Effect::GroupOpened(group) => format!("open {}", group.name),
            Effect::GroupClosed(name) => format!("close {name}"),
            Effect::ProcessOpened { name, .. } => format!("open {name}"),
            Effect::ProcessChanged { name, .. } => format!("change {name}"),
            Effect::ProcessClosed(name) => format!("close {name}"),
            Effect::Spawn { child, name, .. } => format!("spawn {name} {child}"),
            Effect::Signal { child, signal, scope: Scope::Process } => format!("send {signal} to {child}"),
            Effect::Signal { child, signal, scope: Scope::Group } => {
                format!("send {signal} to the group of {child}")
            }
            Effect::Signal { child, signal, scope: Scope::Tree } => {
                format!("send {signal} to the tree of {child}")
            }
            Effect::Amend { child, .. } => format!("amend {child}"),
            Effect::Adopted { child, name, .. } => format!("adopt {child} as {name}"),
            Effect::Settle { child, adopt: true } => format!("settle that {child} is ours"),
            Effect::Settle { child, adopt: false } => format!("settle that {child} is not ours"),
            Effect::Buried { child } => format!("bury {child}"),
            Effect::Publish(Event::ProcessState { name, from, to, detail }) => {
                format!("{name}: {from} -> {to} {detail:?}")
            }
            Effect::Publish(event) => {
                format!("{} {}", event.kind().as_str(), event.payload().trim_end())
            }
            Effect::Send { child, letter } => format!(
                "event {}/{} to {child}: {} {}",
                letter.serial,
                letter.pool_serial,
                letter.event.kind().as_str(),
                letter.event.payload().trim_end()
            ),
            Effect::Note(note) => format!("{} {note}", note.level().code()),
            Effect::Answer { id, answer } => format!("answer {}: {}", id.0, answer_text(answer)),
            Effect::Quit(departure) => format!("quit {departure:?}"),
        };
        let _ = writeln!(self.journal, "{:6.3} {}", self.now.0.as_secs_f64(), text.trim_end());
    }
}

fn answer_text(answer: &Result<Answer, model::fault::Fault>) -> String {
    match answer {
        Ok(Answer::Done) => "done".to_owned(),
        Ok(Answer::Many(settled)) => {
            let each = settled.iter().map(|it| match &it.outcome {
                Ok(()) => format!("{} done", it.name),
                Err(fault) => format!("{} {fault}", it.name),
            });
            format!("[{}]", each.collect::<Vec<_>>().join(", "))
        }
        Ok(Answer::Updated(updated)) => {
            let each = updated.iter().map(|it| {
                let planned = &it.planned;
                let process = planned.process.as_ref().map_or("*", |it| it.as_str());
                let options = planned.options.iter().flat_map(|it| [" ", *it]).collect::<String>();
                let outcome = it.outcome.as_ref().err().map(|it| format!(" ({it})")).unwrap_or_default();
                format!("{}:{process} {}{options}{outcome}", planned.group, planned.action.as_str())
            });
            format!("[{}]", each.collect::<Vec<_>>().join(", "))
        }
        Err(fault) => fault.to_string(),
    }
}
