//! The loop: one thread, which waits for orders and signals and does what each asks for.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use os::errno::{EBUSY, ESRCH};
use os::limits::Pair;
use os::poll::{Interest, Poller, Ready};
use os::signals::{self, Signals};
use os::spawn::{Files, Note, Plan, Spawner};
use os::wait::Ended;
use wire::keeper::{Order, Report, Scope, SpawnOrder, SpawnStage, Usage, VERSION};

use crate::birth::{Beside, Held, Stillborn};
use crate::launch::Launch;
use crate::link::{Ends, Heard, Link, Sent};
use crate::table::{Child, End, Table};
use crate::will::{Deed, Stopping};

/// The names descriptors are watched under.
const LINK: u64 = 0;
const SIGNALS: u64 = 1;

/// The signals that are meant for the daemon, and the one for us.
const COLLECTED: [i32; 6] =
    [signals::TERM, signals::INT, signals::QUIT, signals::HUP, signals::USR2, signals::CHLD];

/// How long a daemon that says it is about to exit may take to do so before it is killed.
const DAEMON_EXIT_WAIT: Duration = Duration::from_secs(10);

/// How soon to send again when the machine was short of something.
const SHORTAGE_WAIT: Duration = Duration::from_millis(50);

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

struct Keeper {
    launch: Launch,
    /// The limits on descriptors before ours were raised: those the daemon is to find.
    nofile: Pair,
    boot_id: [u8; 16],
    spawner: Spawner,
    poller: Poller,
    signals: Signals,
    table: Table<Held>,
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

/// The daemon, while it lives.
#[derive(Debug)]
struct Daemon {
    pid: u32,
    note: Note,
    /// Whether it has said that it is up.
    ready: bool,
    /// When it is killed, having said that it would exit.
    kill_at: Option<Duration>,
}

/// What the daemon wants to happen after its exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// It has not said that it would exit.
    GoOn,
    /// It is to be started again.
    Restart,
    /// There is to be no other.
    Leave,
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
            poller,
            signals,
            table: Table::new(),
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
        let mut ready = Vec::new();
        loop {
            self.press_on();
            self.flush();
            if let Some(status) = self.finished() {
                return status;
            }
            self.watch();
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
                let _ = send(&self.table, child, signal, scope);
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

/// The daemon: its start and its end.
impl Keeper {
    /// Starts the daemon. Whether it comes up is known when it says so, or when it exits.
    fn start_daemon(&mut self) {
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
        let born = self.spawner.spawn(&plan, &files)?;
        self.poller.add(&ours, LINK, Interest::Read)?;
        let daemon = Daemon { pid: born.pid, note: born.note, ready: false, kill_at: None };
        Ok((daemon, Link::new(ours)))
    }

    /// The daemon is dead. What it had sent before counts.
    fn daemon_ended(&mut self, daemon: Daemon, status: i32) {
        // Its own words are on standard error already.
        let _ = self.spawner.read(daemon.note);
        self.drop_link();
        match self.wish {
            Wish::Restart => self.start_daemon(),
            Wish::Leave => {}
            Wish::GoOn if daemon.ready => {
                say(&format!("the daemon {}; stopping all programs", ending(status)));
                self.bereaved(FAILED);
            }
            // It has refused to start, and said why.
            Wish::GoOn => self.bereaved(exit_status(status)),
        }
    }

    /// There is no daemon, and there will be none: stops all children by their last wills. (A keeper
    /// that starts another daemon instead does so here.)
    fn bereaved(&mut self, status: u8) {
        self.tell_launcher(status);
        self.leave(Duration::MAX, status);
    }

    /// Begins to stop everything, if that has not begun.
    fn leave(&mut self, grace: Duration, status: u8) {
        if self.leaving.is_none() {
            let living = self.table.iter_living().map(|(id, child)| (id, child.will));
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
    fn lose_link(&mut self) {
        self.drop_link();
        if self.wish == Wish::GoOn
            && let Some(daemon) = &self.daemon
        {
            let _ = signals::send(daemon.pid, signals::KILL);
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
        let Some((id, child)) = self.table.living_mut(ended.pid) else {
            return;
        };
        let left = child.held.note.take().and_then(|it| self.spawner.read(it));
        let usage = Usage {
            user_us: ended.usage.user_us,
            system_us: ended.usage.system_us,
            peak_kib: ended.usage.peak_kib,
        };
        let setup = left.map(|it| (it.stage.number(), it.errno));
        let end = End { status: ended.status, setup, usage };
        if let Some((stopping, _)) = &mut self.leaving {
            stopping.ended(id, &child.will);
        }
        self.table.end(ended.pid, end);
        self.report(exited(id, &end));
    }
}

/// Orders and reports.
impl Keeper {
    /// Takes the orders that have come, as long as their answers have room.
    fn take_orders(&mut self) {
        while self.link.as_ref().is_some_and(Link::has_room) {
            match self.hear() {
                Heard::Order { order, fds, truncated } => self.obey(order, Beside { fds, truncated }),
                Heard::Lost { child } => {
                    let (stage, errno) = (SpawnStage::Order, os::errno::EMFILE);
                    self.report(Report::SpawnFailed { child, stage, errno });
                }
                Heard::Nonsense(error) => say(&format!("cannot read the frame of an order: {error}")),
                Heard::Nothing => return,
                Heard::Closed => return self.lose_link(),
            }
        }
    }

    /// Takes the orders of a daemon that is gone, or can be told nothing any more. What it wanted to
    /// be made is not made: to the next daemon it never was.
    fn take_last_orders(&mut self) {
        loop {
            match self.hear() {
                Heard::Order { order: Order::Spawn(_), .. } | Heard::Lost { .. } | Heard::Nonsense(_) => {}
                Heard::Order { order, fds, truncated } => self.obey(order, Beside { fds, truncated }),
                Heard::Nothing | Heard::Closed => return,
            }
        }
    }

    fn hear(&mut self) -> Heard {
        self.link.as_mut().map_or(Heard::Nothing, Link::hear)
    }

    fn obey(&mut self, order: Order, beside: Beside) {
        match order {
            Order::Hello { oldest, newest } => self.welcome(oldest, newest),
            Order::Spawn(spawn) => self.spawn(spawn, beside),
            Order::Signal { child, signal, scope } => {
                if let Err(errno) = send(&self.table, child, signal, scope) {
                    self.report(Report::SignalFailed { child, signal, errno });
                }
            }
            Order::Forget { child } => drop(self.table.forget(child)),
            Order::List => self.list(),
            Order::Ready { detach } => self.daemon_is_up(detach),
            Order::Restart => self.daemon_will_exit(Wish::Restart),
            Order::Leave { grace_ms } => {
                self.daemon_will_exit(Wish::Leave);
                self.leave(Duration::from_millis(grace_ms), 0);
            }
        }
    }

    fn welcome(&mut self, oldest: u16, newest: u16) {
        if !(oldest..=newest).contains(&VERSION) {
            say(&format!("the daemon speaks protocol {oldest} to {newest}, the keeper {VERSION}"));
        }
        let (keeper_pid, boot_id, children) = (os::process::own_pid(), self.boot_id, self.table.count());
        self.report(Report::Welcome { version: VERSION, keeper_pid, boot_id, children });
        let unrecorded: Vec<_> =
            self.table.iter().filter_map(|(id, child)| Some(exited(id, &child.end?))).collect();
        for exit in unrecorded {
            self.report(exit);
        }
    }

    fn spawn(&mut self, order: SpawnOrder, beside: Beside) {
        let (child, will) = (order.child, order.will);
        // While everything is being stopped, all slots are.
        let made = if self.table.is_free(child) && self.leaving.is_none() {
            crate::birth::make(&mut self.spawner, order, beside)
        } else {
            Err(Stillborn { stage: SpawnStage::Slot, errno: EBUSY })
        };
        match made {
            Ok((pid, held)) => {
                let started_us = u64::try_from(now().as_micros()).unwrap_or(u64::MAX);
                self.table.insert(child, Child { pid, started_us, will, end: None, held });
                self.report(Report::Spawned { child, pid });
            }
            Err(Stillborn { stage, errno }) => self.report(Report::SpawnFailed { child, stage, errno }),
        }
    }

    fn list(&mut self) {
        let listed = |(child, it): (u64, &Child<Held>)| Report::Listed {
            child,
            pid: it.pid,
            started_us: it.started_us,
            ended: it.end.is_some(),
            pipes: it.held.ends().map(|end| end.is_some()),
        };
        let all: Vec<_> = self.table.iter().map(listed).collect();
        for report in all {
            self.report(report);
        }
        self.report(Report::ListEnd { count: self.table.count() });
    }

    fn daemon_is_up(&mut self, detach: bool) {
        if let Some(daemon) = &mut self.daemon {
            daemon.ready = true;
        }
        self.tell_launcher(0);
        if detach && let Err(error) = os::process::silence() {
            say(&format!("cannot let go of the terminal: {error}"));
        }
    }

    fn daemon_will_exit(&mut self, wish: Wish) {
        // To leave is final.
        if self.wish != Wish::Leave {
            self.wish = wish;
        }
        if let Some(daemon) = &mut self.daemon {
            daemon.kill_at = daemon.kill_at.or_else(|| now().checked_add(DAEMON_EXIT_WAIT));
        }
    }

    /// Reports, if there is anybody to report to. To the next daemon, exits are reported again.
    fn report(&mut self, report: Report) {
        if let Some(link) = &mut self.link {
            link.report(report);
        }
    }

    fn flush(&mut self) {
        let (Some(link), None) = (&mut self.link, self.retry_at) else {
            return;
        };
        let table = &self.table;
        let ends = |id: u64| -> Ends<'_> { table.get(id).map_or([None; 3], |it| it.held.ends()) };
        match link.flush(ends) {
            Sent::All | Sent::Full => {}
            Sent::Short => self.retry_at = now().checked_add(SHORTAGE_WAIT),
            Sent::Closed => {
                self.take_last_orders();
                self.lose_link();
            }
        }
    }

    /// Asks the poller for what can be done about the link.
    fn watch(&mut self) {
        let Some(link) = &self.link else {
            return;
        };
        let sends = link.is_waiting() && self.retry_at.is_none();
        let wanted = match (link.has_room(), sends) {
            (true, true) => Interest::Both,
            (true, false) => Interest::Read,
            (false, true) => Interest::Write,
            (false, false) => Interest::Nothing,
        };
        if wanted != self.watched && self.poller.modify(link, LINK, wanted).is_ok() {
            self.watched = wanted;
        }
    }
}

/// Sends a signal to a child that has not been reaped, whose pid is therefore still its own.
fn send(table: &Table<Held>, child: u64, signal: i32, scope: Scope) -> Result<(), i32> {
    let pid = table.pid_of_living(child).ok_or(ESRCH)?;
    match scope {
        Scope::Process => signals::send(pid, signal),
        Scope::Group => signals::send_to_group(pid, signal),
    }
}

fn exited(child: u64, end: &End) -> Report {
    Report::Exited { child, status: end.status, setup: end.setup, usage: end.usage }
}

/// The boot of this machine; zeros where `/proc` does not tell.
fn boot_id() -> [u8; 16] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes()
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

    #[test]
    fn the_boot_has_a_number() {
        assert_eq!(boot_id(), boot_id());
        assert_ne!(boot_id(), [0; 16]);
    }
}
