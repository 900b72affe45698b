//! Processes and groups: what is done to them and told of them.

use std::rc::Rc;
use std::time::Duration;

use api::call::{Outcome, Refusal};
use api::session::{Next, Session};
use model::spawn::SpawnFailure;
use model::spec::{AutoRestart, LogTarget, ProcessSpec, ServerUrl, StreamSpec, UserSpec};
use supervisor::input::{Input, Request};
use wire::value::{MethodCall, Value};

use crate::world::{World, group, process, results, shown, stream, text, texts};

#[test]
fn a_process_is_started_stopped_and_signalled() {
    let mut world = World::new();
    assert_eq!(world.say("stopProcess", texts(["cat"])), "true");
    assert_eq!(world.say("startProcess", texts(["cat"])), "true");
    assert_eq!(world.say("stopProcess", vec![text("g:a"), Value::Bool(false)]), "true");
    assert_eq!(world.say("startProcess", vec![text("g:a"), Value::Int(0)]), "true");
    assert_eq!(world.say("signalProcess", vec![text("cat"), Value::Int(1)]), "true");
    let waits: Vec<_> = world
        .requests
        .iter()
        .map(|it| match it {
            Request::Start { wait, named, obstacle: None, .. } => format!("start {named} {wait}"),
            Request::Stop { wait, named, .. } => format!("stop {named} {wait}"),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(waits[..4], ["stop cat true", "start cat true", "stop g:a false", "start g:a false"]);
}

#[test]
fn a_program_that_is_not_there_is_a_fault_of_its_start() {
    let mut world = World::new();
    let mut session = Session::new(
        MethodCall { name: "supervisor.startProcess".to_owned(), params: texts(["no"]) },
        world.interface,
        Rc::clone(&world.asker),
    );
    let Next::Ask(Request::Start { name, named, wait, .. }) = session.advance(&world.context()) else {
        panic!("no start")
    };
    let obstacle = Some(SpawnFailure::Missing("/no".to_owned()));
    let outcome = world.ask(Request::Start { name, named, wait, obstacle });
    session.settle(outcome);
    let Next::Done(Err(Refusal::Fault(fault))) = session.advance(&world.context()) else {
        panic!("no fault")
    };
    assert_eq!(fault.to_string(), "NO_FILE: can't find command '/no'");
}

#[test]
fn a_group_answers_for_each_of_its_processes() {
    let mut world = World::new();
    for (method, name) in [("stopProcess", "g:*"), ("startProcess", "g:"), ("stopProcessGroup", "g")] {
        let value = world.call(&format!("supervisor.{method}"), texts([name])).unwrap();
        assert_eq!(results(&value), ["g:a 80 OK", "g:b 80 OK"], "{method}");
    }
    let value = world.call("supervisor.stopAllProcesses", vec![]).unwrap();
    assert_eq!(results(&value), ["cat:cat 80 OK"]);
    let value = world.call("supervisor.startAllProcesses", vec![Value::Bool(false)]).unwrap();
    assert_eq!(results(&value), ["cat:cat 80 OK", "g:a 80 OK", "g:b 80 OK", "no:no 80 OK"]);
    world.pass(Duration::from_secs(5));
    let value = world.call("supervisor.signalAllProcesses", texts(["HUP"])).unwrap();
    assert_eq!(results(&value).len(), 4);
    let value = world.call("supervisor.signalProcessGroup", texts(["g", "sigusr1"])).unwrap();
    assert_eq!(results(&value), ["g:a 80 OK", "g:b 80 OK"]);
    let value = world.call("supervisor.signalProcess", texts(["g:*", "XX"])).unwrap();
    assert_eq!(results(&value), ["g:a 11 BAD_SIGNAL: XX", "g:b 11 BAD_SIGNAL: XX"]);
}

#[test]
fn a_group_is_removed_and_added_again() {
    let mut world = World::new();
    assert_eq!(world.say("removeProcessGroup", texts(["no"])), "true");
    assert_eq!(world.say("getProcessInfo", texts(["no"])), "10 BAD_NAME: no");
    assert_eq!(world.say("removeProcessGroup", texts(["no"])), "10 BAD_NAME: no");
    assert_eq!(world.say("addProcessGroup", texts(["no"])), "true");
    assert!(world.say("getProcessInfo", texts(["no"])).contains("Not started"));
}

#[test]
fn a_process_is_described_with_every_member_clients_know() {
    let mut world = World::new();
    world.pass(Duration::from_secs(27));
    let info = world.say("getProcessInfo", texts(["g:a"]));
    let wanted = "{description: \"pid 102, uptime 0:00:32\", exitstatus: 0, group: \"g\", logfile: \"/log/g:a-stdout\", \
                  name: \"a\", now: 1032, pid: 102, spawnerr: \"\", start: 1000, state: 20, statename: \"RUNNING\", \
                  stderr_logfile: \"/log/g:a-stderr\", stdout_logfile: \"/log/g:a-stdout\", stop: 0}";
    assert_eq!(info, wanted);
    let info = world.say("getProcessInfo", texts(["no"]));
    let wanted = "{description: \"Not started\", exitstatus: 0, group: \"no\", logfile: \"\", name: \"no\", now: 1032, \
                  pid: 0, spawnerr: \"\", start: 0, state: 0, statename: \"STOPPED\", stderr_logfile: \"\", \
                  stdout_logfile: \"\", stop: 0}";
    assert_eq!(info, wanted);
    let Value::Array(all) = world.call("supervisor.getAllProcessInfo", vec![]).unwrap() else {
        panic!("no list")
    };
    let names: Vec<_> = all
        .iter()
        .map(|it| match it {
            Value::Struct(members) => shown(&members["name"]),
            other => panic!("{other:?} is no struct"),
        })
        .collect();
    assert_eq!(names, ["\"cat\"", "\"a\"", "\"b\"", "\"no\""]);
}

#[test]
fn a_configuration_is_told_option_by_option() {
    let mut world = World::new();
    let odd = ProcessSpec {
        autorestart: AutoRestart::Always,
        directory: Some("/tmp".to_owned()),
        user: Some(UserSpec { text: "nobody".to_owned(), uid: 65534 }),
        stderr: StreamSpec { target: LogTarget::None, ..stream() },
        stdout: StreamSpec { target: LogTarget::File("/o".into()), ..stream() },
        serverurl: ServerUrl::Text("http://x".to_owned()),
        ..process("odd")
    };
    world.step(Input::Reread {
        groups: vec![group("z", vec![odd]), group("cat", vec![process("cat")])],
        tape: 0,
    });
    let wanted = "[{autorestart: \"unexpected\", autostart: true, command: \"/bin/cat -x\", directory: \"none\", \
        exitcodes: [0], group: \"cat\", group_prio: 999, inuse: true, killasgroup: false, name: \"cat\", \
        process_prio: 999, redirect_stderr: false, serverurl: \"none\", startretries: 3, startsecs: 1, \
        stderr_capture_maxbytes: 0, stderr_events_enabled: false, stderr_logfile: \"auto\", \
        stderr_logfile_backups: 10, stderr_logfile_maxbytes: 52428800, stderr_syslog: false, \
        stdout_capture_maxbytes: 0, stdout_events_enabled: false, stdout_logfile: \"auto\", \
        stdout_logfile_backups: 10, stdout_logfile_maxbytes: 52428800, stdout_syslog: false, stopsignal: 15, \
        stopwaitsecs: 10, uid: \"none\"}, \
        {autorestart: true, autostart: true, command: \"/bin/odd -x\", directory: \"/tmp\", exitcodes: [0], \
        group: \"z\", group_prio: 999, inuse: false, killasgroup: false, name: \"odd\", process_prio: 999, \
        redirect_stderr: false, serverurl: \"http://x\", startretries: 3, startsecs: 1, \
        stderr_capture_maxbytes: 0, stderr_events_enabled: false, stderr_logfile: \"none\", \
        stderr_logfile_backups: 10, stderr_logfile_maxbytes: 52428800, stderr_syslog: false, \
        stdout_capture_maxbytes: 0, stdout_events_enabled: false, stdout_logfile: \"/o\", \
        stdout_logfile_backups: 10, stdout_logfile_maxbytes: 52428800, stdout_syslog: false, stopsignal: 15, \
        stopwaitsecs: 10, uid: 65534}]";
    assert_eq!(world.say("getAllConfigInfo", vec![]), wanted);
}

#[test]
fn a_configuration_read_again_tells_what_has_changed() {
    let mut world = World::new();
    let changed = ProcessSpec { startsecs: 2, ..process("cat") };
    let groups =
        vec![group("cat", vec![changed]), group("no", vec![process("no")]), group("new", vec![process("n")])];
    world.outcome = Outcome::Reread(Ok(groups));
    assert_eq!(world.say("reloadConfig", vec![]), "[[[\"new\"], [\"cat\", \"no\"], [\"g\"]]]");
    world.outcome = Outcome::Reread(Err("File contains no section headers.".to_owned()));
    assert_eq!(world.say("reloadConfig", vec![]), "92 CANT_REREAD: File contains no section headers.");
}
