//! Deaths: of the daemon, of the keeper, and of both, at any moment of a step.

use std::fmt;
use std::str::SplitWhitespace;

use anyhow::{Context, Result, bail};

use crate::script_text::{millis, seconds, word};

/// A death, and what comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    /// Who dies.
    pub who: Who,
    /// When in the next step.
    pub when: When,
    /// How long it takes until there is a new daemon.
    pub away_ms: u64,
    /// Whether what was written down is lost, too.
    pub forgetting: bool,
}

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The daemon; the keeper starts another.
    Daemon,
    /// The keeper; the daemon becomes another and starts a new daemon, which is the end of it, too.
    Keeper,
    /// Both; somebody starts another pair.
    Both,
}

/// At which moment a daemon dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Between two steps.
    Idle,
    /// In the next step, before anything of it is written down.
    Unwritten,
    /// In the next step, when it is written down and so many of its effects are performed.
    Performed(u64),
}

impl Death {
    /// Reads what follows the word for who dies.
    pub(crate) fn parse(who: Who, words: &mut SplitWhitespace<'_>) -> Result<Self> {
        let mut death = Self { who, when: When::Idle, away_ms: 0, forgetting: false };
        while let Some(clause) = words.next() {
            match clause {
                "before-writing" => death.when = When::Unwritten,
                "after" => death.when = When::Performed(word(words)?.parse().context("not a number")?),
                "away" => death.away_ms = millis(word(words)?)?,
                "forgetting" => death.forgetting = true,
                other => bail!("`{other}` is not known"),
            }
        }
        Ok(death)
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.who {
            Who::Daemon => "daemon-dies",
            Who::Keeper => "keeper-dies",
            Who::Both => "both-die",
        })?;
        match self.when {
            When::Idle => {}
            When::Unwritten => f.write_str(" before-writing")?,
            When::Performed(count) => write!(f, " after {count}")?,
        }
        if self.away_ms > 0 {
            write!(f, " away {}", seconds(self.away_ms))?;
        }
        f.write_str(if self.forgetting { " forgetting" } else { "" })
    }
}
