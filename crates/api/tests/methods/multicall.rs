//! Many calls in one.

use api::call::{Outcome, Refusal};
use model::fault::FaultCode;
use wire::value::{Members, Value};

use crate::world::{World, request, shown, text, texts};

#[test]
fn many_calls_are_made_one_after_the_other_and_answered_raw() {
    let mut world = World::new();
    let calls = vec![
        request("supervisor.stopProcess", texts(["cat"])),
        request("supervisor.getPID", vec![]),
        request("supervisor.startProcess", texts(["cat"])),
        request("supervisor.stopProcess", texts(["nope"])),
        request("supervisor.stopProcessGroup", texts(["g"])),
        request("system.multicall", vec![]),
        request("x", vec![]),
        request("supervisor.readLog", texts(["x", "0"])),
        Value::Struct(Members::new()),
        Value::Struct(Members::from([("methodName", text("supervisor.getVersion"))])),
    ];
    let Ok(Value::Array(answers)) = world.call("system.multicall", vec![Value::Array(calls)]) else {
        panic!("none")
    };
    let answers: Vec<_> = answers.iter().map(shown).collect();
    let wanted = [
        "true",
        "77",
        "true",
        "{faultCode: 10, faultString: \"BAD_NAME: nope\"}",
        "[{description: \"OK\", group: \"g\", name: \"a\", status: 80}, \
          {description: \"OK\", group: \"g\", name: \"b\", status: 80}]",
        "{faultCode: 2, faultString: \"INCORRECT_PARAMETERS: Recursive system.multicall forbidden\"}",
        "{faultCode: 1, faultString: \"UNKNOWN_METHOD\"}",
        "{faultCode: 30, faultString: \"FAILED: <class 'ValueError'>:invalid literal for int() with base 10: 'x'\"}",
        "{faultCode: 2, faultString: \"INCORRECT_PARAMETERS: No methodName\"}",
        "\"3.0\"",
    ];
    assert_eq!(answers, wanted);
}

#[test]
fn a_multicall_has_a_limit_and_must_be_one() {
    let mut world = World::new();
    let call = |world: &mut World, params| world.call("system.multicall", vec![params]);
    assert_eq!(call(&mut world, Value::Array(vec![])), Ok(Value::Array(vec![])));
    assert_eq!(call(&mut world, text("")), Ok(Value::Array(vec![])));
    let incorrect = Refusal::Fault(FaultCode::IncorrectParameters.into());
    assert_eq!(call(&mut world, Value::Int(5)), Err(incorrect));
    assert!(matches!(call(&mut world, text("x")), Err(Refusal::Internal(_))));
    assert!(matches!(call(&mut world, Value::Array(vec![Value::Int(5)])), Err(Refusal::Internal(_))));
    let many = vec![request("supervisor.getPID", vec![]); 5000];
    assert!(matches!(call(&mut world, Value::Array(many)), Err(Refusal::Fault(_))));
    // Answers that would take too much memory together are refused from there on.
    world.outcome = Outcome::Bytes { bytes: vec![b'x'; 40 << 20], start: 0 };
    let reads = vec![request("supervisor.readLog", vec![Value::Int(0), Value::Int(0)]); 4];
    let Ok(Value::Array(answers)) = call(&mut world, Value::Array(reads)) else { panic!("none") };
    let is_text = |it: &Value| matches!(it, Value::String(_));
    assert_eq!(answers.iter().map(is_text).collect::<Vec<_>>(), [true, true, false, false]);
    assert_eq!(world.chores.len(), 2);
}
