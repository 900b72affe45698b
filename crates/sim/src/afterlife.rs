//! The oracle's account across deaths: what another machine must find, and must not do.

use anyhow::{Context, Result, ensure};
use model::child::ChildId;
use model::exit::ExitStatus;
use model::name::FullName;
use model::state::ProcessState;
use model::time::Mono;
use supervisor::input::{Input, Living, Standing};
use supervisor::supervisor::Supervisor;

use crate::oracle::Oracle;
use crate::watch::Child;

impl Oracle {
    /// The daemon has died: nobody waits for an answer any more.
    pub(crate) fn died(&mut self, has_quit: bool) {
        for asked in self.asked.values_mut().filter(|it| !it.answered) {
            asked.abandoned = true;
        }
        self.abandoned = true;
        self.quit = has_quit;
    }

    /// What was written down is lost: the next machine knows nothing.
    pub(crate) fn forgotten(&mut self) {
        self.watches.clear();
        self.priorities.clear();
        self.begun = false;
        self.leaving = false;
        self.said_stopping = false;
    }

    /// A machine is told what there is. A child that is not there has ended without anybody having seen it.
    pub(crate) fn resumed(&mut self, living: &[Living], now: Mono) {
        self.living = living.iter().map(|it| (it.child, it.clone())).collect();
        for watch in self.watches.values_mut() {
            watch.before = Some(watch.state);
            let Some(child) = &mut watch.child else { continue };
            if let Some(living) = self.living.get(&child.id) {
                child.known.get_or_insert(living.started);
            } else {
                child.ending = Some(now);
                watch.ended = Some(ExitStatus::Unknown);
            }
        }
    }

    /// A child is taken for a process's own.
    pub(crate) fn adopted(&mut self, id: ChildId, name: &FullName) -> Result<()> {
        let living = self.living.get(&id).with_context(|| format!("{id} is adopted but not there"))?;
        ensure!(living.name == *name, "{name} adopts a child of {}", living.name);
        let watch = self.watches.get_mut(name).with_context(|| format!("{name} is not there"))?;
        let is_told = living.ended && matches!(self.input, Some(Input::Resumed { .. }));
        if watch.child.is_none_or(|it| it.ending.is_some()) && !is_told {
            watch.child = Some(Child { id, known: Some(living.started), ending: None });
            watch.ordered = living.started;
        }
        Ok(())
    }

    /// Somebody has decided about a child in doubt.
    pub(crate) fn settled_doubt(&mut self, id: ChildId, adopt: bool) {
        if let Some(watch) = self.child_mut(id).filter(|_| !adopt) {
            watch.child = None;
        }
    }

    /// A process enters a state: if that is because of a death, it must be because of a child.
    pub(crate) fn check_revival(&mut self, name: &FullName, to: ProcessState) -> Result<()> {
        let is_resumed = matches!(self.input, Some(Input::Resumed { .. }));
        let Some(watch) = self.watches.get_mut(name) else { return Ok(()) };
        let living = self.living.values().find(|it| it.name == *name);
        if to == ProcessState::Starting && is_resumed && living.is_none() {
            use ProcessState::{Backoff, Exited, Fatal, Stopped};
            let was_down = watch.before.filter(|it| matches!(it, Stopped | Backoff | Exited | Fatal));
            ensure!(was_down.is_none(), "{name} was {was_down:?}, and a death has started it");
        }
        if to == ProcessState::Unknown
            && watch.child.is_none()
            && let Some(Living { child, started, standing: Standing::Doubt { .. }, .. }) = living
        {
            watch.child = Some(Child { id: *child, known: Some(*started), ending: None });
            watch.ordered = *started;
        }
        Ok(())
    }

    /// What the machine has adopted is what there is.
    pub(crate) fn check_adopted(&self, machine: &Supervisor) -> Result<()> {
        for living in self.living.values().filter(|it| !it.ended && self.watches.contains_key(&it.name)) {
            let child = machine.child_of(&living.name).map(|(child, _)| child);
            ensure!(child == Some(living.child), "{} has {child:?}, not {}", living.name, living.child);
            let is_doubted = matches!(living.standing, Standing::Doubt { .. });
            let info = machine.info(&living.name, model::time::Stamp::default());
            let state = info.map(|it| it.state);
            ensure!(
                !is_doubted || state == Some(ProcessState::Unknown),
                "{} is {state:?} although nobody knows what its child is",
                living.name
            );
        }
        Ok(())
    }
}
