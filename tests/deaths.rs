//! The daemon dies, and no program is left without anybody who looks after it. The original has nothing to compare
//! with here: its children become orphans.

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::wait::until;
use rustix::process::Signal;

const PROGRAMS: &str = "\
[program:cat]
command=cat
[program:stubborn]
command=/bin/sh -c 'trap \"\" TERM; echo ready; while :; do sleep 1000; done'
stopwaitsecs=1
killasgroup=true
stdout_logfile={here}/stubborn.log
";

fn guarded() -> (House, Vec<i32>) {
    let house = House::of(Make::Menshen, PROGRAMS).started();
    house.until_text("stubborn.log", "ready");
    house.until_state("stubborn", "RUNNING");
    house.until_state("cat", "RUNNING");
    let programs = ["cat", "stubborn"].map(|it| house.pid_of(it)).to_vec();
    (house, programs)
}

#[test]
fn when_the_daemon_dies_the_keeper_stops_all_as_it_was_told_to_and_ends() {
    let (mut house, programs) = guarded();
    proc::send(house.daemon_pid(), Signal::KILL);
    let status = house.until_ended();
    assert!(!status.success(), "a death is no success");
    assert!(!programs.iter().any(|pid| proc::is_alive(*pid)), "a program was left behind");
    assert!(house.text("err").contains("daemon"), "it says why: {:?}", house.text("err"));
    house.start();
    house.until_state("cat", "RUNNING");
}

#[test]
fn when_the_keeper_dies_the_daemon_does_not_go_on_without_it() {
    let (mut house, _programs) = guarded();
    let daemon = house.daemon_pid();
    house.signal(Signal::KILL);
    house.until_ended();
    until("the daemon has ended", || !proc::is_alive(daemon));
    // The programs are orphans now, as those of the original are when it dies.
    assert!(house.call("supervisor.getState", &[]).is_none());
}
