//! A log file and the bytes that it does not take now.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use model::keeping::OnFull;

use crate::file::{End, LogFile, Moved, Place, is_short_of_descriptors};

/// Whether bytes go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// They do.
    Open,
    /// They wait until the descriptor is writable.
    Blocked,
    /// They wait until a write no longer fails.
    Stalled,
    /// They waited in their pipe; the next that come show whether it still fails.
    Trying,
    /// They are dropped and counted until a write no longer fails.
    Dropping,
    /// They are dropped: nobody will ever read them.
    Lost,
}

/// What others should hear of.
#[derive(Debug)]
pub(crate) enum Change {
    /// Writing fails; the bytes wait.
    Stalled(io::Error),
    /// It works again; nothing was lost.
    Recovered,
    /// Writing fails; from now on bytes are dropped.
    Dropping(io::Error),
    /// It works again; so many bytes were dropped meanwhile.
    Dropped(u64),
    /// The reader is gone; the bytes are dropped.
    Lost(io::Error),
    /// The file is full and could not be rotated.
    Unrotated(io::Error),
}

/// What came of moving bytes from a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spliced {
    /// So many were moved, to the place `at`.
    Bytes { count: usize, at: u64 },
    /// The pipe is empty, or the log takes nothing now.
    Nothing,
    /// Nobody can write to the pipe any more.
    End,
    /// It cannot be done with this log.
    Refused,
}

/// A log file, and in order behind it whatever it could not take. It is the owner's duty to stop
/// bringing bytes while it [is held](Self::is_held): all that come are kept.
#[derive(Debug)]
pub(crate) struct Outlet {
    file: LogFile,
    pending: Vec<u8>,
    /// Where some of that may have been written already.
    redo_at: Option<Place>,
    flow: Flow,
    /// Whether it stalled because no descriptor was left to open the file with.
    is_short: bool,
    /// Whether the kernel has refused to move bytes to the file by itself.
    refuses_splice: bool,
    policy: OnFull,
    /// How many bytes were dropped since writing last failed, and before that.
    dropped: u64,
    dropped_before: u64,
}

impl Outlet {
    pub(crate) const fn new(file: LogFile) -> Self {
        Self {
            file,
            pending: Vec::new(),
            redo_at: None,
            flow: Flow::Open,
            is_short: false,
            refuses_splice: false,
            policy: OnFull::Block,
            dropped: 0,
            dropped_before: 0,
        }
    }

    /// What is to become of bytes that the file does not take.
    pub(crate) const fn set_policy(&mut self, policy: OnFull) {
        self.policy = policy;
    }

    /// Whether bytes are dropped at the moment, and the next attempt is to come.
    pub(crate) const fn is_dropping(&self) -> bool {
        matches!(self.flow, Flow::Dropping)
    }

    /// Counts bytes that were not even offered to the file.
    pub(crate) fn drop_bytes(&mut self, count: usize) {
        self.dropped = self.dropped.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Has the next bytes show whether writing works again.
    pub(crate) const fn try_again(&mut self) {
        if self.is_dropping() {
            self.flow = Flow::Trying;
        }
    }

    /// How many bytes were dropped in all.
    pub(crate) const fn dropped_bytes(&self) -> u64 {
        self.dropped_before.saturating_add(self.dropped)
    }

    /// Adds `bytes` behind all that came before.
    pub(crate) fn write(&mut self, bytes: &[u8], changes: &mut Vec<Change>) {
        if self.is_held() {
            self.pending.extend_from_slice(bytes);
        } else if self.is_dropping() {
            self.drop_bytes(bytes.len());
        } else {
            self.put(bytes, changes);
        }
    }

    /// Tries again to write what is pending.
    pub(crate) fn resume(&mut self, changes: &mut Vec<Change>) {
        if self.is_held() && self.pending.is_empty() {
            self.flow = Flow::Trying;
        } else if self.is_held() {
            let pending = std::mem::take(&mut self.pending);
            match self.redo_at.take() {
                Some(place) => self.redo_now(&pending, place, changes),
                None => self.put(&pending, changes),
            }
        }
    }

    /// Has the kernel move up to `bytes_max` bytes from `pipe` to the file. What the file does not take
    /// stays in the pipe.
    pub(crate) fn splice(
        &mut self,
        pipe: BorrowedFd<'_>,
        bytes_max: usize,
        changes: &mut Vec<Change>,
    ) -> Spliced {
        if self.refuses_splice || self.is_held() {
            return Spliced::Refused;
        }
        match self.file.splice(pipe, bytes_max) {
            Moved::Bytes { count, at } => {
                self.turn(End::Whole, changes);
                Spliced::Bytes { count, at }
            }
            Moved::Nothing => Spliced::Nothing,
            Moved::End => Spliced::End,
            Moved::Failed(error) => {
                self.turn(End::Failed(error), changes);
                Spliced::Nothing
            }
            Moved::Refused => {
                self.refuses_splice = true;
                Spliced::Refused
            }
        }
    }

    /// Rotates the file if it is full and all is in it: what is to follow each of the others, and apart
    /// from them, since until then the file is the one that it was.
    pub(crate) fn make_room(&mut self, changes: &mut Vec<Change>) {
        if self.is_held() {
            return;
        }
        if let Some(error) = self.file.rotate_if_full() {
            changes.push(Change::Unrotated(error));
        }
    }

    /// Writes what may have been written in part to `place`, so that it is there once.
    pub(crate) fn redo(&mut self, bytes: &[u8], place: Option<Place>, changes: &mut Vec<Change>) {
        match place {
            Some(place) if !self.is_held() => self.redo_now(bytes, place, changes),
            Some(_) | None => self.write(bytes, changes),
        }
    }

    fn redo_now(&mut self, bytes: &[u8], place: Place, changes: &mut Vec<Change>) {
        match self.file.redo(bytes, place) {
            Ok(done) => self.put(bytes.get(done..).unwrap_or_default(), changes),
            Err(errno) => {
                self.turn(End::Failed(errno.into()), changes);
                self.keep_back(bytes);
                self.redo_at = self.is_held().then_some(place);
            }
        }
    }

    /// Whether it is still to be seen how much of what waits was written already.
    pub(crate) const fn is_to_redo(&self) -> bool {
        self.redo_at.is_some()
    }

    /// Where the next bytes go, if that is a regular file.
    pub(crate) fn place(&mut self) -> Option<Place> {
        self.redo_at.or_else(|| self.file.place().ok()?)
    }

    /// Whether bytes are waiting.
    pub(crate) const fn is_held(&self) -> bool {
        matches!(self.flow, Flow::Blocked | Flow::Stalled)
    }

    /// Whether they wait for the descriptor to become writable.
    pub(crate) const fn is_blocked(&self) -> bool {
        matches!(self.flow, Flow::Blocked)
    }

    /// Whether they wait for a descriptor to open their file with.
    pub(crate) const fn is_short_of_descriptors(&self) -> bool {
        self.is_short && matches!(self.flow, Flow::Stalled)
    }

    /// Whether the kernel may move bytes to it by itself, as far as is known.
    pub(crate) const fn can_splice(&self) -> bool {
        !self.refuses_splice
    }

    /// Whether what was moved to it can be looked at.
    pub(crate) fn can_read_back(&self) -> bool {
        self.file.can_read_back()
    }

    /// Reads what is at place `at`: how many bytes there are.
    pub(crate) fn read_back(&self, room: &mut [u8], at: u64) -> usize {
        self.file.read_back(room, at).unwrap_or(0)
    }

    pub(crate) fn is_file_open(&self) -> bool {
        self.file.is_file_open()
    }

    /// How many bytes are waiting.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Goes on with another file; what is pending goes there.
    pub(crate) fn replace(&mut self, file: LogFile) {
        self.file = file;
        self.refuses_splice = false;
    }

    pub(crate) const fn file(&mut self) -> &mut LogFile {
        &mut self.file
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.file.descriptor()
    }

    fn put(&mut self, bytes: &[u8], changes: &mut Vec<Change>) {
        let (done, end) = self.file.append(bytes);
        self.turn(end, changes);
        self.keep_back(bytes.get(done..).unwrap_or_default());
    }

    /// Does with what the file does not take what is wanted then.
    fn keep_back(&mut self, rest: &[u8]) {
        if self.is_held() {
            self.pending.extend_from_slice(rest);
        } else if self.is_dropping() {
            self.drop_bytes(rest.len());
        }
    }

    /// Notes how a write ended.
    fn turn(&mut self, end: End, changes: &mut Vec<Change>) {
        let was = self.flow;
        let had_failed = matches!(was, Flow::Stalled | Flow::Trying);
        self.flow = match end {
            End::Whole => Flow::Open,
            End::Blocked | End::Failed(_) if self.policy == OnFull::Drop => {
                let error = match end {
                    End::Failed(error) => error,
                    End::Whole | End::Blocked | End::Lost(_) => io::Error::other("nobody reads it"),
                };
                if !had_failed {
                    changes.push(Change::Dropping(error));
                }
                Flow::Dropping
            }
            End::Blocked => Flow::Blocked,
            End::Failed(error) => {
                self.is_short = is_short_of_descriptors(&error);
                if !had_failed {
                    changes.push(Change::Stalled(error));
                }
                Flow::Stalled
            }
            End::Lost(error) => {
                if was != Flow::Lost {
                    changes.push(Change::Lost(error));
                }
                Flow::Lost
            }
        };
        if had_failed && matches!(self.flow, Flow::Open | Flow::Blocked) {
            self.dropped_before = self.dropped_bytes();
            changes.push(match std::mem::take(&mut self.dropped) {
                0 => Change::Recovered,
                dropped => Change::Dropped(dropped),
            });
        }
    }
}
