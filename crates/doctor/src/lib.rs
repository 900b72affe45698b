//! What this machine allows, and what that means for the promises of the house.
//!
//! Each capability is probed by making the very call, never by looking at a version. It must never change anything
//! that outlasts it, nor need more rights than the house itself. Start with [`examine`].

mod kernel;
mod limits;
mod place;
mod promise;
mod systemd;

use std::path::PathBuf;

pub use promise::{Promise, Standing, standings};

/// How well a thing is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Yes,
    /// It works, with less.
    Degraded,
    /// It does not work.
    No,
}

impl Verdict {
    /// In one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Degraded => "degraded",
            Self::No => "no",
        }
    }
}

/// What was found about one capability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its name: lower case, with dashes.
    pub name: &'static str,
    /// How well it is.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// Which promises rest on it.
    pub promises: &'static [Promise],
    /// What it is for.
    pub purpose: &'static str,
    /// What it means that it is not as it should be. Empty when it is.
    pub meaning: String,
    /// What to do about it. Empty when there is nothing to do.
    pub remedy: String,
}

/// What the house to be examined is like.
#[derive(Debug, Clone, Default)]
pub struct House {
    /// The runtime directory that the configuration names.
    pub runtime_directory: Option<PathBuf>,
    /// How many processes the configuration has; 0 without one.
    pub processes: usize,
    /// Whether any of them runs as another user.
    pub switches_user: bool,
}

/// Probes everything.
pub fn examine(house: &House) -> Vec<Finding> {
    let mut found = kernel::examine();
    found.extend(place::examine(house));
    found.extend(limits::examine(house));
    found.push(systemd::examine());
    found
}

/// What is known of a capability before it is probed.
struct Subject {
    name: &'static str,
    promises: &'static [Promise],
    purpose: &'static str,
}

impl Subject {
    /// It is as it should be.
    fn well(&self, seen: impl Into<String>) -> Finding {
        self.found(Verdict::Yes, seen, "", "")
    }

    /// It is not.
    fn found(
        &self,
        verdict: Verdict,
        seen: impl Into<String>,
        meaning: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        let Self { name, promises, purpose } = *self;
        Finding {
            name,
            verdict,
            seen: seen.into(),
            promises,
            purpose,
            meaning: meaning.into(),
            remedy: remedy.into(),
        }
    }
}

/// An error of the kernel, for a person who may not know its name.
fn refusal(errno: i32) -> String {
    let hint = match os::errno::known_name(errno) {
        Some("ENOSYS") => "the kernel does not have it, or a seccomp filter hides it",
        Some("EPERM") => {
            "not permitted; in a container, most likely by its seccomp filter or missing capabilities"
        }
        Some(_) | None => return format!("{} ({})", os::errno::text(errno), os::errno::name(errno)),
    };
    format!("{} ({})", hint, os::errno::name(errno))
}
