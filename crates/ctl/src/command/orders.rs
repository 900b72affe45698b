//! Orders to processes: `start`, `stop`, `restart`, `signal`, `clear`.

use model::fault::FaultCode;
use model::name::Namespec;

use crate::client::{CallError, Client, Scope};
use crate::exit;
use crate::remote::Outcome;
use crate::session::{Failure, Session};

/// How the results of one kind of order are told.
struct Telling {
    /// The word for success.
    done: &'static str,
    /// The words for each fault; `None` for those the server has its own words for.
    faults: &'static [(FaultCode, Option<&'static str>)],
    /// The fault that is no failure, since the wish is fulfilled.
    ignored: Option<FaultCode>,
    /// The exit code for a group that does not exist.
    no_group: u8,
}

const START: Telling = Telling {
    done: "started",
    faults: &[
        (FaultCode::BadName, Some("no such process")),
        (FaultCode::NoFile, Some("no such file")),
        (FaultCode::NotExecutable, Some("file is not executable")),
        (FaultCode::AlreadyStarted, Some("already started")),
        (FaultCode::SpawnError, Some("spawn error")),
        (FaultCode::AbnormalTermination, Some("abnormal termination")),
    ],
    ignored: Some(FaultCode::AlreadyStarted),
    no_group: exit::INVALID_ARGS,
};

const SIGNAL: Telling = Telling {
    done: "signalled",
    faults: &[
        (FaultCode::BadName, Some("no such process")),
        (FaultCode::BadSignal, Some("bad signal name")),
        (FaultCode::NotRunning, Some("not running")),
        (FaultCode::Failed, None),
    ],
    ignored: None,
    no_group: exit::GENERIC,
};

const STOP: Telling = Telling { done: "stopped", ignored: Some(FaultCode::NotRunning), ..SIGNAL };

const CLEAR: Telling = Telling {
    done: "cleared",
    faults: &[(FaultCode::BadName, Some("no such process")), (FaultCode::Failed, Some("failed"))],
    ignored: None,
    no_group: exit::GENERIC,
};

impl Telling {
    /// The line for one result.
    fn line(&self, outcome: &Outcome) -> Result<String, Failure> {
        let Outcome { name, status, description } = outcome;
        let code = FaultCode::from_code(*status);
        if code == Some(FaultCode::Success) {
            return Ok(format!("{name}: {}", self.done));
        }
        match self.faults.iter().find(|(it, _)| Some(*it) == code) {
            Some((_, Some(words))) => Ok(format!("{name}: ERROR ({words})")),
            Some((_, None)) => Ok(description.clone()),
            // A fault of ours, which says which role it takes. The original's client knows no words for it.
            None if code == Some(FaultCode::Forbidden) => {
                let words = description.strip_prefix("FORBIDDEN: ").unwrap_or(description);
                Ok(format!("{name}: ERROR ({words})"))
            }
            None => Err(Failure::UnknownResult { code: *status, name: name.clone() }),
        }
    }
}

/// `start <names>`.
pub(crate) fn start(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !session.is_up()? {
        return Ok(());
    }
    if argument.is_empty() {
        return session.misuse(exit::INVALID_ARGS, "Error: start requires a process name", "start");
    }
    order(session, argument, &START, Client::start, Client::start_many)
}

/// `stop <names>`.
pub(crate) fn stop(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !session.is_up()? {
        return Ok(());
    }
    if argument.is_empty() {
        return session.misuse(exit::GENERIC, "Error: stop requires a process name", "stop");
    }
    order(session, argument, &STOP, Client::stop, Client::stop_many)
}

/// `restart <names>`: stops and starts, whatever becomes of the stop.
pub(crate) fn restart(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !session.is_up()? {
        return Ok(());
    }
    if argument.is_empty() {
        return session.misuse(exit::GENERIC, "Error: restart requires a process name", "restart");
    }
    stop(session, argument)?;
    start(session, argument)
}

/// `signal <signal> <names>`.
pub(crate) fn signal(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !session.is_up()? {
        return Ok(());
    }
    let Some((signal, names)) = argument.split_once(char::is_whitespace) else {
        let error = "Error: signal requires a signal name and a process name";
        return session.misuse(exit::GENERIC, error, "signal");
    };
    order(
        session,
        names,
        &SIGNAL,
        |client, name| client.signal(name, signal),
        |client, scope| client.signal_many(scope, signal),
    )
}

/// `clear <names>`. Groups are not known to it: `group:*` reaches the server as it is.
pub(crate) fn clear(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !session.is_up()? {
        return Ok(());
    }
    let names: Vec<_> = argument.split_whitespace().collect();
    if names.is_empty() {
        return session.misuse(exit::GENERIC, "Error: clear requires a process name", "clear");
    }
    if names.contains(&"all") {
        let outcomes = session.client.clear_all()?;
        return tell(session, &CLEAR, &outcomes);
    }
    for name in names {
        let result = session.client.clear(name);
        tell_one(session, &CLEAR, Namespec::parse(name), result)?;
    }
    Ok(())
}

/// Carries an order out: for all when `all` is among the names, else name by name.
fn order(
    session: &mut Session<'_>,
    names: &str,
    telling: &Telling,
    one: impl Fn(&mut Client, &str) -> Result<(), CallError>,
    many: impl Fn(&mut Client, Scope<'_>) -> Result<Vec<Outcome>, CallError>,
) -> Result<(), Failure> {
    let names: Vec<_> = names.split_whitespace().collect();
    if names.contains(&"all") {
        let outcomes = many(&mut session.client, Scope::All)?;
        return tell(session, telling, &outcomes);
    }
    for name in names {
        let spec = Namespec::parse(name);
        if spec.process.is_some() {
            let result = one(&mut session.client, name);
            tell_one(session, telling, spec, result)?;
            continue;
        }
        match many(&mut session.client, Scope::Group(spec.group)) {
            Ok(outcomes) => tell(session, telling, &outcomes)?,
            Err(error) if error.fault() == Some(FaultCode::BadName) => {
                session.exit = telling.no_group;
                session.say(format!("{}: ERROR (no such group)", spec.group))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn tell(session: &mut Session<'_>, telling: &Telling, outcomes: &[Outcome]) -> Result<(), Failure> {
    for outcome in outcomes {
        let line = telling.line(outcome)?;
        session.say(line)?;
        session.note(outcome.status, telling.ignored);
    }
    Ok(())
}

fn tell_one(
    session: &mut Session<'_>,
    telling: &Telling,
    spec: Namespec<'_>,
    result: Result<(), CallError>,
) -> Result<(), Failure> {
    let success = i64::from(FaultCode::Success.code());
    let outcome = match result {
        Ok(()) => Outcome::refused(spec, success, ""),
        Err(CallError::Fault { code, text }) => Outcome::refused(spec, code, &text),
        Err(other) => return Err(other.into()),
    };
    tell(session, telling, &[outcome])
}
