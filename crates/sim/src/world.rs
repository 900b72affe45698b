//! The world: a keeper that does what it is told, programs that live as their script says, clients
//! that ask, and a loop that feeds the machine in the order the daemon does: reports of the keeper
//! first, then what is due, then clients.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use model::child::ChildId;
use model::exit::ExitStatus;
use model::name::FullName;
use model::signal::Signal;
use model::spec::GroupSpec;
use model::time::Mono;
use supervisor::effect::{Effect, Effects};
use supervisor::input::{Input, Request, RequestId};
use supervisor::supervisor::Supervisor;

use crate::clock::{Clock, ms};
use crate::journal;
use crate::oracle::Oracle;
use crate::script::{Act, Expectation, Life, Program, Script, setup_failure};
use crate::variant;

/// A world that has not come to rest after this long never will.
const HORIZON: Mono = Mono(Duration::from_hours(1));

/// Nor will one whose loop has come round so often.
const WAKES_MAX: u64 = 100_000;

/// What came of a script.
#[derive(Debug)]
pub struct Run {
    /// What the machine did, a line for each effect.
    pub journal: Vec<String>,
    /// How often the loop came round.
    pub wakes: u64,
    /// What is wrong, if something is.
    pub trouble: Option<String>,
}

/// Plays a script to its end: until nothing is pending, or something is wrong.
pub fn run(script: &Script) -> Run {
    match World::new(script) {
        Err(error) => Run { journal: Vec::new(), wakes: 0, trouble: Some(format!("{error:#}")) },
        Ok(mut world) => {
            let outcome = world.play();
            let at = world.clock.now().0.as_secs_f64();
            let trouble = outcome.err().map(|it| format!("at {at:.3}: {it:#}"));
            Run { journal: world.journal, wakes: world.wakes, trouble }
        }
    }
}

/// Something that will happen in the world, whether the loop comes round or not.
#[derive(Debug)]
enum Happening {
    /// A child ends.
    Dies(ChildId, ExitStatus),
    /// The keeper has something to say.
    Report(Input),
    /// The n-th step of the script.
    Step(usize),
}

#[derive(Debug)]
struct Child {
    life: Life,
    alive: bool,
    /// When the machine is told that it exists: it cannot be told of its end before.
    known_at: Mono,
}

struct World<'a> {
    script: &'a Script,
    programs: BTreeMap<FullName, &'a Program>,
    clock: Clock,
    machine: Supervisor,
    oracle: Oracle,
    happenings: BTreeMap<(Mono, u64), Happening>,
    next_serial: u64,
    children: BTreeMap<ChildId, Child>,
    lives: BTreeMap<FullName, usize>,
    reports: VecDeque<Input>,
    acts: VecDeque<&'a Act>,
    asleep_until: Mono,
    requests: u64,
    answers: BTreeMap<u64, String>,
    quit: bool,
    journal: Vec<String>,
    wakes: u64,
}

impl<'a> World<'a> {
    fn new(script: &'a Script) -> Result<Self> {
        let mut programs = BTreeMap::new();
        for group in &script.groups {
            let spec = group.spec().with_context(|| format!("group {} has a bad name", group.name))?;
            for program in &group.programs {
                let process = model::name::ProcessName::expanded(&program.name);
                programs.insert(FullName { group: spec.name.clone(), process }, program);
            }
        }
        let mut world = Self {
            script,
            programs,
            clock: Clock::default(),
            machine: Supervisor::new(ChildId(1)),
            oracle: Oracle::default(),
            happenings: BTreeMap::new(),
            next_serial: 0,
            children: BTreeMap::new(),
            lives: BTreeMap::new(),
            reports: VecDeque::new(),
            acts: VecDeque::new(),
            asleep_until: Mono::default(),
            requests: 0,
            answers: BTreeMap::new(),
            quit: false,
            journal: Vec::new(),
            wakes: 0,
        };
        for (index, step) in script.steps.iter().enumerate() {
            world.plan(Mono(ms(step.at_ms)), Happening::Step(index));
        }
        Ok(world)
    }

    /// The groups with these names, or all that are not for later, as a configuration lists them.
    fn configuration(&self, names: Option<&[String]>) -> Vec<Arc<GroupSpec>> {
        let wanted = self.script.groups.iter().filter(|it| match names {
            Some(names) => names.contains(&it.name),
            None => !it.later,
        });
        let mut groups: Vec<_> = wanted.filter_map(crate::script::Group::spec).collect();
        groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
        groups
    }

    fn play(&mut self) -> Result<()> {
        self.tell(Input::Begin { groups: self.configuration(None), tape: 0 })?;
        while let Some(at) = self.next_moment() {
            ensure!(at <= HORIZON && self.wakes < WAKES_MAX, "it does not come to rest");
            self.clock.advance_to(at);
            self.let_happen();
            if self.clock.now() < self.asleep_until {
                continue;
            }
            self.wakes += 1;
            self.come_round()?;
            if self.is_settled() {
                self.oracle.settled(&self.machine, self.clock.now())?;
            }
        }
        self.oracle.finished(&self.machine)
    }

    /// When something is next to be done; `None` at rest.
    fn next_moment(&self) -> Option<Mono> {
        let happening = self.happenings.first_key_value().map(|((at, _), _)| *at);
        let asleep = self.clock.now() < self.asleep_until;
        let wake = if asleep { Some(self.asleep_until) } else { self.machine.deadline().map(|(at, _)| at) };
        [happening, wake].into_iter().flatten().min().map(|at| at.max(self.clock.now()))
    }

    fn is_settled(&self) -> bool {
        let now = self.clock.now();
        self.happenings.first_key_value().is_none_or(|((at, _), _)| *at > now)
            && self.machine.deadline().is_none_or(|(at, _)| at > now)
            && self.asleep_until <= now
    }

    fn plan(&mut self, at: Mono, happening: Happening) {
        self.happenings.insert((at, self.next_serial), happening);
        self.next_serial += 1;
    }

    /// What the world does by itself up to now, whether the loop is awake or not.
    fn let_happen(&mut self) {
        let now = self.clock.now();
        while let Some(first) = self.happenings.first_entry().filter(|it| it.key().0 <= now) {
            match first.remove() {
                Happening::Dies(child, status) => self.die(child, status),
                Happening::Report(input) => self.reports.push_back(input),
                Happening::Step(index) => match &self.script.steps[index].act {
                    Act::Stall(length) => self.asleep_until = self.asleep_until.max(now + ms(*length)),
                    Act::JumpWall(seconds) => self.clock.jump_wall(*seconds),
                    act @ (Act::Ask(_)
                    | Act::Reread(_)
                    | Act::Update(_)
                    | Act::Abandon(_)
                    | Act::Leave(_)
                    | Act::Expect(_)) => {
                        self.acts.push_back(act);
                    }
                },
            }
        }
    }

    /// One turn of the loop.
    fn come_round(&mut self) -> Result<()> {
        while let Some(report) = self.reports.pop_front() {
            self.tell(report)?;
        }
        if self.machine.deadline().is_some_and(|(at, _)| at <= self.clock.now()) {
            self.tell(Input::Due)?;
        }
        while let Some(act) = self.acts.pop_front() {
            self.act(act)?;
        }
        Ok(())
    }

    fn tell(&mut self, input: Input) -> Result<()> {
        let now = self.clock.now();
        self.oracle.told(&input, now)?;
        let mut fx = Effects::default();
        self.machine.step(self.clock.stamp(), input, &mut fx);
        for effect in fx.drain() {
            self.journal.push(journal::line(now, &effect));
            self.oracle.saw(&effect, now)?;
            self.perform(effect);
        }
        self.oracle.stepped(&self.machine)
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Spawn { child, name, .. } => self.spawn(child, &name),
            Effect::Signal { child, signal, .. } => self.signal(child, signal),
            Effect::Answer { id, answer } => {
                self.answers.insert(id.0, journal::answer_text(&answer));
            }
            Effect::Quit(_) => self.quit = true,
            Effect::GroupOpened(_)
            | Effect::GroupClosed(_)
            | Effect::ProcessOpened { .. }
            | Effect::ProcessChanged { .. }
            | Effect::ProcessClosed(_)
            | Effect::Amend { .. }
            | Effect::Adopted { .. }
            | Effect::Settle { .. }
            | Effect::Buried { .. }
            | Effect::Publish(_)
            | Effect::Send { .. }
            | Effect::Note(_) => {}
        }
    }

    fn spawn(&mut self, child: ChildId, name: &FullName) {
        let now = self.clock.now();
        let nth = self.lives.entry(name.clone()).or_default();
        let life = self.programs.get(name).map(|it| it.life(*nth)).unwrap_or_default();
        *nth += 1;
        let known_at = now + ms(life.slow_ms);
        if let Some(refusal) = life.refused {
            let failure = refusal.failure(name.process.as_str());
            return self.plan(known_at, Happening::Report(Input::SpawnFailed { child, failure }));
        }
        let pid = u32::try_from(child.0).unwrap_or(u32::MAX).saturating_add(1000);
        self.plan(known_at, Happening::Report(Input::Spawned { child, pid }));
        if life.setup_fails {
            self.plan(now, Happening::Dies(child, ExitStatus::Exited(127)));
        } else if let Some((after, end)) = life.ends {
            self.plan(now + ms(after), Happening::Dies(child, end.status()));
        }
        self.children.insert(child, Child { life, alive: true, known_at });
    }

    fn signal(&mut self, child: ChildId, signal: Signal) {
        let now = self.clock.now();
        let refuse = |gone, reason: &str| {
            let reason = reason.to_owned();
            Happening::Report(Input::SignalFailed { child, signal, gone, reason })
        };
        let asks_to_end = [Signal::TERM, Signal::INT, Signal::QUIT].contains(&signal);
        match self.children.get(&child).filter(|it| it.alive) {
            None => self.plan(now, refuse(true, "[Errno 3] No such process")),
            Some(it) if it.life.denied => self.plan(now, refuse(false, "[Errno 1] Operation not permitted")),
            Some(it) => {
                let after = if signal == Signal::KILL { 0 } else { it.life.stops_ms };
                if signal == Signal::KILL || (asks_to_end && !it.life.ignores) {
                    let status = ExitStatus::Signaled { signal, core: false };
                    self.plan(now + ms(after), Happening::Dies(child, status));
                }
            }
        }
    }

    fn die(&mut self, id: ChildId, status: ExitStatus) {
        let now = self.clock.now();
        let Some(child) = self.children.get_mut(&id).filter(|it| it.alive) else { return };
        child.alive = false;
        let told_at = (now + ms(child.life.untold_ms)).max(child.known_at);
        let setup = child.life.setup_fails.then(setup_failure);
        self.plan(told_at, Happening::Report(Input::Exited { child: id, status, at: told_at, setup }));
    }

    fn act(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Ask(request) => {
                self.requests += 1;
                self.tell(Input::Request { id: RequestId(self.requests), request: request.clone() })
            }
            Act::Reread(groups) => {
                self.tell(Input::Reread { groups: self.configuration(Some(groups)), tape: 0 })
            }
            Act::Update(seed) => {
                self.requests += 1;
                let groups = self.script.groups.iter();
                let mut configured: Vec<_> = groups.filter_map(|it| variant::of(it, *seed)).collect();
                configured.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
                let request = Request::Update { names: None, configured, tape: 0 };
                self.tell(Input::Request { id: RequestId(self.requests), request })
            }
            Act::Abandon(number) => self.tell(Input::Abandoned { id: RequestId(*number) }),
            Act::Leave(departure) => self.tell(Input::Leave(*departure)),
            Act::Stall(_) | Act::JumpWall(_) => Ok(()),
            Act::Expect(expectation) => self.expect(expectation),
        }
    }

    fn expect(&self, expectation: &Expectation) -> Result<()> {
        match expectation {
            Expectation::State(name, state) => {
                let info = self.machine.info(name, self.clock.stamp());
                let is = info.with_context(|| format!("{name} is not there"))?.state;
                ensure!(is == *state, "{name} is expected to be {state} but is {is}");
            }
            Expectation::Answer(number, text) => match self.answers.get(number) {
                None => bail!("request {number} is not answered, but `{text}` is expected"),
                Some(answer) => ensure!(answer == text, "answer {number} is `{answer}`, not `{text}`"),
            },
            Expectation::Quit => ensure!(self.quit, "not everything has stopped"),
        }
        Ok(())
    }
}
