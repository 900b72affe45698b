//! A folder with a configuration, and the supervisor that runs there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::program::Make;
use crate::said::Said;
use crate::wait::{until, until_some};
use crate::{proc, rpc};

/// What most tests want before their own sections. `{here}` is the folder.
const HEAD: &str = "\
[unix_http_server]
file={here}/s.sock

[supervisord]
logfile={here}/main.log
pidfile={here}/pid
childlogdir={here}
runtime_directory={here}/run
loglevel=info

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{here}/s.sock

";

/// One test's own place: everything it makes is in there, and everything it started is gone when it is dropped.
pub struct House {
    folder: TempDir,
    make: Make,
    running: Option<Child>,
}

impl House {
    /// A house whose configuration is the usual head and then `sections`, in which `{here}` stands for the folder.
    pub fn new(sections: &str) -> Self {
        Self::of(Make::under_test(), sections)
    }

    /// The same, for a make of choice.
    pub fn of(make: Make, sections: &str) -> Self {
        let house = Self::empty(make);
        house.configure(sections);
        house
    }

    /// A house without any file in it.
    pub fn empty(make: Make) -> Self {
        // A short name: the path of a socket has little more than a hundred bytes.
        let folder =
            tempfile::Builder::new().prefix("e2e-").tempdir().expect("cannot make a temporary folder");
        // Programs of other users must be able to come in.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder.path(), open).expect("cannot open the folder");
        Self { folder, make, running: None }
    }

    /// Writes the configuration anew: the usual head and then `sections`.
    pub fn configure(&self, sections: &str) {
        self.write("supervisord.conf", &format!("{HEAD}{sections}"));
    }

    /// Adds `lines` to the section `[supervisord]` of the configuration.
    pub fn configure_daemon(&self, lines: &str) {
        let text =
            self.text("supervisord.conf").replace("[supervisord]\n", &format!("[supervisord]\n{lines}"));
        self.write("supervisord.conf", &text);
    }

    /// Writes a file of the house; `{here}` in it becomes the folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text.replace("{here}", &self.here())).expect("cannot write a file of the house");
        path
    }

    /// The path of a file of the house.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder, as text.
    pub fn here(&self) -> String {
        self.folder.path().to_str().expect("a temporary folder has a plain name").to_owned()
    }

    /// The bytes of a file of the house; none when it is not there.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_default()
    }

    /// A file of the house as text.
    pub fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.bytes(name)).into_owned()
    }

    /// The main log.
    pub fn log(&self) -> String {
        self.text("main.log")
    }

    /// A command of this house: a program of the make under test, in the folder, marked as ours.
    pub fn command(&self, program: &str) -> Command {
        self.command_of(self.make, program)
    }

    /// The same with a program of a make of choice.
    pub fn command_of(&self, make: Make, program: &str) -> Command {
        let mut command = Command::new(make.folder(&self.path("bin")).join(program));
        command.current_dir(self.folder.path()).env(proc::MARK, self.here()).stdin(Stdio::null());
        // The same words in the same language for both, and no history of the person who runs the tests.
        command.env("HOME", self.folder.path()).env("LC_ALL", "C.UTF-8").env("PYTHONUNBUFFERED", "1");
        command
    }

    /// A program of the make under test, run by the command `outer`: `prlimit`, `unshare`...
    pub fn command_through(&self, outer: &[&str], program: &str) -> Command {
        let inner = self.command(program);
        let (name, words) = outer.split_first().expect("a command has a name");
        let mut command = Command::new(name);
        command.args(words).arg(inner.get_program()).current_dir(self.folder.path()).stdin(Stdio::null());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }

    /// Runs `supervisord` with `words` until it ends by itself.
    pub fn supervisord(&self, words: &[&str]) -> Said {
        self.command("supervisord").args(words).output().expect("cannot run supervisord").into()
    }

    /// Starts `supervisord` in the foreground and waits until it answers.
    #[must_use]
    pub fn started(mut self) -> Self {
        self.start();
        self
    }

    /// The same, for a house that is started again.
    pub fn start(&mut self) {
        self.start_with(&["-n", "-c", "supervisord.conf"]);
        self.until_answering();
    }

    /// Starts `supervisord` with `words`, its output going to `out` and `err` in the folder, without waiting.
    pub fn start_with(&mut self, words: &[&str]) {
        let mut command = self.command("supervisord");
        self.start_command(command.args(words));
    }

    /// Starts a command that will be this house's supervisor.
    pub fn start_command(&mut self, command: &mut Command) {
        let file = |name| File::create(self.path(name)).expect("cannot make a file for the output");
        command.stdout(file("out")).stderr(file("err"));
        self.running = Some(command.spawn().expect("cannot start supervisord"));
    }

    /// Waits until the supervisor answers that it is running.
    #[track_caller]
    pub fn until_answering(&mut self) {
        until("the supervisor answers", || {
            if let Some(Ok(Some(status))) = self.running.as_mut().map(Child::try_wait) {
                assert!(
                    status.success(),
                    "the supervisor ended with {status}: {}{}",
                    self.text("out"),
                    self.text("err")
                );
            }
            self.call("supervisor.getState", &[]).is_some_and(|answer| answer.contains("RUNNING"))
        });
    }

    /// The pid of the process that was started here: for ours, the keeper.
    pub fn pid(&self) -> i32 {
        let child = self.running.as_ref().expect("nothing was started");
        child.id().try_into().expect("a pid fits")
    }

    /// The pid in the pidfile.
    pub fn pid_in_file(&self) -> Option<i32> {
        self.text("pid").trim().parse().ok()
    }

    /// The daemon: for ours, the child of the keeper that calls itself so.
    pub fn daemon_pid(&self) -> i32 {
        if self.make == Make::Original {
            return self.pid();
        }
        until_some("the keeper has its daemon", || {
            proc::children(self.pid())
                .into_iter()
                .find(|it| proc::called(*it).is_some_and(|name| name.ends_with("menshen-daemon")))
        })
    }

    /// Sends `signal` to the process that was started here.
    pub fn signal(&self, signal: Signal) {
        proc::send(self.pid(), signal);
    }

    /// Waits until the supervisor has ended, and says how.
    #[track_caller]
    pub fn until_ended(&mut self) -> ExitStatus {
        let child = self.running.as_mut().expect("nothing was started");
        let status = until_some("the supervisor ends", || child.try_wait().expect("it is our child"));
        self.running = None;
        status
    }

    /// Asks it to end by SIGTERM, and waits until it has.
    #[track_caller]
    pub fn stopped(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.until_ended()
    }

    /// Runs `supervisorctl` of the make under test.
    pub fn ctl(&self, words: &[&str]) -> Said {
        self.ctl_of(self.make, words)
    }

    /// Runs `supervisorctl` of a make of choice.
    pub fn ctl_of(&self, make: Make, words: &[&str]) -> Said {
        let mut command = self.command_of(make, "supervisorctl");
        command
            .args(["-c", "supervisord.conf"])
            .args(words)
            .output()
            .expect("cannot run supervisorctl")
            .into()
    }

    /// Calls an XML-RPC method on the socket of the usual head.
    pub fn call(&self, method: &str, parameters: &[&str]) -> Option<String> {
        rpc::call(&self.path("s.sock"), method, parameters)
    }

    /// Asks for a start or a stop, `supervisor.stopProcess`, without waiting for what comes of it.
    pub fn order(&self, method: &str, process: &str) -> Option<String> {
        let values = [format!("<string>{process}</string>"), "<boolean>0</boolean>".to_owned()];
        rpc::call_with(&self.path("s.sock"), method, &values)
    }

    /// One field of what the supervisor says about a process: `statename`, `pid`, `spawnerr`...
    pub fn info(&self, process: &str, field: &str) -> Option<String> {
        let answer = self.call("supervisor.getProcessInfo", &[process])?;
        rpc::structs(&answer).next().and_then(|it| rpc::member(it, field))
    }

    /// The state of a process, by name.
    pub fn state(&self, process: &str) -> String {
        self.info(process, "statename").unwrap_or_default()
    }

    /// The pid of a process; 0 when it has none.
    pub fn pid_of(&self, process: &str) -> i32 {
        self.info(process, "pid").and_then(|it| it.parse().ok()).unwrap_or_default()
    }

    /// Waits until a process is in `state`.
    #[track_caller]
    pub fn until_state(&self, process: &str, state: &str) {
        until(&format!("{process} is {state}"), || self.state(process) == state);
    }

    /// Waits until a process runs under another pid than `old`, and returns the new one.
    #[track_caller]
    pub fn until_reborn(&self, process: &str, old: i32) -> i32 {
        until_some(&format!("{process} runs anew"), || {
            let pid = self.pid_of(process);
            (pid != 0 && pid != old && self.state(process) == "RUNNING").then_some(pid)
        })
    }

    /// Waits until the main log holds `text`.
    #[track_caller]
    pub fn until_logged(&self, text: &str) {
        until(&format!("the main log says `{text}`"), || self.log().contains(text));
    }

    /// Waits until a file of the house holds `text`.
    #[track_caller]
    pub fn until_text(&self, name: &str, text: &str) {
        until(&format!("{name} says `{text}`"), || self.text(name).contains(text));
    }

    /// The folder, for what the other methods have no word for.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
        proc::kill_marked(&self.here());
        if let Some(mut child) = self.running.take() {
            drop(child.wait());
        }
    }
}

impl House {
    /// What a person needs who reads the failure of a test.
    #[expect(clippy::print_stderr, reason = "shown by the test runner when the test has failed")]
    fn tell(&self) {
        for name in ["out", "err", "main.log"] {
            let text = self.text(name);
            let from = text.char_indices().rev().nth(6000).map_or(0, |(at, _)| at);
            eprintln!("--- {:?}: {name}\n{}", self.make, &text[from..]);
        }
    }
}
