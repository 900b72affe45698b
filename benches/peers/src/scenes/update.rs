//! A program is added to many that run.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Contenders, Scene, Turns, record};
use crate::arguments::Arguments;
use crate::contender::Contender;
use crate::fleet::{self, Fleet};
use crate::procs;
use crate::records;
use crate::sheet::Sheet;

const PROGRAMS: usize = 1000;

/// How long one contender may take for all its rounds.
const TIME_MAX: Duration = Duration::from_secs(12);

pub(crate) struct Update;

impl Scene for Update {
    fn title(&self) -> String {
        format!("one program added to {PROGRAMS}")
    }

    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        // Those that look for new services every few seconds would show only that.
        let able = |it: &&dyn Contender| matches!(it.name(), "menshen" | "dinit" | "supervisor" | "circus");
        let able: Vec<_> = contenders.iter().map(|it| &**it).filter(able).collect();
        let mut turns = Turns::default();
        for _ in 0..arguments.rounds(5) {
            for contender in &able {
                turns.take(*contender, TIME_MAX, || {
                    let outcome = add_one(*contender, arguments, sheet);
                    record(sheet, &self.title(), contender.name(), outcome)
                });
            }
        }
    }
}

/// The time is from the first command to the first instruction of the new program.
fn add_one(contender: &dyn Contender, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
    let mut scene = fleet::Scene::of(PROGRAMS, arguments)?;
    let fleet = Fleet::launch(contender, &scene)?;
    fleet.until_started()?;
    fleet.until_running()?;
    fleet.settle();
    let root = fleet.root;
    let before = procs::programs(procs::ours());
    ensure!(before.len() == PROGRAMS, "{} programs run before one is added", before.len());
    std::mem::forget(fleet); // It goes on while its scene is changed; `record` ends it.
    scene.add(PROGRAMS, "note", &[]);
    let commands = contender.update(&scene)?;
    let began = records::now();
    for mut command in commands {
        fleet::output(&mut command)?;
    }
    let notes = records::until(&scene.records, PROGRAMS + 1, Duration::from_secs(20))?;
    let last = notes.iter().map(|it| it.at).max().unwrap_or(0);
    let kept = procs::programs(procs::ours()).intersection(&before).count();
    ensure!(kept == PROGRAMS, "{} other programs were restarted", PROGRAMS - kept);
    ensure!(procs::is_alive(root), "it has gone");
    sheet.push("update", contender.name(), records::millis(began, last));
    Ok(())
}
