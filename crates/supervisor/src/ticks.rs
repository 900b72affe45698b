//! Ticks: events that say that time has passed, made only while somebody listens to them.

use std::collections::BTreeMap;
use std::time::Duration;

use model::event::TickPeriod;
use model::time::{Mono, Stamp, Wall};

use crate::deadline::{Reason, TimerKey, Timers};

/// The least time until another look, should the wall clock be a little behind the one that wakes us.
const LOOK_PERIOD_MIN: Duration = Duration::from_millis(10);

/// All kinds of ticks.
const PERIODS: [TickPeriod; 3] = [TickPeriod::Five, TickPeriod::Sixty, TickPeriod::Hour];

/// The clocks that run.
///
/// They strike when the wall clock shows a multiple of their period, as those of the original, but the
/// moment to look is on the monotonic clock: a wall clock that is set while nobody looks is noticed at
/// the next look, so that a tick is late once, by no more than its period.
#[derive(Debug, Default)]
pub(crate) struct Ticks {
    running: Vec<Clock>,
}

#[derive(Debug)]
struct Clock {
    period: TickPeriod,
    /// What it showed when it was last looked at.
    shown: i64,
    timer: TimerKey,
}

impl Ticks {
    /// Lets those clocks run that are `wanted`, and no others.
    pub(crate) fn run(&mut self, wanted: impl Fn(TickPeriod) -> bool, now: Stamp, timers: &mut Timers) {
        for period in PERIODS {
            let at = self.running.iter().position(|it| it.period == period);
            match (at, wanted(period)) {
                (Some(at), false) => timers.disarm(self.running.swap_remove(at).timer),
                (None, true) => {
                    let timer = timers.arm(next_look(period, now), Reason::Tick(period));
                    self.running.push(Clock { period, shown: shown(period, now.wall), timer });
                }
                (Some(_), true) | (None, false) => {}
            }
        }
    }

    /// What the clocks showed when they were last looked at.
    pub(crate) fn shown(&self) -> BTreeMap<TickPeriod, i64> {
        self.running.iter().map(|it| (it.period, it.shown)).collect()
    }

    /// The clocks showed this when they were last looked at, by somebody else. One that shows something
    /// else by now is looked at as soon as may be.
    pub(crate) fn resume(&mut self, shown: &BTreeMap<TickPeriod, i64>, now: Stamp, timers: &mut Timers) {
        for clock in &mut self.running {
            if let Some(shown) = shown.get(&clock.period)
                && *shown != clock.shown
            {
                clock.shown = *shown;
                timers.disarm(clock.timer);
                clock.timer = timers.arm(now.mono, Reason::Tick(clock.period));
            }
        }
    }

    /// It is time to look: what the clock shows, if that has changed.
    pub(crate) fn look(&mut self, period: TickPeriod, now: Stamp, timers: &mut Timers) -> Option<i64> {
        let clock = self.running.iter_mut().find(|it| it.period == period)?;
        clock.timer = timers.arm(next_look(period, now), Reason::Tick(period));
        let shown = shown(period, now.wall);
        let has_changed = shown != clock.shown;
        clock.shown = shown;
        has_changed.then_some(shown)
    }
}

/// Seconds since the epoch, rounded down to the period.
const fn shown(period: TickPeriod, wall: Wall) -> i64 {
    let seconds = wall.seconds();
    seconds - seconds.rem_euclid(period.seconds())
}

/// When the wall clock will show the next multiple of the period, if nobody sets it.
fn next_look(period: TickPeriod, now: Stamp) -> Mono {
    let length = period.seconds() * 1_000_000;
    let left = u64::try_from(length - now.wall.micros.rem_euclid(length)).unwrap_or(0);
    now.mono + Duration::from_micros(left).max(LOOK_PERIOD_MIN)
}
