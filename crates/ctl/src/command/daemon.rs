//! Commands about the server: `shutdown`, `reload`, `open`.

use model::fault::FaultCode;

use crate::client::Target;
use crate::command::show;
use crate::exit;
use crate::session::{Absence, Failure, Session};

/// `shutdown`.
pub(crate) fn shutdown(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !argument.is_empty() {
        return session.misuse(exit::GENERIC, "Error: shutdown accepts no arguments", "shutdown");
    }
    if !session.is_sure("Really shut the remote supervisord process down y/N? ")? {
        return Ok(());
    }
    let error = match session.client.shutdown() {
        Ok(()) => return session.say("Shut down"),
        Err(error) => error,
    };
    if error.fault() == Some(FaultCode::ShutdownState) {
        return session.say("ERROR: already shutting down");
    }
    let words = match Absence::of(&error) {
        Some(Absence::Refused) => "refused connection",
        Some(Absence::NoSocket) => "no such file",
        None => return Err(error.into()),
    };
    session.exit = exit::GENERIC;
    let url = &session.client.target().url;
    let line = format!("ERROR: {url} {words} (already shut down?)");
    session.say(line)
}

/// `reload`.
pub(crate) fn reload(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    if !argument.is_empty() {
        return session.misuse(exit::GENERIC, "Error: reload accepts no arguments", "reload");
    }
    if !session.is_sure("Really restart the remote supervisord process y/N? ")? {
        return Ok(());
    }
    match session.client.restart() {
        Ok(()) => session.say("Restarted supervisord"),
        Err(error) if error.fault() == Some(FaultCode::ShutdownState) => {
            session.exit = exit::GENERIC;
            session.say("ERROR: already shutting down")
        }
        Err(error) => Err(error.into()),
    }
}

/// `open <url>`: turns to another server. What its `status` finds does not touch the exit code.
pub(crate) fn open(session: &mut Session<'_>, argument: &str) -> Result<(), Failure> {
    let scheme = argument.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
    if !matches!(scheme.as_str(), "unix" | "http" | "https") {
        session.exit = exit::GENERIC;
        return session.say("ERROR: url must be http:// or unix://");
    }
    let credentials = session.client.target().credentials.clone();
    session.client.turn_to(Target { url: argument.to_owned(), credentials });
    let before = session.exit;
    show::status(session, "")?;
    session.exit = before;
    Ok(())
}
