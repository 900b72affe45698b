//! What is told and done beyond the original.

use std::sync::Arc;

use api::call::{Outcome, Refusal};
use api::facts;
use model::event::{Event, EventType};
use model::fault::{Fault, FaultCode};
use model::spec::{GroupKind, GroupSpec, ListenerSpec, ProcessSpec};
use supervisor::input::Input;
use wire::value::{Members, Value};

use crate::world::{World, group, process, shown, text, texts};

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
    assert_eq!(members(&options), ["environment", "name", "options", "origin", "program", "section"]);
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

#[test]
fn a_plan_is_a_look_and_an_update_does_what_it_says() {
    let mut world = World::new();
    let patient = ProcessSpec { stopwaitsecs: 60, ..process("a") };
    let other = ProcessSpec { umask: Some(0), ..process("b") };
    let configured = vec![group("g", vec![patient, other]), group("new", vec![process("new")])];
    world.outcome = Outcome::Reread(Ok(configured));
    let mut say = |name: &str, params: Vec<Value>| match world.call(name, params) {
        Ok(value) => shown(&value),
        Err(refusal) => format!("{refusal:?}"),
    };
    let plan = "{action: \"removed\", group: \"cat\", name: \"cat\", options: []}, \
                {action: \"removed\", group: \"no\", name: \"no\", options: []}, \
                {action: \"changed\", group: \"g\", name: \"a\", options: [\"stopwaitsecs\"]}, \
                {action: \"restarted\", group: \"g\", name: \"b\", options: [\"umask\"]}, \
                {action: \"added\", group: \"new\", name: \"new\", options: []}";
    assert_eq!(say("menshen.plan", vec![]), format!("[{plan}]"));
    assert_eq!(say("menshen.plan", vec![Value::Array(vec![])]), format!("[{plan}]"), "a plan is only a look");
    assert_eq!(
        say("menshen.plan", vec![Value::Array(texts(["new"]))]),
        "[{action: \"added\", group: \"new\", name: \"new\", options: []}]"
    );
    assert!(say("menshen.update", texts(["nope"])).contains("BadName"));
    assert_eq!(
        say("menshen.update", texts(["g"])),
        "[{action: \"changed\", description: \"OK\", group: \"g\", name: \"a\", options: [\"stopwaitsecs\"], \
          status: 80}, {action: \"restarted\", description: \"OK\", group: \"g\", name: \"b\", options: \
          [\"umask\"], status: 80}]"
    );
    assert_eq!(say("menshen.plan", texts(["g"])), "[]");
    world.outcome = Outcome::Reread(Err("x.conf:3:1: error: no".to_owned()));
    for name in ["menshen.plan", "menshen.update"] {
        let fault = Fault::about(FaultCode::CantReread, "x.conf:3:1: error: no");
        assert_eq!(world.call(name, vec![]), Err(Refusal::Fault(fault)), "{name}");
    }
}

#[test]
fn what_the_original_does_not_have_is_listed_apart() {
    let mut world = World::new();
    let Ok(Value::Array(names)) = world.call("menshen.listMethods", vec![]) else { panic!("none") };
    assert!(names.contains(&text("menshen.plan")) && names.contains(&text("menshen.listMethods")));
    assert!(matches!(world.call("system.methodHelp", texts(["menshen.plan"])), Ok(Value::String(_))));
}

#[test]
fn our_own_clients_are_told_more_of_a_process() {
    let mut world = World::new();
    let listener = ListenerSpec {
        buffer_size: Some(2),
        events: vec![EventType::RemoteCommunication],
        result_handler: String::new(),
    };
    let ear =
        GroupSpec { kind: GroupKind::Listener(listener), ..(*group("ear", vec![process("ear")])).clone() };
    world.step(Input::Reread { groups: vec![Arc::new(ear)], tape: 0 });
    assert_eq!(world.say("addProcessGroup", texts(["ear"])), "true");
    for _ in 0..5 {
        let event = Event::RemoteCommunication { kind: "k".to_owned(), data: "d".to_owned() };
        world.step(Input::Publish(event));
    }
    assert_eq!(world.say("stopProcess", texts(["cat"])), "true");
    assert_eq!(world.say("startProcess", texts(["cat"])), "true");
    let Ok(Value::Array(all)) = world.call("menshen.getAllProcessInfo", vec![]) else { panic!("none") };
    let Ok(Value::Array(old)) = world.call("supervisor.getAllProcessInfo", vec![]) else { panic!("none") };
    let of = |list: &[Value], name: &str| {
        let is_it = |it: &&Value| matches!(it, Value::Struct(members) if members["name"] == text(name));
        let Some(Value::Struct(members)) = list.iter().find(is_it) else { panic!("no {name}") };
        members.clone()
    };
    let (mut cat, mut ear) = (of(&all, "cat"), of(&all, "ear"));
    let take = |from: &mut Members, key: &str| shown(&from.remove(key).unwrap());
    assert_eq!((take(&mut cat, "starts"), take(&mut cat, "restarts")), ("2".to_owned(), "0".to_owned()));
    assert_eq!(
        take(&mut cat, "ended"),
        "{at: 1005, cause: \"stopped\", core: false, description: \"terminated by SIGTERM\", signal: \"SIGTERM\"}"
    );
    let dropped = (take(&mut cat, "stdout_bytes_dropped"), take(&mut cat, "stderr_bytes_dropped"));
    assert_eq!(dropped, ("7".to_owned(), "0".to_owned()));
    assert_eq!(cat, of(&old, "cat"), "the rest is what everybody is told");
    assert_eq!(take(&mut ear, "listener"), "{dropped: 3, size: 2, state: \"ACKNOWLEDGED\", waiting: 2}");
    assert!(!ear.contains_key("ended"));
}
