//! What processes and the machine use, as it was seen last, and how children ended.

use std::collections::BTreeMap;

use api::call::Usages;
use model::name::FullName;
use model::usage::{ExitRecord, MachineUsage, ProcessUsage};

use crate::exits::Exits;

/// The latest figures, and the last ends.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) processes: BTreeMap<FullName, ProcessUsage>,
    pub(crate) machine: Option<MachineUsage>,
    /// How children ended.
    pub(crate) exits: Exits,
    /// Whether what was is kept.
    pub(crate) has_history: bool,
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

    fn has_history(&self) -> bool {
        self.has_history
    }
}
