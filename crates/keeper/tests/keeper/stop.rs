//! Stop means stop.

use std::fs::File;

use os::errno::EBUSY;
use wire::keeper::{Order, Report, Scope, SpawnOrder, SpawnStage, Will};

use crate::pair::{Pair, order, read_until, shell, until_state};

/// A child with a child of its own; returns the pids of both once they are that far.
fn family(pair: &mut Pair, spawn: SpawnOrder) -> (u32, u32) {
    let mut born = pair.spawn(spawn);
    let out = File::from(born.fds.pop().unwrap());
    (born.pid, read_until(&out, |it| it.ends_with('\n')).trim().parse().unwrap())
}

/// The child obeys, its own child does not.
const STUBBORN: &str = "(trap '' TERM; echo $$ > /dev/null; exec sleep 1000) & sleep 0; echo $!; wait";

/// Waits until a process ignores `SIGTERM`.
fn until_stubborn(pid: u32) {
    let ignores = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let mask = status.lines().find_map(|it| it.strip_prefix("SigIgn:\t")).unwrap();
        u64::from_str_radix(mask, 16).unwrap() & (1 << 14) != 0
    };
    while !ignores() {
        std::thread::yield_now();
    }
}

fn lives(pid: u32) -> bool {
    os::procfs::stat(pid).is_ok_and(|it| !it.is_zombie)
}

#[test]
fn a_child_has_not_ended_before_its_group_has() {
    let mut pair = Pair::new();
    let (pid, grandchild) = family(&mut pair, shell(1, STUBBORN));
    until_stubborn(grandchild);
    pair.order(&Order::Signal { child: 1, signal: 15, scope: Scope::Group });
    pair.until(|| !lives(pid));
    pair.turn(); // And no word of an end.
    assert!(lives(grandchild));
    pair.order(&Order::Spawn(SpawnOrder { child: 2, ..shell(1, "true") }));
    assert_eq!(pair.hear(), Report::SpawnFailed { child: 2, stage: SpawnStage::Slot, errno: EBUSY });
    pair.order(&Order::Forget { child: 1 });
    pair.order(&Order::List);
    assert!(!pair.listed().0.ended);
    assert_eq!(pair.hear(), Report::ListEnd { count: 1 });

    pair.order(&Order::Signal { child: 1, signal: 9, scope: Scope::Group });
    assert_eq!(pair.end(1), (15, None), "as it ended itself");
    assert!(!lives(grandchild));
    pair.order(&Order::Forget { child: 1 });
    pair.order(&Order::Spawn(SpawnOrder { child: 2, ..shell(1, "true") }));
    assert!(matches!(pair.hear_with_fds().0, Report::Spawned { child: 2, .. }));
}

#[test]
fn who_goes_by_himself_holds_nothing_up_for_long() {
    let mut pair = Pair::new();
    let script =
        "(trap 'sleep 0.2; exit' TERM; echo $$ > /dev/null; while :; do sleep 0.01; done) & echo $!; wait";
    let (_, grandchild) = family(&mut pair, shell(1, script));
    pair.order(&Order::Signal { child: 1, signal: 15, scope: Scope::Group });
    assert_eq!(pair.end(1), (15, None));
    assert!(!lives(grandchild), "it had its time");
}

#[test]
fn a_stop_of_the_child_alone_is_none_of_its_group() {
    let mut pair = Pair::new();
    let (_, grandchild) = family(&mut pair, shell(1, STUBBORN));
    pair.order(&Order::Signal { child: 1, signal: 15, scope: Scope::Process });
    assert_eq!(pair.end(1), (15, None));
    assert!(lives(grandchild));
    os::signals::send(grandchild, 9).unwrap();
}

#[test]
fn a_tree_has_no_way_out_by_leaving_the_group() {
    let mut pair = Pair::new();
    let (pid, grandchild) = family(&mut pair, shell(1, "setsid sh -c 'sleep 1000 & echo $!; wait' & wait"));
    let stat = os::procfs::stat(grandchild).unwrap();
    assert!(stat.group != pid && stat.session != pid);
    pair.order(&Order::Signal { child: 1, signal: 9, scope: Scope::Tree });
    assert_eq!(pair.end(1), (9, None));
    assert!(!lives(grandchild) && !lives(stat.group));
}

#[test]
fn nothing_of_a_group_is_left_when_the_house_is_closed() {
    let mut pair = Pair::new();
    let will =
        Will { wait_ms: 100, stop_scope: Scope::Group, kill_scope: Scope::Group, ..order(1, &["x"]).will };
    let (_, grandchild) = family(&mut pair, SpawnOrder { will, ..shell(1, STUBBORN) });
    until_stubborn(grandchild);
    pair.order(&Order::Leave { grace_ms: 60_000 });
    pair.drop_link();
    pair.daemon_exits(0);
    assert_eq!(pair.ended().code, Some(0));
    assert!(!lives(grandchild));
}

#[test]
fn whoever_survives_being_killed_is_named() {
    // What is frozen by the old freezer cannot even die.
    let folder = std::path::PathBuf::from(format!("/sys/fs/cgroup/freezer/keeper-{}", std::process::id()));
    if std::fs::create_dir(&folder).is_err() {
        return;
    }
    let mut pair = Pair::new();
    let (pid, grandchild) = family(&mut pair, shell(1, STUBBORN));
    std::fs::write(folder.join("cgroup.procs"), grandchild.to_string()).unwrap();
    std::fs::write(folder.join("freezer.state"), "FROZEN").unwrap();
    until_state(grandchild, "D");
    pair.order(&Order::Signal { child: 1, signal: 9, scope: Scope::Group });
    let report = pair.hear();
    std::fs::write(folder.join("freezer.state"), "THAWED").unwrap();
    assert_eq!(report, Report::Survivors { child: 1, pids: vec![grandchild] });
    assert_eq!(pair.end(1), (9, None));
    pair.until(|| !lives(grandchild) && !lives(pid));
    pair.until_stderr_has(&format!("a:1 has ended, but not even SIGKILL ends {grandchild}"));
    std::fs::remove_dir(&folder).unwrap();
}
