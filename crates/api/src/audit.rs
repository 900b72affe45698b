//! What changes are written down as, and the list of the last ones.

use std::collections::VecDeque;

use model::audit::{Asker, Outcome, Record, shown};
use model::fault::FaultCode;
use model::role::Role;
use model::time::Wall;
use wire::value::{Members, MethodCall, Value};

use crate::call::Refusal;
use crate::facts::Member;
use crate::method::{self, Kind, Method};

/// The members of an entry.
pub const AUDIT: &[Member] = &[
    ("at", Kind::Int, "When it was settled, in seconds since the epoch."),
    ("who", Kind::String, "Who: the name of a user, `uid=N` for a user of the machine, or `anybody`."),
    ("from", Kind::String, "From where: an address, or the path of a unix socket and who is behind it."),
    ("what", Kind::String, "What was asked for: a method, `login` or `logout`."),
    ("about", Kind::String, "With whom or what, for example the names of processes."),
    ("outcome", Kind::String, "`done`, `failed` or `denied`."),
    ("reason", Kind::String, "Why it was not done."),
];

/// How many entries are kept in memory. They take about 300 bytes each.
const KEPT_MAX: usize = 1000;

/// How many failures of one call are named.
const NAMED_MAX: usize = 3;

/// The last changes, the oldest first.
#[derive(Debug, Clone, Default)]
pub struct Book {
    records: VecDeque<Record>,
}

impl Book {
    /// Writes one more down; the oldest makes room for it.
    pub fn push(&mut self, record: Record) {
        if self.records.len() == KEPT_MAX {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    /// All of them for clients: a struct for each.
    pub(crate) fn value(&self) -> Value {
        Value::Array(self.records.iter().map(value).collect())
    }
}

fn value(record: &Record) -> Value {
    let text = |it: &str| Value::String(it.to_owned());
    Value::Struct(Members::from([
        ("at", Value::Int(record.at.seconds())),
        ("who", text(&record.who.to_string())),
        ("from", text(&record.door.to_string())),
        ("what", text(&record.what)),
        ("about", text(&record.about)),
        ("outcome", text(record.outcome.as_str())),
        ("reason", text(record.outcome.reason().unwrap_or_default())),
    ]))
}

/// A call that is to be written down when its answer is known.
#[derive(Debug)]
pub(crate) struct Deed {
    what: String,
    about: String,
    /// Whether it changes nothing, although not everybody may do it.
    is_a_look: bool,
}

impl Deed {
    /// What a call does, unless it only looks.
    pub(crate) fn of(call: &MethodCall) -> Option<Self> {
        let entry = method::find(&call.name).filter(|it| it.role > Role::Viewer)?;
        let named = entry.params.iter().map(|(_, name, _)| *name).zip(&call.params);
        let words: Vec<_> = named.filter_map(|(name, it)| word(name, it)).collect();
        Some(Self {
            what: entry.name.to_owned(),
            about: shown(&words.join(" ")),
            is_a_look: matches!(entry.method, Method::Audit | Method::ReadMainLog),
        })
    }

    /// The entry for it, if it deserves one, now that its answer is known.
    pub(crate) fn settled(self, asker: &Asker, at: Wall, answer: &Result<Value, Refusal>) -> Option<Record> {
        let outcome = outcome(answer);
        // To have looked is worth a line only where it was refused.
        if self.is_a_look && outcome == Outcome::Done {
            return None;
        }
        Some(Record {
            at,
            who: asker.who.clone(),
            door: asker.door.clone(),
            what: self.what,
            about: self.about,
            outcome,
        })
    }
}

/// What an entry says of an argument.
fn word(name: &str, value: &Value) -> Option<String> {
    // How long somebody waits changes nothing.
    if name == "wait" {
        return None;
    }
    match (name, value) {
        // What is written to a program may be a password.
        ("chars" | "data", Value::String(text)) => Some(format!("({} bytes)", text.len())),
        (_, Value::String(text)) => Some(text.clone()),
        (_, Value::Int(number)) => Some(number.to_string()),
        (_, Value::Array(items)) => {
            let words: Vec<_> = items.iter().filter_map(|it| word("", it)).collect();
            Some(words.join(" "))
        }
        (_, Value::Bool(_) | Value::Double(_) | Value::DateTime(_) | Value::Struct(_) | Value::Nil) => None,
    }
}

fn outcome(answer: &Result<Value, Refusal>) -> Outcome {
    match answer {
        Err(Refusal::Fault(fault)) if fault.code == FaultCode::Forbidden => {
            Outcome::Denied(shown(fault.extra.as_deref().unwrap_or_default()))
        }
        Err(Refusal::Fault(fault)) => Outcome::Failed(shown(&fault.to_string())),
        Err(Refusal::Internal(reason)) => Outcome::Failed(shown(reason)),
        Ok(Value::Array(items)) => {
            let failures: Vec<_> = items.iter().filter_map(failure).collect();
            let Some(named) = failures.get(..NAMED_MAX.min(failures.len())).filter(|it| !it.is_empty())
            else {
                return Outcome::Done;
            };
            Outcome::Failed(shown(&format!("{} of {}: {}", failures.len(), items.len(), named.join(", "))))
        }
        Ok(
            Value::Int(_)
            | Value::Bool(_)
            | Value::String(_)
            | Value::Double(_)
            | Value::DateTime(_)
            | Value::Struct(_)
            | Value::Nil,
        ) => Outcome::Done,
    }
}

/// What went wrong with one of many.
fn failure(result: &Value) -> Option<String> {
    let Value::Struct(members) = result else { return None };
    let Some(Value::Int(status)) = members.get("status") else { return None };
    if *status == i64::from(FaultCode::Success.code()) {
        return None;
    }
    let word = FaultCode::from_code(*status).map_or("FAILED", FaultCode::as_str);
    match members.get("name") {
        Some(Value::String(name)) => Some(format!("{name} {word}")),
        Some(_) | None => Some(word.to_owned()),
    }
}
