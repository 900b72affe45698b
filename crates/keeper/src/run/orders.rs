//! Orders and reports.

use std::time::Duration;

use os::errno::EMFILE;
use os::poll::Interest;
use wire::keeper::{FrameError, Listed, Order, Report, SpawnStage, VERSION};

use super::children::exited;
use super::daemon::Wish;
use super::{Keeper, LINK, now};
use crate::birth::{Beside, Held};
use crate::link::{Heard, Link, Sent};
use crate::store::Kept;
use crate::table::Child;
use crate::voice::say;

/// How soon to send again when the machine was short of something.
const SHORTAGE_WAIT: Duration = Duration::from_millis(50);

impl Keeper {
    /// Takes the orders that have come, as long as their answers have room.
    pub(super) fn take_orders(&mut self) {
        while self.link.as_ref().is_some_and(Link::has_room) {
            match self.hear() {
                Heard::Order { order, fds, truncated } => self.obey(order, Beside { fds, truncated }),
                Heard::Lost { child } => {
                    let (stage, errno) = (SpawnStage::Order, EMFILE);
                    self.report(Report::SpawnFailed { child, stage, errno });
                }
                Heard::Nonsense(error) => self.ignore(&error),
                Heard::Nothing => return,
                Heard::Closed => return self.lose_link(),
            }
        }
    }

    /// What is no order is told once, and then only counted: a newer daemon may say a lot that is unknown here.
    fn ignore(&mut self, error: &FrameError) {
        self.ignored = self.ignored.saturating_add(1);
        if self.ignored.is_power_of_two() {
            let so_far =
                if self.ignored == 1 { String::new() } else { format!(" ({} so far)", self.ignored) };
            say(&format!("cannot read the frame of an order: {error}{so_far}"));
        }
    }

    /// Takes the orders of a daemon that is gone, or can be told nothing any more. What it wanted to
    /// be made is not made: to the next daemon it never was.
    pub(super) fn take_last_orders(&mut self) {
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
        os::failpoint::pass("keeper.order");
        match order {
            Order::Hello { oldest, newest } => self.welcome(oldest, newest),
            Order::Spawn(spawn) => self.spawn(spawn, beside),
            Order::Signal { child, signal, scope } => {
                if let Err(errno) = self.send(child, signal, scope) {
                    self.report(Report::SignalFailed { child, signal, errno });
                }
            }
            Order::Amend { child, will } => self.amend(child, will),
            Order::Forget { child } => self.forget(child),
            Order::List => self.list(),
            Order::Keep { key, bytes } => {
                let file = beside.fds.into_iter().next();
                if !self.holdings.store.keep(key, Kept { bytes, file }) {
                    say("did not keep what the daemon wanted kept: there is too much of it");
                }
            }
            Order::Drop { key } => self.holdings.store.drop(&key),
            Order::Pong { serial } => {
                if let Some(daemon) = &mut self.daemon {
                    daemon.attention.answered(serial);
                }
            }
            Order::Settle { child, adopt } => self.settle(child, adopt),
            Order::Upgrade { program } => self.upgrade(beside.fds.into_iter().next(), program),
            Order::Ready { detach } => self.daemon_is_up(detach),
            Order::Restart => self.daemon_will_exit(Wish::Restart),
            Order::Leave { grace_ms } => {
                self.daemon_will_exit(Wish::Leave);
                self.leave(Duration::from_millis(grace_ms), 0);
                self.close_pipes_of_ended();
            }
        }
    }

    /// Closes what nobody will read from or write to any more: now, while the daemon ends beside us, and not after it.
    fn close_pipes_of_ended(&mut self) {
        for (_, child) in self.holdings.table.iter_mut().filter(|(_, it)| it.end().is_some()) {
            child.held.ends = [const { None }; 3];
        }
    }

    fn welcome(&mut self, oldest: u16, newest: u16) {
        if !(oldest..=newest).contains(&VERSION) {
            say(&format!("the daemon speaks protocol {oldest} to {newest}, the keeper {VERSION}"));
        }
        if let Some(link) = &mut self.link {
            link.met(newest);
        }
        if let Some(daemon) = &mut self.daemon {
            daemon.greeted = true;
            daemon.attention.greeted();
        }
        let (keeper_pid, boot_id, children) =
            (os::process::own_pid(), self.boot_id, self.holdings.table.count());
        let files = [self.holdings.lock.is_some(), self.holdings.journal.file().is_some()];
        self.report(Report::Welcome { version: VERSION, keeper_pid, boot_id, children, files });
        let unrecorded: Vec<_> =
            self.holdings.table.iter().filter_map(|(id, it)| Some(exited(id, &it.end()?))).collect();
        for exit in unrecorded {
            self.report(exit);
        }
        self.tell_of_upgrade();
        // What came while there was none, and what the one before did not live to see to.
        let asked = std::mem::take(&mut self.asked_meanwhile);
        for signal in asked.into_iter().chain(self.end_asked) {
            self.report(Report::Asked { signal });
        }
    }

    fn list(&mut self) {
        let kept = |(key, it): (&[u8], &Kept)| Report::Kept {
            key: key.to_vec(),
            bytes: it.bytes.clone(),
            file: it.file.is_some(),
        };
        let listed = |(child, it): (u64, &Child<Held>)| {
            Report::Listed(Listed {
                child,
                slot: it.slot.clone(),
                memo: it.memo.clone(),
                pid: it.pid,
                started_us: it.started_us,
                start_ticks: it.start_ticks,
                standing: it.standing,
                ended: it.end().is_some(),
                pipes: it.held.ends().map(|end| end.is_some()),
            })
        };
        let kept = self.holdings.store.iter().map(kept);
        let all: Vec<_> = kept.chain(self.holdings.table.iter().map(listed)).collect();
        for report in all {
            self.report(report);
        }
        self.report(Report::ListEnd { count: self.holdings.table.count() });
    }

    /// Reports, if there is anybody to report to. To the next daemon, exits are reported again.
    pub(super) fn report(&mut self, report: Report) {
        if let Some(link) = &mut self.link {
            link.report(report);
            self.ask();
        }
    }

    pub(super) fn flush(&mut self) {
        let (Some(link), None) = (&mut self.link, self.retry_at) else {
            return;
        };
        match link.flush(&self.holdings) {
            Sent::All | Sent::Full => {}
            Sent::Short => self.retry_at = now().checked_add(SHORTAGE_WAIT),
            Sent::Closed => {
                self.take_last_orders();
                self.lose_link();
            }
        }
    }

    /// Asks the poller for what can be done about the link.
    pub(super) fn watch(&mut self) {
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
