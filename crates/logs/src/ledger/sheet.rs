//! The file of the ledger, and where in it everything is. It has holes between: only what is written takes memory.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FallocateFlags, fallocate, fstat, fstatvfs};
use rustix::io::{Errno, pread, pwrite};
use rustix::pipe::{SpliceFlags, splice};

use super::record::SLOT_BYTES;
use crate::failpoint;

/// Where the table of slots is.
pub(super) const TABLE_AT: u64 = 4096;

/// Where small states are, two beside each other for each slot: most are, and of 10,000 streams in the midst of a line
/// none takes a page then.
const SMALL_AT: u64 = 1 << 32;
const SMALL_BYTES: u64 = 256;

/// Where the areas of the slots begin.
const AREAS_AT: u64 = 1 << 40;

/// How far one area is from the next.
pub(super) const AREA_BYTES: u64 = 1 << 36;

/// Where in its area the other state is, and output that waits.
const OTHER_SIDE_AT: u64 = 1 << 34;
const OUTPUT_AT: u64 = 1 << 35;

/// Where the tray is: the output of the last gulp.
pub(super) const TRAY_AT: u64 = 1 << 59;

/// Where the desk begins.
pub(super) const DESK_AT: u64 = 1 << 60;

/// How many slots there are at most: more than pipes can be.
pub(super) const SLOTS_MAX: u32 = 1 << 20;

/// Which part of a file system is left to others: the fourth.
const ROOM_LEFT: u64 = 4;

/// A block, as `stat(2)` counts them.
const BLOCK_BYTES: u64 = 512;

/// Where the entry of a slot is.
pub(super) fn slot_at(number: u32) -> u64 {
    TABLE_AT + u64::from(number) * widened(SLOT_BYTES)
}

/// Where the area of a slot begins.
pub(super) fn area_at(number: u32) -> u64 {
    AREAS_AT + u64::from(number) * AREA_BYTES
}

/// Where one of the two states of a slot is, if it has so many bytes.
pub(super) fn state_at(number: u32, side: bool, bytes: u64) -> u64 {
    if bytes <= SMALL_BYTES {
        SMALL_AT + (u64::from(number) * 2 + u64::from(side)) * SMALL_BYTES
    } else {
        area_at(number) + if side { OTHER_SIDE_AT } else { 0 }
    }
}

/// Where the output is that waits for long.
pub(super) fn output_at(number: u32) -> u64 {
    area_at(number) + OUTPUT_AT
}

pub(super) fn widened(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The file.
#[derive(Debug)]
pub(super) struct Sheet(pub(super) OwnedFd);

impl Sheet {
    /// Writes all of `bytes`, or fails; then some of them may be there. What is within a page is there or is not.
    pub(super) fn put(&self, mut bytes: &[u8], mut at: u64) -> Result<(), Errno> {
        failpoint::pass();
        // The first page has memory from the beginning.
        if at > 0 && failpoint::is_without_room() {
            let _ = pwrite(&self.0, bytes.get(..bytes.len() / 2).unwrap_or_default(), at);
            return Err(Errno::NOSPC);
        }
        while !bytes.is_empty() {
            match pwrite(&self.0, bytes, at) {
                Ok(0) => return Err(Errno::IO),
                Ok(count) => {
                    bytes = bytes.get(count..).unwrap_or_default();
                    at += widened(count);
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Fills `room`, or fails.
    pub(super) fn get(&self, mut room: &mut [u8], mut at: u64) -> Result<(), Errno> {
        while !room.is_empty() {
            match pread(&self.0, &mut *room, at) {
                Ok(0) => return Err(Errno::IO),
                Ok(count) => {
                    room = room.get_mut(count..).unwrap_or_default();
                    at += widened(count);
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// What is there, as far as it can be: not more than the file has memory for.
    pub(super) fn read(&self, bytes: u64, at: u64) -> Vec<u8> {
        let blocks = fstat(&self.0).map_or(0, |it| u64::try_from(it.st_blocks).unwrap_or(0));
        if bytes == 0 || bytes > blocks.saturating_mul(BLOCK_BYTES) {
            return Vec::new();
        }
        let mut room = vec![0; usize::try_from(bytes).unwrap_or(0)];
        match self.get(&mut room, at) {
            Ok(()) => room,
            Err(_) => Vec::new(),
        }
    }

    /// Whether there is room for so many bytes, with enough left for others who keep their files in the same memory.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        let Ok(about) = fstatvfs(&self.0) else { return false };
        // A file without a name is limited by nothing but the memory of the machine.
        let left = about.f_bavail.saturating_mul(about.f_frsize).saturating_sub(bytes);
        about.f_blocks == 0 || left / about.f_frsize.max(1) >= about.f_blocks / ROOM_LEFT
    }

    /// Has the kernel move up to so many bytes from `pipe` to the place `at`.
    pub(super) fn take(&self, pipe: BorrowedFd<'_>, at: u64, bytes_max: usize) -> Result<usize, Errno> {
        failpoint::pass();
        let count = splice(pipe, None, &self.0, Some(&mut { at }), bytes_max, SpliceFlags::NONBLOCK)?;
        failpoint::pass();
        Ok(count)
    }

    /// Where it ends.
    pub(super) fn end(&self) -> u64 {
        fstat(&self.0).map_or(0, |it| u64::try_from(it.st_size).unwrap_or(0))
    }

    /// Gives back the memory of a part. What cannot be given back is overwritten some day.
    pub(super) fn give_back(&self, at: u64, bytes: u64) {
        failpoint::pass();
        let _ = fallocate(&self.0, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, at, bytes);
    }
}

impl AsFd for Sheet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
