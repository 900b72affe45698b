//! What is remembered of a process across phases.

use model::exit::{EndCause, Ended, ExitStatus};
use model::time::{Stamp, Wall};

/// What is remembered of a process across phases.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) started: Option<Stamp>,
    pub(crate) stopped: Option<Wall>,
    pub(crate) spawn_error: Option<String>,
    pub(crate) exit: Option<ExitStatus>,
    pub(crate) starts: u64,
    /// How many of these nobody asked for at that moment.
    pub(crate) restarts: u64,
    /// The last end, which a start does not forget.
    pub(crate) ended: Option<Ended>,
}

impl Record {
    /// A child was ordered at `now`, or ordered again: what was true of the one before is over.
    pub(crate) fn ordered(&mut self, now: Stamp) {
        self.started = Some(now);
        self.spawn_error = None;
        self.exit = None;
    }

    /// The child has ended.
    pub(crate) fn ended(&mut self, status: ExitStatus, cause: EndCause, at: Wall) {
        self.stopped = Some(at);
        self.ended = Some(Ended { status, at, cause });
    }
}
