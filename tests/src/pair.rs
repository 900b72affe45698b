//! The same words to the original and to ours, in every pairing of client and daemon.

use crate::house::House;
use crate::plain::plain;
use crate::program::Make::{self, Menshen, Original};
use crate::said::Said;

/// A client and the daemon it talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Whose client.
    pub ctl: Make,
    /// Whose daemon.
    pub daemon: Make,
}

/// How the original answers itself: the definition.
pub const REFERENCE: Pair = Pair { ctl: Original, daemon: Original };

/// Every other pairing must answer like it. With the original under test, it is compared with itself: that shows
/// whether a script has one answer at all.
pub fn others() -> Vec<Pair> {
    if Make::is_original() {
        return vec![REFERENCE];
    }
    let pair = |(ctl, daemon)| Pair { ctl, daemon };
    [(Menshen, Original), (Original, Menshen), (Menshen, Menshen)].map(pair).to_vec()
}

/// A step of a script that ours answers otherwise, on purpose.
struct Difference {
    /// The words of the step.
    words: &'static [&'static str],
    /// Which part of a pair makes the difference.
    by: Part,
    /// What our answer holds instead.
    ours: &'static str,
    /// Why that is better.
    reason: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Ctl,
    Daemon,
}

/// The deliberate differences: all of them.
const DIFFERENCES: &[Difference] = &[Difference {
    words: &["version"],
    by: Part::Daemon,
    ours: concat!("4.3.0+menshen.", env!("CARGO_PKG_VERSION")),
    reason: "scripts find the version they compare with, and people find ours behind it",
}];

/// Runs `steps` in a pair and returns what was said, without what differs from run to run.
fn answers(pair: Pair, house: &House, steps: &[&[&str]]) -> Vec<Said> {
    let here = house.here();
    let programs = pair.ctl.folder(&house.path("bin"));
    let programs = programs.to_str().expect("a plain path");
    let same = |text: &str| plain(&text.replace(programs, "BIN"), &here);
    let step = |words: &&[&str]| {
        let said = house.ctl_of(pair.ctl, words);
        let mut out = same(&said.out);
        if words.iter().any(|word| word.ends_with(":*")) && !words.contains(&"status") {
            // Which of several processes ends first is chance.
            let mut lines: Vec<&str> = out.lines().collect();
            lines.sort_unstable();
            out = lines.join("\n");
        }
        Said { out, err: same(&said.err), code: said.code }
    };
    steps.iter().map(step).collect()
}

/// Compares every pair with the reference; the four run at the same time, each in a house of its own.
#[track_caller]
pub fn agree(house: impl Fn(Make) -> House + Sync, steps: &[&[&str]]) {
    let pairs = [vec![REFERENCE], others()].concat();
    let all: Vec<Vec<Said>> = std::thread::scope(|scope| {
        let run = |pair: &Pair| {
            let pair = *pair;
            let house = &house;
            scope.spawn(move || answers(pair, &house(pair.daemon), steps))
        };
        let threads: Vec<_> = pairs.iter().map(run).collect();
        threads.into_iter().map(|thread| thread.join().expect("a pair answers")).collect()
    });
    let mut wrong = Vec::new();
    for (pair, answers) in pairs.iter().zip(&all).skip(1) {
        for ((words, expected), answer) in steps.iter().zip(&all[0]).zip(answers) {
            wrong.extend(disagreement(*pair, words, expected, answer));
        }
    }
    assert!(wrong.is_empty(), "{} disagreements:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

fn disagreement(pair: Pair, words: &[&str], expected: &Said, answer: &Said) -> Option<String> {
    let makes = |part| if part == Part::Ctl { pair.ctl } else { pair.daemon };
    let known = DIFFERENCES.iter().find(|it| it.words == words && makes(it.by) == Menshen);
    match known {
        Some(known) if !answer.all().contains(known.ours) => Some(format!(
            "{pair:?} {words:?}: the listed difference ({}) is `{}`, and was\n  {answer:?}",
            known.reason, known.ours
        )),
        None if answer != expected => {
            Some(format!("{pair:?} {words:?}\n  original {expected:?}\n  ours     {answer:?}"))
        }
        Some(_) | None => None,
    }
}
