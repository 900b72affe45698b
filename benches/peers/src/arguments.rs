//! What is to be measured, and with what.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::rows::{self, ROWS};

/// The command line.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// Whether other supervisors are measured too, or only ours and the limits.
    pub(crate) peers: bool,
    /// Fewer rounds and shorter windows: to see that it works, not to publish.
    pub(crate) quick: bool,
    /// The rows wanted; empty: all.
    only: Vec<String>,
    /// The contenders wanted; empty: all.
    with: Vec<String>,
    /// Where to write the numbers.
    pub(crate) json: Option<PathBuf>,
    /// The program under test.
    pub(crate) menshen: PathBuf,
    /// The program it looks after.
    pub(crate) child: PathBuf,
    /// The limits.
    pub(crate) limit: PathBuf,
    /// Where peers that are no packages of the system were put.
    pub(crate) tools: PathBuf,
}

impl Arguments {
    pub(crate) fn read(words: &[String]) -> Result<Self> {
        let mut it = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--peers" => it.peers = true,
                "--quick" => it.quick = true,
                "--json" => it.json = Some(value()?.into()),
                "--menshen" => it.menshen = value()?.into(),
                "--child" => it.child = value()?.into(),
                "--limit" => it.limit = value()?.into(),
                "--tools" => it.tools = value()?.into(),
                "--only" => it.only.extend(value()?.split(',').map(str::to_owned)),
                "--with" => it.with.extend(value()?.split(',').map(str::to_owned)),
                row if !row.starts_with('-') => it.only.push(row.to_owned()),
                unknown => bail!("unknown option {unknown}"),
            }
        }
        for wanted in &it.only {
            if !ROWS.iter().any(|row| row.key.starts_with(wanted.as_str())) {
                bail!("there is no row `{wanted}`; there are {}", rows::keys().join(", "));
            }
        }
        Ok(it)
    }

    /// Whether a row is wanted: one that is a name of its own does not stand for those that begin like it.
    pub(crate) fn wants(&self, key: &str) -> bool {
        let means = |word: &String| {
            word == key || (!rows::keys().contains(&word.as_str()) && key.starts_with(word.as_str()))
        };
        self.only.is_empty() || self.only.iter().any(means)
    }

    /// Whether a contender is wanted.
    pub(crate) fn invites(&self, name: &str) -> bool {
        self.with.is_empty() || self.with.iter().any(|it| it == name)
    }

    /// How many rounds: fewer when quick.
    pub(crate) const fn rounds(&self, full: usize) -> usize {
        if self.quick { if full < 2 { full } else { 2 } } else { full }
    }
}
