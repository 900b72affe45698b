//! What machines ask that look after machines: the figures, and whether all is well.

use http::ask::Slot;
use model::child::Channel;
use model::name::FullName;
use model::state::ProcessState;

use crate::state::Daemon;

impl Daemon {
    /// Keeps the question until there are fresh figures.
    pub(crate) fn collect_metrics(&mut self, slot: Slot<String>) {
        self.sampling.collectors.push(slot);
        self.look_now();
    }

    /// Answers those who wait for figures.
    pub(crate) fn tell_collectors(&mut self) {
        let collectors = std::mem::take(&mut self.sampling.collectors);
        if collectors.is_empty() {
            return;
        }
        let text = api::metrics::text(&self.context(), &|name| self.log_bytes(name));
        for slot in collectors {
            // Who has left does not want them any more.
            drop(slot.send(text.clone()));
        }
    }

    /// How large the logs of a process are; `None` without any.
    fn log_bytes(&self, name: &FullName) -> Option<u64> {
        let size = |channel| {
            let path = api::call::LogPaths::path(&self.streams, name, channel)?;
            std::fs::metadata(path).ok().map(|it| it.len())
        };
        let sizes: Vec<u64> = [Channel::Stdout, Channel::Stderr].into_iter().filter_map(size).collect();
        (!sizes.is_empty()).then(|| sizes.iter().sum())
    }

    /// The processes that are to be up and are not; `None` when everything is being stopped.
    pub(crate) fn unready(&self) -> Option<Vec<String>> {
        if self.is_leaving() {
            return None;
        }
        let is_unready = |state| match state {
            ProcessState::Starting | ProcessState::Backoff | ProcessState::Fatal | ProcessState::Unknown => {
                true
            }
            ProcessState::Stopped | ProcessState::Running | ProcessState::Stopping | ProcessState::Exited => {
                false
            }
        };
        let all = self.supervisor.all_info(os::clock::now());
        Some(all.into_iter().filter(|it| is_unready(it.state)).map(|it| it.name.to_string()).collect())
    }
}
