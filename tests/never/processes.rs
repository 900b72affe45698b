//! Starting, stopping and dying.

use std::process::Stdio;
use std::time::{Duration, Instant};

use e2e::house::House;
use e2e::program::Make;
use e2e::wait::{until, until_some, watch_for};
use e2e::{proc, rpc};
use rustix::process::Signal;

/// The name and one field of each process.
fn each(house: &House, field: &str) -> Vec<(String, String)> {
    let answer = house.call("supervisor.getAllProcessInfo", &[]).unwrap_or_default();
    rpc::structs(&answer).filter_map(|it| Some((rpc::member(it, "name")?, rpc::member(it, field)?))).collect()
}

#[test]
fn never_03_dies_because_of_a_child() {
    let mut house = House::new(
        "[program:parent]\ncommand=/bin/sh -c '(setsid sleep 0.1 &); (sleep 0.2 & exit 0); exec cat'\n\
         [program:crash]\ncommand=/bin/sh -c 'exit 1'\nstartsecs=0\nautorestart=true\n\
         [program:selfkill]\ncommand=/bin/sh -c 'kill -9 0'\nstartsecs=0\nstartretries=1\n\
         [program:bystander]\ncommand=cat\nstdout_logfile={here}/logs/bystander.log\n",
    );
    std::fs::create_dir(house.path("logs")).expect("cannot make the folder");
    house.start();
    house.until_state("bystander", "RUNNING");
    let (daemon, bystander) = (house.daemon_pid(), house.pid_of("bystander"));
    for _ in 0..10 {
        house.ctl(&["restart", "crash"]);
        house.ctl(&["start", "selfkill"]);
        house.ctl(&["stop", "crash"]);
        house.ctl(&["start", "crash"]);
    }
    // The folder of its log goes away under a program.
    std::fs::remove_dir_all(house.path("logs")).expect("cannot remove the folder");
    house.signal(Signal::USR2);
    house.until_logged("logreopen");
    house.ctl(&["restart", "parent"]).expect_code(0);
    assert_eq!(house.daemon_pid(), daemon, "another daemon");
    assert_eq!(house.pid_of("bystander"), bystander, "another process");
    if !Make::is_original() {
        house.ctl(&["stop", "bystander"]).expect_code(0);
        assert!(house.stopped().success());
    }
}

#[test]
fn never_04_leaves_orphans_after_a_stop() {
    let house = House::new(
        "[program:tree]\ncommand=/bin/sh tree.sh\nstopasgroup=true\nkillasgroup=true\nstopwaitsecs=1\n\
         stdout_logfile={here}/tree.log\ndirectory={here}\n",
    );
    // Two generations, one of which does not listen to reason.
    house.write(
        "tree.sh",
        "sh -c 'sleep 1000 & echo $! >>pids; trap \"\" TERM; echo $$ >>pids; echo up; while :; do wait; sleep 1; done' &\n\
         echo $$ >>pids; trap \"\" TERM; while :; do wait; sleep 1; done\n",
    );
    let house = house.started();
    house.until_text("tree.log", "up");
    house.until_state("tree", "RUNNING");
    let family = until_some("three pids are written", || {
        let pids: Vec<i32> = house.text("pids").lines().filter_map(|it| it.parse().ok()).collect();
        (pids.len() == 3).then_some(pids)
    });
    assert!(family.iter().all(|pid| proc::is_alive(*pid)));
    house.ctl(&["stop", "tree"]).expect_code(0);
    until("nobody of the group is left", || !family.iter().any(|pid| proc::is_alive(*pid)));
}

#[test]
fn never_04_leaves_programs_to_nobody_when_it_dies() {
    if Make::is_original() {
        return; // It does, and starts them a second time.
    }
    let mut house = House::new("[program:cat]\ncommand=cat\n").started();
    house.until_state("cat", "RUNNING");
    let cat = house.pid_of("cat");
    proc::send(house.daemon_pid(), Signal::KILL);
    // Either it is looked after again, or it has ended; never does it run on alone, never are there two.
    until("it is looked after, or gone", || {
        !proc::is_alive(cat) || (house.pid_of("cat") == cat && house.state("cat") == "RUNNING")
    });
    if proc::is_alive(cat) {
        house.ctl(&["stop", "cat"]).expect_code(0);
        until("it is gone", || !proc::is_alive(cat));
        assert!(house.stopped().success());
    }
}

#[test]
fn never_05_leaves_zombies_as_pid_1() {
    let mut house = House::new(
        "[program:nest]\ncommand=/bin/sh -c 'while :; do (sleep 0.01 & exec true); (setsid sh -c \"sleep 0.02 &\"); \
         echo round; sleep 0.05; done'\nstdout_logfile={here}/nest.log\n",
    );
    let root = rustix::process::getuid().is_root();
    let flags = if root { "-pf" } else { "-Urpf" };
    let probe = std::process::Command::new("unshare").args([flags, "--mount-proc", "true"]).status();
    if !probe.is_ok_and(|it| it.success()) {
        eprintln!("NOT TESTED: this user may make no pid namespace");
        return;
    }
    let mut outer = house.command_through(&["unshare", flags, "--mount-proc", "--kill-child"], "supervisord");
    outer.args(["-n", "-c", "supervisord.conf"]);
    house.start_command(&mut outer);
    house.until_answering();
    until("many orphans have come and gone", || house.text("nest.log").lines().count() > 30);
    let zombies = || {
        let all = proc::descendants(house.pid());
        all.into_iter().filter(|pid| proc::state(*pid) == Some('Z')).collect::<Vec<_>>()
    };
    // One that has just died is no complaint; one that stays is.
    let seen = zombies();
    until("those that were dead have been reaped", || !zombies().iter().any(|it| seen.contains(it)));
    assert!(!house.log().contains("reaped unknown pid"), "it talks about strangers: {}", house.log());
    house.ctl(&["shutdown"]).expect_code(0);
    house.until_ended();
}

#[test]
fn never_13_restarts_without_pause() {
    let house = House::new(
        "[program:mad]\ncommand=/bin/sh -c 'echo x >> {here}/starts'\nstartsecs=0\nautorestart=true\n",
    )
    .started();
    house.until_text("starts", "x\nx\n");
    let (before, began) = (house.text("starts").lines().count(), Instant::now());
    // The truth is that little happens, so there is nothing to wait for.
    watch_for(Duration::from_secs(4));
    let starts = house.text("starts").lines().count() - before;
    // One for each second that has passed, and one more at an end of the window.
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("a few");
    assert!(starts <= seconds + 1, "{starts} starts within {seconds} seconds");
    assert!(starts >= 1, "and it is not given up");
}

#[test]
fn never_14_stays_in_a_state_for_ever() {
    let house = House::new(
        // Ignores everything; is frozen; leaves a grandchild that holds its output; never comes up.
        "[program:deaf]\ncommand=/bin/sh -c 'trap \"\" TERM INT HUP QUIT; echo up; while :; do sleep 1000; done'\n\
         stopwaitsecs=1\nstdout_logfile={here}/deaf.log\n\
         [program:frozen]\ncommand=cat\nstopwaitsecs=1\n\
         [program:heir]\ncommand=/bin/sh -c 'sleep 1000 & exit 0'\nstartsecs=0\nautorestart=false\n\
         [program:flapping]\ncommand=/bin/sh -c 'exit 1'\nstartretries=1000\n\
         [program:slow]\ncommand=cat\nstartsecs=1000\n",
    )
    .started();
    house.until_text("deaf.log", "up");
    house.until_state("deaf", "RUNNING");
    house.until_state("frozen", "RUNNING");
    proc::send(house.pid_of("frozen"), Signal::STOP);
    house.until_state("heir", "EXITED");
    house.until_state("flapping", "BACKOFF");
    assert_eq!(house.state("slow"), "STARTING");
    // Twice, by two clients at once, and once more while it is being stopped.
    for name in ["deaf", "frozen", "flapping", "slow"] {
        house.order("supervisor.stopProcess", name);
        let mut second = house.command("supervisorctl");
        second.args(["-c", "supervisord.conf", "stop", name]).stdout(Stdio::null());
        let mut second = second.spawn().expect("cannot run supervisorctl");
        house.until_state(name, "STOPPED");
        until("the second is answered", || second.try_wait().expect("it is our child").is_some());
    }
}

/// Programs that need far more descriptors than a process gets by default.
const CROWD: usize = 300;

#[test]
fn never_16_falls_off_at_1024_descriptors() {
    let mut house = House::new(&format!(
        "[program:crowd]\ncommand=/bin/sh -c 'ulimit -n > {{here}}/limit; exec sleep 100000'\nnumprocs={CROWD}\n\
         process_name=c%(process_num)03d\nstartsecs=0\n"
    ));
    // What most machines give: 1024, and the right to more.
    let mut command = house.command_through(&["prlimit", "--nofile=1024:4096"], "supervisord");
    command.args(["-n", "-c", "supervisord.conf"]);
    house.start_command(&mut command);
    house.until_answering();
    until("all run", || each(&house, "statename").iter().filter(|(_, it)| it == "RUNNING").count() == CROWD);
    // Each of them writes it anew, so that a look may find the file empty.
    until("programs get the limit that was there", || house.text("limit").trim() == "1024");
    house.ctl(&["stop", "all"]).expect_code(0);
    assert!(
        !house.log().contains("EMFILE") && !house.log().contains("oo many open files"),
        "{}",
        house.log()
    );
    assert!(house.stopped().success());
}

#[test]
fn never_17_stops_one_after_the_other() {
    // Each says that it was asked, and goes when it is told that all were: whoever stops one after the other has to
    // kill the first, since it never goes.
    let many = 40;
    let house = House::new(&format!(
        "[program:slow]\ncommand=/bin/sh slow.sh %(process_num)d\ndirectory={{here}}\nnumprocs={many}\n\
         process_name=s%(process_num)d\nstopwaitsecs=30\nstartsecs=0\n"
    ));
    house.write(
        "slow.sh",
        "trap 'echo x >asked.$1; while [ ! -e go ]; do sleep 0.1; done; exit 0' TERM\n\
         echo x >up.$1; while :; do sleep 0.1; done\n",
    );
    let house = house.started();
    until("all are up", || (0..many).all(|it| house.path(&format!("up.{it}")).exists()));
    let mut stop = house.command("supervisorctl");
    let mut stop =
        stop.args(["-c", "supervisord.conf", "stop", "all"]).spawn().expect("cannot run supervisorctl");
    until("all were asked", || (0..many).all(|it| house.path(&format!("asked.{it}")).exists()));
    house.write("go", "now\n");
    until("the stop has ended", || stop.try_wait().expect("it is our child").is_some());
    assert!(each(&house, "statename").iter().all(|(_, it)| it == "STOPPED"));
    assert!(!house.log().contains("SIGKILL"), "{}", house.log());
}
