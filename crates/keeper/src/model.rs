//! The protocol between daemon, keeper and journal, searched through: every order of every step, with deaths at any of
//! them, for one slot. The table is the real one; kernel, link, journal and daemon are as simple as they can be.
//!
//! What must hold in every state: never two living processes of the slot; no signal to a process that is not the one
//! that was meant; no end forgotten that was not recorded, and none recorded twice. And whenever all is quiet: who lives
//! is known, and who is not known does not live.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};

use wire::keeper::handover::End;
use wire::keeper::{Scope, Standing, Usage, Will};

use crate::table::{Child, Life, Table};

/// A mistake to be made on purpose: a property is trusted after it has been seen to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutant {
    None,
    /// A slot is a number, not a name.
    SlotIsNumber,
    /// A child is written down after it was made.
    WrittenAfter,
    /// A child whose pid was not written down is taken for none.
    IntentMeansNone,
    /// A child of another keeper is known by its pid alone.
    PidIsEnough,
    /// The pid of a child means it even after it was reaped.
    PidAfterReap,
    /// Ends are not told to the next daemon.
    EndsToldOnce,
}

/// How far the keeper has come with making a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Making {
    Written,
    Born(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Intended,
    Living(u32, u64),
    Ended,
}

/// A process; of a stranger, `child` is `None`.
#[derive(Debug, Clone, Copy)]
struct Process {
    child: Option<u64>,
    birth: u64,
    is_dead: bool,
    is_orphan: bool,
}

/// What the daemon thinks of the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Listing,
    Idle,
    Asked(u64),
    Living(u64),
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Hello,
    Spawn(u64),
    Signal(u64),
    Forget(u64),
    List,
}

#[derive(Debug, Clone, Copy)]
enum Report {
    Spawned(u64),
    Failed(u64),
    Exited(u64),
    Listed(u64),
    ListEnd,
}

#[derive(Debug, Clone)]
struct World {
    keeper: Option<Table<()>>,
    making: Option<(u64, Making)>,
    journal: BTreeMap<u64, Written>,
    processes: BTreeMap<u32, Process>,
    daemon: Option<View>,
    greeted: bool,
    orders: VecDeque<Order>,
    reports: VecDeque<Report>,
    /// How often the end of each child was recorded, in the daemon's memory, which outlives it.
    recorded: BTreeMap<u64, u8>,
    /// Children that died before anybody had written their pids, under a keeper that died too.
    unseen: BTreeSet<u64>,
    next_child: u64,
    births: u64,
    signals: u8,
    daemon_deaths: u8,
    keeper_deaths: u8,
}

const SLOT: &[u8] = b"a:a";
/// With three there is nothing new in twenty times as many states.
const CHILDREN: u64 = 2;

fn child(pid: u32, birth: u64, standing: Standing) -> Child<()> {
    let (stop_scope, kill_scope) = (Scope::Process, Scope::Process);
    let will = Will { signal: 15, wait_ms: 0, stop_scope, kill_scope, priority: 0 };
    let (life, held) = (Life::Living, ());
    Child {
        slot: SLOT.to_vec(),
        memo: vec![],
        pid,
        start_ticks: birth,
        started_us: 0,
        will,
        standing,
        life,
        held,
    }
}

fn end() -> Life {
    Life::Ended(End { status: 0, known: true, at_us: 0, setup: None, usage: Usage::default() })
}

type Step = (&'static str, World);

/// What can happen next, being gathered.
struct Steps<'a> {
    from: &'a World,
    all: Vec<Step>,
}

impl Steps<'_> {
    fn may<T>(&mut self, name: &'static str, change: impl FnOnce(&mut World) -> T) {
        let mut next = self.from.clone();
        change(&mut next);
        self.all.push((name, next));
    }

    /// A step that may turn out to be wrong.
    fn must(
        &mut self,
        name: &'static str,
        change: impl FnOnce(&mut World) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut next = self.from.clone();
        change(&mut next)?;
        self.all.push((name, next));
        Ok(())
    }
}

impl World {
    fn new() -> Self {
        Self {
            keeper: Some(Table::new()),
            making: None,
            journal: BTreeMap::new(),
            processes: BTreeMap::new(),
            daemon: None,
            greeted: false,
            orders: VecDeque::new(),
            reports: VecDeque::new(),
            recorded: BTreeMap::new(),
            unseen: BTreeSet::new(),
            next_child: 1,
            births: 0,
            signals: 1,
            daemon_deaths: 2,
            keeper_deaths: 1,
        }
    }

    /// A process with the lowest pid that is free: pids are used again as soon as they can be.
    fn born(&mut self, child: Option<u64>) -> (u32, u64) {
        let pid = (1..9).find(|it| !self.processes.contains_key(it)).unwrap();
        self.births = self.births.saturating_add(1);
        let process = Process { child, birth: self.births, is_dead: false, is_orphan: false };
        self.processes.insert(pid, process);
        (pid, self.births)
    }

    fn tell(&mut self, report: Report) {
        if self.daemon.is_some() {
            self.reports.push_back(report);
        }
    }

    /// All that can happen next.
    fn steps(&self, mutant: Mutant) -> Result<Vec<Step>, String> {
        let mut steps = Steps { from: self, all: Vec::new() };
        self.steps_of_processes(mutant, &mut steps)?;
        self.steps_of_keeper(mutant, &mut steps)?;
        self.steps_of_daemon(mutant, &mut steps)?;
        Ok(steps.all)
    }

    fn steps_of_processes(&self, mutant: Mutant, to: &mut Steps<'_>) -> Result<(), String> {
        for (pid, process) in &self.processes {
            if process.is_dead && process.is_orphan {
                to.may("somebody reaps an orphan", |it| it.processes.remove(pid));
            } else if process.is_dead && self.keeper.is_some() && self.making.is_none() {
                to.must("the keeper reaps", |it| it.reaps(*pid, *process, mutant))?;
            } else if !process.is_dead && process.child.is_some() {
                to.must("a child dies", |it| it.dies(*pid, *process))?;
            }
        }
        if (1..3).contains(&self.births) && self.processes.len() < 2 {
            to.may("a stranger is born", |it| it.born(None));
        }
        Ok(())
    }

    fn steps_of_keeper(&self, mutant: Mutant, to: &mut Steps<'_>) -> Result<(), String> {
        let Some(table) = &self.keeper else {
            to.may("a keeper takes over", |it| it.takes_over(mutant));
            return Ok(());
        };
        if self.keeper_deaths > 0 {
            to.may("the keeper dies", Self::keeper_dies);
        }
        if let Some((id, making)) = self.making {
            to.may("the keeper goes on making", |it| it.makes(id, making, mutant));
            return Ok(());
        }
        let adopted = table.iter().filter(|(_, it)| it.is_living() && it.standing == Standing::Adopted);
        for (id, child) in adopted {
            let is_it = |it: &Process| it.birth == child.start_ticks || mutant == Mutant::PidIsEnough;
            if !self.processes.get(&child.pid).is_some_and(|it| !it.is_dead && is_it(it)) {
                to.may("the keeper sees an orphan gone", |it| it.ended(id, mutant));
            }
        }
        if let Some(order) = self.orders.front() {
            to.must("the keeper obeys", |it| it.obeys(*order, mutant))?;
        }
        if self.daemon.is_none() {
            to.may("a daemon starts", Self::daemon_starts);
        }
        Ok(())
    }

    fn steps_of_daemon(&self, mutant: Mutant, to: &mut Steps<'_>) -> Result<(), String> {
        let Some(view) = self.daemon else {
            return Ok(());
        };
        if let Some(report) = self.reports.front() {
            to.may("the daemon listens", |it| it.listens(*report, view));
        }
        // Whatever it thinks: the promise is not kept by the daemon.
        if self.next_child <= CHILDREN && self.keeper.is_some() {
            to.may("the daemon starts a child", Self::starts);
        }
        if let (View::Living(id), true) = (view, self.signals > 0 && self.keeper.is_some()) {
            to.may("the daemon signals", |it| {
                it.signals = it.signals.saturating_sub(1);
                it.orders.push_back(Order::Signal(id));
            });
        }
        if self.daemon_deaths > 0 {
            to.must("the daemon dies", |it| it.daemon_dies(mutant))?;
        }
        Ok(())
    }

    fn dies(&mut self, pid: u32, process: Process) -> Result<(), String> {
        self.processes.insert(pid, Process { is_dead: true, ..process });
        let id = process.child.ok_or("strangers live")?;
        if self.keeper.is_none() && self.journal.get(&id) == Some(&Written::Intended) {
            self.unseen.insert(id);
        }
        Ok(())
    }

    fn reaps(&mut self, pid: u32, process: Process, mutant: Mutant) -> Result<(), String> {
        self.processes.remove(&pid);
        let table = self.keeper.as_ref().ok_or("no keeper")?;
        let id = table.of_pid(pid).or(process.child.filter(|_| mutant == Mutant::PidAfterReap));
        if id != process.child {
            return Err(format!("the end of {:?} is taken for that of {id:?}", process.child));
        }
        if let Some(id) = id {
            self.ended(id, mutant);
        }
        Ok(())
    }

    fn ended(&mut self, id: u64, mutant: Mutant) {
        if let Some(table) = self.keeper.as_mut().filter(|_| mutant != Mutant::PidAfterReap) {
            table.set_life(id, end());
        }
        self.journal.insert(id, Written::Ended);
        if self.greeted {
            self.tell(Report::Exited(id));
        }
    }

    fn makes(&mut self, id: u64, making: Making, mutant: Mutant) {
        match making {
            Making::Written => {
                let (pid, _) = self.born(Some(id));
                self.making = Some((id, Making::Born(pid)));
            }
            Making::Born(pid) => {
                self.making = None;
                let Some(process) = self.processes.get(&pid).copied() else { return };
                if let Some(table) = &mut self.keeper {
                    table.insert(id, child(pid, process.birth, Standing::Own));
                }
                self.journal.insert(id, Written::Living(pid, process.birth));
                self.tell(Report::Spawned(id));
            }
        }
        if mutant == Mutant::WrittenAfter && self.making.is_none() {
            self.journal.retain(|_, it| *it != Written::Intended);
        }
    }

    fn obeys(&mut self, order: Order, mutant: Mutant) -> Result<(), String> {
        self.orders.pop_front();
        let table = self.keeper.as_mut().ok_or("no keeper")?;
        match order {
            Order::Hello => {
                self.greeted = true;
                let ends: Vec<_> =
                    table.iter().filter(|(_, it)| it.end().is_some()).map(|(id, _)| id).collect();
                for id in ends.into_iter().filter(|_| mutant != Mutant::EndsToldOnce) {
                    self.tell(Report::Exited(id));
                }
            }
            Order::Spawn(id) => {
                let is_free = match mutant {
                    Mutant::SlotIsNumber => table.get(id).is_none(),
                    Mutant::None
                    | Mutant::WrittenAfter
                    | Mutant::IntentMeansNone
                    | Mutant::PidIsEnough
                    | Mutant::PidAfterReap
                    | Mutant::EndsToldOnce => table.is_free(id, SLOT),
                };
                if !is_free {
                    self.tell(Report::Failed(id));
                    return Ok(());
                }
                if mutant != Mutant::WrittenAfter {
                    self.journal.insert(id, Written::Intended);
                }
                self.making = Some((id, Making::Written));
            }
            Order::Signal(id) => {
                let Some(child) = table.get(id).filter(|it| it.is_living()) else { return Ok(()) };
                let (pid, birth, standing) = (child.pid, child.start_ticks, child.standing);
                let whom = self.processes.get(&pid);
                let is_held = standing == Standing::Adopted && mutant != Mutant::PidIsEnough;
                // What is held by descriptor is itself or nobody.
                let whom = whom.filter(|it| !is_held || it.birth == birth);
                if whom.is_some_and(|it| it.child != Some(id)) {
                    return Err(format!("a signal for {id} goes to {whom:?}"));
                }
            }
            Order::Forget(id) => {
                if !self.recorded.contains_key(&id) {
                    return Err(format!("the end of {id} is forgotten and was never recorded"));
                }
                if table.forget(id).is_some() {
                    self.journal.remove(&id);
                }
            }
            Order::List => {
                let living: Vec<_> =
                    table.iter().filter(|(_, it)| it.is_living()).map(|(id, _)| id).collect();
                for id in living {
                    self.tell(Report::Listed(id));
                }
                self.tell(Report::ListEnd);
            }
        }
        Ok(())
    }

    fn daemon_starts(&mut self) {
        self.daemon = Some(View::Listing);
        self.orders.extend([Order::Hello, Order::List]);
    }

    fn starts(&mut self) {
        let id = self.next_child;
        self.next_child = id.saturating_add(1);
        self.daemon = Some(View::Asked(id));
        self.orders.push_back(Order::Spawn(id));
    }

    fn listens(&mut self, report: Report, view: View) {
        self.reports.pop_front();
        match report {
            Report::Spawned(id) | Report::Listed(id) => self.daemon = Some(View::Living(id)),
            Report::Failed(id) if view == View::Asked(id) => {
                self.daemon = Some(View::Listing);
                self.orders.push_back(Order::List);
            }
            Report::Exited(id) => {
                // Told again by a keeper that does not know that it was: recorded once.
                self.recorded.entry(id).or_insert(1);
                if matches!(view, View::Asked(it) | View::Living(it) if it == id) {
                    self.daemon = Some(View::Idle);
                }
                self.orders.push_back(Order::Forget(id));
            }
            Report::ListEnd if view == View::Listing => self.daemon = Some(View::Idle),
            Report::Failed(_) | Report::ListEnd => {}
        }
    }

    /// What it had ordered counts, but for what it wanted to be made.
    fn daemon_dies(&mut self, mutant: Mutant) -> Result<(), String> {
        self.daemon_deaths = self.daemon_deaths.saturating_sub(1);
        self.daemon = None;
        self.greeted = false;
        self.reports.clear();
        if self.making.is_none() && self.keeper.is_some() {
            while let Some(order) = self.orders.front().copied() {
                match order {
                    Order::Spawn(_) | Order::Hello | Order::List => drop(self.orders.pop_front()),
                    Order::Signal(_) | Order::Forget(_) => self.obeys(order, mutant)?,
                }
            }
        }
        // Those that came while a child was being made, or that no keeper was there to take.
        self.orders.clear();
        Ok(())
    }

    /// With it goes the link; the daemon, if there is one, begins anew with the next.
    fn keeper_dies(&mut self) {
        self.keeper_deaths = self.keeper_deaths.saturating_sub(1);
        self.keeper = None;
        self.making = None;
        self.greeted = false;
        self.daemon = None;
        self.orders.clear();
        self.reports.clear();
        for process in self.processes.values_mut() {
            process.is_orphan = true;
        }
        let died = self.processes.values().filter(|it| it.is_dead).filter_map(|it| it.child);
        let intended = died.filter(|id| self.journal.get(id) == Some(&Written::Intended));
        self.unseen.extend(intended);
    }

    /// What is written is believed as far as the processes agree.
    fn takes_over(&mut self, mutant: Mutant) {
        let mut table = Table::new();
        for (id, written) in self.journal.clone() {
            let (pid, birth) = match written {
                Written::Living(pid, birth) => (pid, birth),
                Written::Ended => (0, 0),
                Written::Intended => {
                    // By the numbers of its pipes.
                    let found = self.processes.iter().find(|(_, it)| it.child == Some(id) && !it.is_dead);
                    let found = found.filter(|_| mutant != Mutant::IntentMeansNone);
                    let Some((pid, process)) = found else {
                        self.journal.remove(&id);
                        continue;
                    };
                    (*pid, process.birth)
                }
            };
            let there = self.processes.get(&pid).filter(|it| !it.is_dead);
            let is_it = there.is_some_and(|it| it.birth == birth || mutant == Mutant::PidIsEnough);
            table.insert(id, child(pid, birth, Standing::Adopted));
            if is_it {
                self.journal.insert(id, Written::Living(pid, birth));
            } else {
                table.set_life(id, end());
                self.journal.insert(id, Written::Ended);
            }
        }
        self.keeper = Some(table);
    }

    /// What is wrong in this state.
    fn check(&self) -> Result<(), String> {
        let living: Vec<_> =
            self.processes.values().filter(|it| !it.is_dead).filter_map(|it| it.child).collect();
        if living.len() > 1 {
            return Err(format!("two live at once: {living:?}"));
        }
        let is_quiet = self.orders.is_empty() && self.reports.is_empty() && self.making.is_none();
        let is_synced = matches!(self.daemon, Some(View::Idle | View::Living(_)));
        let (Some(table), true) =
            (&self.keeper, is_quiet && is_synced && self.processes.values().all(|it| !it.is_dead))
        else {
            return Ok(());
        };
        for id in living {
            if !table.get(id).is_some_and(Child::is_living) || self.daemon != Some(View::Living(id)) {
                return Err(format!("{id} lives, and nobody knows"));
            }
        }
        let made =
            (1..self.next_child).filter(|it| self.journal.contains_key(it) || self.recorded.contains_key(it));
        for id in made {
            let is_living = self.processes.values().any(|it| it.child == Some(id));
            let is_recorded = self.recorded.contains_key(&id);
            let will_be = table.get(id).is_some_and(Child::is_living);
            if !is_living && !is_recorded && !will_be && !self.unseen.contains(&id) {
                return Err(format!("the end of {id} was never recorded"));
            }
        }
        Ok(())
    }
}

/// Searches through everything that can happen. Returns how many states there are, or how one that must not be is
/// reached.
fn search(mutant: Mutant) -> Result<usize, String> {
    let mut known = BTreeSet::new();
    let mut open = VecDeque::from([(World::new(), Vec::<&str>::new())]);
    while let Some((world, path)) = open.pop_front() {
        let wrong = |what: String| format!("{what}, after: {}", path.join("; "));
        world.check().map_err(wrong)?;
        for (name, next) in world.steps(mutant).map_err(wrong)? {
            let mut hasher = DefaultHasher::new();
            format!("{next:?}").hash(&mut hasher);
            if known.insert(hasher.finish()) {
                let mut path = path.clone();
                path.push(name);
                open.push_back((next, path));
            }
        }
    }
    Ok(known.len())
}

#[test]
fn nothing_that_can_happen_breaks_a_promise() {
    let states = search(Mutant::None).unwrap();
    assert!(states > 10_000, "only {states} states were reached");
}

#[test]
fn every_mistake_is_found() {
    for mutant in [
        Mutant::SlotIsNumber,
        Mutant::WrittenAfter,
        Mutant::IntentMeansNone,
        Mutant::PidIsEnough,
        Mutant::PidAfterReap,
        Mutant::EndsToldOnce,
    ] {
        let found = search(mutant);
        assert!(found.is_err(), "{mutant:?} was not found in {found:?} states");
    }
}
