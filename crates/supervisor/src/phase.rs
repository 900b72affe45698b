//! The phases of a process, with the facts each of them has.

use model::child::ChildId;
use model::event::StateDetail;
use model::name::FullName;
use model::state::ProcessState;
use model::time::Mono;

use crate::deadline::Reason;

/// Where a process stands, with all that is only true there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "is", rename_all = "snake_case")
)]
#[expect(missing_docs, reason = "the fields are what the names say, and the variants say when they are true")]
pub enum Phase {
    /// Stopped by request, or never started.
    #[default]
    Stopped,
    /// STARTING: its child has been ordered and may or may not exist.
    Spawning { child: ChildId, failures: u32 },
    /// STARTING: its child exists, but not for long enough.
    Starting { child: ChildId, pid: u32, up_at: Mono, failures: u32 },
    /// It has been up for `startsecs`.
    Running { child: ChildId, pid: u32 },
    /// It failed to start, `failures` times in a row.
    Backoff { retry_at: Mono, failures: u32 },
    /// It has been asked to stop. No pid: its child has been ordered and may or may not exist.
    Stopping { child: ChildId, pid: Option<u32>, kill_at: Mono },
    /// It ended by itself.
    Exited { expected: bool, restart_at: Option<Mono> },
    /// It has been given up.
    Fatal,
    /// A signal could not be sent, so nobody knows how it stands; its child lives as far as we know.
    Unknown { child: ChildId, pid: Option<u32>, stopping: bool },
    /// UNKNOWN: there is a child of which nobody can say whether it is this process's; see
    /// [`Standing::Doubt`](crate::input::Standing::Doubt).
    Doubt { child: ChildId, pid: Option<u32>, started: Mono, reason: String },
}

impl Phase {
    /// What clients see of it.
    pub(crate) const fn state(&self) -> ProcessState {
        match self {
            Self::Stopped => ProcessState::Stopped,
            Self::Spawning { .. } | Self::Starting { .. } => ProcessState::Starting,
            Self::Running { .. } => ProcessState::Running,
            Self::Backoff { .. } => ProcessState::Backoff,
            Self::Stopping { .. } => ProcessState::Stopping,
            Self::Exited { .. } => ProcessState::Exited,
            Self::Fatal => ProcessState::Fatal,
            Self::Unknown { .. } | Self::Doubt { .. } => ProcessState::Unknown,
        }
    }

    /// Its child and, once there is one, the child's pid.
    pub const fn child(&self) -> Option<(ChildId, Option<u32>)> {
        match *self {
            Self::Stopped | Self::Backoff { .. } | Self::Exited { .. } | Self::Fatal => None,
            Self::Spawning { child, .. } => Some((child, None)),
            Self::Starting { child, pid, .. } | Self::Running { child, pid } => Some((child, Some(pid))),
            Self::Stopping { child, pid, .. }
            | Self::Unknown { child, pid, .. }
            | Self::Doubt { child, pid, .. } => Some((child, pid)),
        }
    }

    /// The pid as logs and events tell it: 0 when there is none.
    pub(crate) fn pid(&self) -> u32 {
        self.child().and_then(|(_, pid)| pid).unwrap_or(0)
    }

    /// Until when it lasts by itself.
    pub(crate) fn deadline(&self, name: &FullName) -> Option<(Mono, Reason)> {
        match *self {
            Self::Starting { up_at, .. } => Some((up_at, Reason::Promote(name.clone()))),
            Self::Backoff { retry_at, .. } => Some((retry_at, Reason::Retry(name.clone()))),
            Self::Stopping { kill_at, .. } => Some((kill_at, Reason::Kill(name.clone()))),
            Self::Exited { restart_at, .. } => restart_at.map(|at| (at, Reason::Restart(name.clone()))),
            Self::Stopped
            | Self::Spawning { .. }
            | Self::Running { .. }
            | Self::Fatal
            | Self::Unknown { .. }
            | Self::Doubt { .. } => None,
        }
    }

    /// What the event of entering it tells, coming from `old` (`events.py`).
    pub(crate) fn detail(&self, old: &Self) -> StateDetail {
        match *self {
            Self::Spawning { failures, .. }
            | Self::Starting { failures, .. }
            | Self::Backoff { failures, .. } => StateDetail::Tries(failures),
            Self::Running { pid, .. } => StateDetail::Pid(pid),
            Self::Stopping { .. } | Self::Stopped => StateDetail::Pid(old.pid()),
            Self::Exited { expected, .. } => StateDetail::Ended { pid: old.pid(), expected },
            Self::Fatal | Self::Unknown { .. } | Self::Doubt { .. } => StateDetail::None,
        }
    }
}
