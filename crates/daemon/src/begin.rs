//! The first moments of a daemon: what it remembers is brought together with what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use logs::pump::StreamId;
use model::child::{Channel, ChildId};
use model::level::Level;
use model::name::{FullName, GroupName, ProcessName};
use model::spec::{GroupSpec, ProcessSpec};
use model::time::Mono;
use supervisor::input::{Input, Living, Request, Standing};
use supervisor::memory::{Memory, Tape};
use supervisor::supervisor::Supervisor;
use wire::keeper::{Doubt, Listed};

use crate::handover::Handover;
use crate::inventory::{Found, Inventory};
use crate::recall::{self, Lurker, Origin, Spoken};
use crate::state::Daemon;
use crate::tapes::{self, Tapes};
use crate::{birth, runtime, sockets};

/// What the configuration wants to be run, and the tape it is on.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) groups: Vec<Arc<GroupSpec>>,
    pub(crate) tape: Tape,
}

/// Everything the first step needs.
pub(crate) struct Beginning {
    pub(crate) origin: Origin,
    /// Whether the machine had begun before, so that it only goes on.
    pub(crate) begun: bool,
    pub(crate) wanted: Wanted,
    pub(crate) inventory: Inventory,
    pub(crate) lurkers: Vec<Lurker>,
    /// What listeners had said of which the machine has not taken note.
    pub(crate) words: BTreeMap<ChildId, Spoken>,
}

/// The machine, with all it remembers, and whether it had begun.
pub(crate) fn machine(
    handover: &Handover,
    tapes: &Tapes,
    origin: Origin,
    mut memory: Memory,
    wanted: &Wanted,
    troubles: &mut Vec<String>,
) -> (Supervisor, bool) {
    memory.counters.child = memory.counters.child.max(first_child());
    match origin {
        Origin::Fresh => memory = Memory { counters: memory.counters, ..Memory::default() },
        Origin::Heir | Origin::Successor => {}
        Origin::Finder => conform(&mut memory, wanted),
    }
    let begun = memory.has_begun();
    let mut specs = BTreeMap::from([(wanted.tape, wanted.groups.clone())]);
    for number in memory.tapes() {
        if specs.contains_key(&number) {
            continue;
        }
        let read = tapes.load(number).map(|it| tapes::replay(handover, &it).map(|it| it.config.groups));
        match read {
            Some(Ok(groups)) => drop(specs.insert(number, groups)),
            Some(Err(error)) => {
                troubles.push(format!("cannot read a configuration that was in force: {}", error.placed));
            }
            None => troubles.push(format!("the copy of configuration {number}, which was in force, is lost")),
        }
    }
    (Supervisor::resume(memory, &specs, os::clock::now()), begun)
}

/// A first number for children that no earlier daemon on this machine has used: nanoseconds since
/// it was started, of which more pass than a daemon can start children.
pub(crate) fn first_child() -> u64 {
    u64::try_from(os::clock::mono().0.as_nanos()).unwrap_or(u64::MAX)
}

/// Makes a memory one of the configuration that is wanted now: what is not in there is forgotten, and what is, is
/// as it says. Whether a child that runs is still what is wanted is seen by its memo.
fn conform(memory: &mut Memory, wanted: &Wanted) {
    let members: BTreeMap<&GroupName, BTreeSet<&ProcessName>> = wanted
        .groups
        .iter()
        .map(|it| (&it.name, it.processes.iter().map(|process| &process.name).collect()))
        .collect();
    memory.groups.retain(|name, _| members.contains_key(name));
    memory
        .processes
        .retain(|name, _| members.get(&name.group).is_some_and(|members| members.contains(&name.process)));
    for group in memory.groups.values_mut() {
        (group.tape, group.successor) = (wanted.tape, None);
    }
    for process in memory.processes.values_mut() {
        (process.tape, process.fate) = (wanted.tape, None);
    }
    memory.configured = memory.configured.map(|_| wanted.tape);
}

impl Daemon {
    /// Takes the first steps.
    pub(crate) fn begin(&mut self, beginning: Beginning) {
        let Beginning { origin, begun, wanted: Wanted { groups, tape }, inventory, lurkers, words } =
            beginning;
        self.begin_diary();
        self.open_past(origin);
        self.reopen();
        let specs = if origin == Origin::Finder { specs_of(&groups) } else { BTreeMap::new() };
        let found = inventory.children.into_iter().filter_map(|it| self.find(it, &specs));
        let mut living: Vec<_> = found.collect();
        drop(specs);
        self.lurkers = lurkers.iter().map(|it| (it.name.clone(), it.pid)).collect();
        living.extend(lurkers.into_iter().map(lurking));
        let known: BTreeSet<_> = living.iter().map(|it| it.child).collect();
        self.feed(Input::Resumed { living });
        let lost = self.streams.pump.forget_others(|it| known.contains(&it));
        if lost > 0 {
            let text = format!(
                "{lost} bytes of programs that have ended were to be written, and nobody knows where"
            );
            self.note(Level::Error, &text);
        }
        self.mailbag.forget_inherited();
        for (child, spoken) in words {
            self.hear_again(child, &spoken);
        }
        self.settle();
        if !begun {
            self.feed(Input::Begin { groups, tape });
        } else if origin != Origin::Heir {
            self.catch_up(origin, groups, tape);
        }
        for received in inventory.later {
            self.hear(received);
        }
        self.settle();
    }

    /// Takes in what a listener had said of which the machine before had not taken note. What is still in its pipe is
    /// left there: it will be read.
    fn hear_again(&mut self, child: ChildId, spoken: &Spoken) {
        let Some(about) = self.children.get(&child) else { return };
        let stream = StreamId { name: about.name.clone(), channel: Channel::Stdout };
        let (taken, untaken) = spoken.parts();
        let is_there = self.streams.pump.still_says(child, untaken);
        let bytes = if is_there { taken } else { &spoken.bytes };
        if !bytes.is_empty() {
            self.remember_words(&[(child, bytes)], true);
            self.understand(&stream, child, bytes.to_vec());
        }
    }

    fn begin_diary(&mut self) {
        let changes = self.supervisor.take_changes();
        let Some(directory) = &self.handover.runtime else { return };
        if let Err(error) = self.diary.begin(&recall::path(directory), changes) {
            let text = format!(
                "cannot write {}: {error}; should the daemon be killed, programs that were stopped by hand are \
                 started again",
                directory.join(runtime::MEMORY).display()
            );
            self.note(Level::Critical, &text);
        }
    }

    /// Opens what the groups of the machine need that were open before.
    fn reopen(&mut self) {
        let groups: Vec<_> = self.supervisor.groups().cloned().collect();
        for group in groups {
            // For want of a descriptor it is made anew by the next child.
            let kept = self.keepsakes.copy(&sockets::key(&group.name)).ok().flatten();
            self.sockets.open_group(&group, kept);
        }
        let specs: Vec<_> =
            self.supervisor.specs().map(|(name, spec)| (name.clone(), spec.clone())).collect();
        for (name, spec) in specs {
            self.open_logs(&name, &spec);
        }
    }

    /// One of the keeper's children, in the machine's words. Its pipes wait until it is known whose they are.
    fn find(&mut self, found: Found, wanted: &Specs<'_>) -> Option<Living> {
        let Found { listed, pipes } = found;
        let Some(name) = full_name(&listed.slot) else {
            let slot = String::from_utf8_lossy(&listed.slot).into_owned();
            self.note(Level::Error, &format!("the keeper has a child for {slot:?}, which is no process"));
            return None;
        };
        let child = ChildId(listed.child);
        let spec = wanted.get(&(&name.group, &name.process)).copied();
        let living = Living {
            child,
            pid: Some(listed.pid).filter(|it| *it != 0),
            started: Mono(std::time::Duration::from_micros(listed.started_us)),
            standing: standing(&listed, spec),
            ended: listed.ended,
            name,
        };
        self.found.insert(child, pipes);
        Some(living)
    }

    /// The files say something else by now: groups that are new begin, and everything else waits to be asked for, as it does after
    /// every look at the files.
    fn catch_up(&mut self, origin: Origin, groups: Vec<Arc<GroupSpec>>, tape: Tape) {
        let active: BTreeSet<_> = self.supervisor.groups().map(|it| it.name.clone()).collect();
        let new = groups.iter().filter(|it| !active.contains(&it.name)).map(|it| it.name.clone());
        let new: Vec<_> = new.filter(|_| origin == Origin::Finder).collect();
        self.feed(Input::Reread { groups, tape });
        for name in new {
            let id = self.calls.nobody();
            self.feed(Input::Request { id, request: Request::AddGroup { name: name.as_str().to_owned() } });
        }
    }
}

/// A child nobody but the memory knows.
fn lurking(lurker: Lurker) -> Living {
    let Lurker { child, name, pid, started } = lurker;
    let reason = "the keeper's record of it is lost".to_owned();
    Living { child, name, pid: Some(pid), started, standing: Standing::Doubt { reason }, ended: false }
}

/// `group:process`, as the keeper knows it.
fn full_name(slot: &[u8]) -> Option<FullName> {
    let (group, process) = std::str::from_utf8(slot).ok()?.split_once(':')?;
    Some(FullName { group: GroupName::parse(group).ok()?, process: ProcessName::expanded(process) })
}

/// What each process is wanted to be.
type Specs<'a> = BTreeMap<(&'a GroupName, &'a ProcessName), &'a ProcessSpec>;

fn specs_of(groups: &[Arc<GroupSpec>]) -> Specs<'_> {
    let members = groups.iter().flat_map(|group| group.processes.iter().map(move |it| (&group.name, it)));
    members.map(|(group, it)| ((group, &it.name), &**it)).collect()
}

/// What is known of a child, and whether it is what is wanted.
fn standing(listed: &Listed, wanted: Option<&ProcessSpec>) -> Standing {
    match listed.standing {
        wire::keeper::Standing::Doubt { reason } => {
            let reason = Doubt::from_number(reason);
            let text = reason.map_or_else(|| "the keeper cannot say why".to_owned(), |it| it.to_string());
            Standing::Doubt { reason: text }
        }
        wire::keeper::Standing::Own | wire::keeper::Standing::Adopted
            if wanted.is_some_and(|it| birth::memo(it) != listed.memo) =>
        {
            let reason = "it runs by other options than the configuration has now".to_owned();
            Standing::Doubt { reason }
        }
        wire::keeper::Standing::Own => Standing::Own,
        wire::keeper::Standing::Adopted => Standing::Adopted,
    }
}
