//! A thousand processes are no special case.

use std::collections::BTreeSet;

use e2e::house::House;
use e2e::program::Make;
use e2e::wait::until;
use e2e::{proc, rpc};

const COUNT: usize = 1000;

/// Name, state and pid of every process.
fn all(house: &House) -> Vec<(String, String, i32)> {
    let answer = house.call("supervisor.getAllProcessInfo", &[]).unwrap_or_default();
    let of = |it: &str| {
        let pid = rpc::member(it, "pid")?.parse().ok()?;
        Some((rpc::member(it, "name")?, rpc::member(it, "statename")?, pid))
    };
    rpc::structs(&answer).filter_map(of).collect()
}

fn until_all(house: &House, state: &str) -> BTreeSet<i32> {
    until(&format!("all are {state}"), || {
        let all = all(house);
        all.len() == COUNT && all.iter().all(|(_, it, _)| it == state)
    });
    all(house).into_iter().map(|(_, _, pid)| pid).collect()
}

/// How many descriptors a process holds, without log files: those are opened and closed as it likes.
fn held(pid: i32) -> usize {
    proc::descriptor_targets(pid).iter().filter(|it| !it.contains(".log")).count()
}

#[test]
fn a_thousand_processes_start_answer_restart_and_stop() {
    if Make::is_original() {
        return; // It needs another minfds, and minutes.
    }
    let mut house = House::new(&format!(
        "[program:many]\ncommand=sleep 100000\nnumprocs={COUNT}\nprocess_name=%(program_name)s_%(process_num)04d\n"
    ))
    .started();
    let first = until_all(&house, "RUNNING");
    assert_eq!(first.len(), COUNT, "each has a pid of its own");

    let status = house.ctl(&["status"]).expect_code(0).out;
    assert_eq!(status.lines().filter(|line| line.contains("RUNNING   pid ")).count(), COUNT);

    let pair = [house.pid(), house.daemon_pid()];
    // The connection of the last call is closed a moment after its answer.
    let mut before = [0, 0];
    until("the descriptors have settled", || {
        let now = pair.map(held);
        std::mem::replace(&mut before, now) == now
    });

    let restarted = house.ctl(&["restart", "all"]).expect_code(0).out;
    assert_eq!(restarted.lines().filter(|line| line.ends_with(": stopped")).count(), COUNT);
    assert_eq!(restarted.lines().filter(|line| line.ends_with(": started")).count(), COUNT);
    let second = until_all(&house, "RUNNING");
    assert!(first.is_disjoint(&second), "some were not restarted");
    until(&format!("the keeper and the daemon have {before:?} descriptors again"), || {
        pair.map(held) == before
    });

    let stopped = house.ctl(&["stop", "all"]).expect_code(0).out;
    assert_eq!(stopped.lines().filter(|line| line.ends_with(": stopped")).count(), COUNT);
    until_all(&house, "STOPPED");
    assert!(!second.iter().any(|pid| proc::is_alive(*pid)), "some live on");
    let log = house.log();
    for trouble in ["too many open files", "EMFILE", "panic", "CRIT uncaptured"] {
        assert!(!log.contains(trouble), "{trouble}");
    }
    assert_eq!(log.matches("spawned: ").count(), 2 * COUNT);
    assert!(house.stopped().success());
}
