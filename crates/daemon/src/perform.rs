//! Effects and what they do to the world. Nothing here can fail towards the machine: what goes wrong
//! becomes an input.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use model::child::{Channel, ChildId};
use model::exit::ExitStatus;
use model::level::Level;
use model::name::FullName;
use model::signal::Signal;
use model::spawn::{SetupFailure, SetupStage, SpawnFailure};
use model::spec::{GroupSpec, ProcessSpec};
use supervisor::effect::{Effect, Scope};
use supervisor::input::{Departure, Input};
use wire::keeper::{Order, Report, Stdio};
use wire::listener::Ear;

use crate::birth;
use crate::keeper_link::Received;
use crate::sockets::Change;
use crate::state::{Child, Daemon, End};

impl Daemon {
    /// Does what the machine asks for.
    pub(crate) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::GroupOpened(group) => {
                for trouble in self.streams.open_group(&group) {
                    self.note(Level::Error, &trouble);
                }
                self.open_socket(&group);
            }
            Effect::GroupClosed(name) => {
                self.streams.close_group(&name);
                self.sockets.close_group(&name);
            }
            Effect::ProcessOpened { name, spec } => {
                for trouble in self.streams.open_process(&name, &spec) {
                    self.note(Level::Error, &trouble);
                }
            }
            Effect::ProcessChanged { name, old, new } => {
                let is_listener = self.supervisor.is_listener(&name);
                for trouble in self.streams.change_process(&name, &old, &new, is_listener) {
                    self.note(Level::Error, &trouble);
                }
            }
            Effect::ProcessClosed(name) => self.streams.close_process(&name),
            Effect::Spawn { child, name, spec } => {
                if let Err(failure) = self.spawn(child, &name, &spec) {
                    self.sockets.release(&name.group, child);
                    self.inbox.push_back(Input::SpawnFailed { child, failure });
                }
            }
            Effect::Signal { child, signal, scope } => {
                let scope = match scope {
                    Scope::Process => wire::keeper::Scope::Process,
                    Scope::Group => wire::keeper::Scope::Group,
                };
                self.order(&Order::Signal { child: child.0, signal: signal.number(), scope });
            }
            Effect::Buried { child } => {
                if let Some(about) = self.children.remove(&child) {
                    self.sockets.release(&about.name.group, child);
                    self.figures.processes.remove(&about.name);
                }
                self.inputs.detach(child);
                self.order(&Order::Forget { child: child.0 });
            }
            Effect::Publish(event) => self.tell_watchers(&event),
            // Only a daemon that takes the place of another has children it has not made.
            Effect::Adopted { .. } | Effect::Settle { .. } | Effect::Amend { .. } => {}
            Effect::Send { child, letter } => self.post(child, &letter),
            Effect::Note(note) => {
                if self.log.borrow().enabled(note.level()) {
                    self.note(note.level(), &note.to_string());
                }
            }
            Effect::Answer { id, answer } => self.answers.push_back((id, answer)),
            Effect::Quit(departure) => self.end = Some(End::Departed(departure)),
        }
    }

    /// Orders a child, with its logs open before it can write a byte.
    fn spawn(&mut self, child: ChildId, name: &FullName, spec: &ProcessSpec) -> Result<(), SpawnFailure> {
        let program = birth::program(spec, &self.inheritance)?;
        let is_listener = self.supervisor.is_listener(name);
        self.streams.prepare(name, spec, is_listener)?;
        let socket = self.acquire_socket(name, child)?;
        let mut order = birth::order(child, name, spec, &program, &self.inheritance)?;
        if socket.is_some() {
            order.stdin = Stdio::Passed;
        }
        let ear = is_listener.then(Ear::default);
        let about =
            Child { name: name.clone(), joined: spec.redirect_stderr, has_socket: socket.is_some(), ear };
        self.children.insert(child, about);
        if let Err(error) = self.link.send_with(&Order::Spawn(order), socket) {
            self.lose(&error.to_string());
        }
        Ok(())
    }

    /// The socket a child of a FastCGI group gets as its descriptor 0.
    fn acquire_socket(&mut self, name: &FullName, child: ChildId) -> Result<Option<OwnedFd>, SpawnFailure> {
        let mut changes = Vec::new();
        let socket = self.sockets.acquire(&name.group, child, &mut changes);
        self.tell_of_sockets(&changes);
        socket.map_err(SpawnFailure::Socket)
    }

    /// A group has become active: whether its socket can be made is told now.
    fn open_socket(&mut self, group: &Arc<GroupSpec>) {
        self.sockets.open_group(group);
        let mut changes = Vec::new();
        let tried = self.sockets.try_out(&group.name, &mut changes);
        self.tell_of_sockets(&changes);
        if let Err(reason) = tried {
            self.note(Level::Error, &reason);
        }
    }

    /// Closes the sockets of groups of which nothing runs any more.
    pub(crate) fn close_unused_sockets(&mut self) {
        let mut changes = Vec::new();
        self.sockets.close_unused(&mut changes);
        self.tell_of_sockets(&changes);
    }

    fn tell_of_sockets(&mut self, changes: &[Change]) {
        for change in changes {
            self.note(Level::Info, &change.to_string());
        }
    }

    /// Sends an order. A link that fails is the end of this daemon, not of its children.
    fn order(&mut self, order: &Order) {
        if let Err(error) = self.link.send(order) {
            self.lose(&error.to_string());
        }
    }

    /// Takes what the keeper reports.
    pub(crate) fn hear(&mut self, received: Received) {
        let Received { report, fds } = received;
        match report {
            Report::Spawned { child, pid } => self.born(ChildId(child), pid, fds),
            Report::SpawnFailed { child, errno, .. } => {
                let child = ChildId(child);
                let about = self.children.remove(&child);
                if let Some(about) = &about {
                    self.sockets.release(&about.name.group, child);
                }
                let process = about.map(|it| it.name.process.as_str().to_owned());
                let failure = refusal(process.unwrap_or_default(), errno);
                self.feed(Input::SpawnFailed { child, failure });
            }
            Report::Exited { child, status, setup, .. } => {
                let child = ChildId(child);
                // Its last words are in the file before anyone hears of its end.
                self.streams.pump.drain(child);
                self.hear_pump();
                let setup = setup.and_then(|(stage, errno)| {
                    let stage = SetupStage::from_number(stage)?;
                    Some(SetupFailure { stage, errno: os::errno::name(errno) })
                });
                self.feed(Input::Exited {
                    child,
                    status: ExitStatus::from_wait(status),
                    at: os::clock::mono(),
                    setup,
                });
            }
            Report::SignalFailed { child, signal, errno } => self.feed(Input::SignalFailed {
                child: ChildId(child),
                signal: Signal::from_raw(signal),
                gone: errno == os::errno::ESRCH,
                reason: format!("[Errno {errno}] {}", os::errno::text(errno)),
            }),
            Report::Asked { signal } => self.asked(Signal::from_raw(signal)),
            Report::Welcome { version, .. } => self.check_version(version),
            Report::Ping { serial } => self.order(&Order::Pong { serial }),
            Report::Survivors { child, pids } => self.survived(ChildId(child), &pids),
            Report::Kept { .. }
            | Report::Listed(_)
            | Report::ListEnd { .. }
            | Report::Upgraded
            | Report::UpgradeFailed { .. } => {}
        }
    }

    /// The keeper has said which version it speaks; it outlives upgrades, so it may be the older.
    fn check_version(&mut self, theirs: u16) {
        let ours = wire::keeper::VERSION;
        if !wire::keeper::is_understood(theirs) {
            self.lose(&format!("the keeper speaks version {theirs} of its protocol, this daemon {ours}"));
        }
    }

    /// Some of those that were to be stopped with a child are still there.
    fn survived(&mut self, child: ChildId, pids: &[u32]) {
        let name = self.children.get(&child).map_or_else(|| child.0.to_string(), |it| it.name.to_string());
        let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
        let text = format!("{name} has ended, but these of its processes are not: {}", pids.join(", "));
        self.note(Level::Error, &text);
    }

    /// A child exists: its pipes come in the order stdin, stdout, stderr.
    fn born(&mut self, child: ChildId, pid: u32, fds: Vec<OwnedFd>) {
        if let Some(about) = self.children.get(&child) {
            let mut fds = fds.into_iter();
            if !about.has_socket
                && let Some(pipe) = fds.next()
            {
                self.inputs.attach(child, pipe);
            }
            let channels = [Channel::Stdout, Channel::Stderr];
            let count = if about.joined { 1 } else { 2 };
            let pipes = channels.into_iter().take(count).zip(fds).collect();
            self.streams.attach(child, &about.name, pipes);
        }
        self.feed(Input::Spawned { child, pid });
    }

    /// A signal has reached the keeper (`supervisord.py`, `handle_signal`).
    fn asked(&mut self, signal: Signal) {
        match signal {
            Signal::TERM | Signal::INT | Signal::QUIT => {
                self.note(Level::Warn, &format!("received {signal} indicating exit request"));
                self.feed(Input::Leave(Departure::Shutdown));
            }
            Signal::HUP => self.asked_to_restart(),
            Signal::USR2 => {
                self.note(Level::Info, &format!("received {signal} indicating log reopen request"));
                self.reopen_logs();
            }
            other => self.note(Level::Blather, &format!("received {other} indicating nothing")),
        }
    }

    fn asked_to_restart(&mut self) {
        if self.is_leaving() {
            let text = "ignored SIGHUP indicating restart request (shutdown in progress)";
            return self.note(Level::Warn, text);
        }
        self.note(Level::Warn, "received SIGHUP indicating restart request");
        match self.check_restart() {
            Ok(()) => self.feed(Input::Leave(Departure::Restart)),
            Err(message) => {
                let text = format!("not restarted, because the configuration has an error: {message}");
                self.note(Level::Error, &text);
            }
        }
    }
}

/// Why the keeper could not make a child, in the original's words (`process.py`, `spawn`).
fn refusal(process: String, errno: i32) -> SpawnFailure {
    match errno {
        os::errno::EMFILE => SpawnFailure::TooManyFiles(process),
        os::errno::EAGAIN => SpawnFailure::TooManyProcesses(process),
        other => SpawnFailure::Forking { process, reason: os::errno::name(other) },
    }
}
