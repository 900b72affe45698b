//! What processes and the machine use, as it was seen last, and how children ended.

use std::collections::BTreeMap;

use api::call::Usages;
use api::recent::Recent;
use model::name::FullName;
use model::usage::{ExitRecord, MachineUsage, ProcessUsage};

use crate::exits::Exits;

/// The latest figures, and the last ends.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) processes: BTreeMap<FullName, ProcessUsage>,
    /// What they used at the last looks.
    pub(crate) recent: BTreeMap<FullName, Recent>,
    pub(crate) machine: Option<MachineUsage>,
    /// How children ended.
    pub(crate) exits: Exits,
    /// Whether what was is kept.
    pub(crate) has_history: bool,
}

impl Figures {
    /// Takes what everybody uses now, and what is to be remembered of it.
    pub(crate) fn take(&mut self, processes: BTreeMap<FullName, ProcessUsage>) {
        let mut before = std::mem::take(&mut self.recent);
        for (name, usage) in &processes {
            let mut recent = before.remove(name).unwrap_or_default();
            recent.push(usage);
            self.recent.insert(name.clone(), recent);
        }
        self.processes = processes;
    }

    /// Nobody looks any more: what is known grows old.
    pub(crate) fn forget(&mut self) {
        self.processes.clear();
        self.recent.clear();
        self.machine = None;
    }
}

impl Usages for Figures {
    fn process(&self, name: &FullName) -> Option<ProcessUsage> {
        self.processes.get(name).copied()
    }

    fn machine(&self) -> Option<&MachineUsage> {
        self.machine.as_ref()
    }

    fn exits(&self, name: &FullName) -> Vec<ExitRecord> {
        self.exits.of(name)
    }

    fn recent(&self) -> Vec<(&FullName, &Recent)> {
        self.recent.iter().collect()
    }

    fn has_history(&self) -> bool {
        self.has_history
    }
}
