use std::time::Duration;

use model::child::ChildId;
use model::signal::Signal;
use model::spawn::{SetupFailure, SetupStage, SpawnFailure};
use model::spec::{AutoRestart, ProcessSpec};
use model::state::ProcessState;
use model::time::Mono;

use super::bench::{Bench, alone, exit, killed_by, named, process};
use crate::input::Input;

#[test]
fn a_program_that_stays_up_runs_and_stops() {
    let mut bench = Bench::begun(vec![alone(process("cat"))]);
    bench.spawned(1).until(5.0).stop("cat", true).until(5.5).exited(1, killed_by(Signal::TERM)).until(60.0);
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 open cat
    0.000 PROCESS_GROUP_ADDED groupname:cat
    0.000 SUPERVISOR_STATE_CHANGE_RUNNING
    0.000 cat: STOPPED -> STARTING Tries(0)
    0.000 spawn cat #1
    0.000 INFO spawned: 'cat' with pid 1001
    1.000 cat: STARTING -> RUNNING Pid(1001)
    1.000 INFO success: cat entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    5.000 DEBG killing cat (pid 1001) with signal SIGTERM
    5.000 cat: RUNNING -> STOPPING Pid(1001)
    5.000 send SIGTERM to #1
    5.000 INFO waiting for cat to stop
    5.500 bury #1
    5.500 cat: STOPPING -> STOPPED Pid(1001)
    5.500 WARN stopped: cat (terminated by SIGTERM)
    5.500 answer 1: done
    ");
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn a_program_that_dies_at_once_is_given_up() {
    let mut bench = Bench::begun(vec![alone(ProcessSpec { startretries: 2, ..process("bad") })]);
    for (child, at) in [(1, 0.2), (2, 1.4), (3, 3.6)] {
        bench
            .spawned(child)
            .until(at)
            .exited(child, exit(0))
            .until(at + f64::from(u32::try_from(child).unwrap()));
    }
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 open bad
    0.000 PROCESS_GROUP_ADDED groupname:bad
    0.000 SUPERVISOR_STATE_CHANGE_RUNNING
    0.000 bad: STOPPED -> STARTING Tries(0)
    0.000 spawn bad #1
    0.000 INFO spawned: 'bad' with pid 1001
    0.200 bury #1
    0.200 bad: STARTING -> BACKOFF Tries(1)
    0.200 WARN exited: bad (exit status 0; not expected)
    1.200 bad: BACKOFF -> STARTING Tries(1)
    1.200 spawn bad #2
    1.200 INFO spawned: 'bad' with pid 1002
    1.400 bury #2
    1.400 bad: STARTING -> BACKOFF Tries(2)
    1.400 WARN exited: bad (exit status 0; not expected)
    3.400 bad: BACKOFF -> STARTING Tries(2)
    3.400 spawn bad #3
    3.400 INFO spawned: 'bad' with pid 1003
    3.600 bury #3
    3.600 bad: STARTING -> BACKOFF Tries(3)
    3.600 WARN exited: bad (exit status 0; not expected)
    3.600 bad: BACKOFF -> FATAL None
    3.600 INFO gave up: bad entered FATAL state, too many start retries too quickly
    ");
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn a_program_that_is_not_there_is_given_up_with_the_reason() {
    let mut bench = Bench::begun(vec![alone(ProcessSpec { startretries: 0, ..process("gone") })]);
    let failure = SpawnFailure::Missing("gone".to_owned());
    bench.tell(Input::SpawnFailed { child: ChildId(1), failure });
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 open gone
    0.000 PROCESS_GROUP_ADDED groupname:gone
    0.000 SUPERVISOR_STATE_CHANGE_RUNNING
    0.000 gone: STOPPED -> STARTING Tries(0)
    0.000 spawn gone #1
    0.000 INFO spawnerr: can't find command 'gone'
    0.000 gone: STARTING -> BACKOFF Tries(1)
    0.000 gone: BACKOFF -> FATAL None
    0.000 INFO gave up: gone entered FATAL state, too many start retries too quickly
    ");
    let info = bench.machine.info(&named("gone", "gone"), bench.stamp()).unwrap();
    assert_eq!(info.spawn_error.as_deref(), Some("can't find command 'gone'"));
}

#[test]
fn a_program_without_startsecs_is_up_at_once_and_its_end_is_an_exit() {
    let spec = ProcessSpec { startsecs: 0, autorestart: AutoRestart::Never, ..process("once") };
    let mut bench = Bench::begun(vec![alone(spec)]);
    bench.spawned(1).exited(1, exit(0));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 open once
    0.000 PROCESS_GROUP_ADDED groupname:once
    0.000 SUPERVISOR_STATE_CHANGE_RUNNING
    0.000 once: STOPPED -> STARTING Tries(0)
    0.000 spawn once #1
    0.000 INFO spawned: 'once' with pid 1001
    0.000 once: STARTING -> RUNNING Pid(1001)
    0.000 INFO success: once entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)
    0.000 bury #1
    0.000 once: RUNNING -> EXITED Ended { pid: 1001, expected: true }
    0.000 INFO exited: once (exit status 0; expected)
    ");
}

#[test]
fn an_unexpected_exit_is_followed_by_a_new_start_at_once() {
    let mut bench = Bench::begun(vec![alone(process("web"))]);
    bench.spawned(1).until(9.0).forget().exited(1, exit(3));
    insta::assert_snapshot!(bench.journal(), @r"
    9.000 bury #1
    9.000 web: RUNNING -> EXITED Ended { pid: 1001, expected: false }
    9.000 WARN exited: web (exit status 3; not expected)
    9.000 web: EXITED -> STARTING Tries(0)
    9.000 spawn web #2
    ");
}

#[test]
fn an_expected_exit_is_final_unless_always_was_asked_for() {
    let cases = [
        (AutoRestart::Never, 0, ProcessState::Exited),
        (AutoRestart::Never, 1, ProcessState::Exited),
        (AutoRestart::Unexpected, 0, ProcessState::Exited),
        (AutoRestart::Unexpected, 1, ProcessState::Starting),
        (AutoRestart::Always, 0, ProcessState::Starting),
        (AutoRestart::Always, 1, ProcessState::Starting),
    ];
    for (autorestart, code, state) in cases {
        let mut bench = Bench::begun(vec![alone(ProcessSpec { autorestart, ..process("a") })]);
        bench.spawned(1).until(5.0).exited(1, exit(code));
        let info = bench.machine.info(&named("a", "a"), bench.stamp()).unwrap();
        assert_eq!(info.state, state, "{autorestart:?} after {code}");
    }
}

#[test]
fn a_program_that_ends_right_after_its_start_is_restarted_once_a_second() {
    let spec = ProcessSpec { startsecs: 0, autorestart: AutoRestart::Always, ..process("clock") };
    let mut bench = Bench::begun(vec![alone(spec)]);
    for child in 1..=10 {
        bench.spawned(child).exited(child, exit(0)).until(f64::from(u32::try_from(child).unwrap()));
    }
    let journal = bench.journal();
    let spawns: Vec<_> = journal.lines().filter(|it| it.contains("spawn clock")).collect();
    assert_eq!(spawns.len(), 11);
    assert_eq!(spawns[10].trim(), "10.000 spawn clock #11");
}

#[test]
fn an_end_told_with_the_promotion_is_told_first() {
    let mut bench = Bench::begun(vec![alone(process("early"))]);
    bench.spawned(1).oversleep_until(0.9).exited(1, exit(1)).tell(Input::Due);
    assert_eq!(
        bench.machine.info(&named("early", "early"), bench.stamp()).unwrap().state,
        ProcessState::Backoff
    );
    assert!(!bench.journal().contains("-> RUNNING"));
}

#[test]
fn who_lives_for_exactly_startsecs_was_up() {
    let mut bench = Bench::begun(vec![alone(process("sleep"))]);
    bench.spawned(1).oversleep_until(1.002).forget().exited(1, exit(0)).tell(Input::Due);
    insta::assert_snapshot!(bench.journal(), @r"
    1.002 bury #1
    1.002 sleep: STARTING -> RUNNING Pid(1001)
    1.002 sleep: RUNNING -> EXITED Ended { pid: 1001, expected: true }
    1.002 INFO exited: sleep (exit status 0; expected)
    ");
}

#[test]
fn an_end_told_after_the_loop_has_slept_is_judged_by_when_it_was() {
    let mut bench = Bench::begun(vec![alone(process("early")), alone(process("late"))]);
    bench.spawned(1).spawned(2).oversleep_until(7.0).forget();
    for (child, ended) in [(1, 0.9), (2, 1.1)] {
        let at = Mono(Duration::from_secs_f64(ended));
        bench.tell(Input::Exited {
            child: ChildId(child),
            status: exit(0),
            at,
            setup: None,
            survivors: vec![],
        });
    }
    bench.tell(Input::Due);
    insta::assert_snapshot!(bench.journal(), @r"
    7.000 bury #1
    7.000 early: STARTING -> BACKOFF Tries(1)
    7.000 WARN exited: early (exit status 0; not expected)
    7.000 bury #2
    7.000 late: STARTING -> RUNNING Pid(1002)
    7.000 late: RUNNING -> EXITED Ended { pid: 1002, expected: true }
    7.000 INFO exited: late (exit status 0; expected)
    ");
    let info = bench.machine.info(&named("late", "late"), bench.stamp()).unwrap();
    assert_eq!(info.stopped.unwrap().micros, 1_100_000);
}

#[test]
fn a_stubborn_program_is_killed_again_and_again() {
    let spec = ProcessSpec { stopwaitsecs: 2, stopasgroup: true, killasgroup: true, ..process("rock") };
    let mut bench = Bench::begun(vec![alone(spec)]);
    bench.spawned(1).until(5.0).forget().stop("rock", false).until(9.5).exited(1, killed_by(Signal::KILL));
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 DEBG killing rock (pid 1001) process group with signal SIGTERM
    5.000 rock: RUNNING -> STOPPING Pid(1001)
    5.000 send SIGTERM to the group of #1
    5.000 answer 1: done
    7.000 WARN killing 'rock' (1001) with SIGKILL
    7.000 DEBG killing rock (pid 1001) process group with signal SIGKILL
    7.000 send SIGKILL to the group of #1
    9.000 WARN killing 'rock' (1001) with SIGKILL
    9.000 DEBG killing rock (pid 1001) process group with signal SIGKILL
    9.000 send SIGKILL to the group of #1
    9.500 bury #1
    9.500 rock: STOPPING -> STOPPED Pid(1001)
    9.500 WARN stopped: rock (terminated by SIGKILL)
    ");
}

#[test]
fn a_tree_is_stopped_and_killed_as_one_and_who_survives_is_named_to_who_asked() {
    let spec = ProcessSpec { stopwaitsecs: 2, stopastree: true, ..process("rock") };
    let mut bench = Bench::begun(vec![alone(spec)]);
    bench.spawned(1).until(5.0).forget().stop("rock", true).until(8.0);
    let (status, at) = (killed_by(Signal::KILL), bench.stamp().mono);
    let survivors = vec![7, 8];
    bench.tell(Input::Exited { child: ChildId(1), status, at, setup: None, survivors });
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 DEBG killing rock (pid 1001) process tree with signal SIGTERM
    5.000 rock: RUNNING -> STOPPING Pid(1001)
    5.000 send SIGTERM to the tree of #1
    5.000 INFO waiting for rock to stop
    7.000 WARN killing 'rock' (1001) with SIGKILL
    7.000 DEBG killing rock (pid 1001) process tree with signal SIGKILL
    7.000 send SIGKILL to the tree of #1
    7.000 INFO waiting for rock to stop
    8.000 bury #1
    8.000 ERRO rock has ended, but not even SIGKILL ends these of its processes: 7, 8
    8.000 rock: STOPPING -> STOPPED Pid(1001)
    8.000 WARN stopped: rock (terminated by SIGKILL)
    8.000 answer 1: FAILED: rock has ended, but not even SIGKILL ends these of its processes: 7, 8
    ");
}

#[test]
fn no_time_to_stop_means_a_kill_at_once_but_not_a_busy_loop() {
    let mut bench = Bench::begun(vec![alone(ProcessSpec { stopwaitsecs: 0, ..process("a") })]);
    bench.spawned(1).until(5.0).forget().stop("a", false).until(7.5);
    let journal = bench.journal();
    let kills = journal.lines().filter(|it| it.contains("send SIGKILL")).count();
    assert_eq!(kills, 3, "at 5, 6 and 7 seconds:\n{journal}");
}

#[test]
fn a_stop_overtakes_a_spawn() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    bench.stop("a", true).spawned(1).exited(1, killed_by(Signal::TERM));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 open a
    0.000 PROCESS_GROUP_ADDED groupname:a
    0.000 SUPERVISOR_STATE_CHANGE_RUNNING
    0.000 a: STOPPED -> STARTING Tries(0)
    0.000 spawn a #1
    0.000 DEBG killing a (pid 0) with signal SIGTERM
    0.000 a: STARTING -> STOPPING Pid(0)
    0.000 send SIGTERM to #1
    0.000 INFO waiting for a to stop
    0.000 INFO spawned: 'a' with pid 1001
    0.000 bury #1
    0.000 a: STOPPING -> STOPPED Pid(1001)
    0.000 WARN stopped: a (terminated by SIGTERM)
    0.000 answer 1: done
    ");
}

#[test]
fn a_stop_overtakes_a_spawn_that_fails() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    let failure = SpawnFailure::TooManyFiles("a".to_owned());
    bench.stop("a", true).forget().tell(Input::SpawnFailed { child: ChildId(1), failure });
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 INFO spawnerr: too many open files to spawn 'a'
    0.000 a: STOPPING -> STOPPED Pid(0)
    0.000 answer 1: done
    ");
}

#[test]
fn a_stop_while_waiting_to_retry_forgets_the_failures() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    bench.spawned(1).exited(1, exit(1)).forget().stop("a", true).start("a", false);
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 DEBG Attempted to kill a, which is in BACKOFF state.
    0.000 a: BACKOFF -> STOPPED Pid(0)
    0.000 answer 1: done
    0.000 a: STOPPED -> STARTING Tries(0)
    0.000 spawn a #2
    ");
}

#[test]
fn who_is_stopped_before_its_restart_stays_down() {
    let spec = ProcessSpec { startsecs: 0, autorestart: AutoRestart::Always, ..process("clock") };
    let mut bench = Bench::begun(vec![alone(spec)]);
    bench.spawned(1).exited(1, exit(0)).forget().stop("clock", true).until(9.0);
    assert_eq!(bench.journal(), " 0.000 answer 1: NOT_RUNNING: clock\n");
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn a_step_that_failed_before_the_program_is_named() {
    let mut bench = Bench::begun(vec![alone(ProcessSpec { startretries: 0, ..process("a") })]);
    let setup = Some(SetupFailure { stage: SetupStage::Directory, errno: "ENOENT".to_owned() });
    bench.spawned(1).forget().tell(Input::Exited {
        child: ChildId(1),
        status: exit(127),
        at: Mono::default(),
        setup,
        survivors: vec![],
    });
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 bury #1
    0.000 WARN process 'a' could not be started: it could not enter its directory: ENOENT
    0.000 a: STARTING -> BACKOFF Tries(1)
    0.000 WARN exited: a (exit status 127; not expected)
    0.000 a: BACKOFF -> FATAL None
    0.000 INFO gave up: a entered FATAL state, too many start retries too quickly
    ");
}

fn refused(child: u64, gone: bool) -> Input {
    let reason = if gone { "[Errno 3] No such process" } else { "[Errno 1] Operation not permitted" };
    Input::SignalFailed { child: ChildId(child), signal: Signal::TERM, gone, reason: reason.to_owned() }
}

#[test]
fn a_stop_signal_that_comes_too_late_changes_nothing() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    bench.spawned(1).until(5.0).stop("a", true).forget().tell(refused(1, true)).exited(1, exit(0));
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 DEBG unable to signal a (pid 1001), it probably just exited on its own: [Errno 3] No such process
    5.000 bury #1
    5.000 a: STOPPING -> STOPPED Pid(1001)
    5.000 INFO stopped: a (exit status 0)
    5.000 answer 1: done
    ");
}

#[test]
fn a_refused_stop_signal_leaves_an_unknown_state_that_an_exit_resolves() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    bench.spawned(1).until(5.0).stop("a", true).forget().tell(refused(1, false));
    bench.start("a", true).stop("a", true).until(6.0).exited(1, exit(0));
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 CRIT unknown problem killing a (1001):[Errno 1] Operation not permitted
    5.000 a: STOPPING -> UNKNOWN None
    5.000 answer 1: FAILED: unknown problem killing a (1001):[Errno 1] Operation not permitted
    5.000 answer 2: FAILED: a is in an unknown process state
    5.000 answer 3: NOT_RUNNING: a
    6.000 bury #1
    6.000 a: UNKNOWN -> STOPPED Pid(1001)
    6.000 INFO stopped: a (exit status 0)
    ");
}

#[test]
fn reports_about_earlier_children_mean_nothing() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    bench.spawned(1).until(5.0).exited(1, exit(1)).forget();
    bench.tell(refused(1, false)).spawned(1).exited(1, exit(0));
    let failure = SpawnFailure::Empty;
    bench.tell(Input::SpawnFailed { child: ChildId(1), failure });
    bench.tell(Input::Spawned { child: ChildId(77), pid: 5 });
    assert_eq!(bench.journal(), " 5.000 bury #1\n");
}

#[test]
fn what_clients_see_follows_the_life() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    let name = named("a", "a");
    let look = |bench: &Bench| bench.machine.info(&name, bench.stamp()).unwrap();
    assert_eq!((look(&bench).pid, look(&bench).starts), (None, 1));
    bench.spawned(1).until(31.5);
    let info = look(&bench);
    assert_eq!((info.pid, info.uptime_secs, info.exit), (Some(1001), 31, None));
    bench.exited(1, exit(3));
    assert_eq!((look(&bench).exit, look(&bench).starts), (None, 2), "a new start forgets the last end");
    bench.spawned(2).until(40.0).exited(2, exit(0));
    let info = look(&bench);
    assert_eq!((info.pid, info.exit, info.uptime_secs), (None, Some(exit(0)), 0));
    assert_eq!(info.stopped.map(model::time::Wall::seconds), Some(40));
    assert_eq!(bench.machine.child_of(&name), None);
}
