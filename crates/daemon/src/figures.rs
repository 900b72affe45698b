//! What processes and the machine use, as it was seen last.

use std::collections::BTreeMap;

use api::call::Usages;
use model::name::FullName;
use model::usage::{MachineUsage, ProcessUsage};

/// The latest figures.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) processes: BTreeMap<FullName, ProcessUsage>,
    pub(crate) machine: Option<MachineUsage>,
}

impl Usages for Figures {
    fn process(&self, name: &FullName) -> Option<ProcessUsage> {
        self.processes.get(name).copied()
    }

    fn machine(&self) -> Option<&MachineUsage> {
        self.machine.as_ref()
    }
}
