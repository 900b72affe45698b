//! What is played to get the numbers.

mod config;
mod crash;
mod events;
mod idle;
mod logs;
mod respawn;
mod rpc;
mod update;
mod whole;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::arguments::Arguments;
use crate::contender::Contender;
use crate::procs;
use crate::sheet::Sheet;

/// Everybody who takes part.
pub(crate) type Contenders = [Box<dyn Contender>];

/// Something to be played.
pub(crate) trait Scene {
    /// What it is, in a few words.
    fn title(&self) -> String;

    /// Plays it; what goes wrong is written on the sheet, and the others go on.
    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet);
}

/// Those of which a row is wanted.
pub(crate) fn all(arguments: &Arguments) -> Vec<Box<dyn Scene>> {
    let mut all: Vec<(&[&str], Box<dyn Scene>)> = vec![
        (&["program-size"], Box::new(config::Size)),
        (&["config-10000"], Box::new(config::Parsing)),
        (&["memory-0"], Box::new(whole::Whole { count: 0, rounds: 3 })),
        (&["start-1"], Box::new(whole::Whole { count: 1, rounds: 15 })),
        (&["start-100", "status-100", "stop-start"], Box::new(whole::Whole { count: 100, rounds: 7 })),
        (
            &["start-1000", "stop-1000", "memory-1000", "keeper-1000", "status-1000", "start-1000-cpu"],
            Box::new(whole::Whole { count: 1000, rounds: 9 }),
        ),
        (&["update"], Box::new(update::Update)),
        (&["start-10000", "descriptors-10000"], Box::new(whole::Whole { count: 10_000, rounds: 2 })),
        (&["respawn"], Box::new(respawn::Respawn)),
        (&["idle-wakes", "idle-cpu"], Box::new(idle::Idle)),
        (&["rpc-state", "rpc-state-one", "rpc-all"], Box::new(rpc::Calls)),
        (&["flood-4000", "flood-4000-cpu"], Box::new(logs::Flood::LARGE)),
        (&["flood-100", "flood-100-cpu"], Box::new(logs::Flood::SMALL)),
        (&["fan-in-cpu"], Box::new(logs::FanIn)),
        (&["event-exit"], Box::new(events::Exits)),
        (&["event-rate"], Box::new(events::Rate)),
        (&["daemon-killed-1000"], Box::new(crash::Crash { count: 1000 })),
        (&["daemon-killed-10000"], Box::new(crash::Crash { count: 10_000 })),
    ];
    all.retain(|(rows, _)| rows.iter().any(|row| arguments.wants(row)));
    all.into_iter().map(|(_, scene)| scene).collect()
}

/// How long each contender has taken so far. The slow ones get fewer turns, and at least one.
#[derive(Default)]
struct Turns {
    spent: BTreeMap<&'static str, Duration>,
}

impl Turns {
    /// Gives a contender a turn, unless it has used up its time or has failed before.
    fn take(&mut self, contender: &dyn Contender, at_most: Duration, turn: impl FnOnce() -> bool) {
        let spent = self.spent.entry(contender.name()).or_default();
        if *spent <= at_most {
            let began = Instant::now();
            let went_well = turn();
            *spent = if went_well { *spent + began.elapsed() } else { Duration::MAX };
        }
    }
}

/// Notes a failure under who and what, and ends whatever is left of the scene.
fn record(sheet: &mut Sheet, what: &str, who: &str, outcome: Result<()>) -> bool {
    procs::end_everything();
    match outcome {
        Ok(()) => true,
        Err(error) => {
            let text = format!("{error:#}");
            let first = text.lines().next().unwrap_or_default();
            sheet.failures.push(format!("{what}: {who}: {first}"));
            false
        }
    }
}
