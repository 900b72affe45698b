//! What children write, on its way to their logs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Contenders, Scene, record};
use crate::arguments::Arguments;
use crate::contender::Contender;
use crate::fleet::{self, Fleet};
use crate::procs;
use crate::records;
use crate::sheet::Sheet;

/// Those who have the output of a program in their hands.
const ABLE: [&str; 4] = ["menshen", "supervisor", "circus", "pm2"];

/// How long a flood may take.
const FLOOD_MAX: Duration = Duration::from_mins(2);

/// One child that writes as fast as somebody takes it.
pub(crate) struct Flood {
    rows: [&'static str; 2],
    /// The size of each write.
    chunk: usize,
    bytes: u64,
    quick_bytes: u64,
}

impl Flood {
    pub(crate) const LARGE: Self = Self {
        rows: ["flood-4000", "flood-4000-cpu"],
        chunk: 4000,
        bytes: 1_000_000_000,
        quick_bytes: 200_000_000,
    };

    pub(crate) const SMALL: Self =
        Self { rows: ["flood-100", "flood-100-cpu"], chunk: 100, bytes: 60_000_000, quick_bytes: 20_000_000 };
}

impl Scene for Flood {
    fn title(&self) -> String {
        format!("a flood of {}-byte writes", self.chunk)
    }

    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        let bytes = if arguments.quick { self.quick_bytes } else { self.bytes };
        for round in 0..arguments.rounds(5) {
            let able =
                |it: &&dyn Contender| ABLE.contains(&it.name()) && (round < 2 || it.name() != "circus");
            for contender in contenders.iter().map(|it| &**it).filter(able) {
                let outcome = self.flood(contender, bytes, arguments, sheet);
                record(sheet, &self.title(), contender.name(), outcome);
            }
            let outcome = self.limit(bytes, arguments, sheet);
            record(sheet, &self.title(), "limit", outcome);
        }
    }
}

impl Flood {
    fn flood(
        &self,
        contender: &dyn Contender,
        bytes: u64,
        arguments: &Arguments,
        sheet: &mut Sheet,
    ) -> Result<()> {
        let mut scene = fleet::Scene::of(0, arguments)?;
        scene.add(0, "flood", &[&bytes.to_string(), &self.chunk.to_string()]);
        let fleet = Fleet::launch(contender, &scene)?;
        let first = records::until(&scene.records, 1, FLOOD_MAX)?;
        until_logged(&scene, bytes)?;
        let took = records::millis(first.first().map_or(0, |it| it.at), records::now());
        let cpu_ns = procs::usage(&procs::own(fleet.root)).cpu_ns;
        self.push(sheet, contender.name(), bytes, took, cpu_ns);
        fleet.settle();
        let logged = logged(&scene.folder, "p00000.log");
        ensure!(logged == bytes, "{logged} of {bytes} bytes are in the log");
        fleet.check_alive()
    }

    fn limit(&self, bytes: u64, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
        let scene = fleet::Scene::of(0, arguments)?;
        let mut command = std::process::Command::new(&arguments.limit);
        command.arg("copy").arg(scene.file("p00000.log")).arg(&scene.child).arg("flood");
        command.arg(&scene.records).args(["0", &bytes.to_string(), &self.chunk.to_string()]);
        let limit = i32::try_from(command.spawn()?.id())?;
        let first = records::until(&scene.records, 1, FLOOD_MAX)?;
        until_logged(&scene, bytes)?;
        let took = records::millis(first.first().map_or(0, |it| it.at), records::now());
        let cpu_ns = procs::usage(&procs::own(limit)).cpu_ns;
        self.push(sheet, "limit", bytes, took, cpu_ns);
        procs::end_everything(); // Its child waits, as children here do.
        Ok(())
    }

    fn push(&self, sheet: &mut Sheet, name: &str, bytes: u64, took_ms: f64, cpu_ns: u64) {
        let [rate, cpu] = self.rows;
        let bytes = float(bytes);
        sheet.push(rate, name, bytes / 1e3 / took_ms);
        sheet.push(cpu, name, float(cpu_ns) / bytes);
    }
}

/// Waits until the log, with all that was rotated away, has so many bytes.
fn until_logged(scene: &fleet::Scene, bytes: u64) -> Result<()> {
    let began = Instant::now();
    while logged(&scene.folder, "p00000.log") < bytes {
        let so_far = logged(&scene.folder, "p00000.log");
        ensure!(began.elapsed() < FLOOD_MAX, "{so_far} of {bytes} bytes are in the log after {FLOOD_MAX:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// The bytes of all files whose name begins so.
fn logged(folder: &Path, name: &str) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|it| it.file_name().to_string_lossy().starts_with(name));
    ours.filter_map(|it| it.metadata().ok()).map(|it| it.len()).sum()
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a measurement, not an identity")]
fn float(number: u64) -> f64 {
    number as f64
}

/// Many children that write a line now and then.
pub(crate) struct FanIn;

const WRITERS: usize = 100;
const LINES_A_SECOND: u64 = 1000;
const LINE_BYTES: u64 = 64;

impl Scene for FanIn {
    fn title(&self) -> String {
        format!("{WRITERS} children, {LINES_A_SECOND} lines a second each")
    }

    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        for _ in 0..arguments.rounds(2) {
            for contender in contenders.iter().filter(|it| ABLE.contains(&it.name())) {
                let outcome = fan_in(&**contender, arguments, sheet);
                record(sheet, &self.title(), contender.name(), outcome);
            }
        }
    }
}

fn fan_in(contender: &dyn Contender, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
    let seconds = if arguments.quick { 3 } else { 10 };
    let mut scene = fleet::Scene::of(0, arguments)?;
    for id in 0..WRITERS {
        scene.add(id, "lines", &[&(seconds * LINES_A_SECOND).to_string(), &LINES_A_SECOND.to_string()]);
    }
    let fleet = Fleet::launch(contender, &scene)?;
    fleet.until_started()?;
    let own = procs::own(fleet.root);
    let before = procs::usage(&own).cpu_ns;
    std::thread::sleep(Duration::from_secs(seconds));
    fleet.settle();
    let used = procs::usage(&own).cpu_ns.saturating_sub(before);
    for program in &scene.programs {
        let bytes = logged(&scene.folder, &format!("{}.log", program.name));
        let wanted = seconds * LINES_A_SECOND * LINE_BYTES;
        ensure!(bytes == wanted, "{bytes} of {wanted} bytes of {} are in its log", program.name);
    }
    sheet.push("fan-in-cpu", contender.name(), float(used) / 1e9 * 10.0 / float(seconds));
    Ok(())
}
