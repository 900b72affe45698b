//! The mood of the supervisor: supervising, or stopping everything in order to leave.

use std::collections::BTreeSet;
use std::time::Duration;

use model::name::FullName;
use model::state::SupervisorState;

use crate::input::Departure;
use crate::turn::{News, What};

/// How often the log says what is left to stop (`supervisord.py`, `shutdown_report`).
pub(crate) const REPORT_PERIOD: Duration = Duration::from_secs(3);

/// What the supervisor is about.
#[derive(Debug)]
pub(crate) enum Mood {
    /// Supervising.
    Running,
    /// Stopping everything.
    Leaving(Leaving),
    /// All is stopped, and the shell knows.
    Left(Departure),
}

/// How far the stopping of everything has come.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) departure: Departure,
    /// What is still to be asked to stop, the next stage last.
    pub(crate) stages: Vec<Vec<FullName>>,
    /// Those of the present stage that have not stopped yet.
    pub(crate) unstopped: BTreeSet<FullName>,
}

impl Mood {
    /// What clients see.
    pub(crate) const fn state(&self) -> SupervisorState {
        match self {
            Self::Running => SupervisorState::Running,
            Self::Leaving(Leaving { departure, .. }) | Self::Left(departure) => match departure {
                Departure::Shutdown => SupervisorState::Shutdown,
                Departure::Restart => SupervisorState::Restarting,
            },
        }
    }

    /// Takes note of what happened to a process.
    pub(crate) fn hear(&mut self, news: &News) {
        if let Self::Leaving(leaving) = self
            && let What::Entered(state, _) = &news.what
            && state.is_stopped()
        {
            leaving.unstopped.remove(&news.name);
        }
    }
}
