//! Deadlines: what the machine waits for, and until when.

use std::collections::BTreeMap;
use std::fmt;

use model::child::ChildId;
use model::event::TickPeriod;
use model::name::{FullName, GroupName};
use model::time::Mono;

/// What a deadline is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A process will have been up long enough to count as started.
    Promote(FullName),
    /// A process that failed to start is due to be tried again.
    Retry(FullName),
    /// A process that ended right after its start is due to be started again.
    Restart(FullName),
    /// A process has had its time to stop and will be killed.
    Kill(FullName),
    /// Somebody waits for a process to stop, and the log says so.
    StopReport(FullName),
    /// Everything is being stopped, and the log says what is left.
    ShutdownReport,
    /// A clock that somebody listens to is about to strike.
    Tick(TickPeriod),
    /// A listener pool has rested after a rejection.
    Redeliver(GroupName),
    /// A listener that may have spoken to a dead daemon has been silent for long enough.
    Silence(ChildId),
    /// Everything is being stopped, and listeners have had their time to hear of it.
    LastWords,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Promote(name) => write!(f, "promote {name}"),
            Self::Retry(name) => write!(f, "retry {name}"),
            Self::Restart(name) => write!(f, "restart {name}"),
            Self::Kill(name) => write!(f, "kill {name}"),
            Self::StopReport(name) => write!(f, "report on stopping {name}"),
            Self::ShutdownReport => f.write_str("report on the shutdown"),
            Self::Tick(period) => write!(f, "tick every {} s", period.seconds()),
            Self::Silence(child) => write!(f, "give up on what {child} may have said"),
            Self::Redeliver(pool) => write!(f, "redeliver to {pool}"),
            Self::LastWords => f.write_str("stop the listeners"),
        }
    }
}

/// Names one armed timer. The number makes it unique and keeps timers of one moment in the order in
/// which they were armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    at: Mono,
    serial: u64,
}

impl TimerKey {
    /// When it goes off.
    pub(crate) fn at(self) -> Mono {
        self.at
    }
}

/// All armed timers, the earliest first.
///
/// An ordered map and not a heap: a timer that is no longer wanted is taken out at once, so that the
/// first one always means something and the map never holds more than two per process and a few for
/// events.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    armed: BTreeMap<TimerKey, Reason>,
    next_serial: u64,
}

impl Timers {
    /// Arms one.
    pub(crate) fn arm(&mut self, at: Mono, reason: Reason) -> TimerKey {
        let key = TimerKey { at, serial: self.next_serial };
        self.next_serial += 1;
        self.armed.insert(key, reason);
        key
    }

    /// Takes one out; one that has gone off already is not there any more.
    pub(crate) fn disarm(&mut self, key: TimerKey) {
        self.armed.remove(&key);
    }

    /// Takes all out.
    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    /// The earliest.
    pub(crate) fn first(&self) -> Option<(Mono, &Reason)> {
        self.armed.first_key_value().map(|(key, reason)| (key.at, reason))
    }

    /// Marks the present: timers armed from here on are later than the mark.
    pub(crate) fn mark(&self) -> u64 {
        self.next_serial
    }

    /// Takes out the earliest that is due and was armed before `mark`.
    ///
    /// The mark keeps a timer that is armed for this very moment, while others go off, for the next
    /// turn: no number of them can keep the loop from its other duties.
    pub(crate) fn pop_due(&mut self, now: Mono, mark: u64) -> Option<Reason> {
        let first = self.armed.first_entry()?;
        (first.key().at <= now && first.key().serial < mark).then(|| first.remove())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::name::ProcessName;

    use super::*;

    fn retry(name: &str) -> Reason {
        let group = GroupName::parse(name).unwrap();
        Reason::Retry(FullName { group, process: ProcessName::expanded(name) })
    }

    #[test]
    fn timers_go_off_in_order_of_time_and_then_of_arming() {
        let at = |secs| Mono(Duration::from_secs(secs));
        let mut timers = Timers::default();
        timers.arm(at(2), retry("b"));
        timers.arm(at(1), retry("a"));
        timers.arm(at(2), retry("c"));
        let gone = timers.arm(at(1), retry("gone"));
        timers.disarm(gone);
        let mark = timers.mark();
        timers.arm(at(2), retry("next"));
        let due: Vec<_> =
            std::iter::from_fn(|| timers.pop_due(at(2), mark)).map(|it| it.to_string()).collect();
        assert_eq!(due, ["retry a", "retry b", "retry c"]);
        assert_eq!(timers.first(), Some((at(2), &retry("next"))));
    }
}
