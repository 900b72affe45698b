//! Making a child: everything that can be prepared is prepared before the fork, and between fork
//! and exec there are only system calls.
//!
//! The way it is done is a choice between four:
//!
//! - `vfork` (and `posix_spawn`, which is the same) holds the parent up until the child has become
//!   its program. A directory or a program on a file system that does not answer would then hold up
//!   the keeper, and with it everything. It also leaves the second processor idle meanwhile.
//! - `fork` copies the table of descriptors, all of it, only to have the copy closed again: with the
//!   pipes of ten thousand children that takes longer than all the rest, and the child's table stays
//!   large for as long as it lives. (`posix_spawn` does so too: on two processors 3,500 children per
//!   second from a process with few descriptors, 870 from one with 18,000.)
//! - A `fork` that *shares* the table (`CLONE_FILES`) still copies the memory, or rather what tells
//!   where it is, and each side then pays for every page it writes first.
//! - What is done here: a child that shares table *and* memory, on a stack of its own, and goes on at
//!   the same time as its parent. Its second call, `close_range` with `UNSHARE`, gives it a table of
//!   its own with the first few descriptors, among them those it needs, which the parent has put into
//!   low places for that. The memory it leaves when it becomes its program; until then what it reads
//!   is kept as it is (`launch`), and it touches nothing else.
//!
//! There are a few sets of places, so that the parent goes on to the next child at once, and waits
//! only when a set is needed again, or in [`Spawner::settle`], before it sleeps.
//!
//! Where the kernel has no `close_range` (before 5.9, or forbidden), plain `fork` takes its place.
//!
//! What the child could not do it leaves in a cell of memory that it shares with its parent, who
//! reads it when the child has ended. So nobody waits for a child to get through its setup either.

mod board;
mod child;
mod launch;

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use model::spawn::SetupStage;
use rustix::io::DupFlags;

use crate::limits::Pair;
use crate::wait::has_ended;
use board::Board;
use child::Prepared;
use launch::Launches;

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
    /// The door of the control group to run it in ([`crate::cgroup::door`]); `None`, or where that cannot be entered:
    /// ours.
    pub cgroup: Option<CString>,
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

/// How many children may share our descriptors at the same time: enough for each processor of a machine of this day
/// to have begun one.
const SETS: usize = 4;

/// The low places where one child finds its descriptors.
#[derive(Debug)]
struct Set {
    places: [OwnedFd; PLACES],
    /// Whether something other than `/dev/null` is there.
    is_used: bool,
    /// The child that was told to look here, until it is known that it has.
    child: Option<(board::Index, u32)>,
}

/// Makes children. For a process with a single thread.
#[derive(Debug)]
pub struct Spawner {
    board: Board,
    launches: Launches,
    null: OwnedFd,
    sets: Vec<Set>,
    /// The set for the next child.
    next: usize,
    /// The number from which on no descriptor is a place.
    beyond: i32,
    wrong_signals: Vec<(i32, bool)>,
    can_close_ranges: bool,
    /// Whether children die with this process.
    bound: bool,
}

impl Spawner {
    /// Prepares; best before many descriptors are open, so that the places are low, and after the last signal was
    /// ignored.
    ///
    /// # Errors
    /// When `/dev/null` is missing, or descriptors or memory are short.
    pub fn new() -> io::Result<Self> {
        let null = crate::fd::null()?;
        let place = || rustix::io::fcntl_dupfd_cloexec(&null, PLACE_MIN);
        let mut sets = Vec::with_capacity(SETS);
        for _ in 0..SETS {
            let places = [place()?, place()?, place()?, place()?];
            sets.push(Set { places, is_used: false, child: None });
        }
        let highest = sets.iter().flat_map(|it| &it.places).map(AsRawFd::as_raw_fd).max();
        Ok(Self {
            board: Board::default(),
            launches: Launches::default(),
            null,
            sets,
            next: 0,
            beyond: highest.unwrap_or(PLACE_MIN).saturating_add(1),
            wrong_signals: child::wrong_signals(),
            can_close_ranges: child::can_close_ranges(),
            bound: false,
        })
    }

    /// From here on, children are killed when this process dies, however it dies; but not those that are given a
    /// link, who see by its end that they are alone. A child that executes a set-user-id program is freed by the
    /// kernel (`PR_SET_PDEATHSIG` in prctl(2)).
    pub fn bind_children(&mut self) {
        self.bound = true;
    }

    /// Makes a child. That it could not become its program is known only when it has ended, by its
    /// [`Note`]; it leaves with exit status 127 then.
    ///
    /// To be followed by [`Spawner::settle`], at the latest before the caller waits for anything.
    ///
    /// # Errors
    /// `EAGAIN` when no process is left, `ENOMEM` when memory is short.
    pub fn spawn(&mut self, plan: Plan, files: &Files<'_>) -> io::Result<Born> {
        let index = self.board.claim()?;
        self.vacate(self.next);
        let made = self.place(files).and_then(|()| self.launch(plan, files, &index));
        match made {
            Ok(pid) => {
                if let Some(set) = self.sets.get_mut(self.next) {
                    set.child = self.can_close_ranges.then(|| (index.clone(), pid));
                }
                self.next = self.next.saturating_add(1) % SETS;
                Ok(Born { pid, note: Note(index) })
            }
            Err(error) => {
                self.board.free(index);
                Err(error)
            }
        }
    }

    /// Lets go of the descriptors of the children that were made. They must not stay open here, or nobody would see
    /// them close. Waits until the last of those children has its own, which is a matter of microseconds.
    pub fn settle(&mut self) {
        for at in 0..self.sets.len() {
            self.vacate(at);
            self.clear(at);
        }
    }

    /// Why the child that left this note could not become its program, if that is how it ended.
    /// For when it *has* ended: the note serves another child from here on.
    pub fn read(&mut self, note: Note) -> Option<SetupError> {
        // What is asked of its set from here on would be asked of that other child.
        for set in &mut self.sets {
            set.child.take_if(|(index, _)| *index == note.0);
        }
        let left = self.board.cell(&note.0).and_then(board::failure);
        self.board.free(note.0);
        left
    }

    /// Puts the descriptors where the child looks for them.
    fn place(&mut self, files: &Files<'_>) -> io::Result<()> {
        let given = [Some(files.stdin), Some(files.stdout), Some(files.stderr), files.link];
        let Some(set) = self.sets.get_mut(self.next) else { return Ok(()) };
        set.is_used = true;
        for (place, fd) in set.places.iter_mut().zip(given) {
            if let Some(fd) = fd {
                put(fd, place)?;
            }
        }
        Ok(())
    }

    /// Waits until the child of a set has what was put there, or is gone.
    fn vacate(&mut self, at: usize) {
        if let Some((index, pid)) = self.sets.get_mut(at).and_then(|it| it.child.take())
            && let Some(cell) = self.board.cell(&index)
        {
            board::await_separation(cell, || has_ended(pid));
        }
    }

    fn clear(&mut self, at: usize) {
        let Some(set) = self.sets.get_mut(at).filter(|it| it.is_used) else { return };
        for place in &mut set.places {
            // Cannot fail: both are open, and the place stays the same.
            let _ = put(self.null.as_fd(), place);
        }
        set.is_used = false;
    }

    fn launch(&mut self, plan: Plan, files: &Files<'_>, index: &board::Index) -> io::Result<u32> {
        let cell = self.board.handle(index).ok_or(io::ErrorKind::OutOfMemory)?;
        let numbers = self.sets.get(self.next).map(|it| it.places.each_ref().map(AsRawFd::as_raw_fd));
        let [stdin, stdout, stderr, link] = numbers.ok_or(io::ErrorKind::NotFound)?;
        let mut prepared = Prepared::of(plan, cell);
        prepared.stdio = [stdin, stdout, stderr];
        prepared.link = files.link.map(|_| link);
        prepared.separate_from = self.can_close_ranges.then(|| self.beyond.unsigned_abs());
        prepared.highest = if self.can_close_ranges { self.beyond } else { highest_open() };
        prepared.bound_to = (self.bound && files.link.is_none()).then(std::process::id);
        prepared.signals.clone_from(&self.wrong_signals);
        let launch = self.launches.claim(prepared)?;
        let made = child::launch(&launch);
        self.launches.keep(launch);
        let pid = made?;
        if !self.can_close_ranges {
            child::ensure_group(pid);
        }
        Ok(pid)
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        self.settle();
        if !self.launches.are_over() {
            // A child on its way may still have something to say.
            std::mem::forget(std::mem::take(&mut self.board));
        }
    }
}
/// `dup3`, again when a signal came between.
fn put(fd: BorrowedFd<'_>, place: &mut OwnedFd) -> io::Result<()> {
    Ok(rustix::io::retry_on_intr(|| rustix::io::dup3(fd, place, DupFlags::CLOEXEC))?)
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
