//! When to try again.

use std::time::Duration;

use model::spec::{AutoRestart, ProcessSpec};

/// The least time between two starts of a process that has ended by itself.
///
/// It limits restarts to 1 Hz. The original has no such rule, but looks once a second, so that a
/// program with `startsecs=0` that does its work and leaves is started about once a second there;
/// people use that as a clock. Without a limit it would be started as often as the machine can fork.
/// A process that lived longer is started again at once.
pub(crate) const RESTART_PERIOD: Duration = Duration::from_secs(1);

/// The wait after the `failures`-th failed start in a row, or `None` when it is time to give up.
///
/// Linear, one second more each time: Supervisor's rule (`process.py`, `change_state` and
/// `transition`), which operators know from its logs.
pub(crate) fn wait_after(startretries: i64, failures: u32) -> Option<Duration> {
    (i64::from(failures) <= startretries).then(|| Duration::from_secs(failures.into()))
}

/// Whether a process that has ended by itself is to be started again.
pub(crate) fn restarts(spec: &ProcessSpec, expected: bool) -> bool {
    match spec.autorestart {
        AutoRestart::Never => false,
        AutoRestart::Unexpected => !expected,
        AutoRestart::Always => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_by_a_second_until_the_retries_are_used_up() {
        let secs = |retries, failures| wait_after(retries, failures).map(|it| it.as_secs());
        assert_eq!([1, 2, 3, 4].map(|it| secs(3, it)), [Some(1), Some(2), Some(3), None]);
        assert_eq!(secs(0, 1), None);
        assert_eq!(secs(-1, 1), None);
        assert_eq!(secs(i64::MAX, u32::MAX), Some(u64::from(u32::MAX)));
    }
}
