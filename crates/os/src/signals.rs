//! Signals, received as events and sent to processes.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Hang-up.
pub const HUP: i32 = libc::SIGHUP;
/// Interrupt: Ctrl-C.
pub const INT: i32 = libc::SIGINT;
/// Quit.
pub const QUIT: i32 = libc::SIGQUIT;
/// The one no process can refuse.
pub const KILL: i32 = libc::SIGKILL;
/// Holds still; cannot be refused.
pub const STOP: i32 = libc::SIGSTOP;
/// The second of the two that mean whatever a program wants.
pub const USR2: i32 = libc::SIGUSR2;
/// Please stop.
pub const TERM: i32 = libc::SIGTERM;
/// Abort, and leave a core file.
pub const ABRT: i32 = libc::SIGABRT;
/// Go on, after having been stopped.
pub const CONT: i32 = libc::SIGCONT;
/// A child has ended.
pub const CHLD: i32 = libc::SIGCHLD;

/// Signals that arrive as something to read instead of interrupting.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks these signals in the calling thread, and in all it starts from here on, and collects
    /// them. A signal that comes again before it is read is collected once.
    ///
    /// # Errors
    /// When a number is none, or no descriptor is left.
    pub fn collect(signals: &[i32]) -> io::Result<Self> {
        let set = set_of(signals)?;
        let nowhere = std::ptr::null_mut();
        // SAFETY: `set` is a live signal set; the old mask is not asked for.
        let failed = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, nowhere) };
        if failed != 0 {
            return Err(io::Error::from_raw_os_error(failed));
        }
        // SAFETY: `set` is a live signal set; -1 asks for a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has just made this descriptor, and nobody else knows of it.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// The next signal that has arrived, if there is one.
    pub fn next(&self) -> Option<i32> {
        let mut room = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let bytes = size_of::<libc::signalfd_siginfo>();
        loop {
            // SAFETY: the pointer and the length describe live memory, for the call to fill.
            let count = unsafe { libc::read(self.fd.as_raw_fd(), room.as_mut_ptr().cast(), bytes) };
            if usize::try_from(count) == Ok(bytes) {
                // SAFETY: all-zero is valid, and the call has filled it in whole besides.
                let about = unsafe { room.assume_init() };
                return i32::try_from(about.ssi_signo).ok();
            }
            if count >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return None;
            }
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn set_of(signals: &[i32]) -> io::Result<libc::sigset_t> {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the pointer is to live memory of the right type, which the call initializes.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for signal in signals {
        // SAFETY: the set was initialized above; a number that is none is refused.
        if unsafe { libc::sigaddset(set.as_mut_ptr(), *signal) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // SAFETY: initialized above.
    Ok(unsafe { set.assume_init() })
}

/// Sends a signal to one process; 0 only asks whether it could be.
///
/// # Errors
/// The kernel's number: `ESRCH` when there is none, `EPERM` when it is not ours to signal, `EINVAL`
/// when there is no such signal.
pub fn send(pid: u32, signal: i32) -> Result<(), i32> {
    // 0 would mean our own group.
    let pid = i32::try_from(pid).ok().filter(|it| *it > 0).ok_or(libc::ESRCH)?;
    kill(pid, signal)
}

/// Sends a signal to the process group that `leader` leads.
///
/// # Errors
/// As [`send`].
pub fn send_to_group(leader: u32, signal: i32) -> Result<(), i32> {
    // 0 would mean our own group, and 1 every process there is.
    let leader = i32::try_from(leader).ok().filter(|it| *it > 1).ok_or(libc::ESRCH)?;
    kill(-leader, signal)
}

fn kill(whom: i32, signal: i32) -> Result<(), i32> {
    // SAFETY: takes two numbers and touches no memory of ours.
    if unsafe { libc::kill(whom, signal) } == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collected_signal_is_read_once_and_interrupts_nobody() {
        // The mask is that of this test's own thread, so the signal goes to the thread, not to the
        // process, whose other threads would die of it.
        let signals = Signals::collect(&[USR2]).unwrap();
        assert_eq!(signals.next(), None);
        for _ in 0..2 {
            // SAFETY: always answers.
            let own = unsafe { libc::pthread_self() };
            // SAFETY: this thread is alive, and the signal is blocked in it.
            unsafe { libc::pthread_kill(own, USR2) };
        }
        assert_eq!(signals.next(), Some(USR2));
        assert_eq!(signals.next(), None);
        assert!(Signals::collect(&[4242]).is_err());
    }

    #[test]
    fn a_signal_never_goes_to_more_than_was_meant() {
        for pid in [0, u32::MAX, 0x8000_0000] {
            assert_eq!(send(pid, 0), Err(libc::ESRCH));
            assert_eq!(send_to_group(pid, 0), Err(libc::ESRCH));
        }
        assert_eq!(send_to_group(1, 0), Err(libc::ESRCH));
        assert_eq!(send(std::process::id(), 0), Ok(()));
        assert_eq!(send(std::process::id(), 4242), Err(libc::EINVAL));
    }
}
