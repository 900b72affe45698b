//! A log file: bytes are added to it, and it makes room for itself.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{SeekFrom, fstat, ftruncate, rename, seek, stat, unlink};
use rustix::io::Errno;

use crate::rotate::{Step, steps};
use crate::target::Target;

/// The permissions of a new log file, less the umask: what the original's are.
pub const MODE: u32 = 0o666;

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
/// may rest: its descriptor is then closed until the next write. Should the file have been moved or
/// removed while it was open, writing goes on into it; [`LogFile::reopen`] begins a new one.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    rotation: Rotation,
    /// For the file that succeeds this one, which must not be more open than this one is.
    mode: u32,
    /// `None` while it rests.
    target: Option<Target>,
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
        let mut file = Self { path: path.to_owned(), rotation, mode, target: None, unrotated_until: 0 };
        match file.wake() {
            Ok(_) => Ok(file),
            Err(errno) => Err(OpenError { path: file.path, source: errno.into() }),
        }
    }

    /// Adds `bytes`, then makes room if the file is full: it exceeds its limit by one call's bytes at
    /// most, and no call's bytes are spread over two files.
    pub fn write(&mut self, bytes: &[u8]) -> Written {
        let mut done = 0;
        let end = loop {
            let rest = bytes.get(done..).unwrap_or_default();
            if rest.is_empty() {
                break End::Whole;
            }
            match self.wake().and_then(|it| it.write(rest)) {
                Ok(0) => break End::Failed(io::ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                Err(errno) => break self.failure(errno),
            }
        };
        let unrotated = match end {
            End::Whole => self.rotate_if_full().err().map(io::Error::from),
            End::Blocked | End::Failed(_) | End::Lost(_) => None,
        };
        Written { bytes: done, end, unrotated }
    }

    /// Opens it by its name again, so that a log that was moved or removed gets a successor.
    ///
    /// # Errors
    /// When that fails. It then goes on as it was.
    pub fn reopen(&mut self) -> io::Result<()> {
        let rested = self.target.take();
        if let Err(errno) = self.wake() {
            self.target = rested;
            return Err(errno.into());
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
                self.mode = fstat(&opened)?.st_mode & MODE;
            }
            self.unrotated_until = 0;
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

    fn rotate_if_full(&mut self) -> Result<(), Errno> {
        let Ok(limit @ 1..) = u64::try_from(self.rotation.maxbytes) else { return Ok(()) };
        let Some(Target::File(fd)) = &self.target else { return Ok(()) };
        // The position after a write is the size of the file, whoever else writes to it too.
        let size = seek(fd, SeekFrom::Current(0))?;
        if size < limit.max(self.unrotated_until) {
            return Ok(());
        }
        let rotated = self.rotate();
        self.unrotated_until = if rotated.is_ok() { 0 } else { size.saturating_add(limit) };
        rotated
    }

    fn rotate(&mut self) -> Result<(), Errno> {
        let Some(Target::File(fd)) = &self.target else { return Ok(()) };
        let held = fstat(fd)?;
        // If the name is not, or no longer, that of the file we hold, then someone has made room
        // already: another stream that shares the log, or a program that rotates logs.
        let is_ours = stat(&self.path).is_ok_and(|it| (it.st_dev, it.st_ino) == (held.st_dev, held.st_ino));
        if is_ours {
            for step in steps(&self.path, self.rotation.backups, |it| it.symlink_metadata().is_ok()) {
                match step {
                    Step::Truncate => return ftruncate(fd, 0),
                    Step::Rename { from, to } => match rename(from, to) {
                        // A program that cleans up has been faster.
                        Ok(()) | Err(Errno::NOENT) => {}
                        Err(errno) => return Err(errno),
                    },
                }
            }
        }
        // The old file stays open until there is a new one: until then the bytes go there.
        let full = self.target.take();
        if let Err(errno) = self.wake() {
            self.target = full;
            return Err(errno);
        }
        Ok(())
    }
}
