//! How far the kernel has come with a file, noted where it outlives us.
//!
//! `splice(2)` moves bytes from a file to a pipe, and in the same call says where in the file it stands now, in memory that
//! the caller names. Here that memory is the beginning of a file in memory. Whoever reads that file later, when the caller is
//! long dead, knows of each byte whether it was moved: a process that is killed dies at the end of the call, not within it.

use std::ffi::c_void;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};

/// How many bytes of the file it takes.
pub const MARK_BYTES: usize = 8;

/// The number at the beginning of a file.
pub struct Mark {
    number: NonNull<i64>,
}

impl Mark {
    /// That of `file`, which has memory there: bytes that were written, and not a hole, and which nobody cuts off.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn map(file: BorrowedFd<'_>) -> io::Result<Self> {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: asks for a new mapping where the kernel likes, of a descriptor that is open.
        let place = unsafe { libc::mmap(ptr::null_mut(), MARK_BYTES, access, flags, file.as_raw_fd(), 0) };
        if place == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let number = NonNull::new(place.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        // What is swapped out would have to be read by a process that is being killed. Where there is no leave for it, that
        // is as unlikely as swapping out what was written a moment ago.
        // SAFETY: the range was mapped above.
        let _ = unsafe { libc::mlock(place, MARK_BYTES) };
        Ok(Self { number })
    }

    /// Where it stands.
    pub fn place(&self) -> u64 {
        // SAFETY: mapped for as long as `self` is there, aligned since a mapping begins a page, and never a reference.
        let number = unsafe { self.number.as_ptr().read_volatile() };
        u64::try_from(number).unwrap_or(0)
    }

    /// Has it stand there.
    pub fn set(&mut self, place: u64) {
        let number = i64::try_from(place).unwrap_or(i64::MAX);
        // SAFETY: as above; and `self` is borrowed by nobody else.
        unsafe { self.number.as_ptr().write_volatile(number) }
    }

    /// Has the kernel move up to so many bytes of `file` from here to `pipe`, without waiting: how many those are. It stands
    /// behind them then.
    ///
    /// # Errors
    /// When the pipe is full, nobody reads it, or this cannot be done with such a file.
    pub fn splice(&mut self, file: BorrowedFd<'_>, pipe: BorrowedFd<'_>, bytes: usize) -> io::Result<usize> {
        let (file, pipe) = (file.as_raw_fd(), pipe.as_raw_fd());
        // SAFETY: both descriptors are open; the kernel reads and writes one number, which is mapped for as long as `self` is
        // there, and of which there is never a reference.
        let count = unsafe {
            libc::splice(file, self.number.as_ptr(), pipe, ptr::null_mut(), bytes, libc::SPLICE_F_NONBLOCK)
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // SAFETY: mapped by `map`, and used by nobody else.
        let _ = unsafe { libc::munmap(self.number.as_ptr().cast::<c_void>(), MARK_BYTES) };
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mark").field(&self.place()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileExt;

    use rustix::fs::{MemfdFlags, memfd_create};

    use super::*;

    fn file() -> File {
        let file = File::from(memfd_create(c"mark", MemfdFlags::CLOEXEC).unwrap());
        file.write_all_at(&[0; MARK_BYTES], 0).unwrap();
        file
    }

    #[test]
    fn it_moves_with_what_is_moved_and_is_there_for_the_next() {
        let file = file();
        file.write_all_at(b"one two", 100).unwrap();
        let (mut theirs, ours) = io::pipe().unwrap();
        let mut mark = Mark::map(file.as_fd()).unwrap();
        mark.set(100);
        assert_eq!(mark.splice(file.as_fd(), ours.as_fd(), 3).unwrap(), 3);
        let mut word = [0; 3];
        theirs.read_exact(&mut word).unwrap();
        assert_eq!(&word, b"one");
        drop(mark);
        let mut bytes = [0; MARK_BYTES];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(u64::from_ne_bytes(bytes), 103);
        assert_eq!(Mark::map(file.as_fd()).unwrap().place(), 103);
    }

    #[test]
    fn what_was_not_moved_does_not_move_it() {
        let file = file();
        file.write_all_at(&vec![7; 200_000], 100).unwrap();
        let (theirs, ours) = io::pipe().unwrap();
        let mut mark = Mark::map(file.as_fd()).unwrap();
        mark.set(100);
        let moved = mark.splice(file.as_fd(), ours.as_fd(), 200_000).unwrap();
        assert!(moved > 0 && moved < 200_000, "{moved}");
        let full = mark.splice(file.as_fd(), ours.as_fd(), 200_000).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(mark.place(), 100 + u64::try_from(moved).unwrap());
        drop(theirs);
        let alone = mark.splice(file.as_fd(), ours.as_fd(), 200_000).unwrap_err();
        assert_eq!(alone.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(mark.place(), 100 + u64::try_from(moved).unwrap());
    }
}
