//! Commands about groups and the configuration: `reread`, `add`, `remove`, `update`.

use std::collections::BTreeSet;

use model::fault::FaultCode;

use crate::client::Scope;
use crate::exit;
use crate::remote::Changes;
use crate::render;
use crate::session::{Failure, Session};

/// `reread`.
pub(crate) fn reread(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !argument.is_empty() {
        return session.misuse(exit::GENERIC, "Error: reread accepts no arguments", "reread");
    }
    let error = match session.client.reread() {
        Ok(changes) => {
            return render::change_lines(&changes).into_iter().try_for_each(|it| session.say(it));
        }
        Err(error) => error,
    };
    session.exit = exit::GENERIC;
    match error.fault() {
        Some(FaultCode::ShutdownState) => session.say("ERROR: supervisor shutting down"),
        Some(FaultCode::CantReread) => session.say(format!("ERROR: {error}")),
        _ => Err(error.into()),
    }
}

/// `add <groups>`.
pub(crate) fn add(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    for name in argument.split_whitespace() {
        let error = match session.client.add_group(name) {
            Ok(()) => {
                session.say(format!("{name}: added process group"))?;
                continue;
            }
            Err(error) => error,
        };
        match error.fault() {
            // The wish is fulfilled, so this is no failure.
            Some(FaultCode::AlreadyAdded) => session.say("ERROR: process group already active")?,
            Some(FaultCode::ShutdownState) => {
                session.exit = exit::GENERIC;
                session.say("ERROR: shutting down")?;
            }
            Some(FaultCode::BadName) => {
                session.exit = exit::GENERIC;
                session.say(format!("ERROR: no such process/group: {name}"))?;
            }
            _ => return Err(error.into()),
        }
    }
    Ok(())
}

/// `remove <groups>`.
pub(crate) fn remove(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    for name in argument.split_whitespace() {
        let error = match session.client.remove_group(name) {
            Ok(()) => {
                session.say(format!("{name}: removed process group"))?;
                continue;
            }
            Err(error) => error,
        };
        session.exit = exit::GENERIC;
        match error.fault() {
            Some(FaultCode::StillRunning) => {
                session.say(format!("ERROR: process/group still running: {name}"))?;
            }
            Some(FaultCode::BadName) => session.say(format!("ERROR: no such process/group: {name}"))?,
            _ => return Err(error.into()),
        }
    }
    Ok(())
}

/// `update [all|groups]`: reads the configuration again and makes the groups it differs in as it
/// wants them, each as a whole.
pub(crate) fn update(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    let changes = match session.client.reread() {
        Ok(changes) => changes,
        Err(error) if error.fault() == Some(FaultCode::ShutdownState) => {
            session.exit = exit::GENERIC;
            return session.say("ERROR: already shutting down");
        }
        Err(error) => return Err(error.into()),
    };
    apply(session, argument, &changes).map(|_| ())
}

/// Acts on what a new reading of the configuration has found, for the groups named or for all;
/// returns how many groups were touched.
pub(crate) fn apply(session: &mut Session<'_>, argument: &str, update: &Changes) -> Result<usize, Failure> {
    let named: BTreeSet<_> = argument.split_whitespace().collect();
    let named = if named.contains("all") { BTreeSet::new() } else { named };
    check_names(session, &named, update)?;
    let meant = |groups: &[String]| -> Vec<String> {
        groups.iter().filter(|it| named.is_empty() || named.contains(it.as_str())).cloned().collect()
    };
    let (gone, changed, new) = (meant(&update.removed), meant(&update.changed), meant(&update.added));
    gone.iter().try_for_each(|it| retire(session, it))?;
    changed.iter().try_for_each(|it| replace(session, it))?;
    for group in &new {
        session.client.add_group(group)?;
        session.say(format!("{group}: added process group"))?;
    }
    Ok(gone.len() + changed.len() + new.len())
}

/// Says which names are those of no group, active or new.
fn check_names(session: &mut Session<'_>, named: &BTreeSet<&str>, changes: &Changes) -> Result<(), Failure> {
    if named.is_empty() {
        return Ok(());
    }
    let active = session.client.processes()?;
    for &name in named {
        if active.iter().any(|it| it.group == name) || changes.added.iter().any(|it| it == name) {
            continue;
        }
        session.exit = exit::GENERIC;
        session.say(format!("ERROR: no such group: {name}"))?;
    }
    Ok(())
}

fn retire(session: &mut Session<'_>, group: &str) -> Result<(), Failure> {
    let outcomes = session.client.stop_many(Scope::Group(group))?;
    session.say(format!("{group}: stopped"))?;
    if outcomes.iter().any(|it| FaultCode::from_code(it.status) == Some(FaultCode::Failed)) {
        session.exit = exit::GENERIC;
        return session.say(format!("{group}: has problems; not removing"));
    }
    session.client.remove_group(group)?;
    session.say(format!("{group}: removed process group"))
}

fn replace(session: &mut Session<'_>, group: &str) -> Result<(), Failure> {
    session.client.stop_many(Scope::Group(group))?;
    session.say(format!("{group}: stopped"))?;
    session.client.remove_group(group)?;
    session.client.add_group(group)?;
    session.say(format!("{group}: updated process group"))
}
