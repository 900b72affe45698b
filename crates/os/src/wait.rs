//! Children that have ended, and strangers that have become children.

use std::io;

use rustix::process::{getpid, set_child_subreaper};

/// A child that has ended. Its pid is free for others from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// What its pid was.
    pub pid: u32,
    /// How, as `wait(2)` says it.
    pub status: i32,
    /// What it had used.
    pub usage: Usage,
}

/// What a child, and those of its own children it had waited for, had used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Time in its own code, in microseconds.
    pub user_us: u64,
    /// Time in the kernel, in microseconds.
    pub system_us: u64,
    /// The most memory it ever held, in KiB.
    pub peak_kib: u64,
}

/// Makes this process the parent of all its descendants whose own parents die.
///
/// # Errors
/// When the kernel is older than 3.4.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// One child of this process that has ended and has not been waited for, if there is one. Any
/// child: so this is for a process that knows all it has started.
pub fn reap() -> Option<Ended> {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    let pid = loop {
        // SAFETY: both pointers are to live, aligned memory of the right type, for the call to fill.
        let pid = unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG, usage.as_mut_ptr()) };
        if pid >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            break pid;
        }
    };
    // Negative: there are no children at all (`ECHILD`). Zero: all of them live.
    let pid = u32::try_from(pid).ok().filter(|it| *it != 0)?;
    // SAFETY: all-zero is a valid `rusage`, and the call above has filled it in besides.
    let usage = unsafe { usage.assume_init() };
    let micros = |time: libc::timeval| {
        let part = |it: i64| u64::try_from(it).unwrap_or(0);
        part(time.tv_sec).saturating_mul(1_000_000).saturating_add(part(time.tv_usec))
    };
    let usage = Usage {
        user_us: micros(usage.ru_utime),
        system_us: micros(usage.ru_stime),
        peak_kib: u64::try_from(usage.ru_maxrss).unwrap_or(0),
    };
    Some(Ended { pid, status, usage })
}

/// Whether a signal has stopped the child `pid`, and none has made it go on.
pub fn is_stopped(pid: u32) -> bool {
    let mut about = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the pointer is to live, aligned memory of the right type, for the call to fill.
    let failed = unsafe { libc::waitid(libc::P_PID, pid, about.as_mut_ptr(), flags) } != 0;
    // SAFETY: all-zero is a valid `siginfo_t`, and the call above has filled it in besides.
    let about = unsafe { about.assume_init() };
    // SAFETY: `waitid` fills in the fields of a child, or leaves the zeros, which read as no child.
    !failed && unsafe { about.si_pid() } != 0
}

/// Whether the child `pid` has ended, without waiting for it.
pub(crate) fn has_ended(pid: u32) -> bool {
    let mut about = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the pointer is to live, aligned memory of the right type, for the call to fill.
    let failed = unsafe { libc::waitid(libc::P_PID, pid, about.as_mut_ptr(), flags) } != 0;
    // SAFETY: all-zero is a valid `siginfo_t`, and the call above has filled it in besides.
    let about = unsafe { about.assume_init() };
    // SAFETY: `waitid` fills in the fields of a child, or leaves the zeros, which read as no child.
    failed || unsafe { about.si_pid() } != 0
}
