//! The loop: one thread, which waits for orders and signals and does what each asks for.

mod children;
mod daemon;
mod hunting;
mod orders;
mod upgrade;

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

use os::births::Births;
use os::limits::Pair;
use os::notify::Notifier;
use os::poll::{Interest, Poller, Ready};
use os::signals::{self, Signals};
use os::spawn::Spawner;

use self::daemon::{Daemon, Wish};
use self::upgrade::Candidate;
use crate::birth::Held;
use crate::journal::Journal;
use crate::launch::Launch;
use crate::link::{Ends, Holder, Link};
use crate::rebirth::Rebirth;
use crate::store::Store;
use crate::table::Table;
use crate::voice::say;
use crate::will::{Deed, Stopping};

/// The names descriptors are watched under; all others are numbers of children.
const LINK: u64 = u64::MAX;
const SIGNALS: u64 = u64::MAX - 1;

/// The signals that are meant for the daemon, and the one for us.
const COLLECTED: [i32; 6] =
    [signals::TERM, signals::INT, signals::QUIT, signals::HUP, signals::USR2, signals::CHLD];

/// The exit status after the daemon's death, and when the keeper cannot even begin.
const FAILED: u8 = 1;

/// Runs the keeper to its end, and returns the status to exit with.
pub(crate) fn run(launch: Launch) -> ExitCode {
    match Keeper::new(launch) {
        Ok(mut keeper) => {
            let status = keeper.live();
            // The end of the process closes and frees everything at once.
            std::mem::forget(keeper);
            ExitCode::from(status)
        }
        Err(error) => {
            say(&format!("cannot begin: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

pub(crate) fn now() -> Duration {
    os::clock::mono().0
}

pub(crate) fn now_us() -> u64 {
    u64::try_from(now().as_micros()).unwrap_or(u64::MAX)
}

/// What outlives every daemon.
struct Holdings {
    table: Table<Held>,
    store: Store,
    journal: Journal,
    lock: Option<OwnedFd>,
}

impl Holder for Holdings {
    fn ends(&self, child: u64) -> Ends<'_> {
        self.table.get(child).map_or([None; 3], |it| it.held.ends())
    }

    fn kept(&self, key: &[u8]) -> Option<BorrowedFd<'_>> {
        self.store.file(key)
    }

    fn house(&self) -> [Option<BorrowedFd<'_>>; 2] {
        [self.lock.as_ref().map(AsFd::as_fd), self.journal.file()]
    }
}

struct Keeper {
    launch: Launch,
    /// The limits on descriptors before ours were raised: those the daemon is to find.
    nofile: Pair,
    boot_id: [u8; 16],
    spawner: Spawner,
    births: Births,
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
    /// Whether a daemon has ever been up, so that one that exits is no refusal to start.
    was_up: bool,
    rebirth: Rebirth,
    /// When to start the daemon again.
    start_at: Option<Duration>,
    /// The signals for the daemon that came while there was none.
    asked_meanwhile: BTreeSet<i32>,
    /// Somebody has asked for the end of it all, by this signal, and no daemon has seen to that yet.
    end_asked: Option<i32>,
    /// Whether its service manager knows that it ends.
    has_told_of_end: bool,
    /// Set while everything is being stopped, and what to exit with after that.
    leaving: Option<(Stopping, u8)>,
    /// When to send again what the machine was too short for.
    retry_at: Option<Duration>,
    /// When to look at children that nobody tells us about.
    look_at: Option<Duration>,
    /// When to look at what is left of children that linger.
    hunt_at: Option<Duration>,
    /// The program that is to take our place.
    candidate: Option<Candidate>,
    /// The program to return to while this one has not proved itself.
    old: Option<OwnedFd>,
    /// When this one has.
    proved_at: Option<Duration>,
    /// Set until the start is over.
    start: Option<os::memory::Start>,
    /// How many packets made no sense.
    ignored: u32,
}

impl Keeper {
    fn new(mut launch: Launch) -> io::Result<Self> {
        // First of all, while low numbers are free.
        let mut spawner = Spawner::new()?;
        if launch.kill_orphans {
            spawner.bind_children();
        }
        let nofile = launch.nofile.unwrap_or_else(os::limits::nofile);
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
        let boot_id = os::procfs::boot_id();
        let before = launch.before.take();
        let known = before.iter().flat_map(|it| &it.children).map(|(id, _)| *id).collect();
        let journal = Journal::open(launch.journal.take(), &boot_id, &known);
        let lock = launch.lock.take();
        let mut keeper = Self {
            launch,
            nofile,
            boot_id,
            spawner,
            births: Births::default(),
            manager: Notifier::from_environment(),
            poller,
            signals,
            holdings: Holdings { table: Table::new(), store: Store::default(), journal, lock },
            link: None,
            watched: Interest::Read,
            daemon: None,
            wish: Wish::GoOn,
            was_up: false,
            rebirth: Rebirth::default(),
            start_at: None,
            asked_meanwhile: BTreeSet::new(),
            end_asked: None,
            has_told_of_end: false,
            leaving: None,
            retry_at: None,
            look_at: None,
            hunt_at: None,
            candidate: None,
            old: None,
            proved_at: None,
            start: Some(os::memory::Start::new(now())),
            ignored: 0,
        };
        if let Some(before) = before {
            keeper.take_over(before);
        }
        Ok(keeper)
    }

    /// The loop. Without anything to do it waits for ever.
    fn live(&mut self) -> u8 {
        if self.daemon.is_none() {
            self.start_daemon();
        }
        // Strangers who ended before their signal was collected, where this is the first process.
        self.reap();
        let mut ready = Vec::new();
        loop {
            self.press_on();
            self.flush();
            if let Some(status) = self.finished() {
                if status == 0 {
                    self.manager.tell("STATUS=all programs are stopped");
                }
                return status;
            }
            self.watch();
            self.spawner.settle();
            let timeout = self.deadline().map(|at| at.saturating_sub(now()));
            if let Err(error) = self.poller.wait(&mut ready, timeout) {
                // Only for want of memory in the kernel, which passes. Children must not suffer.
                say(&format!("cannot wait for events: {error}"));
            }
            for Ready { token, hung_up, .. } in &ready {
                match *token {
                    SIGNALS => self.take_signals(),
                    LINK => self.take_orders(),
                    child => self.look_at_adopted(child, *hung_up),
                }
            }
        }
    }

    /// Whether there is nothing left to do, and what to exit with.
    fn finished(&self) -> Option<u8> {
        let (stopping, status) = self.leaving.as_ref()?;
        (self.daemon.is_none() && stopping.is_done()).then_some(*status)
    }

    /// When to act although nothing happens: only while something is being stopped, was short, or
    /// cannot be watched, and once after the start.
    fn deadline(&self) -> Option<Duration> {
        let stopping = self.leaving.as_ref().and_then(|(it, _)| it.deadline());
        let daemon = self.daemon.as_ref();
        let killed = daemon.and_then(|it| it.kill_at);
        let answer = daemon.and_then(|it| it.attention.deadline());
        let upgrade = self.upgrade_deadline();
        let start = self.start.map(|it| it.deadline());
        [stopping, killed, answer, upgrade, self.start_at, self.retry_at, self.look_at, self.hunt_at, start]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    fn press_on(&mut self) {
        let now = now();
        let deeds = self.leaving.as_mut().map(|(it, _)| it.turn(now));
        for Deed { child, signal, scope } in deeds.unwrap_or_default() {
            // One that is gone is about to be reaped, and one that is not ours to signal will
            // be given up in its time.
            let _ = self.send(child, signal, scope);
        }
        self.press_daemon(now);
        self.press_upgrade(now);
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
        }
        if self.look_at.is_some_and(|at| at <= now) {
            self.look_around(now);
        }
        self.start = self.start.and_then(|it| it.turn(now));
        if self.hunt_at.is_some_and(|at| at <= now) {
            self.look_at_lingering(now);
        }
    }
}
