//! Who changed what: an entry for each change that somebody asked for.

use std::fmt;
// An address as a value: nothing can be opened with it.
use core::net::IpAddr;
use std::sync::Arc;

use crate::role::Role;
use crate::time::Wall;

/// Who somebody is, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A user of ours, who has proved it.
    User(Arc<str>),
    /// A user of the machine: the kernel said so (`unix(7)`, `SO_PEERCRED`).
    Uid(u32),
    /// Nobody was asked.
    Anybody,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => f.write_str(name),
            Self::Uid(uid) => write!(f, "uid={uid}"),
            Self::Anybody => f.write_str("anybody"),
        }
    }
}

/// Where somebody comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// From this address.
    Inet(IpAddr),
    /// By a unix socket.
    Unix {
        /// Its path.
        path: Arc<str>,
        /// The user of the machine behind it, unless the kernel does not tell.
        uid: Option<u32>,
    },
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix { path, uid: Some(uid) } => write!(f, "unix://{path} (uid={uid})"),
            Self::Unix { path, uid: None } => write!(f, "unix://{path}"),
        }
    }
}

/// Somebody who asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// Who it is.
    pub who: Who,
    /// What they may do.
    pub role: Role,
    /// Where they come from.
    pub door: Door,
}

/// What came of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, or is being done.
    Done,
    /// It could not be done, for this reason.
    Failed(String),
    /// They may not.
    Denied(String),
}

impl Outcome {
    /// A word for it, for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Denied(_) => "denied",
        }
    }

    /// Why it was not done.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Failed(reason) | Self::Denied(reason) => Some(reason),
        }
    }
}

/// One change that somebody asked for, and what came of it. All text in it is printable and of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it was settled.
    pub at: Wall,
    /// Who asked for it.
    pub who: Who,
    /// Where they came from.
    pub door: Door,
    /// What they asked for: a method, or `login` or `logout`.
    pub what: String,
    /// With whom or what, for example the names of processes; may be empty.
    pub about: String,
    /// What came of it.
    pub outcome: Outcome,
}

impl fmt::Display for Record {
    /// As the log has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "audit: {} from {}: {}", self.who, self.door, self.what)?;
        if !self.about.is_empty() {
            write!(f, " {}", self.about)?;
        }
        write!(f, ": {}", self.outcome.as_str())?;
        self.outcome.reason().map_or(Ok(()), |reason| write!(f, ", {reason}"))
    }
}

/// How many characters of a text an entry keeps.
const TEXT_MAX: usize = 300;

/// A text of strangers so that it can stand in a log: on one line, printable, not longer than an entry may be.
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    for (count, it) in text.chars().enumerate() {
        if count == TEXT_MAX {
            out.push('…');
            break;
        }
        if it.is_control() || matches!(it, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}') {
            out.extend(it.escape_default());
        } else {
            out.push(it);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_that_says_who_where_what_and_the_outcome() {
        let mut record = Record {
            at: Wall::default(),
            who: Who::User("alice".into()),
            door: Door::Inet([10, 0, 0, 7].into()),
            what: "supervisor.stopProcess".to_owned(),
            about: shown("web:0\n2026 forged\u{1b}[31m"),
            outcome: Outcome::Failed("NOT_RUNNING: web:0".to_owned()),
        };
        assert_eq!(
            record.to_string(),
            "audit: alice from 10.0.0.7: supervisor.stopProcess web:0\\n2026 forged\\u{1b}[31m: failed, \
             NOT_RUNNING: web:0"
        );
        record.who = Who::Uid(0);
        record.door = Door::Unix { path: "/run/s.sock".into(), uid: Some(0) };
        record.about = String::new();
        record.outcome = Outcome::Done;
        assert_eq!(
            record.to_string(),
            "audit: uid=0 from unix:///run/s.sock (uid=0): supervisor.stopProcess: done"
        );
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(shown(&"ü".repeat(1000)).chars().count(), TEXT_MAX + 1);
    }
}
