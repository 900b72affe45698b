//! Circus: one process in Python, with a client over a socket.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Contender, command, find, first_line};
use crate::fleet::Scene;

pub(crate) struct Circus {
    daemon: PathBuf,
    client: PathBuf,
}

impl Circus {
    pub(super) fn new(tools: &Path) -> Self {
        let at = |name| find(tools, name).unwrap_or_default();
        Self { daemon: at("circusd"), client: at("circusctl") }
    }

    fn ctl(&self, scene: &Scene, words: &[&str]) -> Command {
        let mut command = command(&self.client, &["--endpoint", &endpoint(scene, "ctl")]);
        command.args(words);
        command
    }
}

fn endpoint(scene: &Scene, name: &str) -> String {
    format!("ipc://{}/{name}.sock", scene.folder.display())
}

fn configuration(scene: &Scene) -> String {
    let mut text = format!(
        "[circus]\nendpoint = {}\npubsub_endpoint = {}\nwarmup_delay = 0\n",
        endpoint(scene, "ctl"),
        endpoint(scene, "pub")
    );
    for program in &scene.programs {
        let (name, words) = (&program.name, program.words.join(" "));
        let _ = write!(text, "[watcher:{name}]\ncmd = {words}\ncopy_env = true\n");
        if scene.logs {
            let log = scene.file(&format!("{name}.log"));
            let _ = write!(
                text,
                "stdout_stream.class = FileStream\nstdout_stream.filename = {}\n",
                log.display()
            );
        }
    }
    text
}

impl Contender for Circus {
    fn name(&self) -> &'static str {
        "circus"
    }

    fn version(&self) -> Option<String> {
        first_line(&self.daemon, &["--version"])
    }

    fn programs_max(&self) -> usize {
        1000
    }

    fn prepare(&self, scene: &Scene) -> Result<()> {
        scene.write("circus.ini", &configuration(scene))
    }

    fn launch(&self, scene: &Scene) -> Command {
        command(&self.daemon, &[scene.file("circus.ini")])
    }

    fn stop(&self, _: &Scene, _: i32) -> Option<Command> {
        None
    }

    fn status(&self, scene: &Scene) -> Option<Command> {
        Some(self.ctl(scene, &["status"]))
    }

    fn status_mark(&self) -> &'static str {
        ": active"
    }

    fn stop_start(&self, scene: &Scene, program: &str) -> Option<[Command; 2]> {
        Some(["stop", "start"].map(|verb| self.ctl(scene, &[verb, program, "--waiting"])))
    }

    fn update(&self, scene: &Scene) -> Result<Vec<Command>> {
        self.prepare(scene)?;
        Ok(vec![self.ctl(scene, &["reloadconfig"])])
    }
}
