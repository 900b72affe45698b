//! `adopt` and `forget`: what is in doubt is decided by people.

use model::fault::FaultCode;

use crate::client::CallError;
use crate::verbs::paint::Tone;
use crate::verbs::{DONE, Desk, FAILED, NO_SUCH, Trouble};

/// What was found out about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The child is its own.
    Adopt,
    /// The child is nobody's.
    Forget,
}

impl Verdict {
    const fn done(self) -> &'static str {
        match self {
            Self::Adopt => "adopted",
            Self::Forget => "forgotten",
        }
    }
}

/// Decides about several processes, and goes on after one that fails.
pub(crate) fn decide(desk: &mut Desk<'_>, verdict: Verdict, names: &[String]) -> Result<u8, Trouble> {
    let mut code = DONE;
    for name in names {
        let decided = match verdict {
            Verdict::Adopt => desk.client.adopt(name),
            Verdict::Forget => desk.client.forget(name),
        };
        let reason = match decided {
            Ok(()) => {
                let line = format!("{name}: {}", desk.paint.text(Tone::Good, verdict.done()));
                desk.say(line)?;
                continue;
            }
            Err(error @ CallError::Fault { .. }) => {
                code = if error.fault() == Some(FaultCode::BadName) { NO_SUCH } else { FAILED };
                error.to_string()
            }
            Err(error) => return Err(error.into()),
        };
        let line = format!("{name}: {}: {reason}", desk.paint.text(Tone::Bad, "failed"));
        desk.say(line)?;
    }
    Ok(code)
}
