//! `fg`: the terminal as a process's own, for a while.

use std::os::fd::AsFd;

use model::fault::FaultCode;
use model::state::ProcessState;

use crate::client::{CallError, Channel};
use crate::command::follow::{complain, log_path};
use crate::exit;
use crate::input::Typed;
use crate::interrupt::acknowledge;
use crate::python;
use crate::session::{Failure, Session};
use crate::transport::{Follow, TransportError, wait_readable};

/// `fg <process>`.
pub(crate) fn fg(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !session.is_up()? {
        return Ok(());
    }
    let mut names = argument.split_whitespace();
    let Some(name) = names.next() else {
        return session.misuse(exit::GENERIC, "ERROR: no process name supplied", "fg");
    };
    if names.next().is_some() {
        session.exit = exit::GENERIC;
        return session.say("ERROR: too many process names supplied");
    }
    match session.client.process(name) {
        Ok(process) if process.known_state() == Some(ProcessState::Running) => attached(session, name),
        Ok(_) => {
            session.exit = exit::GENERIC;
            session.say("ERROR: process not running")
        }
        Err(error) if error.fault() == Some(FaultCode::BadName) => {
            session.exit = exit::GENERIC;
            session.say("ERROR: bad process name supplied")
        }
        Err(CallError::Fault { code, text }) => session.say(format!("ERROR: {}", python::fault(code, &text))),
        Err(error) => Err(error.into()),
    }
}

/// Attaches, and leaves quietly when Ctrl-C came while the server was being asked.
fn attached(session: &mut Session<'_>, name: &str) -> Result<(), Failure> {
    match attach(session, name) {
        Err(Failure::Interrupted | Failure::Call(CallError::Transport(TransportError::Interrupted))) => {
            if let Some(interrupt) = &session.interrupt {
                acknowledge(interrupt);
            }
            session.say("Exiting foreground")
        }
        other => other,
    }
}

/// Both outputs of the process to ours, our lines to its input, until the user or the process ends.
fn attach(session: &mut Session<'_>, name: &str) -> Result<(), Failure> {
    session.say("==> Press Ctrl-C to exit <==")?;
    session.out.flush()?;
    let interrupt = session.heed_interrupts()?;
    let mut stdout = listen(session, name, Channel::Stdout)?;
    let mut stderr = listen(session, name, Channel::Stderr)?;
    loop {
        while let Some(typed) = session.input.lines().take() {
            let Typed::Line(line) = typed else {
                return session.say("Exiting foreground");
            };
            if !pass(session, name, &line)? {
                return session.say("Exiting foreground");
            }
        }
        let typing = session.input.lines();
        // A log that has ended is waited for no more: the interrupt stands in for it.
        let first = stdout.as_ref().map_or(interrupt.as_fd(), AsFd::as_fd);
        let second = stderr.as_ref().map_or(interrupt.as_fd(), AsFd::as_fd);
        let [interrupted, typed, first, second] =
            wait_readable([interrupt.as_fd(), typing.as_fd(), first, second], None)?;
        if interrupted {
            acknowledge(&interrupt);
            return session.say("Exiting foreground");
        }
        if first {
            stdout = relay(session, stdout, &log_path(name, Channel::Stdout))?;
        }
        if second {
            stderr = relay(session, stderr, &log_path(name, Channel::Stderr))?;
        }
        if typed {
            session.input.lines().fill()?;
        }
    }
}

/// Opens one log; a process without it can be attached to all the same.
fn listen(session: &mut Session<'_>, name: &str, channel: Channel) -> Result<Option<Follow>, Failure> {
    let path = log_path(name, channel);
    match session.client.follow(&path) {
        Ok(mut log) => {
            let first = log.take_first();
            session.out.write_all(&first)?;
            session.out.flush()?;
            Ok(Some(log))
        }
        Err(error @ CallError::Transport(TransportError::Interrupted)) => Err(error.into()),
        Err(error) => complain(session, &path, &error).map(|()| None),
    }
}

/// Prints what has come; `None` when there will be no more.
fn relay(session: &mut Session<'_>, log: Option<Follow>, path: &str) -> Result<Option<Follow>, Failure> {
    let Some(mut log) = log else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    let lives = match log.read(&mut bytes) {
        Ok(lives) => lives,
        Err(error) => {
            complain(session, path, &error.into())?;
            false
        }
    };
    session.out.write_all(&bytes)?;
    session.out.flush()?;
    Ok(lives.then_some(log))
}

/// Hands a line to the process; `false` when it is gone.
fn pass(session: &mut Session<'_>, name: &str, line: &str) -> Result<bool, Failure> {
    match session.client.send_stdin(name, &format!("{line}\n")) {
        Ok(()) => {}
        Err(error) if error.fault() == Some(FaultCode::NotRunning) => {
            session.say("Process got killed")?;
            return Ok(false);
        }
        Err(CallError::Fault { code, text }) => {
            session.say(format!("ERROR: {}", python::fault(code, &text)))?;
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    }
    let process = session.client.process(name)?;
    if process.known_state() == Some(ProcessState::Running) {
        return Ok(true);
    }
    session.say("Process got killed")?;
    Ok(false)
}
