//! Processes by descriptor: what is done through one is done to that process or to nobody, whoever gets its pid later.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::procfs;

/// `PIDFD_GET_INFO` of `linux/pidfd.h`: reads and writes 64 bytes, number 11 of the family 0xFF.
const GET_INFO: libc::c_ulong = 0xC040_FF0B;

/// `PIDFD_INFO_EXIT`: asks for the exit status, and says that it is there.
const INFO_EXIT: u64 = 1 << 3;

/// `PIDFD_SIGNAL_PROCESS_GROUP`: the signal goes to the group that the process leads, or has led.
const SIGNAL_GROUP: libc::c_uint = 1 << 2;

/// `struct pidfd_info` of `linux/pidfd.h`, as it was first.
#[repr(C)]
#[derive(Default)]
struct Info {
    mask: u64,
    cgroup: u64,
    ids: [u32; 11],
    exit: i32,
}

/// A process. Readable for a [`Poller`](crate::poll::Poller) once it has ended, and hung up, on kernels that tell exit
/// statuses, once its parent has waited for it.
#[derive(Debug)]
pub struct Pidfd(OwnedFd);

impl Pidfd {
    /// The process that has this pid now. Who it is must be looked at afterwards: only then is it sure that both are
    /// about the same.
    ///
    /// # Errors
    /// `ESRCH` when there is none; `ENOSYS` before Linux 5.3, or `EPERM`, where this is not to be had.
    pub fn open(pid: u32) -> io::Result<Self> {
        // SAFETY: takes two numbers and touches no memory of ours.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let fd = i32::try_from(fd).ok().filter(|it| *it >= 0).ok_or_else(io::Error::last_os_error)?;
        // SAFETY: the call has just made this descriptor, closed on exec, and nobody else knows of it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// One that was opened elsewhere.
    pub const fn from_fd(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Sends a signal to the process; 0 only asks whether it could be.
    ///
    /// # Errors
    /// The kernel's number: `ESRCH` when it has been waited for.
    pub fn signal(&self, signal: i32) -> Result<(), i32> {
        self.send(signal, 0)
    }

    /// Sends a signal to the process group it leads or, its number being in use as long as the group is, has led.
    ///
    /// # Errors
    /// The kernel's number: `ESRCH` when nobody is left of it; `EINVAL` before Linux 6.9.
    pub fn signal_group(&self, signal: i32) -> Result<(), i32> {
        self.send(signal, SIGNAL_GROUP)
    }

    fn send(&self, signal: i32, flags: libc::c_uint) -> Result<(), i32> {
        let (fd, none) = (self.0.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
        // SAFETY: takes numbers; without a `siginfo_t` the call reads no memory of ours.
        if unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, none, flags) } == 0 {
            return Ok(());
        }
        Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL))
    }

    /// Whether it has ended, waited for or not.
    pub fn has_ended(&self) -> bool {
        let mut about = [rustix::event::PollFd::new(&self.0, rustix::event::PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut about, Some(&now)).is_ok_and(|it| it > 0)
    }

    /// How it ended, as `wait(2)` says it, once it has been waited for by whoever is its parent.
    ///
    /// # Errors
    /// `NotYet` while that has not happened, `Never` on kernels before 6.15.
    pub fn exit_status(&self) -> Result<i32, NoStatus> {
        let mut info = Info { mask: INFO_EXIT, ..Info::default() };
        // SAFETY: the pointer is to a live structure of the size that the number of the call tells.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), GET_INFO, &raw mut info) };
        match (result, io::Error::last_os_error().raw_os_error()) {
            (0, _) if info.mask & INFO_EXIT != 0 => Ok(info.exit),
            // Of a process that lives, everything but this is told.
            (0, _) => Err(NoStatus::NotYet),
            (_, _) => Err(NoStatus::Never),
        }
    }
}

impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Pidfd> for OwnedFd {
    fn from(it: Pidfd) -> Self {
        it.0
    }
}

/// Why there is no exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoStatus {
    /// It has not been waited for. On kernels between 6.13 and 6.15 it stays so.
    NotYet,
    /// The kernel does not tell.
    Never,
}

/// Sends a signal to the process with this pid that was born at this tick, and to no other. Where processes cannot be
/// held by descriptor, looking and sending are two steps, with a moment in between.
///
/// # Errors
/// The kernel's number; `ESRCH` when there is no such process any more.
pub fn signal_exactly(pid: u32, start_ticks: u64, signal: i32) -> Result<(), i32> {
    let held = Pidfd::open(pid);
    if !procfs::stat(pid).is_ok_and(|it| it.start_ticks == start_ticks) {
        return Err(libc::ESRCH);
    }
    match held {
        Ok(held) => match held.signal(signal) {
            Err(libc::ENOSYS | libc::EPERM) => crate::signals::send(pid, signal),
            sent => sent,
        },
        Err(_) => crate::signals::send(pid, signal),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_held_signaled_and_its_end_is_told() {
        let mut child = Command::new("/bin/sleep").arg("1000").spawn().unwrap();
        let held = Pidfd::open(child.id()).unwrap();
        assert!(!held.has_ended());
        assert_eq!(held.signal(0), Ok(()));
        assert_eq!(held.signal(libc::SIGTERM), Ok(()));
        child.wait().unwrap();
        assert!(held.has_ended());
        assert_eq!(held.signal(0), Err(libc::ESRCH));
        if crate::probe::exit_through_pidfd().is_ok() {
            assert_eq!(held.exit_status(), Ok(libc::SIGTERM));
        } else {
            assert!(held.exit_status().is_err());
        }
        assert_eq!(Pidfd::open(child.id()).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }

    #[test]
    fn a_signal_for_one_process_never_reaches_its_successor() {
        let mut child = Command::new("/bin/sleep").arg("1000").spawn().unwrap();
        let ticks = procfs::stat(child.id()).unwrap().start_ticks;
        assert_eq!(signal_exactly(child.id(), ticks + 1, libc::SIGKILL), Err(libc::ESRCH));
        assert_eq!(signal_exactly(child.id(), ticks, 0), Ok(()));
        assert_eq!(signal_exactly(child.id(), ticks, libc::SIGKILL), Ok(()));
        child.wait().unwrap();
        assert_eq!(signal_exactly(child.id(), ticks, 0), Err(libc::ESRCH));
    }
}
