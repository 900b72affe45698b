//! Who is called, with what, and when.

use api::call::{Interface, Refusal};
use model::fault::FaultCode;
use supervisor::input::Departure;
use wire::value::Value;

use crate::world::{World, shown, text, texts};

#[test]
fn what_is_asked_of_the_daemon_itself_is_answered_at_once() {
    let mut world = World::new();
    let cases = [
        ("getAPIVersion", "\"3.0\""),
        ("getVersion", "\"3.0\""),
        ("getSupervisorVersion", "\"4.3.0\""),
        ("getIdentification", "\"supervisor\""),
        ("getPID", "77"),
        ("getState", "{statecode: 1, statename: \"RUNNING\"}"),
    ];
    for (name, wanted) in cases {
        assert_eq!(world.say(name, vec![]), wanted, "{name}");
    }
}

#[test]
fn a_name_that_means_nothing_is_a_fault_everywhere() {
    let mut world = World::new();
    let one = ["getProcessInfo", "startProcess", "stopProcess", "clearProcessLog", "clearProcessLogs"];
    for method in one {
        for name in ["nope", "g", "g:nope", "nope:*", "", ":", "a:b:c"] {
            assert_eq!(world.say(method, texts([name])), format!("10 BAD_NAME: {name}"), "{method}");
        }
    }
    for method in ["startProcessGroup", "stopProcessGroup", "addProcessGroup", "removeProcessGroup"] {
        for name in ["nope", "g:*", "g:a", ""] {
            assert_eq!(world.say(method, texts([name])), format!("10 BAD_NAME: {name}"), "{method}");
        }
    }
    for method in ["getProcessInfo", "clearProcessLogs"] {
        assert_eq!(world.say(method, texts(["g:*"])), "10 BAD_NAME: g:*", "{method}");
    }
    for method in ["readProcessLog", "readProcessStdoutLog", "readProcessStderrLog", "tailProcessLog"] {
        let params = vec![text("g:*"), Value::Int(0), Value::Int(0)];
        assert_eq!(world.say(method, params), "10 BAD_NAME: g:*", "{method}");
    }
    assert_eq!(world.say("signalProcess", texts(["g", "HUP"])), "10 BAD_NAME: g");
    assert_eq!(world.say("sendProcessStdin", texts(["g:*", "x"])), "10 BAD_NAME: g:*");
}

#[test]
fn a_wrong_call_is_told_what_is_wrong() {
    let mut world = World::new();
    let cases: Vec<(&str, Vec<Value>, &str)> = vec![
        ("nope", vec![], "1 UNKNOWN_METHOD"),
        ("_update", texts(["x"]), "1 UNKNOWN_METHOD"),
        ("getState.x", vec![], "1 UNKNOWN_METHOD"),
        ("getState", vec![Value::Int(1)], "2 INCORRECT_PARAMETERS"),
        ("startProcess", vec![], "2 INCORRECT_PARAMETERS"),
        ("startProcess", texts(["cat", "1", "2"]), "2 INCORRECT_PARAMETERS"),
        ("startProcess", vec![Value::Array(vec![])], "HTTP 500"),
        ("getProcessInfo", vec![Value::Int(5)], "HTTP 500"),
        ("getProcessInfo", vec![Value::Nil], "HTTP 500"),
        ("stopProcessGroup", vec![Value::Bool(true)], "10 BAD_NAME: True"),
        ("stopProcessGroup", vec![Value::Nil], "10 BAD_NAME"),
        ("removeProcessGroup", vec![Value::Array(vec![])], "2 INCORRECT_PARAMETERS"),
        ("addProcessGroup", vec![Value::Array(vec![])], "10 BAD_NAME: []"),
        ("addProcessGroup", vec![Value::Nil], "10 BAD_NAME"),
        ("signalProcess", vec![text("cat"), Value::Nil], "HTTP 500"),
        ("readLog", texts(["x", "0"]), "HTTP 500"),
        ("readLog", vec![Value::Array(vec![]), Value::Int(0)], "2 INCORRECT_PARAMETERS"),
        ("sendProcessStdin", vec![text("nope"), Value::Int(5)], "2 INCORRECT_PARAMETERS: 5"),
        (
            "sendProcessStdin",
            vec![text("cat"), Value::Array(vec![Value::Int(1)])],
            "2 INCORRECT_PARAMETERS: [1]",
        ),
        ("sendProcessStdin", texts(["no", "x"]), "70 NOT_RUNNING: no"),
        ("signalProcess", texts(["cat", "HUPX"]), "11 BAD_SIGNAL: HUPX"),
        ("signalProcess", texts(["cat", "99"]), "11 BAD_SIGNAL: 99"),
        ("signalProcess", texts(["no", "HUP"]), "70 NOT_RUNNING: no"),
        ("signalProcess", vec![text("no"), Value::Bool(true)], "70 NOT_RUNNING: no"),
        ("signalProcess", vec![text("no"), Value::Double(99.5)], "11 BAD_SIGNAL: 99"),
        ("stopProcess", texts(["no"]), "70 NOT_RUNNING: no"),
        ("startProcess", texts(["cat:cat"]), "60 ALREADY_STARTED: cat:cat"),
        ("addProcessGroup", texts(["g"]), "90 ALREADY_ADDED: g"),
        ("removeProcessGroup", texts(["g"]), "91 STILL_RUNNING: g"),
        ("readProcessLog", vec![text("no"), Value::Int(0), Value::Int(0)], "20 NO_FILE"),
    ];
    for (name, params, wanted) in cases {
        assert_eq!(world.say(name, params.clone()), wanted, "{name} {params:?}");
    }
}

#[test]
fn while_it_leaves_it_answers_with_one_fault_and_no_other() {
    for departure in [Departure::Shutdown, Departure::Restart] {
        let mut world = World::new();
        let method = if departure == Departure::Shutdown { "shutdown" } else { "restart" };
        assert_eq!(world.say(method, vec![]), "true");
        for entry in &api::method::ENTRIES {
            let params: Vec<_> = entry.params.iter().map(|_| text("0")).collect();
            let result = world.call(entry.name, params);
            let is_exempt = entry.name.starts_with("system.") || entry.name.ends_with("sendRemoteCommEvent");
            let is_refused = result == Err(Refusal::Fault(FaultCode::ShutdownState.into()));
            assert_eq!(is_refused, !is_exempt, "{}: {result:?}", entry.name);
        }
        // What could never be a call is told so even now.
        assert_eq!(world.say("getState", texts(["x"])), "2 INCORRECT_PARAMETERS");
    }
}

#[test]
fn methods_are_listed_and_described() {
    let mut world = World::new();
    let names = |world: &mut World| match world.call("system.listMethods", vec![]).unwrap() {
        Value::Array(items) => items.iter().map(|it| shown(it).replace('"', "")).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let all = names(&mut world);
    assert_eq!(all.len(), 41);
    for name in &all {
        let Ok(Value::String(help)) = world.call("system.methodHelp", texts([name])) else {
            panic!("{name}")
        };
        assert!(help.contains("@return "), "{name}");
        assert!(matches!(world.call("system.methodSignature", texts([name])), Ok(Value::Array(_))), "{name}");
    }
    for method in ["system.methodHelp", "system.methodSignature"] {
        let fault = Refusal::Fault(FaultCode::SignatureUnsupported.into());
        assert_eq!(world.call(method, texts(["x"])), Err(fault), "{method}");
    }
    world.identity.has_supervisor_namespace = false;
    assert_eq!(names(&mut world).len(), 4);
    assert_eq!(world.say("getState", vec![]), "1 UNKNOWN_METHOD");
    // The page needs no such interface.
    world.interface = Interface::Own;
    assert!(world.call("menshen.getProcesses", vec![]).is_ok());
}
