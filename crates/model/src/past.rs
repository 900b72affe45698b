//! What was: happenings and figures of the past, as they are kept and as they are asked for.

use crate::time::Wall;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A child was started.
    Start,
    /// A child has ended.
    Exit,
    /// A process has come to another state.
    State,
    /// Somebody has given an order.
    Action,
    /// What is to be run has changed.
    Config,
    /// The supervisor itself has begun, gone on or ended.
    Supervisor,
}

impl Kind {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Start, Self::Exit, Self::State, Self::Action, Self::Config, Self::Supervisor];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Exit => "exit",
            Self::State => "state",
            Self::Action => "action",
            Self::Config => "config",
            Self::Supervisor => "supervisor",
        }
    }

    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: Wall,
    /// To which process, as `group:process`; empty when to none.
    pub name: String,
    /// Of which kind.
    pub kind: Kind,
    /// A line that says it to people.
    pub text: String,
    /// What is known of it, as the text of a JSON object.
    pub details: String,
}

/// How several values of a measure become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// By their average.
    Mean,
    /// By the greatest of them.
    Most,
}

/// Something that is measured again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Its name, which ends with its unit.
    pub name: &'static str,
    /// How several become one.
    pub merge: Merge,
}

const fn mean(name: &'static str) -> Measure {
    Measure { name, merge: Merge::Mean }
}

const fn most(name: &'static str) -> Measure {
    Measure { name, merge: Merge::Most }
}

/// How many measures a subject has at most.
pub const MEASURES_MAX: usize = 9;

/// What is measured of a process with all its descendants.
pub const OF_PROCESS: [Measure; 8] = [
    mean("cpu_permille"),
    most("cpu_permille_max"),
    most("memory_kib"),
    most("proportional_kib"),
    mean("read_bytes_per_second"),
    mean("written_bytes_per_second"),
    most("threads"),
    most("descriptors"),
];

/// What is measured of the machine.
pub const OF_MACHINE: [Measure; 9] = [
    mean("cpu_permille"),
    most("cpu_permille_max"),
    mean("load_percent"),
    most("memory_kib"),
    most("swapped_kib"),
    mean("read_bytes_per_second"),
    mean("written_bytes_per_second"),
    mean("received_bytes_per_second"),
    mean("sent_bytes_per_second"),
];

/// The name of the machine among subjects, which no process can have.
pub const MACHINE: &str = "";

/// What is measured of a subject.
pub fn measures(subject: &str) -> &'static [Measure] {
    if subject == MACHINE { &OF_MACHINE } else { &OF_PROCESS }
}

/// A value for each measure, in their order. What is not known is absent.
pub type Values = [Option<u64>; MEASURES_MAX];

/// What was measured at a moment, or over a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When it begins, in seconds since the epoch.
    pub at: i64,
    /// How many seconds it stands for.
    pub seconds: i64,
    /// What was measured.
    pub values: Values,
}

/// What can be asked about the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// The last happenings, the oldest first.
    Happenings {
        /// Of this process; of all, and of none in particular, unless given.
        name: Option<String>,
        /// Of these kinds; of all when empty.
        kinds: Vec<Kind>,
        /// At this moment or later.
        since: Wall,
        /// Before this moment.
        before: Wall,
        /// So many at most.
        most: usize,
    },
    /// The last ends of every process, the oldest first.
    LastExits {
        /// So many of each at most.
        each: usize,
    },
    /// The figures of a subject, the oldest first.
    Points {
        /// Which: a process, or [`MACHINE`].
        subject: String,
        /// From this second on.
        since: i64,
        /// Before this one.
        until: i64,
        /// So many at most: neighbors become one until they are no more.
        most: usize,
    },
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Past {
    /// This is what happened.
    Happenings(Vec<Happening>),
    /// This is what was measured.
    Points(Vec<Point>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_their_words_find_each_other() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("Exit"), None);
        assert!(OF_PROCESS.len() <= MEASURES_MAX && OF_MACHINE.len() <= MEASURES_MAX);
    }
}
