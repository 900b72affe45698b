//! Who takes part: how each is configured, started, asked and stopped, in the way its own manual says.

mod circus;
mod daemontools;
mod dinit;
mod limit;
mod monit;
mod pm2;
mod runit;
mod s6;
mod supervisors;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::arguments::Arguments;
use crate::fleet::Scene;

/// Somebody who looks after programs.
pub(crate) trait Contender {
    /// Its name in the table.
    fn name(&self) -> &'static str;

    /// Its version; `None`: it is not installed.
    fn version(&self) -> Option<String>;

    /// The most programs it can, or can in a time that anybody would wait.
    fn programs_max(&self) -> usize {
        10_000
    }

    /// Writes its configuration.
    fn prepare(&self, scene: &Scene) -> Result<()>;

    /// Runs it, not detached.
    fn launch(&self, scene: &Scene) -> Command;

    /// How it is stopped together with all programs; `None`: by SIGTERM.
    fn stop(&self, scene: &Scene, root: i32) -> Option<Command>;

    /// Whether it stops so many programs in a time that anybody would wait.
    fn stops(&self, count: usize) -> bool {
        count <= self.programs_max()
    }

    /// What shows the state of all programs.
    fn status(&self, scene: &Scene) -> Option<Command>;

    /// How its status says that a program runs.
    fn status_mark(&self) -> &'static str;

    /// What stops one program, waiting until it has, and what starts it again.
    fn stop_start(&self, scene: &Scene, program: &str) -> Option<[Command; 2]>;

    /// Makes it look after one program more, which has been added to the scene.
    fn update(&self, scene: &Scene) -> Result<Vec<Command>>;

    /// Whether it starts again at once a program that was killed, as far as it is meant to.
    fn respawns(&self) -> bool {
        true
    }
}

/// Everybody that was asked for and is installed.
pub(crate) fn all(arguments: &Arguments) -> Vec<Box<dyn Contender>> {
    let tools = &arguments.tools;
    let mut all: Vec<Box<dyn Contender>> = vec![
        Box::new(supervisors::Menshen::new(&arguments.menshen)),
        Box::new(limit::Limit::new(&arguments.limit)),
    ];
    if arguments.peers {
        all.push(Box::new(dinit::Dinit::new(tools)));
        all.push(Box::new(supervisors::Supervisor::new(tools)));
        all.push(Box::new(s6::S6));
        all.push(Box::new(runit::Runit));
        all.push(Box::new(daemontools::Daemontools));
        all.push(Box::new(circus::Circus::new(tools)));
        all.push(Box::new(pm2::Pm2::new(tools)));
        all.push(Box::new(monit::Monit));
    }
    all.retain(|it| arguments.invites(it.name()) && it.version().is_some());
    all
}

/// Names and versions.
pub(crate) fn versions(all: &[Box<dyn Contender>]) -> Vec<(String, String)> {
    all.iter().map(|it| (it.name().to_owned(), it.version().unwrap_or_default())).collect()
}

/// A command with its words.
fn command<S: AsRef<std::ffi::OsStr>>(program: impl AsRef<std::ffi::OsStr>, words: &[S]) -> Command {
    let mut command = Command::new(program);
    command.args(words);
    command
}

/// A line of shell in the folder of a scene.
fn shell(scene: &Scene, line: &str) -> Command {
    let mut command = command("/bin/sh", &["-c", line]);
    command.current_dir(&scene.folder);
    command
}

/// The first line that a command prints, if there is such a command.
fn first_line(program: &Path, words: &[&str]) -> Option<String> {
    let output = command(program, words).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().next().map(|it| it.trim().to_owned())
}

/// The version of a Debian package.
fn package_version(name: &str) -> Option<String> {
    let output = command("dpkg-query", &["-W", "-f=${Version}", name]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// A program along `PATH`, or in a folder of the tools.
fn find(tools: &Path, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [tools.join("bin"), tools.join("venv/bin"), tools.join("node_modules/.bin")];
    folders.into_iter().chain(std::env::split_paths(&path)).map(|it| it.join(name)).find(|it| it.is_file())
}
