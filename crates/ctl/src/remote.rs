//! What a server tells of, read from the values of the protocol. A field that is missing reads as
//! nothing: servers differ in what they tell, and most of it is only shown.

use model::name::Namespec;
use model::state::ProcessState;
use wire::value::{Members, Value};

use crate::client::CallError;

/// One process as the server tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RemoteProcess {
    /// The group it belongs to.
    pub group: String,
    /// Its own name.
    pub name: String,
    /// The number of its state.
    pub state: i64,
    /// The word for it.
    pub state_name: String,
    /// What the server has to say about it.
    pub description: String,
    /// Its pid, or zero.
    pub pid: i64,
    /// How it ended last, or zero.
    pub exit_status: i64,
    /// Why it last failed to start, or empty.
    pub spawn_error: String,
    /// When it was last started, in seconds since 1970, or zero.
    pub start: i64,
    /// When it last ended, likewise.
    pub stop: i64,
    /// The server's clock, likewise.
    pub now: i64,
    /// Where its standard output goes, or empty.
    pub stdout_logfile: String,
    /// Where its standard error goes, or empty.
    pub stderr_logfile: String,
    /// What only our own servers tell.
    pub more: Option<More>,
}

/// What our own servers tell of a process beyond what Supervisor tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct More {
    /// How often it was started.
    pub starts: i64,
    /// How often of these by itself.
    pub restarts: i64,
    /// Its last end, unless it has never ended.
    pub ended: Option<RemoteEnd>,
    /// How many bytes its logs did not get, because they did not take them.
    pub bytes_dropped: i64,
    /// For an event listener: how it is doing.
    pub listener: Option<RemoteListener>,
}

/// How a process ended last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RemoteEnd {
    /// `expected`, `unexpected`, `too early`, `stopped` or `killed`.
    pub cause: String,
    /// In words, for example `terminated by SIGKILL`.
    pub description: String,
    /// Its exit code, if it had one.
    pub code: Option<i64>,
    /// The signal that ended it, if one did.
    pub signal: Option<String>,
    /// Whether it left a core file.
    pub core: bool,
}

/// An event listener, and the pool it belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RemoteListener {
    /// `READY`, `BUSY`, `ACKNOWLEDGED`, `UNKNOWN`; none when it does not run.
    pub state: Option<String>,
    /// How many events wait in the pool.
    pub waiting: i64,
    /// How many may.
    pub size: i64,
    /// How many were dropped.
    pub dropped: i64,
}

impl RemoteProcess {
    /// Its full name.
    pub(crate) fn full_name(&self) -> String {
        full_name(&self.group, Some(&self.name))
    }

    /// Its state, when this program knows it.
    pub(crate) fn known_state(&self) -> Option<ProcessState> {
        ProcessState::from_code(self.state)
    }

    /// Whether nothing runs and nothing is due to.
    pub(crate) fn is_stopped(&self) -> bool {
        self.known_state().is_some_and(ProcessState::is_stopped)
    }
}

/// `group:name`, or `name` when both agree; a missing name reads `None`, as in the original.
pub(crate) fn full_name(group: &str, name: Option<&str>) -> String {
    match name {
        Some(name) if name == group => name.to_owned(),
        Some(name) => format!("{group}:{name}"),
        None => format!("{group}:None"),
    }
}

/// What became of one process of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Its full name.
    pub name: String,
    /// A fault's number; 80 is success.
    pub status: i64,
    /// Words for it.
    pub description: String,
}

impl Outcome {
    /// What a refused call about one process means for it.
    pub(crate) fn refused(namespec: Namespec<'_>, code: i64, text: &str) -> Self {
        Self { name: full_name(namespec.group, namespec.process), status: code, description: text.to_owned() }
    }
}

/// One process of the configuration last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteConfig {
    /// Its full name.
    pub name: String,
    /// Whether it is active.
    pub in_use: bool,
    /// Whether it starts by itself.
    pub autostart: bool,
    /// The priority of its group.
    pub group_priority: i64,
    /// Its own.
    pub process_priority: i64,
}

/// The groups a new reading of the configuration would touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// New.
    pub added: Vec<String>,
    /// Different.
    pub changed: Vec<String>,
    /// Gone.
    pub removed: Vec<String>,
}

/// The fields of a struct.
pub(crate) type Fields = Members;

/// A text as a value.
pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// The elements of an array.
pub(crate) fn array(value: Value) -> Option<Vec<Value>> {
    if let Value::Array(items) = value { Some(items) } else { None }
}

/// A number.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}

/// The fields of a struct, or that there should have been one.
pub(crate) fn fields(method: &'static str, value: Value) -> Result<Fields, CallError> {
    if let Value::Struct(fields) = value { Ok(fields) } else { Err(CallError::Shape(method)) }
}

/// An array of texts.
pub(crate) fn names(value: Value) -> Option<Vec<String>> {
    array(value)?.into_iter().map(|it| if let Value::String(name) = it { Some(name) } else { None }).collect()
}

/// Reads a list of structs.
pub(crate) fn each<T>(
    method: &'static str,
    value: Value,
    read: impl Fn(Fields) -> Option<T>,
) -> Result<Vec<T>, CallError> {
    let wrong = || CallError::Shape(method);
    array(value)
        .ok_or_else(wrong)?
        .into_iter()
        .map(|it| read(fields(method, it)?).ok_or_else(wrong))
        .collect()
}

/// Reads what `getProcessInfo` answers.
pub(crate) fn process(fields: Fields) -> Option<RemoteProcess> {
    let (mut group, mut name) = (None, None);
    let (mut process, mut more, mut is_ours) = (RemoteProcess::default(), More::default(), false);
    // One walk through them, which takes the texts with it: a thousand processes have sixteen thousand fields.
    for (key, value) in fields {
        let number = |value: &Value| integer(value).unwrap_or(0);
        match &*key {
            "group" => group = into_word(value),
            "name" => name = into_word(value),
            "state" => process.state = number(&value),
            "statename" => process.state_name = into_word(value).unwrap_or_default(),
            "description" => process.description = into_word(value).unwrap_or_default(),
            "pid" => process.pid = number(&value),
            "exitstatus" => process.exit_status = number(&value),
            "spawnerr" => process.spawn_error = into_word(value).unwrap_or_default(),
            "start" => process.start = number(&value),
            "stop" => process.stop = number(&value),
            "now" => process.now = number(&value),
            "stdout_logfile" => process.stdout_logfile = into_word(value).unwrap_or_default(),
            "stderr_logfile" => process.stderr_logfile = into_word(value).unwrap_or_default(),
            "starts" => more.starts = number(&value),
            "restarts" => (is_ours, more.restarts) = (true, number(&value)),
            "stdout_bytes_dropped" | "stderr_bytes_dropped" => {
                more.bytes_dropped = more.bytes_dropped.saturating_add(number(&value));
            }
            "ended" => more.ended = inner(&value).map(ended),
            "listener" => more.listener = inner(&value).map(listener),
            _ => {}
        }
    }
    process.more = is_ours.then_some(more);
    Some(RemoteProcess { group: group?, name: name?, ..process })
}

fn ended(fields: &Fields) -> RemoteEnd {
    RemoteEnd {
        cause: word(fields, "cause").unwrap_or_default(),
        description: word(fields, "description").unwrap_or_default(),
        code: fields.get("code").and_then(integer),
        signal: word(fields, "signal"),
        core: flag(fields, "core"),
    }
}

fn listener(fields: &Fields) -> RemoteListener {
    RemoteListener {
        state: word(fields, "state"),
        waiting: number(fields, "waiting"),
        size: number(fields, "size"),
        dropped: number(fields, "dropped"),
    }
}

/// A field that is a struct itself.
const fn inner(value: &Value) -> Option<&Fields> {
    if let Value::Struct(inner) = value { Some(inner) } else { None }
}

/// Reads an element of `getAllConfigInfo`.
pub(crate) fn config(fields: &Fields) -> Option<RemoteConfig> {
    Some(RemoteConfig {
        name: full_name(&word(fields, "group")?, Some(&word(fields, "name")?)),
        in_use: flag(fields, "inuse"),
        autostart: flag(fields, "autostart"),
        group_priority: number(fields, "group_prio"),
        process_priority: number(fields, "process_prio"),
    })
}

/// Reads a result of an order to many.
pub(crate) fn outcome(fields: &Fields) -> Option<Outcome> {
    Some(Outcome {
        name: full_name(&word(fields, "group")?, Some(&word(fields, "name")?)),
        status: number(fields, "status"),
        description: word(fields, "description").unwrap_or_default(),
    })
}

/// A field that is text; numbers are text, too, to a server that is careless about types.
pub(crate) fn word(fields: &Fields, key: &str) -> Option<String> {
    fields.get(key).cloned().and_then(into_word)
}

fn into_word(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Int(number) => Some(number.to_string()),
        Value::Bool(_)
        | Value::Double(_)
        | Value::DateTime(_)
        | Value::Array(_)
        | Value::Struct(_)
        | Value::Nil => None,
    }
}

/// A field that is a number; zero when it is missing.
pub(crate) fn number(fields: &Fields, key: &str) -> i64 {
    fields.get(key).and_then(integer).unwrap_or(0)
}

fn flag(fields: &Fields, key: &str) -> bool {
    match fields.get(key) {
        Some(Value::Bool(flag)) => *flag,
        Some(other) => integer(other).is_some_and(|it| it != 0),
        None => false,
    }
}
