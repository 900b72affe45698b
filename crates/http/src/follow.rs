//! Following a log as it grows: `tail -f` for a client.
//!
//! New bytes are noticed through inotify, so that a quiet log costs nothing but a look each second (for
//! file systems that tell nobody); where inotify is not to be had, by a look ten times a second. Both
//! only while somebody follows.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use api::logs;
use bytes::Bytes;
use rustix::fs::OFlags;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::net::unix::pipe::Receiver;

use crate::seat::Seat;

/// How much of what is already there a follower is shown first (`http.py`, `logtail_handler`).
pub(crate) const HISTORY_BYTES: u64 = 1024;

/// How much is read, and held for one follower, at once.
const CHUNK_BYTES: u64 = 64 << 10;

/// How often to look when nobody tells of changes: what the original intends.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often to look although changes are told: remote file systems keep theirs to themselves.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// How long to let changes gather: a log written to all the time wakes us 500 times a second at most, and
/// with the rest of its pipe a line is seen within 5 ms.
const GATHER: Duration = Duration::from_millis(2);

/// What the original means to say when a log was emptied in place.
const TRUNCATED: &[u8] = b"==> File truncated <==\n";

/// What is new in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// It has grown.
    Bytes(Bytes),
    /// It was emptied in place.
    Truncated,
}

impl Piece {
    /// As the original shows it.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Truncated => Bytes::from_static(TRUNCATED),
        }
    }
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// So many bytes before the end, at the beginning of a character.
    End(u64),
    /// Where a client left off, if it is still the same file; else so many bytes before the end.
    Place(Place, u64),
    /// At the beginning.
    Beginning,
}

/// A place in a file: its inode, and how many bytes are before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    inode: u64,
    position: u64,
}

impl Place {
    /// Reads what [`Follower::id`] wrote.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let (inode, position) = id.split_once('-')?;
        Some(Self { inode: u64::from_str_radix(inode, 16).ok()?, position: position.parse().ok()? })
    }
}

/// One client's view of one log.
#[derive(Debug)]
pub(crate) struct Follower {
    path: PathBuf,
    file: File,
    /// Where the next byte to be shown is.
    position: u64,
    watch: Watch,
    _seat: Seat,
}

impl Follower {
    /// Opens a log.
    pub(crate) fn open(path: PathBuf, from: From, seat: Seat) -> io::Result<Self> {
        let file = open(&path)?;
        let there = file.metadata()?;
        let position = match from {
            From::Beginning => 0,
            From::Place(place, _) if place.inode == there.ino() && place.position <= there.len() => {
                place.position
            }
            From::Place(_, history) | From::End(history) => {
                start(&file, there.len().saturating_sub(history))?
            }
        };
        let watch = Watch::new(&path);
        Ok(Self { path, file, position, watch, _seat: seat })
    }

    /// Where the next byte to be shown is.
    pub(crate) fn id(&self) -> String {
        let inode = self.file.metadata().map_or(0, |it| it.ino());
        format!("{inode:x}-{}", self.position)
    }

    /// What is there already, bit by bit, without waiting for more; `None` at the end.
    pub(crate) fn read_on(&mut self) -> Option<Bytes> {
        let bytes = self.read(CHUNK_BYTES).ok().filter(|it| !it.is_empty())?;
        self.position += u64::try_from(bytes.len()).unwrap_or(0);
        Some(bytes)
    }

    /// When the log was last written to.
    pub(crate) fn modified(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }

    /// What is new, as soon as there is something; `None` when the log cannot be read any more. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Piece> {
        loop {
            match self.look() {
                Err(_) => return None,
                Ok(Some(piece)) => return Some(piece),
                Ok(None) => self.watch.change().await,
            }
        }
    }

    /// What is new. A file that was rotated away is shown to its end before the new one is begun; one
    /// that was removed is followed until there is another of its name. The beginning of a character
    /// waits for its rest, since the original's client shows what is no text as an escape.
    fn look(&mut self) -> io::Result<Option<Piece>> {
        loop {
            let size = self.file.metadata()?.len();
            if size < self.position {
                self.position = 0;
                return Ok(Some(Piece::Truncated));
            }
            let bytes = self.read(size - self.position)?;
            let whole = bytes.len() - logs::cut_at_end(&bytes);
            if whole > 0 {
                self.position += u64::try_from(whole).unwrap_or(0);
                return Ok(Some(Piece::Bytes(bytes.slice(..whole))));
            }
            if !self.turn_to_successor()? {
                return Ok(None);
            }
            if !bytes.is_empty() {
                return Ok(Some(Piece::Bytes(bytes)));
            }
        }
    }

    /// What comes next, without going on to it.
    fn read(&self, left: u64) -> io::Result<Bytes> {
        let room = usize::try_from(left.min(CHUNK_BYTES)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; room];
        let count = self.file.read_at(&mut bytes, self.position)?;
        bytes.truncate(count);
        Ok(Bytes::from(bytes))
    }

    /// Opens the file that bears the log's name now, if it is another.
    fn turn_to_successor(&mut self) -> io::Result<bool> {
        let Ok(there) = std::fs::metadata(&self.path) else { return Ok(false) };
        let here = self.file.metadata()?;
        if (there.dev(), there.ino()) == (here.dev(), here.ino()) {
            return Ok(false);
        }
        let Ok(file) = open(&self.path) else { return Ok(false) };
        self.file = file;
        self.position = 0;
        self.watch.turn_to(&self.path);
        Ok(true)
    }
}

/// The beginning of the first character at or after `position`.
fn start(file: &File, position: u64) -> io::Result<u64> {
    if position == 0 {
        return Ok(0);
    }
    let mut first = [0; 3];
    let count = file.read_at(&mut first, position)?;
    let cut = logs::cut_at_start(first.get(..count).unwrap_or_default());
    Ok(position + u64::try_from(cut).unwrap_or(0))
}

/// Opens a log. What is no plain file (a terminal, a pipe) cannot be followed, and might block.
fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// How changes are noticed.
#[derive(Debug)]
enum Watch {
    /// By inotify. Its descriptor is read like a pipe, and the runtime has no other type for such.
    Told {
        notices: Receiver,
        file: i32,
    },
    Looking,
}

impl Watch {
    fn new(path: &Path) -> Self {
        Self::told(path).unwrap_or(Self::Looking)
    }

    fn told(path: &Path) -> io::Result<Self> {
        let notices = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let file = watch_file(&notices, path)?;
        // The directory tells when a successor gets the name.
        let directory = path.parent().ok_or(io::ErrorKind::NotFound)?;
        inotify::add_watch(&notices, directory, WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
        Ok(Self::Told { notices: Receiver::from_owned_fd_unchecked(notices)?, file })
    }

    /// Watches the successor instead. Should that fail, the look each second still finds what is new.
    fn turn_to(&mut self, path: &Path) {
        if let Self::Told { notices, file } = self {
            let _ = inotify::remove_watch(&*notices, *file);
            if let Ok(next) = watch_file(&*notices, path) {
                *file = next;
            }
        }
    }

    /// Waits until something may have changed. Cancel-safe.
    async fn change(&self) {
        match self {
            Self::Looking => tokio::time::sleep(LOOK_EVERY).await,
            Self::Told { notices, .. } => {
                if let Ok(Ok(())) = tokio::time::timeout(LOOK_ANYWAY, notices.readable()).await {
                    tokio::time::sleep(GATHER).await;
                    // What the notices say does not matter: the file itself is looked at.
                    while notices.try_read(&mut [0; 4096]).is_ok_and(|it| it > 0) {}
                }
            }
        }
    }
}

fn watch_file(notices: impl AsFd, path: &Path) -> io::Result<i32> {
    Ok(inotify::add_watch(notices, path, WatchFlags::MODIFY | WatchFlags::MOVE_SELF)?)
}
