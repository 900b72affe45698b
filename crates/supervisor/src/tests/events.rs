//! Events and those who listen to them.

use std::sync::Arc;
use std::time::Duration;

use model::child::{Channel, ChildId};
use model::event::{Event, EventType};
use model::listener::Said;
use model::name::GroupName;
use model::signal::Signal;
use model::spec::{DEFAULT_RESULT_HANDLER, GroupKind, GroupSpec, ListenerSpec, ProcessSpec};

use super::bench::{Bench, alone, exit, killed_by, named, process};
use crate::bus::{MENDING_PERIOD, POOL_BYTES_MAX, UNWRITTEN_BUFFER_SIZE};
use crate::deadline::Reason;
use crate::input::{Input, Request};

/// A pool of listeners that are ready to listen as soon as they say so.
pub(super) fn pool(
    name: &str,
    buffer_size: Option<i64>,
    events: &[EventType],
    listeners: &[&str],
) -> Arc<GroupSpec> {
    let result_handler = DEFAULT_RESULT_HANDLER.to_owned();
    let listener = ListenerSpec { buffer_size, events: events.to_vec(), result_handler };
    let processes = listeners.iter().map(|it| Arc::new(ProcessSpec { startsecs: 0, ..process(it) }));
    Arc::new(GroupSpec {
        name: GroupName::parse(name).unwrap(),
        priority: -1,
        kind: GroupKind::Listener(listener),
        processes: processes.collect(),
    })
}

pub(super) fn heard(child: u64, said: Vec<Said>) -> Input {
    Input::Heard { child: ChildId(child), said }
}

pub(super) fn ready(child: u64) -> Input {
    heard(child, vec![Said::Ready])
}

/// A whole answer, and then `READY`.
pub(super) fn answer(child: u64, text: &str) -> Input {
    let text = text.as_bytes().to_vec();
    heard(child, vec![Said::Begun(b"RESULT".to_vec()), Said::Answer(text), Said::Ready])
}

pub(super) fn remote(kind: &str) -> Input {
    Input::Publish(Event::RemoteCommunication { kind: kind.to_owned(), data: String::new() })
}

const REMOTE: &[EventType] = &[EventType::RemoteCommunication];

/// A bench with one pool of `listeners` for what clients send, all of which run and are ready.
fn listening(buffer_size: Option<i64>, listeners: &[&str]) -> Bench {
    let mut bench = Bench::begun(vec![pool("ear", buffer_size, REMOTE, listeners)]);
    for child in (1..).take(listeners.len()) {
        bench.spawned(child).tell(ready(child));
    }
    bench.forget();
    bench
}

#[test]
fn a_pool_hears_of_its_own_birth_and_of_all_that_follows() {
    let mut bench =
        Bench::begun(vec![pool("ear", None, &[EventType::Event], &["ear"]), alone(process("cat"))]);
    bench.spawned(1).spawned(2).forget();
    bench.tell(ready(1));
    for _ in 0..5 {
        bench.tell(answer(1, "OK"));
    }
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 DEBG ear: ACKNOWLEDGED -> READY
    0.000 DEBG event 0 sent to listener ear
    0.000 event 0/0 to #1: PROCESS_GROUP_ADDED groupname:ear
    0.000 DEBG ear: event was processed
    0.000 DEBG ear: BUSY -> ACKNOWLEDGED
    0.000 DEBG ear: ACKNOWLEDGED -> READY
    0.000 DEBG event 1 sent to listener ear
    0.000 event 1/1 to #1: PROCESS_GROUP_ADDED groupname:cat
    0.000 DEBG ear: event was processed
    0.000 DEBG ear: BUSY -> ACKNOWLEDGED
    0.000 DEBG ear: ACKNOWLEDGED -> READY
    0.000 DEBG event 2 sent to listener ear
    0.000 event 2/2 to #1: SUPERVISOR_STATE_CHANGE_RUNNING
    0.000 DEBG ear: event was processed
    0.000 DEBG ear: BUSY -> ACKNOWLEDGED
    0.000 DEBG ear: ACKNOWLEDGED -> READY
    0.000 DEBG event 3 sent to listener ear
    0.000 event 3/3 to #1: PROCESS_STATE_STARTING processname:ear groupname:ear from_state:STOPPED tries:0
    0.000 DEBG ear: event was processed
    0.000 DEBG ear: BUSY -> ACKNOWLEDGED
    0.000 DEBG ear: ACKNOWLEDGED -> READY
    0.000 DEBG event 4 sent to listener ear
    0.000 event 4/4 to #1: PROCESS_STATE_STARTING processname:cat groupname:cat from_state:STOPPED tries:0
    0.000 DEBG ear: event was processed
    0.000 DEBG ear: BUSY -> ACKNOWLEDGED
    0.000 DEBG ear: ACKNOWLEDGED -> READY
    0.000 DEBG event 5 sent to listener ear
    0.000 event 5/5 to #1: PROCESS_STATE_RUNNING processname:ear groupname:ear from_state:STARTING pid:1001
    ");
}

#[test]
fn only_who_runs_and_is_ready_gets_events_and_in_order() {
    let mut bench = Bench::begun(vec![pool("ear", None, REMOTE, &["a", "b"])]);
    bench.forget().tell(remote("one")).tell(remote("two")).tell(remote("three"));
    bench.tell(ready(1)).spawned(2).tell(ready(2)).spawned(1).tell(answer(2, "OK"));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 REMOTE_COMMUNICATION type:one
    0.000 REMOTE_COMMUNICATION type:two
    0.000 REMOTE_COMMUNICATION type:three
    0.000 DEBG a: ACKNOWLEDGED -> READY
    0.000 INFO spawned: 'b' with pid 1002
    0.000 ear:b: STARTING -> RUNNING Pid(1002)
    0.000 INFO success: b entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)
    0.000 DEBG b: ACKNOWLEDGED -> READY
    0.000 DEBG event 0 sent to listener b
    0.000 event 0/0 to #2: REMOTE_COMMUNICATION type:one
    0.000 INFO spawned: 'a' with pid 1001
    0.000 ear:a: STARTING -> RUNNING Pid(1001)
    0.000 INFO success: a entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)
    0.000 DEBG event 1 sent to listener a
    0.000 event 1/1 to #1: REMOTE_COMMUNICATION type:two
    0.000 DEBG b: event was processed
    0.000 DEBG b: BUSY -> ACKNOWLEDGED
    0.000 DEBG b: ACKNOWLEDGED -> READY
    0.000 DEBG event 2 sent to listener b
    0.000 event 2/2 to #2: REMOTE_COMMUNICATION type:three
    ");
}

#[test]
fn a_number_is_taken_only_by_events_that_somebody_wants_and_is_the_same_in_all_pools() {
    let ticks = pool("ticks", None, &[EventType::Tick, EventType::RemoteCommunication], &["a"]);
    let mut bench = Bench::begun(vec![ticks, pool("ear", None, REMOTE, &["b"])]);
    bench.spawned(1).spawned(2).tell(ready(1)).tell(ready(2)).until(5.0).forget();
    bench.tell(answer(1, "OK")).tell(remote("one"));
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 DEBG a: event was processed
    5.000 DEBG a: BUSY -> ACKNOWLEDGED
    5.000 DEBG a: ACKNOWLEDGED -> READY
    5.000 REMOTE_COMMUNICATION type:one
    5.000 DEBG event 1 sent to listener b
    5.000 event 1/0 to #2: REMOTE_COMMUNICATION type:one
    5.000 DEBG event 1 sent to listener a
    5.000 event 1/1 to #1: REMOTE_COMMUNICATION type:one
    ");
}

#[test]
fn a_full_pool_drops_the_oldest_and_says_so() {
    let mut bench = Bench::begun(vec![pool("ear", Some(2), REMOTE, &["ear"])]);
    bench.forget();
    for kind in ["one", "two", "three"] {
        bench.tell(remote(kind));
    }
    bench.spawned(1).tell(ready(1));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 REMOTE_COMMUNICATION type:one
    0.000 REMOTE_COMMUNICATION type:two
    0.000 ERRO pool ear event buffer overflowed, discarding event 0
    0.000 REMOTE_COMMUNICATION type:three
    0.000 INFO spawned: 'ear' with pid 1001
    0.000 ear: STARTING -> RUNNING Pid(1001)
    0.000 INFO success: ear entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)
    0.000 DEBG ear: ACKNOWLEDGED -> READY
    0.000 DEBG event 1 sent to listener ear
    0.000 event 1/1 to #1: REMOTE_COMMUNICATION type:two
    ");
    let pools = bench.machine.pools();
    assert_eq!((pools[0].waiting, pools[0].dropped), (1, 1));
}

#[test]
fn a_burst_of_drops_is_told_when_it_begins_and_when_it_is_over() {
    let mut bench = listening(Some(2), &["ear"]);
    let told = |bench: &mut Bench| {
        let journal = bench.journal();
        bench.forget();
        let told = |it: &&str| it.contains("pool") && !it.contains("DEBG");
        journal.lines().map(str::trim).filter(told).map(str::to_owned).collect::<Vec<_>>()
    };
    for _ in 0..10 {
        bench.tell(remote("kind"));
    }
    // The listener has one in its hands, two wait, and of the others one line tells.
    assert_eq!(told(&mut bench), ["0.000 ERRO pool ear event buffer overflowed, discarding event 1"]);
    // It goes on as long as something waits, however slowly that is taken.
    bench.tell(answer(1, "OK")).tell(remote("kind")).tell(remote("kind"));
    assert_eq!(told(&mut bench), [""; 0]);
    bench.tell(answer(1, "OK")).tell(answer(1, "OK"));
    assert_eq!(
        told(&mut bench),
        ["0.000 WARN pool ear has handed out all that waited; 8 events were discarded since it overflowed"]
    );
    assert_eq!(bench.machine.pools()[0].dropped, 8);
    for _ in 0..4 {
        bench.tell(remote("kind"));
    }
    assert_eq!(told(&mut bench), ["0.000 ERRO pool ear event buffer overflowed, discarding event 12"]);
}

#[test]
fn an_unwritten_size_is_enough_for_a_thousand_programs_but_not_for_any_number_of_bytes() {
    let programs = (0..1000).map(|number| alone(process(&format!("p{number}"))));
    let ear = pool("ear", None, &[EventType::Event], &["ear"]);
    let mut bench = Bench::begun(std::iter::once(ear).chain(programs).collect());
    for child in 2..1002 {
        bench.spawned(child);
    }
    bench.until(2.0);
    assert_eq!(bench.machine.pools()[0].dropped, 0);
    let data = "x".repeat(POOL_BYTES_MAX / 4);
    for _ in 0..UNWRITTEN_BUFFER_SIZE.min(6) {
        let kind = String::new();
        bench.tell(Input::Publish(Event::RemoteCommunication { kind, data: data.clone() }));
    }
    assert_eq!(bench.machine.pools()[0].waiting, 4);
}

#[test]
fn a_rejected_event_rests_and_comes_again_first_and_in_its_own_pool_only() {
    let other = pool("other", None, REMOTE, &["other"]);
    let mut bench = Bench::begun(vec![pool("ear", None, REMOTE, &["ear"]), other]);
    bench
        .spawned(1)
        .spawned(2)
        .tell(ready(1))
        .tell(ready(2))
        .tell(remote("one"))
        .tell(remote("two"))
        .forget();
    bench.tell(answer(1, "FAIL"));
    assert_eq!(bench.machine.deadline().unwrap().1, Reason::Redeliver(GroupName::parse("ear").unwrap()));
    bench.tell(remote("three")).until(1.5).tell(answer(2, "OK"));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 WARN ear: event was rejected
    0.000 DEBG ear: BUSY -> ACKNOWLEDGED
    0.000 DEBG ear: ACKNOWLEDGED -> READY
    0.000 DEBG rebuffering event 0 for pool ear (buf size=1, max=10000)
    0.000 REMOTE_COMMUNICATION type:three
    1.000 DEBG event 0 sent to listener ear
    1.000 event 0/0 to #1: REMOTE_COMMUNICATION type:one
    1.500 DEBG other: event was processed
    1.500 DEBG other: BUSY -> ACKNOWLEDGED
    1.500 DEBG other: ACKNOWLEDGED -> READY
    1.500 DEBG event 1 sent to listener other
    1.500 event 1/1 to #2: REMOTE_COMMUNICATION type:two
    ");
}

#[test]
fn where_nobody_can_judge_an_answer_it_is_accepted_unless_it_is_fail() {
    let mut spec = (*pool("ear", None, REMOTE, &["ear"])).clone();
    if let GroupKind::Listener(listener) = &mut spec.kind {
        "supervisor_stdout:event_handler".clone_into(&mut listener.result_handler);
    }
    let mut bench = Bench::begun(vec![Arc::new(spec)]);
    bench.spawned(1).tell(ready(1)).tell(remote("one")).tell(remote("two")).forget();
    bench.tell(answer(1, "processname:cat\nmeow"));
    assert!(bench.journal().contains("ear: event was processed"), "{}", bench.journal());
    bench.forget().tell(answer(1, "FAIL"));
    assert!(bench.journal().contains("ear: event was rejected"), "{}", bench.journal());
}

#[test]
fn a_listener_that_always_fails_gets_one_event_a_second() {
    let mut bench = listening(None, &["ear"]);
    bench.tell(remote("one"));
    for second in 1..10 {
        bench.tell(answer(1, "FAIL")).forget().until(f64::from(second) - 0.01);
        assert_eq!(bench.journal(), "");
        bench.until(f64::from(second));
        assert!(bench.journal().contains("event 0/0 to #1"));
    }
}

#[test]
fn who_dies_with_an_event_gives_it_back() {
    let mut bench = listening(None, &["a", "b"]);
    bench.tell(remote("one")).tell(remote("two")).tell(remote("three")).forget();
    bench.exited(1, killed_by(Signal::KILL)).tell(answer(2, "OK"));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 bury #1
    0.000 ear:a: RUNNING -> EXITED Ended { pid: 1001, expected: false }
    0.000 WARN exited: a (terminated by SIGKILL; not expected)
    0.000 DEBG rebuffering event 0 for pool ear (buf size=1, max=10000)
    0.000 DEBG b: event was processed
    0.000 DEBG b: BUSY -> ACKNOWLEDGED
    0.000 DEBG b: ACKNOWLEDGED -> READY
    0.000 DEBG event 0 sent to listener b
    0.000 event 0/0 to #2: REMOTE_COMMUNICATION type:one
    ");
}

#[test]
fn who_cannot_be_written_to_gets_nothing_more() {
    let mut bench = listening(None, &["a", "b"]);
    bench.tell(remote("one")).forget();
    bench.tell(Input::SendFailed { child: ChildId(1), serial: 0, closed: true });
    bench.tell(answer(2, "OK")).tell(remote("two"));
    bench.tell(Input::SendFailed { child: ChildId(2), serial: 1, closed: false }).until(2.0);
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 DEBG epipe occurred while sending event 0 to listener a, listener state unchanged
    0.000 DEBG rebuffering event 0 for pool ear (buf size=0, max=10000)
    0.000 DEBG event 0 sent to listener b
    0.000 event 0/0 to #2: REMOTE_COMMUNICATION type:one
    0.000 DEBG b: event was processed
    0.000 DEBG b: BUSY -> ACKNOWLEDGED
    0.000 DEBG b: ACKNOWLEDGED -> READY
    0.000 REMOTE_COMMUNICATION type:two
    0.000 DEBG event 1 sent to listener b
    0.000 event 1/1 to #2: REMOTE_COMMUNICATION type:two
    0.000 DEBG no room for event 1 in the standard input of listener b, which does not read; it is tried again
    0.000 DEBG rebuffering event 1 for pool ear (buf size=0, max=10000)
    1.000 DEBG event 1 sent to listener b
    1.000 event 1/1 to #2: REMOTE_COMMUNICATION type:two
    ");
}

#[test]
fn who_breaks_the_protocol_is_restarted_three_times_an_hour() {
    let mut bench = listening(None, &["ear"]);
    let nonsense = |child| heard(child, vec![Said::Nonsense(b"hello\n".to_vec())]);
    bench.tell(heard(1, vec![Said::Begun(b"x".to_vec()), Said::BadResult(b"x".to_vec())]));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 WARN ear: sent b'x', which is not part of the eventlistener protocol in state READY
    0.000 DEBG ear: READY -> UNKNOWN
    0.000 WARN ear: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated the eventlistener protocol
    0.000 WARN ear: is killed so that it begins anew
    0.000 send SIGKILL to #1
    ");
    for child in 1..=3 {
        bench.exited(child, killed_by(Signal::KILL)).until(f64::from(u32::try_from(child).unwrap()) * 2.0);
        bench.spawned(child + 1).tell(nonsense(child + 1));
    }
    let journal = bench.journal();
    assert_eq!(journal.matches("SIGKILL to").count(), 2);
    assert!(journal.ends_with("it was restarted 3 times within 3600 seconds\n"), "{journal}");
    bench.tell(remote("one")).tell(ready(4)).until(8000.0);
    let journal = bench.journal();
    assert_eq!(journal, " 6.000 REMOTE_COMMUNICATION type:one\n", "it is told nothing any more");
    // Later it gets another chance.
    assert!(bench.stamp().mono.0 > MENDING_PERIOD + Duration::from_secs(10));
    bench.exited(4, exit(1)).spawned(5).forget().tell(nonsense(5));
    assert!(bench.journal().contains("SIGKILL to #5"));
}

#[test]
fn what_is_said_after_ready_in_one_breath_costs_no_event() {
    let mut bench = Bench::begun(vec![pool("ear", None, REMOTE, &["ear"])]);
    bench.spawned(1).tell(remote("one")).forget();
    bench.tell(heard(1, vec![Said::Ready, Said::Begun(b"\n".to_vec())]));
    let journal = bench.journal();
    assert!(!journal.contains("event 0/0"), "{journal}");
    assert!(journal.contains(r"sent b'\n', which is not part of the eventlistener protocol in state READY"));
}

#[test]
fn a_listener_that_would_not_come_back_is_not_killed() {
    let mut spec = (*pool("ear", None, REMOTE, &["ear"])).clone();
    let never = ProcessSpec { autorestart: model::spec::AutoRestart::Never, ..(*spec.processes[0]).clone() };
    spec.processes = vec![Arc::new(never)];
    let mut bench = Bench::begun(vec![Arc::new(spec)]);
    bench.spawned(1).tell(heard(1, vec![Said::Nonsense(b"hello\n".to_vec())])).until(100.0);
    assert!(!bench.journal().contains("SIGKILL"));
}

#[test]
fn clocks_run_only_while_somebody_listens() {
    let mut bench = Bench::begun(vec![pool("ear", None, &[EventType::Tick], &["ear"])]);
    bench.spawned(1).exited(1, exit(0)).forget().until(61.0);
    let journal = bench.journal();
    assert_eq!(journal.matches("TICK_5 ").count(), 12);
    assert_eq!(journal.matches("60.000 TICK_60 when:60\n").count(), 1, "{journal}");
    let name = "ear".to_owned();
    bench.ask(Request::RemoveGroup { name });
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn each_clock_strikes_at_the_full_period() {
    let mut bench = Bench::begun(vec![pool("ear", None, &[EventType::Tick], &["ear"])]);
    bench.spawned(1).forget().until(7201.0);
    let journal = bench.journal();
    let strikes = |kind: &str| -> Vec<String> {
        let lines = journal.lines().map(str::trim).filter(|it| it.contains(&format!("{kind} ")));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(strikes("TICK_3600"), ["3600.000 TICK_3600 when:3600", "7200.000 TICK_3600 when:7200"]);
    assert_eq!((strikes("TICK_60").len(), strikes("TICK_5").len()), (120, 1440));
}

#[test]
fn what_a_program_writes_is_an_event_if_it_was_asked_for() {
    let mut cat = process("cat");
    cat.stdout.events_enabled = true;
    let events = &[EventType::ProcessLog, EventType::ProcessCommunication];
    let mut bench = Bench::begun(vec![pool("ear", None, events, &["ear"]), alone(cat)]);
    bench.spawned(1).spawned(2).tell(ready(1)).forget();
    let (child, bytes) = (ChildId(2), b"meow".to_vec());
    for channel in [Channel::Stdout, Channel::Stderr] {
        bench.tell(Input::Wrote { child, channel, bytes: bytes.clone() });
    }
    bench.tell(Input::Captured { child, channel: Channel::Stderr, bytes }).tell(answer(1, "OK"));
    insta::assert_snapshot!(bench.journal(), @r"
     0.000 DEBG event 0 sent to listener ear
     0.000 event 0/0 to #1: PROCESS_LOG_STDOUT processname:cat groupname:cat pid:1002 channel:stdout
    meow
     0.000 DEBG 'cat' stderr emitted a comm event
     0.000 PROCESS_COMMUNICATION_STDERR processname:cat groupname:cat pid:1002
    meow
     0.000 DEBG ear: event was processed
     0.000 DEBG ear: BUSY -> ACKNOWLEDGED
     0.000 DEBG ear: ACKNOWLEDGED -> READY
     0.000 DEBG event 1 sent to listener ear
     0.000 event 1/1 to #1: PROCESS_COMMUNICATION_STDERR processname:cat groupname:cat pid:1002
    meow
    ");
    assert!(bench.machine.is_listener(&named("ear", "ear")));
    assert!(!bench.machine.is_listener(&named("cat", "cat")));
}
