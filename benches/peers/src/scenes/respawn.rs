//! Programs are killed, one here and one there, and the next is waited for.

use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use super::{Contenders, Scene, record};
use crate::arguments::Arguments;
use crate::contender::Contender;
use crate::fleet::{self, Fleet};
use crate::procs;
use crate::records;
use crate::sheet::Sheet;

const PROGRAMS: usize = 20;

/// Kills of each contender. All fleets are out at the same time and take turns.
const KILLS: usize = 60;

/// Between two kills, so that each meets a quiet machine. A program's own turn comes again only after all others',
/// later than the second within which a restart would be held back.
const PAUSE: Duration = Duration::from_millis(60);

/// What a program must have lived for before its first kill, for the same reason.
const OLD_ENOUGH: Duration = Duration::from_millis(1100);

/// How long the next may take: Circus looks every five seconds.
const NEXT_MAX: Duration = Duration::from_secs(8);

/// How much waiting one contender may cause. The slow ones so get fewer kills.
const WAIT_MS_MAX: f64 = 15_000.0;

pub(crate) struct Respawn;

impl Scene for Respawn {
    fn title(&self) -> String {
        format!("{PROGRAMS} programs: {KILLS} kills")
    }

    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        let able: Vec<_> = contenders.iter().filter(|it| it.respawns()).map(|it| &**it).collect();
        let outcome = play(&able, arguments, sheet);
        record(sheet, &self.title(), "all", outcome);
    }
}

fn play(contenders: &[&dyn Contender], arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
    let scene = |_: &&dyn Contender| fleet::Scene::of(PROGRAMS, arguments);
    let scenes: Vec<_> = contenders.iter().map(scene).collect::<Result<_>>()?;
    let mut fleets = Vec::new();
    for (contender, scene) in contenders.iter().zip(&scenes) {
        let fleet = Fleet::launch(*contender, scene)?;
        fleet.until_started()?;
        fleets.push(fleet);
    }
    fleets.iter().for_each(Fleet::settle);
    std::thread::sleep(OLD_ENOUGH);
    let mut waited = vec![0.0; fleets.len()];
    for turn in 0..arguments.rounds(KILLS / 3) * 3 {
        for (fleet, waited) in fleets.iter().zip(&mut waited) {
            if *waited < WAIT_MS_MAX {
                let took = kill_one(fleet, turn % PROGRAMS)?;
                sheet.push("respawn", fleet.contender.name(), took);
                *waited += took;
                std::thread::sleep(PAUSE);
            }
        }
    }
    // All are out at once, so that only their sum can be checked.
    let alive = procs::programs(procs::ours()).len();
    anyhow::ensure!(alive == PROGRAMS * fleets.len(), "{alive} programs live");
    Ok(())
}

fn kill_one(fleet: &Fleet<'_>, id: usize) -> Result<f64> {
    let notes = records::read(&fleet.scene.records);
    let id = u64::try_from(id)?;
    let pid = notes.iter().rev().find(|it| it.id == id).map_or(0, |it| it.pid);
    anyhow::ensure!(pid > 0, "program {id} has never started");
    let at = records::now();
    procs::signal(pid, Signal::KILL);
    let after = records::until(&fleet.scene.records, notes.len() + 1, NEXT_MAX)?;
    let next = after.get(notes.len()).filter(|it| it.id == id);
    anyhow::ensure!(next.is_some(), "another program than the killed one has started");
    Ok(records::millis(at, next.map_or(at, |it| it.at)))
}
