//! What programs say and are told.

use api::call::{Chore, Outcome};
use model::fault::{Fault, FaultCode};
use model::name::{FullName, GroupName, ProcessName};
use supervisor::effect::Settled;
use wire::value::Value;

use crate::world::{World, results, text, texts};

#[test]
fn a_log_is_read_as_text() {
    let mut world = World::new();
    world.outcome = Outcome::Bytes { bytes: b"\xa9caf\xc3".to_vec(), start: 7 };
    let params = |name: &str| vec![text(name), Value::Int(-7), text(" 0 ")];
    assert_eq!(world.say("readProcessStderrLog", params("g:a")), "\"caf\"");
    assert_eq!(world.say("readLog", vec![Value::Int(7), Value::Bool(true)]), "\"caf\"");
    let wanted = [
        Chore::ReadLog { path: "/log/g:a-stderr".into(), offset: -7, length: 0 },
        Chore::ReadMainLog { offset: 7, length: 1 },
    ];
    assert_eq!(world.chores, wanted);
    world.outcome = Outcome::Failed(Fault::about(FaultCode::NoFile, "/log/g:a-stdout"));
    assert_eq!(world.say("readProcessLog", params("g:a")), "20 NO_FILE: /log/g:a-stdout");
    world.outcome = Outcome::Tail { bytes: b"end".to_vec(), start: 97, size: 100, overflow: true };
    assert_eq!(world.say("tailProcessStdoutLog", params("cat")), "[\"end\", 100, true]");
    assert_eq!(world.say("tailProcessStderrLog", params("no")), "[\"\", 0, false]");
}

#[test]
fn logs_are_cleared_one_by_one_or_all() {
    let mut world = World::new();
    let name = |group: &str, process: &str| FullName {
        group: GroupName::parse(group).unwrap(),
        process: ProcessName::expanded(process),
    };
    let failed = Settled { name: name("cat", "cat"), outcome: Err(FaultCode::Failed.into()) };
    world.outcome = Outcome::Settled(vec![failed.clone()]);
    assert_eq!(world.say("clearProcessLogs", texts(["cat:cat"])), "30 FAILED: cat:cat");
    world.outcome = Outcome::Settled(vec![failed, Settled { name: name("g", "a"), outcome: Ok(()) }]);
    let value = world.call("supervisor.clearAllProcessLogs", vec![]).unwrap();
    assert_eq!(results(&value), ["cat:cat 30 FAILED", "g:a 80 OK"]);
    let names = vec![name("cat", "cat"), name("g", "a"), name("g", "b"), name("no", "no")];
    assert_eq!(world.chores.last().unwrap(), &Chore::ClearLogs { names });
    world.outcome = Outcome::Done;
    assert_eq!(world.say("clearLog", vec![]), "true");

    let result = Settled { name: name("g", "a"), outcome: Ok(()) };
    world.outcome = Outcome::Settled(vec![result]);
    let value = world.call("menshen.rotateProcessLogs", vec![Value::Array(texts(["g:a"]))]).unwrap();
    assert_eq!(results(&value), ["g:a 80 OK"]);
    assert_eq!(world.chores.last().unwrap(), &Chore::RotateLogs { names: vec![name("g", "a")] });
}

#[test]
fn bytes_reach_a_process_and_words_the_listeners() {
    let mut world = World::new();
    assert_eq!(world.say("sendProcessStdin", texts(["cat", "é"])), "true");
    assert_eq!(world.say("sendProcessStdin", texts(["cat", "\u{3}"])), "true");
    let sent: Vec<_> = world
        .chores
        .iter()
        .map(|it| match it {
            Chore::SendStdin { bytes, .. } => bytes.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sent, [b"\xc3\xa9".to_vec(), vec![3]]);
    world.outcome = Outcome::Failed(FaultCode::NoFile.into());
    assert_eq!(world.say("sendProcessStdin", texts(["cat:cat", "x"])), "20 NO_FILE: cat:cat");
    world.outcome = Outcome::Done;
    assert_eq!(world.say("sendRemoteCommEvent", vec![Value::Int(1), text("b")]), "true");
    assert!(matches!(world.chores.last().unwrap(), Chore::Publish(it) if it.payload() == "type:1\nb"));
    let list = Value::Array(vec![Value::Double(1.5), Value::Bool(true)]);
    assert_eq!(world.say("sendRemoteCommEvent", vec![text("a"), list]), "true");
    assert!(
        matches!(world.chores.last().unwrap(), Chore::Publish(it) if it.payload() == "type:a\n[1.5, True]")
    );
}
