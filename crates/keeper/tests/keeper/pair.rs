//! A pair whose daemon is the test.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::{ChildStderr, Command, Stdio as Std};
use std::time::{Duration, Instant};

use os::poll::{Interest, Poller};
use os::socket::{Packet, SeqPacket};
use wire::keeper::{
    Enclosed, Frames, Listed, Order, PACKET_BYTES_MAX, Report, Scope, SpawnOrder, Stdio, VERSION, Will,
};

/// Far beyond what a loaded machine needs: reached only by a failing test.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

pub(crate) struct Pair {
    pub(crate) keeper: std::process::Child,
    pub(crate) daemon: u32,
    /// What tells the daemon's process what to do.
    told: SeqPacket,
    link: Option<SeqPacket>,
    /// What of the last packet is still to be read.
    heard: Frames,
    /// Whether questions for attention are answered without a word to the test.
    answers: bool,
    sequence: u32,
    _room: tempfile::TempDir,
}

/// How the keeper ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

/// A child that was made.
pub(crate) struct Born {
    pub(crate) pid: u32,
    pub(crate) fds: Vec<OwnedFd>,
}

impl Pair {
    /// A pair whose daemon has said nothing yet. What the keeper tells its launcher goes to its
    /// standard output.
    pub(crate) fn silent() -> Self {
        Self::launched_after("true")
    }

    /// A pair whose daemon is up, launched by a shell that has run `script`.
    pub(crate) fn new_after(script: &str) -> Self {
        let mut pair = Self::launched_after(script);
        pair.get_ready();
        pair
    }

    /// A pair whose daemon is up, and would be started again.
    pub(crate) fn outliving() -> Self {
        let mut pair = Self::with("true", &["--outlive"]);
        pair.get_ready();
        pair
    }

    fn launched_after(script: &str) -> Self {
        Self::with(script, &[])
    }

    /// A keeper with more words.
    pub(crate) fn with(script: &str, words: &[&str]) -> Self {
        let room = tempfile::tempdir().unwrap();
        let name = room.path().join("menshen-keeper");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_keeper-pair"), &name).unwrap();
        let (told, theirs) = SeqPacket::pair().unwrap();
        let keeper = Command::new("/bin/sh")
            .args(["-c", &format!(r#"{script}; exec "$0" "$@" 9>&1"#)])
            .arg(&name)
            .args(["--launch-fd", "9"])
            .args(words)
            .args(["--", "menshen-daemon", "argument"])
            .env("FROM_THE_LAUNCHER", "yes")
            .stdin(OwnedFd::from(theirs))
            .stdout(Std::piped())
            .stderr(Std::piped())
            .spawn()
            .unwrap();
        let heard = Frames::default();
        let mut pair =
            Self { keeper, daemon: 0, told, link: None, heard, answers: true, sequence: 0, _room: room };
        pair.meet_daemon();
        pair
    }

    /// A pair whose daemon is up.
    pub(crate) fn new() -> Self {
        Self::new_after("true")
    }

    fn get_ready(&mut self) {
        self.hello();
        self.order(&Order::Ready { detach: false });
        assert_eq!(self.launched(), 0);
    }

    /// Waits for the daemon and takes over its link.
    pub(crate) fn meet_daemon(&mut self) {
        let mut packet = next(&self.told);
        self.daemon = u32::from_le_bytes(packet.bytes.try_into().unwrap());
        self.link = Some(SeqPacket::from_fd(packet.fds.pop().unwrap()));
        self.heard = Frames::default();
    }

    /// Greets the keeper, and returns the number of children it has.
    pub(crate) fn hello(&mut self) -> u32 {
        self.order(&Order::Hello { oldest: VERSION, newest: VERSION });
        let report = self.hear();
        let Report::Welcome { version, keeper_pid, boot_id, children, files: [false, false] } = report else {
            panic!("{report:?}");
        };
        assert_eq!((version, keeper_pid), (VERSION, self.keeper.id()));
        assert_ne!(boot_id, [0; 16]);
        children
    }

    /// The same where the keeper's pid is not that of the process the test has started.
    pub(crate) fn greet(&mut self) {
        self.order(&Order::Hello { oldest: VERSION, newest: VERSION });
        assert!(matches!(self.hear(), Report::Welcome { .. }));
    }

    pub(crate) fn link(&self) -> &SeqPacket {
        self.link.as_ref().unwrap()
    }

    /// Lets go of the link, which the daemon still holds.
    pub(crate) fn drop_link(&mut self) {
        self.link = None;
    }

    pub(crate) fn order(&mut self, order: &Order) {
        self.order_with(order, &[]);
    }

    pub(crate) fn order_with(&mut self, order: &Order, fds: &[BorrowedFd<'_>]) {
        self.sequence += 1;
        let frame = wire::keeper::encode_order(order, self.sequence);
        if frame.len() <= PACKET_BYTES_MAX {
            return self.link().send(&frame, fds).unwrap();
        }
        let Order::Spawn(SpawnOrder { child, .. }) = order else { panic!("{order:?}") };
        let packet =
            wire::keeper::encode_enclosed(Enclosed { child: *child, bytes: frame.len() }, self.sequence);
        let file = os::fd::sealed(c"order", &frame).unwrap();
        let fds: Vec<_> = std::iter::once(file.as_fd()).chain(fds.iter().copied()).collect();
        self.link().send(&packet, &fds).unwrap();
    }

    pub(crate) fn hear_with_fds(&mut self) -> (Report, Vec<OwnedFd>) {
        loop {
            let mut fds = Vec::new();
            if self.heard.is_empty() {
                let packet = next(self.link());
                assert!(!packet.truncated);
                assert!(!packet.bytes.is_empty(), "the keeper is gone: {}", self.complaint());
                (self.heard, fds) = (Frames::of(packet.bytes), packet.fds);
            }
            let report = wire::keeper::decode_report(self.heard.next_frame().unwrap()).unwrap();
            let Report::Ping { serial } = report else { return (report, fds) };
            if !self.answers {
                return (report, fds);
            }
            self.order(&Order::Pong { serial });
        }
    }

    /// From here on, the test is asked for its attention.
    pub(crate) fn answer_no_more(&mut self) {
        self.answers = false;
    }

    /// Makes the keeper ask for attention, which is not given; returns the number of the question.
    pub(crate) fn pinged(&mut self) -> u64 {
        self.answer_no_more();
        self.order(&Order::Signal { child: u64::MAX, signal: 0, scope: Scope::Process });
        let (mut serial, mut is_answered) = (None, false);
        loop {
            let report = self.hear();
            if let Report::Ping { serial: asked } = report {
                serial = Some(asked);
            } else {
                assert!(matches!(report, Report::SignalFailed { child: u64::MAX, .. }), "{report:?}");
                is_answered = true;
            }
            if let (Some(serial), true) = (serial, is_answered) {
                return serial;
            }
        }
    }

    /// Waits until the keeper has nothing to do.
    pub(crate) fn until_asleep(&self) {
        until_state(self.keeper.id(), "S");
    }

    /// Kills the daemon as the kernel would for want of memory.
    pub(crate) fn kill_daemon(&mut self) {
        os::signals::send(self.daemon, 9).unwrap();
        self.link = None;
    }

    /// Waits until the keeper has said something.
    pub(crate) fn until_stderr_has(&mut self, words: &str) {
        let stderr = self.keeper.stderr.take().unwrap();
        let file = File::from(OwnedFd::from(stderr));
        os::fd::set_nonblocking(&file).unwrap();
        read_until(&file, |it| it.contains(words));
        self.keeper.stderr = Some(ChildStderr::from(OwnedFd::from(file)));
    }

    pub(crate) fn hear(&mut self) -> Report {
        let (report, fds) = self.hear_with_fds();
        assert!(fds.is_empty());
        report
    }

    /// Orders a child that is made.
    pub(crate) fn spawn(&mut self, order: SpawnOrder) -> Born {
        let id = order.child;
        self.order(&Order::Spawn(order));
        self.born(id)
    }

    pub(crate) fn born(&mut self, id: u64) -> Born {
        match self.hear_with_fds() {
            (Report::Spawned { child, pid }, fds) if child == id => Born { pid, fds },
            other => panic!("{other:?}"),
        }
    }

    /// A child that is listed, and its pipes.
    pub(crate) fn listed(&mut self) -> (Listed, Vec<OwnedFd>) {
        match self.hear_with_fds() {
            (Report::Listed(listed), fds) => (listed, fds),
            other => panic!("{other:?}"),
        }
    }

    /// The end of a child, and why it never became its program.
    pub(crate) fn end(&mut self, id: u64) -> (i32, Option<(u8, i32)>) {
        let report = self.hear();
        let Report::Exited { child, status, setup, .. } = report else { panic!("{report:?}") };
        assert_eq!(child, id);
        (status, setup)
    }

    /// Runs a child to its end and returns its status and what it has written.
    pub(crate) fn run(&mut self, order: SpawnOrder) -> (i32, String) {
        let child = order.child;
        let born = self.spawn(order);
        let said = said(born.fds);
        let (status, _) = self.end(child);
        self.order(&Order::Forget { child });
        (status, said)
    }

    /// Waits for the answer to an order that comes after all others.
    pub(crate) fn turn(&mut self) {
        self.order(&Order::Signal { child: u64::MAX, signal: 0, scope: Scope::Process });
        assert!(matches!(self.hear(), Report::SignalFailed { child: u64::MAX, signal: 0, .. }));
    }

    /// Waits until something is so, letting the keeper take turns.
    pub(crate) fn until(&mut self, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < LIMIT, "it never is");
            self.turn();
        }
    }

    /// Makes the daemon exit.
    pub(crate) fn daemon_exits(&self, code: u8) {
        self.told.send(&[b'e', code], &[]).unwrap();
    }

    /// Makes the daemon close its link.
    pub(crate) fn daemon_closes_its_link(&self) {
        self.told.send(b"close", &[]).unwrap();
    }

    /// What the keeper tells its launcher.
    pub(crate) fn launched(&mut self) -> u8 {
        let mut status = [0];
        self.keeper.stdout.as_mut().unwrap().read_exact(&mut status).unwrap();
        status[0]
    }

    pub(crate) fn proc(&self, name: &str) -> std::path::PathBuf {
        format!("/proc/{}/{name}", self.keeper.id()).into()
    }

    pub(crate) fn open_descriptors(&self) -> usize {
        std::fs::read_dir(self.proc("fd")).unwrap().count()
    }

    /// Waits for the end of the keeper.
    pub(crate) fn ended(mut self) -> Ended {
        let stderr = self.complaint();
        Ended { code: self.keeper.wait().unwrap().code(), stderr }
    }

    fn complaint(&mut self) -> String {
        let stderr = File::from(OwnedFd::from(self.keeper.stderr.take().unwrap()));
        os::fd::set_nonblocking(&stderr).unwrap();
        read_until(&stderr, |_| false)
    }
}

impl Drop for Pair {
    /// Leaves nothing behind, children of a failed test included: they do not end with their pipes.
    fn drop(&mut self) {
        if let Ok(None) = self.keeper.try_wait() {
            if let Some(link) = &self.link {
                let _ = link.send(&wire::keeper::encode_order(&Order::Leave { grace_ms: 0 }, 0), &[]);
            }
            // One that starts its daemon again does not when it is to end.
            let _ = os::signals::send(self.keeper.id(), os::signals::TERM);
            let _ = self.told.send(&[b'e', 0], &[]);
            if let Some(stderr) = &self.keeper.stderr {
                await_end(stderr);
            }
        }
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// The same file at a number that a keeper can inherit: 9 is that of its launcher.
pub(crate) fn inheritable(fd: OwnedFd) -> OwnedFd {
    let fd = if fd.as_raw_fd() == 9 { os::fd::duplicate(&fd).unwrap() } else { fd };
    os::fd::set_cloexec(&fd, false).unwrap();
    fd
}

/// Waits until all who could write to this are gone, but not for ever.
fn await_end(pipe: &ChildStderr) {
    let (poller, mut ready) = (Poller::new().unwrap(), Vec::new());
    poller.add(pipe, 0, Interest::Nothing).unwrap();
    poller.wait(&mut ready, Some(LIMIT)).unwrap();
}

/// The next packet, waited for.
fn next(socket: &SeqPacket) -> Packet {
    let poller = Poller::new().unwrap();
    poller.add(socket, 0, Interest::Read).unwrap();
    let mut ready = Vec::new();
    let start = Instant::now();
    loop {
        match socket.receive() {
            Ok(packet) => return packet,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
        assert!(start.elapsed() < LIMIT, "nothing comes");
        poller.wait(&mut ready, Some(LIMIT)).unwrap();
    }
}

/// Everything that comes out of the pipes of a child, which are its outputs, until they end.
pub(crate) fn said(fds: Vec<OwnedFd>) -> String {
    fds.into_iter().map(read_to_end).collect()
}

pub(crate) fn read_to_end(fd: OwnedFd) -> String {
    read_until(&File::from(fd), |_| false)
}

/// Reads until what was read is enough, or ends.
pub(crate) fn read_until(mut file: &File, enough: impl Fn(&str) -> bool) -> String {
    let poller = Poller::new().unwrap();
    poller.add(file, 0, Interest::Read).unwrap();
    let (mut all, mut ready, start) = (String::new(), Vec::new(), Instant::now());
    while !enough(&all) {
        let mut room = [0; 4096];
        match file.read(&mut room) {
            Ok(0) => break,
            Ok(count) => all.push_str(std::str::from_utf8(&room[..count]).unwrap()),
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "our ends never block");
                assert!(start.elapsed() < LIMIT, "it never ends: {all}");
                poller.wait(&mut ready, Some(LIMIT)).unwrap();
            }
        }
    }
    all
}

/// An order for a child that reads nothing and writes both its streams to one pipe.
pub(crate) fn order(child: u64, words: &[&str]) -> SpawnOrder {
    let bytes = |it: &&str| it.as_bytes().to_vec();
    SpawnOrder {
        child,
        slot: format!("a:{child}").into_bytes(),
        memo: b"memo".to_vec(),
        path: bytes(&words[0]),
        argv: words.iter().map(bytes).collect(),
        env: vec![b"PATH=/usr/bin:/bin".to_vec()],
        directory: None,
        umask: None,
        identity: None,
        nofile: None,
        stdin: Stdio::Null,
        stdout: Stdio::Pipe,
        stderr: Stdio::SameAsStdout,
        will: Will {
            signal: 15,
            wait_ms: 30_000,
            stop_scope: Scope::Process,
            kill_scope: Scope::Process,
            priority: 999,
        },
        cgroup: None,
    }
}

pub(crate) fn shell(child: u64, script: &str) -> SpawnOrder {
    order(child, &["/bin/sh", "-c", script])
}

pub(crate) fn is_there(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

/// Waits until the kernel shows a process in this state: `S` asleep, `T` stopped, `Z` dead.
pub(crate) fn until_state(pid: u32, state: &str) {
    let begun = Instant::now();
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    while stat().split_whitespace().nth(2) != Some(state) {
        assert!(begun.elapsed() < LIMIT, "{}", stat());
        std::thread::yield_now();
    }
}
