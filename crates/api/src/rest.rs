//! The same methods for clients that speak JSON: which path stands for which, and how a request becomes a call.
//!
//! Nothing here does anything by itself: a route names a method of the one table, and takes the types of its
//! parameters from there. What is left over is no method (streams, downloads): [`STREAMS`].

use std::collections::BTreeMap;

use model::fault::{Fault, FaultCode};
use model::role::Role;
use wire::value::{MethodCall, Value};

use crate::json;
use crate::method::{self, Entry, Kind};

/// Where all paths begin.
pub const ROOT: &str = "/api/v1";

/// What a request wants: to look, or to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// To look.
    Get,
    /// To change.
    Post,
}

impl Verb {
    /// As HTTP calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A path that stands for a method.
#[derive(Debug)]
pub struct Route {
    /// What for.
    pub verb: Verb,
    /// The path after [`ROOT`]; `{x}` is the parameter of that name.
    pub path: &'static str,
    /// The method.
    pub method: &'static str,
}

/// A path that is answered by a stream or a file, and is no method.
#[derive(Debug)]
pub struct Stream {
    /// The path after [`ROOT`].
    pub path: &'static str,
    /// The type of what comes.
    pub content: &'static str,
    /// Who may have it: this role and those above it.
    pub role: Role,
    /// What may be asked for: name, type, and what it means.
    pub params: &'static [method::Parameter],
    /// The kinds of events that come, and what each says; nothing for what is no stream of events.
    pub kinds: &'static [(&'static str, &'static str)],
    /// What it is.
    pub help: &'static str,
}

const fn get(path: &'static str, method: &'static str) -> Route {
    Route { verb: Verb::Get, path, method }
}

const fn post(path: &'static str, method: &'static str) -> Route {
    Route { verb: Verb::Post, path, method }
}

/// Every path that stands for a method.
#[rustfmt::skip]
pub const ROUTES: [Route; 38] = [
    get("/supervisor", "menshen.getSupervisor"),
    post("/supervisor/reload", "supervisor.restart"),
    post("/supervisor/shutdown", "supervisor.shutdown"),
    get("/supervisor/log", "supervisor.readLog"),
    post("/supervisor/log/clear", "supervisor.clearLog"),
    get("/audit", "menshen.getAudit"),
    get("/history", "menshen.getHistory"),
    get("/machine", "menshen.getMachine"),
    get("/machine/figures", "menshen.getFigures"),
    get("/processes", "menshen.getProcesses"),
    post("/processes/start", "menshen.startProcesses"),
    post("/processes/stop", "menshen.stopProcesses"),
    post("/processes/restart", "menshen.restartProcesses"),
    post("/processes/signal", "menshen.signalProcesses"),
    post("/processes/clear", "menshen.clearProcessLogs"),
    post("/processes/rotate", "menshen.rotateProcessLogs"),
    get("/processes/{name}", "menshen.getProcess"),
    get("/processes/{name}/exits", "menshen.getExits"),
    get("/processes/{name}/figures", "menshen.getFigures"),
    get("/processes/{name}/history", "menshen.getHistory"),
    get("/processes/{name}/why", "menshen.why"),
    get("/processes/{name}/options", "menshen.getProcessOptions"),
    post("/processes/{name}/start", "supervisor.startProcess"),
    post("/processes/{name}/stop", "supervisor.stopProcess"),
    post("/processes/{names}/restart", "menshen.restartProcesses"),
    post("/processes/{name}/signal", "supervisor.signalProcess"),
    post("/processes/{name}/clear", "supervisor.clearProcessLogs"),
    post("/processes/{name}/stdin", "supervisor.sendProcessStdin"),
    get("/processes/{name}/stdout", "supervisor.readProcessStdoutLog"),
    get("/processes/{name}/stderr", "supervisor.readProcessStderrLog"),
    get("/groups", "menshen.getGroups"),
    post("/groups/{name}/start", "supervisor.startProcessGroup"),
    post("/groups/{name}/stop", "supervisor.stopProcessGroup"),
    post("/groups/{name}/signal", "supervisor.signalProcessGroup"),
    get("/recent", "menshen.getRecent"),
    get("/listeners", "menshen.getListeners"),
    get("/plan", "menshen.plan"),
    post("/update", "menshen.update"),
];

/// What `/events` tells.
#[rustfmt::skip]
const EVENTS: &[(&str, &str)] = &[
    ("hello", "The first event, or `reset` is: nothing was missed."),
    ("reset", "Something may have been missed: ask for /processes again."),
    ("state", "A process has another state: at, name, from, to, pid, tries, expected, and the process itself."),
    ("exit", "A child has ended: its name, and what menshen.getExits tells of an end."),
    ("group_added", "A group is active: at, name."),
    ("group_removed", "A group is gone: at, name."),
    ("supervisor", "The supervisor has another state: at, state."),
    ("remote", "A client has called sendRemoteCommEvent: at, type, data, up to 4 KiB of each."),
    ("communication", "A program has written something between capture tokens: at, name, data, up to 4 KiB."),
    ("samples", "What everything uses, for who asked for it: machine, processes, listeners. Has no id."),
];

/// What the streams of logs tell.
const LOG: &[(&str, &str)] =
    &[("log", "A piece of the log, as a string."), ("truncated", "The log was emptied.")];

/// Every path that stands for something else.
#[rustfmt::skip]
pub const STREAMS: [Stream; 5] = [
    Stream { path: "/openapi.json", content: "application/json", role: Role::Viewer, params: &[], kinds: &[],
        help: "This document." },
    Stream { path: "/events", content: "text/event-stream", role: Role::Viewer,
        params: &[
            (Kind::Boolean, "samples", "Whether to tell what everything uses, too, each time that is looked at."),
            (Kind::String, "since", "The id of the last event known; the header Last-Event-ID does the same."),
        ],
        kinds: EVENTS, help: "What happens, as it happens." },
    Stream { path: "/processes/{name}/{channel}/follow", content: "text/event-stream", role: Role::Viewer,
        params: &[
            (Kind::Int, "bytes", "How much of what is there to show first; 1024 unless given, 1 MiB at most."),
            (Kind::String, "since", "The id of the last piece known; the header Last-Event-ID does the same."),
        ],
        kinds: LOG, help: "A log as it grows; `channel` is stdout or stderr." },
    Stream { path: "/processes/{name}/{channel}/file", content: "text/plain", role: Role::Viewer, params: &[],
        kinds: &[], help: "A whole log as it is on disk; `channel` is stdout or stderr." },
    Stream { path: "/supervisor/log/follow", content: "text/event-stream", role: method::MAIN_LOG_ROLE,
        params: &[(Kind::Int, "bytes", "How much of what is there to show first.")],
        kinds: LOG, help: "The log of the supervisor itself as it grows." },
];

/// What a path leads to.
#[derive(Debug)]
pub enum Found {
    /// A method, and what of its parameters the path says.
    Method(&'static Entry, BTreeMap<String, String>),
    /// Something that is no method, and what the path says.
    Stream(&'static Stream, BTreeMap<String, String>),
    /// A method, but not for this; this is what it is for.
    Only(Verb),
    /// Nothing.
    Nothing,
}

/// What stands at a path, whose parts have been decoded one by one. `/methods/x` is any method by its name.
pub fn find(verb: Verb, parts: &[String]) -> Found {
    if let [first, name] = parts
        && first == "methods"
    {
        return match (method::find(name), verb) {
            (Some(entry), Verb::Post) => Found::Method(entry, BTreeMap::new()),
            (Some(_), Verb::Get) => Found::Only(Verb::Post),
            (None, _) => Found::Nothing,
        };
    }
    let mut other = None;
    for route in &ROUTES {
        let (Some(captured), Some(entry)) = (matches(route.path, parts), method::find(route.method)) else {
            continue;
        };
        if route.verb == verb {
            return Found::Method(entry, captured);
        }
        other = other.or(Some(route.verb));
    }
    for stream in &STREAMS {
        if let Some(captured) = matches(stream.path, parts) {
            return if verb == Verb::Get { Found::Stream(stream, captured) } else { Found::Only(Verb::Get) };
        }
    }
    other.map_or(Found::Nothing, Found::Only)
}

fn matches(path: &str, parts: &[String]) -> Option<BTreeMap<String, String>> {
    let mut captured = BTreeMap::new();
    let mut wanted = path.trim_start_matches('/').split('/');
    for part in parts {
        let wanted = wanted.next()?;
        match wanted.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
            Some(name) => drop(captured.insert(name.to_owned(), part.clone())),
            None if wanted == part => {}
            None => return None,
        }
    }
    wanted.next().is_none().then_some(captured)
}

/// The call that a request means: `path` and `query` give parameters as text, `body` as JSON, by name or in order.
///
/// # Errors
/// A sentence that says which parameter is wrong, and how.
pub fn call(
    entry: &'static Entry,
    path: &BTreeMap<String, String>,
    query: &[(String, String)],
    body: &[u8],
) -> Result<MethodCall, String> {
    let mut given = read_body(entry, body)?;
    let known = |name: &str| entry.params.iter().find(|(_, it, _)| *it == name);
    for (name, text) in path.iter().chain(query.iter().map(|(name, text)| (name, text))) {
        let Some((kind, ..)) = known(name) else { return Err(unknown(entry, name)) };
        let value = of_text(text, *kind).ok_or_else(|| wrong(name, *kind))?;
        match (given.get_mut(name), value) {
            // A list may be given as several.
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
            (Some(_), _) => return Err(format!("`{name}` is given twice")),
            (None, value) => drop(given.insert(name.clone(), value)),
        }
    }
    let mut params = Vec::new();
    for (index, (_, name, _)) in entry.params.iter().enumerate() {
        match given.remove(*name) {
            Some(value) => params.push(value),
            None if index + entry.optional >= entry.params.len() || is_range(name) => {
                match default_of(name) {
                    Some(value) => params.push(value),
                    None => break,
                }
            }
            None => return Err(format!("`{name}` is missing")),
        }
    }
    Ok(MethodCall { name: entry.name.to_owned(), params })
}

/// Whether a parameter says which part of a log is wanted: here, unlike elsewhere, it may be left out.
fn is_range(name: &str) -> bool {
    matches!(name, "offset" | "length")
}

/// What a parameter is that is left out before others that are not: as if it said nothing.
fn default_of(name: &str) -> Option<Value> {
    match name {
        "offset" | "length" | "since" | "before" | "until" | "most" => Some(Value::Int(0)),
        "kinds" => Some(Value::Array(Vec::new())),
        _ => None,
    }
}

fn read_body(entry: &Entry, body: &[u8]) -> Result<BTreeMap<String, Value>, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(BTreeMap::new());
    }
    let json: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
    let named: Vec<(String, serde_json::Value)> = match json {
        serde_json::Value::Object(members) => members.into_iter().collect(),
        serde_json::Value::Array(items) if items.len() <= entry.params.len() => {
            entry.params.iter().map(|(_, name, _)| (*name).to_owned()).zip(items).collect()
        }
        serde_json::Value::Array(items) => {
            return Err(format!("{} parameters where {} are known", items.len(), entry.params.len()));
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {
            return Err("the body is neither an object nor an array of parameters".to_owned());
        }
    };
    let mut given = BTreeMap::new();
    for (name, item) in named {
        let Some((kind, ..)) = entry.params.iter().find(|(_, it, _)| *it == name) else {
            return Err(unknown(entry, &name));
        };
        let value = json::value(&item, *kind).ok_or_else(|| wrong(&name, *kind))?;
        given.insert(name, value);
    }
    Ok(given)
}

fn unknown(entry: &Entry, name: &str) -> String {
    let names: Vec<_> = entry.params.iter().map(|(_, it, _)| format!("`{it}`")).collect();
    if names.is_empty() {
        return format!("`{name}` is not known: {} has no parameters", entry.name);
    }
    format!("`{name}` is not known: {} has {}", entry.name, names.join(", "))
}

fn wrong(name: &str, kind: Kind) -> String {
    let what = match kind {
        Kind::Array => "a list",
        Kind::Boolean => "true or false",
        Kind::Double => "a number",
        Kind::Int => "a whole number",
        Kind::String => "a text",
        Kind::Struct => "an object",
    };
    format!("`{name}` is not {what}")
}

/// A parameter written as text.
fn of_text(text: &str, kind: Kind) -> Option<Value> {
    match kind {
        Kind::String => Some(Value::String(text.to_owned())),
        Kind::Int => text.parse().ok().map(Value::Int),
        Kind::Double => text.parse().ok().filter(|it: &f64| it.is_finite()).map(Value::Double),
        Kind::Boolean => match text {
            "true" | "1" => Some(Value::Bool(true)),
            "false" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        Kind::Array => Some(Value::Array(vec![Value::String(text.to_owned())])),
        Kind::Struct => None,
    }
}

/// The body of an answer that is a fault.
pub fn fault(fault: &Fault) -> String {
    failure(fault.code.as_str(), &fault.to_string(), Some(fault.code.code()))
}

/// The body of an answer that says why there is none: a word for programs, a sentence for people.
pub fn failure(word: &str, message: &str, code: Option<i32>) -> String {
    let mut out = "{\"error\":".to_owned();
    json::push_text(&mut out, word);
    out.push_str(",\"message\":");
    json::push_text(&mut out, message);
    if let Some(code) = code {
        out.extend([",\"code\":", &code.to_string()]);
    }
    out.push('}');
    out
}

/// The HTTP status of a fault.
pub const fn status(code: FaultCode) -> u16 {
    match code {
        FaultCode::UnknownMethod
        | FaultCode::SignatureUnsupported
        | FaultCode::BadName
        | FaultCode::NoFile => 404,
        FaultCode::IncorrectParameters | FaultCode::BadArguments | FaultCode::BadSignal => 400,
        FaultCode::Forbidden => 403,
        FaultCode::ShutdownState => 503,
        FaultCode::NotExecutable
        | FaultCode::AbnormalTermination
        | FaultCode::SpawnError
        | FaultCode::AlreadyStarted
        | FaultCode::NotRunning
        | FaultCode::AlreadyAdded
        | FaultCode::StillRunning => 409,
        FaultCode::CantReread => 422,
        FaultCode::Failed | FaultCode::Success => 500,
    }
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
