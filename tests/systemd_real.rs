//! The unit as it is shipped, under the real systemd, whoever dies.

use std::collections::BTreeSet;

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::systemd::Systemd;
use e2e::wait::{until, until_some};
use rustix::process::Signal;

const PROGRAMS: &str = "\
[program:cat]
command=cat
startsecs=0
[program:tree]
command=sh -c 'sleep 1000 & exec sleep 1000'
stopastree=true
startsecs=0
";

/// The house and its systemd, the unit being active; or why that cannot be. The systemd stands first, so that it ends first.
fn active(sections: &str) -> Result<(Systemd, House), String> {
    let house = House::of(Make::Menshen, sections);
    let systemd = Systemd::booted(&house)?;
    systemd.ctl(&["start", "menshen"]).expect_code(0);
    Ok((systemd, house))
}

/// The processes of the house that call themselves so, by the numbers they have outside.
fn called(house: &House, name: &str) -> Vec<i32> {
    let marked = proc::marked(&house.here()).into_iter();
    marked.filter(|it| proc::is_alive(*it) && proc::called(*it).as_deref() == Some(name)).collect()
}

/// The programs of the house, by the numbers they have outside, when there are so many.
#[track_caller]
fn programs(house: &House, count: usize) -> BTreeSet<i32> {
    until_some("every program has become what it is", || {
        let found: BTreeSet<i32> = ["cat", "sleep"].iter().flat_map(|it| called(house, it)).collect();
        (found.len() == count).then_some(found)
    })
}

fn kill(pids: &[i32]) {
    assert!(!pids.is_empty());
    for pid in pids {
        proc::send(*pid, Signal::KILL);
    }
    until("they are dead", || pids.iter().all(|it| !proc::is_alive(*it)));
}

/// Waits until systemd's main process is a keeper with a daemon that answers, after so many starts by itself.
fn until_whole(systemd: &Systemd, house: &House, restarts: &str) {
    until("the unit is active", || {
        systemd.shows("NRestarts") == restarts && systemd.shows("ActiveState") == "active"
    });
    until("its main process is the keeper", || house.text("pid").trim() == systemd.shows("MainPID"));
    until("the daemon answers", || house.state("cat") == "RUNNING" && house.state("tree") == "RUNNING");
    assert_eq!(systemd.shows("NRestarts"), restarts);
}

#[test]
fn a_unit_is_active_when_the_daemon_answers_and_leaves_nothing_when_it_is_stopped() {
    let (systemd, house) = match active(PROGRAMS) {
        Ok(booted) => booted,
        Err(reason) => return eprintln!("NOT TESTED: {reason}"),
    };
    let first = house.state("cat");
    assert!(
        ["STARTING", "RUNNING"].contains(&&*first),
        "who waits for the unit waits for the daemon: {first:?}"
    );
    until("the programs run", || house.state("cat") == "RUNNING" && house.state("tree") == "RUNNING");
    let wanted = [
        ("Type", "notify"),
        ("ActiveState", "active"),
        ("KillMode", "process"),
        ("OOMPolicy", "continue"),
        ("Delegate", "yes"),
        ("StatusText", "the daemon is up"),
    ];
    for (property, value) in wanted {
        assert_eq!(systemd.shows(property), value, "{property}");
    }
    let own_group = || systemd.groups().iter().any(|it| it.starts_with("menshen-"));
    assert!(own_group(), "the program with `stopastree` has a control group: {}", house.log());
    systemd.ctl(&["stop", "menshen"]).expect_code(0);
    assert_eq!(proc::marked(&house.here()), []);
    assert_eq!(systemd.shows("ActiveState"), "inactive");
    assert_eq!(systemd.shows("Result"), "success");
    assert!(!house.path("run").exists() && !house.path("s.sock").exists() && !house.path("pid").exists());
}

#[test]
fn a_reload_of_the_unit_changes_what_changed_and_touches_nothing_else() {
    let (systemd, house) = match active(PROGRAMS) {
        Ok(booted) => booted,
        Err(reason) => return eprintln!("NOT TESTED: {reason}"),
    };
    let before = programs(&house, 3);
    house.configure(&format!("{PROGRAMS}[program:new]\ncommand=cat\nstartsecs=0\n"));
    systemd.ctl(&["reload", "menshen"]).expect_code(0);
    house.until_state("new", "RUNNING");
    let after = programs(&house, 4);
    assert!(after.is_superset(&before), "{before:?} {after:?}");
    // With a mistake, the order fails and all runs on.
    house.configure("[program:cat]\ncommand=cat\nnumprocs=many\n");
    assert_ne!(systemd.ctl(&["reload", "menshen"]).code, 0);
    assert_eq!(systemd.shows("ActiveState"), "active");
    assert_eq!(programs(&house, 4), after);
}

#[test]
fn programs_of_the_unit_outlive_every_death_and_an_upgrade() {
    let (systemd, house) = match active(PROGRAMS) {
        Ok(booted) => booted,
        Err(reason) => return eprintln!("NOT TESTED: {reason}"),
    };
    let before = programs(&house, 3);
    let (keeper, daemon) = ("menshen-keeper", "menshen-daemon");

    kill(&called(&house, daemon));
    until_whole(&systemd, &house, "0");
    kill(&called(&house, keeper));
    until_whole(&systemd, &house, "1");
    // Their daemon first: the keeper is to have no moment for another.
    until_some("each is there once", || {
        let pair = [called(&house, keeper), called(&house, daemon)].concat();
        <[i32; 2]>::try_from(pair).ok().inspect(|pair| {
            proc::send(pair[0], Signal::STOP);
            kill(&[pair[1], pair[0]]);
        })
    });
    until_whole(&systemd, &house, "2");
    let main = systemd.shows("MainPID");
    house.command("menshen").args(["-c", "supervisord.conf", "upgrade"]).status().expect("it runs");
    until_whole(&systemd, &house, "2");
    assert_eq!((main, programs(&house, 3)), (systemd.shows("MainPID"), before), "{}", house.log());

    // None of them is a child of this keeper, and a stop is a stop all the same.
    systemd.ctl(&["stop", "menshen"]).expect_code(0);
    assert_eq!(proc::marked(&house.here()), []);
}

#[test]
fn an_orderly_end_is_not_answered_by_a_start_nor_a_mistake_by_silence() {
    let (systemd, house) = match active(PROGRAMS) {
        Ok(booted) => booted,
        Err(reason) => return eprintln!("NOT TESTED: {reason}"),
    };
    house.command("menshen").args(["-c", "supervisord.conf", "shutdown"]).status().expect("it runs");
    until("the unit has ended", || systemd.shows("ActiveState") == "inactive");
    assert_eq!((systemd.shows("Result"), systemd.shows("NRestarts")), ("success".into(), "0".into()));
    assert_eq!(proc::marked(&house.here()), []);
    house.configure("[program:cat]\ncommand=cat\nnumprocs=many\n");
    assert_ne!(systemd.ctl(&["start", "menshen"]).code, 0);
}
