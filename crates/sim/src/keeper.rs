//! A keeper: a table of children, and what it says about them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use model::child::ChildId;
use model::exit::ExitStatus;
use model::name::FullName;
use model::time::Mono;
use supervisor::input::{Input, Living, Standing};

use crate::clock::ms;
use crate::script::{Life, setup_failure};

/// A child of which the keeper has a record.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) name: FullName,
    pub(crate) life: Life,
    pub(crate) started: Mono,
    pub(crate) alive: bool,
    /// When the machine is told that it exists: it cannot be told of its end before.
    pub(crate) known_at: Mono,
    pub(crate) bond: Bond,
    /// How it has ended, once that was noticed, and when.
    pub(crate) ended: Option<(ExitStatus, Mono)>,
}

/// What the keeper is to a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bond {
    Parent,
    Guardian,
    Stranger,
}

/// The keeper.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    pub(crate) children: BTreeMap<ChildId, Child>,
    /// Whether it is dead, so that nobody notices anything.
    pub(crate) is_dead: bool,
}

/// The pid of a child.
pub(crate) fn pid(child: ChildId) -> u32 {
    u32::try_from(child.0).unwrap_or(u32::MAX).saturating_add(1000)
}

impl Keeper {
    /// Takes an order to make a child for `name`: nothing of another may be left.
    pub(crate) fn check_slot(&self, name: &FullName) -> Result<()> {
        let other = self.children.iter().find(|(_, it)| it.name == *name);
        ensure!(other.is_none(), "{name} is started beside {other:?}");
        Ok(())
    }

    /// A child dies: how and when that is noticed, if it is.
    pub(crate) fn die(&mut self, id: ChildId, status: ExitStatus, now: Mono) -> Option<(Mono, ExitStatus)> {
        let child = self.children.get_mut(&id).filter(|it| it.alive)?;
        child.alive = false;
        if self.is_dead {
            self.children.remove(&id);
            return None;
        }
        let at = (now + ms(child.life.untold_ms)).max(child.known_at);
        match child.bond {
            Bond::Parent => Some((at, status)),
            // Some kernels can tell how a stranger's child has ended, and some cannot.
            Bond::Guardian if id.0.is_multiple_of(2) => Some((at, status)),
            Bond::Guardian => Some((at, ExitStatus::Unknown)),
            Bond::Stranger => None,
        }
    }

    /// It notices the end of a child; the report about that, if there is one.
    pub(crate) fn notice(&mut self, id: ChildId, status: ExitStatus, now: Mono) -> Option<Input> {
        let child = self.children.get_mut(&id)?;
        child.ended = Some((status, now));
        child.report(id)
    }

    /// The record of a child that has ended is not needed any more.
    pub(crate) fn forget(&mut self, id: ChildId) -> Result<()> {
        if let Some(child) = self.children.remove(&id) {
            ensure!(child.ended.is_some(), "{id} is buried alive");
        }
        Ok(())
    }

    /// Somebody has decided what a child in doubt is; the report about it, if it has ended long ago.
    pub(crate) fn settle(&mut self, id: ChildId, adopt: bool, now: Mono) -> Result<Option<Input>> {
        let child = self.children.get_mut(&id).context("what is settled is not there")?;
        ensure!(child.bond == Bond::Stranger, "{id} is settled but was not in doubt");
        if !adopt {
            self.children.remove(&id);
            return Ok(None);
        }
        child.bond = Bond::Guardian;
        Ok(if child.alive { None } else { self.notice(id, ExitStatus::Unknown, now) })
    }

    /// It dies, and all it knows of the dead with it. Another one finds the living, and is sure of some.
    pub(crate) fn fall(&mut self, now: Mono) {
        self.is_dead = true;
        self.children.retain(|_, it| it.alive);
        for child in self.children.values_mut() {
            let is_sure = child.known_at <= now && !child.life.doubtful && child.bond != Bond::Stranger;
            child.bond = if is_sure { Bond::Guardian } else { Bond::Stranger };
        }
    }

    /// All children, as a new daemon is told.
    pub(crate) fn list(&self) -> Vec<Living> {
        let living = |(id, child): (&ChildId, &Child)| {
            let (pid, standing) = match child.bond {
                Bond::Parent => (Some(pid(*id)), Standing::Own),
                Bond::Guardian => (Some(pid(*id)), Standing::Adopted),
                Bond::Stranger => {
                    let reason = "nobody knows its pid".to_owned();
                    (child.life.doubtful.then(|| pid(*id)), Standing::Doubt { reason })
                }
            };
            let (name, started, ended) = (child.name.clone(), child.started, child.ended.is_some());
            Living { child: *id, name, pid, started, standing, ended }
        };
        self.children.iter().map(living).collect()
    }

    /// What is to be told again, because nobody has said that it was heard.
    pub(crate) fn reports(&self) -> impl Iterator<Item = Input> {
        self.children.iter().filter_map(|(id, it)| it.report(*id))
    }
}

impl Child {
    fn report(&self, id: ChildId) -> Option<Input> {
        let (status, at) = self.ended?;
        let setup = (self.life.setup_fails && status != ExitStatus::Unknown).then(setup_failure);
        Some(Input::Exited { child: id, status, at, setup, survivors: Vec::new() })
    }
}
