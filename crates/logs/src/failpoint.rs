//! Where a test may have the pump die: between any two system calls of the log path.

/// Outside of the tests of this crate, one place for all of them, `logs`: nothing in a shipped program.
#[cfg(not(test))]
#[inline]
pub(crate) fn pass() {
    os::failpoint::pass("logs");
}

/// Whether the ledger is to find no room now.
#[cfg(not(test))]
#[inline]
pub(crate) const fn is_without_room() -> bool {
    false
}

/// As a test has it.
#[cfg(test)]
pub(crate) fn is_without_room() -> bool {
    WRITES_LEFT.get().is_some_and(|left| {
        WRITES_LEFT.set(left.checked_sub(1));
        left == 0
    })
}

/// Has the ledger find no room, once, after so many writes. Returns how many of those before had not come.
#[cfg(test)]
pub(crate) fn want_room_after(writes: Option<u64>) -> Option<u64> {
    WRITES_LEFT.replace(writes)
}

#[cfg(test)]
thread_local! {
    static WRITES_LEFT: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) };
    static PASSES_LEFT: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) };
}

/// Does what is to be done, and has it die by a panic after so many passes. Says whether it came to its end.
#[cfg(test)]
pub(crate) fn lives_for(passes: u64, deed: impl FnOnce()) -> bool {
    PASSES_LEFT.set(Some(passes));
    let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(deed));
    match (lived, PASSES_LEFT.take()) {
        (Ok(()), Some(_)) => true,
        (Err(_), None) => false,
        // A failure of another kind.
        (Err(panic), Some(_)) => std::panic::resume_unwind(panic),
        (Ok(()), None) => unreachable!("whoever has died does not come to an end"),
    }
}

/// Ends the process, without any last words, at the pass that the environment names; or what this thread is doing.
#[cfg(test)]
pub(crate) fn pass() {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static LAST: OnceLock<u64> = OnceLock::new();
    static PASSES: AtomicU64 = AtomicU64::new(0);
    let last = *LAST.get_or_init(|| {
        std::env::var("MENSHEN_DIE_AT").ok().and_then(|it| it.parse().ok()).unwrap_or(u64::MAX)
    });
    if PASSES.fetch_add(1, Ordering::Relaxed) == last {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
    match PASSES_LEFT.get() {
        None => {}
        Some(0) => {
            PASSES_LEFT.set(None);
            std::panic::resume_unwind(Box::new("it dies here"));
        }
        Some(left) => PASSES_LEFT.set(Some(left - 1)),
    }
}
