//! The states clients see, with the numbers and words the protocol gives them.

use std::fmt;

/// The state of a process (`states.py`, `ProcessStates`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum ProcessState {
    /// Not running, by request or because it was never started.
    Stopped,
    /// Started, and not yet up for `startsecs`.
    Starting,
    /// Up.
    Running,
    /// Failed to start; the next try is due.
    Backoff,
    /// Asked to stop, not yet gone.
    Stopping,
    /// Gone by itself after it had been up.
    Exited,
    /// Given up: it failed to start too often in a row.
    Fatal,
    /// Something happened that should not have.
    Unknown,
}

impl ProcessState {
    /// Every state, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Backoff,
        Self::Stopping,
        Self::Exited,
        Self::Fatal,
        Self::Unknown,
    ];

    /// The number clients see.
    pub const fn code(self) -> i32 {
        match self {
            Self::Stopped => 0,
            Self::Starting => 10,
            Self::Running => 20,
            Self::Backoff => 30,
            Self::Stopping => 40,
            Self::Exited => 100,
            Self::Fatal => 200,
            Self::Unknown => 1000,
        }
    }

    /// The word clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "STOPPED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Backoff => "BACKOFF",
            Self::Stopping => "STOPPING",
            Self::Exited => "EXITED",
            Self::Fatal => "FATAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The state with this number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|it| i64::from(it.code()) == code)
    }

    /// Whether nothing runs and nothing is due to (`STOPPED_STATES`).
    pub const fn is_stopped(self) -> bool {
        matches!(self, Self::Stopped | Self::Exited | Self::Fatal | Self::Unknown)
    }

    /// Whether it runs or is about to (`RUNNING_STATES`).
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Backoff | Self::Starting)
    }

    /// Whether a signal can reach it (`SIGNALLABLE_STATES`).
    pub const fn is_signallable(self) -> bool {
        matches!(self, Self::Running | Self::Starting | Self::Stopping)
    }
}

impl fmt::Display for ProcessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The state of the whole supervisor (`states.py`, `SupervisorStates`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum SupervisorState {
    /// Never entered; kept because clients know it.
    Fatal,
    /// Supervising.
    Running,
    /// Stopping everything in order to start again.
    Restarting,
    /// Stopping everything in order to leave.
    Shutdown,
}

impl SupervisorState {
    /// The number clients see.
    pub const fn code(self) -> i32 {
        match self {
            Self::Fatal => 2,
            Self::Running => 1,
            Self::Restarting => 0,
            Self::Shutdown => -1,
        }
    }

    /// The word clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fatal => "FATAL",
            Self::Running => "RUNNING",
            Self::Restarting => "RESTARTING",
            Self::Shutdown => "SHUTDOWN",
        }
    }
}

/// Where an event listener stands in its protocol (`states.py`, `EventListenerStates`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListenerState {
    /// It may be sent an event.
    Ready,
    /// It is working on one.
    Busy,
    /// It has answered, or has just started, and must say that it is ready.
    Acknowledged,
    /// It broke the protocol.
    Unknown,
}

impl ListenerState {
    /// The number of the original.
    pub const fn code(self) -> i32 {
        match self {
            Self::Ready => 10,
            Self::Busy => 20,
            Self::Acknowledged => 30,
            Self::Unknown => 40,
        }
    }

    /// The word used in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::Busy => "BUSY",
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Unknown => "UNKNOWN",
        }
    }
}
