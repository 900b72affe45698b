//! Ours and the original: they read the same file and have the same client.

use std::fmt::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Contender, command, find, first_line};
use crate::fleet::Scene;

/// Ours.
pub(crate) struct Menshen {
    program: PathBuf,
}

/// The original.
pub(crate) struct Supervisor {
    daemon: PathBuf,
    client: PathBuf,
}

impl Menshen {
    pub(super) fn new(program: &Path) -> Self {
        Self { program: program.to_owned() }
    }

    fn called(&self, name: &str, words: &[&str]) -> Command {
        let mut command = command(&self.program, words);
        command.arg0(name);
        command
    }
}

impl Supervisor {
    pub(super) fn new(tools: &Path) -> Self {
        let at = |name| find(tools, name).unwrap_or_default();
        Self { daemon: at("supervisord"), client: at("supervisorctl") }
    }
}

/// The file both read. Rotation is as it is by default; the server is a socket in the scene's folder. A program counts
/// as started at once, as it does for the others: else a start as a command takes a second, and so does what follows
/// on a kill within it.
fn configuration(scene: &Scene) -> String {
    let folder = scene.folder.display();
    let mut text = format!(
        "[unix_http_server]\nfile={folder}/s.sock\n[supervisord]\nlogfile={folder}/s.log\n\
         pidfile={folder}/s.pid\nnodaemon=true\nchildlogdir={folder}\n[rpcinterface:supervisor]\n\
         supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
         [supervisorctl]\nserverurl=unix://{folder}/s.sock\n{}",
        scene.more
    );
    for program in &scene.programs {
        let (name, words) = (&program.name, program.words.join(" "));
        let log = if scene.logs { format!("{folder}/{name}.log") } else { "NONE".to_owned() };
        let _ = write!(
            text,
            "[program:{name}]\ncommand={words}\nautorestart=true\nstartsecs=0\nredirect_stderr=true\nstdout_logfile={log}\n\
             stdout_logfile_backups=70\n"
        );
    }
    text
}

fn prepare(scene: &Scene) -> Result<()> {
    scene.write("s.conf", &configuration(scene))
}

fn file(scene: &Scene) -> String {
    scene.file("s.conf").display().to_string()
}

impl Contender for Menshen {
    fn name(&self) -> &'static str {
        "menshen"
    }

    fn version(&self) -> Option<String> {
        first_line(&self.program, &["--version"])
    }

    fn prepare(&self, scene: &Scene) -> Result<()> {
        prepare(scene)
    }

    fn launch(&self, scene: &Scene) -> Command {
        self.called("supervisord", &["-n", "-c", &file(scene)])
    }

    fn stop(&self, _: &Scene, _: i32) -> Option<Command> {
        None
    }

    fn status(&self, scene: &Scene) -> Option<Command> {
        Some(self.called("supervisorctl", &["-c", &file(scene), "status"]))
    }

    fn status_mark(&self) -> &'static str {
        "RUNNING"
    }

    fn stop_start(&self, scene: &Scene, program: &str) -> Option<[Command; 2]> {
        Some(["stop", "start"].map(|verb| self.called("supervisorctl", &["-c", &file(scene), verb, program])))
    }

    fn update(&self, scene: &Scene) -> Result<Vec<Command>> {
        prepare(scene)?;
        Ok(["reread", "update"].map(|verb| self.called("supervisorctl", &["-c", &file(scene), verb])).into())
    }
}

impl Contender for Supervisor {
    fn name(&self) -> &'static str {
        "supervisor"
    }

    fn version(&self) -> Option<String> {
        first_line(&self.daemon, &["--version"])
    }

    fn programs_max(&self) -> usize {
        1000
    }

    fn prepare(&self, scene: &Scene) -> Result<()> {
        prepare(scene)
    }

    fn launch(&self, scene: &Scene) -> Command {
        command(&self.daemon, &["-n", "-c", &file(scene)])
    }

    fn stop(&self, _: &Scene, _: i32) -> Option<Command> {
        None
    }

    fn status(&self, scene: &Scene) -> Option<Command> {
        Some(command(&self.client, &["-c", &file(scene), "status"]))
    }

    fn status_mark(&self) -> &'static str {
        "RUNNING"
    }

    fn stop_start(&self, scene: &Scene, program: &str) -> Option<[Command; 2]> {
        Some(["stop", "start"].map(|verb| command(&self.client, &["-c", &file(scene), verb, program])))
    }

    fn update(&self, scene: &Scene) -> Result<Vec<Command>> {
        prepare(scene)?;
        Ok(["reread", "update"].map(|verb| command(&self.client, &["-c", &file(scene), verb])).into())
    }
}
