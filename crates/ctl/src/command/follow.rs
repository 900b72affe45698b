//! Following a log that grows, until Ctrl-C.

use std::fmt::Write as _;
use std::os::fd::AsFd;

use crate::client::{CallError, Channel};
use crate::interrupt::acknowledge;
use crate::python;
use crate::session::{Failure, Session};
use crate::transport::{Interrupt, TransportError, wait_readable_while_heard};

/// Where the server's own log is followed.
pub(crate) const MAIN_LOG_PATH: &str = "/mainlogtail";

/// Where a process's log is followed. The name may hold anything but blanks, so what would mean
/// something else in a URL is escaped.
pub(crate) fn log_path(name: &str, channel: Channel) -> String {
    let mut path = String::from("/logtail/");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:*@!$&'()+,;=".contains(&byte) {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    path.push('/');
    path.push_str(channel.as_str());
    path
}

/// Prints what a log holds last and what it gains, until the server or the user ends it. Whatever
/// goes wrong is told on standard error and does not touch the exit code, as ever.
pub(crate) fn follow(session: &mut Session<'_>, path: &str) -> Result<(), Failure> {
    session.say("==> Press Ctrl-C to exit <==")?;
    session.out.flush()?;
    match stream(session, path)? {
        None => Ok(()),
        Some(error) => complain(session, path, &error),
    }
}

/// Prints a log as it grows, as bytes; what ended it, unless that was the server's or the user's
/// wish.
pub(crate) fn stream(session: &mut Session<'_>, path: &str) -> Result<Option<CallError>, Failure> {
    let interrupt = session.heed_interrupts()?;
    let mut log = match session.client.follow(path) {
        Ok(log) => log,
        Err(CallError::Transport(TransportError::Interrupted)) => return interrupted(session, &interrupt),
        Err(error) => return Ok(Some(error)),
    };
    let mut bytes = log.take_first();
    let mut lives = true;
    loop {
        session.out.write_all(&bytes)?;
        session.out.flush()?;
        bytes.clear();
        if !lives {
            return Ok(None);
        }
        let [pressed, _] = wait_readable_while_heard([interrupt.as_fd(), log.as_fd()])?;
        if pressed {
            return interrupted(session, &interrupt);
        }
        lives = match log.read(&mut bytes) {
            Ok(lives) => lives,
            Err(error) => return Ok(Some(error.into())),
        };
    }
}

/// Ends the line that the terminal has shown Ctrl-C on.
fn interrupted(session: &mut Session<'_>, interrupt: &Interrupt) -> Result<Option<CallError>, Failure> {
    acknowledge(interrupt);
    session.say("").map(|()| None)
}

/// Tells on standard error why a log cannot be followed.
pub(crate) fn complain(session: &mut Session<'_>, path: &str, error: &CallError) -> Result<(), Failure> {
    let reason = match error {
        CallError::Transport(TransportError::Status { code, .. }) => {
            format!("Cannot read, status code {code}")
        }
        CallError::Place(_)
        | CallError::Transport(_)
        | CallError::Fault { .. }
        | CallError::Unreadable(_)
        | CallError::Shape(_) => {
            let text = python::exception(error);
            let (class, value) = text.split_once(", ").unwrap_or((&text, ""));
            format!("Cannot connect, error: {class} ({value})")
        }
    };
    writeln!(session.err, "{}{path} {reason}", session.client.target().url)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_escaped_where_a_url_would_misread_it() {
        assert_eq!(log_path("g:web_00", Channel::Stderr), "/logtail/g:web_00/stderr");
        assert_eq!(log_path("50%?#/é", Channel::Stdout), "/logtail/50%25%3F%23%2F%C3%A9/stdout");
    }
}
