//! PM2: one process on Node.js. Fork mode, no interpreter, which is what suits it best.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::json;

use super::{Contender, command, find};
use crate::fleet::Scene;

pub(crate) struct Pm2 {
    program: PathBuf,
}

impl Pm2 {
    pub(super) fn new(tools: &Path) -> Self {
        Self { program: find(tools, "pm2").unwrap_or_default() }
    }

    fn ctl(&self, scene: &Scene, words: &[&str]) -> Command {
        let mut command = command(&self.program, words);
        command.env("PM2_HOME", scene.file("home")).current_dir(&scene.folder);
        command
    }
}

impl Contender for Pm2 {
    fn name(&self) -> &'static str {
        "pm2"
    }

    fn version(&self) -> Option<String> {
        let home = tempfile::tempdir().ok()?;
        let output = command(&self.program, &["--version"]).env("PM2_HOME", home.path()).output().ok()?;
        String::from_utf8_lossy(&output.stdout).lines().last().map(|it| it.trim().to_owned())
    }

    fn programs_max(&self) -> usize {
        1000
    }

    fn prepare(&self, scene: &Scene) -> Result<()> {
        let app = |it: &crate::fleet::Program| {
            let log = if scene.logs { scene.file(&format!("{}.log", it.name)) } else { "/dev/null".into() };
            json!({
                "name": it.name, "script": it.words[0], "args": &it.words[1..], "interpreter": "none",
                "exec_mode": "fork", "vizion": false, "autorestart": true,
                "out_file": log, "error_file": "/dev/null",
            })
        };
        let apps: Vec<_> = scene.programs.iter().map(app).collect();
        scene.write("apps.json", &json!({ "apps": apps }).to_string())
    }

    fn launch(&self, scene: &Scene) -> Command {
        self.ctl(scene, &["start", "apps.json", "--no-daemon", "--silent"])
    }

    fn stop(&self, scene: &Scene, _: i32) -> Option<Command> {
        Some(self.ctl(scene, &["kill", "--silent"]))
    }

    fn stops(&self, count: usize) -> bool {
        count <= 100 // A thousand take it a minute.
    }

    fn status(&self, scene: &Scene) -> Option<Command> {
        Some(self.ctl(scene, &["list", "-m"]))
    }

    fn status_mark(&self) -> &'static str {
        "status : online"
    }

    fn stop_start(&self, scene: &Scene, program: &str) -> Option<[Command; 2]> {
        Some(["stop", "start"].map(|verb| self.ctl(scene, &[verb, program, "--silent"])))
    }

    fn update(&self, scene: &Scene) -> Result<Vec<Command>> {
        self.prepare(scene)?;
        let name = scene.programs.last().map_or("", |it| it.name.as_str());
        Ok(vec![self.ctl(scene, &["start", "apps.json", "--only", name, "--silent"])])
    }
}
