//! One active group and its processes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::name::{FullName, ProcessName};
use model::spec::GroupSpec;

use crate::memory::Tape;
use crate::order;
use crate::process::Process;
use crate::turn::Books;
use crate::update::Successor;

/// An active group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) spec: Arc<GroupSpec>,
    /// Where its place, its kind and the order of its processes come from.
    pub(crate) tape: Tape,
    /// Boxed: a map has room for eleven from its first entry on, and most groups have one process.
    pub(crate) processes: BTreeMap<ProcessName, Box<Process>>,
    /// The names of its processes in the order in which they are started.
    pub(crate) start_order: Vec<ProcessName>,
    /// How many groups had become active before it: where the original goes by the order of a
    /// dictionary, this is that order.
    pub(crate) rank: u64,
    /// Set while it is stopping to make room.
    pub(crate) successor: Option<Successor>,
}

impl Group {
    pub(crate) fn new(spec: Arc<GroupSpec>, tape: Tape, rank: u64) -> Self {
        let mut processes = BTreeMap::new();
        for process in &spec.processes {
            let name = FullName { group: spec.name.clone(), process: process.name.clone() };
            // Of two with one name the last counts, as in the original.
            processes.insert(process.name.clone(), Box::new(Process::new(name, process.clone(), tape)));
        }
        let start_order = order::start_order(&spec);
        Self { spec, tape, processes, start_order, rank, successor: None }
    }

    /// Takes the place and the order of its processes from `wanted`. Those that are about to leave come
    /// last; each has the options it has now.
    pub(crate) fn follow(&mut self, wanted: &GroupSpec, tape: Tape, books: &mut Books) {
        let mut order: Vec<_> = wanted.processes.iter().map(|it| it.name.clone()).collect();
        let kept: BTreeSet<_> = order.iter().cloned().collect();
        order.extend(self.spec.processes.iter().map(|it| it.name.clone()).filter(|it| !kept.contains(it)));
        for spec in &wanted.processes {
            if let Some(process) = self.processes.get_mut(&spec.name)
                && process.fate.is_none()
            {
                // The same options, but written elsewhere.
                process.refer_to(spec, tape, books);
            }
        }
        self.tape = tape;
        books.ledger.group(&wanted.name);
        self.arrange(wanted.priority, &order);
    }

    /// Takes the place and the order of its processes from `written`, where some have other options or are
    /// not in it any more. Those come last.
    pub(crate) fn restore(&mut self, written: &GroupSpec) {
        let mut order: Vec<_> = written.processes.iter().map(|it| it.name.clone()).collect();
        let kept: BTreeSet<_> = order.iter().cloned().collect();
        order.extend(self.processes.keys().filter(|it| !kept.contains(*it)).cloned());
        self.arrange(written.priority, &order);
    }

    /// Brings its own account up to date after a process has left or has other options.
    pub(crate) fn refresh(&mut self) {
        let order: Vec<_> = self.spec.processes.iter().map(|it| it.name.clone()).collect();
        self.arrange(self.spec.priority, &order);
    }

    fn arrange(&mut self, priority: i64, order: &[ProcessName]) {
        let (name, kind) = (self.spec.name.clone(), self.spec.kind.clone());
        let specs = order.iter().filter_map(|it| self.processes.get(it)).map(|it| it.spec.clone());
        self.spec = Arc::new(GroupSpec { name, priority, kind, processes: specs.collect() });
        self.start_order = order::start_order(&self.spec);
    }

    /// Its processes in the order in which they are started.
    pub(crate) fn in_start_order(&self) -> impl DoubleEndedIterator<Item = &Process> {
        self.start_order.iter().filter_map(|name| self.processes.get(name).map(|it| &**it))
    }

    /// Whether a process of it runs, is about to, or has a child that may still live.
    ///
    /// The last is our own: the original removes a group with a process in state UNKNOWN and leaves
    /// its child behind, so that adding the group again makes a second one.
    pub(crate) fn is_alive(&self) -> bool {
        self.processes.values().any(|it| !it.state().is_stopped() || it.phase.child().is_some())
    }
}
