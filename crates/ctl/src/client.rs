//! Calls to the server, with types.

pub(crate) mod plan;

use std::collections::BTreeMap;

use model::fault::FaultCode;
use model::name::Namespec;
use model::state::ProcessState;
use wire::value::{MethodCall, RemoteFault, Value};
use wire::xmlrpc_read::{self, Limits};
use wire::xmlrpc_write;

use crate::place::{Place, PlaceError};
use crate::transport::{Credentials, Follow, Interrupt, Transport, TransportError};

/// The path XML-RPC is spoken at.
const PATH: &str = "/RPC2";

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The URL names no server.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// There was no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server refused.
    #[error("{text}")]
    Fault {
        /// The number of the fault.
        code: i64,
        /// Its text, for example `BAD_NAME: web`.
        text: String,
    },
    /// An answer came that is no XML-RPC.
    #[error("the server's answer is no XML-RPC: {0}")]
    Unreadable(String),
    /// The result is not of the type the method promises.
    #[error("the server's answer to {0} is not of the promised type")]
    Shape(&'static str),
}

impl CallError {
    /// The fault, when it is one this program knows.
    pub(crate) fn fault(&self) -> Option<FaultCode> {
        match self {
            Self::Fault { code, .. } => FaultCode::from_code(*code),
            Self::Place(_) | Self::Transport(_) | Self::Unreadable(_) | Self::Shape(_) => None,
        }
    }
}

/// How to reach a server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its address as written.
    pub url: String,
    /// Sent only when both were given.
    pub credentials: Option<Credentials>,
}

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

/// Which of a process's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Channel {
    /// The word for it in URLs and on command lines.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Which processes an order is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope<'a> {
    /// Every one.
    All,
    /// Those of one group.
    Group(&'a str),
}

/// A server to call.
pub(crate) struct Client {
    target: Target,
    interrupt: Option<Interrupt>,
    /// Made at the first call, when a bad URL is reported.
    transport: Option<Transport>,
}

impl Client {
    /// A client of the server at `target`; nothing is opened yet.
    pub(crate) const fn new(target: Target) -> Self {
        Self { target, interrupt: None, transport: None }
    }

    /// How the server is reached.
    pub(crate) const fn target(&self) -> &Target {
        &self.target
    }

    /// Turns to another server, or to the same one as someone else.
    pub(crate) fn turn_to(&mut self, target: Target) {
        self.target = target;
        self.transport = None;
    }

    /// Lets waiting calls end when `interrupt` becomes readable.
    pub(crate) fn heed(&mut self, interrupt: Interrupt) {
        self.interrupt = Some(interrupt);
        self.transport = None;
    }

    fn transport(&mut self) -> Result<&mut Transport, CallError> {
        if self.transport.is_none() {
            let place = Place::parse(&self.target.url)?;
            let fresh = Transport::new(place, self.target.credentials.clone(), self.interrupt.clone());
            self.transport = Some(fresh);
        }
        self.transport.as_mut().ok_or(CallError::Shape("nothing"))
    }

    /// Calls any method.
    ///
    /// # Errors
    /// When there is no answer, or it is a fault.
    pub(crate) fn call(&mut self, method: &str, parameters: &[Value]) -> Result<Value, CallError> {
        let call = MethodCall { name: method.to_owned(), params: parameters.to_vec() };
        let body = xmlrpc_write::call(&call);
        let answer = self.transport()?.post(PATH, body.as_bytes())?;
        match xmlrpc_read::response(&answer, Limits::RESPONSE) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(RemoteFault { code, text })) => Err(CallError::Fault { code, text }),
            Err(error) => Err(CallError::Unreadable(error.to_string())),
        }
    }

    /// Waits until the server closes the connection, which it does when it ends.
    ///
    /// # Errors
    /// When the user interrupts.
    pub(crate) fn wait_closed(&mut self) -> Result<(), CallError> {
        Ok(self.transport()?.wait_closed()?)
    }

    /// Follows a log that grows, by its path on the server.
    ///
    /// # Errors
    /// When there is no such log.
    pub(crate) fn follow(&mut self, path: &str) -> Result<Follow, CallError> {
        Ok(self.transport()?.follow(path)?)
    }

    /// The version of the RPC interface.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) fn api_version(&mut self) -> Result<String, CallError> {
        // The old name of `getAPIVersion`, which every server has.
        self.text("supervisor.getVersion", &[])
    }

    /// The version of the server.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) fn server_version(&mut self) -> Result<String, CallError> {
        self.text("supervisor.getSupervisorVersion", &[])
    }

    /// The pid of the server.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) fn server_pid(&mut self) -> Result<i64, CallError> {
        const METHOD: &str = "supervisor.getPID";
        integer(&self.call(METHOD, &[])?).ok_or(CallError::Shape(METHOD))
    }

    /// Every process, in the server's order.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) fn processes(&mut self) -> Result<Vec<RemoteProcess>, CallError> {
        const METHOD: &str = "supervisor.getAllProcessInfo";
        each(METHOD, self.call(METHOD, &[])?, process)
    }

    /// One process.
    ///
    /// # Errors
    /// As for every call, and when there is none of this name.
    pub(crate) fn process(&mut self, name: &str) -> Result<RemoteProcess, CallError> {
        const METHOD: &str = "supervisor.getProcessInfo";
        process(&fields(METHOD, self.call(METHOD, &[text(name)])?)?).ok_or(CallError::Shape(METHOD))
    }

    /// Starts one process and waits until it is up.
    ///
    /// # Errors
    /// As for every call, and when it cannot be started.
    pub(crate) fn start(&mut self, name: &str) -> Result<(), CallError> {
        self.order("supervisor.startProcess", &[text(name)])
    }

    /// Starts several processes and waits until they are up.
    ///
    /// # Errors
    /// As for every call, and when there is no such group.
    pub(crate) fn start_many(&mut self, scope: Scope<'_>) -> Result<Vec<Outcome>, CallError> {
        match scope {
            Scope::All => self.outcomes("supervisor.startAllProcesses", &[]),
            Scope::Group(group) => self.outcomes("supervisor.startProcessGroup", &[text(group)]),
        }
    }

    /// Stops one process and waits until it is down.
    ///
    /// # Errors
    /// As for every call, and when it does not run.
    pub(crate) fn stop(&mut self, name: &str) -> Result<(), CallError> {
        self.order("supervisor.stopProcess", &[text(name)])
    }

    /// Stops several processes and waits until they are down.
    ///
    /// # Errors
    /// As for every call, and when there is no such group.
    pub(crate) fn stop_many(&mut self, scope: Scope<'_>) -> Result<Vec<Outcome>, CallError> {
        match scope {
            Scope::All => self.outcomes("supervisor.stopAllProcesses", &[]),
            Scope::Group(group) => self.outcomes("supervisor.stopProcessGroup", &[text(group)]),
        }
    }

    /// Signals one process.
    ///
    /// # Errors
    /// As for every call, and when it does not run or there is no such signal.
    pub(crate) fn signal(&mut self, name: &str, signal: &str) -> Result<(), CallError> {
        self.order("supervisor.signalProcess", &[text(name), text(signal)])
    }

    /// Signals several processes.
    ///
    /// # Errors
    /// As for every call, and when there is no such group.
    pub(crate) fn signal_many(&mut self, scope: Scope<'_>, signal: &str) -> Result<Vec<Outcome>, CallError> {
        match scope {
            Scope::All => self.outcomes("supervisor.signalAllProcesses", &[text(signal)]),
            Scope::Group(group) => {
                self.outcomes("supervisor.signalProcessGroup", &[text(group), text(signal)])
            }
        }
    }

    /// Empties the logs of one process.
    ///
    /// # Errors
    /// As for every call, and when there is no such process.
    pub(crate) fn clear(&mut self, name: &str) -> Result<(), CallError> {
        self.order("supervisor.clearProcessLogs", &[text(name)])
    }

    /// Empties the logs of all.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) fn clear_all(&mut self) -> Result<Vec<Outcome>, CallError> {
        self.outcomes("supervisor.clearAllProcessLogs", &[])
    }

    /// The last `bytes` of a process's log.
    ///
    /// # Errors
    /// As for every call, and when there is no such log.
    pub(crate) fn read_log(&mut self, name: &str, channel: Channel, bytes: i64) -> Result<String, CallError> {
        let method = match channel {
            Channel::Stdout => "supervisor.readProcessStdoutLog",
            Channel::Stderr => "supervisor.readProcessStderrLog",
        };
        self.text(method, &[text(name), Value::Int(bytes.saturating_neg()), Value::Int(0)])
    }

    /// The last `bytes` of the server's own log.
    ///
    /// # Errors
    /// As for every call, and when there is none.
    pub(crate) fn read_main_log(&mut self, bytes: i64) -> Result<String, CallError> {
        self.text("supervisor.readLog", &[Value::Int(bytes.saturating_neg()), Value::Int(0)])
    }

    /// Writes to a process's standard input.
    ///
    /// # Errors
    /// As for every call, and when it does not read.
    pub(crate) fn send_stdin(&mut self, name: &str, input: &str) -> Result<(), CallError> {
        self.order("supervisor.sendProcessStdin", &[text(name), text(input)])
    }

    /// The processes of the configuration last read.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) fn configured(&mut self) -> Result<Vec<RemoteConfig>, CallError> {
        const METHOD: &str = "supervisor.getAllConfigInfo";
        each(METHOD, self.call(METHOD, &[])?, |fields| {
            Some(RemoteConfig {
                name: full_name(&word(fields, "group")?, Some(&word(fields, "name")?)),
                in_use: flag(fields, "inuse"),
                autostart: flag(fields, "autostart"),
                group_priority: number(fields, "group_prio"),
                process_priority: number(fields, "process_prio"),
            })
        })
    }

    /// Reads the configuration again, without acting on it.
    ///
    /// # Errors
    /// As for every call, and when the configuration is wrong.
    pub(crate) fn reread(&mut self) -> Result<Changes, CallError> {
        const METHOD: &str = "supervisor.reloadConfig";
        let wrong = || CallError::Shape(METHOD);
        // Three lists inside a list of one.
        let outer = array(self.call(METHOD, &[])?).and_then(|it| it.into_iter().next()).ok_or_else(wrong)?;
        let mut lists = array(outer).ok_or_else(wrong)?.into_iter().map(names);
        let mut next = || lists.next().flatten().ok_or_else(wrong);
        Ok(Changes { added: next()?, changed: next()?, removed: next()? })
    }

    /// Makes a group of the configuration active.
    ///
    /// # Errors
    /// As for every call, and when there is none or it is active.
    pub(crate) fn add_group(&mut self, group: &str) -> Result<(), CallError> {
        self.order("supervisor.addProcessGroup", &[text(group)])
    }

    /// Makes a stopped group inactive.
    ///
    /// # Errors
    /// As for every call, and when there is none or some of it runs.
    pub(crate) fn remove_group(&mut self, group: &str) -> Result<(), CallError> {
        self.order("supervisor.removeProcessGroup", &[text(group)])
    }

    /// Tells the server to stop everything and leave.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) fn shutdown(&mut self) -> Result<(), CallError> {
        self.order("supervisor.shutdown", &[])
    }

    /// Tells the server to stop everything and start anew.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) fn restart(&mut self) -> Result<(), CallError> {
        self.order("supervisor.restart", &[])
    }

    fn order(&mut self, method: &'static str, parameters: &[Value]) -> Result<(), CallError> {
        self.call(method, parameters).map(|_| ())
    }

    fn text(&mut self, method: &'static str, parameters: &[Value]) -> Result<String, CallError> {
        match self.call(method, parameters)? {
            Value::String(text) => Ok(text),
            Value::Bytes(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Value::Int(_)
            | Value::Bool(_)
            | Value::Double(_)
            | Value::DateTime(_)
            | Value::Array(_)
            | Value::Struct(_) => Err(CallError::Shape(method)),
        }
    }

    fn outcomes(&mut self, method: &'static str, parameters: &[Value]) -> Result<Vec<Outcome>, CallError> {
        each(method, self.call(method, parameters)?, |fields| {
            Some(Outcome {
                name: full_name(&word(fields, "group")?, Some(&word(fields, "name")?)),
                status: number(fields, "status"),
                description: word(fields, "description").unwrap_or_default(),
            })
        })
    }
}

type Fields = BTreeMap<String, Value>;

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn array(value: Value) -> Option<Vec<Value>> {
    if let Value::Array(items) = value { Some(items) } else { None }
}

fn integer(value: &Value) -> Option<i64> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}

fn fields(method: &'static str, value: Value) -> Result<Fields, CallError> {
    if let Value::Struct(fields) = value { Ok(fields) } else { Err(CallError::Shape(method)) }
}

fn names(value: Value) -> Option<Vec<String>> {
    array(value)?.into_iter().map(|it| if let Value::String(name) = it { Some(name) } else { None }).collect()
}

/// Reads a list of structs.
fn each<T>(
    method: &'static str,
    value: Value,
    read: impl Fn(&Fields) -> Option<T>,
) -> Result<Vec<T>, CallError> {
    let wrong = || CallError::Shape(method);
    array(value)
        .ok_or_else(wrong)?
        .into_iter()
        .map(|it| read(&fields(method, it)?).ok_or_else(wrong))
        .collect()
}

fn process(fields: &Fields) -> Option<RemoteProcess> {
    let optional = |key| word(fields, key).unwrap_or_default();
    Some(RemoteProcess {
        group: word(fields, "group")?,
        name: word(fields, "name")?,
        state: number(fields, "state"),
        state_name: optional("statename"),
        description: optional("description"),
        pid: number(fields, "pid"),
        exit_status: number(fields, "exitstatus"),
        spawn_error: optional("spawnerr"),
        start: number(fields, "start"),
        stop: number(fields, "stop"),
        now: number(fields, "now"),
        stdout_logfile: optional("stdout_logfile"),
        stderr_logfile: optional("stderr_logfile"),
    })
}

/// A field that is text; numbers are text, too, to a server that is careless about types.
fn word(fields: &Fields, key: &str) -> Option<String> {
    match fields.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::Bool(_) | Value::Double(_) | Value::DateTime(_) | Value::Array(_) | Value::Struct(_) => None,
    }
}

fn number(fields: &Fields, key: &str) -> i64 {
    fields.get(key).and_then(integer).unwrap_or(0)
}

fn flag(fields: &Fields, key: &str) -> bool {
    match fields.get(key) {
        Some(Value::Bool(flag)) => *flag,
        Some(other) => integer(other).is_some_and(|it| it != 0),
        None => false,
    }
}
