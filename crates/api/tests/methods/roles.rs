//! Who may call what, and what is written down of it.

use api::call::{Outcome, Refusal};
use api::method::{ENTRIES, EXTENSIONS, Entry, Kind};
use model::audit::Record;
use model::fault::FaultCode;
use model::role::Role;
use wire::value::Value;

use crate::world::{World, asker, groups, request, shown, text, texts};

fn entries() -> impl Iterator<Item = &'static Entry> {
    ENTRIES.iter().chain(&EXTENSIONS)
}

/// Arguments that fit.
fn arguments(entry: &Entry) -> Vec<Value> {
    let argument = |name: &str, kind| match (name, kind) {
        ("signal", _) => text("HUP"),
        ("calls", _) => Value::Array(vec![]),
        ("groups", _) => Value::Array(vec![text("g")]),
        (_, Kind::Array) => Value::Array(vec![text("cat")]),
        (_, Kind::Int) => Value::Int(0),
        (_, Kind::Boolean) => Value::Bool(false),
        _ => text("cat"),
    };
    entry.params.iter().map(|(kind, name, _)| argument(name, *kind)).collect()
}

#[test]
fn who_may_call_what_is_known_and_does_not_change_unseen() {
    let of = |role| {
        let names = entries().filter(|it| it.role == role).map(|it| it.name.to_owned());
        names.collect::<Vec<_>>().join("\n")
    };
    let all = Role::ALL.map(|role| format!("{role}\n======\n{}\n", of(role))).join("\n");
    assert_eq!(all, include_str!("../golden/roles.txt"));
}

#[test]
fn every_method_is_refused_to_each_role_below_its_own_and_to_no_other() {
    for entry in entries() {
        for role in Role::ALL {
            let mut world = World::new();
            world.asker = asker(role);
            world.outcome = Outcome::Reread(Ok(groups()));
            let answer = world.call(entry.name, arguments(entry));
            let is_forbidden =
                matches!(&answer, Err(Refusal::Fault(fault)) if fault.code == FaultCode::Forbidden);
            assert_eq!(is_forbidden, role < entry.role, "{} as {role}: {answer:?}", entry.name);
            if is_forbidden {
                assert!(world.requests.is_empty() && world.chores.is_empty(), "{}", entry.name);
            }
            let looks = entry.role == Role::Viewer || entry.name == "menshen.getAudit";
            assert_eq!(world.records.is_empty(), looks && !is_forbidden, "{}", entry.name);
        }
    }
}

#[test]
fn a_refusal_says_which_role_is_needed() {
    let mut world = World::new();
    world.asker = asker(Role::Viewer);
    assert_eq!(
        world.say("stopProcess", texts(["cat"])),
        "403 FORBIDDEN: supervisor.stopProcess needs the role operator, and ann has the role viewer"
    );
    // What does not exist is not a question of roles.
    assert_eq!(world.say("nope", vec![]), "1 UNKNOWN_METHOD");
}

#[test]
fn a_call_among_many_is_no_way_around() {
    let mut world = World::new();
    world.asker = asker(Role::Operator);
    let calls = vec![
        request("supervisor.stopProcess", texts(["cat"])),
        request("supervisor.shutdown", vec![]),
        request("supervisor.getPID", vec![]),
    ];
    let Ok(Value::Array(answers)) = world.call("system.multicall", vec![Value::Array(calls)]) else {
        panic!("none")
    };
    let answers: Vec<_> = answers.iter().map(shown).collect();
    let refusal = "{faultCode: 403, faultString: \"FORBIDDEN: supervisor.shutdown needs the role admin, \
                   and ann has the role operator\"}";
    assert_eq!(answers, ["true", refusal, "77"]);
    assert_eq!(
        written(&world.records),
        [
            "audit: ann from 127.0.0.1: supervisor.stopProcess cat: done",
            "audit: ann from 127.0.0.1: supervisor.shutdown: denied, supervisor.shutdown needs the role \
             admin, and ann has the role operator",
        ]
    );
}

fn written(records: &[Record]) -> Vec<String> {
    records.iter().map(ToString::to_string).collect()
}

#[test]
fn what_was_done_is_written_down_with_its_outcome() {
    let mut world = World::new();
    world.say("startProcess", vec![text("cat"), Value::Bool(true)]);
    world.say("sendProcessStdin", texts(["cat", "secret"]));
    world.say("signalProcessGroup", texts(["g", "HUP"]));
    world.say("stopProcess", texts(["nobody\n"]));
    let names = Value::Array(texts(["cat", "g:*"]));
    drop(world.call("menshen.restartProcesses", vec![names.clone(), Value::Bool(false)]));
    drop(world.call("menshen.startProcesses", vec![names]));
    drop(world.call("supervisor.getState", vec![]));
    let by = "audit: ann from 127.0.0.1: ";
    assert_eq!(
        written(&world.records).iter().map(|it| it.strip_prefix(by).unwrap()).collect::<Vec<_>>(),
        [
            "supervisor.startProcess cat: failed, ALREADY_STARTED: cat",
            "supervisor.sendProcessStdin cat (6 bytes): done",
            "supervisor.signalProcessGroup g HUP: done",
            "supervisor.stopProcess nobody\\n: failed, BAD_NAME: nobody\\n",
            "menshen.restartProcesses cat g:*: done",
            "menshen.startProcesses cat g:*: done",
        ]
    );
}

#[test]
fn the_last_thousand_entries_can_be_read() {
    let mut world = World::new();
    for _ in 0..1001 {
        world.say("signalProcess", texts(["cat", "HUP"]));
    }
    world.say("signalProcess", texts(["cat", "17000"]));
    let Ok(Value::Array(entries)) = world.call("menshen.getAudit", vec![]) else { panic!("none") };
    assert_eq!(entries.len(), 1000);
    let Some(Value::Struct(last)) = entries.last() else { panic!("none") };
    for name in last.keys() {
        assert!(api::audit::AUDIT.iter().any(|(it, ..)| *it == name), "{name} is in no table");
    }
    assert_eq!(last.len(), api::audit::AUDIT.len());
    assert_eq!(
        (last["outcome"].clone(), last["reason"].clone()),
        (text("failed"), text("BAD_SIGNAL: 17000"))
    );
}
