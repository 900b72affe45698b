//! dinit: one process in C++, services in one file each. It keeps no logs unless told to: its children write
//! their files themselves.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Contender, command, find, first_line};
use crate::fleet::{Program, Scene};

pub(crate) struct Dinit {
    daemon: PathBuf,
    client: PathBuf,
}

impl Dinit {
    pub(super) fn new(tools: &Path) -> Self {
        let at = |name| find(tools, name).unwrap_or_default();
        Self { daemon: at("dinit"), client: at("dinitctl") }
    }

    fn ctl(&self, scene: &Scene, words: &[&str]) -> Command {
        let mut command = command(&self.client, &["-p"]);
        command.arg(scene.file("socket")).args(words);
        command
    }
}

fn service(scene: &Scene, program: &Program) -> Result<()> {
    let mut text = format!(
        "type = process\ncommand = {}\nrestart = true\nsmooth-recovery = true\nrestart-delay = 0\n\
         restart-limit-count = 0\n",
        program.words.join(" ")
    );
    if scene.logs {
        let _ = writeln!(text, "logfile = {}", scene.file(&format!("{}.log", program.name)).display());
    }
    scene.write(&format!("services/{}", program.name), &text)
}

impl Contender for Dinit {
    fn name(&self) -> &'static str {
        "dinit"
    }

    fn version(&self) -> Option<String> {
        let line = first_line(&self.daemon, &["--version"])?;
        Some(line.trim_start_matches("Dinit version ").trim_end_matches('.').to_owned())
    }

    fn prepare(&self, scene: &Scene) -> Result<()> {
        let mut boot = "type = internal\n".to_owned();
        for program in &scene.programs {
            service(scene, program)?;
            let _ = writeln!(boot, "waits-for: {}", program.name);
        }
        scene.write("services/boot", &boot)
    }

    fn launch(&self, scene: &Scene) -> Command {
        let mut command = command(&self.daemon, &["-u", "-q", "-d"]);
        command.arg(scene.file("services")).arg("-p").arg(scene.file("socket")).arg("boot");
        command
    }

    fn stop(&self, _: &Scene, _: i32) -> Option<Command> {
        None
    }

    fn status(&self, scene: &Scene) -> Option<Command> {
        Some(self.ctl(scene, &["list"]))
    }

    fn status_mark(&self) -> &'static str {
        "(pid: "
    }

    fn stop_start(&self, scene: &Scene, program: &str) -> Option<[Command; 2]> {
        // `--force`, because its boot service wants it.
        Some([self.ctl(scene, &["stop", "--force", program]), self.ctl(scene, &["start", program])])
    }

    fn update(&self, scene: &Scene) -> Result<Vec<Command>> {
        let Some(last) = scene.programs.last() else { return Ok(Vec::new()) };
        service(scene, last)?;
        Ok(vec![self.ctl(scene, &["start", &last.name])])
    }
}
