//! Those who watch: what happens is told to them as it happens.

use api::facts;
use model::event::{Event, StateDetail};
use model::name::FullName;
use model::usage::ExitRecord;
use wire::value::Value;

use crate::state::Daemon;

/// How many bytes of what a client or a program said are told to those who watch.
const SAID_BYTES_MAX: usize = 4 << 10;

impl Daemon {
    /// Tells those who watch of an event. Output of programs is left out: it has streams of its own.
    pub(crate) fn tell_watchers(&mut self, event: &Event) {
        if !self.feed.is_watched() {
            return;
        }
        let (kind, mut members) = match event {
            Event::ProcessState { name, from, to, detail } => {
                let mut members = vec![
                    ("name", Value::String(name.to_string())),
                    ("from", text(from.as_str())),
                    ("to", text(to.as_str())),
                ];
                members.extend(details(*detail));
                members.extend(facts::process(name, &self.context()).ok().map(|it| ("process", it)));
                ("state", members)
            }
            Event::GroupAdded(name) => ("group_added", vec![("name", text(name.as_str()))]),
            Event::GroupRemoved(name) => ("group_removed", vec![("name", text(name.as_str()))]),
            Event::SupervisorStateChange(state) => ("supervisor", vec![("state", text(state.as_str()))]),
            Event::RemoteCommunication { kind, data } => {
                let [kind, data] = [kind, data].map(|it| Value::String(said(it.as_bytes())));
                ("remote", vec![("type", kind), ("data", data)])
            }
            Event::ProcessCommunication { name, data, .. } => (
                "communication",
                vec![("name", Value::String(name.to_string())), ("data", Value::String(said(data)))],
            ),
            Event::ProcessLog { .. } | Event::Tick { .. } => return,
        };
        members.push(("at", facts::moment(os::clock::wall())));
        let members = members.into_iter().collect();
        self.feed.publish(kind, &api::json::text(&Value::Struct(members)));
    }
}

impl Daemon {
    /// Tells those who watch how a child has ended.
    pub(crate) fn tell_of_exit(&self, name: &FullName, record: &ExitRecord) {
        if !self.feed.is_watched() {
            return;
        }
        let mut exit = api::why::exit(record);
        if let Value::Struct(members) = &mut exit {
            members.insert("name".to_owned(), Value::String(name.to_string()));
        }
        self.feed.publish("exit", &api::json::text(&exit));
    }
}

fn details(detail: StateDetail) -> Vec<(&'static str, Value)> {
    match detail {
        StateDetail::None => Vec::new(),
        StateDetail::Tries(tries) => vec![("tries", Value::Int(tries.into()))],
        StateDetail::Pid(pid) => vec![("pid", Value::Int(pid.into()))],
        StateDetail::Ended { pid, expected } => {
            vec![("pid", Value::Int(pid.into())), ("expected", Value::Bool(expected))]
        }
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// The beginning of what was said, as text.
fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..SAID_BYTES_MAX).unwrap_or(bytes)).into_owned()
}
