//! Calls only the verbs of `menshen` make: facts that Supervisor does not tell, updates process by
//! process, and orders that do not wait.

use model::fault::FaultCode;
use wire::value::Value;

use super::{CallError, Client};
use crate::remote::{self, Fields, RemoteProcess, array, each, names, number, text, word};

/// What an update does to one process, or to a group as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemotePlan {
    /// The group.
    pub group: String,
    /// The process; empty: it is about the group as such.
    pub name: String,
    /// `added`, `removed`, `restarted` or `changed`.
    pub action: String,
    /// The options that differ.
    pub options: Vec<String>,
    /// How it went: a fault's number, 80 for success; zero in a plan.
    pub status: i64,
    /// Words for it; empty in a plan.
    pub description: String,
}

impl Client {
    /// What an update of these groups, or of all, would do.
    ///
    /// # Errors
    /// As for every call; when there is no such group, when the configuration cannot be read, and
    /// when the server does not know the method.
    pub(crate) fn plan(&mut self, groups: &[String]) -> Result<Vec<RemotePlan>, CallError> {
        self.planned("menshen.plan", groups)
    }

    /// Does it, and waits until everything is up or down.
    ///
    /// # Errors
    /// As for [`Self::plan`].
    pub(crate) fn update(&mut self, groups: &[String]) -> Result<Vec<RemotePlan>, CallError> {
        self.planned("menshen.update", groups)
    }

    /// Every process, in the server's order, with all that this server tells: more than
    /// [`Self::processes`] when it is one of ours.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) fn inspect(&mut self) -> Result<Vec<RemoteProcess>, CallError> {
        const METHOD: &str = "menshen.getAllProcessInfo";
        match self.call(METHOD, &[]) {
            Err(error) if error.fault() == Some(FaultCode::UnknownMethod) => self.processes(),
            answer => each(METHOD, answer?, remote::process),
        }
    }

    /// Starts one process; answered when it has a child.
    ///
    /// # Errors
    /// As for every call, and when it cannot be started.
    pub(crate) fn start_soon(&mut self, name: &str) -> Result<(), CallError> {
        self.call("supervisor.startProcess", &[text(name), Value::Bool(false)]).map(drop)
    }

    /// Asks one process to stop; answered at once.
    ///
    /// # Errors
    /// As for every call, and when it does not run.
    pub(crate) fn stop_soon(&mut self, name: &str) -> Result<(), CallError> {
        self.call("supervisor.stopProcess", &[text(name), Value::Bool(false)]).map(drop)
    }

    fn planned(&mut self, method: &'static str, groups: &[String]) -> Result<Vec<RemotePlan>, CallError> {
        let groups = Value::Array(groups.iter().map(|it| text(it)).collect());
        each(method, self.call(method, &[groups])?, |it| planned(&it))
    }
}

fn planned(fields: &Fields) -> Option<RemotePlan> {
    let options = fields.get("options").cloned().and_then(array).map(Value::Array);
    Some(RemotePlan {
        group: word(fields, "group")?,
        name: word(fields, "name")?,
        action: word(fields, "action")?,
        options: options.and_then(names).unwrap_or_default(),
        status: number(fields, "status"),
        description: word(fields, "description").unwrap_or_default(),
    })
}
