//! The whole machine: what happened goes in, what is to be done comes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::child::ChildId;
use model::event::Event;
use model::info::ProcessInfo;
use model::name::{FullName, GroupName, Namespec};
use model::spec::{GroupKind, GroupSpec, ProcessSpec};
use model::state::SupervisorState;
use model::time::{Mono, Stamp};

use crate::bus::PoolInfo;
use crate::deadline::Reason;
use crate::doubt::Strays;
use crate::effect::{Effect, Effects};
use crate::group::Group;
use crate::input::Input;
use crate::memory::Tape;
use crate::order;
use crate::process::{End, Process};
use crate::reload::{self, ChangeSet};
use crate::shutdown::Mood;
use crate::snapshot;
use crate::turn::{Books, Step, Turn};
use crate::update::Updates;
use crate::waiting::Waiting;

/// The machine.
///
/// Everything it knows came in through [`Supervisor::step`], and everything it wants goes out there.
/// The rest of its face is for looking: nothing there changes anything.
#[derive(Debug)]
pub struct Supervisor {
    pub(crate) groups: BTreeMap<GroupName, Group>,
    pub(crate) configured: Configuration,
    pub(crate) books: Books,
    pub(crate) waiting: Waiting,
    pub(crate) updates: Updates,
    pub(crate) mood: Mood,
    pub(crate) next_rank: u64,
    /// Children that are there and belong to no process yet.
    pub(crate) strays: Strays,
    /// Processes a resumed machine does not remember.
    pub(crate) fresh: Vec<FullName>,
}

/// A configuration as it was read.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    pub(crate) groups: Vec<Arc<GroupSpec>>,
    /// Where the daemon keeps it; none before one was read.
    pub(crate) tape: Option<Tape>,
}

impl Configuration {
    pub(crate) fn tape(&self) -> Tape {
        self.tape.unwrap_or_default()
    }
}

/// What a namespec stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// One process.
    Process(FullName),
    /// A whole group.
    Group(GroupName),
    /// Nothing that is active.
    Nothing,
}

impl Supervisor {
    /// A machine without groups. Its children are numbered from `first_child`, which must be higher
    /// than any number used before.
    pub fn new(first_child: ChildId) -> Self {
        Self {
            groups: BTreeMap::new(),
            configured: Configuration::default(),
            books: Books::new(first_child),
            waiting: Waiting::default(),
            updates: Updates::default(),
            mood: Mood::Running,
            next_rank: 0,
            strays: Strays::default(),
            fresh: Vec::new(),
        }
    }

    /// Takes note of what happened and adds to `fx` what is to be done about it, in order.
    ///
    /// Where several things happen at one moment, the ends of children are to be told before
    /// [`Input::Due`], so that no child is called RUNNING that has ended.
    pub fn step(&mut self, now: Stamp, input: Input, fx: &mut Effects) {
        let step = &mut Step { now, fx };
        match input {
            Input::Begin { groups, tape } => self.begin(groups, tape, step),
            Input::Resumed { living } => self.resumed(living, step),
            Input::Due => self.due(step),
            Input::Spawned { child, pid } => {
                let at = step.now.mono;
                self.with_child(child, step, |process, turn| process.spawned(child, pid, at, turn));
            }
            Input::SpawnFailed { child, failure } => {
                self.with_child(child, step, |process, turn| process.spawn_failed(child, failure, turn));
            }
            Input::Exited { child, status, at, setup, survivors } => {
                step.fx.push(Effect::Buried { child });
                self.strays.bury(child);
                let end = End { status, at, setup, survivors };
                self.with_child(child, step, |process, turn| process.exited(child, end, turn));
                self.listener_gone(child, step);
            }
            Input::SignalFailed { child, signal: _, gone, reason } => {
                self.with_child(child, step, |process, turn| {
                    process.signal_failed(child, gone, reason, turn);
                });
            }
            Input::Heard { child, said } => self.heard(child, said, step),
            Input::SendFailed { child, serial, closed } => self.send_failed(child, serial, closed, step),
            Input::Wrote { child, channel, bytes } => self.wrote(child, channel, bytes, step),
            Input::Captured { child, channel, bytes } => self.captured(child, channel, bytes, step),
            Input::Publish(event) => self.publish(event, step),
            Input::Reread { groups, tape } => self.configured = Configuration { groups, tape: Some(tape) },
            Input::Request { id, request } => self.request(id, request, step),
            Input::Abandoned { id } => {
                self.waiting.abandon(id);
                self.updates.abandon(id);
            }
            Input::Leave(departure) => self.leave(departure, step),
        }
        self.settle(step);
        self.deliver(step);
    }

    /// When [`Input::Due`] is to be told, and why; `None` when nothing is waited for but the world.
    pub fn deadline(&self) -> Option<(Mono, Reason)> {
        self.books.timers.first().map(|(at, reason)| (at, reason.clone()))
    }

    /// What it is about: supervising, or stopping everything.
    pub const fn state(&self) -> SupervisorState {
        self.mood.state()
    }

    /// One process as it is now. Where its logs are is the shell's to add.
    pub fn info(&self, name: &FullName, now: Stamp) -> Option<ProcessInfo> {
        self.process(name).map(|it| snapshot::info(it, now))
    }

    /// All processes as they are now, by group name and process name.
    pub fn all_info(&self, now: Stamp) -> Vec<ProcessInfo> {
        let processes = self.groups.values().flat_map(|it| it.processes.values());
        processes.map(|it| snapshot::info(it, now)).collect()
    }

    /// What a namespec stands for among the active groups.
    pub fn find(&self, spec: Namespec<'_>) -> Found {
        let Some(group) = self.groups.get(spec.group) else { return Found::Nothing };
        match spec.process {
            None => Found::Group(group.spec.name.clone()),
            Some(process) => {
                group.processes.get(process).map_or(Found::Nothing, |it| Found::Process(it.name.clone()))
            }
        }
    }

    /// Every active process with what it was configured to be, by group name and process name.
    pub fn specs(&self) -> impl Iterator<Item = (&FullName, &Arc<ProcessSpec>)> {
        let processes = self.groups.values().flat_map(|it| it.processes.values());
        processes.map(|it| (&it.name, &it.spec))
    }

    /// What an active process was configured to be.
    pub fn spec(&self, name: &FullName) -> Option<&Arc<ProcessSpec>> {
        self.process(name).map(|it| &it.spec)
    }

    /// The active groups, by priority; equal ones in the order in which they became active, which at
    /// first is that of their names.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<GroupSpec>> {
        order::groups_by_priority(&self.groups).into_iter().map(|it| &it.spec)
    }

    /// The groups of the configuration as it was last read.
    pub fn configured(&self) -> &[Arc<GroupSpec>] {
        &self.configured.groups
    }

    /// Whether a process listens to events: its standard output carries its answers.
    pub fn is_listener(&self, name: &FullName) -> bool {
        self.books.bus.has(&name.group)
    }

    /// How the listener pools are doing, by name.
    pub fn pools(&self) -> Vec<PoolInfo> {
        self.books.bus.info()
    }

    /// The child of a process, and the child's pid once it has one.
    pub fn child_of(&self, name: &FullName) -> Option<(ChildId, Option<u32>)> {
        self.process(name).and_then(|it| it.phase.child())
    }

    /// What a process does next by itself, and when: be promoted, be killed, be tried again.
    pub fn next_of(&self, name: &FullName) -> Option<(Mono, Reason)> {
        self.process(name)?.phase.deadline(name)
    }

    /// How the active groups would have to change to become `new`.
    pub fn changes(&self, new: &[Arc<GroupSpec>]) -> ChangeSet {
        let mut active: Vec<_> = self.groups.values().collect();
        active.sort_by_key(|it| it.rank);
        reload::changes(active.into_iter().map(|it| &*it.spec), new)
    }

    pub(crate) fn process(&self, name: &FullName) -> Option<&Process> {
        self.groups.get(&name.group)?.processes.get(&name.process).map(|it| &**it)
    }

    /// Does something with one process, if it is there.
    pub(crate) fn with_process<T>(
        &mut self,
        name: &FullName,
        step: &mut Step<'_>,
        act: impl FnOnce(&mut Process, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let process = self.groups.get_mut(&name.group)?.processes.get_mut(&name.process)?;
        Some(act(process, &mut step.turn(&mut self.books)))
    }

    /// Does something with the process a child belongs to. A child that belongs to none, because its
    /// end was told before, is nobody's business.
    fn with_child(
        &mut self,
        child: ChildId,
        step: &mut Step<'_>,
        act: impl FnOnce(&mut Process, &mut Turn<'_>),
    ) {
        if let Some(name) = self.books.children.get(&child).cloned() {
            self.with_process(&name, step, act);
        }
    }

    fn begin(&mut self, groups: Vec<Arc<GroupSpec>>, tape: Tape, step: &mut Step<'_>) {
        if self.books.leaving {
            return;
        }
        for group in &groups {
            self.open_group(group, tape, step);
        }
        self.publish(Event::SupervisorStateChange(SupervisorState::Running), step);
        for group in &groups {
            self.autostart(&group.name, step);
        }
        self.tell_of_strays(step);
        self.configured = Configuration { groups, tape: Some(tape) };
    }

    /// Makes a group active. One that is active already stays as it is.
    pub(crate) fn open_group(&mut self, spec: &Arc<GroupSpec>, tape: Tape, step: &mut Step<'_>) {
        if self.groups.contains_key(&spec.name) {
            return;
        }
        self.groups.insert(spec.name.clone(), Group::new(spec.clone(), tape, self.next_rank));
        self.next_rank += 1;
        self.books.ledger.group(&spec.name);
        step.fx.push(Effect::GroupOpened(spec.clone()));
        if let GroupKind::Listener(listener) = &spec.kind {
            self.books.bus.open(spec.name.clone(), listener, step.now, &mut self.books.timers);
        }
        self.publish(Event::GroupAdded(spec.name.clone()), step);
        for process in &spec.processes {
            let name = FullName { group: spec.name.clone(), process: process.name.clone() };
            self.books.ledger.process(&name);
            self.claim(&name, step);
        }
    }

    /// Starts what is to be started when a group becomes active.
    pub(crate) fn autostart(&mut self, name: &GroupName, step: &mut Step<'_>) {
        let Some(group) = self.groups.get_mut(name) else { return };
        for process in &group.start_order {
            if let Some(process) = group.processes.get_mut(process)
                && process.spec.autostart
                && process.record.started.is_none()
            {
                process.start(&mut step.turn(&mut self.books));
            }
        }
    }

    fn due(&mut self, step: &mut Step<'_>) {
        let mark = self.books.timers.mark();
        while let Some(reason) = self.books.timers.pop_due(step.now.mono, mark) {
            match reason {
                Reason::Promote(name) => self.with_process(&name, step, Process::promote),
                Reason::Retry(name) | Reason::Restart(name) => self.with_process(&name, step, Process::retry),
                Reason::Kill(name) => self.with_process(&name, step, Process::kill),
                Reason::StopReport(name) => {
                    let waited_for = self.waiting.waits_for_stop(&name) || self.updates.waits_for_stop(&name);
                    self.with_process(&name, step, |process, turn| {
                        process.end_reports(turn);
                        if waited_for {
                            process.report_stopping(turn);
                        }
                    })
                }
                Reason::ShutdownReport => {
                    self.report_shutdown(step);
                    None
                }
                Reason::LastWords => {
                    self.mood.end_last_words();
                    None
                }
                Reason::Tick(period) => {
                    let tick = self.books.bus.tick(period, step.now, &mut self.books.timers);
                    tick.map(|tick| self.publish(tick, step))
                }
                Reason::Silence(child) => {
                    self.books.bus.give_up_on(child, step.fx);
                    None
                }
                Reason::Redeliver(pool) => {
                    self.books.bus.rested(&pool);
                    None
                }
            };
        }
    }

    /// Tells those who wait what happened in this step, and goes on with leaving.
    fn settle(&mut self, step: &mut Step<'_>) {
        loop {
            self.hear_news(step);
            self.updates.answer_settled(step.fx);
            if !self.stop_on(step) {
                return;
            }
        }
    }

    /// Tells those who wait what happened until now, and carries out what waited for that. What that
    /// leads to is news of its own, for those who wait by then.
    pub(crate) fn hear_news(&mut self, step: &mut Step<'_>) {
        while !self.books.news.is_empty() {
            let batch = std::mem::take(&mut self.books.news);
            for news in &batch {
                self.waiting.hear(news, step.fx);
                self.updates.hear(news);
                self.mood.hear(news);
                self.books.bus.wake(&news.name.group);
            }
            for news in &batch {
                self.carry_out(&news.name, step);
            }
        }
    }
}
