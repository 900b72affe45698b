use std::sync::Arc;

use model::keeping::{Compression, LogFormat, LogKeeping, OnFull, RotateWhen};
use model::name::GroupName;
use model::spec::{AutoRestart, CommandLine, GroupKind, GroupSpec, ListenerSpec, LogTarget, ProcessSpec};

use super::bench::{Bench, alone, exit, group, named, process};
use crate::input::{Departure, Input, Request, RequestId};
use crate::plan::{RULES, Reach};

fn update(configured: &[Arc<GroupSpec>]) -> Request {
    Request::Update { names: None, configured: configured.to_vec(), tape: 0 }
}

/// The same with another command.
fn other(spec: ProcessSpec) -> ProcessSpec {
    ProcessSpec { command: CommandLine { text: "other".to_owned(), words: Ok(vec![]) }, ..spec }
}

fn three(first: ProcessSpec, second: ProcessSpec, third: ProcessSpec) -> Arc<GroupSpec> {
    group("g", 5, vec![first, second, third])
}

/// `g` with `a`, `b` and `c`, all of them up since second 1.
fn up() -> Bench {
    let mut bench = Bench::begun(vec![three(process("a"), process("b"), process("c"))]);
    bench.spawned(1).spawned(2).spawned(3).until(2.0).forget();
    bench
}

#[test]
fn every_option_has_a_rule_and_no_rule_is_about_nothing() {
    let old = process("a");
    let mut new = other(process("b"));
    new.directory = Some("/".to_owned());
    new.umask = Some(0);
    new.priority = 1;
    new.autostart = false;
    new.autorestart = AutoRestart::Always;
    (new.startsecs, new.startretries, new.stopwaitsecs) = (7, 7, 7);
    new.user = Some(model::spec::UserSpec { text: "x".to_owned(), uid: 7 });
    new.stopsignal = model::signal::Signal::INT;
    (new.stopasgroup, new.killasgroup, new.stopastree, new.redirect_stderr) = (true, true, true, true);
    new.exitcodes = model::exit::ExitCodes(vec![7]);
    new.environment = vec![("A".to_owned(), "b".to_owned())];
    new.serverurl = model::spec::ServerUrl::Text(String::new());
    for stream in [&mut new.stdout, &mut new.stderr] {
        stream.target = LogTarget::Auto;
        (stream.maxbytes, stream.backups, stream.capture_maxbytes) = (7, 7, 7);
        (stream.events_enabled, stream.syslog) = (true, true);
        stream.keeping = LogKeeping {
            rotate: RotateWhen::Daily,
            compress: Compression::Gzip,
            total_maxbytes: 7,
            format: LogFormat::Json,
            on_full: OnFull::Drop,
            also: vec!["/dev/stdout".into()],
        };
    }
    let named: Vec<_> = RULES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(old.differing_options(&new), named);
}

#[test]
fn what_a_child_cannot_notice_is_changed_in_place() {
    let live: Vec<_> = RULES.iter().filter(|it| it.1 == Reach::Live).map(|it| it.0).collect();
    assert_eq!(
        live,
        [
            "autorestart",
            "autostart",
            "exitcodes",
            "killasgroup",
            "priority",
            "startretries",
            "startsecs",
            "stderr_logfile",
            "stderr_logfile_also",
            "stderr_logfile_backups",
            "stderr_logfile_compress",
            "stderr_logfile_maxbytes",
            "stderr_logfile_on_full",
            "stderr_logfile_rotate",
            "stderr_logfile_total_maxbytes",
            "stdout_logfile",
            "stdout_logfile_also",
            "stdout_logfile_backups",
            "stdout_logfile_compress",
            "stdout_logfile_maxbytes",
            "stdout_logfile_on_full",
            "stdout_logfile_rotate",
            "stdout_logfile_total_maxbytes",
            "stopasgroup",
            "stopastree",
            "stopsignal",
            "stopwaitsecs",
        ]
    );
}

#[test]
fn only_the_changed_member_is_replaced() {
    let mut bench = up();
    bench.ask(update(&[three(process("a"), other(process("b")), process("c"))]));
    bench.exited(2, exit(0)).spawned(4).until(4.0);
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 DEBG killing b (pid 1002) with signal SIGTERM
    2.000 g:b: RUNNING -> STOPPING Pid(1002)
    2.000 send SIGTERM to #2
    2.000 INFO waiting for b to stop
    2.000 bury #2
    2.000 g:b: STOPPING -> STOPPED Pid(1002)
    2.000 INFO stopped: b (exit status 0)
    2.000 INFO changed: b (command)
    2.000 change g:b
    2.000 g:b: STOPPED -> STARTING Tries(0)
    2.000 spawn g:b #4
    2.000 INFO spawned: 'b' with pid 1004
    3.000 g:b: STARTING -> RUNNING Pid(1004)
    3.000 INFO success: b entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    3.000 answer 1: [g:b restarted command]
    ");
    let same = bench.machine.plan(bench.machine.configured(), None).unwrap();
    assert_eq!(same, [], "nothing is left to do");
    assert!(!bench.machine.groups().next().unwrap().is_changed_by(&bench.machine.configured()[0]));
}

#[test]
fn a_change_in_place_is_obeyed_by_the_child_that_runs() {
    let mut bench = up();
    let patient = ProcessSpec { stopwaitsecs: 30, ..process("b") };
    bench.ask(update(&[three(process("a"), patient, process("c"))]));
    bench.ask(Request::Stop { name: named("g", "b"), named: "g:b".to_owned(), wait: false });
    bench.until(31.9);
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 INFO changed: b (stopwaitsecs)
    2.000 change g:b
    2.000 amend #2
    2.000 answer 1: [g:b changed stopwaitsecs]
    2.000 DEBG killing b (pid 1002) with signal SIGTERM
    2.000 g:b: RUNNING -> STOPPING Pid(1002)
    2.000 send SIGTERM to #2
    2.000 answer 2: done
    ");
    bench.until(32.0);
    assert!(bench.journal().contains("SIGKILL"));
}

#[test]
fn members_come_and_go_alone() {
    let mut bench = up();
    bench.ask(update(&[three(process("d"), process("c"), process("a"))]));
    bench.spawned(4).exited(2, exit(0)).until(4.0);
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 DEBG killing b (pid 1002) with signal SIGTERM
    2.000 g:b: RUNNING -> STOPPING Pid(1002)
    2.000 send SIGTERM to #2
    2.000 INFO waiting for b to stop
    2.000 open g:d
    2.000 g:d: STOPPED -> STARTING Tries(0)
    2.000 spawn g:d #4
    2.000 INFO spawned: 'd' with pid 1004
    2.000 bury #2
    2.000 g:b: STOPPING -> STOPPED Pid(1002)
    2.000 INFO stopped: b (exit status 0)
    2.000 close g:b
    3.000 g:d: STARTING -> RUNNING Pid(1004)
    3.000 INFO success: d entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    3.000 answer 1: [g:* changed order, g:b removed, g:d added]
    ");
    let spec = bench.machine.groups().next().unwrap().clone();
    assert_eq!(spec.processes.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["d", "c", "a"]);
    assert!(bench.machine.info(&named("g", "b"), bench.stamp()).is_none());
}

#[test]
fn groups_come_and_go_as_a_whole() {
    let mut bench = Bench::begun(vec![alone(process("old")), alone(process("kept"))]);
    bench.spawned(1).spawned(2).until(2.0).forget();
    bench.ask(update(&[alone(process("kept")), alone(process("new"))]));
    bench.spawned(3).exited(1, exit(0)).until(4.0);
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 DEBG killing old (pid 1001) with signal SIGTERM
    2.000 old: RUNNING -> STOPPING Pid(1001)
    2.000 send SIGTERM to #1
    2.000 INFO waiting for old to stop
    2.000 open new
    2.000 PROCESS_GROUP_ADDED groupname:new
    2.000 new: STOPPED -> STARTING Tries(0)
    2.000 spawn new #3
    2.000 INFO spawned: 'new' with pid 1003
    2.000 bury #1
    2.000 old: STOPPING -> STOPPED Pid(1001)
    2.000 INFO stopped: old (exit status 0)
    2.000 close old
    2.000 PROCESS_GROUP_REMOVED groupname:old
    3.000 new: STARTING -> RUNNING Pid(1003)
    3.000 INFO success: new entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    3.000 answer 1: [old:old removed, new:new added]
    ");
}

#[test]
fn a_group_of_another_kind_is_replaced_as_a_whole() {
    let pool = |buffer_size| {
        let listener = ListenerSpec { buffer_size, events: Vec::new(), result_handler: String::new() };
        let processes = vec![Arc::new(process("a")), Arc::new(process("b"))];
        let name = GroupName::parse("p").unwrap();
        Arc::new(GroupSpec { name, priority: -1, kind: GroupKind::Listener(listener), processes })
    };
    let mut bench = Bench::begun(vec![pool(Some(10))]);
    bench.spawned(1).spawned(2).until(2.0).forget();
    bench.ask(update(&[pool(Some(20))]));
    bench.exited(1, exit(0)).until(3.0).exited(2, exit(0)).spawned(3).spawned(4).until(5.0);
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 DEBG killing a (pid 1001) with signal SIGTERM
    2.000 p:a: RUNNING -> STOPPING Pid(1001)
    2.000 send SIGTERM to #1
    2.000 INFO waiting for a to stop
    2.000 DEBG killing b (pid 1002) with signal SIGTERM
    2.000 p:b: RUNNING -> STOPPING Pid(1002)
    2.000 send SIGTERM to #2
    2.000 INFO waiting for b to stop
    2.000 bury #1
    2.000 p:a: STOPPING -> STOPPED Pid(1001)
    2.000 INFO stopped: a (exit status 0)
    3.000 bury #2
    3.000 p:b: STOPPING -> STOPPED Pid(1002)
    3.000 INFO stopped: b (exit status 0)
    3.000 close p
    3.000 PROCESS_GROUP_REMOVED groupname:p
    3.000 open p
    3.000 PROCESS_GROUP_ADDED groupname:p
    3.000 p:a: STOPPED -> STARTING Tries(0)
    3.000 spawn p:a #3
    3.000 p:b: STOPPED -> STARTING Tries(0)
    3.000 spawn p:b #4
    3.000 INFO spawned: 'a' with pid 1003
    3.000 INFO spawned: 'b' with pid 1004
    4.000 p:a: STARTING -> RUNNING Pid(1003)
    4.000 INFO success: a entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    4.000 p:b: STARTING -> RUNNING Pid(1004)
    4.000 INFO success: b entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    4.000 answer 1: [p:a restarted buffer_size, p:b restarted buffer_size]
    ");
}

#[test]
fn one_that_waits_for_its_next_try_is_tried_at_once_with_its_new_options() {
    let mut bench = Bench::begun(vec![alone(process("a"))]);
    bench.spawned(1).exited(1, exit(1)).forget();
    bench.ask(update(&[alone(other(process("a")))])).spawned(2).until(2.0);
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 DEBG Attempted to kill a, which is in BACKOFF state.
    0.000 a: BACKOFF -> STOPPED Pid(0)
    0.000 INFO changed: a (command)
    0.000 change a
    0.000 a: STOPPED -> STARTING Tries(0)
    0.000 spawn a #2
    0.000 INFO spawned: 'a' with pid 1002
    1.000 a: STARTING -> RUNNING Pid(1002)
    1.000 INFO success: a entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    1.000 answer 1: [a:a restarted command]
    ");
}

#[test]
fn one_that_was_given_up_is_tried_again() {
    let spec = ProcessSpec { startretries: 0, ..process("a") };
    let mut bench = Bench::begun(vec![alone(spec.clone())]);
    bench.spawned(1).exited(1, exit(1)).forget();
    bench.ask(update(&[alone(other(spec))])).spawned(2).exited(2, exit(1));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 INFO changed: a (command)
    0.000 change a
    0.000 a: FATAL -> STARTING Tries(0)
    0.000 spawn a #2
    0.000 INFO spawned: 'a' with pid 1002
    0.000 bury #2
    0.000 a: STARTING -> BACKOFF Tries(1)
    0.000 WARN exited: a (exit status 1; not expected)
    0.000 a: BACKOFF -> FATAL None
    0.000 INFO gave up: a entered FATAL state, too many start retries too quickly
    0.000 answer 1: [a:a restarted command (SPAWN_ERROR: a)]
    ");
}

#[test]
fn one_that_is_not_to_run_is_left_down() {
    let idle = ProcessSpec { autostart: false, ..process("a") };
    let mut bench = Bench::begun(vec![alone(idle.clone())]);
    bench.forget().ask(update(&[alone(other(idle.clone()))]));
    bench.ask(update(&[alone(other(process("a")))])).spawned(1).until(2.0);
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 INFO changed: a (command)
    0.000 change a
    0.000 answer 1: [a:a changed command]
    0.000 INFO changed: a (autostart)
    0.000 change a
    0.000 a: STOPPED -> STARTING Tries(0)
    0.000 spawn a #1
    0.000 INFO spawned: 'a' with pid 1001
    1.000 a: STARTING -> RUNNING Pid(1001)
    1.000 INFO success: a entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    1.000 answer 2: [a:a changed autostart]
    ");
}

#[test]
fn a_second_update_overrules_the_first() {
    let mut bench = up();
    let before = three(process("a"), process("b"), process("c"));
    bench.ask(update(&[group("g", 5, vec![process("a"), process("c")])]));
    bench.ask(update(std::slice::from_ref(&before))).forget();
    bench.exited(2, exit(0)).spawned(4).until(4.0);
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 bury #2
    2.000 g:b: STOPPING -> STOPPED Pid(1002)
    2.000 INFO stopped: b (exit status 0)
    2.000 change g:b
    2.000 g:b: STOPPED -> STARTING Tries(0)
    2.000 spawn g:b #4
    2.000 INFO spawned: 'b' with pid 1004
    3.000 g:b: STARTING -> RUNNING Pid(1004)
    3.000 INFO success: b entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    3.000 answer 1: [g:b removed]
    3.000 answer 2: [g:* changed order, g:b restarted]
    ");
    assert_eq!(bench.machine.plan(&[before], None).unwrap(), []);
}

#[test]
fn a_child_that_cannot_be_reached_bars_the_way_and_is_told_of() {
    let mut bench = up();
    bench.ask(update(&[three(process("a"), other(process("b")), process("c"))])).forget();
    bench.tell(Input::SignalFailed {
        child: model::child::ChildId(2),
        signal: model::signal::Signal::TERM,
        gone: false,
        reason: "[Errno 1] Operation not permitted".to_owned(),
    });
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 CRIT unknown problem killing b (1002):[Errno 1] Operation not permitted
    2.000 g:b: STOPPING -> UNKNOWN None
    2.000 answer 1: [g:b restarted command (FAILED: g:b is in an unknown process state)]
    ");
    let configured = bench.machine.configured().to_vec();
    assert_eq!(bench.machine.plan(&configured, None).unwrap().len(), 1, "the next update tries again");
}

#[test]
fn a_shutdown_puts_an_end_to_an_update() {
    let mut bench = up();
    bench.ask(update(&[three(process("a"), other(process("b")), process("d"))]));
    bench.tell(Input::Leave(Departure::Shutdown)).forget();
    for child in 1..=4 {
        bench.exited(child, exit(0));
    }
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 bury #1
    2.000 g:a: STOPPING -> STOPPED Pid(1001)
    2.000 INFO stopped: a (exit status 0)
    2.000 bury #2
    2.000 g:b: STOPPING -> STOPPED Pid(1002)
    2.000 INFO stopped: b (exit status 0)
    2.000 bury #3
    2.000 g:c: STOPPING -> STOPPED Pid(1003)
    2.000 INFO stopped: c (exit status 0)
    2.000 bury #4
    2.000 g:d: STOPPING -> STOPPED Pid(0)
    2.000 INFO stopped: d (exit status 0)
    2.000 answer 1: SHUTDOWN_STATE
    2.000 quit Shutdown
    ");
}

#[test]
fn an_update_goes_on_when_nobody_listens() {
    let mut bench = up();
    bench.ask(update(&[three(process("a"), other(process("b")), process("c"))]));
    bench.tell(Input::Abandoned { id: RequestId(1) }).forget();
    bench.exited(2, exit(0)).spawned(4).until(4.0);
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 bury #2
    2.000 g:b: STOPPING -> STOPPED Pid(1002)
    2.000 INFO stopped: b (exit status 0)
    2.000 INFO changed: b (command)
    2.000 change g:b
    2.000 g:b: STOPPED -> STARTING Tries(0)
    2.000 spawn g:b #4
    2.000 INFO spawned: 'b' with pid 1004
    3.000 g:b: STARTING -> RUNNING Pid(1004)
    3.000 INFO success: b entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
    ");
}

#[test]
fn a_name_nobody_knows_changes_nothing() {
    let mut bench = up();
    let names = Some(vec!["g".to_owned(), "h".to_owned()]);
    let configured = vec![three(process("a"), other(process("b")), process("c"))];
    bench.ask(Request::Update { names, configured: configured.clone(), tape: 0 });
    let others = Some(vec!["g".to_owned()]);
    bench.ask(Request::Update {
        names: others,
        configured: [&configured[..], &[alone(process("h"))]].concat(),
        tape: 0,
    });
    insta::assert_snapshot!(bench.journal(), @r"
    2.000 answer 1: BAD_NAME: h
    2.000 DEBG killing b (pid 1002) with signal SIGTERM
    2.000 g:b: RUNNING -> STOPPING Pid(1002)
    2.000 send SIGTERM to #2
    2.000 INFO waiting for b to stop
    ");
    assert!(bench.machine.info(&named("h", "h"), bench.stamp()).is_none(), "it was not named");
}

#[test]
fn new_members_start_in_order_of_priority() {
    let spec = |name, priority| ProcessSpec { priority, ..process(name) };
    let mut bench = Bench::begun(vec![group("g", 5, vec![])]);
    bench.forget();
    bench.ask(update(&[group("g", 5, vec![spec("late", 9), spec("early", 1)])]));
    insta::assert_snapshot!(bench.journal(), @r"
    0.000 open g:late
    0.000 open g:early
    0.000 g:early: STOPPED -> STARTING Tries(0)
    0.000 spawn g:early #1
    0.000 g:late: STOPPED -> STARTING Tries(0)
    0.000 spawn g:late #2
    ");
}
