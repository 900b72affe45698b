//! A log file: bytes are added to it, and it makes room for itself.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, fstat, ftruncate, rename, stat, unlink};
use rustix::io::Errno;

use crate::failpoint;
use crate::period;
use crate::rotate::{Step, steps};
use crate::target::Target;
use crate::upkeep::Upkeep;

/// The permissions of a new log file, less the umask: what the original's are.
pub const MODE: u32 = 0o666;

/// By how much a file that is rotated may exceed its limit: what the original reads at once.
const EXCESS_BYTES_MAX: usize = 128 * 1024;

/// When a file is full and what happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// It is full at this many bytes; zero or less: never.
    pub maxbytes: i64,
    /// How many full files to keep; zero or less: none, the file is cut off instead.
    pub backups: i64,
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open {}: {}", path.display(), reason(source))]
pub struct OpenError {
    /// Its path.
    pub path: PathBuf,
    /// What the kernel said.
    pub source: io::Error,
}

impl OpenError {
    /// Whether it is descriptors that we lack, and not the file.
    pub fn is_short_of_descriptors(&self) -> bool {
        is_short_of_descriptors(&self.source)
    }
}

pub(crate) fn is_short_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(os::errno::EMFILE | os::errno::ENFILE))
}

/// An error in the words of `strerror`, without the number the standard library adds.
pub(crate) fn reason(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), os::errno::text)
}

/// What became of bytes that were to be written.
#[derive(Debug)]
pub struct Written {
    /// So many of them are where they belong. The caller keeps the rest.
    pub bytes: usize,
    /// Why it is not more.
    pub end: End,
    /// Set when the file was full and could not be made room in; it then goes on growing, and the
    /// next attempt comes when it has grown by its limit again.
    pub unrotated: Option<io::Error>,
}

/// A place in a regular file, which is known by what the kernel calls it: it may be renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// Counted from its beginning, in bytes.
    pub(crate) at: u64,
}

/// What came of letting the kernel move bytes from a pipe to the file.
#[derive(Debug)]
pub(crate) enum Moved {
    /// So many bytes, more than none, to the place `at`.
    Bytes { count: usize, at: u64 },
    /// The pipe is empty.
    Nothing,
    /// It is empty, and nobody can write to it any more.
    End,
    /// The file does not take them now; they are still in the pipe.
    Failed(io::Error),
    /// The kernel does not do it with this file.
    Refused,
}

/// How a write ended.
#[derive(Debug)]
pub enum End {
    /// All is written.
    Whole,
    /// The stream takes no more for now; its descriptor becomes writable when it does.
    Blocked,
    /// It failed and may work again later: a full disk, say.
    Failed(io::Error),
    /// The reader is gone for good.
    Lost(io::Error),
}

/// A log: a regular file that is added to and rotated, or anything else a path can name.
///
/// What is no regular file has no position, so that it is never rotated, whatever the options say
/// (in the original its channel was closed by an `Illegal seek`), and never removed. A regular file
/// may rest: its descriptor is then closed until the next write. Before each write its name is looked at:
/// a file that was moved or removed gets a successor, since what is written to a file without a name is
/// lost.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    rotation: Rotation,
    upkeep: Upkeep,
    /// Whether it was rotated since somebody last asked.
    was_rotated: bool,
    /// For the file that succeeds this one, which must not be more open than this one is.
    mode: u32,
    /// `None` while it rests.
    target: Option<Target>,
    /// Its device and inode, if it is a regular file that is open.
    identity: (u64, u64),
    /// What it had after the last write since it was opened.
    size: u64,
    /// Below this size rotation is not tried again, after it has failed.
    unrotated_until: u64,
}

impl LogFile {
    /// Opens the log at `path`, with what is there already; a new file gets the permissions `mode`,
    /// less the umask. Never waits, not even for the reader of a FIFO.
    ///
    /// # Errors
    /// When it can be neither opened nor made.
    pub fn open(path: &Path, rotation: Rotation, mode: u32) -> Result<Self, OpenError> {
        Self::closed(path, rotation, mode).opened()
    }

    /// The same, but a regular file is not opened before something is to be written to it: it
    /// rests from the beginning.
    ///
    /// # Errors
    /// When it is there, is no regular file, and cannot be opened.
    pub fn at_rest(path: &Path, rotation: Rotation, mode: u32) -> Result<Self, OpenError> {
        match stat(path) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile => {
                Ok(Self::closed(path, rotation, found.st_mode & MODE))
            }
            Ok(_) => Self::open(path, rotation, mode),
            // A disk that is away, say: the first byte waits until it is back.
            Err(_) => Self::open(path, rotation, mode).or_else(|_| Ok(Self::closed(path, rotation, mode))),
        }
    }

    fn closed(path: &Path, rotation: Rotation, mode: u32) -> Self {
        Self {
            path: path.to_owned(),
            rotation,
            upkeep: Upkeep::default(),
            was_rotated: false,
            mode,
            target: None,
            identity: (0, 0),
            size: 0,
            unrotated_until: 0,
        }
    }

    fn opened(self) -> Result<Self, OpenError> {
        let mut file = self;
        match file.wake() {
            Ok(_) => Ok(file),
            Err(errno) => Err(OpenError { path: file.path, source: errno.into() }),
        }
    }

    /// The same file with more care taken of it.
    #[must_use]
    pub fn kept(self, upkeep: Upkeep) -> Self {
        Self { upkeep, ..self }
    }

    /// Adds `bytes`, then makes room if the file is full: it exceeds its limit by one call's bytes at
    /// most, and no call's bytes are spread over two files.
    pub fn write(&mut self, bytes: &[u8]) -> Written {
        let (bytes, end) = self.append(bytes);
        let unrotated = match end {
            End::Whole => self.rotate_if_full(),
            End::Blocked | End::Failed(_) | End::Lost(_) => None,
        };
        Written { bytes, end, unrotated }
    }

    /// Adds `bytes`: how many were added, and why not more. The caller then calls
    /// [`Self::rotate_if_full`].
    pub(crate) fn append(&mut self, bytes: &[u8]) -> (usize, End) {
        let mut done = 0;
        let end = loop {
            let rest = bytes.get(done..).unwrap_or_default();
            if rest.is_empty() {
                break End::Whole;
            }
            match self.put(rest) {
                Ok(0) => break End::Failed(io::ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                Err(errno) => break self.failure(errno),
            }
        };
        (done, end)
    }

    /// Writes some of `bytes` to its end.
    fn put(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let place = self.place()?;
        failpoint::pass();
        let count = self.wake()?.write(bytes, place.map_or(0, |it| it.at))?;
        self.size = place.map_or(0, |it| it.at.saturating_add(u64::try_from(count).unwrap_or(0)));
        Ok(count)
    }

    /// Lets the kernel move up to `bytes_max` bytes from `pipe` to its end. The caller then looks at what
    /// came, and calls [`Self::rotate_if_full`].
    pub(crate) fn splice(&mut self, pipe: BorrowedFd<'_>, bytes_max: usize) -> Moved {
        let moved = self.place().and_then(|place| {
            let place = place.ok_or(Errno::INVAL)?;
            let bytes_max = bytes_max.min(self.room(place.at));
            failpoint::pass();
            Ok((self.wake()?.splice(pipe, place.at, bytes_max)?, place.at))
        });
        match moved {
            Ok((0, _)) => Moved::End,
            Ok((count, at)) => {
                self.size = at.saturating_add(u64::try_from(count).unwrap_or(0));
                Moved::Bytes { count, at }
            }
            Err(Errno::AGAIN | Errno::INTR) => Moved::Nothing,
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Moved::Refused,
            Err(errno) => Moved::Failed(errno.into()),
        }
    }

    /// Writes `bytes`, some of which may be there already, to `place` of this very file, provided that it
    /// still ends there or later: how many of them are there now. The caller writes the rest.
    ///
    /// # Errors
    /// When it cannot be seen which file it is.
    pub(crate) fn redo(&mut self, bytes: &[u8], place: Place) -> Result<usize, Errno> {
        let end = match self.place()? {
            Some(end) if (end.device, end.inode) == (place.device, place.inode) => end.at,
            Some(_) | None => return Ok(0),
        };
        if end > place.at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX)) {
            // Somebody has written behind it since: over nobody's bytes, then.
            let mut there = vec![0; bytes.len()];
            let is_whole = self.read_back(&mut there, place.at) == Ok(bytes.len()) && there == bytes;
            return Ok(if is_whole { bytes.len() } else { 0 });
        }
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|it| !it.is_empty() && end >= place.at) {
            let at = place.at.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            match self.wake().and_then(|it| it.write(rest, at)) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        self.size = self.size();
        Ok(done)
    }

    /// Reads back what is at place `at`.
    ///
    /// # Errors
    /// When it cannot be read, or is no regular file.
    pub(crate) fn read_back(&self, room: &mut [u8], at: u64) -> Result<usize, Errno> {
        self.target.as_ref().ok_or(Errno::BADF)?.read_back(room, at)
    }

    /// Whether what was moved to it can be read back. A file that rests may turn out otherwise, and is then
    /// not looked at for one gulp.
    pub(crate) fn can_read_back(&self) -> bool {
        self.target.as_ref().is_none_or(Target::can_read_back)
    }

    /// The place of its end; none for what is no regular file. If the file that is open has lost its name,
    /// it begins a successor; where that fails, the old one is better than none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn place(&mut self) -> Result<Option<Place>, Errno> {
        if !self.wake()?.is_file() {
            return Ok(None);
        }
        let mut found = match stat(&self.path) {
            Ok(found) if (found.st_dev, found.st_ino) == self.identity => found,
            Ok(_) | Err(Errno::NOENT) => {
                let _ = self.succeed();
                let target = self.wake()?;
                if !target.is_file() {
                    return Ok(None);
                }
                fstat(target)?
            }
            // We may write to it, but not walk to it.
            Err(_) => fstat(self.wake()?)?,
        };
        if found.st_size > 0 && period::has_passed(self.upkeep.when, found.st_mtime) {
            // What fails here is tried again with the next bytes; they are not held up by it.
            let _ = self.rotate();
            let target = self.wake()?;
            found = fstat(target)?;
        }
        let (device, inode) = self.identity;
        Ok(Some(Place { device, inode, at: u64::try_from(found.st_size).unwrap_or(0) }))
    }

    /// Whether it is not full even with so many bytes more. What rotates by time is looked at with each write.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let Ok(limit @ 1..) = u64::try_from(self.rotation.maxbytes) else { return true };
        self.size().saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX)) < limit
    }

    /// How many bytes may come at once when it has `size`: it exceeds its limit by no more than the original
    /// lets it.
    fn room(&self, size: u64) -> usize {
        let Ok(limit @ 1..) = u64::try_from(self.rotation.maxbytes) else { return usize::MAX };
        usize::try_from(limit.saturating_sub(size)).unwrap_or(usize::MAX).max(EXCESS_BYTES_MAX)
    }

    /// Makes room although it is not full. One that is empty, or no regular file, is left alone.
    ///
    /// # Errors
    /// When a file cannot be renamed, or no new one be made.
    pub fn rotate_now(&mut self) -> io::Result<()> {
        let has_bytes = self.place()?.is_some_and(|it| it.at > 0);
        if has_bytes { Ok(self.rotate()?) } else { Ok(()) }
    }

    /// Whether it was rotated since this was last asked.
    pub(crate) const fn take_rotated(&mut self) -> bool {
        std::mem::replace(&mut self.was_rotated, false)
    }

    /// Opens it by its name again, so that a log that was moved or removed gets a successor.
    ///
    /// # Errors
    /// When that fails. It then goes on as it was.
    pub fn reopen(&mut self) -> io::Result<()> {
        Ok(self.succeed()?)
    }

    /// Opens what bears its name now. What was open stays so until there is a successor.
    fn succeed(&mut self) -> Result<(), Errno> {
        let (held, identity) = (self.target.take(), self.identity);
        if let Err(errno) = self.wake() {
            (self.target, self.identity) = (held, identity);
            return Err(errno);
        }
        Ok(())
    }

    /// Removes the file and begins a new one. What is no regular file is left alone.
    ///
    /// # Errors
    /// When it cannot be removed, or no new one can be made; the next write then tries again.
    pub fn clear(&mut self) -> io::Result<()> {
        if !self.wake().is_ok_and(Target::is_file) {
            return Ok(());
        }
        match unlink(&self.path) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        self.target = None;
        self.wake()?;
        Ok(())
    }

    /// Closes the descriptor of a regular file until the next write.
    pub fn rest(&mut self) {
        if self.is_file_open() {
            self.target = None;
        }
    }

    /// Whether it is a regular file and holds a descriptor.
    pub fn is_file_open(&self) -> bool {
        self.target.as_ref().is_some_and(Target::is_file)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has; zero for what has no size.
    pub fn size(&self) -> u64 {
        let found = match &self.target {
            Some(target) => fstat(target),
            None => stat(&self.path),
        };
        found.map_or(0, |it| u64::try_from(it.st_size).unwrap_or(0))
    }

    /// Its descriptor, unless it rests.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.target.as_ref().map(Target::as_fd)
    }

    /// Opens it if it rests.
    fn wake(&mut self) -> Result<&Target, Errno> {
        if self.target.is_none() {
            let opened = Target::open(&self.path, self.mode)?;
            if opened.is_file() {
                let found = fstat(&opened)?;
                self.mode = found.st_mode & MODE;
                self.identity = (found.st_dev, found.st_ino);
            }
            // Nothing was written to this file yet: what its predecessor had must not make it seem full.
            (self.size, self.unrotated_until) = (0, 0);
            return Ok(self.target.insert(opened));
        }
        self.target.as_ref().ok_or(Errno::BADF)
    }

    fn failure(&self, errno: Errno) -> End {
        match &self.target {
            // A regular file that says "again" cannot say when.
            Some(target) if errno == Errno::AGAIN && !target.is_file() => End::Blocked,
            Some(target) if target.is_lost(errno) => End::Lost(errno.into()),
            Some(_) | None => End::Failed(errno.into()),
        }
    }

    /// Makes room if it is full; why that failed, if it did.
    pub(crate) fn rotate_if_full(&mut self) -> Option<io::Error> {
        let Ok(limit @ 1..) = u64::try_from(self.rotation.maxbytes) else { return None };
        if !self.is_file_open() {
            return None;
        }
        let size = self.size;
        if size < limit.max(self.unrotated_until) {
            return None;
        }
        let rotated = self.rotate();
        self.unrotated_until = if rotated.is_ok() { 0 } else { size.saturating_add(limit) };
        rotated.err().map(io::Error::from)
    }

    fn rotate(&mut self) -> Result<(), Errno> {
        let Some(fd) = self.target.as_ref().filter(|it| it.is_file()) else { return Ok(()) };
        // If the name is not, or no longer, that of the file we hold, then someone has made room
        // already: another stream that shares the log, or a program that rotates logs.
        let is_ours = stat(&self.path).is_ok_and(|it| (it.st_dev, it.st_ino) == self.identity);
        if is_ours {
            failpoint::pass();
            for step in steps(&self.path, self.rotation.backups, |it| it.symlink_metadata().is_ok()) {
                match step {
                    // One that is gone already is as good.
                    Step::Remove(file) => drop(unlink(file)),
                    Step::Truncate => {
                        ftruncate(fd, 0)?;
                        self.size = 0;
                        return Ok(());
                    }
                    Step::Rename { from, to } => match rename(from, to) {
                        // A program that cleans up has been faster.
                        Ok(()) | Err(Errno::NOENT) => failpoint::pass(),
                        Err(errno) => return Err(errno),
                    },
                }
            }
        }
        self.succeed()?;
        self.was_rotated = true;
        self.upkeep.keep_total(&self.path, self.rotation);
        Ok(())
    }
}
