//! Whether this machine lets a process do what the house relies on: each probe makes the very call, and leaves nothing
//! behind.
//!
//! An error is the kernel's number. `ENOSYS` says that it does not know the call, `EPERM` usually that a filter
//! (seccomp, as containers have one) refuses it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::FlockOperation;

/// What a brief child leaves with.
const BRIEF_STATUS: libc::c_int = 7;

/// `PIDFD_GET_INFO` of `linux/pidfd.h`: reads and writes 64 bytes, number 11 of the family 0xFF.
const PIDFD_GET_INFO: libc::c_ulong = 0xC040_FF0B;

/// `PIDFD_INFO_EXIT`: asks for the exit status, and says that it is there.
const PIDFD_INFO_EXIT: u64 = 1 << 3;

/// `struct pidfd_info` of `linux/pidfd.h`, as it was first.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    ids: [u32; 11],
    exit: i32,
}

/// Whether a process can be held by a descriptor; this process, in this case.
///
/// # Errors
/// The kernel's.
pub fn pidfd_open() -> Result<OwnedFd, i32> {
    open_pidfd(std::process::id())
}

fn open_pidfd(pid: u32) -> Result<OwnedFd, i32> {
    // SAFETY: takes two numbers and touches no memory of ours.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    let fd = i32::try_from(fd).map_err(|_| libc::EBADF)?;
    // SAFETY: the call has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether a process can be signaled through such a descriptor. Sends nothing.
///
/// # Errors
/// The kernel's.
pub fn pidfd_signal(process: &OwnedFd) -> Result<(), i32> {
    let (fd, none) = (process.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
    // SAFETY: signal 0 only asks; without a `siginfo_t` the call reads no memory of ours.
    check(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, 0, none, 0) }).map(drop)
}

/// Whether the exit status of a process that somebody else has waited for can be had through such a descriptor: what
/// is left of it when its parent has died.
///
/// # Errors
/// The kernel's; `ENOTTY` or `ESRCH` on kernels before 6.15.
pub fn exit_through_pidfd() -> Result<(), i32> {
    let child = brief_child()?;
    let pidfd = open_pidfd(child.pid);
    drop(child);
    let pidfd = pidfd?;
    let mut info = PidfdInfo { mask: PIDFD_INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: the pointer is to a live structure of the size that the number of the call tells.
    let result = unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
    check(result.into())?;
    let told = info.mask & PIDFD_INFO_EXIT != 0 && libc::WEXITSTATUS(info.exit) == BRIEF_STATUS;
    if told { Ok(()) } else { Err(libc::ENODATA) }
}

/// A child that ends at once; waited for when dropped.
struct Brief {
    pid: u32,
}

impl Drop for Brief {
    fn drop(&mut self) {
        let Ok(pid) = libc::pid_t::try_from(self.pid) else { return };
        // SAFETY: waits for our own child; the status is not asked for.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    }
}

fn brief_child() -> Result<Brief, i32> {
    let flags = libc::c_long::from(libc::CLONE_FILES | libc::SIGCHLD);
    let none: libc::c_long = 0;
    // SAFETY: without `CLONE_VM` the child runs on a copy of this memory, and only ends.
    match check(unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) })? {
        // SAFETY: ends the child, and nothing of the parent's is flushed or run.
        0 => unsafe { libc::_exit(BRIEF_STATUS) },
        pid => Ok(Brief { pid: u32::try_from(pid).map_err(|_| libc::ESRCH)? }),
    }
}

/// Whether a child can be made the way the keeper makes them.
///
/// # Errors
/// The kernel's.
pub fn child() -> Result<(), i32> {
    brief_child().map(drop)
}

/// Whether descriptors can be closed by the range. Closes none.
///
/// # Errors
/// The kernel's.
pub fn close_range() -> Result<(), i32> {
    // SAFETY: takes numbers; no descriptor has the highest.
    check(unsafe { libc::syscall(libc::SYS_close_range, u32::MAX, u32::MAX, 0) }).map(drop)
}

/// Whether bytes can go from a pipe to a file inside the kernel. The file is one in memory.
///
/// # Errors
/// The kernel's.
pub fn splice() -> Result<(), i32> {
    let file = rustix::fs::memfd_create(c"probe", rustix::fs::MemfdFlags::CLOEXEC).map_err(number)?;
    let (reader, writer) = crate::fd::pipe().map_err(|it| code(&it))?;
    rustix::io::write(&writer, b"x").map_err(number)?;
    rustix::pipe::splice(reader, None, file, None, 1, rustix::pipe::SpliceFlags::empty())
        .map(drop)
        .map_err(number)
}

/// Whether a file in memory can be made and sealed.
///
/// # Errors
/// The kernel's.
pub fn memory_file() -> Result<(), i32> {
    crate::fd::sealed(c"probe", b"x").map(drop).map_err(|it| code(&it))
}

/// Whether orphans of children can be adopted. From here on this process does.
///
/// # Errors
/// The kernel's.
pub fn subreaper() -> Result<(), i32> {
    crate::wait::adopt_orphans().map_err(|it| code(&it))
}

/// Whether a lock that one process has of a file in `directory` keeps others out. The file is gone afterwards.
///
/// # Errors
/// The kernel's; `ENOLCK` when the lock keeps nobody out.
pub fn lock(directory: &Path) -> Result<(), i32> {
    let path = directory.join(format!(".menshen-doctor-{}", std::process::id()));
    let open = |new: bool| OpenOptions::new().read(true).write(true).create_new(new).open(&path);
    let outcome = open(true).map_err(|it| code(&it)).and_then(|first| {
        let second = open(false).map_err(|it| code(&it))?;
        exclude(&first, &second)
    });
    // Where it could not be made, there is nothing to remove.
    let _ = std::fs::remove_file(&path);
    outcome
}

fn exclude(first: &File, second: &File) -> Result<(), i32> {
    rustix::fs::flock(first, FlockOperation::NonBlockingLockExclusive).map_err(number)?;
    match rustix::fs::flock(second, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(()),
        Ok(()) => Err(libc::ENOLCK),
        Err(errno) => Err(number(errno)),
    }
}

/// Whether the file system at `path` is in memory, and therefore empty after a reboot.
pub fn is_in_memory(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|it| {
        [libc::TMPFS_MAGIC, 0x8584_58f6].iter().any(|magic| u64::try_from(it.f_type) == u64::try_from(*magic))
    })
}

/// Whether this process may make files in `directory`.
///
/// # Errors
/// The kernel's.
pub fn writable(directory: &Path) -> Result<(), i32> {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(directory, access).map_err(number)
}

/// Whether the system log takes datagrams.
///
/// # Errors
/// The kernel's.
pub fn system_log() -> Result<(), i32> {
    let socket = std::os::unix::net::UnixDatagram::unbound().map_err(|it| code(&it))?;
    socket.connect("/dev/log").map_err(|it| code(&it))
}

fn check(result: libc::c_long) -> Result<libc::c_long, i32> {
    if result < 0 { Err(code(&io::Error::last_os_error())) } else { Ok(result) }
}

fn code(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

fn number(errno: rustix::io::Errno) -> i32 {
    errno.raw_os_error()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_leave_nothing_behind() {
        let here = tempfile::tempdir().unwrap();
        lock(here.path()).unwrap();
        assert_eq!(std::fs::read_dir(here.path()).unwrap().count(), 0);
        assert_eq!(lock(Path::new("/no/such/folder")), Err(libc::ENOENT));
        writable(here.path()).unwrap();
        assert_eq!(writable(Path::new("/no/such/folder")), Err(libc::ENOENT));
        assert!(is_in_memory(Path::new("/dev/shm")));
        assert!(!is_in_memory(Path::new("/proc")));
        assert_eq!(size_of::<PidfdInfo>(), 64, "the size is part of the number of the call");
    }

    #[test]
    fn what_every_kernel_has_is_found() {
        child().unwrap();
        splice().unwrap();
        memory_file().unwrap();
    }
}
