//! Children: how they come, whose they are, how they end.

use std::time::Duration;

use os::births::Births;
use os::errno::{EBUSY, EINVAL, ENOSYS, EPERM, ESRCH};
use os::pidfd::NoStatus;
use os::poll::Interest;
use os::procfs::status_of_dead;
use os::signals;
use os::wait::Ended;
use wire::keeper::handover::End;
use wire::keeper::journal::{Entry, Stage};
use wire::keeper::{MEMO_BYTES_MAX, Report, SLOT_BYTES_MAX, SpawnOrder, SpawnStage, Standing, Usage, Will};

use super::{Keeper, SIGNALS, now, now_us};
use crate::before::{Before, end_of_orphan, is_there, verify};
use crate::birth::{Beside, Held, Stillborn};
use crate::table::{Child, Life};

/// How often a child is looked at of which the kernel tells us nothing: one of another keeper, where processes cannot
/// be held by descriptor. Also how long the parent of an ended child may take to wait for it before its exit status is
/// taken for unknown.
const LOOK_WAIT: Duration = Duration::from_secs(1);

/// Births.
impl Keeper {
    pub(super) fn spawn(&mut self, order: SpawnOrder, beside: Beside) {
        let child = order.child;
        match self.make(order, beside) {
            Ok(pid) => self.report(Report::Spawned { child, pid }),
            Err(Stillborn { stage, errno }) => self.report(Report::SpawnFailed { child, stage, errno }),
        }
    }

    /// Makes a child: written down before it is there, and again when it is.
    fn make(&mut self, order: SpawnOrder, beside: Beside) -> Result<u32, Stillborn> {
        self.may_make(&order)?;
        let (id, slot, memo, will) = (order.child, order.slot.clone(), order.memo.clone(), order.will);
        let expected = crate::birth::prepare(order, beside)?;
        let (pipes, started_us) = (expected.pipes(), now_us());
        let intent = Entry { child: id, slot, memo, will, started_us, pipes, stage: Stage::Intended };
        self.holdings.journal.record(&intent);
        os::failpoint::pass("keeper.spawn");
        let before = Births::before();
        let (pid, held) = match expected.make(&mut self.spawner) {
            Ok(made) => made,
            Err(stillborn) => {
                self.holdings.journal.free(id);
                return Err(stillborn);
            }
        };
        os::failpoint::pass("keeper.born");
        let start_ticks = self.births.of(pid, before).unwrap_or(0);
        let Entry { slot, memo, .. } = intent;
        let (standing, life) = (Standing::Own, Life::Living);
        let child = Child { slot, memo, pid, start_ticks, started_us, will, standing, life, held };
        self.holdings.table.insert(id, child);
        self.write_down(id);
        os::failpoint::pass("keeper.written");
        Ok(pid)
    }

    fn may_make(&self, order: &SpawnOrder) -> Result<(), Stillborn> {
        let is_long = order.slot.len() > SLOT_BYTES_MAX || order.memo.len() > MEMO_BYTES_MAX;
        if is_long || order.child >= SIGNALS {
            return Err(Stillborn { stage: SpawnStage::Order, errno: EINVAL });
        }
        // While everything is being stopped, all slots are taken.
        if self.leaving.is_some() || !self.holdings.table.is_free(order.child, &order.slot) {
            return Err(Stillborn { stage: SpawnStage::Slot, errno: EBUSY });
        }
        Ok(())
    }

    pub(super) fn amend(&mut self, id: u64, will: Will) {
        if let Some(child) = self.holdings.table.get_mut(id).filter(|it| it.end().is_none()) {
            child.will = will;
            self.write_down(id);
        }
    }

    pub(super) fn forget(&mut self, id: u64) {
        if self.holdings.table.forget(id).is_some() {
            self.holdings.journal.free(id);
        }
    }

    /// Writes a child down as it is now.
    fn write_down(&mut self, id: u64) {
        let Some(child) = self.holdings.table.get(id) else {
            return;
        };
        let stage = match (child.life, child.pid) {
            (Life::Ended(end) | Life::Lingering(end), pid) => Stage::Ended { pid, end },
            (Life::Living, 0) => Stage::Intended,
            (Life::Living, pid) => Stage::Living { pid, start_ticks: child.start_ticks },
        };
        self.holdings.journal.record(&Entry {
            child: id,
            slot: child.slot.clone(),
            memo: child.memo.clone(),
            will: child.will,
            started_us: child.started_us,
            pipes: child.held.pipes,
            stage,
        });
    }
}

/// Children of other keepers.
impl Keeper {
    /// Takes over what another keeper has left.
    pub(super) fn take_over(&mut self, before: Before) {
        self.was_up = before.ready;
        for (key, kept) in before.kept {
            self.holdings.store.keep(key, kept);
        }
        for (id, child) in before.children {
            if self.holdings.table.is_free(id, &child.slot) {
                self.holdings.table.insert(id, child);
                self.attend(id);
            }
        }
        if let Some((daemon, link)) = before.daemon {
            self.take_over_daemon(daemon, link);
        }
        self.old = before.old;
        if self.link.is_some() {
            self.tell_of_upgrade();
        }
    }

    /// Sees to it that the end of a child is noticed, and writes it down.
    fn attend(&mut self, id: u64) {
        if let Some(child) = self.holdings.table.get(id)
            && child.is_living()
            && child.standing == Standing::Adopted
        {
            let process = child.held.process.as_ref();
            let is_watched = process.is_some_and(|it| self.poller.add(it, id, Interest::Read).is_ok());
            if !is_watched {
                self.look_soon();
            }
        }
        self.write_down(id);
    }

    /// Somebody has decided about a child in doubt.
    pub(super) fn settle(&mut self, id: u64, adopt: bool) {
        if !adopt {
            // Its descriptors go with it. What it wants of its pipes it has to ask of others.
            let given_up = self.holdings.table.give_up(id);
            if let Some(process) = given_up.as_ref().and_then(|it| it.held.process.as_ref()) {
                let _ = self.poller.remove(process);
            }
            return self.holdings.journal.free(id);
        }
        if !self.holdings.table.get(id).is_some_and(Child::is_in_doubt) {
            return;
        }
        if let Some(child) = self.holdings.table.get_mut(id) {
            child.standing = Standing::Adopted;
            verify(child);
        }
        match self.holdings.table.get(id).and_then(Child::end) {
            Some(end) => self.ended(id, end),
            None => self.attend(id),
        }
    }

    fn look_soon(&mut self) {
        self.look_at = self.look_at.or_else(|| now().checked_add(LOOK_WAIT));
    }

    /// The descriptor of a child of another keeper has something to say: it has ended. How, is told by `/proc` until
    /// its parent has waited for it, and by the descriptor afterwards.
    pub(super) fn look_at_adopted(&mut self, id: u64, hung_up: bool) {
        let Some(child) = self.holdings.table.get(id) else {
            return;
        };
        let Some(process) = &child.held.process else {
            return;
        };
        let status = match (status_of_dead(child.pid, child.start_ticks), process.exit_status()) {
            (Some(status), _) | (None, Ok(status)) => Some(status),
            (None, Err(NoStatus::NotYet)) if !hung_up => {
                // Not to be looked into. The kernel will say when its parent has waited for it.
                if self.poller.modify(process, id, Interest::Nothing).is_ok() {
                    return self.look_soon();
                }
                None
            }
            (None, Err(NoStatus::NotYet | NoStatus::Never)) => None,
        };
        self.leader_ended(id, end_of_orphan(status));
    }

    /// Looks at all children of other keepers that the kernel tells nothing about.
    pub(super) fn look_around(&mut self, now: Duration) {
        self.look_at = None;
        let adopted = self.holdings.table.iter().filter(|(_, it)| it.is_living());
        let adopted = adopted.filter(|(_, it)| it.standing == Standing::Adopted);
        let mut gone = Vec::new();
        for (id, child) in adopted {
            match &child.held.process {
                // Its parent does not wait for it.
                Some(process) if process.has_ended() => gone.push((id, None)),
                Some(_) => {}
                None if !is_there(child) => gone.push((id, status_of_dead(child.pid, child.start_ticks))),
                None => self.look_at = now.checked_add(LOOK_WAIT),
            }
        }
        for (id, status) in gone {
            self.leader_ended(id, end_of_orphan(status));
        }
    }
}

/// Signals and exits.
impl Keeper {
    pub(super) fn take_signals(&mut self) {
        while let Some(signal) = self.signals.next() {
            if signal == signals::CHLD {
                self.reap();
                self.notice_stop();
            } else {
                self.asked(signal);
            }
        }
    }

    /// Takes in all that have ended, strangers too: whatever descends from a child and lost its
    /// parent is ours to reap.
    pub(super) fn reap(&mut self) {
        while let Some(ended) = os::wait::reap() {
            os::failpoint::pass("keeper.reaped");
            if self.daemon.as_ref().is_some_and(|it| it.pid == ended.pid) {
                self.take_last_orders();
                if let Some(daemon) = self.daemon.take() {
                    self.daemon_ended(daemon, ended.status);
                }
            } else if let Some(id) = self.holdings.table.of_pid(ended.pid) {
                self.child_ended(id, &ended);
            } else {
                // Most are strangers, and nobody's affair.
                self.probe_ended(ended.pid, ended.status);
            }
        }
    }

    fn child_ended(&mut self, id: u64, ended: &Ended) {
        let note = self.holdings.table.get_mut(id).and_then(|it| it.held.note.take());
        let left = note.and_then(|it| self.spawner.read(it));
        let usage = Usage {
            user_us: ended.usage.user_us,
            system_us: ended.usage.system_us,
            peak_kib: ended.usage.peak_kib,
        };
        let setup = left.map(|it| (it.stage.number(), it.errno));
        self.leader_ended(id, End { status: ended.status, known: true, at_us: now_us(), setup, usage });
    }

    /// A child has ended, and its end is reported until it is recorded.
    pub(super) fn ended(&mut self, id: u64, end: End) {
        self.set_life(id, Life::Ended(end));
        self.leave_cgroup(id);
        if let (Some((stopping, _)), Some(child)) = (&mut self.leaving, self.holdings.table.get(id)) {
            stopping.ended(id, &child.will);
        }
        if self.daemon.as_ref().is_some_and(|it| it.greeted) {
            self.report(exited(id, &end));
        }
    }

    /// Nobody is to be in the control group of a child any more. If somebody is, whom nobody has asked to end, it stays, and
    /// is removed by a later start.
    fn leave_cgroup(&mut self, id: u64) {
        let held = self.holdings.table.get_mut(id).map(|it| &mut it.held);
        let Some(held) = held else { return };
        let hunted = held.hunt.take().and_then(|it| it.traces().cgroup.clone());
        if let Some(group) = held.cgroup.take().or(hunted) {
            let _ = os::cgroup::remove(&group);
        }
    }

    /// A child itself lives no more.
    pub(super) fn set_life(&mut self, id: u64, life: Life) {
        self.holdings.table.set_life(id, life);
        let process = self.holdings.table.get_mut(id).and_then(|it| it.held.process.take());
        if let Some(process) = process {
            let _ = self.poller.remove(&process);
        }
        self.write_down(id);
    }
}

/// Sends a signal to a child that lives, and is certainly still itself: our own that has not been reaped, or one that is
/// held by descriptor.
pub(super) fn send_to(child: &Child<Held>, signal: i32) -> Result<(), i32> {
    if child.standing == Standing::Own {
        return signals::send(child.pid, signal);
    }
    let held = child.held.process.as_ref().map_or(Err(ENOSYS), |it| it.signal(signal));
    match held {
        Err(ENOSYS | EPERM) => os::pidfd::signal_exactly(child.pid, child.start_ticks, signal),
        sent => sent,
    }
}

pub(super) fn send_to_group(child: &Child<Held>, signal: i32) -> Result<(), i32> {
    if child.standing == Standing::Own {
        return signals::send_to_group(child.pid, signal);
    }
    let held = child.held.process.as_ref().map_or(Err(ENOSYS), |it| it.signal_group(signal));
    match held {
        Err(ENOSYS | EPERM | EINVAL) => {
            let leads = os::procfs::stat(child.pid)
                .is_ok_and(|it| it.start_ticks == child.start_ticks && it.group == child.pid);
            if leads { signals::send_to_group(child.pid, signal) } else { Err(ESRCH) }
        }
        sent => sent,
    }
}

pub(super) fn exited(child: u64, end: &End) -> Report {
    let End { status, known, at_us, setup, usage } = *end;
    Report::Exited { child, status, known, at_us, setup, usage }
}
