//! The daemon's life: its start, its wishes and its end.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use os::poll::Interest;
use os::signals;
use os::spawn::{Files, Note, Plan};

use super::{FAILED, Keeper, LINK, now, say};
use crate::link::Link;
use crate::will::Stopping;

/// How long a daemon that says it is about to exit may take to do so before it is killed.
const DAEMON_EXIT_WAIT: Duration = Duration::from_secs(10);

/// The daemon, while it lives.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) pid: u32,
    pub(super) note: Note,
    /// Whether it has greeted. Before that it is told of no exit, since with the answer to its
    /// greeting it is told of all.
    pub(super) greeted: bool,
    /// Whether it has said that it is up.
    pub(super) ready: bool,
    /// When it is killed, having said that it would exit.
    pub(super) kill_at: Option<Duration>,
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

impl Keeper {
    /// Starts the daemon. Whether it comes up is known when it says so, or when it exits.
    pub(super) fn start_daemon(&mut self) {
        match self.try_start_daemon() {
            Ok((daemon, link)) => {
                self.daemon = Some(daemon);
                self.link = Some(link);
                self.watched = Interest::Read;
                self.wish = Wish::GoOn;
            }
            Err(error) => {
                say(&format!("cannot start the daemon: {error}"));
                self.bereaved(FAILED);
            }
        }
    }

    fn try_start_daemon(&mut self) -> io::Result<(Daemon, Link)> {
        let (ours, theirs) = os::socket::SeqPacket::pair()?;
        let plan = Plan {
            path: self.launch.program.clone(),
            argv: self.launch.daemon_argv.clone(),
            env: self.launch.env.clone(),
            directory: None,
            umask: None,
            identity: None,
            nofile: Some(self.nofile),
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
        let daemon = Daemon { pid: born.pid, note: born.note, greeted: false, ready: false, kill_at: None };
        Ok((daemon, Link::new(ours)))
    }

    /// The daemon is dead. What it had sent before counts.
    pub(super) fn daemon_ended(&mut self, daemon: Daemon, status: i32) {
        // Its own words are on standard error already.
        let _ = self.spawner.read(daemon.note);
        self.drop_link();
        match self.wish {
            Wish::Restart => self.start_daemon(),
            Wish::Leave => {}
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

    /// There is no daemon, and there will be none: stops all children by their last wills. (A keeper
    /// that starts another daemon instead does so here.)
    pub(super) fn bereaved(&mut self, status: u8) {
        self.tell_launcher(status);
        self.leave(Duration::MAX, status);
    }

    /// Begins to stop everything, if that has not begun.
    pub(super) fn leave(&mut self, grace: Duration, status: u8) {
        if self.leaving.is_none() {
            self.manager.tell("STOPPING=1");
            let living = self.holdings.table.iter_living().map(|(id, child)| (id, child.will));
            self.leaving = Some((Stopping::new(grace, living), status));
        }
    }

    /// Lets go of the launching parent, if one still waits.
    fn tell_launcher(&mut self, status: u8) {
        if let Some(pipe) = self.launch.launch_pipe.take() {
            // It may have been killed meanwhile.
            let _ = std::fs::File::from(pipe).write_all(&[status]);
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

    pub(super) fn daemon_is_up(&mut self, detach: bool) {
        if let Some(daemon) = &mut self.daemon {
            daemon.ready = true;
        }
        self.tell_launcher(0);
        self.manager.tell("READY=1\nSTATUS=the daemon is up");
        if detach && let Err(error) = os::process::silence() {
            say(&format!("cannot let go of the terminal: {error}"));
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
}

/// The status to exit with for one who ended so; 128 and its number for a signal, as shells have it.
fn exit_status(wait: i32) -> u8 {
    let [low, code, ..] = wait.to_le_bytes();
    match low & 0x7f {
        0 => code,
        signal => signal | 0x80,
    }
}

/// How somebody ended, to complete "the daemon ...".
fn ending(wait: i32) -> String {
    let [low, code, ..] = wait.to_le_bytes();
    match low & 0x7f {
        0 => format!("has exited with status {code}"),
        signal => format!("was killed by signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_status_becomes_an_exit_status_and_words() {
        let cases = [
            (0x0000, 0, "has exited with status 0"),
            (0x0200, 2, "has exited with status 2"),
            (0x0009, 137, "was killed by signal 9"),
            (0x008b, 139, "was killed by signal 11"),
        ];
        for (wait, status, words) in cases {
            assert_eq!((exit_status(wait), ending(wait).as_str()), (status, words));
        }
    }
}
