//! An update under way: every process on its way to what the configuration wants of it.
//!
//! A process that must make room is asked to stop and given a [`Fate`]; a group that must go as a
//! whole is given a [`Successor`]. Both are carried out in the step in which the last child in
//! the way has ended, whoever asked and whether or not anybody still waits for the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::fault::{Fault, FaultCode};
use model::name::{FullName, GroupName, ProcessName};
use model::spec::{GroupSpec, ProcessSpec};
use model::state::ProcessState;

use crate::doubt;
use crate::effect::{Answer, Effect, Effects, Updated};
use crate::group::Group;
use crate::input::RequestId;
use crate::memory::Tape;
use crate::plan::{self, Action, Course, GroupPlan, Planned};
use crate::process::Process;
use crate::supervisor::{Configuration, Supervisor};
use crate::turn::{News, Step};
use crate::waiting::{self, Aim};

/// What becomes of a process once it has no child any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It gets other options.
    Replace {
        spec: Arc<ProcessSpec>,
        /// Where they come from.
        tape: Tape,
        /// Whether it is started with them.
        start: bool,
    },
    /// It is forgotten.
    Remove,
}

/// What takes the place of a group once none of its processes has a child any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Successor {
    Nothing,
    Group {
        spec: Arc<GroupSpec>,
        /// Where it comes from.
        tape: Tape,
        /// Which of its processes are started.
        start: BTreeSet<ProcessName>,
    },
}

/// All updates whose answer is owed.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    pending: BTreeMap<RequestId, Vec<Item>>,
}

#[derive(Debug)]
struct Item {
    planned: Planned,
    stage: Stage,
}

/// How far one process has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// What was there before has yet to end.
    Leaving,
    /// It has been started and is not up yet.
    Coming,
    Settled(Result<(), Fault>),
}

impl Stage {
    const fn of_start(started: bool) -> Self {
        if started { Self::Coming } else { Self::Settled(Ok(())) }
    }
}

impl Updates {
    /// Takes note of what happened to a process that is on its way up.
    pub(crate) fn hear(&mut self, news: &News) {
        for item in self.pending.values_mut().flatten() {
            if item.stage == Stage::Coming
                && item.planned.is_about(&news.name)
                && let Some(verdict) = waiting::verdict(Aim::Up, &news.what)
            {
                item.stage = Stage::Settled(verdict.for_many(&news.name));
            }
        }
    }

    /// Whether an answer is owed.
    #[cfg(test)]
    pub(crate) fn are_owed(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether an answer depends on the stop of `name`.
    pub(crate) fn waits_for_stop(&self, name: &FullName) -> bool {
        let mut items = self.pending.values().flatten();
        items.any(|it| it.stage == Stage::Leaving && it.planned.is_about(name))
    }

    /// Answers those of which nothing is left to wait for.
    pub(crate) fn answer_settled(&mut self, fx: &mut Effects) {
        while let Some(id) = self.pending.iter().find_map(|(id, items)| is_settled(items).then_some(*id)) {
            let items = self.pending.remove(&id).unwrap_or_default();
            let updated = items.into_iter().map(|it| Updated {
                planned: it.planned,
                outcome: match it.stage {
                    Stage::Settled(outcome) => outcome,
                    Stage::Leaving | Stage::Coming => Ok(()),
                },
            });
            let answer = Ok(Answer::Updated(updated.collect()));
            fx.push(Effect::Answer { id, answer });
        }
    }

    /// Drops an update whose answer nobody will read. It goes on.
    pub(crate) fn abandon(&mut self, id: RequestId) {
        self.pending.remove(&id);
    }

    /// Answers whatever is left: everything has been stopped instead.
    pub(crate) fn close(&mut self, fx: &mut Effects) {
        for (id, _) in std::mem::take(&mut self.pending) {
            fx.push(Effect::Answer { id, answer: Err(FaultCode::ShutdownState.into()) });
        }
    }

    /// The way is free for one process, or barred.
    fn turn(&mut self, name: &FullName, stage: &Stage) {
        self.turn_group(&name.group, |process| (process == Some(&name.process)).then(|| stage.clone()));
    }

    /// The same for those processes of a group for which `stage` has an answer.
    fn turn_group(&mut self, group: &GroupName, stage: impl Fn(Option<&ProcessName>) -> Option<Stage>) {
        for item in self.pending.values_mut().flatten() {
            if item.stage == Stage::Leaving
                && item.planned.group == *group
                && let Some(stage) = stage(item.planned.process.as_ref())
            {
                item.stage = stage;
            }
        }
    }
}

fn is_settled(items: &[Item]) -> bool {
    items.iter().all(|it| matches!(it.stage, Stage::Settled(_)))
}

impl Supervisor {
    /// What [`Request::Update`](crate::input::Request::Update) would do to make the active groups what
    /// `wanted` says: all groups, or those of these names.
    ///
    /// # Errors
    /// `BAD_NAME` for a name that is neither active nor wanted.
    pub fn plan(&self, wanted: &[Arc<GroupSpec>], names: Option<&[String]>) -> Result<Vec<Planned>, Fault> {
        let plans = plan::plan(&self.groups, wanted, names)?;
        Ok(plans.into_iter().flat_map(|it| it.items).collect())
    }

    /// Sets everything out on its way to what `wanted` says.
    pub(crate) fn update(
        &mut self,
        id: RequestId,
        wanted: Configuration,
        names: Option<&[String]>,
        step: &mut Step<'_>,
    ) {
        let plans = plan::plan(&self.groups, &wanted.groups, names);
        self.configured = wanted;
        let plans = match plans {
            Ok(plans) => plans,
            Err(fault) => return step.answer(id, Err(fault)),
        };
        self.refresh(&plans);
        let items = plans.iter().flat_map(|it| self.set_out(it, step)).collect();
        self.updates.pending.insert(id, items);
        // A process that waited for its next try is down at once. That is heard before anything is
        // started, so that it is not taken for the end of the new start.
        self.hear_news(step);
        for planned in plans.iter().flat_map(|it| &it.items) {
            if let Some(process) = &planned.process {
                let name = FullName { group: planned.group.clone(), process: process.clone() };
                self.carry_out(&name, step);
            } else {
                self.succeed(&planned.group, step);
            }
        }
    }

    /// Lets unchanged processes know where they are written now, which is no change for anybody.
    fn refresh(&mut self, plans: &[GroupPlan]) {
        let planned: BTreeSet<_> = plans.iter().map(|it| &it.name).collect();
        let tape = self.configured.tape();
        for spec in self.configured.groups.iter().filter(|it| !planned.contains(&it.name)) {
            if let Some(group) = self.groups.get_mut(&spec.name)
                && group.successor.is_none()
                && !group.spec.is_changed_by(spec)
            {
                group.spec = spec.clone();
                group.tape = tape;
                self.books.ledger.group(&spec.name);
                for member in plan::members(spec) {
                    if let Some(process) = group.processes.get_mut(&member.name) {
                        process.refer_to(member, tape, &mut self.books);
                    }
                }
            }
        }
    }

    fn set_out(&mut self, plan: &GroupPlan, step: &mut Step<'_>) -> Vec<Item> {
        let item = |planned: &Planned, stage| Item { planned: planned.clone(), stage };
        match &plan.course {
            Course::Add(spec) => {
                self.open_group(spec, self.configured.tape(), step);
                self.autostart(&spec.name, step);
                let starts = |it: &Planned| self.is_starting(it);
                plan.items.iter().map(|it| item(it, Stage::of_start(starts(it)))).collect()
            }
            Course::Remove | Course::Replace(_) => {
                self.dismiss(plan, step);
                plan.items.iter().map(|it| item(it, Stage::Leaving)).collect()
            }
            Course::Change(spec) => {
                let stages: Vec<_> = plan.items.iter().map(|it| self.change(it, spec, step)).collect();
                if let Some(group) = self.groups.get_mut(&plan.name) {
                    group.follow(spec, self.configured.tape(), &mut self.books);
                }
                let coming = plan.items.iter().zip(&stages).filter(|(_, stage)| **stage == Stage::Coming);
                let coming = coming.filter_map(|(it, _)| it.process.clone()).collect();
                self.start_these(&plan.name, &coming, step);
                plan.items.iter().zip(stages).map(|(it, stage)| item(it, stage)).collect()
            }
        }
    }

    /// Whether what is planned has been started already.
    fn is_starting(&self, planned: &Planned) -> bool {
        let group = self.groups.get(&planned.group);
        let process = planned.process.as_ref().and_then(|it| group?.processes.get(it));
        process.is_some_and(|it| it.phase.child().is_some())
    }

    /// Asks a whole group to go, to make room for what the plan says.
    fn dismiss(&mut self, plan: &GroupPlan, step: &mut Step<'_>) {
        let Some(group) = self.groups.get_mut(&plan.name) else { return };
        let tape = self.configured.tape();
        group.successor = Some(match &plan.course {
            Course::Replace(spec) => {
                Successor::Group { spec: spec.clone(), tape, start: started_by(spec, group) }
            }
            Course::Add(_) | Course::Change(_) | Course::Remove => Successor::Nothing,
        });
        self.books.ledger.group(&plan.name);
        for name in &group.start_order {
            if let Some(process) = group.processes.get_mut(name) {
                process.await_fate(None, &mut self.books);
                process.make_room(&mut step.turn(&mut self.books));
            }
        }
    }

    /// Begins what is planned for one process of a group that stays. One that is `Coming` is yet to be
    /// started, when all are there and have their order.
    fn change(&mut self, planned: &Planned, spec: &GroupSpec, step: &mut Step<'_>) -> Stage {
        let (Some(group), Some(member)) = (self.groups.get_mut(&planned.group), &planned.process) else {
            return Stage::Settled(Ok(()));
        };
        let name = FullName { group: planned.group.clone(), process: member.clone() };
        let new = plan::members(spec).find(|it| it.name == *member);
        let tape = self.configured.tape();
        let turn = &mut step.turn(&mut self.books);
        match (planned.action, new) {
            (Action::Added, Some(new)) => {
                turn.fx.push(Effect::ProcessOpened { name: name.clone(), spec: new.clone() });
                turn.books.ledger.process(&name);
                let process = Process::new(name.clone(), new.clone(), tape);
                group.processes.insert(member.clone(), Box::new(process));
                let lives = self.claim(&name, step);
                Stage::of_start(new.autostart && !lives)
            }
            (Action::Changed, Some(new)) => {
                let Some(process) = group.processes.get_mut(member) else { return Stage::Settled(Ok(())) };
                process.become_what(new, tape, turn);
                // The one option that has its moment when a process is first there.
                Stage::of_start(new.autostart && process.record.started.is_none())
            }
            (Action::Restarted, Some(new)) => {
                if let Some(process) = group.processes.get_mut(member) {
                    let start = process.is_wanted_up() || new.autostart;
                    let fate = Fate::Replace { spec: new.clone(), tape, start };
                    process.await_fate(Some(fate), turn.books);
                    process.make_room(turn);
                }
                Stage::Leaving
            }
            (Action::Added | Action::Changed | Action::Restarted, None) | (Action::Removed, _) => {
                if let Some(process) = group.processes.get_mut(member) {
                    process.await_fate(Some(Fate::Remove), turn.books);
                    process.make_room(turn);
                }
                Stage::Leaving
            }
        }
    }

    /// Does to a process what it made room for, if it has.
    pub(crate) fn carry_out(&mut self, name: &FullName, step: &mut Step<'_>) {
        let Some(group) = self.groups.get_mut(&name.group) else { return };
        if group.successor.is_some() {
            return self.succeed(&name.group, step);
        }
        let Some(process) = group.processes.get_mut(&name.process) else { return };
        if process.fate.is_none() || self.books.leaving {
            return;
        }
        if process.state() == ProcessState::Unknown {
            // Nobody can say when its child ends: it stays as it is, and the next update tries again.
            process.await_fate(None, &mut self.books);
            let barred = doubt::barred(process, &name.to_string());
            return self.updates.turn(name, &Stage::Settled(Err(barred)));
        }
        if process.phase.child().is_some() {
            return;
        }
        self.books.ledger.process(name);
        let turn = &mut step.turn(&mut self.books);
        let stage = match process.fate.take() {
            None => return,
            Some(Fate::Remove) => {
                process.close(turn);
                turn.fx.push(Effect::ProcessClosed(name.clone()));
                group.processes.remove(&name.process);
                Stage::Settled(Ok(()))
            }
            Some(Fate::Replace { spec, tape, start }) => {
                process.become_what(&spec, tape, turn);
                if start {
                    process.start(turn);
                }
                Stage::of_start(start)
            }
        };
        group.refresh();
        self.updates.turn(name, &stage);
    }

    /// Puts a group's successor in its place, if it has made room.
    fn succeed(&mut self, name: &GroupName, step: &mut Step<'_>) {
        let Some(group) = self.groups.get_mut(name) else { return };
        if group.successor.is_none() || self.books.leaving {
            return;
        }
        let lost = group.processes.values().find(|it| it.state() == ProcessState::Unknown);
        if let Some(lost) = lost.map(|it| doubt::barred(it, &it.name.to_string())) {
            group.successor = None;
            self.books.ledger.group(name);
            let barred = Stage::Settled(Err(lost));
            return self.updates.turn_group(name, |_| Some(barred.clone()));
        }
        for process in group.processes.values_mut().filter(|it| it.state().is_running()) {
            // A client has started it again meanwhile.
            process.make_room(&mut step.turn(&mut self.books));
        }
        if group.is_alive() {
            return;
        }
        let successor = group.successor.take();
        self.close_group(name, step);
        let started = match successor {
            None | Some(Successor::Nothing) => BTreeSet::new(),
            Some(Successor::Group { spec, tape, start }) => {
                self.open_group(&spec, tape, step);
                self.start_these(name, &start, step);
                start
            }
        };
        self.updates.turn_group(name, |process| {
            Some(Stage::of_start(process.is_some_and(|it| started.contains(it))))
        });
    }

    fn start_these(&mut self, group: &GroupName, names: &BTreeSet<ProcessName>, step: &mut Step<'_>) {
        let Some(group) = self.groups.get_mut(group) else { return };
        for name in group.start_order.iter().filter(|it| names.contains(*it)) {
            if let Some(process) = group.processes.get_mut(name) {
                process.start(&mut step.turn(&mut self.books));
            }
        }
    }
}

/// Which processes of `spec` are started when it takes the place of `group`: those that start by
/// themselves, and those that run or would have been started by now.
fn started_by(spec: &GroupSpec, group: &Group) -> BTreeSet<ProcessName> {
    let planned = match &group.successor {
        Some(Successor::Group { start, .. }) => start.clone(),
        Some(Successor::Nothing) | None => BTreeSet::new(),
    };
    let starts = |it: &&Arc<ProcessSpec>| {
        it.autostart
            || planned.contains(&it.name)
            || group.processes.get(&it.name).is_some_and(|it| it.is_wanted_up())
    };
    plan::members(spec).filter(starts).map(|it| it.name.clone()).collect()
}
