//! Scripts from seeds: random programs, requests and disasters. A seed makes the same script for ever
//! on every machine.

use std::collections::BTreeMap;

use model::name::{FullName, GroupName, ProcessName};
use model::signal::Signal;
use model::spec::AutoRestart;
use supervisor::input::{Departure, Request, Selection};

use crate::disaster::{Death, When, Who};
use crate::script::{Act, End, Group, Life, Program, Refusal, Script, Step};
use crate::world;

/// How long clients are busy. What they started goes on until everything is stopped.
const BUSY_MS: u64 = 25_000;

/// A small generator of random numbers (`SplitMix64`): good enough to choose by, and the same for ever.
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = usize::try_from(self.below(u64::try_from(from.len()).ok()?)).ok()?;
        from.get(index)
    }

    fn pick_or<T: Copy>(&mut self, from: &[T], otherwise: T) -> T {
        self.pick(from).copied().unwrap_or(otherwise)
    }

    /// A time below `end_ms`; often one of the round ones at which deadlines fall.
    fn time(&mut self, end_ms: u64) -> u64 {
        let time = self.below(end_ms);
        if self.one_in(3) { time / 1000 * 1000 } else { time }
    }
}

/// The script of a seed.
pub fn script(seed: u64) -> Script {
    let mut dice = Dice(seed);
    let groups: Vec<_> = (0..=dice.below(4)).map(|index| group(index, &mut dice)).collect();
    let names: Vec<_> = groups.iter().flat_map(names).collect();
    let count = dice.below(30);
    let mut steps: Vec<_> = (0..count).filter_map(|_| step(&groups, &names, &mut dice)).collect();
    let departure = if dice.one_in(4) { Departure::Restart } else { Departure::Shutdown };
    let leave = if dice.one_in(2) { Act::Leave(departure) } else { Act::Ask(Request::Leave(departure)) };
    // Most worlds end after the busy time; some are left in the middle of it.
    let at_ms = if dice.one_in(4) { dice.time(BUSY_MS) } else { BUSY_MS + dice.time(60_000) };
    for _ in 0..dice.below(4) {
        steps.push(Step { at_ms: dice.time(BUSY_MS), act: Act::Update(dice.below(1000)) });
    }
    if dice.one_in(2) {
        for _ in 0..=dice.below(4) {
            steps.push(Step { at_ms: dice.time(BUSY_MS), act: Act::Die(death(&mut dice)) });
        }
    }
    steps.push(Step { at_ms, act: leave });
    // A daemon may die of the first wish before it has written it down.
    steps.push(Step { at_ms: at_ms + BUSY_MS, act: Act::Leave(departure) });
    steps.sort_by_key(|it| it.at_ms);
    Script { comments: vec![format!("seed {seed}")], groups, steps }
}

fn group(index: u64, dice: &mut Dice) -> Group {
    let name = format!("g{index}");
    let programs = (0..=dice.below(3)).map(|index| program(index, dice)).collect();
    Group { name, priority: dice.pick_or(&[-1, 1, 10, 10, 999], 1), later: dice.one_in(6), programs }
}

fn names(group: &Group) -> Vec<FullName> {
    let Ok(name) = GroupName::parse(&group.name) else { return Vec::new() };
    let full = |it: &Program| FullName { group: name.clone(), process: ProcessName::expanded(&it.name) };
    group.programs.iter().map(full).collect()
}

fn program(index: u64, dice: &mut Dice) -> Program {
    let restarts = [AutoRestart::Never, AutoRestart::Unexpected, AutoRestart::Always];
    let lives = (0..dice.below(4)).map(|_| life(dice)).collect();
    Program {
        name: format!("p{index}"),
        priority: dice.pick_or(&[1, 5, 999], 1),
        autostart: !dice.one_in(4),
        autorestart: dice.pick_or(&restarts, AutoRestart::Unexpected),
        startsecs: dice.pick_or(&[0, 1, 1, 2, 3, -1], 1),
        startretries: dice.pick_or(&[0, 1, 2, 3, 3, -1], 3),
        stopwaitsecs: dice.pick_or(&[0, 1, 2, 5, 10], 10),
        lives,
    }
}

fn life(dice: &mut Dice) -> Life {
    let mut life = Life::default();
    if dice.one_in(8) {
        let reason = dice.pick(&Refusal::ALL);
        life.refused = reason.map(|(it, _)| *it);
    }
    life.setup_fails = dice.one_in(12);
    if dice.one_in(2) {
        let end = match dice.below(3) {
            0 => End::Code(0),
            1 => End::Code(1),
            _ => End::Signal(Signal::parse("SEGV").unwrap_or(Signal::KILL)),
        };
        let at = if dice.one_in(2) { dice.time(1500) } else { dice.time(20_000) };
        life.ends = Some((at, end));
    }
    if dice.one_in(5) {
        life.slow_ms = dice.time(3000);
    }
    life.ignores = dice.one_in(5);
    if dice.one_in(3) {
        life.stops_ms = dice.time(4000);
    }
    if dice.one_in(5) {
        life.untold_ms = dice.time(5000);
    }
    life.denied = dice.one_in(10);
    life.doubtful = dice.one_in(10);
    life
}

fn death(dice: &mut Dice) -> Death {
    let who = dice.pick_or(&[Who::Daemon, Who::Daemon, Who::Daemon, Who::Keeper, Who::Both], Who::Daemon);
    let when = match dice.below(4) {
        0 => When::Idle,
        1 => When::Unwritten,
        _ => When::Performed(dice.below(6)),
    };
    let away_ms = if dice.one_in(2) { 0 } else { dice.time(4000) };
    Death { who, when, away_ms, forgetting: who == Who::Both && dice.one_in(4) }
}

fn step(groups: &[Group], processes: &[FullName], dice: &mut Dice) -> Option<Step> {
    let at_ms = dice.time(BUSY_MS);
    let name = dice.pick(processes)?.clone();
    let group = dice.pick(groups)?.name.clone();
    let named = name.to_string();
    let wait = !dice.one_in(4);
    let selection = match dice.below(4) {
        0 | 1 => Selection::All,
        2 => Selection::Named([name.clone()].into()),
        _ => Selection::Group(name.group.clone()),
    };
    let signal = dice.pick_or(&[Signal::HUP, Signal::USR2, Signal::TERM, Signal::KILL], Signal::HUP);
    let act = match dice.below(34) {
        0..=5 => Act::Ask(Request::Start { name, named, wait, obstacle: None }),
        6..=10 => Act::Ask(Request::Stop { name, named, wait }),
        11..=13 => Act::Ask(Request::Signal { name, named, signal }),
        14 | 15 => Act::Ask(Request::StartMany { selection, obstacles: BTreeMap::new(), wait }),
        16 | 17 => Act::Ask(Request::StopMany { selection, wait }),
        18 => Act::Ask(Request::SignalMany { selection, signal }),
        19 | 20 => Act::Ask(Request::AddGroup { name: group }),
        21..=24 => Act::Ask(Request::RemoveGroup { name: group }),
        25 => Act::Reread(groups.iter().filter(|_| !dice.one_in(4)).map(|it| it.name.clone()).collect()),
        26 => Act::Abandon(1 + dice.below(8)),
        27 | 28 => Act::Stall(dice.time(4000)),
        29 | 30 => Act::Ask(Request::Adopt { name, named }),
        31 | 32 => Act::Ask(Request::Forget { name, named }),
        _ => Act::JumpWall(dice.pick_or(&[-86_400, -5, 5, 3600, 1_000_000], 5)),
    };
    Some(Step { at_ms, act })
}

/// What is wrong with a script: something in its run, or that it runs differently without the jumps of
/// the clock on the wall, on which nothing may depend.
pub fn trouble(script: &Script) -> Option<String> {
    let run = world::run(script);
    if run.trouble.is_some() {
        return run.trouble;
    }
    if !script.steps.iter().any(|it| matches!(it.act, Act::JumpWall(_))) {
        return None;
    }
    let mut steady = script.clone();
    steady.steps.retain(|it| !matches!(it.act, Act::JumpWall(_)));
    let again = world::run(&steady);
    let differs = run.journal.iter().zip(&again.journal).find(|(a, b)| a != b);
    match differs {
        Some((jumping, steady)) => Some(format!("with the clock set: `{jumping}`, without: `{steady}`")),
        None if run.journal.len() != again.journal.len() => Some("the clock makes it stop early".to_owned()),
        None => None,
    }
}

/// The smallest script found by leaving things out that still is in the same trouble.
pub fn shrunk(script: &Script) -> Script {
    let mut best = script.clone();
    let wanted = kind(script);
    loop {
        match smaller(&best).into_iter().find(|it| kind(it) == wanted) {
            Some(next) => best = next,
            None => return best,
        }
    }
}

/// What is wrong, without the numbers in it: when and to whom it happens changes as a script shrinks.
fn kind(script: &Script) -> Option<String> {
    Some(trouble(script)?.chars().filter(|it| !it.is_ascii_digit()).collect())
}

/// Scripts with one thing less.
fn smaller(script: &Script) -> Vec<Script> {
    let mut all = Vec::new();
    let mut offer = |change: &dyn Fn(&mut Script)| {
        let mut candidate = script.clone();
        change(&mut candidate);
        all.push(candidate);
    };
    for (g, group) in script.groups.iter().enumerate() {
        offer(&|it| drop(it.groups.remove(g)));
        for (p, program) in group.programs.iter().enumerate() {
            offer(&|it| drop(it.groups[g].programs.remove(p)));
            for l in 0..program.lives.len() {
                offer(&|it| {
                    it.groups[g].programs[p].lives.remove(l);
                });
            }
        }
    }
    for index in 0..script.steps.len() {
        offer(&|it| drop(it.steps.remove(index)));
    }
    for (g, group) in script.groups.iter().enumerate() {
        for (p, program) in group.programs.iter().enumerate() {
            let plain = Program { lives: program.lives.clone(), ..Program::named(&program.name) };
            if plain != *program {
                offer(&|it| it.groups[g].programs[p] = plain.clone());
            }
        }
    }
    all
}
