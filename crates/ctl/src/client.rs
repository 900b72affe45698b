//! Calls to the server, with types.

pub(crate) mod plan;

use model::fault::FaultCode;
use wire::value::{MethodCall, RemoteFault, Value};
use wire::xmlrpc_read::{self, Limits};
use wire::xmlrpc_write;

use crate::place::{Place, PlaceError};
use crate::remote::{self, Changes, Outcome, RemoteConfig, RemoteProcess, array, each, integer, names, text};
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
        each(METHOD, self.call(METHOD, &[])?, remote::process)
    }

    /// One process.
    ///
    /// # Errors
    /// As for every call, and when there is none of this name.
    pub(crate) fn process(&mut self, name: &str) -> Result<RemoteProcess, CallError> {
        const METHOD: &str = "supervisor.getProcessInfo";
        let fields = remote::fields(METHOD, self.call(METHOD, &[text(name)])?)?;
        remote::process(fields).ok_or(CallError::Shape(METHOD))
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

    /// Rotates the logs of processes.
    ///
    /// # Errors
    /// As for every call, and when there is no such process.
    pub(crate) fn rotate(&mut self, names: &[&str]) -> Result<Vec<Outcome>, CallError> {
        let names = names.iter().copied().map(text).collect();
        self.outcomes("menshen.rotateProcessLogs", &[Value::Array(names)])
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
        each(METHOD, self.call(METHOD, &[])?, |it| remote::config(&it))
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

    /// Has another daemon take over.
    ///
    /// # Errors
    /// As for every call, and when there is a mistake in the configuration.
    pub(crate) fn succeed(&mut self) -> Result<(), CallError> {
        self.order("menshen.succeed", &[])
    }

    /// Makes the server the program at `path`, on its machine.
    ///
    /// # Errors
    /// As for every call, and why it stays what it is.
    pub(crate) fn upgrade(&mut self, path: &str) -> Result<(), CallError> {
        self.order("menshen.upgrade", &[text(path)])
    }

    /// Takes the child of a process in doubt for its own.
    ///
    /// # Errors
    /// As for every call, when there is no such process, and when it is not in doubt.
    pub(crate) fn adopt(&mut self, name: &str) -> Result<(), CallError> {
        self.order("menshen.adopt", &[text(name)])
    }

    /// Leaves the child of a process in doubt alone.
    ///
    /// # Errors
    /// As for [`Self::adopt`].
    pub(crate) fn forget(&mut self, name: &str) -> Result<(), CallError> {
        self.order("menshen.forget", &[text(name)])
    }

    fn order(&mut self, method: &'static str, parameters: &[Value]) -> Result<(), CallError> {
        self.call(method, parameters).map(|_| ())
    }

    fn text(&mut self, method: &'static str, parameters: &[Value]) -> Result<String, CallError> {
        match self.call(method, parameters)? {
            Value::String(text) => Ok(text),
            Value::Int(_)
            | Value::Bool(_)
            | Value::Double(_)
            | Value::DateTime(_)
            | Value::Array(_)
            | Value::Struct(_)
            | Value::Nil => Err(CallError::Shape(method)),
        }
    }

    fn outcomes(&mut self, method: &'static str, parameters: &[Value]) -> Result<Vec<Outcome>, CallError> {
        each(method, self.call(method, parameters)?, |it| remote::outcome(&it))
    }
}
