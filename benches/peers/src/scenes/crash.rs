//! The daemon dies, and another takes its place.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::{Contenders, Scene, record};
use crate::arguments::Arguments;
use crate::client;
use crate::contender::Contender;
use crate::fleet::{self, Fleet};
use crate::procs;
use crate::records;
use crate::sheet::Sheet;

/// How long it may take until somebody answers again.
const ANSWER_MAX: Duration = Duration::from_secs(20);

pub(crate) struct Crash {
    pub(crate) count: usize,
}

impl Scene for Crash {
    fn title(&self) -> String {
        format!("{} programs: the daemon is killed", self.count)
    }

    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        // Of the others none goes on with its programs.
        for contender in contenders.iter().filter(|it| it.name() == "menshen") {
            for _ in 0..arguments.rounds(3) {
                let outcome = self.crash(&**contender, arguments, sheet);
                record(sheet, &self.title(), contender.name(), outcome);
            }
        }
    }
}

impl Crash {
    fn crash(&self, contender: &dyn Contender, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
        let scene = fleet::Scene::of(self.count, arguments)?;
        let fleet = Fleet::launch(contender, &scene)?;
        fleet.until_started()?;
        fleet.until_running()?;
        fleet.settle();
        let before = procs::programs(procs::ours());
        let daemon = procs::named(fleet.root, "menshen-daemon").context("there is no daemon")?;
        let at = records::now();
        procs::signal(daemon, Signal::KILL);
        // The socket outlives its daemon, so that who connects may wait for the next; but not for the dead.
        while procs::is_alive(daemon) {
            std::thread::sleep(Duration::from_micros(200));
        }
        client::until_answers(&scene.file("s.sock"), ANSWER_MAX)?;
        let took = records::millis(at, records::now());
        fleet.settle();
        let after = procs::programs(procs::ours());
        ensure!(
            before == after,
            "{} of {} programs run on",
            after.intersection(&before).count(),
            before.len()
        );
        fleet.until_running()?;
        let row = if self.count == 1000 { "daemon-killed-1000" } else { "daemon-killed-10000" };
        sheet.push(row, contender.name(), took);
        Ok(())
    }
}
