//! This process itself: its name, its user, its place in the tree, its next image.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use rustix::fs::Mode;

/// Names the calling process in `ps` and `top`; at most 15 bytes are kept.
pub fn set_name(name: &CStr) {
    // A nameless process works as well as a named one.
    let _ = rustix::thread::set_name(name);
}

/// The id of the calling process.
pub fn own_pid() -> u32 {
    std::process::id()
}

/// Sets the umask and returns the one before.
pub fn set_umask(mask: u32) -> u32 {
    rustix::process::umask(Mode::from_raw_mode(mask)).as_raw_mode()
}

/// The umask, which the kernel shows only to those who set it.
pub fn own_umask() -> u32 {
    let mask = set_umask(0o022);
    set_umask(mask);
    mask
}

/// Leaves the session for one of its own, without a terminal.
///
/// # Errors
/// When the process leads its group.
pub fn new_session() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// Becomes another user for good: supplementary groups, group, user.
///
/// # Errors
/// The step that the kernel refused.
pub fn become_user(uid: u32, gid: u32, groups: &[u32]) -> Result<(), UserError> {
    let count = groups.len();
    // SAFETY: the pointer and the count describe one live slice, which the call only reads.
    if unsafe { libc::setgroups(count, groups.as_ptr()) } != 0 {
        return Err(UserError::Groups(io::Error::last_os_error()));
    }
    // SAFETY: takes a number; changes this process's group and nothing in its memory.
    if unsafe { libc::setgid(gid) } != 0 {
        return Err(UserError::Group(io::Error::last_os_error()));
    }
    // SAFETY: takes a number; changes this process's user and nothing in its memory.
    if unsafe { libc::setuid(uid) } != 0 {
        return Err(UserError::User(io::Error::last_os_error()));
    }
    Ok(())
}

/// Which step of becoming another user failed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The supplementary groups.
    #[error("cannot set the groups: {0}")]
    Groups(io::Error),
    /// The group.
    #[error("cannot set the group: {0}")]
    Group(io::Error),
    /// The user.
    #[error("cannot set the user: {0}")]
    User(io::Error),
}

/// Which side of a fork the caller is on.
#[derive(Debug)]
pub enum Side {
    /// The process that called.
    Parent,
    /// The new one.
    Child,
}

/// Splits a process that has one thread in two.
///
/// # Errors
/// When the kernel refuses, or when there are other threads: they would be missing in the child
/// while their locks are held.
pub fn fork_alone() -> io::Result<Side> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads != 1 {
        return Err(io::Error::other("a process with several threads cannot be forked"));
    }
    // SAFETY: there is one thread, as just seen, so the child's memory is whole and consistent.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        _ => Ok(Side::Parent),
    }
}

/// Replaces this image by `program`; descriptors without close-on-exec stay open.
///
/// # Errors
/// Always: it returns only when the kernel refuses.
pub fn exec(program: &CStr, argv: &[CString]) -> io::Result<Infallible> {
    let mut pointers: Vec<_> = argv.iter().map(|it| it.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: `program` and every element are NUL-terminated and outlive the call, and the list
    // ends with a null pointer.
    unsafe { libc::execv(program.as_ptr(), pointers.as_ptr()) };
    Err(io::Error::last_os_error())
}

/// The same with a program that is open at a descriptor, which may be closed on exec.
///
/// # Errors
/// Always: it returns only when the kernel refuses.
pub fn exec_file(program: RawFd, argv: &[CString]) -> io::Result<Infallible> {
    let path = CString::new(format!("/proc/self/fd/{program}"))?;
    exec(&path, argv)
}

/// Lets `fd` stay open across [`exec`].
///
/// # Errors
/// When the kernel refuses.
pub fn keep_across_exec(fd: &OwnedFd) -> io::Result<i32> {
    rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())?;
    Ok(fd.as_raw_fd())
}

/// The file this process runs, by the name it was started from.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn own_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// The file this process runs, open, whatever has its name by now; closed on exec.
///
/// # Errors
/// When `/proc` is not mounted.
pub fn own_file() -> io::Result<OwnedFd> {
    Ok(std::fs::File::open("/proc/self/exe")?.into())
}

/// Sends all output of this process to `/dev/null` and reads its input from there.
///
/// # Errors
/// When `/dev/null` cannot be opened or put in place.
pub fn silence() -> io::Result<()> {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// The process group the terminal's signals do not reach: one of its own.
///
/// # Errors
/// When the kernel refuses.
pub fn new_group() -> io::Result<()> {
    Ok(rustix::process::setpgid(None, None)?)
}

/// The id of the process that started this one.
pub fn parent_pid() -> u32 {
    rustix::process::getppid().map_or(0, |it| it.as_raw_nonzero().get().unsigned_abs())
}
