//! The cases that kill: the daemon, the keeper, both; at any time, and at every point where it matters.
#![expect(
    clippy::unnecessary_wraps,
    reason = "all cases have one signature, and some are refused by the machine"
)]

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use e2e::proc;
use e2e::wait::until;
use rustix::process::Signal;

use crate::cases::{Case, Limits};
use crate::chance::Chance;
use crate::field::{Field, Pair};

/// Between the deaths of the two when both die: at most this many milliseconds.
const BOTH_WITHIN_MS: u64 = 20;

/// How long a place may take to be passed. Each lies on a path that the load takes all the time.
const PASSED_WITHIN: Duration = Duration::from_secs(15);

pub(crate) fn raised(case: &Case) -> Field {
    let mut field = Field::new(case.name, case.load, "");
    field.start_hurried();
    field
}

/// Kills `pid` and says when.
fn kill(pid: i32) -> Instant {
    let now = Instant::now();
    proc::send(pid, Signal::KILL);
    now
}

pub(crate) fn daemon(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised(case);
    while field.goes_on(limits) {
        let (_, daemon) = field.whole_pair();
        field.look_for(chance.millis(5, 250));
        let since = kill(daemon);
        field.row.faults += 1;
        // Sometimes the next one is killed before it is up.
        if !chance.one_in(4) {
            field.until_back(since);
        }
    }
    Some(field)
}

pub(crate) fn keeper(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised(case);
    while field.goes_on(limits) {
        let (keeper, _) = field.whole_pair();
        field.look_for(chance.millis(5, 400));
        let since = kill(keeper);
        field.row.faults += 1;
        field.row.excused += 1;
        field.until_followed(keeper);
        field.until_back(since);
    }
    Some(field)
}

pub(crate) fn both(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised(case);
    while field.goes_on(limits) {
        field.look_for(chance.millis(50, 500));
        kill_both(&mut field, chance);
        let since = Instant::now();
        field.start_anew();
        field.until_back(since);
    }
    Some(field)
}

/// Kills both, one shortly after the other, until neither is left.
fn kill_both(field: &mut Field, chance: &mut Chance) {
    let (keeper, daemon) = field.whole_pair();
    let (first, second) = if chance.one_in(2) { (keeper, daemon) } else { (daemon, keeper) };
    kill(first);
    std::thread::sleep(chance.millis(0, BOTH_WITHIN_MS));
    kill(second);
    field.row.faults += 1;
    field.row.excused += 1;
    until("neither is left", || {
        // Whoever lived for a moment may have started another.
        let pair = field.pair();
        for pid in [pair.keeper, pair.daemon].into_iter().flatten() {
            kill(pid);
        }
        pair == Pair::default()
    });
}

pub(crate) fn frozen(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised(case);
    while field.goes_on(limits) {
        let (_, daemon) = field.whole_pair();
        field.look_for(chance.millis(5, 500));
        let since = Instant::now();
        proc::send(daemon, Signal::STOP);
        field.row.faults += 1;
        until("the frozen daemon is replaced", || field.pair().daemon.is_some_and(|it| it != daemon));
        field.until_back(since);
    }
    Some(field)
}

/// Everything in turn, as it comes.
pub(crate) fn storm(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised(case);
    while field.goes_on(limits) {
        field.look_for(chance.millis(5, 300));
        field.revive();
        let (keeper, daemon) = field.whole_pair();
        let since = match chance.below(5) {
            0 | 1 => kill(daemon),
            2 | 3 => {
                field.row.excused += 1;
                kill(keeper)
            }
            _ => {
                kill_both(&mut field, chance);
                Instant::now()
            }
        };
        field.row.faults += 1;
        if !chance.one_in(4) {
            // One who took the place of the other may have been killed in the midst of it.
            field.revive();
            field.until_back(since);
        }
    }
    // The last to die may have been both.
    field.revive();
    Some(field)
}

/// The places where a death is most likely to leave something half done (`os::failpoint`).
const POINTS: &[&str] = &[
    "keeper.order",
    "keeper.spawn",
    "keeper.born",
    "keeper.written",
    "keeper.reaped",
    "keeper.report",
    "keeper.reported",
    "daemon.report",
    "daemon.stepped",
    "daemon.remembered",
    "daemon.order",
    "daemon.words",
    "daemon.letter",
    "logs",
];

pub(crate) fn points(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised(case);
    for passage in 1.. {
        for point in POINTS {
            if !field.goes_on(limits) {
                return Some(field);
            }
            // Past the first round, at a passage that is nobody's guess.
            let at = if passage == 1 { 1 } else { 1 + chance.below(40) };
            die_at(&mut field, point, at);
        }
    }
    Some(field)
}

fn die_at(field: &mut Field, point: &str, passage: u64) {
    let since = Instant::now();
    field.die_at(point, passage);
    while field.failpoint().exists() && since.elapsed() < PASSED_WITHIN {
        field.look_for(Duration::from_millis(5));
    }
    if field.failpoint().exists() {
        std::fs::remove_file(field.failpoint()).ok();
        return field.complain(format!("nobody came by {point} {passage} times"));
    }
    field.row.faults += 1;
    field.row.excused += usize::from(point.starts_with("keeper"));
    field.until_back(Instant::now());
}

/// What the daemon keeps for the next one: in the runtime directory, and what has to be in memory. The journal of the
/// keeper is not among it: without that, nobody knows which children there are.
fn state_files(field: &Field) -> Vec<PathBuf> {
    let run = field.house.path("run");
    let shelves = std::fs::read_dir(format!("/dev/shm/menshen-{}", rustix::process::getuid().as_raw()));
    let shelves = shelves.into_iter().flatten().flatten().map(|it| it.path());
    let is_its = |it: &PathBuf| std::fs::read_link(it.join("of")).is_ok_and(|of| of == run);
    let folders: Vec<_> = shelves.filter(is_its).chain([run.clone()]).collect();
    let entries = folders.iter().flat_map(std::fs::read_dir).flatten().flatten().map(|it| it.path());
    let mut files: Vec<_> =
        entries.filter(|it| !["lock", "children", "of"].iter().any(|name| it.ends_with(name))).collect();
    files.sort();
    files
}

/// Both die, and what they left is damaged. Nothing is promised about programs of which nothing is known any more, but
/// that there is no crash, no wrong signal, and an answer.
pub(crate) fn state(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised(case);
    while field.goes_on(limits) {
        field.look_for(chance.millis(50, 200));
        kill_both(&mut field, chance);
        let files = state_files(&field);
        let Some(file) = chance.of(&files) else {
            field.complain("there is nothing in the runtime directory");
            return Some(field);
        };
        damage(file, &field.house.path("elsewhere"), chance);
        field.row.is_damaged = true;
        let since = Instant::now();
        field.start_anew();
        field.until_back(since);
    }
    Some(field)
}

/// How much of a file may be damaged: its beginning, where one has holes as large as a world.
const DAMAGED_BYTES_MAX: u64 = 64 * 1024;

fn damage(file: &Path, elsewhere: &Path, chance: &mut Chance) {
    let Ok(open) = std::fs::OpenOptions::new().read(true).write(true).open(file) else { return };
    let length = open.metadata().map_or(0, |it| it.len());
    let place = chance.below(length.min(DAMAGED_BYTES_MAX));
    match chance.below(4) {
        // Cut off, as by a disk that was full.
        0 => drop(open.set_len(place)),
        // A bit that has fallen over.
        1 => {
            let mut byte = [0];
            drop(open.read_at(&mut byte, place));
            drop(open.write_all_at(&[byte[0] ^ (1 << chance.below(8))], place));
        }
        // Bytes that nobody wrote.
        2 => {
            let room = usize::try_from(length - place).unwrap_or(usize::MAX).min(64);
            drop(open.write_all_at(&vec![0xA5; room], place));
        }
        // A link to something else.
        _ => {
            std::fs::remove_file(file).ok();
            // To a file of this field: whoever writes through the link, we ourselves the next time, harms nobody.
            std::fs::write(elsewhere, "nobody's").ok();
            std::os::unix::fs::symlink(elsewhere, file).ok();
        }
    }
}
