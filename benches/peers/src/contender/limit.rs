//! The bare system calls: no product, but what the kernel allows.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Contender, command};
use crate::fleet::Scene;

pub(crate) struct Limit {
    program: PathBuf,
}

impl Limit {
    pub(super) fn new(program: &Path) -> Self {
        Self { program: program.to_owned() }
    }
}

impl Contender for Limit {
    fn name(&self) -> &'static str {
        "limit"
    }

    fn version(&self) -> Option<String> {
        self.program.is_file().then(|| "fork, exec, wait".to_owned())
    }

    fn programs_max(&self) -> usize {
        9000 // Two descriptors each, of the 20,000 that many machines allow.
    }

    fn prepare(&self, _: &Scene) -> Result<()> {
        Ok(())
    }

    fn launch(&self, scene: &Scene) -> Command {
        let count = scene.programs.len().to_string();
        let (notes, child) = (scene.records.display().to_string(), scene.child.display().to_string());
        command(&self.program, &["fleet", &count, &notes, &child])
    }

    fn stop(&self, _: &Scene, _: i32) -> Option<Command> {
        None
    }

    fn status(&self, _: &Scene) -> Option<Command> {
        Some(Command::new("/bin/true"))
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
}
