//! daemontools: one supervisor process for each service, whose `run` is a script.

use std::process::Command;

use anyhow::Result;

use super::{Contender, command, package_version, s6, shell};
use crate::fleet::Scene;

pub(crate) struct Daemontools;

impl Contender for Daemontools {
    fn name(&self) -> &'static str {
        "daemontools"
    }

    fn version(&self) -> Option<String> {
        package_version("daemontools")
    }

    fn programs_max(&self) -> usize {
        1000 // It holds no more.
    }

    fn prepare(&self, scene: &Scene) -> Result<()> {
        s6::services(scene)
    }

    fn launch(&self, scene: &Scene) -> Command {
        command("svscan", &[scene.file("services")])
    }

    fn stop(&self, scene: &Scene, root: i32) -> Option<Command> {
        Some(shell(scene, &format!("kill -TERM {root}; svc -dx services/*")))
    }

    fn status(&self, scene: &Scene) -> Option<Command> {
        Some(shell(scene, "svstat services/*"))
    }

    fn status_mark(&self) -> &'static str {
        "up (pid"
    }

    fn stop_start(&self, _: &Scene, _: &str) -> Option<[Command; 2]> {
        None // Its client does not wait, so that there is nothing to measure.
    }

    fn update(&self, _: &Scene) -> Result<Vec<Command>> {
        Ok(Vec::new()) // It looks every five seconds, and holds no more than 1,000.
    }
}
