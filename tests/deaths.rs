//! The daemon dies, and the house stays guarded. The original has nothing to compare with here: its children become
//! orphans.

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::wait::{until, until_some};
use rustix::process::Signal;

/// A program that counts, a hundred times a second, so that a lost or doubled line shows.
const COUNTER: &str =
    "import itertools, time\nfor n in itertools.count():\n    print(n, flush=True)\n    time.sleep(0.01)\n";

fn counting() -> House {
    let house = House::of(
        Make::Menshen,
        "[program:counter]\ncommand=python3 counter.py\ndirectory={here}\nstdout_logfile={here}/counter.log\n\
         [program:cat]\ncommand=cat\n[program:stopped]\ncommand=cat\n",
    );
    house.write("counter.py", COUNTER);
    let house = house.started();
    for process in ["counter", "cat", "stopped"] {
        house.until_state(process, "RUNNING");
    }
    house.ctl(&["stop", "stopped"]).expect_code(0);
    house
}

/// Kills the daemon and waits until another one answers in its place.
fn daemon_dies(house: &House) {
    let old = house.daemon_pid();
    proc::send(old, Signal::KILL);
    until("there is a new daemon", || house.daemon_pid() != old);
    until("it answers", || house.state("cat") == "RUNNING");
}

#[test]
fn programs_outlive_the_daemon_and_are_taken_over() {
    let house = counting();
    let facts = |field: &str| [house.info("counter", field), house.info("cat", field)];
    let (pids, starts) = (facts("pid"), facts("start"));
    for _ in 0..3 {
        daemon_dies(&house);
        assert_eq!(facts("pid"), pids, "another pid after the daemon's death");
        assert_eq!(facts("start"), starts, "another uptime after the daemon's death");
        assert_eq!(house.state("stopped"), "STOPPED", "what a person has stopped stays stopped");
    }
    let before = house.text("counter.log").lines().count();
    until("the log grows again", || house.text("counter.log").lines().count() > before + 20);
    let text = house.text("counter.log");
    let whole = &text[..=text.rfind('\n').expect("it has lines")];
    for (number, line) in whole.lines().enumerate() {
        assert_eq!(line, number.to_string(), "a line was lost or doubled");
    }
    assert_eq!(house.ctl(&["stop", "all"]).expect_code(0).out.lines().count(), 2);
}

#[test]
fn what_ended_while_nobody_looked_is_told_once() {
    let house = counting();
    let (daemon, cat) = (house.daemon_pid(), house.pid_of("cat"));
    // A daemon that is stopped cannot look; it dies before it could.
    proc::send(daemon, Signal::STOP);
    until("the daemon stands still", || proc::state(daemon) == Some('T'));
    proc::send(cat, Signal::KILL);
    until("the keeper has reaped the program", || proc::state(cat).is_none());
    proc::send(daemon, Signal::KILL);
    house.until_reborn("cat", cat);
    assert_eq!(
        house.log().matches("exited: cat (terminated by SIGKILL; not expected)").count(),
        1,
        "{}",
        house.log()
    );
}

#[test]
fn clients_see_a_pause_and_not_a_refusal() {
    let house = counting();
    let daemon = house.daemon_pid();
    let socket = house.path("s.sock");
    proc::send(daemon, Signal::STOP);
    proc::send(daemon, Signal::KILL);
    // The listening socket lives in the keeper, so a connection waits for the next daemon.
    let refused = std::os::unix::net::UnixStream::connect(socket).is_err();
    assert!(!refused, "the connection was refused");
    until("it answers", || house.state("cat") == "RUNNING");
}

#[test]
fn a_stop_in_progress_is_finished_by_the_next_daemon() {
    let house = House::of(
        Make::Menshen,
        "[program:stubborn]\ncommand=/bin/sh -c 'trap \"\" TERM; echo ready; while :; do sleep 1000; done'\n\
         stopwaitsecs=2\nkillasgroup=true\nstdout_logfile={here}/stubborn.log\n",
    )
    .started();
    house.until_text("stubborn.log", "ready");
    house.until_state("stubborn", "RUNNING");
    let pid = house.pid_of("stubborn");
    let answer = house.call("supervisor.stopProcess", &["stubborn"]);
    // Strings as parameters are true: this waits, so it was asked to wait no longer than the stop takes.
    assert!(answer.is_some());
    until("it is gone", || !proc::is_alive(pid));

    house.ctl(&["start", "stubborn"]).expect_code(0);
    let pid = house.pid_of("stubborn");
    let ctl = house.command("supervisorctl").args(["-c", "supervisord.conf", "stop", "stubborn"]).spawn();
    let mut ctl = ctl.expect("cannot run supervisorctl");
    house.until_state("stubborn", "STOPPING");
    proc::send(house.daemon_pid(), Signal::KILL);
    until("it is gone all the same", || !proc::is_alive(pid));
    house.until_state("stubborn", "STOPPED");
    until_some("the client is told something", || ctl.try_wait().expect("it is our child"));
}
