//! A loop that has stopped to turn, noticed by the processor time it burns.
//!
//! The timer runs on the processor time of one thread (`timer_create(2)`, `CLOCK_THREAD_CPUTIME_ID`): while
//! that thread sleeps, no time passes and nothing wakes it. Only a thread that computes and computes without
//! coming round is ever interrupted in vain.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What stands in the way of the process that is killed.
const LAST_WORDS: &[u8] = b"the loop has not come round for too long; giving up\n";

/// How often the loop has come round, and how often it had when the timer last looked.
static TURNS: AtomicU64 = AtomicU64::new(1);
static SEEN: AtomicU64 = AtomicU64::new(0);

/// Aborts the process, with a core where the system wants one, when this thread uses `period` of processor
/// time, and then once more as much at most, without a [`turned`] between. For the rest of the process's
/// life; `SIGPROF` is used up by it.
///
/// # Errors
/// When the kernel gives no such timer.
pub fn watch(period: Duration) -> io::Result<()> {
    install()?;
    let timer = create()?;
    let every = libc::timespec {
        tv_sec: period.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: period.subsec_nanos().into(),
    };
    let setting = libc::itimerspec { it_interval: every, it_value: every };
    // SAFETY: the timer was just made, the setting is live and only read, and nothing is asked back.
    match unsafe { libc::timer_settime(timer, 0, &raw const setting, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The loop has come round.
pub fn turned() {
    TURNS.fetch_add(1, Ordering::Relaxed);
}

fn install() -> io::Result<()> {
    // SAFETY: all zeros is a valid action: the default one, with an empty mask and no flags.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = address_of(look);
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the action is live and complete, and its handler does only what a handler may.
    match unsafe { libc::sigaction(libc::SIGPROF, &raw const action, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[expect(clippy::as_conversions, reason = "the C interface wants the address of a function as a number")]
fn address_of(look: extern "C" fn(libc::c_int)) -> libc::sighandler_t {
    look as libc::sighandler_t
}

fn create() -> io::Result<libc::timer_t> {
    // SAFETY: all zeros is a valid event description.
    let mut event: libc::sigevent = unsafe { MaybeUninit::zeroed().assume_init() };
    event.sigev_notify = libc::SIGEV_SIGNAL;
    event.sigev_signo = libc::SIGPROF;
    let mut timer = MaybeUninit::uninit();
    // SAFETY: the description is live, and the timer's name is written into memory of its size.
    let made =
        unsafe { libc::timer_create(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut event, timer.as_mut_ptr()) };
    if made != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has succeeded, so that the name is written.
    Ok(unsafe { timer.assume_init() })
}

/// Runs in the middle of anything: atomics, `write` and `abort` only (`signal-safety(7)`).
extern "C" fn look(_signal: libc::c_int) {
    let turns = TURNS.load(Ordering::Relaxed);
    if SEEN.swap(turns, Ordering::Relaxed) != turns {
        return;
    }
    // SAFETY: the bytes are static. Whether anybody reads them makes no difference.
    unsafe { libc::write(libc::STDERR_FILENO, LAST_WORDS.as_ptr().cast(), LAST_WORDS.len()) };
    // SAFETY: allowed in a handler; it does not return.
    unsafe { libc::abort() };
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;

    /// Set in a process that is to try it out on itself.
    const TRIAL: &str = "MENSHEN_WATCHDOG_TRIAL";

    fn trial(kind: &str) -> std::process::Output {
        let own = std::env::current_exe().unwrap();
        let words = ["--exact", "watchdog::tests::a_loop_that_does_not_come_round_is_ended", "--nocapture"];
        Command::new(own).args(words).env(TRIAL, kind).output().unwrap()
    }

    /// Burns processor time for ten periods; comes round all the while, or never.
    fn burn(comes_round: bool) {
        let period = Duration::from_millis(20);
        watch(period).unwrap();
        let used = || {
            let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            Duration::try_from(time).unwrap()
        };
        let end = used() + period * 10;
        while used() < end {
            if comes_round {
                turned();
            }
        }
    }

    #[test]
    fn a_loop_that_does_not_come_round_is_ended() {
        if let Ok(kind) = std::env::var(TRIAL) {
            return burn(kind == "turning");
        }
        let stuck = trial("stuck");
        assert_eq!(stuck.status.signal(), Some(libc::SIGABRT));
        assert!(stuck.stderr.ends_with(LAST_WORDS), "{:?}", String::from_utf8_lossy(&stuck.stderr));
        assert!(trial("turning").status.success(), "one that comes round may burn what it likes");
    }
}
