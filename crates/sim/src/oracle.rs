//! The oracle: what must be true after every step, whatever happens.
//!
//! It keeps its own, simpler account of every process from what the machine was told and what it did,
//! and compares. It knows the rules of DESIGN.md section 6, not how the machine follows them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use model::child::ChildId;
use model::event::Event;
use model::exit::ExitStatus;
use model::name::{FullName, GroupName};
use model::signal::Signal;
use model::spec::{AutoRestart, GroupSpec, ProcessSpec};
use model::state::{ProcessState, SupervisorState};
use model::time::{Mono, Stamp};
use supervisor::effect::{Answer, Effect};
use supervisor::input::{Input, Request, RequestId, Selection};
use supervisor::supervisor::Supervisor;

/// How late a promotion may be for an end told in its stead to count as an end after it.
const PROMOTION_LATE_MAX: Duration = Duration::from_millis(100);

const SECOND: Duration = Duration::from_secs(1);

/// The account of one process.
#[derive(Debug)]
struct Watch {
    spec: Arc<ProcessSpec>,
    group_priority: i64,
    state: ProcessState,
    since: Mono,
    /// Its child, from the order to make it until its end was told.
    child: Option<Child>,
    /// When its last child was ordered.
    ordered: Mono,
    /// How its last child ended.
    ended: Option<ExitStatus>,
    /// Starts in a row, each but the last a failure.
    streak: i64,
    /// When it was last killed since it was asked to stop.
    killed: Option<Mono>,
    /// Somebody wanted it stopped while it was down.
    left_down: bool,
    /// The states it entered in this step.
    entered: Vec<ProcessState>,
}

#[derive(Debug, Clone, Copy)]
struct Child {
    id: ChildId,
    /// When the machine was told that it exists.
    known: Option<Mono>,
    /// Its end was told in this step.
    ending: bool,
}

/// The account of one request.
#[derive(Debug)]
struct Asked {
    request: Request,
    answered: bool,
    abandoned: bool,
}

/// The account of everything.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that, once true, stays so")]
pub struct Oracle {
    watches: BTreeMap<FullName, Watch>,
    asked: BTreeMap<RequestId, Asked>,
    /// What the present step is about.
    input: Option<Input>,
    effects_in_step: usize,
    /// The priorities of what was started in this step, and the groups between them.
    started: Vec<(i64, GroupName, i64)>,
    buried: Vec<ChildId>,
    last_child: u64,
    begun: bool,
    leaving: bool,
    said_stopping: bool,
    quit: bool,
    /// Clients have left: a report to them may come once more.
    abandoned: bool,
}

/// The edges between states (`process.py`, and where that would crash, what we do instead).
const fn is_legal(from: ProcessState, to: ProcessState) -> bool {
    use ProcessState::{Backoff, Exited, Fatal, Running, Starting, Stopped, Stopping, Unknown};
    match from {
        Stopped | Exited | Fatal => matches!(to, Starting),
        Starting => matches!(to, Running | Backoff | Stopping | Unknown),
        Running => matches!(to, Stopping | Exited | Unknown),
        Backoff => matches!(to, Starting | Fatal | Stopped),
        Stopping => matches!(to, Stopped | Unknown),
        Unknown => matches!(to, Stopped | Exited),
    }
}

impl Oracle {
    /// Before a step: this is what the machine will be told.
    ///
    /// # Errors
    /// When the world itself makes no sense.
    pub fn told(&mut self, input: &Input, now: Mono) -> Result<()> {
        self.input = Some(input.clone());
        self.effects_in_step = 0;
        self.started.clear();
        self.buried.clear();
        for watch in self.watches.values_mut() {
            watch.entered.clear();
        }
        match input {
            Input::Spawned { child, .. } => {
                if let Some(child) = self.child_mut(*child).and_then(|it| it.child.as_mut()) {
                    child.known = Some(now);
                }
            }
            Input::SpawnFailed { child, .. } => {
                if let Some(watch) = self.child_mut(*child) {
                    watch.child = None;
                }
            }
            Input::Exited { child, status, .. } => {
                if let Some(watch) = self.child_mut(*child) {
                    watch.ended = Some(*status);
                    if let Some(child) = &mut watch.child {
                        child.ending = true;
                    }
                }
            }
            Input::Request { id, request } => {
                let asked = Asked { request: request.clone(), answered: false, abandoned: false };
                ensure!(self.asked.insert(*id, asked).is_none(), "the world reuses a number");
                self.note_request(request);
            }
            Input::Abandoned { id } => {
                self.abandoned = true;
                if let Some(asked) = self.asked.get_mut(id) {
                    asked.abandoned = true;
                }
            }
            Input::Leave(_) => self.leaving = true,
            Input::Begin { .. } | Input::Due | Input::SignalFailed { .. } | Input::Reread { .. } => {}
        }
        Ok(())
    }

    fn note_request(&mut self, request: &Request) {
        if self.leaving {
            return;
        }
        match request {
            Request::Leave(_) => self.leaving = true,
            Request::Stop { .. } | Request::StopMany { .. } => {
                for (name, watch) in &mut self.watches {
                    if is_about(request, name) && watch.state == ProcessState::Exited {
                        watch.left_down = true;
                    }
                }
            }
            Request::Start { .. }
            | Request::StartMany { .. }
            | Request::Signal { .. }
            | Request::SignalMany { .. }
            | Request::AddGroup { .. }
            | Request::RemoveGroup { .. } => {}
        }
    }

    fn child_mut(&mut self, id: ChildId) -> Option<&mut Watch> {
        self.watches.values_mut().find(|it| it.child.is_some_and(|child| child.id == id))
    }

    /// In a step: this is what the machine does.
    ///
    /// # Errors
    /// When it must not.
    pub fn saw(&mut self, effect: &Effect, now: Mono) -> Result<()> {
        self.effects_in_step += 1;
        match effect {
            Effect::GroupOpened(group) => self.opened(group, now),
            Effect::GroupClosed(name) => {
                for (process, watch) in self.watches.iter().filter(|(it, _)| it.group == *name) {
                    ensure!(watch.child.is_none(), "{process} is forgotten while it has a child");
                }
                self.watches.retain(|it, _| it.group != *name);
                Ok(())
            }
            Effect::Spawn { child, name, .. } => self.spawned(*child, name, now),
            Effect::Signal { child, signal, .. } => self.signaled(*child, *signal, now),
            Effect::Buried { child } => {
                self.buried.push(*child);
                Ok(())
            }
            Effect::Publish(event) => self.published(event, now),
            Effect::Note(_) => Ok(()),
            Effect::Answer { id, answer } => self.answered(*id, answer.as_ref().ok()),
            Effect::Quit(_) => {
                ensure!(!self.quit, "it quits twice");
                ensure!(self.leaving, "it quits although nobody asked");
                self.quit = true;
                for (name, watch) in &self.watches {
                    ensure!(watch.state.is_stopped(), "it quits while {name} is {}", watch.state);
                }
                Ok(())
            }
        }
    }

    fn opened(&mut self, group: &Arc<GroupSpec>, now: Mono) -> Result<()> {
        for spec in &group.processes {
            let name = FullName { group: group.name.clone(), process: spec.name.clone() };
            let watch = Watch {
                spec: spec.clone(),
                group_priority: group.priority,
                state: ProcessState::Stopped,
                since: now,
                child: None,
                ordered: now,
                ended: None,
                streak: 0,
                killed: None,
                left_down: false,
                entered: Vec::new(),
            };
            ensure!(self.watches.insert(name, watch).is_none(), "group {} is opened twice", group.name);
        }
        Ok(())
    }

    fn spawned(&mut self, child: ChildId, name: &FullName, now: Mono) -> Result<()> {
        ensure!(!self.leaving, "{name} is started although everything is to stop");
        ensure!(child.0 > self.last_child, "the number of {child} was used before");
        self.last_child = child.0;
        let watch =
            self.watches.get_mut(name).with_context(|| format!("{name} is started before its group"))?;
        ensure!(watch.child.is_none_or(|it| it.ending), "{name} has two children");
        ensure!(watch.state == ProcessState::Starting, "{name} is started while {}", watch.state);
        watch.child = Some(Child { id: child, known: None, ending: false });
        watch.ordered = now;
        watch.ended = None;
        self.started.push((watch.group_priority, name.group.clone(), watch.spec.priority));
        Ok(())
    }

    fn signaled(&mut self, child: ChildId, signal: Signal, now: Mono) -> Result<()> {
        let by_client = matches!(
            &self.input,
            Some(Input::Request { request: Request::Signal { .. } | Request::SignalMany { .. }, .. })
        );
        let watch = self.child_mut(child).with_context(|| format!("{child} is signaled but gone"))?;
        ensure!(watch.child.is_some_and(|it| !it.ending), "{child} is signaled but its end was told");
        if signal == Signal::KILL && !by_client {
            ensure!(watch.state == ProcessState::Stopping, "{child} is killed while {}", watch.state);
            ensure!(now >= watch.since + watch.spec.stop_time(), "{child} is killed before its time");
            watch.killed = Some(now);
        }
        Ok(())
    }

    fn published(&mut self, event: &Event, now: Mono) -> Result<()> {
        match event {
            Event::ProcessState { name, from, to, .. } => self.moved(name, *from, *to, now),
            Event::SupervisorStateChange(SupervisorState::Running) => {
                ensure!(!self.begun, "it begins twice");
                self.begun = true;
                Ok(())
            }
            Event::SupervisorStateChange(_) => {
                ensure!(
                    self.leaving && !self.said_stopping,
                    "it says twice that it stops, or without a reason"
                );
                self.said_stopping = true;
                Ok(())
            }
            Event::ProcessLog { .. }
            | Event::ProcessCommunication { .. }
            | Event::RemoteCommunication { .. }
            | Event::Tick { .. } => bail!("this event is not the machine's to send"),
            Event::GroupAdded(_) | Event::GroupRemoved(_) => Ok(()),
        }
    }

    fn moved(&mut self, name: &FullName, from: ProcessState, to: ProcessState, now: Mono) -> Result<()> {
        let leaving = self.leaving;
        let watch = self.watches.get(name).with_context(|| format!("{name} is not there"))?;
        ensure!(watch.state == from, "{name} says it was {from} but was {}", watch.state);
        ensure!(is_legal(from, to), "{name} went from {from} to {to}");
        if leaving && to == ProcessState::Stopping {
            let mine = watch.group_priority;
            let later =
                self.watches.iter().find(|(_, it)| it.group_priority > mine && !it.state.is_stopped());
            if let Some((other, _)) = later {
                bail!("{name} is stopped before {other}, which has a higher priority");
            }
        }
        let watch = self.watches.get_mut(name).with_context(|| format!("{name} is not there"))?;
        match to {
            ProcessState::Starting => {
                watch.streak = if from == ProcessState::Backoff { watch.streak + 1 } else { 1 };
            }
            ProcessState::Running => watch.check_is_up(name, now)?,
            ProcessState::Fatal if !leaving => {
                let starts = watch.spec.startretries.max(0) + 1;
                ensure!(
                    watch.streak == starts,
                    "{name} was given up after {} starts, not {starts}",
                    watch.streak
                );
            }
            ProcessState::Stopped
            | ProcessState::Backoff
            | ProcessState::Stopping
            | ProcessState::Exited
            | ProcessState::Fatal
            | ProcessState::Unknown => {}
        }
        watch.state = to;
        watch.since = now;
        watch.killed = None;
        watch.left_down = false;
        watch.entered.push(to);
        Ok(())
    }

    fn answered(&mut self, id: RequestId, answer: Option<&Answer>) -> Result<()> {
        let asked = self.asked.get_mut(&id).with_context(|| format!("nobody asked {}", id.0))?;
        ensure!(!asked.answered, "request {} is answered twice", id.0);
        ensure!(!asked.abandoned, "request {} is answered although nobody listens", id.0);
        asked.answered = true;
        let Some(Answer::Done) = answer else { return Ok(()) };
        match &asked.request {
            Request::Start { name, wait: true, .. } => {
                let up = self.watches.get(name).is_some_and(|it| it.entered.contains(&ProcessState::Running));
                ensure!(up, "{name} is said to be up but is not");
            }
            Request::Stop { name, wait: true, .. } => {
                let down = self.watches.get(name).is_some_and(|it| it.state.is_stopped());
                ensure!(down, "{name} is said to be down but is not");
            }
            Request::Start { .. }
            | Request::StartMany { .. }
            | Request::Stop { .. }
            | Request::StopMany { .. }
            | Request::Signal { .. }
            | Request::SignalMany { .. }
            | Request::AddGroup { .. }
            | Request::RemoveGroup { .. }
            | Request::Leave(_) => {}
        }
        Ok(())
    }

    /// After a step.
    ///
    /// # Errors
    /// When the machine says something else than it did.
    pub fn stepped(&mut self, machine: &Supervisor) -> Result<()> {
        match &self.input {
            Some(Input::Exited { child, .. }) => {
                ensure!(
                    self.buried == [*child],
                    "the end of {child} was told, and it buries {:?}",
                    self.buried
                );
            }
            Some(Input::Begin { .. }) => {
                ensure!(self.started.is_sorted(), "it starts in the order {:?}", self.started);
            }
            Some(Input::Due) => {
                let excused = self.leaving || self.abandoned;
                ensure!(self.effects_in_step > 0 || excused, "it woke up for nothing");
            }
            Some(_) | None => {}
        }
        for (name, watch) in &mut self.watches {
            if watch.child.is_some_and(|it| it.ending) {
                watch.child = None;
            }
            let info = machine.info(name, Stamp::default()).with_context(|| format!("{name} is lost"))?;
            ensure!(info.state == watch.state, "{name} is {} but said {}", info.state, watch.state);
            let child = machine.child_of(name).map(|(child, _)| child);
            ensure!(child == watch.child.map(|it| it.id), "{name} is mistaken about its child");
        }
        Ok(())
    }

    /// When nothing is left to do at this moment.
    ///
    /// # Errors
    /// When something should have been done.
    pub fn settled(&self, machine: &Supervisor, now: Mono) -> Result<()> {
        let mut pending = self.leaving && !self.quit;
        for (name, watch) in &self.watches {
            if let Some(due) = watch.due(self.leaving) {
                ensure!(now < due, "{name} is still {} although its time has come", watch.state);
                ensure!(machine.deadline().is_some_and(|(at, _)| at <= due), "{name} is forgotten");
                pending = true;
            }
        }
        if !pending {
            ensure!(
                machine.deadline().is_none(),
                "it waits for {:?} with nothing pending",
                machine.deadline()
            );
        }
        for (id, asked) in self.asked.iter().filter(|(_, it)| !it.answered && !it.abandoned) {
            let mut about = self.watches.iter().filter(|(name, _)| is_about(&asked.request, name));
            ensure!(
                about.any(|(_, watch)| watch.may_settle(&asked.request)),
                "request {} is forgotten",
                id.0
            );
        }
        Ok(())
    }

    /// When nothing will happen any more.
    ///
    /// # Errors
    /// When something is left undone.
    pub fn finished(&self, machine: &Supervisor) -> Result<()> {
        ensure!(self.begun, "it never began");
        ensure!(machine.deadline().is_none(), "it waits for {:?} for ever", machine.deadline());
        ensure!(self.leaving == self.quit, "it was asked to leave and does not");
        for (name, watch) in &self.watches {
            let at_rest = watch.state.is_stopped() || watch.state == ProcessState::Running;
            ensure!(at_rest, "{name} stays {} for ever", watch.state);
        }
        for (id, asked) in &self.asked {
            ensure!(asked.answered || asked.abandoned, "request {} is never answered", id.0);
        }
        Ok(())
    }
}

impl Watch {
    /// It says that it is up: is it?
    fn check_is_up(&self, name: &FullName, now: Mono) -> Result<()> {
        let child = self.child.with_context(|| format!("{name} is up without a child"))?;
        let known = child.known.with_context(|| format!("{name} is up before there is a child"))?;
        let up_at = known + self.spec.start_time();
        if child.ending {
            let lived = now - self.ordered >= self.spec.start_time() && now <= up_at + PROMOTION_LATE_MAX;
            ensure!(lived, "{name} is said to have been up, but nobody can know");
        } else {
            ensure!(now >= up_at, "{name} is said to be up before its time");
        }
        Ok(())
    }

    /// When it must have left the state it is in, if nothing else happens.
    fn due(&self, leaving: bool) -> Option<Mono> {
        match self.state {
            ProcessState::Starting => Some(self.child?.known? + self.spec.start_time()),
            ProcessState::Backoff if leaving => None,
            ProcessState::Backoff => {
                Some(self.since + Duration::from_secs(u64::try_from(self.streak).unwrap_or(0)))
            }
            ProcessState::Stopping => Some(match self.killed {
                None => self.since + self.spec.stop_time(),
                Some(killed) => killed + self.spec.stop_time().max(SECOND),
            }),
            ProcessState::Exited => {
                let expected = self.ended.is_some_and(|it| self.spec.exitcodes.expects(it));
                let restarts = match self.spec.autorestart {
                    AutoRestart::Never => false,
                    AutoRestart::Unexpected => !expected,
                    AutoRestart::Always => true,
                };
                let wanted = restarts && !leaving && !self.left_down;
                wanted.then(|| self.since.max(self.ordered + SECOND))
            }
            ProcessState::Stopped | ProcessState::Running | ProcessState::Fatal | ProcessState::Unknown => {
                None
            }
        }
    }

    /// Whether something may yet happen to it that settles a request.
    fn may_settle(&self, request: &Request) -> bool {
        match request {
            Request::Start { wait, .. } | Request::StartMany { wait, .. } => {
                let unknown = self.child.is_some_and(|it| it.known.is_none());
                self.state == ProcessState::Starting && (*wait || unknown)
            }
            Request::Stop { .. } | Request::StopMany { .. } => self.state == ProcessState::Stopping,
            Request::Signal { .. }
            | Request::SignalMany { .. }
            | Request::AddGroup { .. }
            | Request::RemoveGroup { .. }
            | Request::Leave(_) => false,
        }
    }
}

fn is_about(request: &Request, process: &FullName) -> bool {
    let selected = |selection: &Selection| match selection {
        Selection::All => true,
        Selection::Group(group) => process.group == *group,
    };
    match request {
        Request::Start { name, .. } | Request::Stop { name, .. } | Request::Signal { name, .. } => {
            name == process
        }
        Request::StartMany { selection, .. }
        | Request::StopMany { selection, .. }
        | Request::SignalMany { selection, .. } => selected(selection),
        Request::AddGroup { .. } | Request::RemoveGroup { .. } | Request::Leave(_) => false,
    }
}
