//! How a child ended, and which endings a program calls expected.

use std::fmt;

use crate::language::Language;
use crate::signal::Signal;
use crate::time::Wall;

/// How a child ended, decoded from the status `wait(2)` gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum ExitStatus {
    /// It left by itself with this code.
    Exited(u8),
    /// A signal ended it.
    Signaled {
        /// Which.
        signal: Signal,
        /// Whether it left a core file.
        core: bool,
    },
    /// A status that is neither; the raw number.
    Other(i32),
    /// Nobody knows: it was not our child any more when it ended, and the kernel did not say.
    Unknown,
}

impl ExitStatus {
    /// Decodes the status word of `wait(2)` on Linux.
    pub const fn from_wait(raw: i32) -> Self {
        let signal = raw & 0x7f;
        if signal == 0 {
            let [_, code, ..] = raw.to_le_bytes();
            Self::Exited(code)
        } else if signal != 0x7f {
            Self::Signaled { signal: Signal::from_raw(signal), core: raw & 0x80 != 0 }
        } else {
            Self::Other(raw)
        }
    }

    /// The number clients see as `exitstatus`: the exit code, or -1 for every other ending.
    pub const fn code(self) -> i32 {
        match self {
            #[expect(clippy::as_conversions, reason = "u8 to i32 is lossless, and `From` is not const")]
            Self::Exited(code) => code as i32,
            Self::Signaled { .. } | Self::Other(_) | Self::Unknown => -1,
        }
    }

    /// In the words of a language; English is what [`fmt::Display`] says.
    pub fn in_words(self, language: Language) -> String {
        match (language, self) {
            (Language::English, it) => it.to_string(),
            (Language::Chinese, Self::Exited(code)) => format!("退出码 {code}"),
            (Language::Chinese, Self::Signaled { signal, core }) => {
                let dumped = if core { "（已转储核心）" } else { "" };
                format!("被 {signal} 终止{dumped}")
            }
            (Language::Chinese, Self::Other(raw)) => format!("结束原因不明 0x{raw:04x}"),
            (Language::Chinese, Self::Unknown) => "退出码不明".to_owned(),
        }
    }
}

impl fmt::Display for ExitStatus {
    /// The words of Supervisor's log (`options.py`, `decode_wait_status`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit status {code}"),
            Self::Signaled { signal, core } => {
                match signal.name() {
                    Some(name) => write!(f, "terminated by {name}")?,
                    None => write!(f, "terminated by signal {}", signal.number())?,
                }
                f.write_str(if *core { " (core dumped)" } else { "" })
            }
            Self::Other(raw) => write!(f, "unknown termination cause 0x{raw:04x}"),
            Self::Unknown => f.write_str("exit status unknown"),
        }
    }
}

/// The end of a child, and what led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// When.
    pub at: Wall,
    /// Why.
    pub cause: EndCause,
}

/// Why a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum EndCause {
    /// By itself, as its `exitcodes` call it expected.
    Expected,
    /// By itself, otherwise.
    Unexpected,
    /// By itself, before it was up.
    TooEarly,
    /// It was asked to.
    Stopped,
    /// It was asked to, did not, and was killed.
    Killed,
}

impl EndCause {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::Expected, Self::Unexpected, Self::TooEarly, Self::Stopped, Self::Killed];

    /// Why a child ended that nobody had asked to.
    pub const fn of_itself(expected: bool) -> Self {
        if expected { Self::Expected } else { Self::Unexpected }
    }

    /// Why a child ended that had been asked to by this signal: SIGKILL is the last resort.
    pub fn of_stop(status: ExitStatus, asked: Signal) -> Self {
        let was_killed = matches!(status, ExitStatus::Signaled { signal: Signal::KILL, .. });
        if was_killed && asked != Signal::KILL { Self::Killed } else { Self::Stopped }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Unexpected => "unexpected",
            Self::TooEarly => "too early",
            Self::Stopped => "stopped",
            Self::Killed => "killed",
        }
    }
}

/// The exit codes a program calls expected, in the order they were written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExitCodes(pub Vec<u8>);

impl ExitCodes {
    /// Whether this ending is one of them. An ending by signal never is, nor one of which nothing is known.
    pub fn expects(&self, status: ExitStatus) -> bool {
        match status {
            ExitStatus::Exited(code) => self.0.contains(&code),
            ExitStatus::Signaled { .. } | ExitStatus::Other(_) | ExitStatus::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_status_reads_as_in_the_log() {
        let cases = [
            (0x0000, "exit status 0", 0),
            (0x7f00, "exit status 127", 127),
            (0x000f, "terminated by SIGTERM", -1),
            (0x008b, "terminated by SIGSEGV (core dumped)", -1),
            (0x0032, "terminated by signal 50", -1),
            (0x137f, "unknown termination cause 0x137f", -1),
        ];
        for (raw, text, code) in cases {
            let status = ExitStatus::from_wait(raw);
            assert_eq!((status.to_string().as_str(), status.code()), (text, code), "{raw:#x}");
        }
    }
}
