//! What the daemon must not forget, in a file that outlives it: records, one after the other, each written
//! before anything is done that follows from it.
//!
//! A record is its length and its checksum (CRC-32), four bytes each with the lowest first, and then its bytes. Death may cut
//! the last write short, and nothing that follows from it has been done then: what cannot be read to its end
//! never was. When the file has grown to twice what is needed, it is written anew beside itself and takes its
//! own place.
//!
//! There is no `fsync`: the kernel keeps what a dead process has written, and after the death of the machine
//! there is nothing left to remember.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use wire::checksum::crc32;

use crate::runtime;

/// No record is longer: a process, its last error, an event on its way to a listener.
const RECORD_BYTES_MAX: usize = 32 << 20;

/// A file smaller than this is not worth being written anew.
const REWRITE_BYTES_MIN: u64 = 256 << 10;

/// Only the owner may look: there are commands and addresses in it.
const MODE: u32 = 0o600;

/// The file, open at its end.
#[derive(Debug)]
pub(crate) struct MemoryFile {
    path: PathBuf,
    file: File,
    length: u64,
    /// How long it was when it held nothing but what is needed.
    needed: u64,
    /// What is written at once: one step of the machine.
    buffer: Vec<u8>,
}

impl MemoryFile {
    /// Begins a file at `path` that holds these records; whatever was there is replaced whole.
    ///
    /// # Errors
    /// When it cannot be written; what was there is still there then.
    pub(crate) fn create<R: AsRef<[u8]>>(path: &Path, records: impl Iterator<Item = R>) -> io::Result<Self> {
        let beside = path.with_extension("new");
        let mut buffer = Vec::new();
        records.for_each(|it| put(&mut buffer, it.as_ref()));
        let _ = std::fs::remove_file(&beside);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&beside)?;
        file.write_all(&buffer)?;
        std::fs::rename(&beside, path)?;
        let length = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        Ok(Self { path: path.to_owned(), file, length, needed: length, buffer: Vec::new() })
    }

    /// Adds a record to what the next [`MemoryFile::commit`] writes.
    pub(crate) fn add(&mut self, record: &[u8]) {
        put(&mut self.buffer, record);
    }

    /// Writes what was added, in one go.
    ///
    /// # Errors
    /// When it cannot be written, or not all of it: a full disk. The file then ends where it did, and what was
    /// added is still to be written.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.file.write_all(&self.buffer) {
            self.file.set_len(self.length)?;
            io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.length))?;
            return Err(error);
        }
        self.length = self.length.saturating_add(u64::try_from(self.buffer.len()).unwrap_or(u64::MAX));
        self.buffer.clear();
        self.buffer.shrink_to(REWRITE_BYTES_MIN.try_into().unwrap_or(usize::MAX));
        Ok(())
    }

    /// Whether half of it is history by now.
    pub(crate) fn is_due(&self) -> bool {
        self.length > REWRITE_BYTES_MIN && self.length / 2 > self.needed
    }

    /// Writes it anew, with these records and no others.
    ///
    /// # Errors
    /// As [`MemoryFile::create`]; the file is as it was then.
    pub(crate) fn rewrite<R: AsRef<[u8]>>(&mut self, records: impl Iterator<Item = R>) -> io::Result<()> {
        *self = Self::create(&self.path, records)?;
        Ok(())
    }
}

/// The records of the file at `path`, as far as they are whole, and how many bytes behind them make no sense; none when
/// there is no file.
///
/// # Errors
/// When there is one that cannot be read, or is no file of ours.
pub(crate) fn read(path: &Path) -> io::Result<(Vec<Vec<u8>>, usize)> {
    let mut bytes = Vec::new();
    match runtime::existing_file(path) {
        Ok(mut file) => file.read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error),
    };
    let mut rest = bytes.as_slice();
    let records = std::iter::from_fn(|| take(&mut rest)).collect();
    Ok((records, rest.len()))
}

fn put(buffer: &mut Vec<u8>, record: &[u8]) {
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    buffer.extend(length.to_le_bytes());
    buffer.extend(crc32(record).to_le_bytes());
    buffer.extend(record);
}

/// The next record, if it is whole.
fn take(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let (length, after) = rest.split_first_chunk()?;
    let (checksum, after) = after.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|it| *it <= RECORD_BYTES_MAX)?;
    let (record, after) = after.split_at_checked(length)?;
    if crc32(record) != u32::from_le_bytes(*checksum) {
        return None;
    }
    *rest = after;
    Some(record.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sensible(path: &Path) -> Vec<Vec<u8>> {
        read(path).unwrap().0
    }

    fn room() -> (tempfile::TempDir, PathBuf) {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("memory");
        (room, path)
    }

    #[test]
    fn what_was_committed_is_read_and_what_was_only_added_is_not() {
        let (_room, path) = room();
        assert_eq!(sensible(&path), Vec::<Vec<u8>>::new());
        let mut memory = MemoryFile::create(&path, [b"first"].iter()).unwrap();
        memory.add(b"second");
        memory.add(b"");
        memory.commit().unwrap();
        memory.add(b"never");
        assert_eq!(sensible(&path), [&b"first"[..], b"second", b""]);
        memory.rewrite([b"anew"].iter()).unwrap();
        memory.add(b"more");
        memory.commit().unwrap();
        assert_eq!(sensible(&path), [&b"anew"[..], b"more"]);
    }

    #[test]
    fn a_file_cut_anywhere_holds_the_records_before_the_cut() {
        let (_room, path) = room();
        drop(MemoryFile::create(&path, [&b"one"[..], b"two", b"three"].iter()).unwrap());
        let whole = std::fs::read(&path).unwrap();
        let ends = [0, 11, 22, 35];
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let expected = ends.iter().filter(|it| **it <= cut).count() - 1;
            let (found, senseless) = read(&path).unwrap();
            assert_eq!(found.len(), expected, "cut at {cut}");
            let kept: usize = found.iter().map(|it| it.len() + 8).sum();
            assert_eq!(senseless, cut - kept, "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_ends_what_is_read_and_invents_nothing() {
        let (_room, path) = room();
        let records = [&b"one"[..], b"two", b"three"];
        drop(MemoryFile::create(&path, records.iter()).unwrap());
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            std::fs::write(&path, &bytes).unwrap();
            let found = sensible(&path);
            assert!(found.len() < 3 && found.iter().zip(records).all(|(a, b)| a == b), "bit {at}");
        }
    }

    #[test]
    fn it_is_written_anew_when_most_of_it_is_history() {
        let (_room, path) = room();
        let mut memory = MemoryFile::create(&path, [vec![1; 200_000]].iter()).unwrap();
        let mut written = 0;
        while !memory.is_due() {
            memory.add(&[2; 1000]);
            memory.commit().unwrap();
            written += 1;
        }
        assert_eq!(written, 199);
        memory.rewrite([b"short"].iter()).unwrap();
        assert!(!memory.is_due(), "a short file is left alone");
    }

    #[test]
    fn nobody_else_may_read_it() {
        let (_room, path) = room();
        let _memory = MemoryFile::create(&path, std::iter::empty::<&[u8]>()).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}
