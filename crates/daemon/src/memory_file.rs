//! What the daemon must not forget, in a file that outlives it: records, one after the other, each written
//! before anything is done that follows from it.
//!
//! A record is its length and its checksum (CRC-32), four bytes each with the lowest first, and then its bytes. Death may cut
//! the last write short, and nothing that follows from it has been done then: what cannot be read to its end
//! never was. When the file has grown to twice what is needed, it is written anew beside itself and takes its
//! own place: a piece at a time, since what waits for listeners may be much. First comes what was needed when that began,
//! then what has been written since.
//!
//! There is no `fsync`: the kernel keeps what a dead process has written, and after the death of the machine
//! there is nothing left to remember.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use wire::checksum::crc32;

use crate::runtime;

/// No record is longer: a process, its last error, an event on its way to a listener.
const RECORD_BYTES_MAX: usize = 32 << 20;

/// The length and the checksum of a record.
const HEADER_BYTES: usize = 8;

/// A file smaller than this is not worth being written anew.
const REWRITE_BYTES_MIN: u64 = 256 << 10;

/// How much of what was written since is copied at once.
const COPY_BYTES: usize = 256 << 10;

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
    /// Its successor, while it is being written.
    beside: Option<Beside>,
}

/// A file that will take the place of another.
#[derive(Debug)]
struct Beside {
    path: PathBuf,
    file: File,
    length: u64,
    /// How much of it is what was needed when it was begun.
    needed: u64,
    /// How far the other is in it.
    copied: u64,
}

impl Beside {
    fn begin(place: &Path, copied: u64) -> io::Result<Self> {
        let path = place.with_extension("new");
        let _ = std::fs::remove_file(&path);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(&path)?;
        Ok(Self { path, file, length: 0, needed: 0, copied })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length = self.length.saturating_add(widened(bytes.len()));
        Ok(())
    }
}

impl MemoryFile {
    /// Begins a file at `path` that holds these records; whatever was there is replaced whole.
    ///
    /// # Errors
    /// When it cannot be written; what was there is still there then.
    pub(crate) fn create<R: AsRef<[u8]>>(path: &Path, records: impl Iterator<Item = R>) -> io::Result<Self> {
        let mut beside = Beside::begin(path, 0)?;
        beside.write(&put_all(records))?;
        replace(&beside.path, path)?;
        let Beside { file, length, .. } = beside;
        Ok(Self { path: path.to_owned(), file, length, needed: length, buffer: Vec::new(), beside: None })
    }

    /// Adds a record to what the next [`MemoryFile::commit`] writes: what `write` puts behind what is there.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        put(&mut self.buffer, write);
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

    /// Whether half of it is history by now. Where it `is_leaving` with its writer that may be more: it would be written anew
    /// for nothing, at the moment when all programs are being stopped.
    pub(crate) fn is_due(&self, is_leaving: bool) -> bool {
        let most = self.needed.saturating_mul(if is_leaving { 16 } else { 2 });
        self.beside.is_none() && self.length > REWRITE_BYTES_MIN && self.length > most
    }

    /// Begins to write it anew: from here on, [`MemoryFile::rewrite`] is to be given what is needed now, with whatever was
    /// added and could not be committed.
    ///
    /// # Errors
    /// When that cannot be done; it is tried again when the file has grown to twice its length.
    pub(crate) fn begin_rewrite(&mut self) -> io::Result<()> {
        self.needed = self.length;
        self.buffer.clear();
        self.beside = Some(Beside::begin(&self.path, self.length)?);
        Ok(())
    }

    /// Writes more of what is needed.
    ///
    /// # Errors
    /// When it cannot be written; the file then stays what it is.
    pub(crate) fn rewrite<R: AsRef<[u8]>>(&mut self, records: impl Iterator<Item = R>) -> io::Result<()> {
        let Some(beside) = &mut self.beside else { return Ok(()) };
        let written = beside.write(&put_all(records));
        beside.needed = beside.length;
        if written.is_err() {
            self.beside = None;
        }
        written
    }

    /// All that is needed was given. Copies some of what was written since; with the last of it, the new file takes the
    /// place of the old one. Says whether it has.
    ///
    /// # Errors
    /// As [`MemoryFile::rewrite`].
    pub(crate) fn end_rewrite(&mut self) -> io::Result<bool> {
        let Some(mut beside) = self.beside.take() else { return Ok(true) };
        let left = usize::try_from(self.length.saturating_sub(beside.copied)).unwrap_or(usize::MAX);
        let mut piece = vec![0; left.min(COPY_BYTES)];
        self.file.read_exact_at(&mut piece, beside.copied)?;
        beside.write(&piece)?;
        beside.copied = beside.copied.saturating_add(widened(piece.len()));
        if beside.copied < self.length {
            self.beside = Some(beside);
            return Ok(false);
        }
        replace(&beside.path, &self.path)?;
        Beside { file: self.file, length: self.length, needed: self.needed, .. } = beside;
        Ok(true)
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

/// Puts the file at `beside` in the place of the one at `path`, in one step.
///
/// The two change places where the file system can do that. ext4 takes a file that is renamed over another for one that is to
/// outlive the machine, and looks for its place on the disk before it goes on, which took 7 to 38 ms for a file of a
/// megabyte; this one is to outlive nothing but its writer.
fn replace(beside: &Path, path: &Path) -> io::Result<()> {
    if renameat_with(CWD, beside, CWD, path, RenameFlags::EXCHANGE).is_err() {
        return std::fs::rename(beside, path);
    }
    // If it stays, the next one that is written beside the other removes it.
    let _ = std::fs::remove_file(beside);
    Ok(())
}

fn put_all<R: AsRef<[u8]>>(records: impl Iterator<Item = R>) -> Vec<u8> {
    let mut buffer = Vec::new();
    records.for_each(|it| put(&mut buffer, |buffer| buffer.extend_from_slice(it.as_ref())));
    buffer
}

fn widened(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Puts a record behind others, whose length and checksum come before it and are known when it is there.
fn put(buffer: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let begin = buffer.len();
    buffer.extend([0; HEADER_BYTES]);
    write(buffer);
    let record = buffer.get(begin + HEADER_BYTES..).unwrap_or_default();
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    let header = [length, crc32(record)].map(u32::to_le_bytes);
    if let Some(place) = buffer.get_mut(begin..begin + HEADER_BYTES) {
        place.copy_from_slice(header.as_flattened());
    }
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

    fn rewrite(memory: &mut MemoryFile, record: &[u8]) {
        memory.begin_rewrite().unwrap();
        memory.rewrite([record].iter()).unwrap();
        while !memory.end_rewrite().unwrap() {}
    }

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
        memory.add(|it| it.extend(b"second"));
        memory.add(|it| it.extend(b""));
        memory.commit().unwrap();
        memory.add(|it| it.extend(b"never"));
        assert_eq!(sensible(&path), [&b"first"[..], b"second", b""]);
        rewrite(&mut memory, b"anew");
        memory.add(|it| it.extend(b"more"));
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
        while !memory.is_due(false) {
            memory.add(|it| it.extend([2; 1000]));
            memory.commit().unwrap();
            written += 1;
        }
        assert_eq!(written, 199);
        assert!(!memory.is_due(true), "it is about to be removed");
        rewrite(&mut memory, b"short");
        assert!(!memory.is_due(false), "a short file is left alone");
    }

    #[test]
    fn what_is_written_while_it_is_written_anew_is_in_both() {
        let (_room, path) = room();
        let mut memory = MemoryFile::create(&path, [vec![1; 1000]].iter()).unwrap();
        memory.begin_rewrite().unwrap();
        let more: Vec<_> = (0..=9).map(|it| vec![it; 100_000]).collect();
        let mut needed = vec![b"needed".to_vec(), b"too".to_vec()];
        memory.rewrite(needed[..1].iter()).unwrap();
        for (at, record) in more.iter().enumerate() {
            memory.add(|it| it.extend(record));
            memory.commit().unwrap();
            assert_eq!(sensible(&path)[1..], more[..=at], "until it is whole the old one counts");
        }
        memory.rewrite(needed[1..].iter()).unwrap();
        assert!(!memory.end_rewrite().unwrap(), "a piece at a time");
        memory.add(|it| it.extend(b"last"));
        memory.commit().unwrap();
        while !memory.end_rewrite().unwrap() {}
        needed.extend(more);
        needed.push(b"last".to_vec());
        assert_eq!(sensible(&path), needed);
        memory.add(|it| it.extend(b"and on"));
        memory.commit().unwrap();
        needed.push(b"and on".to_vec());
        assert_eq!(sensible(&path), needed);
    }

    #[test]
    fn nobody_else_may_read_it() {
        let (_room, path) = room();
        let _memory = MemoryFile::create(&path, std::iter::empty::<&[u8]>()).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}
