//! What becomes of the world when the daemon dies, and how another one begins.

use anyhow::{Context, Result, ensure};
use model::child::ChildId;
use supervisor::input::Input;
use supervisor::memory::{Change, Memory};
use supervisor::supervisor::Supervisor;

use crate::clock::ms;
use crate::disaster::{Death, Who};
use crate::world::World;

impl World<'_> {
    /// The daemon writes down what has changed, as text, and nothing of it is missing.
    pub(crate) fn write(&mut self) -> Result<()> {
        let changes = self.machine.take_changes();
        if changes.is_empty() {
            return Ok(()); // If something is missing, the next look finds it.
        }
        for change in changes {
            let text = serde_json::to_string(&change)?;
            let read: Change = serde_json::from_str(&text).with_context(|| text.clone())?;
            ensure!(read == change, "`{text}` is read as {read:?}");
            self.memory.apply(read);
        }
        ensure!(self.memory == self.machine.memory(), "what is written down is not all there is to remember");
        Ok(())
    }

    /// The daemon dies, and with it everything it has not written down.
    pub(crate) fn fall(&mut self, death: Death) {
        let now = self.clock.now();
        self.journal.push(format!("{:8.3} {death}", now.0.as_secs_f64()));
        self.reports.clear();
        match death.who {
            Who::Daemon => {}
            Who::Keeper | Who::Both => self.keeper.fall(now),
        }
        if death.forgetting {
            self.memory = Memory::default();
        }
        self.oracle.died(self.quit);
        self.asleep_until = now + ms(death.away_ms);
        self.dead = Some(death);
    }

    /// Another daemon takes its place.
    pub(crate) fn come_back(&mut self) -> Result<()> {
        self.dead = None;
        self.keeper.is_dead = false;
        let memory = std::mem::take(&mut self.memory);
        let has_begun = memory.has_begun();
        if has_begun {
            self.machine = Supervisor::resume(memory.clone(), &self.tapes, self.clock.stamp());
            ensure!(self.machine.memory() == memory, "not all that was written down is remembered");
        } else {
            self.machine = Supervisor::new(ChildId(self.last_child + 1));
            self.oracle.forgotten();
        }
        self.write()?;
        self.tell(Input::Resumed { living: self.keeper.list() })?;
        if self.dead.is_none() && !has_begun {
            self.begin()?;
        }
        if self.dead.is_none() {
            self.reports.extend(self.keeper.reports());
        }
        Ok(())
    }
}
