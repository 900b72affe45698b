//! Reading logs back: the parts clients ask for.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, SeekFrom, fstat, open, seek};

/// How many bytes one call gets at most. A client that wants more asks again from where it got to; a
/// log without rotation may be larger than our memory.
pub const READ_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why a log cannot be read: the faults of the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadFault {
    /// A negative length, or any length with a negative offset.
    #[error("the offset and the length do not go together")]
    BadArguments,
    /// It is there but cannot be read.
    #[error("the file cannot be read")]
    Failed,
    /// It is not there.
    #[error("there is no such file")]
    NoFile,
}

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where the first of them is in the file.
    pub start: u64,
    /// How large the file is, or the offset asked for if it could not be opened.
    pub size: i64,
    /// Whether the file has grown beyond what was asked for.
    pub overflow: bool,
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where the first of them is in the file.
    pub start: u64,
}

/// Reads `length` bytes from `offset`; with a length of zero all that follow; with a negative offset
/// that many from the end (`options.py`, `readFile`). Never more than [`READ_BYTES_MAX`].
///
/// # Errors
/// As [`ReadFault`] says. In the original's order: a file that cannot be opened is `Failed` even if
/// the numbers make no sense.
pub fn read(path: &Path, offset: i64, length: i64) -> Result<Part, ReadFault> {
    let (file, size) = open_placed(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound { ReadFault::NoFile } else { ReadFault::Failed }
    })?;
    let (start, count) = read_part(offset, length, size).ok_or(ReadFault::BadArguments)?;
    let bytes = read_at(&file, start, count).map_err(|_| ReadFault::Failed)?;
    Ok(Part { bytes, start })
}

/// The last `length` bytes, or, if the file ends between `offset` and `offset + length`, the bytes of
/// that length before its end (`options.py`, `tailFile`). Never more than [`READ_BYTES_MAX`].
///
/// It cannot fail: of a file that is missing there are no bytes and no size, of one that cannot be
/// read no bytes either.
pub fn tail(path: &Path, offset: i64, length: i64) -> Tail {
    let nothing = |size| Tail { bytes: Vec::new(), start: 0, size, overflow: false };
    let (file, size) = match open_placed(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return nothing(0),
        Err(_) => return nothing(offset),
    };
    let (start, count, overflow) = tail_part(offset, length, size);
    let Ok(bytes) = read_at(&file, start, count) else { return nothing(offset) };
    Tail { bytes, start, size: i64::try_from(size).unwrap_or(i64::MAX), overflow }
}

/// The start and the length of the part to read, `None` if the numbers do not go together.
fn read_part(offset: i64, length: i64, size: u64) -> Option<(u64, u64)> {
    let length = u64::try_from(length).ok()?;
    if offset < 0 {
        let count = offset.unsigned_abs().min(size).min(READ_BYTES_MAX);
        return (length == 0).then_some((size - count, count));
    }
    let start = offset.unsigned_abs().min(size);
    let wanted = if length == 0 { u64::MAX } else { length };
    Some((start, wanted.min(size - start).min(READ_BYTES_MAX)))
}

/// The start and the length of the part to read, and whether the file has outgrown it. The steps are
/// the original's, in numbers large enough that none of them overflows.
fn tail_part(offset: i64, length: i64, size: u64) -> (u64, u64, bool) {
    let (mut offset, mut length, end) = (i128::from(offset), i128::from(length), i128::from(size));
    let overflow = end > offset + length;
    if overflow {
        offset = end - 1;
    }
    if offset + length > end {
        if offset > end - 1 {
            length = 0;
        }
        offset = end - length;
    }
    let start = u64::try_from(offset).unwrap_or(0).min(size);
    let count = u64::try_from(length).unwrap_or(0).min(size - start);
    let most = count.min(READ_BYTES_MAX);
    (start + (count - most), most, overflow)
}

/// Opens what has places that can be read twice, and its size: a regular file, or a device like `/dev/null`, which
/// lets itself be searched and has nothing. Anything else is refused: a pipe would make us wait.
fn open_placed(path: &Path) -> io::Result<(std::fs::File, u64)> {
    let fd = open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY, Mode::empty())?;
    let found = fstat(&fd)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Ok((fd.into(), u64::try_from(found.st_size).unwrap_or(0))),
        FileType::CharacterDevice => {
            seek(&fd, SeekFrom::End(0)).map(|end| (fd.into(), end)).map_err(Into::into)
        }
        FileType::Directory
        | FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::BlockDevice
        | FileType::Unknown => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Reads `count` bytes, or fewer if the file has been cut off since.
fn read_at(file: &std::fs::File, start: u64, count: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(count).map_err(io::Error::other)?];
    let mut done = 0;
    while let Some(room) = bytes.get_mut(done..).filter(|it| !it.is_empty()) {
        match file.read_at(room, start + u64::try_from(done).unwrap_or(u64::MAX)) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}
