//! Monit: it looks for pids in files once a second, which is the shortest time it has. So it has no part in what
//! must be quick, and none in what is big.

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use anyhow::Result;

use super::{Contender, command, package_version};
use crate::fleet::Scene;

pub(crate) struct Monit;

impl Contender for Monit {
    fn name(&self) -> &'static str {
        "monit"
    }

    fn version(&self) -> Option<String> {
        package_version("monit")
    }

    fn programs_max(&self) -> usize {
        1
    }

    fn prepare(&self, scene: &Scene) -> Result<()> {
        let folder = scene.folder.display();
        let mut text = format!(
            "set daemon 1\nset pidfile {folder}/monit.pid\nset idfile {folder}/id\nset statefile {folder}/state\n"
        );
        for program in &scene.programs {
            let (name, words) = (&program.name, program.words.join(" "));
            scene.write(
                &format!("{name}.sh"),
                &format!("#!/bin/sh\n{words} >{folder}/{name}.log 2>&1 &\necho $! >{folder}/{name}.pid\n"),
            )?;
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(scene.file(&format!("{name}.sh")), mode)?;
            let _ = write!(
                text,
                "check process {name} with pidfile {folder}/{name}.pid\n start program = \"{folder}/{name}.sh\"\n"
            );
        }
        scene.write("monitrc", &text)?;
        let mode = std::fs::Permissions::from_mode(0o600);
        Ok(std::fs::set_permissions(scene.file("monitrc"), mode)?)
    }

    fn launch(&self, scene: &Scene) -> Command {
        let mut command = command("monit", &["-I", "-c"]);
        command.arg(scene.file("monitrc"));
        command
    }

    fn stop(&self, _: &Scene, _: i32) -> Option<Command> {
        None
    }

    fn stops(&self, _: usize) -> bool {
        false // It leaves its programs running.
    }

    fn status(&self, _: &Scene) -> Option<Command> {
        None
    }

    fn status_mark(&self) -> &'static str {
        ""
    }

    fn stop_start(&self, _: &Scene, _: &str) -> Option<[Command; 2]> {
        None
    }

    fn update(&self, _: &Scene) -> Result<Vec<Command>> {
        Ok(Vec::new())
    }

    fn respawns(&self) -> bool {
        false
    }
}
