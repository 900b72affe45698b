//! The thing behind the path of a log, opened and written so that nobody ever waits for it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{
    FileType, FsWord, Mode, OFlags, Stat, Timespec, fcntl_getfl, fcntl_setfl, fstat, fstatfs, open, stat,
};
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::pipe::{PIPE_BUF, SpliceFlags, splice};

/// How much is written at once to a terminal that was opened by others and may therefore make a
/// writer wait: the kernel calls it writable while at least this much fits.
const TERMINAL_BYTES: usize = 256;

/// The kernel's own file system of pipes that have no name (`PIPEFS_MAGIC`).
const PIPE_FILE_SYSTEM: FsWord = 0x5049_5045;

/// What a log goes to. Each kind has its own way of being written without waiting.
#[derive(Debug)]
pub(crate) enum Target {
    /// A regular file of ours: it can be rotated and removed, and a write to it is not waiting. It is
    /// written at a place we name, its end: the kernel moves bytes from a pipe to a file by itself
    /// (`splice(2)`) only where the file is not opened for appending.
    File(OwnedFd),
    /// The same, where the kernel insists on appending (`chattr +a`).
    Append(OwnedFd),
    /// A regular file that is our standard output or error. It is not ours to rename, and we write
    /// at the position that we share with all others who write to it.
    Shared(OwnedFd),
    /// A pipe, a terminal or a device, in an opening of our own that never waits.
    Stream(OwnedFd),
    /// The same, where we may not open it anew: the opening belongs to others too, who would not
    /// expect it to stop waiting, so that we ask before each write.
    Borrowed(OwnedFd),
    /// A socket that is our standard output or error: each call can be told not to wait.
    Socket(OwnedFd),
}

impl Target {
    /// Opens what is at `path` to add to it; makes a file with the permissions `mode` if nothing is
    /// there.
    pub(crate) fn open(path: &Path, mode: u32) -> Result<Self, Errno> {
        if let Some(standard) = standard_stream(path) {
            return Self::standard(standard);
        }
        let fd = match open_existing(path) {
            // Only now with the flag to make it: it has the kernel refuse some files of others in
            // `/tmp` (`fs.protected_regular`) that may well be written.
            Err(Errno::NOENT) => match make(path, mode) {
                Ok(fd) => return Ok(Self::File(fd)),
                Err(_) => open(path, flags(OFlags::RDWR | OFlags::CREATE), Mode::from_raw_mode(mode)),
            },
            Err(Errno::NXIO) => return open_both_ends(path).map(Self::Stream),
            opened => opened,
        }?;
        match kind(&fd)? {
            FileType::RegularFile => Self::file(fd),
            FileType::Fifo => Ok(Self::Stream(open_both_ends(path).unwrap_or(fd))),
            FileType::Directory
            | FileType::Symlink
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => Ok(Self::Stream(fd)),
        }
    }

    /// What the standard stream `own` goes to, in an opening of our own where that is possible.
    pub(crate) fn standard(own: BorrowedFd<'_>) -> Result<Self, Errno> {
        let duplicate = || rustix::io::fcntl_dupfd_cloexec(own, 3);
        match kind(own)? {
            FileType::RegularFile => duplicate().map(Self::Shared),
            FileType::Socket => duplicate().map(Self::Socket),
            FileType::Fifo
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Directory
            | FileType::Symlink
            | FileType::Unknown => {
                // Refused when we have changed users since, or when the terminal is of another
                // container.
                let path = format!("/proc/self/fd/{}", own.as_raw_fd());
                match open_anew(Path::new(&path), OFlags::WRONLY) {
                    Ok(fd) => Ok(Self::Stream(fd)),
                    Err(_) => duplicate().map(Self::Borrowed),
                }
            }
        }
    }

    /// A regular file, which from here on is written where we say.
    fn file(fd: OwnedFd) -> Result<Self, Errno> {
        let flags = fcntl_getfl(&fd)?;
        match fcntl_setfl(&fd, flags.difference(OFlags::APPEND)) {
            Ok(()) => Ok(Self::File(fd)),
            Err(_) => Ok(Self::Append(fd)),
        }
    }

    /// Whether it is a regular file of ours.
    pub(crate) const fn is_file(&self) -> bool {
        matches!(self, Self::File(_) | Self::Append(_))
    }

    /// Lets the kernel move up to `bytes_max` bytes from `pipe` to place `at` of a regular file: whatever
    /// happens to us meanwhile, each byte is either in the pipe or in the file. `INVAL` where that cannot
    /// be done.
    pub(crate) fn splice(&self, pipe: BorrowedFd<'_>, at: u64, bytes_max: usize) -> Result<usize, Errno> {
        match self {
            Self::File(fd) => splice(pipe, None, fd, Some(&mut { at }), bytes_max, SpliceFlags::NONBLOCK),
            Self::Append(_) | Self::Shared(_) | Self::Stream(_) | Self::Borrowed(_) | Self::Socket(_) => {
                Err(Errno::INVAL)
            }
        }
    }

    /// Reads back what is at place `at` of a regular file; `BADF` if it may only be written.
    pub(crate) fn read_back(&self, room: &mut [u8], at: u64) -> Result<usize, Errno> {
        rustix::io::pread(self, room, at)
    }

    /// Whether [`Self::read_back`] works.
    pub(crate) fn can_read_back(&self) -> bool {
        self.is_file() && fcntl_getfl(self).is_ok_and(|it| it.contains(OFlags::RDWR))
    }

    /// Writes some of `bytes` to place `at` of a regular file, else where the last write ended: of a stream, pieces of whole lines that the kernel takes or leaves as
    /// one, so that no line of ours is mixed with one of another writer.
    pub(crate) fn write(&self, bytes: &[u8], at: u64) -> Result<usize, Errno> {
        match self {
            Self::File(fd) => rustix::io::pwrite(fd, bytes, at),
            Self::Append(fd) | Self::Shared(fd) => rustix::io::write(fd, bytes),
            Self::Stream(fd) => rustix::io::write(fd, piece(bytes, PIPE_BUF)),
            Self::Borrowed(fd) => {
                let terminal = rustix::termios::isatty(fd);
                ready(fd)?;
                rustix::io::write(fd, piece(bytes, if terminal { TERMINAL_BYTES } else { PIPE_BUF }))
            }
            Self::Socket(fd) => {
                rustix::net::send(fd, piece(bytes, PIPE_BUF), SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
            }
        }
    }

    /// Whether `errno`, on this target, means that there will never be a reader again.
    pub(crate) fn is_lost(&self, errno: Errno) -> bool {
        match self {
            Self::File(_) | Self::Append(_) | Self::Shared(_) => false,
            Self::Stream(_) | Self::Borrowed(_) | Self::Socket(_) => matches!(
                errno,
                Errno::PIPE | Errno::IO | Errno::CONNRESET | Errno::NOTCONN | Errno::NXIO | Errno::NODEV
            ),
        }
    }
}

impl AsFd for Target {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::File(fd)
            | Self::Append(fd)
            | Self::Shared(fd)
            | Self::Stream(fd)
            | Self::Borrowed(fd)
            | Self::Socket(fd) => fd.as_fd(),
        }
    }
}

/// Whether others may write to what `path` leads to, and nobody is there who waits for half a line: a pipe, a socket,
/// a standard stream that is a file. At a terminal a person may be asked something.
pub(crate) fn is_shared_by_lines(path: &Path) -> bool {
    let standard = standard_stream(path);
    let mode = match standard {
        Some(standard) => fstat(standard),
        None => stat(path),
    };
    mode.is_ok_and(|it| match FileType::from_raw_mode(it.st_mode) {
        FileType::Fifo | FileType::Socket => true,
        FileType::RegularFile => standard.is_some(),
        FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Directory
        | FileType::Symlink
        | FileType::Unknown => false,
    })
}

/// The standard stream that `path` is a name of.
fn standard_stream(path: &Path) -> Option<BorrowedFd<'static>> {
    match path.to_str()? {
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => Some(rustix::stdio::stdout()),
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => Some(rustix::stdio::stderr()),
        _ => None,
    }
}

const fn flags(access: OFlags) -> OFlags {
    access.union(OFlags::APPEND).union(OFlags::CLOEXEC).union(OFlags::NOCTTY).union(OFlags::NONBLOCK)
}

/// Opens what is there: a regular file also for reading, where we may, so that what was moved to it can be
/// looked at; nothing else, since a FIFO that is opened for reading has a reader.
fn open_existing(path: &Path) -> Result<OwnedFd, Errno> {
    if FileType::from_raw_mode(stat(path)?.st_mode) == FileType::RegularFile
        && let Ok(fd) = open_anew(path, OFlags::RDWR)
    {
        return Ok(fd);
    }
    open_anew(path, OFlags::WRONLY)
}

/// Makes a regular file that is new, so that nothing needs to be asked about it.
fn make(path: &Path, mode: u32) -> Result<OwnedFd, Errno> {
    let flags = flags(OFlags::RDWR | OFlags::CREATE | OFlags::EXCL).difference(OFlags::APPEND);
    open(path, flags, Mode::from_raw_mode(mode))
}

fn open_anew(path: &Path, access: OFlags) -> Result<OwnedFd, Errno> {
    open(path, flags(access), Mode::empty())
}

/// Opens a FIFO for reading too, so that it need not have a reader: bytes then wait for one, as many
/// as fit. A pipe without a name is refused: if its reader is gone, there will never be another.
fn open_both_ends(path: &Path) -> Result<OwnedFd, Errno> {
    let fd = open_anew(path, OFlags::RDWR)?;
    if fstatfs(&fd)?.f_type == PIPE_FILE_SYSTEM { Err(Errno::NXIO) } else { Ok(fd) }
}

fn kind(fd: impl AsFd) -> Result<FileType, Errno> {
    let Stat { st_mode, .. } = fstat(fd)?;
    Ok(FileType::from_raw_mode(st_mode))
}

/// `AGAIN` unless something can be written.
fn ready(fd: &OwnedFd) -> Result<(), Errno> {
    let mut fds = [PollFd::new(fd, PollFlags::OUT)];
    match poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? {
        0 => Err(Errno::AGAIN),
        _ => Ok(()),
    }
}

/// The longest beginning of `bytes` that has no more than `bytes_max` bytes and ends with a line; if
/// there is none, as much as may be. All of `bytes` if they are few enough.
fn piece(bytes: &[u8], bytes_max: usize) -> &[u8] {
    let Some(most) = bytes.get(..bytes_max) else { return bytes };
    let line = most.iter().rposition(|it| *it == b'\n').map(|it| it + 1);
    if bytes.len() == bytes_max { bytes } else { most.get(..line.unwrap_or(bytes_max)).unwrap_or(most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_ends_with_a_line_where_it_can() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"", b""),
            (b"ab", b"ab"),
            (b"abcd", b"abcd"),
            (b"a\ncd", b"a\ncd"),
            (b"a\nb\ncd", b"a\nb\n"),
            (b"a\nbcde", b"a\n"),
            (b"abcdef", b"abcd"),
        ];
        for (bytes, wanted) in cases {
            assert_eq!(piece(bytes, 4), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn a_standard_stream_is_known_by_any_of_its_names() {
        let number = |path| standard_stream(Path::new(path)).map(|it| it.as_raw_fd());
        assert_eq!(number("/dev/stdout"), Some(1));
        assert_eq!(number("/proc/self/fd/2"), Some(2));
        assert_eq!(number("/dev/fd/7"), None);
        assert_eq!(number("/var/log/stdout"), None);
    }

    #[test]
    fn a_standard_stream_is_opened_anew_or_shared_as_its_kind_allows() {
        let (_reader, writer) = rustix::pipe::pipe().unwrap();
        assert!(matches!(Target::standard(writer.as_fd()), Ok(Target::Stream(_))));
        let waits = !fcntl_getfl(&writer).unwrap().contains(OFlags::NONBLOCK);
        assert!(waits, "others may still wait");

        let file = tempfile::tempfile().unwrap();
        rustix::io::write(&file, b"theirs ").unwrap();
        let target = Target::standard(file.as_fd()).unwrap();
        assert!(matches!(target, Target::Shared(_)));
        target.write(b"ours ", 0).unwrap();
        rustix::io::write(&file, b"theirs").unwrap();
        let mut read = [0; 18];
        assert_eq!(rustix::io::pread(&file, &mut read, 0), Ok(18));
        assert_eq!(&read, b"theirs ours theirs");

        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let target = Target::standard(one.as_fd()).unwrap();
        assert!(matches!(target, Target::Socket(_)));
        while target.write(&[b'x'; 4096], 0).is_ok() {}
        assert_eq!(target.write(b"x", 0), Err(Errno::AGAIN));
    }

    #[test]
    fn a_stream_that_makes_others_wait_is_asked_first() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let target = Target::Borrowed(writer);
        while target.write(&[b'x'; 10_000], 0).is_ok() {}
        assert_eq!(target.write(b"x", 0), Err(Errno::AGAIN));
        drop(reader);
        let errno = target.write(b"x", 0).unwrap_err();
        assert!(target.is_lost(errno), "{errno}");
    }
}
