//! Making a child: everything that can be prepared is prepared before the fork, and between fork
//! and exec there are only system calls.
//!
//! The way it is done is a choice between three:
//!
//! - `vfork` (and `posix_spawn`, which is the same) holds the parent up until the child has become
//!   its program. A directory or a program on a file system that does not answer would then hold up
//!   the keeper, and with it everything. It also leaves the second processor idle meanwhile.
//! - `fork` copies the table of descriptors, all of it, only to have the copy closed again: with the
//!   pipes of ten thousand children that takes longer than all the rest, and the child's table stays
//!   large for as long as it lives. (`posix_spawn` does so too: on two processors 3,500 children per
//!   second from a process with few descriptors, 870 from one with 18,000.)
//! - What is done here: a `fork` that *shares* the table (`CLONE_FILES`). The child's second call,
//!   `close_range` with `UNSHARE`, gives it a table of its own with the first few descriptors, among
//!   them those it needs, which the parent has put into low places for that. Until then the parent
//!   waits; these two calls touch no file, so that is a matter of microseconds. From there on both
//!   go their own ways. (3,000 per second from either.)
//!
//! Where the kernel has no `close_range` (before 5.9, or forbidden), plain `fork` takes its place.
//!
//! What the child could not do it leaves in a cell of memory that it shares with its parent, who
//! reads it when the child has ended. So nobody waits for a child to get through its setup either.

mod board;
mod child;

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use model::spawn::SetupStage;
use rustix::io::DupFlags;

use crate::limits::Pair;
use crate::wait::has_ended;
use board::Board;
use child::Prepared;

/// A child to be made.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The file to execute; where it is relative, to `directory`.
    pub path: CString,
    /// Its arguments, the first being its name.
    pub argv: Vec<CString>,
    /// Its whole environment, each entry `KEY=value`.
    pub env: Vec<CString>,
    /// The directory to run it in; `None`: ours.
    pub directory: Option<CString>,
    /// Its umask; `None`: ours.
    pub umask: Option<u32>,
    /// Who to run it as; `None`, or our own user: as we are.
    pub identity: Option<Identity>,
    /// Its limits on open descriptors; `None`: ours.
    pub nofile: Option<Pair>,
}

/// A user to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The supplementary groups.
    pub groups: Vec<u32>,
}

/// The descriptors of a child: these, and no others.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    /// Becomes 0.
    pub stdin: BorrowedFd<'a>,
    /// Becomes 1.
    pub stdout: BorrowedFd<'a>,
    /// Becomes 2.
    pub stderr: BorrowedFd<'a>,
    /// Becomes 3.
    pub link: Option<BorrowedFd<'a>>,
}

/// A child that was made. It leads a process group of its own.
#[derive(Debug)]
pub struct Born {
    /// Its pid.
    pub pid: u32,
    /// What it may leave to be read.
    pub note: Note,
}

/// Where a child leaves why it could not become its program. Given back by [`Spawner::read`] once
/// the child has ended.
#[derive(Debug)]
pub struct Note(board::Index);

/// Why a child could not become its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetupError {
    /// What it was doing.
    pub stage: SetupStage,
    /// The kernel's number of the error.
    pub errno: i32,
}

/// How many descriptors a child can be given.
const PLACES: usize = 4;

/// The first number a place may have: above all that a child can be given, so that putting one
/// descriptor where it belongs never covers another.
const PLACE_MIN: i32 = 8;

/// Makes children. For a process with a single thread.
#[derive(Debug)]
pub struct Spawner {
    board: Board,
    null: OwnedFd,
    /// The low places where a child finds its descriptors; `/dev/null` is there in between.
    places: [OwnedFd; PLACES],
    can_close_ranges: bool,
}

impl Spawner {
    /// Prepares; best before many descriptors are open, so that the places are low.
    ///
    /// # Errors
    /// When `/dev/null` is missing, or descriptors or memory are short.
    pub fn new() -> io::Result<Self> {
        let null = crate::fd::null()?;
        let place = || rustix::io::fcntl_dupfd_cloexec(&null, PLACE_MIN);
        let places = [place()?, place()?, place()?, place()?];
        Ok(Self { board: Board::default(), null, places, can_close_ranges: child::can_close_ranges() })
    }

    /// Makes a child. That it could not become its program is known only when it has ended, by its
    /// [`Note`]; it leaves with exit status 127 then.
    ///
    /// # Errors
    /// `EAGAIN` when no process is left, `ENOMEM` when memory is short.
    pub fn spawn(&mut self, plan: &Plan, files: &Files<'_>) -> io::Result<Born> {
        let index = self.board.claim()?;
        let made = self.place(files).and_then(|()| self.fork(plan, files, &index));
        // The ends of the child must not stay open here, or nobody would see them close.
        self.clear();
        match made {
            Ok(pid) => Ok(Born { pid, note: Note(index) }),
            Err(error) => {
                self.board.free(index);
                Err(error)
            }
        }
    }

    /// Why the child that left this note could not become its program, if that is how it ended.
    /// For when it *has* ended: the note serves another child from here on.
    pub fn read(&mut self, note: Note) -> Option<SetupError> {
        let left = self.board.cell(&note.0).and_then(board::failure);
        self.board.free(note.0);
        left
    }

    /// Puts the descriptors where the child looks for them.
    fn place(&mut self, files: &Files<'_>) -> io::Result<()> {
        let given = [Some(files.stdin), Some(files.stdout), Some(files.stderr), files.link];
        for (place, fd) in self.places.iter_mut().zip(given) {
            if let Some(fd) = fd {
                put(fd, place)?;
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        for place in &mut self.places {
            // Cannot fail: both are open, and the place stays the same.
            let _ = put(self.null.as_fd(), place);
        }
    }

    fn fork(&self, plan: &Plan, files: &Files<'_>, index: &board::Index) -> io::Result<u32> {
        let cell = self.board.cell(index).ok_or(io::ErrorKind::OutOfMemory)?;
        let numbers = self.places.each_ref().map(AsRawFd::as_raw_fd);
        let [stdin, stdout, stderr, link] = numbers;
        let beyond = numbers.into_iter().max().unwrap_or(PLACE_MIN).saturating_add(1);
        let argv = pointers(&plan.argv);
        let env = pointers(&plan.env);
        let words = child::Words::of(plan);
        let prepared = Prepared {
            plan,
            argv: &argv,
            env: &env,
            words: &words,
            cell,
            stdio: [stdin, stdout, stderr],
            link: files.link.map(|_| link),
            separate_from: self.can_close_ranges.then(|| beyond.unsigned_abs()),
            highest: if self.can_close_ranges { beyond } else { highest_open() },
        };
        let pid = child::fork(&prepared)?;
        if self.can_close_ranges {
            board::await_separation(cell, || has_ended(pid));
        } else {
            child::ensure_group(pid);
        }
        Ok(pid)
    }
}

/// `dup3`, again when a signal came between.
fn put(fd: BorrowedFd<'_>, place: &mut OwnedFd) -> io::Result<()> {
    Ok(rustix::io::retry_on_intr(|| rustix::io::dup3(fd, place, DupFlags::CLOEXEC))?)
}

/// A list as `execve` wants it; valid as long as `strings`.
fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    let mut list: Vec<_> = strings.iter().map(|it| CStr::as_ptr(it)).collect();
    list.push(std::ptr::null());
    list
}

/// The highest number any descriptor has; where `/proc` does not tell, the highest it could have.
fn highest_open() -> i32 {
    let listed = std::fs::read_dir("/proc/self/fd").ok().and_then(|entries| {
        entries.filter_map(|it| it.ok()?.file_name().to_str()?.parse::<i32>().ok()).max()
    });
    let limit = || crate::limits::nofile().0.and_then(|it| i32::try_from(it).ok()).unwrap_or(i32::MAX);
    listed.unwrap_or_else(limit)
}

#[cfg(test)]
mod tests;
