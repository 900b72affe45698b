//! The faults of the RPC protocol.

use std::fmt;

/// The kinds of fault, with the numbers clients know (`xmlrpc.py`, `Faults`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultCode {
    /// No such method.
    UnknownMethod,
    /// The wrong number or type of arguments.
    IncorrectParameters,
    /// Arguments of the right type that make no sense together.
    BadArguments,
    /// No such method to describe.
    SignatureUnsupported,
    /// The supervisor is stopping.
    ShutdownState,
    /// No such process or group.
    BadName,
    /// No such signal.
    BadSignal,
    /// A file that is not there.
    NoFile,
    /// A program that cannot be executed.
    NotExecutable,
    /// Something else went wrong.
    Failed,
    /// It ended before it was up.
    AbnormalTermination,
    /// It could not be started.
    SpawnError,
    /// It runs already.
    AlreadyStarted,
    /// It does not run.
    NotRunning,
    /// Not a fault: the status word for success in lists of results.
    Success,
    /// The group is active already.
    AlreadyAdded,
    /// A process of the group still runs.
    StillRunning,
    /// The configuration could not be read again.
    CantReread,
    /// Whoever asks may not: their role is too small.
    Forbidden,
}

impl FaultCode {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 19] = [
        Self::UnknownMethod,
        Self::IncorrectParameters,
        Self::BadArguments,
        Self::SignatureUnsupported,
        Self::ShutdownState,
        Self::BadName,
        Self::BadSignal,
        Self::NoFile,
        Self::NotExecutable,
        Self::Failed,
        Self::AbnormalTermination,
        Self::SpawnError,
        Self::AlreadyStarted,
        Self::NotRunning,
        Self::Success,
        Self::AlreadyAdded,
        Self::StillRunning,
        Self::CantReread,
        Self::Forbidden,
    ];

    /// The number clients see.
    pub const fn code(self) -> i32 {
        match self {
            Self::UnknownMethod => 1,
            Self::IncorrectParameters => 2,
            Self::BadArguments => 3,
            Self::SignatureUnsupported => 4,
            Self::ShutdownState => 6,
            Self::BadName => 10,
            Self::BadSignal => 11,
            Self::NoFile => 20,
            Self::NotExecutable => 21,
            Self::Failed => 30,
            Self::AbnormalTermination => 40,
            Self::SpawnError => 50,
            Self::AlreadyStarted => 60,
            Self::NotRunning => 70,
            Self::Success => 80,
            Self::AlreadyAdded => 90,
            Self::StillRunning => 91,
            Self::CantReread => 92,
            // Not of the original, which knows no roles: the status of HTTP for the same.
            Self::Forbidden => 403,
        }
    }

    /// The word clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownMethod => "UNKNOWN_METHOD",
            Self::IncorrectParameters => "INCORRECT_PARAMETERS",
            Self::BadArguments => "BAD_ARGUMENTS",
            Self::SignatureUnsupported => "SIGNATURE_UNSUPPORTED",
            Self::ShutdownState => "SHUTDOWN_STATE",
            Self::BadName => "BAD_NAME",
            Self::BadSignal => "BAD_SIGNAL",
            Self::NoFile => "NO_FILE",
            Self::NotExecutable => "NOT_EXECUTABLE",
            Self::Failed => "FAILED",
            Self::AbnormalTermination => "ABNORMAL_TERMINATION",
            Self::SpawnError => "SPAWN_ERROR",
            Self::AlreadyStarted => "ALREADY_STARTED",
            Self::NotRunning => "NOT_RUNNING",
            Self::Success => "SUCCESS",
            Self::AlreadyAdded => "ALREADY_ADDED",
            Self::StillRunning => "STILL_RUNNING",
            Self::CantReread => "CANT_REREAD",
            Self::Forbidden => "FORBIDDEN",
        }
    }

    /// The kind with this number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|it| i64::from(it.code()) == code)
    }
}

/// A refusal as clients see it. Its text is `NAME`, or `NAME: extra`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The kind.
    pub code: FaultCode,
    /// What it is about, for example a namespec.
    pub extra: Option<String>,
}

impl Fault {
    /// A fault about something named.
    pub fn about(code: FaultCode, extra: impl Into<String>) -> Self {
        Self { code, extra: Some(extra.into()) }
    }
}

impl From<FaultCode> for Fault {
    fn from(code: FaultCode) -> Self {
        Self { code, extra: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())?;
        match &self.extra {
            Some(extra) => write!(f, ": {extra}"),
            None => Ok(()),
        }
    }
}
