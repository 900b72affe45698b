//! Descriptors: making, marking and moving them.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags, memfd_create};
use rustix::io::FdFlags;
use rustix::pipe::PipeFlags;

/// `/dev/null` for reading and writing, closed on exec.
///
/// # Errors
/// When it is not there, or no descriptor is left.
pub fn null() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// A pipe, its end for reading first; both block and are closed on exec.
///
/// # Errors
/// When no descriptor is left.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?)
}

/// A pipe, its end for reading first; neither blocks, and both are closed on exec.
///
/// # Errors
/// When no descriptor is left.
pub fn nonblocking_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

/// The same file with a lowest free number that is not one of the first three; closed on exec.
///
/// # Errors
/// When no descriptor is left.
pub fn duplicate(fd: impl AsFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

/// Another opening of one end of a pipe, for reading *and* writing, that blocks whatever the end
/// itself does; closed on exec.
///
/// Whoever holds it is reader and writer of the pipe at once, so that its writes never break and its
/// reads never end, however many others leave.
///
/// # Errors
/// When `/proc` is not mounted or does not allow it, or no descriptor is left.
pub fn reopen_read_write(end: impl AsFd) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", end.as_fd().as_raw_fd());
    Ok(rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// Sets whether it is closed on exec.
///
/// # Errors
/// When the kernel refuses.
pub fn set_cloexec(fd: impl AsFd, close: bool) -> io::Result<()> {
    let flags = if close { FdFlags::CLOEXEC } else { FdFlags::empty() };
    Ok(rustix::io::fcntl_setfd(fd, flags)?)
}

/// Makes reads and writes return `WouldBlock` instead of waiting, for all who share this opening.
///
/// # Errors
/// When the kernel refuses.
pub fn set_nonblocking(fd: impl AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    if flags.contains(OFlags::NONBLOCK) {
        return Ok(());
    }
    Ok(rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK)?)
}

/// Makes reads and writes wait again, for all who share this opening.
///
/// # Errors
/// When the kernel refuses.
pub fn set_blocking(fd: impl AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    Ok(rustix::fs::fcntl_setfl(fd, flags - OFlags::NONBLOCK)?)
}

/// Takes over the descriptor this process was started with at `number`; closed on exec from here on.
///
/// # Errors
/// `EBADF` when there is none.
pub fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    if number < 0 {
        return Err(rustix::io::Errno::BADF.into());
    }
    // SAFETY: the number is not negative, and the borrow ends before anything can close it.
    let there = unsafe { BorrowedFd::borrow_raw(number) };
    set_cloexec(there, true)?;
    // SAFETY: it is open, as just seen, and by the contract with whoever started this process
    // nobody else in it owns that number.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Whether this process has a descriptor of this number.
pub fn is_open(number: RawFd) -> bool {
    if number < 0 {
        return false;
    }
    // SAFETY: the number is not negative, and the borrow ends before anything can close it.
    rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) }).is_ok()
}

/// A file in memory that holds `bytes` and can never be changed by anyone.
///
/// # Errors
/// When memory or descriptors are short.
pub fn sealed(name: &CStr, bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = File::from(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.write_all_at(bytes, 0)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

/// The `length` bytes of a file that [`sealed`] made.
///
/// # Errors
/// `InvalidData` when it can still be changed or has another length.
pub fn read_sealed(file: OwnedFd, length: usize) -> io::Result<Vec<u8>> {
    let seals = rustix::fs::fcntl_get_seals(&file)?;
    let file = File::from(file);
    let held = file.metadata()?.len();
    if !seals.contains(SealFlags::SHRINK | SealFlags::WRITE) || u64::try_from(length) != Ok(held) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// All bytes of a file from its beginning, wherever it stands.
///
/// # Errors
/// `FileTooLarge` when there are more than `limit`.
pub fn read_whole(file: &OwnedFd, limit: usize) -> io::Result<Vec<u8>> {
    let file = File::from(file.try_clone()?);
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if length > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// All bytes of the file this process was started with at descriptor `number`, which stays as it is.
///
/// # Errors
/// `EBADF` when there is none, `FileTooLarge` when there are more than `limit`.
pub fn borrowed_whole(number: RawFd, limit: usize) -> io::Result<Vec<u8>> {
    if number < 0 {
        return Err(rustix::io::Errno::BADF.into());
    }
    // SAFETY: the number is not negative, and the borrow ends before anything can close it.
    let there = unsafe { BorrowedFd::borrow_raw(number) };
    read_whole(&duplicate(there)?, limit)
}

/// Writes all bytes at a place of a file.
///
/// # Errors
/// When the kernel refuses, or the disk is full.
pub fn write_at(file: &OwnedFd, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut rest = bytes;
    let mut offset = offset;
    while !rest.is_empty() {
        let count = rustix::io::retry_on_intr(|| rustix::io::pwrite(file, rest, offset))?;
        rest = rest.get(count..).unwrap_or_default();
        offset = offset.saturating_add(u64::try_from(count).unwrap_or(0));
    }
    Ok(())
}

/// Cuts a file to a length, or fills it up with zeros.
///
/// # Errors
/// When the kernel refuses.
pub fn truncate(file: impl AsFd, length: u64) -> io::Result<()> {
    Ok(rustix::fs::ftruncate(file, length)?)
}

/// Takes the lock on a file for its opening, which lasts until the last duplicate of `file` is closed, in whatever
/// process. Says whether it was free.
///
/// # Errors
/// When the file system has no locks.
pub fn lock(file: impl AsFd) -> io::Result<bool> {
    match rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The number of a pipe, which both its ends have in common and no other pipe of the machine has; 0 when it cannot be
/// told.
pub fn pipe_number(end: impl AsFd) -> u64 {
    rustix::fs::fstat(end).map_or(0, |it| it.st_ino)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_file_is_read_as_it_was_written_and_never_changes() {
        let file = sealed(c"order", b"bytes").unwrap();
        assert!(rustix::io::write(&file, b"x").is_err());
        assert_eq!(read_sealed(duplicate(&file).unwrap(), 5).unwrap(), b"bytes");
        assert_eq!(read_sealed(file, 6).unwrap_err().kind(), io::ErrorKind::InvalidData);

        let open = memfd_create("open", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        assert_eq!(read_sealed(open, 0).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(read_sealed(null().unwrap(), 0).is_err());
    }

    #[test]
    fn a_pipe_held_for_reading_and_writing_never_breaks_and_never_ends() {
        let (reader, writer) = pipe().unwrap();
        let both = reopen_read_write(&writer).unwrap();
        drop(writer);
        set_nonblocking(&reader).unwrap();
        let again = || rustix::io::read(&reader, &mut [0; 8]);
        assert_eq!(again(), Err(rustix::io::Errno::AGAIN));
        assert_eq!(rustix::io::write(&both, b"ab"), Ok(2));
        assert_eq!(again(), Ok(2));
        rustix::io::write(&both, b"cd").unwrap();
        drop(both);
        assert_eq!(again(), Ok(2));
        assert_eq!(again(), Ok(0), "it ends with its last holder");
    }

    #[test]
    fn a_duplicate_stays_clear_of_the_standard_streams() {
        let copy = duplicate(null().unwrap()).unwrap();
        assert!(copy.as_raw_fd() > 2);
        assert!(rustix::io::fcntl_getfd(&copy).unwrap().contains(FdFlags::CLOEXEC));
        set_cloexec(&copy, false).unwrap();
        assert!(rustix::io::fcntl_getfd(&copy).unwrap().is_empty());
    }

    #[test]
    fn a_lock_belongs_to_an_opening_and_goes_with_its_last_duplicate() {
        let room = tempfile::tempdir().unwrap();
        let open = || OwnedFd::from(File::create(room.path().join("lock")).unwrap());
        let (first, second) = (open(), open());
        assert!(lock(&first).unwrap());
        assert!(!lock(&second).unwrap());
        let copy = duplicate(&first).unwrap();
        drop(first);
        assert!(!lock(&second).unwrap());
        drop(copy);
        assert!(lock(&second).unwrap());
    }

    #[test]
    fn a_file_is_written_at_a_place_and_read_whole() {
        let file = memfd_create("x", MemfdFlags::CLOEXEC).unwrap();
        write_at(&file, b"cd", 2).unwrap();
        write_at(&file, b"ab", 0).unwrap();
        assert_eq!(read_whole(&file, 4).unwrap(), b"abcd");
        assert_eq!(read_whole(&file, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn both_ends_of_a_pipe_have_its_number() {
        let (one, other) = (pipe().unwrap(), pipe().unwrap());
        assert_eq!(pipe_number(&one.0), pipe_number(&one.1));
        assert_ne!(pipe_number(&one.0), pipe_number(&other.0));
    }

    #[test]
    fn nothing_is_inherited_that_is_not_there() {
        assert_eq!(inherited(-1).unwrap_err().raw_os_error(), Some(libc::EBADF));
        assert!(is_open(0) && !is_open(-1) && !is_open(1_000_000));
        assert_eq!(inherited(1_000_000).unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}
