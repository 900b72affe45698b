//! s6: one supervisor process for each service, whose `run` is a script.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use anyhow::Result;

use super::{Contender, command, package_version, shell};
use crate::fleet::{Program, Scene};

pub(crate) struct S6;

/// Makes the folder of a service in the way that s6, runit and daemontools share.
pub(super) fn service(scene: &Scene, program: &Program) -> Result<()> {
    let run = format!("services/{}/run", program.name);
    scene.write(&run, &format!("#!/bin/sh\nexec {}\n", program.words.join(" ")))?;
    let mode = std::fs::Permissions::from_mode(0o755);
    Ok(std::fs::set_permissions(scene.file(&run), mode)?)
}

/// The same for all.
pub(super) fn services(scene: &Scene) -> Result<()> {
    std::fs::create_dir_all(scene.file("services"))?;
    scene.programs.iter().try_for_each(|it| service(scene, it))
}

impl Contender for S6 {
    fn name(&self) -> &'static str {
        "s6"
    }

    fn version(&self) -> Option<String> {
        package_version("s6")
    }

    fn programs_max(&self) -> usize {
        1000
    }

    fn prepare(&self, scene: &Scene) -> Result<()> {
        services(scene)
    }

    fn launch(&self, scene: &Scene) -> Command {
        let mut command = command("s6-svscan", &["-c", "4000"]);
        command.arg(scene.file("services"));
        command
    }

    fn stop(&self, scene: &Scene, _: i32) -> Option<Command> {
        Some(shell(scene, "s6-svscanctl -t services"))
    }

    fn status(&self, scene: &Scene) -> Option<Command> {
        Some(shell(scene, "for it in services/*; do s6-svstat $it; done"))
    }

    fn status_mark(&self) -> &'static str {
        "up (pid"
    }

    fn stop_start(&self, scene: &Scene, program: &str) -> Option<[Command; 2]> {
        Some(["-wd -d", "-u"].map(|it| shell(scene, &format!("s6-svc {it} services/{program}"))))
    }

    fn update(&self, scene: &Scene) -> Result<Vec<Command>> {
        if let Some(last) = scene.programs.last() {
            service(scene, last)?;
        }
        Ok(vec![shell(scene, "s6-svscanctl -a services")])
    }
}
