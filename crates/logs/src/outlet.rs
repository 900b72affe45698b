//! A log file and the bytes that it does not take now.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use crate::file::{End, LogFile, is_short_of_descriptors};

/// Whether bytes go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// They do.
    Open,
    /// They wait until the descriptor is writable.
    Blocked,
    /// They wait until a write no longer fails.
    Stalled,
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
    /// The reader is gone; the bytes are dropped.
    Lost(io::Error),
    /// The file is full and could not be rotated.
    Unrotated(io::Error),
}

/// A log file, and in order behind it whatever it could not take. It is the owner's duty to stop
/// bringing bytes while it [is held](Self::is_held): all that come are kept.
#[derive(Debug)]
pub(crate) struct Outlet {
    file: LogFile,
    pending: Vec<u8>,
    flow: Flow,
    /// Whether it stalled because no descriptor was left to open the file with.
    is_short: bool,
}

impl Outlet {
    pub(crate) const fn new(file: LogFile) -> Self {
        Self { file, pending: Vec::new(), flow: Flow::Open, is_short: false }
    }

    /// Adds `bytes` behind all that came before.
    pub(crate) fn write(&mut self, bytes: &[u8], changes: &mut Vec<Change>) {
        if self.is_held() {
            self.pending.extend_from_slice(bytes);
        } else {
            self.put(bytes, changes);
        }
    }

    /// Tries again to write what is pending.
    pub(crate) fn resume(&mut self, changes: &mut Vec<Change>) {
        if self.is_held() {
            let pending = std::mem::take(&mut self.pending);
            self.put(&pending, changes);
        }
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
        let written = self.file.write(bytes);
        let rest = bytes.get(written.bytes..).unwrap_or_default();
        let was = self.flow;
        self.flow = match written.end {
            End::Whole => Flow::Open,
            End::Blocked => Flow::Blocked,
            End::Failed(error) => {
                self.is_short = is_short_of_descriptors(&error);
                if was != Flow::Stalled {
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
        if self.is_held() {
            self.pending.extend_from_slice(rest);
        }
        if matches!(was, Flow::Stalled) && matches!(self.flow, Flow::Open | Flow::Blocked) {
            changes.push(Change::Recovered);
        }
        if let Some(error) = written.unrotated {
            changes.push(Change::Unrotated(error));
        }
    }
}
