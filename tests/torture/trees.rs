//! The case of programs whose children hide: after a stop nobody of theirs is left, whoever has died meanwhile.
#![expect(
    clippy::unnecessary_wraps,
    reason = "all cases have one signature, and some are refused by the machine"
)]

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::proc;
use rustix::process::Signal;

use crate::cases::{Case, Limits};
use crate::chance::Chance;
use crate::field::Field;

/// How many such programs there are.
const TREES: u64 = 6;

/// What the children of one do to get away.
const KINDS: [&str; 4] = ["stubborn", "session", "orphan", "forker"];

/// The branch of a tree, by what it does.
pub(crate) fn grow(slot: &str, kind: &str) -> io::Result<u8> {
    match kind {
        "all" => {
            KINDS.iter().try_for_each(|it| branch(slot, it).map(drop))?;
            rest()
        }
        // Ignores what asks it to stop, as do all that come from it.
        "stubborn" => {
            let own = std::env::current_exe()?;
            let script = "trap '' TERM; exec \"$0\" \"$@\"";
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]).arg(own).args(["play", "branch", slot, "rest"]);
            Err(std::os::unix::process::CommandExt::exec(&mut command))
        }
        "session" => {
            rustix::process::setsid()?;
            branch(slot, "rest")?.wait()?;
            Ok(0)
        }
        // Leaves a grandchild behind that nobody is the parent of any more.
        "orphan" => {
            rustix::process::setsid()?;
            branch(slot, "stubborn")?;
            Ok(0)
        }
        "forker" => loop {
            branch(slot, "brief")?.wait()?;
        },
        "brief" => {
            std::thread::sleep(Duration::from_millis(20));
            Ok(0)
        }
        _ => rest(),
    }
}

fn rest() -> ! {
    loop {
        std::thread::park();
    }
}

fn branch(slot: &str, kind: &str) -> io::Result<std::process::Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["play", "branch", slot, kind]).stdin(Stdio::null()).spawn()
}

fn sections() -> String {
    let exe = std::env::current_exe().expect("a program knows its file");
    format!(
        "[program:tree]\ncommand={} play tree t%(process_num)03d\ndirectory={{here}}\nnumprocs={TREES}\n\
         process_name=t%(process_num)03d\nautorestart=true\nstartsecs=0\nstopastree=true\nstopwaitsecs=1\n\
         stdout_logfile=NONE\nstderr_logfile=NONE\n",
        exe.display()
    )
}

/// Everybody of a tree who lives.
fn members(slot: &str, here: &str) -> Vec<i32> {
    let is_of = |pid: i32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = words.split(|it| *it == 0);
        words.any(|it| it == b"play") && words.any(|it| it == slot.as_bytes())
    };
    proc::marked(here).into_iter().filter(|it| is_of(*it) && proc::is_alive(*it)).collect()
}

pub(crate) fn trees(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Field> {
    let wish = ["auto", "off"][usize::from(chance.one_in(2))];
    let mut field = Field::new(case.name, case.load, &sections());
    field.configure(&format!("cgroups={wish}\n"));
    field.start_hurried();
    while field.goes_on(limits) {
        let slot = format!("t{:03}", chance.below(TREES));
        field.look_for(chance.millis(20, 300));
        let (keeper, daemon) = field.whole_pair();
        let since = Instant::now();
        match chance.below(4) {
            0 => proc::send(daemon, Signal::KILL),
            1 => {
                field.row.excused += 1;
                proc::send(keeper, Signal::KILL);
            }
            _ => {}
        }
        field.until_back(since);
        let answer = field.house.ctl(&["stop", &format!("tree:{slot}")]);
        let left = members(&slot, &field.house.here());
        let is_stopped = field.house.state(&format!("tree:{slot}")) == "STOPPED";
        let unnamed = left.iter().filter(|pid| !answer.all().contains(&pid.to_string())).count();
        if is_stopped && unnamed > 0 {
            field.row.survivors += unnamed;
            field.complain(format!("{left:?} of {slot} are left (cgroups={wish}): {answer:?}"));
        }
        if !is_stopped {
            field.complain(format!("{slot} was not stopped: {answer:?}"));
        }
        field.ctl(&["start", &format!("tree:{slot}")]);
        field.row.faults += 1;
    }
    Some(field)
}
