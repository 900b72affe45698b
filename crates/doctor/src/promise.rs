//! The promises, and how they stand.

use crate::{Finding, Verdict};

/// What the house promises to its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Programs can be started, watched and stopped at all.
    Works,
    /// When the daemon dies, the programs run on and are looked after again at once.
    OutlivesDaemon,
    /// When the keeper dies, the daemon takes over.
    OutlivesKeeper,
    /// When both die, the next start takes over what still runs, and starts nothing twice.
    OutlivesBoth,
    /// How a program ended is known even when it ended after the keeper's death.
    ExitCodes,
    /// When a stop has been answered, nothing of the program is left.
    StopMeansStop,
    /// Many programs at once.
    Many,
    /// That something went badly wrong is told.
    Alarm,
}

impl Promise {
    /// All of them, in the order of their weight.
    pub const ALL: [Self; 8] = [
        Self::Works,
        Self::OutlivesDaemon,
        Self::OutlivesKeeper,
        Self::OutlivesBoth,
        Self::ExitCodes,
        Self::StopMeansStop,
        Self::Many,
        Self::Alarm,
    ];

    /// A name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::OutlivesDaemon => "outlives-daemon",
            Self::OutlivesKeeper => "outlives-keeper",
            Self::OutlivesBoth => "outlives-both",
            Self::ExitCodes => "exit-codes",
            Self::StopMeansStop => "stop-means-stop",
            Self::Many => "many",
            Self::Alarm => "alarm",
        }
    }

    /// A sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Works => "programs can be started, watched and stopped",
            Self::OutlivesDaemon => "when the daemon dies, the programs run on and are looked after again",
            Self::OutlivesKeeper => "when the keeper dies, the daemon takes over and the programs run on",
            Self::OutlivesBoth => {
                "when both die, the next start takes over what still runs, and starts nothing twice"
            }
            Self::ExitCodes => "exit codes are known even of programs that end after the keeper's death",
            Self::StopMeansStop => "when a stop has been answered, nothing of the program is left",
            Self::Many => "many programs at once",
            Self::Alarm => "what went badly wrong is told outside, too",
        }
    }
}

/// How a promise stands here, and because of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub promise: Promise,
    /// How.
    pub verdict: Verdict,
    /// The capabilities that are to blame.
    pub because: Vec<&'static str>,
}

/// Each promise holds as well as the worst of what it rests on.
pub fn standings(findings: &[Finding]) -> Vec<Standing> {
    let stands = |promise: Promise| {
        let rests_on = || findings.iter().filter(|it| it.promises.contains(&promise));
        let verdict = rests_on().map(|it| it.verdict).max().unwrap_or(Verdict::Yes);
        let to_blame = rests_on().filter(|it| it.verdict != Verdict::Yes && it.verdict == verdict);
        Standing { promise, verdict, because: to_blame.map(|it| it.name).collect() }
    };
    Promise::ALL.map(stands).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_as_good_as_the_worst_of_what_it_rests_on() {
        let finding = |name, verdict, promises| Finding {
            name,
            verdict,
            seen: String::new(),
            promises,
            purpose: "",
            meaning: String::new(),
            remedy: String::new(),
        };
        let found = [
            finding("a", Verdict::Degraded, &[Promise::Many, Promise::Alarm][..]),
            finding("b", Verdict::No, &[Promise::Many][..]),
            finding("c", Verdict::Yes, &[Promise::Works][..]),
        ];
        let stands = |promise| standings(&found).into_iter().find(|it| it.promise == promise).unwrap();
        assert_eq!((stands(Promise::Many).verdict, stands(Promise::Many).because), (Verdict::No, vec!["b"]));
        assert_eq!(stands(Promise::Alarm).because, ["a"]);
        assert_eq!((stands(Promise::Works).verdict, stands(Promise::Works).because), (Verdict::Yes, vec![]));
        assert_eq!(stands(Promise::OutlivesBoth).verdict, Verdict::Yes);
    }
}
