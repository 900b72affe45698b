//! Why it is not known whether a child lives.

use std::fmt;

/// Why it is not known whether a child lives. The name completes "in doubt, because ...".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// There is a process that may be it, and we may not look at it closely enough.
    Unreadable,
    /// There is a process with its pid and its time of birth, but with other output.
    OtherOutput,
    /// Its pid was never recorded, and several processes may be it.
    Several,
    /// Its record is damaged.
    Damaged,
}

impl Doubt {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unreadable, Self::OtherOutput, Self::Several, Self::Damaged];

    /// Its number in frames and files, which never changes.
    pub const fn number(self) -> u8 {
        match self {
            Self::Unreadable => 1,
            Self::OtherOutput => 2,
            Self::Several => 3,
            Self::Damaged => 4,
        }
    }

    /// The doubt with this number, if it is known here.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.number() == number)
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Unreadable => "a process that may be it cannot be looked at closely enough",
            Self::OtherOutput => "the process with its pid and time of birth writes elsewhere",
            Self::Several => "its pid was not recorded, and several processes may be it",
            Self::Damaged => "its record is damaged",
        })
    }
}
