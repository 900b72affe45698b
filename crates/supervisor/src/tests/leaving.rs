use model::signal::Signal;
use model::spec::{AutoRestart, ProcessSpec};
use model::state::SupervisorState;

use model::event::EventType;

use super::bench::{Bench, alone, exit, group, killed_by, process};
use super::events::{answer, pool, ready};
use crate::input::{Departure, Input, Request};

#[test]
fn groups_stop_by_priority_and_equal_ones_together() {
    let groups = vec![
        group("listener", -1, vec![process("listener")]),
        group("a", 10, vec![ProcessSpec { priority: 1, ..process("a1") }, process("a2")]),
        group("b", 10, vec![process("b")]),
        group("idle", 15, vec![ProcessSpec { autostart: false, ..process("idle") }]),
        group("last", 20, vec![process("last")]),
    ];
    let mut bench = Bench::begun(groups);
    for child in 1..=5 {
        bench.spawned(child);
    }
    bench.until(2.0).forget().tell(Input::Leave(Departure::Shutdown));
    let term = killed_by(Signal::TERM);
    bench.until(2.1).exited(5, term).until(2.2).exited(4, term).exited(2, term).until(5.5).exited(3, term);
    bench.until(5.6).exited(1, term);
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 SUPERVISOR_STATE_CHANGE_STOPPING
    2.000 DEBG killing last (pid 1005) with signal SIGTERM
    2.000 last: RUNNING -> STOPPING Pid(1005)
    2.000 send SIGTERM to #5
    2.000 INFO waiting for listener, a1, a2, b, last to die
    2.000 BLAT listener state: RUNNING
    2.000 BLAT a1 state: RUNNING
    2.000 BLAT a2 state: RUNNING
    2.000 BLAT b state: RUNNING
    2.000 BLAT last state: STOPPING
    2.100 bury #5
    2.100 last: STOPPING -> STOPPED Pid(1005)
    2.100 WARN stopped: last (terminated by SIGTERM)
    2.100 DEBG killing b (pid 1004) with signal SIGTERM
    2.100 b: RUNNING -> STOPPING Pid(1004)
    2.100 send SIGTERM to #4
    2.100 DEBG killing a2 (pid 1003) with signal SIGTERM
    2.100 a:a2: RUNNING -> STOPPING Pid(1003)
    2.100 send SIGTERM to #3
    2.100 DEBG killing a1 (pid 1002) with signal SIGTERM
    2.100 a:a1: RUNNING -> STOPPING Pid(1002)
    2.100 send SIGTERM to #2
    2.200 bury #4
    2.200 b: STOPPING -> STOPPED Pid(1004)
    2.200 WARN stopped: b (terminated by SIGTERM)
    2.200 bury #2
    2.200 a:a1: STOPPING -> STOPPED Pid(1002)
    2.200 WARN stopped: a1 (terminated by SIGTERM)
    5.000 INFO waiting for listener, a2 to die
    5.000 BLAT listener state: RUNNING
    5.000 BLAT a2 state: STOPPING
    5.500 bury #3
    5.500 a:a2: STOPPING -> STOPPED Pid(1003)
    5.500 WARN stopped: a2 (terminated by SIGTERM)
    5.500 DEBG killing listener (pid 1001) with signal SIGTERM
    5.500 listener: RUNNING -> STOPPING Pid(1001)
    5.500 send SIGTERM to #1
    5.600 bury #1
    5.600 listener: STOPPING -> STOPPED Pid(1001)
    5.600 WARN stopped: listener (terminated by SIGTERM)
    5.600 quit Shutdown
    ");
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn nothing_is_started_any_more() {
    let spec = ProcessSpec { autorestart: AutoRestart::Always, ..process("first") };
    let bad = group("bad", 1, vec![process("bad")]);
    let mut bench =
        Bench::begun(vec![bad, group("first", 1, vec![spec]), group("slow", 2, vec![process("slow")])]);
    bench.spawned(1).exited(1, exit(1)).spawned(2).spawned(3).forget();
    bench.tell(Input::Leave(Departure::Restart)).until(5.0).exited(2, exit(1)).start("bad", true);
    bench.exited(3, exit(0));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 SUPERVISOR_STATE_CHANGE_STOPPING
    0.000 DEBG killing slow (pid 1003) with signal SIGTERM
    0.000 slow: STARTING -> STOPPING Pid(1003)
    0.000 send SIGTERM to #3
    0.000 INFO waiting for bad, first, slow to die
    0.000 BLAT bad state: BACKOFF
    0.000 BLAT first state: STARTING
    0.000 BLAT slow state: STOPPING
    1.000 first: STARTING -> RUNNING Pid(1002)
    1.000 INFO success: first entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    3.000 INFO waiting for bad, first, slow to die
    3.000 BLAT bad state: BACKOFF
    3.000 BLAT first state: RUNNING
    3.000 BLAT slow state: STOPPING
    5.000 bury #2
    5.000 first: RUNNING -> EXITED Ended { pid: 1002, expected: false }
    5.000 WARN exited: first (exit status 1; not expected)
    5.000 answer 1: SHUTDOWN_STATE
    5.000 bury #3
    5.000 slow: STOPPING -> STOPPED Pid(1003)
    5.000 INFO stopped: slow (exit status 0)
    5.000 bad: BACKOFF -> FATAL None
    5.000 quit Restart
    ");
}

#[test]
fn with_nothing_to_stop_it_leaves_at_once() {
    let mut bench = Bench::begun(vec![]);
    assert_eq!(bench.machine.state(), SupervisorState::Running);
    bench.forget().ask(Request::Leave(Departure::Restart));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 answer 1: done
    0.000 SUPERVISOR_STATE_CHANGE_STOPPING
    0.000 quit Restart
    ");
    assert_eq!(bench.machine.state(), SupervisorState::Restarting);
}

#[test]
fn a_wish_to_leave_for_good_wins() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    bench.spawned(1).forget();
    bench.tell(Input::Leave(Departure::Restart)).tell(Input::Leave(Departure::Shutdown));
    assert_eq!(bench.machine.state(), SupervisorState::Shutdown);
    bench.tell(Input::Leave(Departure::Restart)).exited(1, exit(0));
    let journal = bench.journal();
    assert!(journal.ends_with("quit Shutdown\n"), "{journal}");
    assert_eq!(journal.matches("SUPERVISOR_STATE_CHANGE_STOPPING").count(), 1);
}

#[test]
fn who_waits_is_answered_when_everything_stops() {
    let mut bench =
        Bench::begun(vec![alone(process("up")), alone(ProcessSpec { autostart: false, ..process("a") })]);
    bench.spawned(1).until(5.0).stop("up", true).start("a", true).forget();
    bench.tell(Input::Leave(Departure::Shutdown)).exited(1, exit(0));
    bench.spawned(2).exited(2, exit(0)).stop("a", true);
    let journal = bench.journal();
    let answers: Vec<_> = journal.lines().filter(|it| it.contains("answer") || it.contains("quit")).collect();
    insta::assert_snapshot!(answers.join("\n"), @r"
    5.000 answer 2: ABNORMAL_TERMINATION: a
    5.000 answer 1: done
    5.000 quit Shutdown
    5.000 answer 3: SHUTDOWN_STATE
    ");
}

/// A listener that has heard of the start, and a program that it hears of.
fn heard_of(listener_is_ready: bool) -> Bench {
    let ear = pool("ear", None, &[EventType::ProcessStateStopped], &["ear"]);
    let mut bench = Bench::begun(vec![ear, alone(process("cat"))]);
    bench.spawned(1).spawned(2);
    if listener_is_ready {
        bench.tell(ready(1));
    }
    bench.until(2.0).tell(Input::Leave(Departure::Shutdown)).forget();
    bench
}

#[test]
fn a_listener_is_stopped_when_it_has_heard_of_all_others() {
    let mut bench = heard_of(true);
    bench.exited(2, killed_by(Signal::TERM));
    assert!(!bench.journal().contains("SIGTERM to #1"), "it has an event in its hands");
    bench.until(2.5).tell(answer(1, "OK"));
    assert!(bench.journal().contains("2.500 send SIGTERM to #1"), "{}", bench.journal());
}

#[test]
fn a_listener_that_does_not_answer_is_waited_for_a_second() {
    let mut bench = heard_of(true);
    bench.exited(2, killed_by(Signal::TERM)).until(10.0);
    assert!(bench.journal().contains("3.000 send SIGTERM to #1"), "{}", bench.journal());
}

#[test]
fn a_listener_that_has_never_listened_is_not_waited_for() {
    let mut bench = heard_of(false);
    bench.exited(2, killed_by(Signal::TERM));
    assert!(bench.journal().contains("2.000 send SIGTERM to #1"), "{}", bench.journal());
}
