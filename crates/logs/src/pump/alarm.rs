//! A descriptor that becomes readable at a given moment, to the microsecond.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use model::time::Mono;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// The alarm. The time of a poller is in whole milliseconds, in which a pipe is filled fifteen times.
#[derive(Debug)]
pub(super) struct Alarm {
    fd: OwnedFd,
    at: Option<Mono>,
}

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        Ok(Self { fd, at: None })
    }

    /// Sets it, or sets it off.
    pub(super) fn set(&mut self, at: Option<Mono>) {
        if self.at == at {
            return;
        }
        self.at = at;
        // A zero would set it off; one in the past rings at once.
        let value = at.map_or(Timespec { tv_sec: 0, tv_nsec: 0 }, |it| Timespec {
            tv_sec: i64::try_from(it.0.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(it.0.subsec_nanos().max(1)),
        });
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        // Cannot fail: the descriptor is ours and the time is one.
        let _ = timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &once);
    }

    /// Makes it silent once it has rung.
    pub(super) fn hear(&mut self) {
        let _ = rustix::io::read(&self.fd, &mut [0; 8]);
        self.at = None;
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
