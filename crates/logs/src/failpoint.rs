//! Where a test may have the pump die: between any two system calls of the log path.

/// Outside of the tests of this crate, one place for all of them, `logs`: nothing in a shipped program.
#[cfg(not(test))]
#[inline]
pub(crate) fn pass() {
    os::failpoint::pass("logs");
}

/// Ends the process, without any last words, at the pass that the environment names.
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
}
