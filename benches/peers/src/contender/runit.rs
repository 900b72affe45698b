//! runit: one supervisor process for each service, whose `run` is a script.

use std::process::Command;

use anyhow::Result;

use super::{Contender, command, package_version, s6, shell};
use crate::fleet::Scene;

pub(crate) struct Runit;

impl Contender for Runit {
    fn name(&self) -> &'static str {
        "runit"
    }

    fn version(&self) -> Option<String> {
        package_version("runit")
    }

    fn programs_max(&self) -> usize {
        1000 // It holds no more.
    }

    fn prepare(&self, scene: &Scene) -> Result<()> {
        s6::services(scene)
    }

    fn launch(&self, scene: &Scene) -> Command {
        let mut command = command("runsvdir", &["-P"]);
        command.arg(scene.file("services"));
        command
    }

    fn stop(&self, scene: &Scene, root: i32) -> Option<Command> {
        // SIGHUP has it stop its services before it leaves.
        Some(shell(scene, &format!("kill -HUP {root}")))
    }

    fn status(&self, scene: &Scene) -> Option<Command> {
        Some(shell(scene, "sv status ./services/*"))
    }

    fn status_mark(&self) -> &'static str {
        "run: "
    }

    fn stop_start(&self, scene: &Scene, program: &str) -> Option<[Command; 2]> {
        Some(["stop", "start"].map(|it| shell(scene, &format!("sv {it} ./services/{program}"))))
    }

    fn update(&self, _: &Scene) -> Result<Vec<Command>> {
        Ok(Vec::new()) // It looks every five seconds, and holds no more than 1,000.
    }
}
