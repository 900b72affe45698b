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
use supervisor::memory::{Memory, Tape};
use supervisor::supervisor::Supervisor;

use crate::clock::{Clock, ms};
use crate::disaster::{Death, When};
use crate::journal;
use crate::keeper::{self, Bond, Child, Keeper};
use crate::oracle::Oracle;
use crate::script::{Act, Expectation, Program, Script};
use crate::variant;

/// A world that has not come to rest after this long never will.
const HORIZON: Mono = Mono(Duration::from_hours(1));

/// Nor will one whose loop has come round so often.
const WAKES_MAX: u64 = 100_000;

/// How many effects of what the keeper reports are performed at once, as in the daemon.
const EFFECTS_AT_ONCE: usize = 48;

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
    /// The keeper notices that a child has ended.
    Noticed(ChildId, ExitStatus),
    /// The n-th step of the script.
    Step(usize),
}

pub(crate) struct World<'a> {
    script: &'a Script,
    programs: BTreeMap<FullName, &'a Program>,
    pub(crate) clock: Clock,
    pub(crate) machine: Supervisor,
    pub(crate) oracle: Oracle,
    happenings: BTreeMap<(Mono, u64), Happening>,
    next_serial: u64,
    pub(crate) keeper: Keeper,
    lives: BTreeMap<FullName, usize>,
    pub(crate) reports: VecDeque<Input>,
    acts: VecDeque<&'a Act>,
    pub(crate) asleep_until: Mono,
    requests: u64,
    answers: BTreeMap<u64, String>,
    pub(crate) quit: bool,
    pub(crate) journal: Vec<String>,
    wakes: u64,
    /// What the daemon has written down, and every configuration it has read.
    pub(crate) memory: Memory,
    pub(crate) tapes: BTreeMap<Tape, Vec<Arc<GroupSpec>>>,
    /// How the daemon has died, until there is another.
    pub(crate) dead: Option<Death>,
    /// How it dies in its next step.
    doom: Option<Death>,
    pub(crate) last_child: u64,
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
            keeper: Keeper::default(),
            lives: BTreeMap::new(),
            reports: VecDeque::new(),
            acts: VecDeque::new(),
            asleep_until: Mono::default(),
            requests: 0,
            answers: BTreeMap::new(),
            quit: false,
            journal: Vec::new(),
            wakes: 0,
            memory: Memory::default(),
            tapes: BTreeMap::new(),
            dead: None,
            doom: None,
            last_child: 0,
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
        self.begin()?;
        while let Some(at) = self.next_moment() {
            ensure!(at <= HORIZON && self.wakes < WAKES_MAX, "it does not come to rest");
            self.clock.advance_to(at);
            self.let_happen();
            if self.clock.now() < self.asleep_until {
                continue;
            }
            self.wakes += 1;
            self.come_round()?;
            if self.dead.is_none() && self.is_settled() {
                self.oracle.settled(&self.machine, self.clock.now())?;
            }
        }
        self.oracle.finished(&self.machine)
    }

    /// A machine that knows nothing is told what there is.
    pub(crate) fn begin(&mut self) -> Result<()> {
        let groups = self.configuration(None);
        let tape = self.keep(&groups);
        self.tell(Input::Begin { groups, tape })
    }

    /// Keeps a configuration for later machines.
    fn keep(&mut self, groups: &[Arc<GroupSpec>]) -> Tape {
        let tape = u32::try_from(self.tapes.len()).unwrap_or(u32::MAX);
        self.tapes.insert(tape, groups.to_vec());
        tape
    }

    /// When something is next to be done; `None` at rest.
    fn next_moment(&self) -> Option<Mono> {
        let happening = self.happenings.first_key_value().map(|((at, _), _)| *at);
        let asleep = self.dead.is_some() || self.clock.now() < self.asleep_until;
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
                Happening::Dies(child, status) => {
                    if let Some((at, status)) = self.keeper.die(child, status, now) {
                        self.plan(at, Happening::Noticed(child, status));
                    }
                }
                Happening::Noticed(child, status) => {
                    let report = self.keeper.notice(child, status, now);
                    self.reports.extend(report.filter(|_| self.dead.is_none()));
                }
                Happening::Report(input) if self.dead.is_none() => self.reports.push_back(input),
                Happening::Report(_) => {}
                Happening::Step(index) => match &self.script.steps[index].act {
                    Act::Die(_) if self.quit || self.dead.is_some() => {}
                    Act::Die(death) if death.when == When::Idle => self.fall(*death),
                    Act::Die(death) => self.doom = Some(*death),
                    Act::Stall(length) => self.asleep_until = self.asleep_until.max(now + ms(*length)),
                    Act::JumpWall(seconds) => self.clock.jump_wall(*seconds),
                    act @ (Act::Ask(_)
                    | Act::Reread(_)
                    | Act::Update(_)
                    | Act::Abandon(_)
                    | Act::Leave(_)
                    | Act::Expect(_)) => self.acts.push_back(act),
                },
            }
        }
    }

    /// One turn of the loop.
    fn come_round(&mut self) -> Result<()> {
        if self.dead.is_some() {
            self.come_back()?;
        }
        while let Some(report) = self.reports.pop_front() {
            self.tell(report)?;
        }
        if self.dead.is_none() && self.machine.deadline().is_some_and(|(at, _)| at <= self.clock.now()) {
            self.tell(Input::Due)?;
        }
        while self.dead.is_none()
            && let Some(act) = self.acts.pop_front()
        {
            self.act(act)?;
        }
        Ok(())
    }

    /// Tells the machine one thing, or as much of what the keeper reports as the daemon tells it in a row.
    pub(crate) fn tell(&mut self, input: Input) -> Result<()> {
        let now = self.clock.now();
        let doom = self.doom.take();
        let mut fx = Effects::default();
        if let Some(death) = doom.filter(|it| it.when == When::Unwritten) {
            // Nobody has ever heard of this step.
            self.machine.step(self.clock.stamp(), input, &mut fx);
            self.fall(death);
            return Ok(());
        }
        let mut next = Some(input);
        let (mut breath, first_line) = (Vec::new(), self.journal.len());
        while let Some(input) = next.take() {
            self.oracle.told(&input, now)?;
            self.machine.step(self.clock.stamp(), input.clone(), &mut fx);
            for effect in fx.drain() {
                self.oracle.saw(&effect, now)?;
                self.journal.push(journal::line(now, &effect));
                breath.push(effect);
            }
            self.oracle.stepped(&self.machine)?;
            if input.is_news() && breath.len() < EFFECTS_AT_ONCE {
                next = self.reports.pop_front_if(|it| it.is_news());
            }
        }
        self.write()?;
        for ((number, at), effect) in (0..).zip(first_line..).zip(breath) {
            if let Effect::Spawn { child, .. } = &effect {
                self.last_child = child.0;
            }
            let is_performed =
                !matches!(doom, Some(Death { when: When::Performed(count), .. }) if number >= count);
            if is_performed {
                self.perform(effect)?;
            } else if let Some(line) = self.journal.get_mut(at) {
                line.push_str(" (not performed)");
            }
        }
        match doom {
            // Who has left cannot die.
            Some(death) if !self.quit => self.fall(death),
            Some(_) | None => {
                self.machine.performed();
                self.write()?;
            }
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> Result<()> {
        match effect {
            Effect::Spawn { child, name, .. } => self.spawn(child, &name)?,
            Effect::Signal { child, signal, .. } => self.signal(child, signal)?,
            Effect::Answer { id, answer } => {
                self.answers.insert(id.0, journal::answer_text(&answer));
            }
            Effect::Quit(_) => self.quit = true,
            Effect::Buried { child } => self.keeper.forget(child)?,
            Effect::Settle { child, adopt } => {
                let report = self.keeper.settle(child, adopt, self.clock.now())?;
                self.reports.extend(report);
            }
            Effect::GroupOpened(_)
            | Effect::GroupClosed(_)
            | Effect::ProcessOpened { .. }
            | Effect::ProcessChanged { .. }
            | Effect::ProcessClosed(_)
            | Effect::Amend { .. }
            | Effect::Adopted { .. }
            | Effect::Publish(_)
            | Effect::Send { .. }
            | Effect::Note(_) => {}
        }
        Ok(())
    }

    fn spawn(&mut self, child: ChildId, name: &FullName) -> Result<()> {
        let now = self.clock.now();
        self.keeper.check_slot(name)?;
        let nth = self.lives.entry(name.clone()).or_default();
        let life = self.programs.get(name).map(|it| it.life(*nth)).unwrap_or_default();
        *nth += 1;
        let known_at = now + ms(life.slow_ms);
        if let Some(refusal) = life.refused {
            let failure = refusal.failure(name.process.as_str());
            self.plan(known_at, Happening::Report(Input::SpawnFailed { child, failure }));
            return Ok(());
        }
        self.plan(known_at, Happening::Report(Input::Spawned { child, pid: keeper::pid(child) }));
        if life.setup_fails {
            self.plan(now, Happening::Dies(child, ExitStatus::Exited(127)));
        } else if let Some((after, end)) = life.ends {
            self.plan(now + ms(after), Happening::Dies(child, end.status()));
        }
        let (name, bond, alive) = (name.clone(), Bond::Parent, true);
        let child_of = Child { name, life, started: now, alive, known_at, bond, ended: None };
        self.keeper.children.insert(child, child_of);
        Ok(())
    }

    fn signal(&mut self, child: ChildId, signal: Signal) -> Result<()> {
        let now = self.clock.now();
        let refuse = |gone, reason: &str| {
            let reason = reason.to_owned();
            Happening::Report(Input::SignalFailed { child, signal, gone, reason })
        };
        let asks_to_end = [Signal::TERM, Signal::INT, Signal::QUIT].contains(&signal);
        let found = self.keeper.children.get(&child);
        ensure!(found.is_none_or(|it| it.bond != Bond::Stranger), "{child} is signaled while in doubt");
        match found.filter(|it| it.alive) {
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
        Ok(())
    }

    fn act(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Ask(request) => {
                self.requests += 1;
                self.tell(Input::Request { id: RequestId(self.requests), request: request.clone() })
            }
            Act::Reread(groups) => {
                let groups = self.configuration(Some(groups));
                let tape = self.keep(&groups);
                self.tell(Input::Reread { groups, tape })
            }
            Act::Update(seed) => {
                self.requests += 1;
                let groups = self.script.groups.iter();
                let mut configured: Vec<_> = groups.filter_map(|it| variant::of(it, *seed)).collect();
                configured.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
                let tape = self.keep(&configured);
                let request = Request::Update { names: None, configured, tape };
                self.tell(Input::Request { id: RequestId(self.requests), request })
            }
            Act::Abandon(number) => self.tell(Input::Abandoned { id: RequestId(*number) }),
            Act::Leave(departure) => self.tell(Input::Leave(*departure)),
            Act::Stall(_) | Act::JumpWall(_) | Act::Die(_) => Ok(()),
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
