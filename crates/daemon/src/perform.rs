//! Effects and what they do to the world. Nothing here can fail towards the machine: what goes wrong
//! becomes an input.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::time::Duration;

use model::child::{Channel, ChildId};
use model::exit::ExitStatus;
use model::level::Level;
use model::name::{FullName, GroupName};
use model::signal::Signal;
use model::spawn::{SetupFailure, SetupStage, SpawnFailure};
use model::spec::{GroupSpec, ProcessSpec};
use model::time::Mono;
use supervisor::effect::Effect;
use supervisor::input::{Departure, Input};
use supervisor::memory::Talk;
use wire::keeper::{Order, Report, Stdio};
use wire::listener::Ear;

use crate::birth;
use crate::exits::Ended;
use crate::keeper_link::Received;
use crate::sockets::{self, Change, Deed};
use crate::state::{Child, Daemon, End};

impl Daemon {
    /// Does what the machine asks for.
    pub(crate) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::GroupOpened(group) => {
                self.open_group_logs(&group);
                self.open_socket(&group);
            }
            Effect::GroupClosed(name) => {
                self.close_group_logs(&name);
                self.close_socket(&name);
                self.figures.exits.retain(|it| it.group != name);
            }
            Effect::ProcessOpened { name, spec } => self.open_logs(&name, &spec),
            Effect::ProcessChanged { name, old, new } => {
                self.change_logs(&name, &old, &new);
                self.keep_change(&name);
            }
            Effect::ProcessClosed(name) => self.close_logs(&name),
            Effect::Adopted { child, name, spec } => self.adopt(child, &name, &spec),
            Effect::Settle { child, adopt } => {
                if !adopt {
                    self.found.remove(&child);
                }
                self.order_soon(&Order::Settle { child: child.0, adopt }, None);
            }
            Effect::Amend { child, spec } => {
                self.order_soon(&Order::Amend { child: child.0, will: birth::will(&spec) }, None);
            }
            Effect::Spawn { child, name, spec } => {
                if let Err(failure) = self.spawn(child, &name, &spec) {
                    self.sockets.release(&name.group, child);
                    self.inbox.push_back(Input::SpawnFailed { child, failure });
                }
            }
            Effect::Signal { child, signal, scope } => {
                let scope = birth::reach(scope);
                self.order_soon(&Order::Signal { child: child.0, signal: signal.number(), scope }, None);
            }
            Effect::Buried { child } => {
                if let Some(about) = self.children.remove(&child) {
                    self.sockets.release(&about.name.group, child);
                    self.figures.processes.remove(&about.name);
                }
                self.inputs.detach(child);
                self.have_forgotten(child);
            }
            Effect::Publish(event) => {
                self.keep_event(&event);
                self.tell_watchers(&event);
            }
            Effect::Send { child, letter } => self.letters.push((child, letter)),
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
        let passed = match self.acquire_socket(name, child)? {
            None if !is_listener => self.share_input(name),
            passed => passed,
        };
        let mut order = birth::order(child, name, spec, &program, &self.inheritance)?;
        if passed.is_some() {
            order.stdin = Stdio::Passed;
        }
        order.cgroup = self.cgroup(child, spec);
        let ear = is_listener.then(Ear::default);
        let about = Child {
            name: name.clone(),
            joined: spec.redirect_stderr,
            has_passed_input: passed.is_some(),
            ear,
            survivors: Vec::new(),
        };
        self.children.insert(child, about);
        self.order_soon(&Order::Spawn(order), passed);
        Ok(())
    }

    fn cgroup(&mut self, child: ChildId, spec: &ProcessSpec) -> Option<Vec<u8>> {
        if !spec.stopastree {
            return None;
        }
        let (group, news) = self.cgroups.of(child);
        if let Some((level, text)) = news {
            self.note(level, &text);
        }
        group.map(|it| it.into_os_string().into_vec())
    }

    /// What a child gets as its descriptor 0 when there are too many for each to have a pipe of its own: they would take
    /// the descriptors that others need for their output, without which they cannot start at all.
    fn share_input(&mut self, name: &FullName) -> Option<OwnedFd> {
        if self.inputs.has_room(self.children.len()) {
            return None;
        }
        // Where even that fails, its start will say what is short.
        let (input, is_first) = self.inputs.shared().ok()?;
        if is_first {
            let text = format!(
                "descriptors are short with {} programs: '{name}' and those that start later share a standard input \
                 to which nothing can be sent; raise RLIMIT_NOFILE, which takes 3 for each program",
                self.children.len()
            );
            self.note(Level::Warn, &text);
        }
        Some(input)
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
        self.sockets.open_group(group, None);
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

    fn close_socket(&mut self, group: &GroupName) {
        self.sockets.close_group(group);
        self.drop_keepsake(&sockets::key(group));
    }

    /// Says what was done to sockets, and has those that are open kept for the next daemon.
    fn tell_of_sockets(&mut self, changes: &[Change]) {
        for change in changes {
            self.note(Level::Info, &change.to_string());
            let key = sockets::key(&change.group);
            match (change.deed, self.sockets.socket(&change.group)) {
                (Deed::Creating, Some(socket)) => {
                    let kept = self.keepsakes.keep(&mut self.link, &key, b"", socket);
                    if let Err(error) = kept {
                        self.note(Level::Error, &format!("cannot have a socket kept: {error}"));
                    }
                }
                (Deed::Creating, None) => {}
                (Deed::Closing, _) => self.drop_keepsake(&key),
            }
        }
    }

    fn drop_keepsake(&mut self, key: &[u8]) {
        if let Err(error) = self.keepsakes.drop(&mut self.link, key) {
            self.lose(&error.to_string());
        }
    }

    /// Takes up a child that was there before this daemon.
    fn adopt(&mut self, child: ChildId, name: &FullName, spec: &ProcessSpec) {
        let pipes = self.found.remove(&child).unwrap_or_default();
        let is_listener = self.supervisor.is_listener(name);
        if let Err(failure) = self.streams.take_over(name, spec, is_listener) {
            // Its output waits in the pipe; reopening the logs tries again.
            self.note(Level::Error, &failure.to_string());
        }
        self.sockets.adopt(&name.group, child);
        let [stdin, stdout, stderr] = pipes;
        let ear = is_listener.then(|| self.supervisor.talk(child).map_or_else(Ear::default, ear_at));
        let (joined, has_passed_input) = (stderr.is_none(), stdin.is_none());
        let about = Child { name: name.clone(), joined, has_passed_input, ear, survivors: Vec::new() };
        self.children.insert(child, about);
        if let Some(pipe) = stdin {
            self.inputs.attach(child, pipe);
        }
        self.streams.adopt(child, name, [stdout, stderr]);
    }

    /// Sends an order at once. A link that fails is the end of this daemon, not of its children.
    fn order(&mut self, order: &Order) {
        if let Err(error) = self.link.send(order) {
            self.lose(&error.to_string());
        }
    }

    /// Sends an order with the others that the machine asks for in the same breath.
    fn order_soon(&mut self, order: &Order, passed: Option<OwnedFd>) {
        if let Err(error) = self.link.send_soon(order, passed) {
            self.lose(&error.to_string());
        }
    }

    /// Has the keeper forget a child whose end is recorded, now or when it is known whether it must.
    fn have_forgotten(&mut self, child: ChildId) {
        if self.is_leaving() {
            self.ends.buried.push(child);
        } else {
            self.order_soon(&Order::Forget { child: child.0 }, None);
        }
    }

    /// Has it forget those whose ends were recorded while everything was being stopped: their slots are for the children of the
    /// next daemon.
    pub(crate) fn have_all_forgotten(&mut self) {
        for child in std::mem::take(&mut self.ends.buried) {
            self.order_soon(&Order::Forget { child: child.0 }, None);
        }
    }

    /// Sends those of them that still wait.
    pub(crate) fn send_orders(&mut self) {
        if let Err(error) = self.link.flush() {
            self.lose(&error.to_string());
        }
    }

    /// Takes what the keeper reports.
    pub(crate) fn hear(&mut self, received: Received) {
        let Received { report, fds } = received;
        os::failpoint::pass("daemon.report");
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
            Report::Exited { child, status, known, at_us, setup, usage } => {
                let child = ChildId(child);
                if self.streams.pump.speaks_among_others(child) {
                    // There it is said to have begun before it says anything.
                    self.settle();
                    self.flush_log();
                }
                // Its last words are in the file before anyone hears of its end.
                while self.streams.pump.drain(child) {
                    self.hear_pump();
                }
                self.take_pump();
                let setup = setup.and_then(|(stage, errno)| {
                    let stage = SetupStage::from_number(stage)?;
                    Some(SetupFailure { stage, errno: os::errno::name(errno) })
                });
                let status = if known { ExitStatus::from_wait(status) } else { ExitStatus::Unknown };
                let at = Mono(Duration::from_micros(at_us));
                self.ends.untold.extend(self.owner(child).map(|owner| Ended { owner, status, usage }));
                let survivors = self.children.get_mut(&child).map(|it| std::mem::take(&mut it.survivors));
                let survivors = survivors.unwrap_or_default();
                self.feed_soon(Input::Exited { child, status, at, setup, survivors });
            }
            Report::SignalFailed { child, signal, errno } => self.feed(Input::SignalFailed {
                child: ChildId(child),
                signal: Signal::from_raw(signal),
                gone: errno == os::errno::ESRCH,
                reason: format!("[Errno {errno}] {}", os::errno::text(errno)),
            }),
            Report::Asked { signal } => self.asked(Signal::from_raw(signal)),
            Report::Ping { serial } => self.order(&Order::Pong { serial }),
            // Its end follows.
            Report::Survivors { child, pids } => {
                if let Some(about) = self.children.get_mut(&ChildId(child)) {
                    about.survivors = pids;
                }
            }
            // Answers to what only a beginning asks.
            Report::Welcome { .. } | Report::Kept { .. } | Report::Listed(_) | Report::ListEnd { .. } => {}
            Report::Upgraded => self.upgraded(),
            Report::UpgradeFailed { errno } => self.upgrade_failed(errno),
        }
    }

    /// A child exists: its pipes come in the order stdin, stdout, stderr.
    fn born(&mut self, child: ChildId, pid: u32, fds: Vec<OwnedFd>) {
        if let Some(about) = self.children.get(&child) {
            let mut fds = fds.into_iter();
            if !about.has_passed_input
                && let Some(pipe) = fds.next()
            {
                self.inputs.attach(child, pipe);
            }
            let channels = [Channel::Stdout, Channel::Stderr];
            let count = if about.joined { 1 } else { 2 };
            let pipes = channels.into_iter().take(count).zip(fds).collect();
            self.streams.attach(child, &about.name, pipes);
        }
        self.feed_soon(Input::Spawned { child, pid });
    }

    /// A signal has reached the keeper (`supervisord.py`, `handle_signal`).
    fn asked(&mut self, signal: Signal) {
        self.settle();
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

/// An ear for what a listener will say next, given where the conversation stands.
fn ear_at(talk: Talk) -> Ear {
    match talk {
        Talk::Acknowledged => Ear::default(),
        Talk::Ready | Talk::Deaf | Talk::Busy => Ear::for_an_answer(),
        Talk::Unknown => Ear::for_nothing(),
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
