//! Deaths of the daemon: what the next one knows, and what it does.

use std::time::Duration;

use model::child::ChildId;
use model::event::EventType;
use model::exit::ExitStatus;
use model::name::FullName;
use model::signal::Signal;
use model::spec::{AutoRestart, ProcessSpec};
use model::state::ProcessState;
use model::time::Mono;

use super::bench::{Bench, alone, exit, group, killed_by, named, process};
use super::events::{answer, pool, ready, remote};
use crate::input::{Departure, Input, Living, Request, Standing};
use crate::memory::Talk;

/// A child that has the pid its number stands for and was made at `started`.
fn child(number: u64, name: &str, started: f64) -> Living {
    Living {
        child: ChildId(number),
        name: named(name, name),
        pid: Some(u32::try_from(number).unwrap() + 1000),
        started: Mono(Duration::from_secs_f64(started)),
        standing: Standing::Own,
        ended: false,
    }
}

fn doubtful(number: u64, name: &str) -> Living {
    let reason = "its start time cannot be read".to_owned();
    Living { standing: Standing::Doubt { reason }, ..child(number, name, 0.0) }
}

fn state(bench: &Bench, name: &FullName) -> ProcessState {
    bench.machine.info(name, bench.stamp()).unwrap().state
}

#[test]
fn a_new_machine_goes_on_where_the_old_one_was() {
    let names = ["up", "starting", "stopped", "exited", "fatal", "stopping", "backoff"];
    let spec = |name: &str| ProcessSpec { startretries: i64::from(name != "fatal"), ..process(name) };
    let groups: Vec<_> = names.into_iter().map(|it| alone(spec(it))).collect();
    let mut bench = Bench::begun(groups.clone());
    for child in 1..=7 {
        bench.spawned(child);
    }
    bench.until(0.5).exited(5, exit(1)).exited(7, exit(1));
    bench.until(1.2).exited(4, exit(0)).stop("starting", false).exited(2, killed_by(Signal::TERM));
    bench.start("starting", false).spawned(8);
    bench.until(1.4).stop("stopping", false).stop("stopped", false).exited(3, exit(0)).forget();
    let before = bench.machine.all_info(bench.stamp());
    bench.die();
    assert_eq!(bench.machine.all_info(bench.stamp()), before);
    bench
        .resumed(vec![child(1, "up", 0.0), child(8, "starting", 1.2), child(6, "stopping", 0.0)])
        .until(20.0);
    insta::assert_snapshot!(bench.journal(), @r"
     1.400 adopt #1 as up
     1.400 adopt #8 as starting
     1.400 adopt #6 as stopping
     1.500 backoff: BACKOFF -> STARTING Tries(1)
     1.500 spawn backoff #9
     2.200 starting: STARTING -> RUNNING Pid(1008)
     2.200 INFO success: starting entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    11.400 WARN killing 'stopping' (1006) with SIGKILL
    11.400 DEBG killing stopping (pid 1006) with signal SIGKILL
    11.400 send SIGKILL to #6
    ");
    for name in ["stopped", "exited", "fatal"] {
        assert!(state(&bench, &named(name, name)).is_stopped(), "{name}");
    }
}

#[test]
fn a_child_that_was_ordered_and_never_made_is_ordered_again() {
    let groups = vec![alone(process("made")), alone(process("never")), alone(process("refused"))];
    let mut bench = Bench::begun(groups.clone());
    bench.stop("refused", false).until(0.3).forget().die();
    bench.resumed(vec![child(1, "made", 0.1)]);
    insta::assert_snapshot!(bench.until(1.1).journal(), @r"
    0.300 adopt #1 as made
    0.300 INFO spawned: 'made' with pid 1001
    0.300 spawn never #4
    0.300 refused: STOPPING -> STOPPED Pid(0)
    0.300 WARN stopped: refused (exit status unknown)
    1.100 made: STARTING -> RUNNING Pid(1001)
    1.100 INFO success: made entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    ");
    bench.spawned(4);
    insta::assert_snapshot!(bench.until(3.0).journal(), @r"
    1.100 INFO spawned: 'never' with pid 1004
    2.100 never: STARTING -> RUNNING Pid(1004)
    2.100 INFO success: never entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    ");
}

#[test]
fn a_child_that_ended_unseen_counts_as_one_that_failed() {
    let spec = |name: &str, autorestart| ProcessSpec { autorestart, ..process(name) };
    let groups = vec![
        alone(spec("again", AutoRestart::Unexpected)),
        alone(spec("never", AutoRestart::Never)),
        alone(process("stopping")),
    ];
    let mut bench = Bench::begun(groups.clone());
    bench.spawned(1).spawned(2).spawned(3).until(5.0).stop("stopping", false).forget();
    bench.die().resumed(Vec::new());
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 again: RUNNING -> EXITED Ended { pid: 1001, expected: false }
    5.000 WARN exited: again (exit status unknown; not expected)
    5.000 again: EXITED -> STARTING Tries(0)
    5.000 spawn again #4
    5.000 never: RUNNING -> EXITED Ended { pid: 1002, expected: false }
    5.000 WARN exited: never (exit status unknown; not expected)
    5.000 stopping: STOPPING -> STOPPED Pid(1003)
    5.000 WARN stopped: stopping (exit status unknown)
    ");
    let info = bench.machine.info(&named("never", "never"), bench.stamp()).unwrap();
    assert_eq!(info.exit, Some(ExitStatus::Unknown));
    assert_eq!(info.spawn_error.as_deref(), Some("exit status unknown"));
}

#[test]
fn an_end_told_to_the_next_machine_is_taken_note_of_once() {
    let groups = vec![alone(process("web"))];
    let mut bench = Bench::begun(groups.clone());
    bench.spawned(1).until(5.0).forget().die();
    let ended = Living { ended: true, ..child(1, "web", 0.0) };
    bench.resumed(vec![ended.clone()]).exited(1, exit(3));
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 adopt #1 as web
    5.000 bury #1
    5.000 web: RUNNING -> EXITED Ended { pid: 1001, expected: false }
    5.000 WARN exited: web (exit status 3; not expected)
    5.000 web: EXITED -> STARTING Tries(0)
    5.000 spawn web #2
    ");
    // It dies again before it can say so: whoever told the end tells it once more.
    bench.die().resumed(vec![ended, child(2, "web", 5.0)]).exited(1, exit(3)).until(9.0);
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 adopt #2 as web
    5.000 INFO spawned: 'web' with pid 1002
    5.000 adopt #1 as web
    5.000 bury #1
    5.000 bury #1
    6.000 web: STARTING -> RUNNING Pid(1002)
    6.000 INFO success: web entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    ");
}

#[test]
fn children_nobody_remembers_are_adopted_and_never_doubled() {
    let mut bench = Bench::new();
    bench.until(100.0);
    let started = |number, name, at| child(number, name, at);
    bench.resumed(vec![
        started(7, "old", 10.0),
        started(8, "young", 99.5),
        doubtful(9, "odd"),
        started(10, "gone", 1.0),
        Living { ended: true, ..child(11, "ended", 1.0) },
    ]);
    let groups = ["ended", "missing", "odd", "old", "young"].map(|it| alone(process(it))).to_vec();
    bench.tell(Input::Begin { groups, tape: 0 }).exited(11, exit(2));
    insta::assert_snapshot!(bench.until(101.0).journal(), @r"
    100.000 open ended
    100.000 PROCESS_GROUP_ADDED groupname:ended
    100.000 INFO adopted: 'ended' with pid 1011
    100.000 adopt #11 as ended
    100.000 ended: STOPPED -> STARTING Tries(0)
    100.000 ended: STARTING -> RUNNING Pid(1011)
    100.000 INFO success: ended entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    100.000 open missing
    100.000 PROCESS_GROUP_ADDED groupname:missing
    100.000 open odd
    100.000 PROCESS_GROUP_ADDED groupname:odd
    100.000 odd: STOPPED -> UNKNOWN None
    100.000 CRIT odd is in doubt and not started: its start time cannot be read; see what pid 1009 is, then `menshen adopt odd` or `menshen forget odd`
    100.000 open old
    100.000 PROCESS_GROUP_ADDED groupname:old
    100.000 INFO adopted: 'old' with pid 1007
    100.000 adopt #7 as old
    100.000 old: STOPPED -> STARTING Tries(0)
    100.000 old: STARTING -> RUNNING Pid(1007)
    100.000 INFO success: old entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    100.000 open young
    100.000 PROCESS_GROUP_ADDED groupname:young
    100.000 INFO adopted: 'young' with pid 1008
    100.000 adopt #8 as young
    100.000 young: STOPPED -> STARTING Tries(0)
    100.000 SUPERVISOR_STATE_CHANGE_RUNNING
    100.000 missing: STOPPED -> STARTING Tries(0)
    100.000 spawn missing #12
    100.000 WARN gone is not in the configuration but runs as pid 1010; it is left alone
    100.000 bury #11
    100.000 ended: RUNNING -> EXITED Ended { pid: 1011, expected: false }
    100.000 WARN exited: ended (exit status 2; not expected)
    100.000 ended: EXITED -> STARTING Tries(0)
    100.000 spawn ended #13
    100.500 young: STARTING -> RUNNING Pid(1008)
    100.500 INFO success: young entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    ");
    let info = bench.machine.info(&named("old", "old"), bench.stamp()).unwrap();
    assert_eq!((info.uptime_secs, info.starts), (91, 1));
    assert_eq!(bench.machine.strays().map(|it| it.name.to_string()).collect::<Vec<_>>(), ["gone"]);
    // It comes back into the configuration.
    let configured =
        ["ended", "gone", "missing", "odd", "old", "young"].map(|it| alone(process(it))).to_vec();
    bench.ask(Request::Update { names: None, configured, tape: 0 });
    insta::assert_snapshot!(bench.journal(), @r"
    101.000 open gone
    101.000 PROCESS_GROUP_ADDED groupname:gone
    101.000 INFO adopted: 'gone' with pid 1010
    101.000 adopt #10 as gone
    101.000 gone: STOPPED -> STARTING Tries(0)
    101.000 gone: STARTING -> RUNNING Pid(1010)
    101.000 INFO success: gone entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    101.000 answer 1: [gone:gone added]
    ");
}

#[test]
fn a_child_in_doubt_bars_the_start_until_somebody_decides() {
    let groups = vec![alone(process("a")), alone(process("b"))];
    let mut bench = Bench::begun(groups.clone());
    bench.spawned(1).spawned(2).until(5.0).forget().die();
    bench.resumed(vec![doubtful(1, "a"), doubtful(2, "b")]);
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 a: RUNNING -> UNKNOWN None
    5.000 CRIT a is in doubt and not started: its start time cannot be read; see what pid 1001 is, then `menshen adopt a` or `menshen forget a`
    5.000 b: RUNNING -> UNKNOWN None
    5.000 CRIT b is in doubt and not started: its start time cannot be read; see what pid 1002 is, then `menshen adopt b` or `menshen forget b`
    ");
    let info = bench.machine.info(&named("a", "a"), bench.stamp()).unwrap();
    assert_eq!(info.spawn_error.as_deref(), Some("in doubt: its start time cannot be read"));
    bench.start("a", true).stop("a", true);
    bench.ask(Request::Signal { name: named("a", "a"), named: "a".to_owned(), signal: Signal::HUP });
    bench.ask(Request::RemoveGroup { name: "a".to_owned() });
    insta::assert_snapshot!(bench.until(60.0).journal(), @r"
    5.000 answer 1: FAILED: a is in doubt and not started: its start time cannot be read; see what pid 1001 is, then `menshen adopt a` or `menshen forget a`
    5.000 answer 2: FAILED: a is in doubt and not started: its start time cannot be read; see what pid 1001 is, then `menshen adopt a` or `menshen forget a`
    5.000 answer 3: FAILED: a is in doubt and not started: its start time cannot be read; see what pid 1001 is, then `menshen adopt a` or `menshen forget a`
    5.000 answer 4: STILL_RUNNING: a
    ");
    bench.ask(Request::Adopt { name: named("a", "a"), named: "a".to_owned() });
    bench.ask(Request::Forget { name: named("b", "b"), named: "b".to_owned() });
    insta::assert_snapshot!(bench.journal(), @r"
    60.000 settle that #1 is ours
    60.000 adopt #1 as a
    60.000 a: UNKNOWN -> STARTING Tries(0)
    60.000 a: STARTING -> RUNNING Pid(1001)
    60.000 INFO success: a entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    60.000 answer 5: done
    60.000 INFO forgot: 'b'; pid 1002 is left alone
    60.000 settle that #2 is not ours
    60.000 b: UNKNOWN -> STOPPED Pid(1002)
    60.000 answer 6: done
    ");
    bench.exited(1, ExitStatus::Unknown).start("b", false).exited(2, exit(0));
    for (name, verb) in [("a", true), ("c", true), ("b", false), ("c", false)] {
        let (name, named) = (named(name, name), name.to_owned());
        bench.ask(if verb { Request::Adopt { name, named } } else { Request::Forget { name, named } });
    }
    insta::assert_snapshot!(bench.journal(), @r"
    60.000 bury #1
    60.000 a: RUNNING -> EXITED Ended { pid: 1001, expected: false }
    60.000 WARN exited: a (exit status unknown; not expected)
    60.000 a: EXITED -> STARTING Tries(0)
    60.000 spawn a #3
    60.000 b: STOPPED -> STARTING Tries(0)
    60.000 spawn b #4
    60.000 bury #2
    60.000 answer 8: FAILED: a is not in doubt
    60.000 answer 9: BAD_NAME: c
    60.000 answer 10: FAILED: b is not in doubt
    60.000 answer 11: BAD_NAME: c
    ");
}

#[test]
fn a_signal_is_neither_lost_nor_sent_twice() {
    let groups = vec![alone(process("web"))];
    let mut bench = Bench::begun(groups.clone());
    bench.spawned(1).until(5.0).stop("web", false).forget();
    bench.die().resumed(vec![child(1, "web", 0.0)]);
    insta::assert_snapshot!(bench.journal(), @r"
     5.000 adopt #1 as web
    ");
    // This time it dies before it has done what it has written down.
    bench.until(15.0).forget().die_before_performing().resumed(vec![child(1, "web", 0.0)]);
    insta::assert_snapshot!(bench.journal(), @r"
    15.000 adopt #1 as web
    15.000 send SIGKILL to #1
    ");
}

#[test]
fn leaving_goes_on_after_a_death() {
    let groups = vec![group("a", 1, vec![process("a")]), group("b", 2, vec![process("b")])];
    let mut bench = Bench::begun(groups.clone());
    bench.spawned(1).spawned(2).until(5.0).tell(Input::Leave(Departure::Restart)).forget();
    bench.die().resumed(vec![child(1, "a", 0.0), child(2, "b", 0.0)]);
    bench.exited(2, exit(0)).start("b", true);
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 adopt #1 as a
    5.000 adopt #2 as b
    5.000 INFO waiting for a, b to die
    5.000 BLAT a state: RUNNING
    5.000 BLAT b state: STOPPING
    5.000 bury #2
    5.000 b: STOPPING -> STOPPED Pid(1002)
    5.000 INFO stopped: b (exit status 0)
    5.000 DEBG killing a (pid 1001) with signal SIGTERM
    5.000 a: RUNNING -> STOPPING Pid(1001)
    5.000 send SIGTERM to #1
    5.000 answer 1: SHUTDOWN_STATE
    ");
    bench.die().resumed(vec![child(1, "a", 0.0)]).exited(1, exit(0)).forget();
    bench.die().resumed(Vec::new());
    insta::assert_snapshot!(bench.journal(), @r"
     5.000 quit Restart
    ");
}

#[test]
fn an_event_in_hand_is_in_hand_for_the_next_and_silence_ends() {
    let groups = vec![pool("ear", None, &[EventType::Tick60], &["ear"]), alone(process("p"))];
    let mut bench = Bench::begun(groups);
    bench.spawned(1).spawned(2).until(2.0).tell(ready(1)).until(60.0);
    assert_eq!(bench.machine.talk(ChildId(1)), Some(Talk::Busy));
    bench.forget().die().resumed(vec![child(1, "ear", 0.0), child(2, "p", 0.0)]);
    assert_eq!(bench.machine.held_letter(ChildId(1)).map(|it| it.serial), Some(0));
    // This one is only slow.
    bench.until(100.0).tell(answer(1, "OK")).until(100.0);
    insta::assert_snapshot!(bench.journal(), @r"
    60.000 adopt #1 as ear
    60.000 adopt #2 as p
    100.000 DEBG ear: event was processed
    100.000 DEBG ear: BUSY -> ACKNOWLEDGED
    100.000 DEBG ear: ACKNOWLEDGED -> READY
    ");
    // And this one has been heard by nobody.
    bench.is_hardy = true;
    bench.until(130.0).forget().die().resumed(vec![child(1, "ear", 0.0), child(2, "p", 0.0)]);
    insta::assert_snapshot!(bench.until(431.0).journal(), @r"
    130.000 adopt #1 as ear
    130.000 adopt #2 as p
    180.000 TICK_60 when:180
    240.000 TICK_60 when:240
    300.000 TICK_60 when:300
    360.000 TICK_60 when:360
    420.000 TICK_60 when:420
    430.000 WARN ear: has said nothing for 300 seconds since another daemon took over; what it said last may be lost
    430.000 WARN ear: is killed so that it begins anew
    430.000 send SIGKILL to #1
    ");
    bench.exited(1, killed_by(Signal::KILL)).spawned(3).until(433.0).tell(ready(3));
    insta::assert_snapshot!(bench.journal(), @r"
    431.000 bury #1
    431.000 ear: RUNNING -> EXITED Ended { pid: 1001, expected: false }
    431.000 WARN exited: ear (terminated by SIGKILL; not expected)
    431.000 ear: EXITED -> STARTING Tries(0)
    431.000 spawn ear #3
    431.000 DEBG rebuffering event 1 for pool ear (buf size=5, max=10000)
    431.000 INFO spawned: 'ear' with pid 1003
    431.000 ear: STARTING -> RUNNING Pid(1003)
    431.000 INFO success: ear entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)
    433.000 DEBG ear: ACKNOWLEDGED -> READY
    433.000 DEBG event 1 sent to listener ear
    433.000 event 1/1 to #3: TICK_60 when:120
    ");
}

#[test]
fn a_letter_that_may_not_have_been_sent_is_sent() {
    let mut bench = Bench::begun(vec![pool("ear", None, &[EventType::RemoteCommunication], &["ear"])]);
    bench.spawned(1).until(2.0).tell(ready(1)).forget();
    bench.tell(remote("k"));
    bench.die_before_performing().resumed(vec![child(1, "ear", 0.0)]);
    bench.die().resumed(vec![child(1, "ear", 0.0)]);
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 REMOTE_COMMUNICATION type:k
    2.000 DEBG event 0 sent to listener ear
    2.000 event 0/0 to #1: REMOTE_COMMUNICATION type:k
    2.000 adopt #1 as ear
    2.000 event 0/0 to #1: REMOTE_COMMUNICATION type:k
    2.000 adopt #1 as ear
    ");
}

#[test]
fn a_clock_that_struck_while_nobody_was_there_strikes_once_and_late() {
    let mut bench = Bench::begun(vec![pool("ear", None, &[EventType::Tick5], &["ear"])]);
    bench.spawned(1).until(2.0).tell(ready(1)).until(14.0).tell(answer(1, "OK")).forget();
    bench.oversleep_until(17.0).die().resumed(vec![child(1, "ear", 0.0)]);
    insta::assert_snapshot!(bench.until(20.0).journal(), @r"
    17.000 adopt #1 as ear
    17.000 TICK_5 when:15
    20.000 TICK_5 when:20
    ");
}
