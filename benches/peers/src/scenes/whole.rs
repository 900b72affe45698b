//! The whole life of a fleet: started, looked at, added to, stopped.

use std::time::Duration;

use anyhow::Result;

use super::{Contenders, Scene, Turns, record};
use crate::arguments::Arguments;
use crate::contender::Contender;
use crate::fleet::{self, Fleet};
use crate::procs;
use crate::records;
use crate::sheet::Sheet;

/// How long one contender may take for all its rounds. The slow ones so get fewer rounds, and at least one.
const TIME_MAX: Duration = Duration::from_secs(18);

/// How long a fleet has rested when it is weighed.
const AT_REST: Duration = Duration::from_secs(1);

/// How often a command is run in each round.
const COMMANDS: usize = 5;

/// A fleet of so many programs.
pub(crate) struct Whole {
    pub(crate) count: usize,
    pub(crate) rounds: usize,
}

/// The rows of a fleet of this size; none where it has none.
struct Keys {
    start: &'static str,
    memory: Option<&'static str>,
    keeper: Option<&'static str>,
    status: Option<&'static str>,
    stop_start: bool,
    stop: Option<&'static str>,
    descriptors: Option<&'static str>,
}

const NONE: Keys = Keys {
    start: "",
    memory: None,
    keeper: None,
    status: None,
    stop_start: false,
    stop: None,
    descriptors: None,
};

impl Whole {
    fn keys(&self) -> Keys {
        match self.count {
            0 => Keys { memory: Some("memory-0"), ..NONE },
            1 => Keys { start: "start-1", ..NONE },
            100 => Keys { start: "start-100", status: Some("status-100"), stop_start: true, ..NONE },
            1000 => Keys {
                start: "start-1000",
                memory: Some("memory-1000"),
                keeper: Some("keeper-1000"),
                status: Some("status-1000"),
                stop_start: false,
                stop: Some("stop-1000"),
                descriptors: None,
            },
            _ => Keys { start: "start-10000", descriptors: Some("descriptors-10000"), ..NONE },
        }
    }
}

impl Scene for Whole {
    fn title(&self) -> String {
        format!("{} programs: start, look, stop", self.count)
    }

    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        let able: Vec<_> =
            contenders.iter().map(|it| &**it).filter(|it| it.programs_max() >= self.count).collect();
        let mut turns = Turns::default();
        for _ in 0..arguments.rounds(self.rounds) {
            for contender in &able {
                turns.take(*contender, TIME_MAX, || {
                    let outcome = self.round(*contender, arguments, sheet);
                    record(sheet, &self.title(), contender.name(), outcome)
                });
            }
        }
    }
}

impl Whole {
    fn round(&self, contender: &dyn Contender, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
        let (keys, name) = (self.keys(), contender.name());
        let scene = fleet::Scene::of(self.count, arguments)?;
        let fleet = Fleet::launch(contender, &scene)?;
        let took = fleet.until_started()?;
        if !keys.start.is_empty() {
            sheet.push(keys.start, name, took);
        }
        fleet.settle();
        fleet.check_alive()?;
        if self.count == 1000 {
            // Of the children too: what happens between fork and exec is theirs by then.
            sheet.push("start-1000-cpu", name, procs::usage(&procs::everything()).cpu_ms());
        }
        self.weigh(&fleet, sheet)?;
        self.ask(&fleet, sheet)?;
        if keys.stop_start {
            stop_and_start(&fleet, sheet)?;
        }
        if contender.stops(self.count) {
            let took = fleet.stop()?;
            if let Some(row) = keys.stop {
                sheet.push(row, name, took);
            }
        }
        Ok(())
    }

    fn weigh(&self, fleet: &Fleet<'_>, sheet: &mut Sheet) -> Result<()> {
        let (keys, name) = (self.keys(), fleet.contender.name());
        let own = procs::own(fleet.root);
        if let Some(row) = keys.memory {
            std::thread::sleep(AT_REST);
            sheet.push(row, name, megabytes(procs::usage(&own).rss_kib));
        }
        if name != "menshen" {
            return Ok(());
        }
        if let Some(row) = keys.keeper {
            sheet.push(row, name, megabytes(procs::usage(&[fleet.root]).rss_kib));
        }
        if let Some(row) = keys.descriptors {
            let most = own.iter().map(|it| procs::descriptors(*it)).max().unwrap_or(0);
            sheet.push(row, name, f64::from(u32::try_from(most)?));
        }
        Ok(())
    }

    fn ask(&self, fleet: &Fleet<'_>, sheet: &mut Sheet) -> Result<()> {
        let Some(row) = self.keys().status else { return Ok(()) };
        if !fleet.until_running()? {
            return Ok(()); // It has no such command.
        }
        for _ in 0..COMMANDS {
            if let Some(mut command) = fleet.contender.status(fleet.scene) {
                sheet.push(row, fleet.contender.name(), fleet::timed(&mut command)?.0);
            }
        }
        Ok(())
    }
}

/// Stops one program and starts it again, by two commands; the time is that of both.
fn stop_and_start(fleet: &Fleet<'_>, sheet: &mut Sheet) -> Result<()> {
    for program in fleet.scene.programs.iter().skip(3).step_by(7).take(COMMANDS) {
        let Some(commands) = fleet.contender.stop_start(fleet.scene, &program.name) else { return Ok(()) };
        let before = records::count(&fleet.scene.records);
        let mut sum = 0.0;
        for mut command in commands {
            sum += fleet::timed(&mut command)?.0;
        }
        records::until(&fleet.scene.records, before + 1, Duration::from_secs(10))?;
        fleet.check_alive()?;
        sheet.push("stop-start", fleet.contender.name(), sum);
    }
    Ok(())
}

fn megabytes(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) * 1024.0 / 1e6
}
