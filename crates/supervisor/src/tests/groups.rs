use model::spec::ProcessSpec;

use super::bench::{Bench, alone, exit, group, named, process};
use crate::input::{Input, Request};
use crate::reload::ProcessChange;

fn add(name: &str) -> Request {
    Request::AddGroup { name: name.to_owned() }
}

fn remove(name: &str) -> Request {
    Request::RemoveGroup { name: name.to_owned() }
}

#[test]
fn everything_begins_in_order_of_priority() {
    let spec = |name, priority| ProcessSpec { priority, ..process(name) };
    let mut bench = Bench::begun(vec![
        group("a", 1, vec![spec("late", 9), spec("early", 1)]),
        group("b", 2, vec![spec("b", 0), ProcessSpec { autostart: false, ..process("idle") }]),
    ]);
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 open a
    0.000 PROCESS_GROUP_ADDED groupname:a
    0.000 open b
    0.000 PROCESS_GROUP_ADDED groupname:b
    0.000 SUPERVISOR_STATE_CHANGE_RUNNING
    0.000 a:early: STOPPED -> STARTING Tries(0)
    0.000 spawn a:early #1
    0.000 a:late: STOPPED -> STARTING Tries(0)
    0.000 spawn a:late #2
    0.000 b: STOPPED -> STARTING Tries(0)
    0.000 spawn b #3
    ");
}

#[test]
fn a_group_is_added_and_removed_as_the_configuration_has_it() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    bench.spawned(1).until(2.0).forget();
    bench.ask(add("a")).ask(add("b")).ask(remove("a")).ask(remove("b"));
    bench.tell(Input::Reread { groups: vec![alone(process("b"))], tape: 0 });
    bench.ask(add("a")).ask(add("b")).spawned(2).stop("a", false).exited(1, exit(0)).ask(remove("a"));
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 answer 1: ALREADY_ADDED: a
    2.000 answer 2: BAD_NAME: b
    2.000 answer 3: STILL_RUNNING: a
    2.000 answer 4: BAD_NAME: b
    2.000 answer 5: BAD_NAME: a
    2.000 open b
    2.000 PROCESS_GROUP_ADDED groupname:b
    2.000 b: STOPPED -> STARTING Tries(0)
    2.000 spawn b #2
    2.000 answer 6: done
    2.000 INFO spawned: 'b' with pid 1002
    2.000 DEBG killing a (pid 1001) with signal SIGTERM
    2.000 a: RUNNING -> STOPPING Pid(1001)
    2.000 send SIGTERM to #1
    2.000 answer 7: done
    2.000 bury #1
    2.000 a: STOPPING -> STOPPED Pid(1001)
    2.000 INFO stopped: a (exit status 0)
    2.000 close a
    2.000 PROCESS_GROUP_REMOVED groupname:a
    2.000 answer 8: done
    ");
    assert_eq!(bench.machine.groups().map(|it| it.name.to_string()).collect::<Vec<_>>(), ["b"]);
    assert!(bench.machine.info(&named("a", "a"), bench.stamp()).is_none());
}

#[test]
fn a_removed_group_leaves_no_timer_behind() {
    let spec = ProcessSpec { startsecs: 0, ..process("a") };
    let mut bench = Bench::begun(vec![alone(spec)]);
    bench.spawned(1).exited(1, exit(1));
    assert!(bench.machine.deadline().is_some());
    bench.ask(remove("a"));
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn a_change_set_tells_what_differs() {
    let two = |a: ProcessSpec, b: ProcessSpec| group("two", 5, vec![a, b]);
    let bench = Bench::begun(vec![
        alone(process("z")),
        alone(process("same")),
        two(process("p"), process("q")),
        alone(process("y")),
    ]);
    let changed = ProcessSpec { startsecs: 5, autostart: false, ..process("q") };
    let new = vec![alone(process("new")), alone(process("same")), two(changed, process("r"))];
    let set = bench.machine.changes(&new);
    assert_eq!(set.added, [named("new", "new").group]);
    assert_eq!(
        set.removed,
        [named("z", "z").group, named("y", "y").group],
        "in the order they became active"
    );
    assert_eq!(set.changed, [named("two", "p").group]);
    let [detail] = &*set.details else { panic!("one group has changed: {set:?}") };
    let processes: Vec<_> = detail.processes.iter().map(|(name, it)| (name.as_str(), it.clone())).collect();
    assert_eq!(
        processes,
        [
            ("p", ProcessChange::Removed),
            ("q", ProcessChange::Changed(vec!["autostart", "startsecs"])),
            ("r", ProcessChange::Added),
        ]
    );
    assert_eq!((detail.options.len(), detail.reordered), (0, false));

    let same = bench.machine.changes(bench.machine.configured());
    assert_eq!(same, crate::reload::ChangeSet::default());
}
