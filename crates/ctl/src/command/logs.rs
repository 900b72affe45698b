//! Commands that show logs: `tail`, `maintail`.

use model::fault::FaultCode;

use crate::client::{CallError, Channel};
use crate::command::follow;
use crate::exit;
use crate::python;
use crate::session::{Failure, Session};

/// How many bytes are shown when nobody says how many.
const BYTES: i64 = 1600;

/// How much is to be shown.
enum Amount {
    /// The last bytes.
    Last(i64),
    /// What is still to come, too.
    Follow,
}

impl Amount {
    /// Reads `-f` or `-N`.
    fn parse(modifier: &str) -> Option<Self> {
        match modifier.strip_prefix('-')? {
            "f" => Some(Self::Follow),
            bytes => python::int(bytes).map(Self::Last),
        }
    }
}

/// `tail [-f|-N] <name> [stdout|stderr]`.
pub(crate) fn tail(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !session.is_up()? {
        return Ok(());
    }
    let mut words: Vec<_> = argument.split_whitespace().collect();
    match words.len() {
        0 => return session.misuse(exit::GENERIC, "Error: too few arguments", "tail"),
        1..=3 => {}
        _ => return session.misuse(exit::GENERIC, "Error: too many arguments", "tail"),
    }
    let modifier = words.first().copied().filter(|it| it.starts_with('-'));
    if modifier.is_some() {
        words.remove(0);
    }
    let (name, channel) = match words.as_slice() {
        [] => return refuse(session, "Error: tail requires process name".to_owned()),
        [name] => (*name, Channel::Stdout),
        [name, .., channel] => match channel.to_lowercase().as_str() {
            "stdout" => (*name, Channel::Stdout),
            "stderr" => (*name, Channel::Stderr),
            other => return refuse(session, format!("Error: bad channel {}", python::repr(other))),
        },
    };
    let amount = match modifier {
        None => Amount::Last(BYTES),
        Some(modifier) => match Amount::parse(modifier) {
            Some(amount) => amount,
            None => return refuse(session, format!("Error: bad argument {modifier}")),
        },
    };
    match amount {
        Amount::Follow => follow::follow(session, &follow::log_path(name, channel)),
        Amount::Last(bytes) => {
            let result =
                within_limits(bytes).and_then(|bytes| Ok(session.client.read_log(name, channel, bytes)?));
            show(session, name, result)
        }
    }
}

/// `maintail [-f|-N]`.
pub(crate) fn maintail(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !session.is_up()? {
        return Ok(());
    }
    let words: Vec<_> = argument.split_whitespace().collect();
    let amount = match words.as_slice() {
        [] => Amount::Last(BYTES),
        [modifier] => match Amount::parse(modifier) {
            Some(amount) => amount,
            None => return refuse(session, format!("Error: bad argument {modifier}")),
        },
        [_, _, ..] => return session.misuse(exit::GENERIC, "Error: too many arguments", "maintail"),
    };
    match amount {
        Amount::Follow => follow::follow(session, follow::MAIN_LOG_PATH),
        Amount::Last(bytes) => {
            let result = within_limits(bytes).and_then(|bytes| Ok(session.client.read_main_log(bytes)?));
            show(session, "supervisord", result)
        }
    }
}

fn refuse(session: &mut Session<'_>, error: String) -> Result<(), Failure> {
    session.exit = exit::GENERIC;
    session.say(error)
}

/// The server is asked for the negative of it, which XML-RPC must be able to say.
fn within_limits(bytes: i64) -> Result<i64, Failure> {
    if python::fits(bytes.saturating_neg()) { Ok(bytes) } else { Err(Failure::Overflow) }
}

/// Prints a log, or why there is none.
fn show(session: &mut Session<'_>, name: &str, result: Result<String, Failure>) -> Result<(), Failure> {
    let failure = match result {
        Ok(text) => return session.say(text),
        Err(failure) => failure,
    };
    session.exit = exit::GENERIC;
    let fault = if let Failure::Call(error) = &failure { CallError::fault(error) } else { None };
    let words = match fault {
        Some(FaultCode::NoFile) => "no log file",
        Some(FaultCode::Failed) => "unknown error reading log",
        // The server's own log has no name to get wrong.
        Some(FaultCode::BadName) if name != "supervisord" => "no such process name",
        _ => return Err(failure),
    };
    session.say(format!("{name}: ERROR ({words})"))
}
