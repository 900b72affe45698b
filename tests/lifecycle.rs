//! The life of a process, and of the supervisor itself, as seen from outside.

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::wait::{until, until_some};
use rustix::process::Signal;

/// A shell that ignores SIGTERM. It says so, because a signal may come before the trap is set.
const STUBBORN: &str = "/bin/sh -c 'trap \"\" TERM; echo ready; while :; do sleep 1000; done'";

#[test]
fn a_process_moves_through_its_states_as_ctl_tells_it() {
    let house = House::new("[program:cat]\ncommand=cat\nautostart=false\nstartsecs=1\n").started();
    assert!(house.ctl(&["status"]).expect_code(3).out.contains("STOPPED   Not started"));
    assert_eq!(house.ctl(&["start", "cat"]).expect_code(0).out, "cat: started\n");
    let status = house.ctl(&["status", "cat"]).expect_code(0).out;
    assert!(status.contains(&format!("RUNNING   pid {}, uptime 0:00:0", house.pid_of("cat"))), "{status}");
    assert_eq!(house.ctl(&["start", "cat"]).expect_code(0).out, "cat: ERROR (already started)\n");
    assert_eq!(house.ctl(&["stop", "cat"]).expect_code(0).out, "cat: stopped\n");
    assert_eq!(house.state("cat"), "STOPPED");
    assert_eq!(house.ctl(&["stop", "cat"]).expect_code(0).out, "cat: ERROR (not running)\n");
}

#[test]
fn a_killed_process_is_started_again_under_a_new_pid() {
    let house = House::new("[program:cat]\ncommand=cat\nautorestart=true\n").started();
    house.until_state("cat", "RUNNING");
    let old = house.pid_of("cat");
    proc::send(old, Signal::KILL);
    house.until_reborn("cat", old);
    house.until_logged("exited: cat (terminated by SIGKILL; not expected)");
}

#[test]
fn an_expected_exit_is_final_and_an_unexpected_one_is_not() {
    let house = House::new(
        "[program:once]\ncommand=/bin/sh -c 'echo x >> once; exit 3'\nexitcodes=3\nstartsecs=0\n\
         [program:again]\ncommand=/bin/sh -c 'echo x >> again; exit 4'\nexitcodes=3\nstartsecs=0\n",
    )
    .started();
    house.until_state("once", "EXITED");
    until("the unexpected exit was answered by new starts", || house.text("again").lines().count() > 2);
    assert_eq!(house.text("once"), "x\n");
    assert_eq!(house.info("once", "exitstatus").as_deref(), Some("3"));
}

#[test]
fn a_program_that_dies_at_once_is_given_up_after_its_retries() {
    // The original may take a child that exits at once for running, and then restarts it for ever; one that lives
    // a moment is judged alike by both.
    let house = House::new(
        "[program:brief]\ncommand=/bin/sh -c 'echo x >> tries; sleep 0.2; exit 1'\nstartretries=2\nstartsecs=3\n",
    )
    .started();
    house.until_state("brief", "FATAL");
    assert_eq!(house.text("tries"), "x\nx\nx\n", "startretries=2 means three starts");
    house.until_logged("gave up: brief entered FATAL state, too many start retries too quickly");
    let status = house.ctl(&["status"]).expect_code(3).out;
    assert!(status.contains("FATAL     Exited too quickly (process log may have details)"), "{status}");
}

#[test]
fn a_process_that_ignores_its_stop_signal_is_killed_in_the_end() {
    let house = House::new(&format!(
        "[program:stubborn]\ncommand={STUBBORN}\nstopwaitsecs=1\nkillasgroup=true\nstdout_logfile={{here}}/stubborn.log\n"
    ))
    .started();
    house.until_text("stubborn.log", "ready");
    house.until_state("stubborn", "RUNNING");
    assert_eq!(house.ctl(&["stop", "stubborn"]).expect_code(0).out, "stubborn: stopped\n");
    let log = house.log();
    assert!(log.contains("with SIGKILL"), "{log}");
    assert!(log.contains("stopped: stubborn (terminated by SIGKILL)"), "{log}");
}

/// A shell with one child; both pids are written down.
const FAMILY: &str = "/bin/sh -c 'sleep 1000 & echo $! > {here}/child; echo up; wait'";

fn family(options: &str) -> (House, i32) {
    let house = House::new(&format!(
        "[program:family]\ncommand={FAMILY}\nstopwaitsecs=30\nstdout_logfile={{here}}/family.log\n{options}\n"
    ))
    .started();
    house.until_text("family.log", "up");
    house.until_state("family", "RUNNING");
    let child = until_some("the child's pid is written", || house.text("child").trim().parse().ok());
    assert!(proc::is_alive(child));
    (house, child)
}

#[test]
fn stopasgroup_reaches_the_children_too() {
    let (house, child) = family("stopasgroup=true");
    house.ctl(&["stop", "family"]).expect_code(0);
    until("the child is gone", || !proc::is_alive(child));
    assert!(!house.log().contains("SIGKILL"), "{}", house.log());
}

#[test]
fn without_it_the_children_of_a_stopped_shell_live_on() {
    let (house, child) = family("");
    house.ctl(&["stop", "family"]).expect_code(0);
    assert!(proc::is_alive(child));
}

#[test]
fn killasgroup_kills_the_children_of_a_stubborn_process() {
    let house = House::new(
        "[program:stubborn]\ncommand=/bin/sh -c 'trap \"\" TERM; sleep 1000 & echo $! > {here}/child; echo up; \
         while :; do wait; done'\nstopwaitsecs=1\nkillasgroup=true\nstdout_logfile={here}/stubborn.log\n",
    )
    .started();
    house.until_text("stubborn.log", "up");
    house.until_state("stubborn", "RUNNING");
    let child = until_some("the child's pid is written", || house.text("child").trim().parse().ok());
    house.ctl(&["stop", "stubborn"]).expect_code(0);
    until("the child is gone", || !proc::is_alive(child));
}

#[test]
fn each_process_leads_a_group_of_its_own() {
    let house = House::new("[program:cat]\ncommand=cat\n").started();
    house.until_state("cat", "RUNNING");
    let pid = house.pid_of("cat");
    assert_eq!(proc::group(pid), Some(pid));
}

#[test]
fn signals_to_the_supervisor_end_it_in_order() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let mut house = House::new("[program:cat]\ncommand=cat\n").started();
        house.until_state("cat", "RUNNING");
        let cat = house.pid_of("cat");
        house.signal(signal);
        let status = house.until_ended();
        assert_eq!(status.code(), Some(0), "after {signal:?}");
        assert!(!proc::is_alive(cat));
        assert!(!house.path("s.sock").exists(), "the socket is left behind after {signal:?}");
        assert!(!house.path("pid").exists(), "the pidfile is left behind after {signal:?}");
        let log = house.log();
        assert!(log.contains("indicating exit request"), "{log}");
        assert!(log.contains("stopped: cat (terminated by SIGTERM)"), "{log}");
    }
}

#[test]
fn a_hangup_reads_the_file_anew_and_keeps_the_pid() {
    let house = House::new("[program:old]\ncommand=cat\n").started();
    house.until_state("old", "RUNNING");
    let old = house.pid_of("old");
    house.configure("[program:new]\ncommand=cat\n");
    house.signal(Signal::HUP);
    house.until_state("new", "RUNNING");
    assert!(!proc::is_alive(old));
    assert_eq!(house.pid_in_file(), Some(house.pid()));
    house.until_logged("received SIGHUP indicating restart request");
}

#[test]
fn the_pidfile_holds_the_pid_that_was_started() {
    let house = House::new("").started();
    until("the pidfile is written", || house.pid_in_file().is_some());
    assert_eq!(house.pid_in_file(), Some(house.pid()));
    assert_eq!(house.ctl(&["pid"]).expect_code(0).out, format!("{}\n", house.pid()));
}

#[test]
fn without_n_it_goes_to_the_background() {
    let house = House::new("[program:cat]\ncommand=cat\n");
    assert_eq!(house.supervisord(&["-c", "supervisord.conf"]).expect_code(0).all(), "");
    house.until_state("cat", "RUNNING");
    let pid = house.pid_in_file().expect("a daemon writes its pidfile");
    assert!(proc::is_alive(pid));
    assert_eq!(house.ctl(&["shutdown"]).expect_code(0).out, "Shut down\n");
    until("the daemon is gone", || !proc::is_alive(pid));
    until("the pidfile is gone", || !house.path("pid").exists());
}

#[test]
fn a_second_instance_is_refused_and_harms_nothing() {
    let house = House::new("[program:cat]\ncommand=cat\n").started();
    house.until_state("cat", "RUNNING");
    let cat = house.pid_of("cat");
    let log = house.info("cat", "stdout_logfile").expect("it has a log");
    let second = house.supervisord(&["-n", "-c", "supervisord.conf"]);
    assert_eq!(second.code, 2, "{second:?}");
    second.expect_complaint(&["already listening"]);
    assert_eq!(house.pid_of("cat"), cat);
    assert_eq!(house.state("cat"), "RUNNING");
    // The original takes the logs of the running one for leftovers.
    assert!(Make::is_original() || std::path::Path::new(&log).exists(), "{log} was deleted");
    assert_eq!(house.pid_in_file(), Some(house.pid()), "the pidfile is no longer of the running one");
}

#[test]
fn a_stale_socket_is_taken_over() {
    let mut house = House::new("").started();
    let old = house.pid();
    // Everything of the first instance at once, so that nobody cleans up.
    let family = [vec![old], proc::descendants(old)].concat();
    for signal in [Signal::STOP, Signal::KILL] {
        for pid in &family {
            proc::send(*pid, signal);
        }
    }
    house.until_ended();
    assert!(house.path("s.sock").exists(), "SIGKILL leaves the socket behind");
    house.start();
    assert_eq!(house.ctl(&["pid"]).expect_code(0).out, format!("{}\n", house.pid()));
}

#[test]
fn exit_codes_tell_a_script_what_went_wrong() {
    let house = House::new(
        "[program:cat]\ncommand=cat\nautostart=false\n[program:ghost]\ncommand=/no/such/program\nautostart=false\n",
    );
    assert_eq!(house.ctl(&["status"]).code, 4, "no daemon");
    assert_eq!(house.ctl(&["start", "cat"]).code, 7, "no daemon, so no socket");
    let house = house.started();
    let cases: &[(&[&str], i32)] = &[
        (&["version"], 0),
        (&["status"], 3),
        (&["status", "nobody"], 4),
        (&["start", "cat"], 0),
        (&["start", "nobody"], 1),
        (&["start", "nobody:*"], 2),
        (&["start"], 2),
        (&["start", "ghost"], 1),
        (&["stop", "nobody"], 1),
        (&["signal", "HUPS", "cat"], 1),
        (&["pid", "cat"], 0),
        (&["pid", "ghost"], 7),
        (&["tail", "nobody"], 1),
        (&["frobnicate"], 1),
    ];
    for (words, code) in cases {
        let said = house.ctl(words);
        assert_eq!(said.code, *code, "{words:?}: {said:?}");
    }
}

#[test]
fn orphans_of_a_program_are_reaped_and_not_left_as_zombies() {
    if Make::is_original() {
        return; // It reaps orphans only as PID 1.
    }
    let house = House::new(
        "[program:parent]\ncommand=/bin/sh -c '(sleep 0.2 & echo $! > {here}/orphan); exec cat'\n",
    )
    .started();
    let orphan = until_some("the orphan's pid is written", || house.text("orphan").trim().parse().ok());
    until("the orphan was reaped", || proc::state(orphan).is_none());
    house.until_state("parent", "RUNNING");
}

#[test]
fn a_program_finds_itself_in_its_environment_and_directory() {
    let house = House::new(
        "[group:g]\nprograms=seer\n[program:seer]\ncommand=/bin/sh -c 'pwd > part; env >> part; mv part seen; exec cat'\n\
         directory={here}/sub\nenvironment=A=\"1 2\",B=two\n",
    );
    std::fs::create_dir(house.path("sub")).expect("cannot make the folder");
    let house = house.started();
    house.until_state("g:seer", "RUNNING");
    until("it has written down all it sees", || house.path("sub/seen").exists());
    let seen = house.text("sub/seen");
    let here = house.here();
    for line in [
        format!("{here}/sub"),
        "A=1 2".to_owned(),
        "B=two".to_owned(),
        "SUPERVISOR_ENABLED=1".to_owned(),
        "SUPERVISOR_PROCESS_NAME=seer".to_owned(),
        "SUPERVISOR_GROUP_NAME=g".to_owned(),
        format!("SUPERVISOR_SERVER_URL=unix://{here}/s.sock"),
    ] {
        assert!(seen.lines().any(|it| it == line), "no `{line}` in:\n{seen}");
    }
}

#[test]
fn a_start_of_all_leaves_a_program_without_a_file_as_it_was() {
    let house = House::new(
        "[program:none]\ncommand=/no/such/program\nautostart=false\n[program:cat]\ncommand=cat\nautostart=false\n",
    )
    .started();
    let said = house.ctl(&["start", "all"]);
    assert!(said.out.contains("none: ERROR (no such file)"), "{said:?}");
    assert!(said.out.contains("cat: started"), "{said:?}");
    assert_eq!(house.state("none"), "STOPPED");
}
