use std::collections::BTreeMap;

use model::child::ChildId;
use model::name::Namespec;
use model::signal::Signal;
use model::spawn::SpawnFailure;
use model::spec::ProcessSpec;

use super::bench::{Bench, alone, exit, group, killed_by, named, process};
use crate::input::{Input, Request, RequestId, Selection};
use crate::supervisor::Found;

fn idle(name: &str) -> ProcessSpec {
    ProcessSpec { autostart: false, ..process(name) }
}

#[test]
fn who_waits_for_a_start_is_answered_when_it_is_up() {
    let mut bench = Bench::begun(vec![alone(idle("a"))]);
    bench.start("a", true).forget().spawned(1).until(2.0);
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 INFO spawned: 'a' with pid 1001
    1.000 a: STARTING -> RUNNING Pid(1001)
    1.000 INFO success: a entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    1.000 answer 1: done
    ");
}

#[test]
fn who_does_not_wait_is_answered_when_there_is_a_child() {
    let mut bench = Bench::begun(vec![alone(idle("a"))]);
    bench.start("a", false).forget().spawned(1);
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 INFO spawned: 'a' with pid 1001
    0.000 answer 1: done
    ");
}

#[test]
fn a_start_is_refused_in_the_words_of_the_original() {
    let obstacle = |failure| Request::Start {
        name: named("a", "a"),
        named: "a".to_owned(),
        wait: true,
        obstacle: Some(failure),
    };
    let mut bench = Bench::begun(vec![alone(idle("a"))]);
    bench.ask(obstacle(SpawnFailure::Missing("/no".to_owned())));
    bench.ask(obstacle(SpawnFailure::Directory("/tmp".to_owned())));
    bench.start("b", true).forget().start("b", true).stop("a", true);
    let hup =
        |name: &str| Request::Signal { name: named(name, name), named: name.to_owned(), signal: Signal::HUP };
    bench.ask(hup("a")).ask(hup("b"));
    bench.start("a", false).start("a", true);
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 answer 4: BAD_NAME: b
    0.000 answer 5: NOT_RUNNING: a
    0.000 answer 6: NOT_RUNNING: a
    0.000 answer 7: BAD_NAME: b
    0.000 a: STOPPED -> STARTING Tries(0)
    0.000 spawn a #1
    0.000 answer 9: ALREADY_STARTED: a
    ");
}

#[test]
fn an_obstacle_is_told_before_all_but_the_name() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    let start = |name: &str| Request::Start {
        name: named(name, name),
        named: name.to_owned(),
        wait: false,
        obstacle: Some(SpawnFailure::Missing("/no".to_owned())),
    };
    bench.forget().ask(start("a")).ask(start("b"));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 answer 1: NO_FILE: can't find command '/no'
    0.000 answer 2: BAD_NAME: b
    ");
}

#[test]
fn a_start_that_fails_is_answered_with_the_reason() {
    let mut bench = Bench::begun(vec![alone(idle("a")), alone(idle("b")), alone(idle("c"))]);
    bench.start("a", true).start("b", false).start("c", true).forget();
    bench.spawned(1).exited(1, exit(0));
    bench.tell(Input::SpawnFailed { child: ChildId(2), failure: SpawnFailure::TooManyProcesses("b".into()) });
    bench.spawned(3).stop("c", false);
    let journal = bench.journal();
    let answers: Vec<_> = journal.lines().filter(|it| it.contains("answer")).collect();
    assert_eq!(
        answers,
        [
            " 0.000 answer 1: SPAWN_ERROR: a",
            " 0.000 answer 2: SPAWN_ERROR: b",
            " 0.000 answer 4: done",
            " 0.000 answer 3: ABNORMAL_TERMINATION: c",
        ]
    );
}

#[test]
fn a_start_while_stopping_is_answered_as_ever_and_the_log_tells_the_truth() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    bench.spawned(1).until(5.0).stop("a", false).forget().start("a", false).start("a", true);
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 WARN process 'a' already running
    5.000 answer 2: done
    5.000 WARN process 'a' already running
    5.000 answer 3: ABNORMAL_TERMINATION: a
    ");
}

#[test]
fn many_are_started_by_priority_and_answered_as_they_settle() {
    let spec = |name, priority| ProcessSpec { priority, ..idle(name) };
    let processes = vec![spec("late", 30), spec("gone", 20), spec("first", 10), process("up")];
    let mut bench = Bench::begun(vec![group("g", 1, processes)]);
    bench.forget().ask(Request::StartMany {
        selection: Selection::All,
        obstacles: BTreeMap::new(),
        wait: true,
    });
    let failure = SpawnFailure::Missing("/no".to_owned());
    bench.spawned(4).tell(Input::SpawnFailed { child: ChildId(3), failure }).spawned(2).until(0.5);
    bench.exited(4, exit(0)).until(1.0);
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 g:first: STOPPED -> STARTING Tries(0)
    0.000 spawn g:first #2
    0.000 g:gone: STOPPED -> STARTING Tries(0)
    0.000 spawn g:gone #3
    0.000 g:late: STOPPED -> STARTING Tries(0)
    0.000 spawn g:late #4
    0.000 INFO spawned: 'late' with pid 1004
    0.000 INFO spawnerr: can't find command '/no'
    0.000 g:gone: STARTING -> BACKOFF Tries(1)
    0.000 INFO spawned: 'first' with pid 1002
    0.500 bury #4
    0.500 g:late: STARTING -> BACKOFF Tries(1)
    0.500 WARN exited: late (exit status 0; not expected)
    1.000 g:gone: BACKOFF -> STARTING Tries(1)
    1.000 spawn g:gone #5
    1.000 g:first: STARTING -> RUNNING Pid(1002)
    1.000 INFO success: first entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    1.000 answer 1: [g:gone NO_FILE: can't find command '/no', g:late SPAWN_ERROR: g:late, g:first done]
    ");
}

#[test]
fn nobody_to_start_or_stop_is_answered_at_once() {
    let mut bench = Bench::begun(vec![alone(idle("a"))]);
    bench.forget().stop_all();
    let elsewhere = Selection::Group(named("b", "b").group);
    bench.ask(Request::StartMany { selection: elsewhere, obstacles: BTreeMap::new(), wait: true });
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 answer 1: []
    0.000 answer 2: BAD_NAME: b
    ");
}

#[test]
fn all_are_stopped_in_ascending_order_and_awaited() {
    let spec = |name, priority| ProcessSpec { priority, ..process(name) };
    let mut bench = Bench::begun(vec![group("g", 1, vec![spec("one", 1), spec("two", 2), spec("waits", 3)])]);
    bench.spawned(1).spawned(2).spawned(3).exited(3, exit(1)).until(0.9).forget().stop_all();
    bench.until(1.2).exited(2, killed_by(Signal::TERM)).until(3.5).exited(1, exit(0));
    insta::assert_snapshot!(bench.journal(), @r"
    0.900 DEBG killing one (pid 1001) with signal SIGTERM
    0.900 g:one: STARTING -> STOPPING Pid(1001)
    0.900 send SIGTERM to #1
    0.900 INFO waiting for one to stop
    0.900 DEBG killing two (pid 1002) with signal SIGTERM
    0.900 g:two: STARTING -> STOPPING Pid(1002)
    0.900 send SIGTERM to #2
    0.900 INFO waiting for two to stop
    0.900 DEBG Attempted to kill waits, which is in BACKOFF state.
    0.900 g:waits: BACKOFF -> STOPPED Pid(0)
    1.200 bury #2
    1.200 g:two: STOPPING -> STOPPED Pid(1002)
    1.200 WARN stopped: two (terminated by SIGTERM)
    2.900 INFO waiting for one to stop
    3.500 bury #1
    3.500 g:one: STOPPING -> STOPPED Pid(1001)
    3.500 INFO stopped: one (exit status 0)
    3.500 answer 1: [g:waits done, g:two done, g:one done]
    ");
}

#[test]
fn a_client_that_leaves_is_not_answered_and_what_it_asked_for_goes_on() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    bench.spawned(1).until(5.0).stop("a", true).forget();
    bench.tell(Input::Abandoned { id: RequestId(1) }).tell(Input::Abandoned { id: RequestId(9) });
    bench.until(8.0).exited(1, exit(0));
    insta::assert_snapshot!(bench.journal(), @r"
    8.000 bury #1
    8.000 a: STOPPING -> STOPPED Pid(1001)
    8.000 INFO stopped: a (exit status 0)
    ");
}

#[test]
fn signals_reach_the_process_and_not_its_group() {
    let spec = ProcessSpec { stopasgroup: true, killasgroup: true, ..process("a") };
    let mut bench = Bench::begun(vec![alone(spec), alone(idle("b"))]);
    bench.spawned(1).until(5.0).forget();
    bench.ask(Request::Signal { name: named("a", "a"), named: "a".to_owned(), signal: Signal::HUP });
    bench.ask(Request::SignalMany { selection: Selection::All, signal: Signal::USR2 });
    insta::assert_snapshot!(bench.journal(), @r"
    5.000 DEBG sending a (pid 1001) sig SIGHUP
    5.000 send SIGHUP to #1
    5.000 answer 1: done
    5.000 DEBG sending a (pid 1001) sig SIGUSR2
    5.000 send SIGUSR2 to #1
    5.000 answer 2: [a done]
    ");
}

#[test]
fn a_namespec_finds_processes_and_groups() {
    let bench = Bench::begun(vec![alone(process("a")), group("g", 1, vec![process("p")])]);
    let find = |text| bench.machine.find(Namespec::parse(text));
    assert_eq!(find("a"), Found::Process(named("a", "a")));
    assert_eq!(find("a:*"), Found::Group(named("a", "a").group));
    assert_eq!(find("g:p"), Found::Process(named("g", "p")));
    assert_eq!(find("g:"), Found::Group(named("g", "p").group));
    for nothing in ["g", "p", "g:a", "h:*", "", ":"] {
        assert_eq!(find(nothing), Found::Nothing, "{nothing}");
    }
}
