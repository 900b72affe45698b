//! Verbs about groups, the server itself, and its logs.

use std::path::PathBuf;

use model::fault::FaultCode;

use crate::args::Output;
use crate::client::{CallError, Channel};
use crate::command::{follow as logs, groups as commands};
use crate::exit;
use crate::input::Input;
use crate::session::{Session, Stop};
use crate::shell as interactive;
use crate::verbs::paint::Tone;
use crate::verbs::{DONE, Desk, FAILED, NO_SUCH, Trouble, facts, targets};

impl Output {
    const fn channel(self) -> Channel {
        match self {
            Self::Stdout => Channel::Stdout,
            Self::Stderr => Channel::Stderr,
        }
    }
}

/// `update [GROUP...]`.
pub(crate) fn update(desk: &mut Desk<'_>, names: &[String]) -> Result<u8, Trouble> {
    let changes = desk.client.reread().map_err(facts::explain)?;
    let active = desk.client.processes()?;
    let is_known = |name: &str| {
        name == "all" || active.iter().any(|it| it.group == name) || changes.added.iter().any(|it| it == name)
    };
    let unknown: Vec<_> = names.iter().filter(|it| !is_known(it)).collect();
    if !unknown.is_empty() {
        return Err(Trouble::Names(unknown.iter().map(|it| format!("there is no group \"{it}\"")).collect()));
    }
    let mut input = interactive::input(None)?;
    let mut session = session(desk, input.as_mut());
    let count = commands::apply(&mut session, &names.join(" "), &changes)?;
    let failed = session.exit != exit::SUCCESS;
    if count == 0 && !failed {
        desk.say("nothing to update")?;
    }
    Ok(if failed { FAILED } else { DONE })
}

/// `add GROUP...`: a group that is active already is as wished.
pub(crate) fn add(desk: &mut Desk<'_>, names: &[String]) -> Result<u8, Trouble> {
    each_group(desk, names, "added", |desk, name| match desk.client.add_group(name) {
        Err(error) if error.fault() == Some(FaultCode::AlreadyAdded) => Ok(Some("already active")),
        other => other.map(|()| None),
    })
}

/// `remove GROUP...`.
pub(crate) fn remove(desk: &mut Desk<'_>, names: &[String]) -> Result<u8, Trouble> {
    each_group(desk, names, "removed", |desk, name| desk.client.remove_group(name).map(|()| None))
}

/// Does the same to several groups, and goes on after one that fails.
fn each_group(
    desk: &mut Desk<'_>,
    names: &[String],
    done: &str,
    act: impl Fn(&mut Desk<'_>, &str) -> Result<Option<&'static str>, CallError>,
) -> Result<u8, Trouble> {
    let mut code = DONE;
    for name in names {
        let error = match act(desk, name) {
            Ok(already) => {
                let tone = if already.is_some() { Tone::Quiet } else { Tone::Good };
                let line = format!("{name}: {}", desk.paint.text(tone, already.unwrap_or(done)));
                desk.say(line)?;
                continue;
            }
            Err(error) => error,
        };
        let reason = match error.fault() {
            Some(FaultCode::BadName) => "there is no such group",
            Some(FaultCode::StillRunning) => "some of it still runs; stop it first",
            _ => return Err(error.into()),
        };
        code = if error.fault() == Some(FaultCode::BadName) { NO_SUCH } else { FAILED };
        let line = format!("{name}: {}: {reason}", desk.paint.text(Tone::Bad, "failed"));
        desk.say(line)?;
    }
    Ok(code)
}

/// `reload [--keep]`.
pub(crate) fn reload(desk: &mut Desk<'_>, keep: bool) -> Result<u8, Trouble> {
    if keep {
        desk.client.succeed().map_err(facts::explain)?;
        await_successor(desk)?;
        desk.say("another daemon takes over; the programs run on")?;
        return Ok(DONE);
    }
    desk.client.restart()?;
    desk.say("restarting")?;
    Ok(DONE)
}

/// Waits until the daemon that has answered is gone and the next one answers, so that whatever is asked for after
/// this verb finds it.
fn await_successor(desk: &mut Desk<'_>) -> Result<(), Trouble> {
    desk.client.wait_closed()?;
    desk.client.server_version()?;
    Ok(())
}

/// `upgrade [PROGRAM]`: done when the keeper is the new program; the daemon follows at once.
pub(crate) fn upgrade(desk: &mut Desk<'_>, program: Option<PathBuf>) -> Result<u8, Trouble> {
    let program = match program {
        Some(program) => std::path::absolute(program)?,
        None => os::process::own_program()?,
    };
    let text = program.to_str().ok_or_else(|| {
        Trouble::Usage(format!("{} is not UTF-8, as paths in requests must be", program.display()))
    })?;
    desk.client.upgrade(text)?;
    await_successor(desk)?;
    desk.say(format!("it is {text} now; the programs run on"))?;
    Ok(DONE)
}

/// `shutdown`: done when the server is gone, which its end of the connection tells.
pub(crate) fn shutdown(desk: &mut Desk<'_>, no_wait: bool) -> Result<u8, Trouble> {
    match desk.client.shutdown() {
        // It is on its way already, which is as wished.
        Err(error) if error.fault() == Some(FaultCode::ShutdownState) => {}
        other => other?,
    }
    if no_wait {
        desk.say("shutting down")?;
        return Ok(DONE);
    }
    desk.client.wait_closed()?;
    desk.say("shut down")?;
    Ok(DONE)
}

/// `tail [NAME [stdout|stderr]]`.
pub(crate) fn tail(
    desk: &mut Desk<'_>,
    name: Option<&str>,
    output: Output,
    bytes: u32,
) -> Result<u8, Trouble> {
    let bytes = i64::from(bytes.min(i32::MAX.unsigned_abs()));
    let text = match name {
        None => desk.client.read_main_log(bytes),
        Some(name) => {
            let name = full_name(desk, name)?;
            desk.client.read_log(&name, output.channel(), bytes)
        }
    };
    let text = match text {
        Err(error) if error.fault() == Some(FaultCode::NoFile) => {
            desk.out.flush()?;
            writeln!(desk.err, "menshen: there is no such log")?;
            return Ok(FAILED);
        }
        other => other?,
    };
    desk.out.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        desk.say("")?;
    }
    Ok(DONE)
}

/// `tail -f [NAME [stdout|stderr]]`.
pub(crate) fn follow(desk: &mut Desk<'_>, name: Option<&str>, output: Output) -> Result<u8, Trouble> {
    let path = match name {
        None => logs::MAIN_LOG_PATH.to_owned(),
        Some(name) => logs::log_path(&full_name(desk, name)?, output.channel()),
    };
    let mut input = interactive::input(None)?;
    let mut session = session(desk, input.as_mut());
    match logs::stream(&mut session, &path)? {
        None => Ok(DONE),
        Some(error) => Err(error.into()),
    }
}

/// `fg NAME`.
pub(crate) fn fg(desk: &mut Desk<'_>, name: &str) -> Result<u8, Trouble> {
    let name = full_name(desk, name)?;
    let mut input = interactive::input(None)?;
    let mut session = session(desk, input.as_mut());
    let result = session.run(&format!("fg {name}")).map(|_| ());
    let code = if session.exit == exit::SUCCESS { DONE } else { FAILED };
    ended(result, code)
}

/// `shell`.
pub(crate) fn shell(desk: &mut Desk<'_>) -> Result<u8, Trouble> {
    let prompt = format!("{}> ", desk.reach.prompt);
    let mut input = interactive::input(desk.reach.history.as_deref())?;
    let mut session = session(desk, input.as_mut());
    session.interactive = true;
    ended(interactive::run(&mut session, &prompt), DONE)
}

fn ended(result: Result<(), Stop>, code: u8) -> Result<u8, Trouble> {
    match result {
        Ok(()) => Ok(code),
        Err(Stop::Interrupted) => Err(Trouble::Interrupted),
        Err(Stop::Output(error)) => Err(Trouble::Output(error)),
    }
}

/// What `supervisorctl` does, a session does here as well.
fn session<'s>(desk: &'s mut Desk<'_>, input: &'s mut dyn Input) -> Session<'s> {
    Session::new(desk.reach.target.clone(), desk.out, desk.err, input, false)
}

fn full_name(desk: &mut Desk<'_>, name: &str) -> Result<String, Trouble> {
    let processes = desk.client.processes()?;
    Ok(targets::only(&mut desk.client, name, &processes)?.full_name())
}
