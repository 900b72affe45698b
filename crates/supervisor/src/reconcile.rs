//! What a machine remembers, and what is really there: the first thing it is told.

use std::collections::{BTreeMap, BTreeSet};

use model::child::ChildId;
use model::exit::ExitStatus;
use model::name::FullName;

use crate::effect::Effect;
use crate::group::Group;
use crate::input::{Living, Standing};
use crate::memory::Ordered;
use crate::order;
use crate::phase::Phase;
use crate::process::{End, Process};
use crate::shutdown::Mood;
use crate::supervisor::Supervisor;
use crate::turn::{Step, Turn};

impl Supervisor {
    /// These are all the children there are. Each is brought together with what is remembered of it, and
    /// what was on its way goes on.
    pub(crate) fn resumed(&mut self, living: Vec<Living>, step: &mut Step<'_>) {
        if let Some(last) = living.iter().map(|it| it.child.0).max() {
            self.books.next_child = self.books.next_child.max(last.wrapping_add(1));
        }
        let ended = living.iter().filter(|it| it.ended).map(|it| it.child).collect();
        let lost = self.recognize(living, step);
        for (name, child) in lost {
            self.with_process(&name, step, |process, turn| process.lost(child, turn));
            self.listener_gone(child, step);
        }
        self.order_again(&ended, step);
        if !self.books.leaving {
            self.books.bus.await_words(step.now.mono, &mut self.books.timers);
        }
        for name in std::mem::take(&mut self.fresh) {
            self.with_process(&name, step, |process, turn| {
                if process.spec.autostart && process.record.started.is_none() && !turn.books.leaving {
                    process.start(turn);
                }
            });
        }
        if self.configured.tape.is_some() {
            self.tell_of_strays(step);
        }
        match self.mood {
            Mood::Running => {}
            Mood::Leaving(_) => self.report_shutdown(step),
            Mood::Left(departure) => step.fx.push(Effect::Quit(departure)),
        }
    }

    /// Gives each child to the process that remembers it, or that has its name. Returns the processes that
    /// remember a child which is not there.
    fn recognize(&mut self, living: Vec<Living>, step: &mut Step<'_>) -> Vec<(FullName, ChildId)> {
        let mut present: BTreeMap<_, _> = living.into_iter().map(|it| (it.child, it)).collect();
        let mut lost = Vec::new();
        for (name, child) in self.remembered_children() {
            match present.remove(&child) {
                None => lost.push((name, child)),
                Some(living) => {
                    self.with_process(&name, step, |process, turn| process.found(living, turn));
                }
            }
        }
        for living in present.into_values() {
            self.take_in(living, step);
        }
        lost
    }

    fn remembered_children(&self) -> Vec<(FullName, ChildId)> {
        let groups = order::groups_by_priority(&self.groups).into_iter();
        let processes = groups.flat_map(Group::in_start_order);
        processes.filter_map(|it| Some((it.name.clone(), it.phase.child()?.0))).collect()
    }

    /// A child nobody remembers.
    fn take_in(&mut self, living: Living, step: &mut Step<'_>) {
        let child = living.child;
        let Some(process) = self.process(&living.name) else {
            return self.strays.keep(living);
        };
        if living.ended {
            // Its end was taken note of before the death of the one who did; only that was not said.
            step.fx.push(process.adopted(child));
            return step.fx.push(Effect::Buried { child });
        }
        let name = living.name.clone();
        let old = process.phase.child();
        self.with_process(&name, step, |process, turn| process.take_in(living, turn));
        if let Some((old, _)) = old {
            self.listener_gone(old, step);
        }
    }

    /// Asks once more for what may not have been done, of children that are there for certain.
    fn order_again(&mut self, ended: &BTreeSet<ChildId>, step: &mut Step<'_>) {
        for ordered in self.books.ledger.take_back() {
            let (Ordered::Signal { child, .. } | Ordered::Letter { child } | Ordered::Amend { child }) =
                ordered;
            let Some(name) = self.books.children.get(&child).filter(|_| !ended.contains(&child)).cloned()
            else {
                continue;
            };
            if self.process(&name).is_some_and(|it| matches!(it.phase, Phase::Doubt { .. })) {
                continue;
            }
            match ordered {
                Ordered::Signal { child, signal, scope } => {
                    step.turn(&mut self.books).send(child, signal, scope);
                }
                Ordered::Amend { .. } => {
                    self.with_process(&name, step, |process, turn| process.amend(turn));
                }
                Ordered::Letter { child } => {
                    if let Some(letter) = self.books.bus.held(child).cloned() {
                        self.books.ledger.order(ordered);
                        step.fx.push(Effect::Send { child, letter });
                    }
                }
            }
        }
    }
}

impl Process {
    /// The child it remembers is there.
    fn found(&mut self, living: Living, turn: &mut Turn<'_>) {
        let Living { child, pid, started, standing, .. } = living;
        if let Standing::Doubt { reason } = standing {
            return self.doubt(Phase::Doubt { child, pid, started, reason }, turn);
        }
        turn.fx.push(self.adopted(child));
        match self.phase {
            Phase::Spawning { .. } | Phase::Stopping { pid: None, .. } | Phase::Unknown { pid: None, .. } => {
                self.spawned(child, pid.unwrap_or(0), started, turn);
            }
            Phase::Doubt { .. } => self.bring_up(child, pid.unwrap_or(0), started, turn),
            Phase::Stopped
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. }
            | Phase::Exited { .. }
            | Phase::Fatal
            | Phase::Unknown { .. } => {}
        }
    }

    /// The child it remembers is not there, and nobody will tell of its end: it was never made, or it has ended
    /// unseen.
    fn lost(&mut self, child: ChildId, turn: &mut Turn<'_>) {
        match self.phase {
            Phase::Spawning { child: ours, failures } if ours == child && !turn.books.leaving => {
                turn.books.children.remove(&child);
                self.order_child(failures, turn);
            }
            Phase::Stopped
            | Phase::Spawning { .. }
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. }
            | Phase::Exited { .. }
            | Phase::Fatal
            | Phase::Unknown { .. }
            | Phase::Doubt { .. } => {
                let (status, setup, survivors) = (ExitStatus::Unknown, None, Vec::new());
                let end = End { status, at: turn.mono(), setup, survivors };
                self.exited(child, end, turn);
            }
        }
    }
}
