//! The cases: what is done to the house.
#![expect(
    clippy::unnecessary_wraps,
    reason = "all cases have one signature, and some are refused by the machine"
)]

use std::time::{Duration, Instant};

use e2e::disk::SmallDisk;
use e2e::proc;
use e2e::wall_clock::WallClock;

use crate::chance::Chance;
use crate::field::{Field, Load};
use crate::{changes, deaths, trees};

/// How much of a case is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) time: Duration,
    pub(crate) faults: usize,
}

/// One kind of torture.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) load: Load,
    /// Makes the field, starts it, and does the harm. `None` when this machine does not allow it.
    pub(crate) act: fn(&Case, &mut Chance, Limits) -> Option<Field>,
}

const USUAL: Load = Load { writers: 20, lines_per_second: 500, loopers: 50, idle: 20 };
const CROWD: Load = Load { writers: 5, lines_per_second: 100, loopers: 10, idle: 1000 };
const FEW: Load = Load { writers: 3, lines_per_second: 100, loopers: 3, idle: 3 };
const SMALL: Load = Load { writers: 5, lines_per_second: 200, loopers: 10, idle: 10 };

/// All of them, in the order in which they are run.
pub(crate) const CASES: &[Case] = &[
    Case {
        name: "calm",
        about: "no fault at all: what is wrong here is wrong everywhere",
        load: USUAL,
        act: calm,
    },
    Case { name: "crowd", about: "a thousand idle programs", load: CROWD, act: calm },
    Case { name: "daemon", about: "the daemon is killed, again and again", load: USUAL, act: deaths::daemon },
    Case { name: "keeper", about: "the keeper is killed, again and again", load: USUAL, act: deaths::keeper },
    Case {
        name: "both",
        about: "both are killed within 20 ms, and started again",
        load: USUAL,
        act: deaths::both,
    },
    Case {
        name: "frozen",
        about: "the daemon is stopped (SIGSTOP), and must be replaced",
        load: SMALL,
        act: deaths::frozen,
    },
    Case {
        name: "points",
        about: "one of the two dies at every point where it matters",
        load: USUAL,
        act: deaths::points,
    },
    Case { name: "storm", about: "all of these, as they come", load: USUAL, act: deaths::storm },
    Case {
        name: "state",
        about: "both are killed, and what they left is damaged",
        load: FEW,
        act: deaths::state,
    },
    Case {
        name: "upgrade",
        about: "it becomes another program again and again, broken ones among them, and dies on the way",
        load: USUAL,
        act: changes::upgrade,
    },
    Case {
        name: "trees",
        about: "programs whose children hide are stopped, and their guards die",
        load: SMALL,
        act: trees::trees,
    },
    Case {
        name: "clients",
        about: "stops, starts and restarts by several clients at once",
        load: SMALL,
        act: clients,
    },
    Case { name: "clock", about: "the wall clock jumps by hours and years", load: SMALL, act: clock },
    Case {
        name: "uptime",
        about: "a machine that has run for three years (time namespace)",
        load: SMALL,
        act: uptime,
    },
    Case { name: "pids", about: "pids are used again at once (pid namespace)", load: SMALL, act: pids },
    Case { name: "disk", about: "a disk is full, and has room again", load: SMALL, act: disk },
    Case {
        name: "descriptors",
        about: "no descriptor is left, again and again (prlimit)",
        load: SMALL,
        act: descriptors,
    },
    Case {
        name: "processes",
        about: "no process is left, again and again (pids cgroup)",
        load: SMALL,
        act: processes,
    },
];

fn raised(case: &Case) -> Field {
    let mut field = Field::new(case.name, case.load, "");
    field.start();
    field
}

fn calm(case: &Case, _: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised(case);
    field.look_for(limits.time);
    Some(field)
}

fn clients(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised(case);
    let loopers: Vec<String> = (0..case.load.loopers).map(|it| format!("looper:l{it:03}")).collect();
    while field.goes_on(limits) {
        let mut running = Vec::new();
        for _ in 0..3 {
            let verb = chance.of(&["stop", "start", "restart", "signal KILL"]).expect("there are some");
            let name = chance.of(&loopers).expect("there are some").clone();
            let mut command = field.house.command("supervisorctl");
            command.args(["-c", "supervisord.conf"]).args(verb.split(' ')).arg(name);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            running.push(command.spawn().expect("cannot run supervisorctl"));
        }
        for mut client in running {
            client.wait().expect("it is our child");
        }
        field.row.faults += 3;
        field.look();
    }
    Some(field)
}

fn clock(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = Field::new(case.name, case.load, "");
    let clock = WallClock::new(&field.house);
    let mut command = field.house.command("supervisord");
    clock.wear(command.args(["-n", "-c", "supervisord.conf"]));
    field.house.start_command(&mut command);
    field.house.until_answering();
    field.settle();
    while field.goes_on(limits) {
        let hours = i64::try_from(chance.below(200_000)).unwrap_or(0) - 100_000;
        clock.set(hours * 3600);
        field.row.faults += 1;
        field.look_for(chance.millis(100, 700));
    }
    Some(field)
}

/// Starts the house by way of `outer`. `None` when this user may not.
fn raised_through(case: &Case, outer: &[&str]) -> Option<Field> {
    let (name, words) = outer.split_first()?;
    let probe = std::process::Command::new(name).args(words).arg("true").status();
    if !probe.is_ok_and(|it| it.success()) {
        return None;
    }
    let mut field = Field::new(case.name, case.load, "");
    let mut command = field.house.command_through(outer, "supervisord");
    field.house.start_command(command.args(["-n", "-c", "supervisord.conf"]));
    field.house.until_answering();
    field.settle();
    Some(field)
}

fn uptime(case: &Case, _: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised_through(case, &["unshare", "-T", "--monotonic", "100000000", "--fork"])?;
    field.look_for(limits.time);
    Some(field)
}

fn pids(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised_through(case, &["unshare", "-pf", "--mount-proc", "--kill-child"])?;
    let (keeper, _) = field.whole_pair();
    while field.goes_on(limits) {
        // The next to be born gets the lowest number that is free: that of somebody who has just died.
        let inside = format!("--target={keeper}");
        let words =
            [inside.as_str(), "--pid", "--mount", "sh", "-c", "echo 50 >/proc/sys/kernel/ns_last_pid"];
        if !std::process::Command::new("nsenter").args(words).status().is_ok_and(|it| it.success()) {
            return None;
        }
        let looper = format!("looper:l{:03}", chance.below(10));
        field.ctl(&[if chance.one_in(2) { "restart" } else { "stop" }, &looper]);
        field.ctl(&["start", &looper]);
        field.row.faults += 1;
        field.look();
    }
    Some(field)
}

fn disk(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let exe = std::env::current_exe().ok()?;
    // One of the writers writes to a disk of its own, slowly enough for it to last.
    let slow = format!(
        "[program:slow]\ncommand={} play writer w900 20\ndirectory={{here}}\nstdout_logfile={{here}}/small/w900.log\n\
         stdout_logfile_maxbytes=0\n",
        exe.display()
    );
    let mut field = Field::new(case.name, case.load, &slow);
    field.disk = Some(SmallDisk::of(field.house.path("small"), "4m")?);
    std::os::unix::fs::symlink(field.house.path("small/w900.log"), field.house.path("logs/w900.log")).ok()?;
    field.start();
    while field.goes_on(limits) {
        std::fs::write(field.house.path("small/ballast"), vec![0; 8_000_000]).ok();
        field.row.faults += 1;
        field.look_for(chance.millis(200, 800));
        std::fs::remove_file(field.house.path("small/ballast")).ok();
        field.look_for(chance.millis(50, 300));
    }
    Some(field)
}

/// Runs `prlimit` on `pid`.
fn limit_descriptors(pid: i32, soft: &str) -> bool {
    let words = [format!("--pid={pid}"), format!("--nofile={soft}:")];
    std::process::Command::new("prlimit").args(words).status().is_ok_and(|it| it.success())
}

fn descriptors(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised(case);
    let (keeper, daemon) = field.whole_pair();
    let usual = [(keeper, proc::soft_nofile(keeper)?), (daemon, proc::soft_nofile(daemon)?)];
    while field.goes_on(limits) {
        let (pid, usual) = chance.of(&usual)?;
        // Numbers may be free below the limit, so it is set below most of what is open.
        let few = proc::open_descriptors(*pid) * 2 / 3;
        if !limit_descriptors(*pid, &few.to_string()) {
            return None;
        }
        field.row.faults += 1;
        field.look_for(chance.millis(100, 1500));
        limit_descriptors(*pid, usual);
        let since = Instant::now();
        field.until_back(since);
    }
    Some(field)
}

fn processes(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let mut field = raised(case);
    let (keeper, _) = field.whole_pair();
    let group = std::path::Path::new("/sys/fs/cgroup/pids").join(format!("menshen-torture-{keeper}"));
    std::fs::create_dir(&group).ok()?;
    let outcome = starve(&mut field, &group, keeper, chance, limits);
    // Whoever is in there moves out, so that it can be removed.
    for pid in std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default().lines() {
        let _ = std::fs::write("/sys/fs/cgroup/pids/cgroup.procs", pid);
    }
    let _ = std::fs::remove_dir(&group);
    outcome.map(|()| field)
}

fn starve(
    field: &mut Field,
    group: &std::path::Path,
    keeper: i32,
    chance: &mut Chance,
    limits: Limits,
) -> Option<()> {
    std::fs::write(group.join("cgroup.procs"), keeper.to_string()).ok()?;
    while field.goes_on(limits) {
        std::fs::write(group.join("pids.max"), "1").ok()?;
        field.row.faults += 1;
        field.look_for(chance.millis(300, 1500));
        std::fs::write(group.join("pids.max"), "max").ok()?;
        field.look_for(chance.millis(100, 1500));
        let since = Instant::now();
        field.until_back(since);
    }
    Some(())
}
