//! The oracle: what must be true after every step, whatever happens.
//!
//! It keeps its own, simpler account of every process from what the machine was told and what it did,
//! and compares. It knows the rules of DESIGN.md section 6, not how the machine follows them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use model::child::ChildId;
use model::event::Event;
use model::name::{FullName, GroupName};
use model::signal::Signal;
use model::spec::{GroupSpec, ProcessSpec};
use model::state::{ProcessState, SupervisorState};
use model::time::{Mono, Stamp};
use supervisor::effect::{Answer, Effect};
use supervisor::input::{Input, Living, Request, RequestId, Selection};
use supervisor::supervisor::Supervisor;

use crate::watch::{Child, Watch, is_legal};

/// The account of one request.
#[derive(Debug)]
pub(crate) struct Asked {
    request: Request,
    pub(crate) answered: bool,
    pub(crate) abandoned: bool,
}

/// The account of everything.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that, once true, stays so")]
pub struct Oracle {
    pub(crate) watches: BTreeMap<FullName, Watch>,
    pub(crate) priorities: BTreeMap<GroupName, i64>,
    pub(crate) asked: BTreeMap<RequestId, Asked>,
    /// What the present step is about.
    pub(crate) input: Option<Input>,
    effects_in_step: usize,
    /// The priorities of what was started in this step, and the groups between them.
    started: Vec<(i64, GroupName, i64)>,
    buried: Vec<ChildId>,
    last_child: u64,
    pub(crate) begun: bool,
    pub(crate) leaving: bool,
    pub(crate) said_stopping: bool,
    pub(crate) quit: bool,
    /// Clients have left: a report to them may come once more.
    pub(crate) abandoned: bool,
    /// The children there were when the present machine began.
    pub(crate) living: BTreeMap<ChildId, Living>,
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
                    child.known.get_or_insert(now);
                }
            }
            Input::SpawnFailed { child, .. } => {
                if let Some(watch) = self.child_mut(*child) {
                    watch.child = None;
                }
            }
            Input::Exited { child, status, at, .. } => {
                if let Some(watch) = self.child_mut(*child) {
                    watch.ended = Some(*status);
                    if let Some(child) = &mut watch.child {
                        child.ending = Some(*at);
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
            Input::Resumed { living } => self.resumed(living, now),
            Input::Begin { .. }
            | Input::Due
            | Input::SignalFailed { .. }
            | Input::Heard { .. }
            | Input::SendFailed { .. }
            | Input::Wrote { .. }
            | Input::Captured { .. }
            | Input::Publish(_)
            | Input::Reread { .. } => {}
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
            | Request::RemoveGroup { .. }
            | Request::Adopt { .. }
            | Request::Forget { .. }
            | Request::Update { .. } => {}
        }
    }

    pub(crate) fn child_mut(&mut self, id: ChildId) -> Option<&mut Watch> {
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
                    let childless = watch.child.is_none_or(|it| it.ending.is_some());
                    ensure!(childless, "{process} is forgotten while it has a child");
                }
                self.watches.retain(|it, _| it.group != *name);
                Ok(())
            }
            Effect::ProcessOpened { name, spec } => self.joined(name, spec, now),
            Effect::ProcessChanged { name, new, .. } => {
                let watch = self.watches.get_mut(name).with_context(|| format!("{name} is not there"))?;
                watch.spec = new.clone();
                Ok(())
            }
            Effect::ProcessClosed(name) => {
                let watch = self.watches.remove(name).with_context(|| format!("{name} is not there"))?;
                let childless = watch.child.is_none_or(|it| it.ending.is_some());
                ensure!(childless, "{name} is forgotten while it has a child");
                Ok(())
            }
            Effect::Spawn { child, name, .. } => self.spawned(*child, name, now),
            Effect::Signal { child, signal, .. } => self.signaled(*child, *signal, now),
            Effect::Buried { child } => {
                self.buried.push(*child);
                Ok(())
            }
            Effect::Publish(event) => self.published(event, now),
            Effect::Send { .. } | Effect::Note(_) | Effect::Amend { .. } => Ok(()),
            Effect::Adopted { child, name, .. } => self.adopted(*child, name),
            Effect::Settle { child, adopt } => {
                self.settled_doubt(*child, *adopt);
                Ok(())
            }
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
        self.priorities.insert(group.name.clone(), group.priority);
        for spec in &group.processes {
            let name = FullName { group: group.name.clone(), process: spec.name.clone() };
            let watch = Watch::new(spec.clone(), group.priority, now);
            ensure!(self.watches.insert(name, watch).is_none(), "group {} is opened twice", group.name);
        }
        Ok(())
    }

    fn joined(&mut self, name: &FullName, spec: &Arc<ProcessSpec>, now: Mono) -> Result<()> {
        let priority = self.priorities.get(&name.group).context("a process joins no group")?;
        let priority = *priority;
        let watch = Watch::new(spec.clone(), priority, now);
        ensure!(self.watches.insert(name.clone(), watch).is_none(), "{name} joins its group twice");
        Ok(())
    }

    fn spawned(&mut self, child: ChildId, name: &FullName, now: Mono) -> Result<()> {
        ensure!(!self.leaving, "{name} is started although everything is to stop");
        ensure!(child.0 > self.last_child, "the number of {child} was used before");
        self.last_child = child.0;
        let watch =
            self.watches.get_mut(name).with_context(|| format!("{name} is started before its group"))?;
        ensure!(watch.child.is_none_or(|it| it.ending.is_some()), "{name} has two children");
        ensure!(watch.state == ProcessState::Starting, "{name} is started while {}", watch.state);
        watch.child = Some(Child { id: child, known: None, ending: None });
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
        ensure!(
            watch.child.is_some_and(|it| it.ending.is_none()),
            "{child} is signaled but its end was told"
        );
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
        let mine = watch.group_priority;
        self.check_revival(name, to)?;
        if leaving && to == ProcessState::Stopping {
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
        if let Some(Answer::Updated(updated)) = answer {
            let mut parts = BTreeSet::new();
            for it in updated {
                let part = (&it.planned.group, &it.planned.process);
                ensure!(parts.insert(part), "{part:?} is in one update twice");
            }
            return Ok(());
        }
        if let Some(Answer::Many(settled)) = answer {
            let mut names = BTreeSet::new();
            for it in settled {
                ensure!(is_about(&asked.request, &it.name), "{} is in an answer it has no part in", it.name);
                ensure!(names.insert(&it.name), "{} is in one answer twice", it.name);
            }
            return Ok(());
        }
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
            | Request::Adopt { .. }
            | Request::Forget { .. }
            | Request::Update { .. }
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
                self.check_adopted(machine)?;
            }
            Some(Input::Resumed { .. }) => self.check_adopted(machine)?,
            Some(Input::Due) => {
                let excused = self.leaving || self.abandoned;
                ensure!(self.effects_in_step > 0 || excused, "it woke up for nothing");
            }
            Some(_) | None => {}
        }
        for (name, watch) in &mut self.watches {
            if watch.child.is_some_and(|it| it.ending.is_some()) {
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
            if self.makes_room(name, watch) {
                continue;
            }
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

    /// Whether it is down and may have to wait, before it is started again, until the rest of its group has
    /// made room for a successor.
    fn makes_room(&self, name: &FullName, watch: &Watch) -> bool {
        let updates = self.asked.values().any(|it| matches!(it.request, Request::Update { .. }));
        let mut others = self.watches.iter().filter(|(it, _)| it.group == name.group);
        updates
            && watch.state == ProcessState::Exited
            && others.any(|(_, it)| it.state == ProcessState::Stopping)
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

fn is_about(request: &Request, process: &FullName) -> bool {
    let selected = |selection: &Selection| selection.holds(process);
    match request {
        Request::Start { name, .. }
        | Request::Stop { name, .. }
        | Request::Signal { name, .. }
        | Request::Adopt { name, .. }
        | Request::Forget { name, .. } => name == process,
        Request::StartMany { selection, .. }
        | Request::StopMany { selection, .. }
        | Request::SignalMany { selection, .. } => selected(selection),
        Request::Update { .. } => true,
        Request::AddGroup { .. } | Request::RemoveGroup { .. } | Request::Leave(_) => false,
    }
}
