//! Reading the configuration of a dead daemon while the keeper is still asked what it has: with ten thousand programs each takes
//! long, and who waits for an answer waits for the longer one alone.

use std::thread::{Builder, JoinHandle};

use supervisor::memory::Tape;

use crate::handover::Handover;
use crate::tapes::Kept;

/// A configuration that is being read by a thread of its own.
pub(crate) struct Early {
    number: Tape,
    thread: JoinHandle<Option<Kept>>,
}

impl Early {
    /// Begins to read the configuration on the tape of this number. Where no thread can be had, it is read when it is needed.
    pub(crate) fn begin(handover: &Handover, number: Tape) -> Option<Self> {
        let handover = handover.clone();
        let thread = Builder::new().name("menshen-read".to_owned());
        let thread = thread.spawn(move || Kept::read(&handover, number)).ok()?;
        Some(Self { number, thread })
    }

    pub(crate) const fn number(&self) -> Tape {
        self.number
    }

    /// What was read, once it is.
    pub(crate) fn end(self) -> Option<Kept> {
        self.thread.join().ok().flatten()
    }
}
