//! Nothing happens: what does that cost?

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;

use super::{Contenders, Scene, record};
use crate::arguments::Arguments;
use crate::contender::Contender;
use crate::fleet::{self, Fleet};
use crate::procs;
use crate::sheet::Sheet;

const PROGRAMS: usize = 1000;

/// The published window, and the one of a quick run, whose counts are scaled to it.
const WINDOW: Duration = Duration::from_mins(1);
const QUICK_WINDOW: Duration = Duration::from_secs(10);

pub(crate) struct Idle;

impl Scene for Idle {
    fn title(&self) -> String {
        format!("{PROGRAMS} programs of everybody, idle, at the same time")
    }

    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        let able = contenders.iter().filter(|it| it.programs_max() >= PROGRAMS && it.name() != "limit");
        let able: Vec<_> = able.map(|it| &**it).collect();
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
    let own: Vec<BTreeSet<i32>> = fleets.iter().map(|it| procs::own(it.root)).collect();
    let (window, scale) = if arguments.quick { (QUICK_WINDOW, 6.0) } else { (WINDOW, 1.0) };
    let before: Vec<_> = own.iter().map(procs::usage).collect();
    std::thread::sleep(window);
    for ((fleet, own), before) in fleets.iter().zip(&own).zip(before) {
        let after = procs::usage(own);
        let name = fleet.contender.name();
        let wakes = u32::try_from(after.switches.saturating_sub(before.switches)).unwrap_or(u32::MAX);
        let cpu_us = u32::try_from(after.cpu_ns.saturating_sub(before.cpu_ns) / 1000).unwrap_or(u32::MAX);
        sheet.push("idle-wakes", name, f64::from(wakes) * scale);
        sheet.push("idle-cpu", name, f64::from(cpu_us) / 1e3 * scale);
    }
    let alive = procs::programs(procs::ours()).len();
    anyhow::ensure!(alive == PROGRAMS * fleets.len(), "{alive} programs live");
    Ok(())
}
