//! Children that are there and may be ours or not: they bar the start of another, and only people decide.

use std::collections::BTreeMap;

use model::child::ChildId;
use model::fault::{Fault, FaultCode};
use model::name::FullName;
use model::time::{Mono, Stamp};

use crate::effect::Effect;
use crate::input::{Living, Standing};
use crate::note::{InDoubt, Note};
use crate::phase::Phase;
use crate::process::Process;
use crate::supervisor::Supervisor;
use crate::turn::{Cause, Step, Turn};

/// Children that are there and whose process is not, or not yet.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    by_name: BTreeMap<FullName, Living>,
}

impl Strays {
    /// Keeps one until its process is there. Of two with one name the one that lives counts.
    pub(crate) fn keep(&mut self, living: Living) {
        if living.ended && self.by_name.contains_key(&living.name) {
            return;
        }
        self.by_name.insert(living.name.clone(), living);
    }

    /// One has ended.
    pub(crate) fn bury(&mut self, child: ChildId) {
        self.by_name.retain(|_, it| it.child != child);
    }
}

/// The answer about a process whose child cannot be reached.
pub(crate) fn barred(process: &Process, named: &str) -> Fault {
    let text = match &process.phase {
        Phase::Doubt { pid, reason, .. } => {
            format!("{named} {}", InDoubt { named, pid: *pid, reason })
        }
        Phase::Stopped
        | Phase::Spawning { .. }
        | Phase::Starting { .. }
        | Phase::Running { .. }
        | Phase::Backoff { .. }
        | Phase::Stopping { .. }
        | Phase::Exited { .. }
        | Phase::Fatal
        | Phase::Unknown { .. } => format!("{named} is in an unknown process state"),
    };
    Fault::about(FaultCode::Failed, text)
}

impl Supervisor {
    /// The children that belong to no process, because the configuration does not have it.
    pub fn strays(&self) -> impl Iterator<Item = &Living> {
        self.strays.by_name.values()
    }

    /// Says in the log which children belong to nobody.
    pub(crate) fn tell_of_strays(&self, step: &mut Step<'_>) {
        for Living { name, pid, .. } in self.strays() {
            step.fx.push(Effect::Note(Note::Stray { named: name.to_string(), pid: pid.unwrap_or(0) }));
        }
    }

    /// Gives a process the child that waits for it, if there is one.
    pub(crate) fn claim(&mut self, name: &FullName, step: &mut Step<'_>) -> bool {
        let Some(living) = self.strays.by_name.remove(name) else { return false };
        self.with_process(name, step, |process, turn| process.take_in(living, turn));
        true
    }

    /// A child in doubt is the process's own, somebody says.
    pub(crate) fn adopt(&mut self, name: &FullName, named: &str, step: &mut Step<'_>) -> Result<(), Fault> {
        let is_stray = self.strays.by_name.contains_key(name);
        let found = self.with_process(name, step, |process, turn| {
            let Phase::Doubt { child, pid, started, .. } = process.phase else {
                return Err(format!("{named} is not in doubt"));
            };
            let pid = pid.ok_or_else(|| {
                format!("{named} has a child of which not even the pid is known; it can only be forgotten")
            })?;
            turn.fx.push(Effect::Settle { child, adopt: true });
            turn.fx.push(process.adopted(child));
            process.bring_up(child, pid, started, turn);
            Ok(())
        });
        match found {
            Some(outcome) => outcome.map_err(|text| Fault::about(FaultCode::Failed, text)),
            None if is_stray => {
                let text = format!("{named} is not in the configuration; add it there, or forget it");
                Err(Fault::about(FaultCode::Failed, text))
            }
            None => Err(Fault::about(FaultCode::BadName, named)),
        }
    }

    /// A child in doubt is nobody's, somebody says.
    pub(crate) fn forget(&mut self, name: &FullName, named: &str, step: &mut Step<'_>) -> Result<(), Fault> {
        if let Some(Living { child, pid, standing, .. }) = self.strays.by_name.get(name) {
            return match standing {
                Standing::Doubt { .. } => {
                    let child = *child;
                    self.strays.by_name.remove(name);
                    step.fx.push(Effect::Settle { child, adopt: false });
                    Ok(())
                }
                Standing::Own | Standing::Adopted => {
                    let pid = pid.unwrap_or(0);
                    let text =
                        format!("{named} runs as pid {pid}: add it to the configuration, then stop it");
                    Err(Fault::about(FaultCode::Failed, text))
                }
            };
        }
        let found = self.with_process(name, step, |process, turn| {
            let Phase::Doubt { child, pid, .. } = process.phase else {
                let text = format!("{named} is not in doubt");
                return Err(Fault::about(FaultCode::Failed, text));
            };
            turn.books.children.remove(&child);
            turn.note(Note::Forgotten { process: process.called(), pid: pid.unwrap_or(0) });
            turn.fx.push(Effect::Settle { child, adopt: false });
            process.record.spawn_error = None;
            process.enter(Phase::Stopped, Cause::Course, turn);
            Ok(child)
        });
        let child = found.unwrap_or_else(|| Err(Fault::about(FaultCode::BadName, named)))?;
        self.listener_gone(child, step);
        Ok(())
    }
}

impl Process {
    /// Takes a child it has not made, or that it does not remember: as its own, or in doubt.
    pub(crate) fn take_in(&mut self, living: Living, turn: &mut Turn<'_>) {
        let Living { child, pid, started, standing, .. } = living;
        if let Some((old, _)) = self.phase.child() {
            turn.books.children.remove(&old);
        }
        turn.books.children.insert(child, self.name.clone());
        self.record.ordered(Stamp { mono: started, wall: turn.now.wall_at(started) });
        self.record.starts += 1;
        match standing {
            Standing::Doubt { reason } => self.doubt(Phase::Doubt { child, pid, started, reason }, turn),
            Standing::Own | Standing::Adopted => {
                turn.note(Note::Adopted { process: self.called(), pid: pid.unwrap_or(0) });
                turn.fx.push(self.adopted(child));
                self.bring_up(child, pid.unwrap_or(0), started, turn);
            }
        }
    }

    /// Nobody can say what its child is.
    pub(crate) fn doubt(&mut self, doubt: Phase, turn: &mut Turn<'_>) {
        if let Phase::Doubt { reason, .. } = &doubt {
            self.record.spawn_error = Some(format!("in doubt: {reason}"));
        }
        self.enter(doubt, Cause::Course, turn);
        if let Phase::Doubt { pid, reason, .. } = &self.phase {
            let (named, pid, reason) = (self.name.to_string(), *pid, reason.clone());
            turn.note(Note::InDoubt { named, pid, reason });
        }
    }

    /// Goes where a child that was made at `started` has brought it by now.
    pub(crate) fn bring_up(&mut self, child: ChildId, pid: u32, started: Mono, turn: &mut Turn<'_>) {
        let up_at = started + self.spec.start_time();
        self.record.spawn_error = None;
        self.enter(Phase::Starting { child, pid, up_at, failures: 0 }, Cause::Course, turn);
        if up_at <= turn.mono() {
            self.promote(turn);
        }
    }

    /// Says whose a child is that was there already.
    pub(crate) fn adopted(&self, child: ChildId) -> Effect {
        Effect::Adopted { child, name: self.name.clone(), spec: self.spec.clone() }
    }
}
