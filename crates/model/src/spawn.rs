//! Why a child could not be started, in the words clients know.

use std::fmt;

/// A start that failed before there was a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpawnFailure {
    /// The command line cannot be split into words; the parser's reason.
    Unparsable {
        /// The command as written.
        command: String,
        /// For example `No closing quotation`.
        reason: String,
    },
    /// The command line has no words.
    Empty,
    /// The program is not there.
    Missing(String),
    /// The program is a directory.
    Directory(String),
    /// The program has no execute bit.
    NotExecutable(String),
    /// The program has one, but not for us.
    Forbidden(String),
    /// No descriptor left.
    TooManyFiles(String),
    /// No process left.
    TooManyProcesses(String),
    /// Anything else the kernel refused while making pipes or opening logs.
    Preparing {
        /// The process.
        process: String,
        /// For example `EACCES`, or a sentence that names the file.
        reason: String,
    },
    /// The socket it shares with its group cannot be made; the whole sentence. (The original dies of it.)
    Socket(String),
    /// Anything else the kernel refused while forking.
    Forking {
        /// The process.
        process: String,
        /// For example `ENOMEM`.
        reason: String,
    },
}

impl SpawnFailure {
    /// Whether the file is missing (`NO_FILE`), as opposed to there but unusable.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }

    /// Whether the program itself is at fault: what `startProcess` checks before all else.
    pub const fn is_about_the_program(&self) -> bool {
        match self {
            Self::Unparsable { .. }
            | Self::Empty
            | Self::Missing(_)
            | Self::Directory(_)
            | Self::NotExecutable(_)
            | Self::Forbidden(_) => true,
            Self::TooManyFiles(_)
            | Self::TooManyProcesses(_)
            | Self::Preparing { .. }
            | Self::Socket(_)
            | Self::Forking { .. } => false,
        }
    }
}

/// `text` between the quotes Python's `repr` would choose.
fn quoted(text: &str) -> String {
    if text.contains('\'') && !text.contains('"') { format!("\"{text}\"") } else { format!("'{text}'") }
}

impl fmt::Display for SpawnFailure {
    /// The words of `process.py` (`get_execv_args`, `spawn`) and `options.py` (`check_execv_args`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unparsable { command, reason } => {
                write!(f, "can't parse command {}: {reason}", quoted(command))
            }
            Self::Empty => f.write_str("command is empty"),
            Self::Missing(file) => write!(f, "can't find command {}", quoted(file)),
            Self::Directory(file) => write!(f, "command at {} is a directory", quoted(file)),
            Self::NotExecutable(file) => write!(f, "command at {} is not executable", quoted(file)),
            Self::Forbidden(file) => write!(f, "no permission to run command {}", quoted(file)),
            Self::TooManyFiles(process) => write!(f, "too many open files to spawn '{process}'"),
            Self::TooManyProcesses(process) => {
                write!(f, "Too many processes in process table to spawn '{process}'")
            }
            Self::Preparing { process, reason } => {
                write!(f, "unknown error making dispatchers for '{process}': {reason}")
            }
            Self::Socket(sentence) => f.write_str(sentence),
            Self::Forking { process, reason } => {
                write!(f, "unknown error during fork for '{process}': {reason}")
            }
        }
    }
}

/// A step of the child between fork and exec.
///
/// The numbers are those of the keeper protocol and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SetupStage {
    /// Its own process group.
    Session = 1,
    /// Descriptors 0, 1 and 2.
    Files = 2,
    /// Resource limits.
    Limits = 3,
    /// Supplementary groups, group and user.
    User = 4,
    /// The working directory.
    Directory = 5,
    /// The umask.
    Umask = 6,
    /// Becoming the program.
    Exec = 7,
}

impl SetupStage {
    /// The stage with this protocol number.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Session,
            2 => Self::Files,
            3 => Self::Limits,
            4 => Self::User,
            5 => Self::Directory,
            6 => Self::Umask,
            7 => Self::Exec,
            _ => return None,
        })
    }

    /// Its protocol number.
    #[expect(clippy::as_conversions, reason = "reads the discriminant of a `repr(u8)` enum")]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What the child was doing, to complete "cannot ...".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "make its process group",
            Self::Files => "set up its descriptors",
            Self::Limits => "set its resource limits",
            Self::User => "become its user",
            Self::Directory => "enter its directory",
            Self::Umask => "set its umask",
            Self::Exec => "execute its program",
        }
    }
}

/// A child that could not become its program. It has left with exit code 127 for this reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupFailure {
    /// The step that failed.
    pub stage: SetupStage,
    /// The kernel's name of the error, for example `ENOENT`.
    pub errno: String,
}

impl fmt::Display for SetupFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it could not {}: {}", self.stage.as_str(), self.errno)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_speaks_the_words_of_the_original() {
        let unparsable = SpawnFailure::Unparsable {
            command: "echo 'a".to_owned(),
            reason: "No closing quotation".to_owned(),
        };
        assert_eq!(unparsable.to_string(), "can't parse command \"echo 'a\": No closing quotation");
        assert_eq!(SpawnFailure::Missing("/no".to_owned()).to_string(), "can't find command '/no'");
    }

    #[test]
    fn every_stage_survives_its_number() {
        for number in 1..=7 {
            assert_eq!(SetupStage::from_number(number).unwrap().number(), number);
        }
        assert_eq!(SetupStage::from_number(8), None);
    }
}
