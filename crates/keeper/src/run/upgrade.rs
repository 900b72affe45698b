//! Becoming another program in place, with all that is held, and becoming the old one again when that was a mistake.
//!
//! The new program is tried first, as a child that reads a handover and leaves: one that is broken, or made for
//! another machine, is found out while nothing depends on it. Then it is executed. Until a daemon of its own has
//! lived for a while, the old one is held open, and every unplanned death of the daemon leads back to it.

use std::convert::Infallible;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use os::errno::{EBUSY, EINVAL};
use os::signals;
use os::spawn::{Files, Note, Plan};
use wire::keeper::Report;
use wire::keeper::handover::{self, Handover, LivingDaemon};

use super::daemon::Wish;
use super::{Keeper, now};
use crate::birth::Held;
use crate::launch::PROBED;
use crate::table::Child;
use crate::voice::{cry, exit_status, say};

/// How long a program may take to show that it can read a handover.
const PROBE_WAIT: Duration = Duration::from_secs(10);

/// How long a daemon of the new program must have been up before there is no way back.
const PROOF: Duration = Duration::from_secs(10);

/// A program that is to take our place.
#[derive(Debug)]
pub(super) struct Candidate {
    file: OwnedFd,
    path: Vec<u8>,
    /// The child that tries it; `None` once it has proved good.
    probe: Option<Probe>,
}

#[derive(Debug)]
struct Probe {
    pid: u32,
    note: Note,
    kill_at: Duration,
}

/// Descriptors that stay open across an exec.
type Staying<'a> = Vec<BorrowedFd<'a>>;

impl Keeper {
    /// Begins to become another program.
    pub(super) fn upgrade(&mut self, file: Option<OwnedFd>, path: Vec<u8>) {
        os::failpoint::pass("keeper.upgrade");
        let is_busy = self.leaving.is_some() || self.wish != Wish::GoOn || self.candidate.is_some();
        let begun = match file {
            _ if is_busy => Err(io::Error::from_raw_os_error(EBUSY)),
            None => Err(io::Error::from_raw_os_error(EINVAL)),
            Some(file) => self.probe(&file).map(|probe| Candidate { file, path, probe: Some(probe) }),
        };
        match begun {
            Ok(candidate) => self.candidate = Some(candidate),
            Err(error) => self.upgrade_failed(&error),
        }
    }

    fn upgrade_failed(&mut self, error: &io::Error) {
        say(&format!("cannot become the new program: {error}"));
        self.report(Report::UpgradeFailed { errno: error.raw_os_error().unwrap_or(0) });
    }

    /// Has a child try whether the program can read what we would leave to it.
    fn probe(&mut self, program: &OwnedFd) -> io::Result<Probe> {
        let (handover, _) = self.handover(&[], None);
        let file = os::fd::sealed(c"handover", &handover::encode(&handover))?;
        let null = os::fd::null()?;
        let argv = ["menshen-keeper", "--probe", "--handover-fd", "3"];
        let plan = Plan {
            // Of its own descriptors the child has closed this one by then.
            path: CString::new(format!("/proc/{}/fd/{}", os::process::own_pid(), program.as_raw_fd()))?,
            argv: argv.into_iter().map(CString::new).collect::<Result<_, _>>()?,
            env: self.launch.env.clone(),
            directory: None,
            umask: None,
            identity: None,
            nofile: None,
            cgroup: None,
        };
        let stderr = io::stderr();
        let files = Files {
            stdin: null.as_fd(),
            stdout: null.as_fd(),
            stderr: stderr.as_fd(),
            link: Some(file.as_fd()),
        };
        let born = self.spawner.spawn(plan, &files)?;
        Ok(Probe { pid: born.pid, note: born.note, kill_at: now().saturating_add(PROBE_WAIT) })
    }

    /// A child has ended that is neither the daemon nor in the table. It may be the one that tries a program.
    pub(super) fn probe_ended(&mut self, pid: u32, status: i32) {
        let probe = self.candidate.as_mut().and_then(|it| it.probe.take_if(|it| it.pid == pid));
        let Some(probe) = probe else {
            return;
        };
        os::failpoint::pass("keeper.probed");
        if let Some(failure) = self.spawner.read(probe.note) {
            self.candidate = None;
            self.upgrade_failed(&io::Error::from_raw_os_error(failure.errno));
        } else if exit_status(status) != PROBED {
            self.candidate = None;
            self.upgrade_failed(&io::Error::other("it cannot read what would be left to it"));
        }
    }

    pub(super) fn upgrade_deadline(&self) -> Option<Duration> {
        let probe = self.candidate.as_ref().and_then(|it| it.probe.as_ref()).map(|it| it.kill_at);
        probe.into_iter().chain(self.proved_at).min()
    }

    /// Does what is due.
    pub(super) fn press_upgrade(&mut self, now: Duration) {
        if self.proved_at.is_some_and(|at| at <= now) {
            self.proved_at = None;
            self.old = None;
        }
        let Some(candidate) = &mut self.candidate else {
            return;
        };
        if let Some(probe) = &mut candidate.probe {
            if probe.kill_at <= now {
                probe.kill_at = Duration::MAX;
                let _ = signals::send(probe.pid, signals::KILL);
            }
        } else if self.can_exec() {
            self.become_candidate();
        }
    }

    /// Whether all that is not handed over is done.
    fn can_exec(&self) -> bool {
        !self.link.as_ref().is_some_and(crate::link::Link::is_waiting)
            && self.leaving.is_none()
            && self.wish == Wish::GoOn
            && !self.holdings.table.iter().any(|(_, it)| it.is_lingering())
    }

    /// Tells what came of the upgrade that has brought us here.
    pub(super) fn tell_of_upgrade(&mut self) {
        if self.launch.back || self.launch.new {
            os::failpoint::pass("keeper.became");
        }
        if std::mem::take(&mut self.launch.back) {
            self.report(Report::UpgradeFailed { errno: 0 });
        } else if std::mem::take(&mut self.launch.new) {
            self.report(Report::Upgraded);
        }
    }

    /// A daemon is up. If it is that of a new program, this is the beginning of its proof.
    pub(super) fn begin_proof(&mut self) {
        if self.old.is_some() {
            self.proved_at = now().checked_add(PROOF);
        }
    }

    fn become_candidate(&mut self) {
        let Some(candidate) = self.candidate.take() else {
            return;
        };
        let become_it = || -> io::Result<Infallible> {
            let old = os::process::own_file()?;
            let (handover, mut staying) = self.handover(&candidate.path, Some(&old));
            staying.push(old.as_fd());
            os::failpoint::pass("keeper.become");
            let words = ["--old-fd".to_owned(), old.as_raw_fd().to_string()];
            self.exec(&candidate.file, &words, &handover, &staying)
        };
        match become_it() {
            Ok(never) => match never {},
            Err(error) => self.upgrade_failed(&error),
        }
    }

    /// The new program has failed: becomes the old one again. Returns when there is none, or it cannot be done.
    pub(super) fn go_back(&mut self, reason: &str) {
        self.proved_at = None;
        let Some(old) = self.old.take() else {
            return;
        };
        cry(&format!("{reason}, soon after an upgrade; going back to the old program"));
        let (handover, staying) = self.handover(&[], None);
        match self.exec(&old, &["--back".to_owned()], &handover, &staying) {
            Ok(never) => match never {},
            Err(error) => say(&format!("cannot go back to the old program: {error}")),
        }
    }

    /// Executes a program that takes over. Returns only on failure, with everything as it was.
    fn exec(
        &self,
        program: &OwnedFd,
        words: &[String],
        handover: &Handover,
        staying: &[BorrowedFd<'_>],
    ) -> io::Result<Infallible> {
        let file = os::fd::sealed(c"handover", &handover::encode(handover))?;
        let number = file.as_raw_fd().to_string();
        let mut argv = vec![c"menshen-keeper".into()];
        if self.launch.outlive {
            argv.push(c"--outlive".into());
        }
        if self.launch.kill_orphans {
            argv.push(c"--kill-orphans".into());
        }
        for word in words.iter().map(String::as_str).chain(["--handover-fd", &number]) {
            argv.push(CString::new(word)?);
        }
        let all = || staying.iter().copied().chain([file.as_fd()]);
        let opened = all().try_for_each(|it| os::fd::set_cloexec(it, false));
        let error = match opened.and_then(|()| os::process::exec_file(program.as_raw_fd(), &argv)) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        for fd in all() {
            // Cannot fail: it is open.
            let _ = os::fd::set_cloexec(fd, true);
        }
        Err(error)
    }

    /// All that is left to the next keeper, and the descriptors it names.
    fn handover(&self, program: &[u8], old: Option<&OwnedFd>) -> (Handover, Staying<'_>) {
        let mut staying: Staying<'_> = Vec::new();
        let number = |fd: Option<BorrowedFd<'_>>| fd.map(|it| it.as_raw_fd());
        let words = |all: &[CString]| all.iter().map(|it| it.to_bytes().to_vec()).collect();
        let [lock, journal] = crate::link::Holder::house(&self.holdings);
        staying.extend([lock, journal].into_iter().flatten());
        let daemon = self.daemon.as_ref().zip(self.link.as_ref()).map(|(daemon, link)| {
            staying.push(link.as_fd());
            LivingDaemon { pid: daemon.pid, link: link.as_fd().as_raw_fd(), ready: daemon.ready }
        });
        let kept = self.holdings.store.iter().map(|(key, it)| {
            let file = it.file.as_ref().map(AsFd::as_fd);
            staying.extend(file);
            handover::Kept { key: key.to_vec(), bytes: it.bytes.clone(), file: number(file) }
        });
        let kept = kept.collect();
        let children = self.holdings.table.iter().map(|(id, it)| {
            let process = it.held.process.as_ref().map(AsFd::as_fd);
            staying.extend(it.held.ends().into_iter().flatten().chain(process));
            of_child(id, it)
        });
        let children = children.collect();
        let handover = Handover {
            boot_id: self.boot_id,
            program: program.to_vec(),
            daemon_argv: words(&self.launch.daemon_argv),
            env: words(&self.launch.env),
            nofile: Some(self.nofile),
            ready: self.was_up,
            journal: number(journal),
            lock: number(lock),
            daemon,
            old: old.map(AsRawFd::as_raw_fd),
            kept,
            children,
        };
        (handover, staying)
    }
}

fn of_child(id: u64, child: &Child<Held>) -> handover::Child {
    handover::Child {
        child: id,
        slot: child.slot.clone(),
        memo: child.memo.clone(),
        will: child.will,
        pid: child.pid,
        start_ticks: child.start_ticks,
        started_us: child.started_us,
        standing: child.standing,
        end: child.end(),
        pipes: child.held.ends().map(|it| it.map(|it| it.as_raw_fd())),
        pidfd: child.held.process.as_ref().map(|it| it.as_fd().as_raw_fd()),
    }
}
