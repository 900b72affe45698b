//! What is told and done beyond the original.

use api::facts;

use super::*;

fn members(value: &Value) -> Vec<&str> {
    let Value::Struct(members) = value else { panic!("{value:?}") };
    members.keys().collect()
}

/// That a struct has no member its table does not have, and which it has.
fn told(value: &Value, table: &[facts::Member]) -> String {
    let names = members(value);
    for name in &names {
        assert!(table.iter().any(|(it, ..)| it == name), "{name} is in no table");
    }
    names.join(" ")
}

fn list(result: Result<Value, Refusal>) -> Vec<Value> {
    match result {
        Ok(Value::Array(items)) => items,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_structs_of_the_extensions_are_those_of_their_tables() {
    let mut world = World::new();
    let processes = list(world.call("menshen.getProcesses", vec![]));
    let told_of: Vec<_> = processes.iter().map(|it| told(it, facts::PROCESS)).collect();
    assert_eq!(told_of.len(), 4);
    assert!(told_of[0].contains("usage") && !told_of[1].contains("usage"), "{told_of:?}");
    let cat = world.call("menshen.getProcess", texts(["cat"])).unwrap();
    assert_eq!(cat, processes[0]);
    let Value::Struct(cat) = cat else { panic!("no struct") };
    assert_eq!(
        told(&cat["usage"], facts::USAGE),
        "at cpu_percent cpu_seconds memory_bytes processes threads"
    );
    assert_eq!(shown(&cat["state"]), "\"RUNNING\"");
    for group in list(world.call("menshen.getGroups", vec![])) {
        told(&group, facts::GROUP);
    }
    assert_eq!(list(world.call("menshen.getListeners", vec![])), []);
    let overview = world.call("menshen.getSupervisor", vec![]).unwrap();
    assert_eq!(told(&overview, facts::SUPERVISOR), "history identifier now pid state states version");
    assert_eq!(world.call("menshen.getMachine", vec![]), Ok(Value::Struct(Members::new())));
    let options = world.call("menshen.getProcessOptions", texts(["g:a"])).unwrap();
    assert_eq!(members(&options), ["environment", "name", "options", "origin", "program"]);
    let bad = Refusal::Fault(Fault::about(FaultCode::BadName, "g:*"));
    for method in ["menshen.getProcess", "menshen.getProcessOptions"] {
        assert_eq!(world.call(method, texts(["g:*"])), Err(bad.clone()), "{method}");
    }
}

#[test]
fn several_are_named_at_once_or_none_is_touched() {
    let mut world = World::new();
    let mut say = |method: &str, names: Vec<Value>, more: Vec<Value>| {
        let params = [Value::Array(names)].into_iter().chain(more).collect();
        match world.call(&format!("menshen.{method}"), params) {
            Ok(Value::Array(items)) => items
                .iter()
                .map(|it| match it {
                    Value::Struct(it) => {
                        format!("{}:{} {}", shown(&it["group"]), shown(&it["name"]), shown(&it["status"]))
                    }
                    other => shown(other),
                })
                .collect::<Vec<_>>()
                .join(", ")
                .replace('"', ""),
            Ok(other) => shown(&other),
            Err(refusal) => format!("{refusal:?}"),
        }
    };
    assert_eq!(say("stopProcesses", texts(["g:*", "cat"]), vec![]), "cat:cat 80, g:a 80, g:b 80");
    assert_eq!(say("stopProcesses", texts(["g:*", "cat"]), vec![]), "", "only those that run");
    assert_eq!(say("startProcesses", texts(["g:a", "g:a"]), vec![Value::Bool(false)]), "g:a 80");
    assert_eq!(
        say("restartProcesses", texts(["g:a", "cat"]), vec![Value::Bool(false)]),
        "cat:cat 80, g:a 80"
    );
    assert_eq!(say("signalProcesses", texts(["g:a", "g:b"]), texts(["HUP"])), "g:a 80");
    assert!(say("signalProcesses", texts(["g:a"]), texts(["NOPE"])).ends_with(" 11"));
    assert!(say("stopProcesses", texts(["g:a", "nope"]), vec![]).contains("BadName"));
    assert_eq!(
        say("restartProcesses", texts(["g:a"]), vec![Value::Bool(false)]),
        "g:a 80",
        "it was not stopped"
    );
    assert!(say("startProcesses", vec![], vec![]).contains("names is empty"));
}
