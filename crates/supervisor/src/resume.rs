//! A machine made from what another one remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::child::ChildId;
use model::name::{FullName, GroupName, ProcessName};
use model::spec::{GroupKind, GroupSpec, ProcessSpec};
use model::time::Stamp;

use crate::group::Group;
use crate::memory::{
    Counters, FateMemory, GroupMemory, Memory, MoodMemory, ProcessMemory, SuccessorMemory, Tape,
};
use crate::order;
use crate::plan;
use crate::process::Process;
use crate::record::Record;
use crate::shutdown::{Leaving, Mood};
use crate::supervisor::{Configuration, Supervisor};
use crate::update::{Fate, Successor};

/// The specs of all configurations that are needed.
struct Specs<'a> {
    tapes: BTreeMap<Tape, BTreeMap<&'a GroupName, Row<'a>>>,
}

/// A group, and its members by name.
struct Row<'a> {
    spec: &'a Arc<GroupSpec>,
    members: BTreeMap<&'a ProcessName, &'a Arc<ProcessSpec>>,
}

impl<'a> Specs<'a> {
    fn new(tapes: &'a BTreeMap<Tape, Vec<Arc<GroupSpec>>>) -> Self {
        let row = |spec: &'a Arc<GroupSpec>| {
            let members = plan::members(spec).map(|it| (&it.name, it)).collect();
            Row { spec, members }
        };
        let rows = |groups: &'a Vec<Arc<GroupSpec>>| groups.iter().map(|it| (&it.name, row(it))).collect();
        Self { tapes: tapes.iter().map(|(tape, groups)| (*tape, rows(groups))).collect() }
    }

    fn group(&self, tape: Tape, name: &GroupName) -> Option<&Row<'a>> {
        self.tapes.get(&tape)?.get(name)
    }

    fn process(&self, tape: Tape, name: &FullName) -> Option<Arc<ProcessSpec>> {
        let member = self.group(tape, &name.group)?.members.get(&name.process)?;
        Some(Arc::clone(member))
    }
}

impl Supervisor {
    /// The machine that remembers this, at any later moment of the same boot. `tapes` has the groups of the
    /// configurations that [`Memory::tapes`] names; what is remembered of a group or a process that is not
    /// there is dropped, and its child, should there be one, will belong to nobody.
    ///
    /// It is to be told [`Input::Resumed`](crate::input::Input::Resumed) before anything else.
    pub fn resume(memory: Memory, tapes: &BTreeMap<Tape, Vec<Arc<GroupSpec>>>, now: Stamp) -> Self {
        let Memory { configured, counters, mood, groups, processes, pools, listeners, ordered } = memory;
        let Counters { child, event, rank, clocks } = counters;
        let mut machine = Self::new(ChildId(child));
        machine.next_rank = rank;
        machine.books.bus.next_serial = event;
        machine.books.ledger.remind(ordered);
        if let Some(tape) = configured {
            let groups = tapes.get(&tape).cloned().unwrap_or_default();
            machine.configured = Configuration { groups, tape: Some(tape) };
        }
        let mut members: BTreeMap<GroupName, Vec<(FullName, ProcessMemory)>> = BTreeMap::new();
        for (name, process) in processes {
            members.entry(name.group.clone()).or_default().push((name, process));
        }
        let specs = Specs::new(tapes);
        for (name, group) in groups {
            let members = members.remove(&name).unwrap_or_default();
            machine.resume_group(&name, group, members, &specs, now);
        }
        machine.books.bus.resume(pools, listeners, &clocks, now, &mut machine.books.timers);
        machine.resume_mood(mood);
        machine
    }

    fn resume_group(
        &mut self,
        name: &GroupName,
        memory: GroupMemory,
        members: Vec<(FullName, ProcessMemory)>,
        specs: &Specs<'_>,
        now: Stamp,
    ) {
        let GroupMemory { tape, rank, successor } = memory;
        let Some(row) = specs.group(tape, name) else { return };
        let mut group = Group::new(row.spec.clone(), tape, rank);
        let known: Vec<_> = members.iter().map(|(name, _)| name.process.clone()).collect();
        let missing = group.start_order.iter().filter(|it| known.binary_search(it).is_err());
        self.fresh.extend(missing.map(|it| FullName { group: name.clone(), process: it.clone() }));
        let mut is_as_written = true;
        for (name, memory) in members {
            is_as_written &= memory.tape == tape && row.members.contains_key(&name.process);
            let Some(mut process) = Process::resume(&name, memory, specs) else { continue };
            process.arm(&mut self.books.timers);
            if let Some((child, _)) = process.phase.child() {
                self.books.children.insert(child, name.clone());
            }
            group.processes.insert(name.process, Box::new(process));
        }
        if !is_as_written {
            group.restore(&row.spec.clone());
        }
        group.successor = successor.and_then(|it| match it {
            SuccessorMemory::Nothing => Some(Successor::Nothing),
            SuccessorMemory::Group { tape, start } => {
                let spec = specs.group(tape, name)?.spec.clone();
                Some(Successor::Group { spec, tape, start })
            }
        });
        if let GroupKind::Listener(listener) = &group.spec.kind {
            self.books.bus.open(name.clone(), listener, now, &mut self.books.timers);
        }
        self.groups.insert(name.clone(), group);
    }

    fn resume_mood(&mut self, mood: MoodMemory) {
        self.mood = match mood {
            MoodMemory::Running => return,
            MoodMemory::Leaving(departure) => {
                // Stages in which nothing is left to stop take no time.
                let stages = order::stop_stages(&self.groups);
                Mood::Leaving(Leaving::new(departure, stages))
            }
            MoodMemory::Left(departure) => {
                self.books.timers.clear();
                Mood::Left(departure)
            }
        };
        self.books.leaving = true;
    }
}

impl Process {
    fn resume(name: &FullName, memory: ProcessMemory, specs: &Specs<'_>) -> Option<Self> {
        let ProcessMemory { tape, phase, fate, .. } = memory;
        let mut process = Self::new(name.clone(), specs.process(tape, name)?, tape);
        process.phase = phase;
        process.record = Record {
            started: memory.started,
            stopped: memory.stopped,
            spawn_error: memory.spawn_error,
            exit: memory.exit,
            starts: memory.starts,
            restarts: memory.restarts,
            ended: memory.ended,
        };
        process.fate = fate.and_then(|it| match it {
            FateMemory::Remove => Some(Fate::Remove),
            FateMemory::Replace { tape, start } => {
                Some(Fate::Replace { spec: specs.process(tape, name)?, tape, start })
            }
        });
        Some(process)
    }
}
