//! The daemon's life: its start, its wishes and its end.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use os::poll::Interest;
use os::signals;
use os::socket::SeqPacket;
use os::spawn::{Files, Note, Plan};
use wire::keeper::Report;
use wire::keeper::handover::LivingDaemon;

use super::{FAILED, Keeper, LINK, now};
use crate::attention::{Attention, Blow};
use crate::link::Link;
use crate::rebirth::Death;
use crate::voice::{cry, ending, exit_status, say};
use crate::will::Stopping;

/// The exit status that stands for SIGKILL.
const KILLED: u8 = 137;

/// How long a daemon that says it is about to exit may take to do so before it is killed.
const DAEMON_EXIT_WAIT: Duration = Duration::from_secs(10);

/// The daemon, while it lives.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) pid: u32,
    /// `None` for one that another keeper has made.
    pub(super) note: Option<Note>,
    pub(super) born: Duration,
    /// Whether it has greeted. Before that it is told of no exit, since with the answer to its
    /// greeting it is told of all.
    pub(super) greeted: bool,
    /// Whether it has said that it is up.
    pub(super) ready: bool,
    /// When it is killed, having said that it would exit.
    pub(super) kill_at: Option<Duration>,
    pub(super) attention: Attention,
}

/// What the daemon wants to happen after its exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// It has not said that it would exit.
    GoOn,
    /// It is to be started again.
    Restart,
    /// There is to be no other.
    Leave,
}

/// Its start.
impl Keeper {
    /// Starts the daemon. Whether it comes up is known when it says so, or when it exits.
    pub(super) fn start_daemon(&mut self) {
        self.start_at = None;
        match self.try_start_daemon() {
            Ok((daemon, link)) => {
                self.daemon = Some(daemon);
                self.link = Some(link);
                self.watched = Interest::Read;
                self.wish = Wish::GoOn;
            }
            Err(error) => {
                let words = format!("cannot start the daemon: {error}");
                self.go_back(&words);
                self.mourn(Death::Other, Duration::ZERO, &words);
            }
        }
    }

    fn try_start_daemon(&mut self) -> io::Result<(Daemon, Link)> {
        let (ours, theirs) = SeqPacket::pair()?;
        let plan = Plan {
            path: self.launch.program.clone(),
            argv: self.launch.daemon_argv.clone(),
            env: self.launch.env.clone(),
            directory: None,
            umask: None,
            identity: None,
            nofile: Some(self.nofile),
            cgroup: None,
        };
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        // In a group of its own, so that Ctrl-C reaches the keeper alone, which passes it on once.
        let files = Files {
            stdin: stdin.as_fd(),
            stdout: stdout.as_fd(),
            stderr: stderr.as_fd(),
            link: Some(theirs.as_fd()),
        };
        let born = self.spawner.spawn(plan, &files)?;
        self.poller.add(&ours, LINK, Interest::Read)?;
        // The first may take its time: its launcher waits for it, and so does a person.
        let attention = if self.launch.outlive && self.was_up {
            Attention::await_greeting(now())
        } else {
            Attention::default()
        };
        let (pid, note) = (born.pid, Some(born.note));
        let daemon =
            Daemon { pid, note, born: now(), greeted: false, ready: false, kill_at: None, attention };
        Ok((daemon, Link::new(ours)))
    }

    /// Goes on with the daemon of another keeper.
    pub(super) fn take_over_daemon(&mut self, daemon: LivingDaemon, link: SeqPacket) {
        if let Err(error) = self.poller.add(&link, LINK, Interest::Read) {
            return say(&format!("cannot watch the daemon: {error}"));
        }
        let LivingDaemon { pid, ready, .. } = daemon;
        let attention = Attention::default();
        self.daemon =
            Some(Daemon { pid, note: None, born: now(), greeted: true, ready, kill_at: None, attention });
        self.link = Some(Link::new(link));
    }

    pub(super) fn daemon_is_up(&mut self, detach: bool) {
        self.was_up = true;
        if let Some(daemon) = &mut self.daemon {
            daemon.ready = true;
        }
        self.begin_proof();
        self.tell_launcher(0);
        self.manager.tell("READY=1\nSTATUS=the daemon is up");
        if detach && let Err(error) = os::process::silence() {
            say(&format!("cannot let go of the terminal: {error}"));
        }
    }

    /// Lets go of the launching parent, if one still waits.
    fn tell_launcher(&mut self, status: u8) {
        if let Some(pipe) = self.launch.launcher.take() {
            // It may have been killed meanwhile.
            let _ = std::fs::File::from(pipe).write_all(&[status]);
        }
    }
}

/// Its wishes, and whether it pays attention.
impl Keeper {
    /// Somebody has sent this process a signal that is meant for the daemon.
    pub(super) fn asked(&mut self, signal: i32) {
        let is_end = matches!(signal, signals::TERM | signals::INT | signals::QUIT);
        if is_end {
            self.end_asked = Some(signal);
            self.tell_of_end();
        }
        if self.link.is_none() {
            self.asked_meanwhile.insert(signal);
        }
        self.report(Report::Asked { signal });
        if is_end && self.daemon.is_none() {
            // Nobody is there to stop things in order, and perhaps nobody will be.
            self.leave(Duration::MAX, 0);
        }
    }

    pub(super) fn daemon_will_exit(&mut self, wish: Wish) {
        // To leave is final.
        if self.wish != Wish::Leave {
            self.wish = wish;
        }
        if self.wish == Wish::Restart {
            let now = now().as_micros();
            self.manager
                .tell(&format!("RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=reading the configuration anew"));
        }
        if let Some(daemon) = &mut self.daemon {
            daemon.kill_at = daemon.kill_at.or_else(|| now().checked_add(DAEMON_EXIT_WAIT));
        }
    }

    /// Asks the daemon whether it pays attention, unless it owes an answer already.
    pub(super) fn ask(&mut self) {
        let daemon = self.daemon.as_mut().filter(|it| it.greeted && self.launch.outlive);
        if let (Some(daemon), Some(link)) = (daemon, &mut self.link)
            && let Some(serial) = daemon.attention.ask(now())
        {
            link.report(Report::Ping { serial });
        }
    }

    /// A daemon that somebody has stopped looks alive and does nothing: it is asked.
    pub(super) fn notice_stop(&mut self) {
        if self.daemon.as_ref().is_some_and(|it| os::wait::is_stopped(it.pid)) {
            self.ask();
        }
    }

    /// Does what is due.
    pub(super) fn press_daemon(&mut self, now: Duration) {
        if let Some(daemon) = &mut self.daemon {
            if daemon.kill_at.is_some_and(|at| at <= now) {
                daemon.kill_at = None;
                let _ = signals::send(daemon.pid, signals::KILL);
            }
            let pid = daemon.pid;
            match daemon.attention.turn(now) {
                None => {}
                Some(Blow::Abort) => {
                    cry("the daemon does not answer; replacing it");
                    let _ = signals::send(pid, signals::ABRT);
                    // One that is stopped would not notice.
                    let _ = signals::send(pid, signals::CONT);
                }
                Some(Blow::Kill) => drop(signals::send(pid, signals::KILL)),
            }
        }
        if self.start_at.is_some_and(|at| at <= now) {
            self.start_daemon();
        }
    }
}

/// Its end.
impl Keeper {
    /// The daemon is dead. What it had sent before counts.
    pub(super) fn daemon_ended(&mut self, daemon: Daemon, status: i32) {
        self.drop_link();
        // One that another keeper has made says nothing about this program.
        if let Some(note) = daemon.note {
            // Its own words are on standard error already.
            let _ = self.spawner.read(note);
            if self.wish == Wish::GoOn {
                self.go_back(&format!("the daemon {}", ending(status)));
            }
        }
        match self.wish {
            Wish::Restart => self.start_daemon(),
            Wish::Leave => {}
            Wish::GoOn if self.launch.outlive && self.was_up => {
                let was_killed = daemon.ready && exit_status(status) == KILLED;
                let death = if was_killed { Death::Killed } else { Death::Other };
                let life = now().saturating_sub(daemon.born);
                self.mourn(death, life, &format!("the daemon {}", ending(status)));
            }
            Wish::GoOn if daemon.ready => {
                let words = format!("the daemon {}; stopping all programs", ending(status));
                self.manager.tell(&format!("STATUS={words}"));
                say(&words);
                self.bereaved(FAILED);
            }
            // It has refused to start, and said why.
            Wish::GoOn => self.bereaved(exit_status(status)),
        }
    }

    /// There is no daemon where there should be one, for a reason: another is started, after a pause if it happens
    /// often. Children run on.
    fn mourn(&mut self, death: Death, life: Duration, reason: &str) {
        if !self.launch.outlive || !self.was_up {
            say(reason);
            return self.bereaved(FAILED);
        }
        if self.end_asked.is_some() {
            cry(&format!("{reason}; it was to stop everything, which is done without it"));
            return self.leave(Duration::MAX, 0);
        }
        let pause = self.rebirth.died(death, life);
        let words = format!("{reason}; starting it again in {} s, programs run on", pause.as_secs_f32());
        self.manager.tell(&format!("STATUS={words}"));
        cry(&words);
        self.start_at = now().checked_add(pause);
    }

    /// There is no daemon, and there will be none: stops all children by their last wills.
    fn bereaved(&mut self, status: u8) {
        self.tell_launcher(status);
        self.leave(Duration::MAX, status);
    }

    /// Begins to stop everything, if that has not begun.
    pub(super) fn leave(&mut self, grace: Duration, status: u8) {
        self.start_at = None;
        if self.leaving.is_none() {
            if status == 0 {
                self.tell_of_end();
            } else {
                // Why was said before.
                self.manager.tell("STOPPING=1");
            }
            let all = self.holdings.table.iter().filter(|(_, it)| it.is_to_stop());
            let wills = all.map(|(id, child)| (id, child.will));
            self.leaving = Some((Stopping::new(grace, wills), status));
        }
    }

    /// Says once, to whoever manages this service, that it ends.
    fn tell_of_end(&mut self) {
        if !std::mem::replace(&mut self.has_told_of_end, true) {
            self.manager.tell("STOPPING=1\nSTATUS=stopping all programs");
        }
    }

    fn drop_link(&mut self) {
        if let Some(link) = self.link.take() {
            let _ = self.poller.remove(&link);
        }
        self.retry_at = None;
    }

    /// The daemon has closed its end. Nothing can be said to it any more, so that it is none; but one
    /// that is about to exit may take its time.
    pub(super) fn lose_link(&mut self) {
        self.drop_link();
        if self.wish == Wish::GoOn
            && let Some(daemon) = &self.daemon
        {
            let _ = signals::send(daemon.pid, signals::KILL);
        }
    }
}
