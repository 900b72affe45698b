//! What the machine does about events and those who listen to them.

use model::child::{Channel, ChildId};
use model::event::Event;
use model::listener::Said;
use model::name::{FullName, GroupName};
use model::signal::Signal;

use crate::bus::{MENDING_PERIOD, MENDINGS_MAX};
use crate::effect::{Effect, Scope};
use crate::event_note::EventNote;
use crate::memory::Ordered;
use crate::phase::Phase;
use crate::retry;
use crate::supervisor::Supervisor;
use crate::turn::Step;

impl Supervisor {
    /// Tells those who listen, and those who watch, what has happened. Output of programs is for listeners alone
    /// (see [`Self::wrote`]): those who watch have the logs.
    pub(crate) fn publish(&mut self, event: Event, step: &mut Step<'_>) {
        self.books.bus.post(&event, step.fx);
        step.fx.push(Effect::Publish(event));
    }

    /// A listener has said something.
    pub(crate) fn heard(&mut self, child: ChildId, said: Vec<Said>, step: &mut Step<'_>) {
        let Some(name) = self.books.children.get(&child) else { return };
        if !self.books.bus.has(&name.group) {
            return;
        }
        self.books.bus.end_silence(child, &mut self.books.timers);
        for letter in self.books.bus.hear(child, name, said, step.fx) {
            self.books.bus.rest(&letter.pool, step.now.mono, &mut self.books.timers);
            self.books.bus.put_back(letter, step.fx);
        }
    }

    /// A letter could not be sent.
    pub(crate) fn send_failed(&mut self, child: ChildId, serial: u64, closed: bool, step: &mut Step<'_>) {
        let books = &mut self.books;
        if let Some(letter) = books.bus.recall(child, serial, closed, step.fx) {
            if !closed {
                books.bus.rest(&letter.pool, step.now.mono, &mut books.timers);
            }
            books.bus.put_back(letter, step.fx);
        }
    }

    /// A child has ended. What it had in its hands is for the next who is ready.
    pub(crate) fn listener_gone(&mut self, child: ChildId, step: &mut Step<'_>) {
        self.books.bus.end_silence(child, &mut self.books.timers);
        if let Some(letter) = self.books.bus.bury(child) {
            self.books.bus.put_back(letter, step.fx);
        }
    }

    /// A child has written something. That is an event if its stream was configured so.
    pub(crate) fn wrote(&mut self, child: ChildId, channel: Channel, data: Vec<u8>, step: &mut Step<'_>) {
        let Some((name, pid)) = self.owner(child) else { return };
        let is_wanted = self.spec(&name).is_some_and(|it| it.stream(channel).events_enabled);
        if is_wanted {
            self.books.bus.post(&Event::ProcessLog { name, pid, channel, data }, step.fx);
        }
    }

    /// A child has sent something between capture tokens.
    pub(crate) fn captured(&mut self, child: ChildId, channel: Channel, data: Vec<u8>, step: &mut Step<'_>) {
        let Some((name, pid)) = self.owner(child) else { return };
        step.fx.note(EventNote::Communicated { process: name.process.clone(), channel });
        self.publish(Event::ProcessCommunication { name, pid, channel, data }, step);
    }

    /// Whose child it is, and its pid.
    fn owner(&self, child: ChildId) -> Option<(FullName, u32)> {
        let name = self.books.children.get(&child)?.clone();
        let (_, pid) = self.child_of(&name)?;
        Some((name, pid.unwrap_or(0)))
    }

    /// Hands out what waits, at the end of a step, where that may have become possible: to the
    /// processes of a pool in their order, and only to those that are RUNNING.
    pub(crate) fn deliver(&mut self, step: &mut Step<'_>) {
        for pool in self.books.bus.take_awake() {
            for child in self.running_children(&pool) {
                if self.books.bus.take_broken(child) {
                    self.mend(child, step);
                } else if self.books.bus.hand_out(&pool, child, step.fx) {
                    self.books.ledger.order(Ordered::Letter { child });
                }
            }
        }
    }

    fn running_children(&self, pool: &GroupName) -> Vec<ChildId> {
        let Some(group) = self.groups.get(pool) else { return Vec::new() };
        let running = group.in_start_order().filter(|it| matches!(it.phase, Phase::Running { .. }));
        running.filter_map(|it| it.phase.child()).map(|(child, _)| child).collect()
    }

    /// Kills a listener that has broken the protocol, so that a new child begins anew.
    ///
    /// The original leaves it as it is: RUNNING, and never told anything again. Here it is killed where
    /// that brings it back, which SIGKILL does unless `autorestart=false`; any other signal may end in
    /// an exit that is expected, after which it would stay away.
    fn mend(&mut self, child: ChildId, step: &mut Step<'_>) {
        let Some(name) = self.books.children.get(&child).cloned() else { return };
        let Some(spec) = self.spec(&name) else { return };
        if self.books.leaving || !retry::restarts(spec, false) {
            return;
        }
        let scope = Scope::of_kill(spec);
        let process = name.process.clone();
        if self.books.bus.may_mend(&name, step.now.mono) {
            step.fx.note(EventNote::MendingListener { process });
            step.turn(&mut self.books).send(child, Signal::KILL, scope);
        } else {
            let (times, seconds) = (MENDINGS_MAX, MENDING_PERIOD.as_secs());
            step.fx.note(EventNote::ListenerLeftAlone { process, times, seconds });
        }
    }
}
