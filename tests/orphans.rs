//! `orphans=kill`: when a guard dies, no program runs on. (That they run on otherwise is in `outlive.rs`.)

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
    let house = House::of(Make::Menshen, PROGRAMS);
    house.configure_daemon("orphans=kill\nruntime_directory={here}/run\n");
    let house = house.started();
    house.until_text("stubborn.log", "ready");
    house.until_state("stubborn", "RUNNING");
    house.until_state("cat", "RUNNING");
    let programs = ["cat", "stubborn"].map(|it| house.pid_of(it)).to_vec();
    (house, programs)
}

#[test]
fn when_the_daemon_dies_each_program_is_stopped_as_its_section_says() {
    let (mut house, programs) = guarded();
    proc::send(house.daemon_pid(), Signal::KILL);
    let status = house.until_ended();
    assert!(!status.success(), "a death is no success");
    assert!(!programs.iter().any(|pid| proc::is_alive(*pid)), "a program was left behind");
    assert!(house.text("err").contains("daemon"), "it says why: {:?}", house.text("err"));
    house.start();
    house.until_state("cat", "RUNNING");
    assert!(house.stopped().success());
}

#[test]
fn when_the_keeper_dies_each_program_dies_with_it() {
    let (mut house, programs) = guarded();
    let daemon = house.daemon_pid();
    house.signal(Signal::KILL);
    house.until_ended();
    until("no program is left", || !programs.iter().any(|pid| proc::is_alive(*pid)));
    until("the daemon has ended", || !proc::is_alive(daemon));
    house.until_logged("the keeper is dead, and every program with it (orphans=kill)");
    house.start();
    house.until_state("cat", "RUNNING");
    assert!(house.stopped().success());
}

#[test]
fn what_is_neither_is_told_with_its_place() {
    let house = House::of(Make::Menshen, PROGRAMS);
    house.configure_daemon("orphans=perhaps\n");
    let said = house.command("menshen").args(["-c", "supervisord.conf", "check"]).output();
    e2e::said::Said::from(said.expect("cannot run menshen")).expect_code(2).expect_complaint(&[
        "supervisord.conf:5:9",
        "`perhaps`",
        "write `adopt` or `kill`",
    ]);
}
