//! The program itself, and how it reads a long file.

use std::process::Command;

use anyhow::Result;

use super::{Contenders, Scene, record};
use crate::arguments::Arguments;
use crate::fleet;
use crate::sheet::Sheet;

/// The size of the program.
pub(crate) struct Size;

impl Scene for Size {
    fn title(&self) -> String {
        "the size of the program".to_owned()
    }

    fn play(&self, _: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        let size = std::fs::metadata(&arguments.menshen).map_or(0, |it| it.len());
        sheet.push("program-size", "menshen", f64::from(u32::try_from(size).unwrap_or(u32::MAX)) / 1e6);
    }
}

/// A long file, checked by the command for that: process start, reading, resolving, all of it.
pub(crate) struct Parsing;

const PROGRAMS: usize = 10_000;

impl Scene for Parsing {
    fn title(&self) -> String {
        format!("a configuration of {PROGRAMS} programs")
    }

    fn play(&self, contenders: &Contenders, arguments: &Arguments, sheet: &mut Sheet) {
        let Some(ours) = contenders.iter().find(|it| it.name() == "menshen") else { return };
        let outcome = fleet::Scene::of(PROGRAMS, arguments).and_then(|scene| {
            ours.prepare(&scene)?;
            check(&scene, arguments, sheet)
        });
        record(sheet, &self.title(), "menshen", outcome);
    }
}

fn check(scene: &fleet::Scene, arguments: &Arguments, sheet: &mut Sheet) -> Result<()> {
    for _ in 0..arguments.rounds(9) {
        let mut command = Command::new(&arguments.menshen);
        command.arg("check").arg("-c").arg(scene.file("s.conf"));
        let (took, _) = fleet::timed(&mut command)?;
        sheet.push("config-10000", "menshen", took);
    }
    Ok(())
}
