//! Orders and reports.

use std::time::Duration;

use os::errno::{EBUSY, EMFILE};
use os::poll::Interest;
use wire::keeper::{Order, Report, SpawnOrder, SpawnStage, VERSION};

use super::daemon::Wish;
use super::{Keeper, LINK, exited, now, say, send};
use crate::birth::{Beside, Held, Stillborn};
use crate::link::{Ends, Heard, Link, Sent};
use crate::table::Child;

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
                Heard::Nonsense(error) => say(&format!("cannot read the frame of an order: {error}")),
                Heard::Nothing => return,
                Heard::Closed => return self.lose_link(),
            }
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
        if let Some(daemon) = &mut self.daemon {
            daemon.greeted = true;
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

    /// Reports, if there is anybody to report to. To the next daemon, exits are reported again.
    pub(super) fn report(&mut self, report: Report) {
        if let Some(link) = &mut self.link {
            link.report(report);
        }
    }

    pub(super) fn flush(&mut self) {
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
