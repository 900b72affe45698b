//! Virtual time. It moves when the world says so, and the wall clock may jump.

use std::time::Duration;

use model::time::{Mono, Stamp, Wall};

/// Two clocks: one that only goes forward, and one on the wall that people may set.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    mono: Mono,
    wall_offset_micros: i64,
}

impl Clock {
    /// The time since the beginning.
    pub fn now(&self) -> Mono {
        self.mono
    }

    /// What both clocks show.
    pub fn stamp(&self) -> Stamp {
        let since_start = i64::try_from(self.mono.0.as_micros()).unwrap_or(i64::MAX);
        let micros =
            1_700_000_000_000_000_i64.saturating_add(since_start).saturating_add(self.wall_offset_micros);
        Stamp { mono: self.mono, wall: Wall { micros } }
    }

    /// Lets time pass until `at`; a moment that has passed already changes nothing.
    pub fn advance_to(&mut self, at: Mono) {
        self.mono = self.mono.max(at);
    }

    /// Somebody sets the clock on the wall.
    pub fn jump_wall(&mut self, seconds: i64) {
        self.wall_offset_micros = self.wall_offset_micros.saturating_add(seconds.saturating_mul(1_000_000));
    }
}

/// `ms` milliseconds.
pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
