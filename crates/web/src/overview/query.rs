//! What of the overview a reader wants to see, and in which order.

use std::cmp::Reverse;

use model::state::ProcessState;

use super::Row;
use crate::html::escaped;
use crate::words::Words;

/// States that mean the same to someone who looks for trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// It failed, and nobody has mended it.
    Trouble,
    /// On its way up or down.
    Changing,
    /// Up.
    Running,
    /// Down, as it should be.
    Stopped,
}

impl Bucket {
    /// Every one, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Trouble, Self::Changing, Self::Running, Self::Stopped];

    /// The bucket of a state. An exit that was not a success is trouble: nobody asked for it, and
    /// nobody will start it again.
    pub const fn of(state: ProcessState, failed: bool) -> Self {
        match state {
            ProcessState::Running => Self::Running,
            ProcessState::Starting | ProcessState::Stopping => Self::Changing,
            ProcessState::Backoff | ProcessState::Fatal | ProcessState::Unknown => Self::Trouble,
            ProcessState::Exited if failed => Self::Trouble,
            ProcessState::Exited | ProcessState::Stopped => Self::Stopped,
        }
    }

    /// The word for it in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Changing => "changing",
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }

    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Trouble => "down",
            Self::Changing => "due",
            Self::Running => "up",
            Self::Stopped => "rest",
        }
    }

    pub(super) const fn name(self, words: &Words) -> &'static str {
        match self {
            Self::Trouble => words.trouble,
            Self::Changing => words.changing,
            Self::Running => words.running,
            Self::Stopped => words.stopped,
        }
    }
}

/// An order of the processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// By group and name.
    #[default]
    Name,
    /// What is in trouble first.
    State,
    /// The busiest first.
    Cpu,
    /// The largest first.
    Memory,
    /// The youngest first.
    Uptime,
    /// The most often restarted first.
    Restarts,
}

impl Sort {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Name, Self::State, Self::Cpu, Self::Memory, Self::Uptime, Self::Restarts];

    /// The word for it in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::State => "state",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Uptime => "up",
            Self::Restarts => "restarts",
        }
    }

    pub(super) const fn name(self, words: &Words) -> &'static str {
        match self {
            Self::Name => words.sort_name,
            Self::State => words.sort_state,
            Self::Cpu => words.sort_cpu,
            Self::Memory => words.sort_memory,
            Self::Uptime => words.sort_uptime,
            Self::Restarts => words.sort_restarts,
        }
    }

    /// Puts rows in this order; those that are equal stay as they were.
    pub(super) fn apply(self, rows: &mut [&Row]) {
        let usage = |it: &&Row| it.usage.unwrap_or_default();
        match self {
            Self::Name => {}
            Self::State => rows.sort_by_key(|it| it.bucket()),
            Self::Cpu => rows.sort_by(|a, b| usage(b).cpu_percent.total_cmp(&usage(a).cpu_percent)),
            Self::Memory => rows.sort_by_key(|it| Reverse(usage(it).memory_bytes)),
            Self::Uptime => {
                rows.sort_by_key(|it| (it.state != ProcessState::Running, it.uptime_secs));
            }
            Self::Restarts => rows.sort_by_key(|it| Reverse(it.restarts)),
        }
    }
}

/// What a reader wants to see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Part of the name or the description, in any case; empty for all.
    pub text: String,
    /// The group; all when absent.
    pub group: Option<String>,
    /// The states; all when absent.
    pub state: Option<Bucket>,
    /// The order.
    pub sort: Sort,
}

impl Query {
    /// Reads it from the fields of an address; what is unknown is as if it were not there.
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut query = Self::default();
        for (name, value) in fields {
            match name {
                "q" => value.trim().clone_into(&mut query.text),
                "group" if !value.is_empty() => query.group = Some(value.to_owned()),
                "state" => query.state = Bucket::ALL.into_iter().find(|it| it.word() == value),
                "sort" => {
                    query.sort = Sort::ALL.into_iter().find(|it| it.word() == value).unwrap_or_default();
                }
                _ => {}
            }
        }
        query
    }

    /// Its address.
    pub(super) fn address(&self) -> String {
        let fields = [
            ("q", Some(self.text.as_str()).filter(|it| !it.is_empty())),
            ("group", self.group.as_deref()),
            ("state", self.state.map(Bucket::word)),
            ("sort", Some(self.sort.word()).filter(|_| self.sort != Sort::default())),
        ];
        let given = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let pairs: Vec<_> = given.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        if pairs.is_empty() { "/".to_owned() } else { format!("/?{}", pairs.join("&")) }
    }

    /// Whether a row is to be seen.
    pub(super) fn wants(&self, row: &Row) -> bool {
        let text = self.text.to_lowercase();
        (text.is_empty()
            || row.name.to_lowercase().contains(&text)
            || row.description.to_lowercase().contains(&text))
            && self.group.as_ref().is_none_or(|it| *it == row.group)
            && self.state.is_none_or(|it| it == row.bucket())
    }
}
