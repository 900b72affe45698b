//! Memory that children share with their parent: one cell for each child, in which it says how far
//! it has come.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use model::spawn::SetupStage;

use super::SetupError;
use crate::raw::call;

/// The child still shares its parent's descriptors.
const SHARING: u32 = 0;
/// It has its own.
const SEPARATE: u32 = 1;
/// It could not become its program: this bit, the stage from bit 16, the errno below.
const FAILED: u32 = 1 << 31;

/// How many cells are made at once: a page of them.
const CELLS: usize = 1024;
const PAGE_BYTES: usize = CELLS * size_of::<AtomicU32>();

/// How long the parent waits for word of a child before it looks whether the child lives at all.
/// Reached only when somebody kills it within its first microseconds.
const WORD_WAIT: Duration = Duration::from_millis(20);

/// A cell in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Index(usize);

/// All cells.
#[derive(Debug, Default)]
pub(super) struct Board {
    pages: Vec<Page>,
    free: Vec<usize>,
}

impl Board {
    /// A fresh cell.
    pub(super) fn claim(&mut self) -> io::Result<Index> {
        if self.free.is_empty() {
            let first = self.pages.len().saturating_mul(CELLS);
            self.pages.push(Page::new()?);
            self.free.extend((first..first.saturating_add(CELLS)).rev());
        }
        let index = Index(self.free.pop().ok_or(io::ErrorKind::OutOfMemory)?);
        if let Some(cell) = self.cell(&index) {
            cell.store(SHARING, Ordering::Relaxed);
        }
        Ok(index)
    }

    /// The cell of an index.
    pub(super) fn cell(&self, index: &Index) -> Option<&AtomicU32> {
        self.pages.get(index.0 / CELLS)?.cells().get(index.0 % CELLS)
    }

    /// The cell of an index, for a child.
    pub(super) fn handle(&self, index: &Index) -> Option<Cell> {
        self.cell(index).map(|it| Cell(NonNull::from(it)))
    }

    /// Gives a cell back, once its child has ended.
    pub(super) fn free(&mut self, Index(number): Index) {
        self.free.push(number);
    }
}

/// Anonymous memory that stays shared across fork.
#[derive(Debug)]
struct Page(NonNull<[AtomicU32; CELLS]>);

impl Page {
    fn new() -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: asks for new memory wherever there is room, so that no other mapping is touched.
        let memory = unsafe { libc::mmap(std::ptr::null_mut(), PAGE_BYTES, protection, flags, -1, 0) };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(memory.cast()).map(Self).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    fn cells(&self) -> &[AtomicU32; CELLS] {
        // SAFETY: mapped until drop, aligned to a page, of just this size, zeroed (a valid atomic),
        // and everyone, child or parent, accesses it atomically.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: this is the mapping `new` made, with its size, and no borrow outlives `self`.
        unsafe { libc::munmap(self.0.as_ptr().cast(), PAGE_BYTES) };
    }
}

/// Where one child says how far it has come. It stays where it is for as long as the board.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell(NonNull<AtomicU32>);

impl Cell {
    /// In the child: it has its own descriptors.
    pub(super) fn say_separate(self) {
        self.say(SEPARATE);
    }

    /// In the child: it cannot become its program.
    pub(super) fn say_failed(self, error: SetupError) {
        let stage = u32::from(error.stage.number());
        self.say(FAILED | (stage << 16) | (error.errno.unsigned_abs() & 0xffff));
    }

    fn say(self, word: u32) {
        // SAFETY: pages are never unmapped while a child can still speak, and everyone accesses cells atomically.
        let cell = unsafe { self.0.as_ref() };
        cell.store(word, Ordering::Release);
        let wake = usize::try_from(libc::FUTEX_WAKE).unwrap_or(0);
        // SAFETY: the pointer is to a live, aligned word of shared memory; waking reads nothing else.
        let _ = unsafe { call(libc::SYS_futex, [cell.as_ptr().addr(), wake, 1, 0]) };
    }
}

/// In the parent: waits until the child no longer shares the descriptors, or never will.
pub(super) fn await_separation(cell: &AtomicU32, has_ended: impl Fn() -> bool) {
    let timeout = libc::timespec { tv_sec: 0, tv_nsec: i64::from(WORD_WAIT.subsec_nanos()) };
    while cell.load(Ordering::Acquire) == SHARING {
        let (word, timeout) = (cell.as_ptr(), &raw const timeout);
        // SAFETY: the word is live, aligned, shared memory, the time-out a live `timespec`; the
        // kernel only reads both.
        let woken = unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, SHARING, timeout) };
        if woken != 0 && cell.load(Ordering::Acquire) == SHARING && has_ended() {
            return;
        }
    }
}

/// What a child that has ended had to say.
pub(super) fn failure(cell: &AtomicU32) -> Option<SetupError> {
    let word = cell.load(Ordering::Acquire);
    if word & FAILED == 0 {
        return None;
    }
    let stage = u8::try_from((word >> 16) & 0xff).ok().and_then(SetupStage::from_number)?;
    Some(SetupError { stage, errno: i32::try_from(word & 0xffff).unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_says_is_read_back() {
        let mut board = Board::default();
        let index = board.claim().unwrap();
        let (cell, child) = (board.cell(&index).unwrap(), board.handle(&index).unwrap());
        assert_eq!(failure(cell), None);
        child.say_separate();
        assert_eq!(failure(cell), None);
        let error = SetupError { stage: SetupStage::Exec, errno: libc::ENOEXEC };
        child.say_failed(error);
        assert_eq!(failure(cell), Some(error));
    }

    #[test]
    fn cells_are_used_again_and_come_fresh() {
        let mut board = Board::default();
        let all: Vec<_> = (0..=CELLS).map(|_| board.claim().unwrap()).collect();
        assert_eq!(board.pages.len(), 2);
        let error = SetupError { stage: SetupStage::User, errno: 1 };
        board.handle(&all[7]).unwrap().say_failed(error);
        for index in all {
            board.free(index);
        }
        for _ in 0..2 * CELLS {
            let index = board.claim().unwrap();
            assert_eq!(failure(board.cell(&index).unwrap()), None);
        }
        assert_eq!(board.pages.len(), 2);
    }

    #[test]
    fn nobody_waits_for_a_child_that_is_gone() {
        await_separation(&AtomicU32::new(SHARING), || true);
    }
}
