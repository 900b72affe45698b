//! Waiting for a truth, with a deadline.

use std::time::{Duration, Instant};

/// How long a condition may take. Far more than any needs on a busy machine: it only bounds a failure.
pub const DEADLINE: Duration = Duration::from_secs(40);

/// Between two looks. Short enough not to matter in a test, long enough to leave the machine to the tested.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until `truth` holds; panics with `what` when the deadline has passed.
#[track_caller]
pub fn until(what: &str, mut truth: impl FnMut() -> bool) {
    until_some(what, || truth().then_some(()));
}

/// Waits until `look` finds something, and returns it; panics with `what` when the deadline has passed.
#[track_caller]
pub fn until_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited {DEADLINE:?} until {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Waits until `look` sees the same twice, and returns it: a log that has been rotated, say, whose files have all moved.
#[track_caller]
pub fn until_still<T: PartialEq>(what: &str, mut look: impl FnMut() -> T) -> T {
    let mut before = look();
    until_some(&format!("{what} is the same twice"), || {
        let now = look();
        if now == before {
            return Some(now);
        }
        before = now;
        None
    })
}

/// Lets `window` pass, for a test whose truth is that nothing happens meanwhile.
pub fn watch_for(window: Duration) {
    std::thread::sleep(window);
}
