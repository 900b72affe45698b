//! One active group and its processes.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::name::{FullName, ProcessName};
use model::spec::GroupSpec;

use crate::order;
use crate::process::Process;

/// An active group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) spec: Arc<GroupSpec>,
    pub(crate) processes: BTreeMap<ProcessName, Process>,
    /// The names of its processes in the order in which they are started.
    pub(crate) start_order: Vec<ProcessName>,
    /// How many groups had become active before it: where the original goes by the order of a
    /// dictionary, this is that order.
    pub(crate) rank: u64,
}

impl Group {
    pub(crate) fn new(spec: Arc<GroupSpec>, rank: u64) -> Self {
        let mut processes = BTreeMap::new();
        for process in &spec.processes {
            let name = FullName { group: spec.name.clone(), process: process.name.clone() };
            // Of two with one name the last counts, as in the original.
            processes.insert(process.name.clone(), Process::new(name, process.clone()));
        }
        let start_order = order::start_order(&spec);
        Self { spec, processes, start_order, rank }
    }

    /// Its processes in the order in which they are started.
    pub(crate) fn in_start_order(&self) -> impl DoubleEndedIterator<Item = &Process> {
        self.start_order.iter().filter_map(|name| self.processes.get(name))
    }

    /// Whether a process of it runs, is about to, or has a child that may still live.
    ///
    /// The last is our own: the original removes a group with a process in state UNKNOWN and leaves
    /// its child behind, so that adding the group again makes a second one.
    pub(crate) fn is_alive(&self) -> bool {
        self.processes.values().any(|it| !it.state().is_stopped() || it.phase.child().is_some())
    }
}
