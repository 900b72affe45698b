//! Commands that print facts: `status`, `pid`, `avail`, `version`.

use model::fault::FaultCode;
use model::name::Namespec;

use crate::exit;
use crate::remote::{RemoteConfig, RemoteProcess};
use crate::render;
use crate::session::{Failure, Session};

/// `status [names]`.
pub(crate) fn status(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !session.is_up()? {
        session.exit = exit::STATUS_UNKNOWN;
        return Ok(());
    }
    let all = session.client.processes()?;
    let names: Vec<_> = argument.split_whitespace().collect();
    let shown = if names.is_empty() || names.contains(&"all") {
        all.iter().collect()
    } else {
        pick(session, &all, &names)?
    };
    // At once: there may be a thousand lines, and each would be a call of the system.
    let lines = render::status_lines(&shown);
    if !lines.is_empty() {
        session.say(lines.join("\n"))?;
    }
    if shown.iter().any(|it| it.is_stopped()) {
        session.exit = exit::STATUS_STOPPED;
    }
    Ok(())
}

/// The processes these names stand for; says which name stands for none.
fn pick<'p>(
    session: &mut Session<'_>,
    all: &'p [RemoteProcess],
    names: &[&str],
) -> Result<Vec<&'p RemoteProcess>, Failure> {
    let mut shown = Vec::new();
    for &name in names {
        let spec = Namespec::parse(name);
        let before = shown.len();
        let is_meant = |it: &&RemoteProcess| {
            it.group == spec.group && spec.process.is_none_or(|process| it.name == process)
        };
        shown.extend(all.iter().filter(is_meant));
        if shown.len() > before {
            continue;
        }
        session.exit = exit::STATUS_UNKNOWN;
        match spec.process {
            Some(_) => session.say(format!("{name}: ERROR (no such process)"))?,
            None => session.say(format!("{}: ERROR (no such group)", spec.group))?,
        }
    }
    Ok(shown)
}

/// `pid`, `pid all`, `pid <names>`.
pub(crate) fn pid(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !session.is_up()? {
        return Ok(());
    }
    let names: Vec<_> = argument.split_whitespace().collect();
    if names.is_empty() {
        let pid = session.client.server_pid()?;
        return session.say(pid.to_string());
    }
    if names.contains(&"all") {
        for process in session.client.processes()? {
            session.say(process.pid.to_string())?;
        }
        return Ok(());
    }
    for name in names {
        match session.client.process(name) {
            Ok(process) => {
                session.say(process.pid.to_string())?;
                if process.pid == 0 {
                    session.exit = exit::NOT_RUNNING;
                }
            }
            Err(error) if error.fault() == Some(FaultCode::BadName) => {
                session.exit = exit::GENERIC;
                session.say(format!("No such process {name}"))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// `avail`.
pub(crate) fn avail(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !argument.is_empty() {
        return session.misuse(exit::GENERIC, "Error: avail accepts no arguments", "avail");
    }
    match session.client.configured() {
        Ok(list) => list.iter().map(RemoteConfig::line).try_for_each(|it| session.say(it)),
        Err(error) if error.fault() == Some(FaultCode::ShutdownState) => {
            session.exit = exit::GENERIC;
            session.say("ERROR: supervisor shutting down")
        }
        Err(error) => Err(error.into()),
    }
}

/// `version`.
pub(crate) fn version(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !argument.is_empty() {
        return session.misuse(exit::GENERIC, "Error: version accepts no arguments", "version");
    }
    if !session.is_up()? {
        return Ok(());
    }
    let version = session.client.server_version()?;
    session.say(version)
}
