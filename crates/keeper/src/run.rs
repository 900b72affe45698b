//! The loop: one thread, which waits for orders and signals and does what each asks for.

mod daemon;
mod orders;

use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::process::ExitCode;
use std::time::Duration;

use os::errno::ESRCH;
use os::limits::Pair;
use os::notify::Notifier;
use os::poll::{Interest, Poller, Ready};
use os::signals::{self, Signals};
use os::spawn::Spawner;
use os::wait::Ended;
use wire::keeper::handover::End;
use wire::keeper::{Report, Scope, Usage};

use self::daemon::{Daemon, Wish};
use crate::birth::Held;
use crate::launch::Launch;
use crate::link::{Ends, Holder, Link};
use crate::store::Store;
use crate::table::Table;
use crate::will::{Deed, Stopping};

/// The names descriptors are watched under.
const LINK: u64 = 0;
const SIGNALS: u64 = 1;

/// The signals that are meant for the daemon, and the one for us.
const COLLECTED: [i32; 6] =
    [signals::TERM, signals::INT, signals::QUIT, signals::HUP, signals::USR2, signals::CHLD];

/// The exit status after the daemon's death, and when the keeper cannot even begin.
const FAILED: u8 = 1;

/// Runs the keeper to its end, and returns the status to exit with.
pub fn run(launch: Launch) -> ExitCode {
    match Keeper::new(launch) {
        Ok(mut keeper) => ExitCode::from(keeper.live()),
        Err(error) => {
            say(&format!("cannot begin: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Says a line on standard error, the only log there is. Where that is gone, nobody listens.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "keeper: {line}");
}

fn now() -> Duration {
    os::clock::mono().0
}

fn now_us() -> u64 {
    u64::try_from(now().as_micros()).unwrap_or(u64::MAX)
}

/// What outlives every daemon.
struct Holdings {
    table: Table<Held>,
    store: Store,
}

impl Holder for Holdings {
    fn ends(&self, child: u64) -> Ends<'_> {
        self.table.get(child).map_or([None; 3], |it| it.held.ends())
    }

    fn kept(&self, key: &[u8]) -> Option<BorrowedFd<'_>> {
        self.store.file(key)
    }
}

struct Keeper {
    launch: Launch,
    /// The limits on descriptors before ours were raised: those the daemon is to find.
    nofile: Pair,
    boot_id: [u8; 16],
    spawner: Spawner,
    /// Whoever started the house, and wants to know how it goes.
    manager: Notifier,
    poller: Poller,
    signals: Signals,
    holdings: Holdings,
    /// `None` when the daemon has closed its end, or before there is one.
    link: Option<Link>,
    watched: Interest,
    daemon: Option<Daemon>,
    wish: Wish,
    /// Set while everything is being stopped, and what to exit with after that.
    leaving: Option<(Stopping, u8)>,
    /// When to send again what the machine was too short for.
    retry_at: Option<Duration>,
}

impl Keeper {
    fn new(launch: Launch) -> io::Result<Self> {
        // First of all, while low numbers are free.
        let spawner = Spawner::new()?;
        let nofile = os::limits::nofile();
        if let Err(error) = os::limits::raise_nofile_to_hard() {
            say(&format!("cannot raise the limit on open descriptors: {error}"));
        }
        if let Err(error) = os::wait::adopt_orphans() {
            say(&format!("cannot adopt the orphans of children: {error}"));
        }
        os::process::set_name(c"menshen-keeper");
        let signals = Signals::collect(&COLLECTED)?;
        let poller = Poller::new()?;
        poller.add(&signals, SIGNALS, Interest::Read)?;
        Ok(Self {
            launch,
            nofile,
            boot_id: boot_id(),
            spawner,
            manager: Notifier::from_environment(),
            poller,
            signals,
            holdings: Holdings { table: Table::new(), store: Store::default() },
            link: None,
            watched: Interest::Read,
            daemon: None,
            wish: Wish::GoOn,
            leaving: None,
            retry_at: None,
        })
    }

    /// The loop. Without anything to do it waits for ever.
    fn live(&mut self) -> u8 {
        self.start_daemon();
        // Strangers who ended before their signal was collected, where this is the first process.
        self.reap();
        let mut ready = Vec::new();
        loop {
            self.press_on();
            self.flush();
            if let Some(status) = self.finished() {
                return status;
            }
            self.watch();
            self.spawner.settle();
            let timeout = self.deadline().map(|at| at.saturating_sub(now()));
            if let Err(error) = self.poller.wait(&mut ready, timeout) {
                // Only for want of memory in the kernel, which passes. Children must not suffer.
                say(&format!("cannot wait for events: {error}"));
            }
            for Ready { token, .. } in &ready {
                match *token {
                    SIGNALS => self.take_signals(),
                    _ => self.take_orders(),
                }
            }
        }
    }

    /// Whether there is nothing left to do, and what to exit with.
    fn finished(&self) -> Option<u8> {
        let (stopping, status) = self.leaving.as_ref()?;
        (self.daemon.is_none() && stopping.is_done()).then_some(*status)
    }

    /// When to act although nothing happens: only while something is being stopped or was short.
    fn deadline(&self) -> Option<Duration> {
        let stopping = self.leaving.as_ref().and_then(|(it, _)| it.deadline());
        let daemon = self.daemon.as_ref().and_then(|it| it.kill_at);
        [stopping, daemon, self.retry_at].into_iter().flatten().min()
    }

    /// Does what is due.
    fn press_on(&mut self) {
        let now = now();
        if let Some((stopping, _)) = &mut self.leaving {
            for Deed { child, signal, scope } in stopping.turn(now) {
                // One that is gone is about to be reaped, and one that is not ours to signal will
                // be given up in its time.
                let _ = send(&self.holdings.table, child, signal, scope);
            }
        }
        if let Some(daemon) = &mut self.daemon
            && daemon.kill_at.is_some_and(|at| at <= now)
        {
            daemon.kill_at = None;
            let _ = signals::send(daemon.pid, signals::KILL);
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
        }
    }
}

/// Signals and exits.
impl Keeper {
    fn take_signals(&mut self) {
        while let Some(signal) = self.signals.next() {
            if signal == signals::CHLD {
                self.reap();
            } else {
                self.report(Report::Asked { signal });
            }
        }
    }

    /// Takes in all that have ended, strangers too: whatever descends from a child and lost its
    /// parent is ours to reap.
    fn reap(&mut self) {
        while let Some(ended) = os::wait::reap() {
            match self.daemon.take() {
                Some(daemon) if daemon.pid == ended.pid => {
                    self.daemon = Some(daemon);
                    self.take_last_orders();
                    if let Some(daemon) = self.daemon.take() {
                        self.daemon_ended(daemon, ended.status);
                    }
                }
                other => {
                    self.daemon = other;
                    self.child_ended(&ended);
                }
            }
        }
    }

    fn child_ended(&mut self, ended: &Ended) {
        let Some((id, child)) = self.holdings.table.living_mut(ended.pid) else {
            return;
        };
        let left = child.held.note.take().and_then(|it| self.spawner.read(it));
        let usage = Usage {
            user_us: ended.usage.user_us,
            system_us: ended.usage.system_us,
            peak_kib: ended.usage.peak_kib,
        };
        let setup = left.map(|it| (it.stage.number(), it.errno));
        let end = End { status: ended.status, known: true, at_us: now_us(), setup, usage };
        if let Some((stopping, _)) = &mut self.leaving {
            stopping.ended(id, &child.will);
        }
        self.holdings.table.end(id, end);
        if self.daemon.as_ref().is_some_and(|it| it.greeted) {
            self.report(exited(id, &end));
        }
    }
}

/// Sends a signal to a child that has not been reaped, whose pid is therefore still its own.
fn send(table: &Table<Held>, child: u64, signal: i32, scope: Scope) -> Result<(), i32> {
    let pid = table.get_living(child).ok_or(ESRCH)?.pid;
    match scope {
        Scope::Process => signals::send(pid, signal),
        Scope::Group | Scope::Tree => signals::send_to_group(pid, signal),
    }
}

fn exited(child: u64, end: &End) -> Report {
    let End { status, known, at_us, setup, usage } = *end;
    Report::Exited { child, status, known, at_us, setup, usage }
}

/// The boot of this machine; zeros where `/proc` does not tell.
fn boot_id() -> [u8; 16] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_has_a_number() {
        assert_eq!(boot_id(), boot_id());
        assert_ne!(boot_id(), [0; 16]);
    }
}
