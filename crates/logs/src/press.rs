//! Making rotated logs smaller, beside the loop and never in it.
//!
//! A thread of its own writes the smaller copy under a temporary name; only when it is whole and on the disk
//! does the pump, which alone renames logs, put it in the place of the other. A copy that was not finished
//! is made anew.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use flate2::write::GzEncoder;
use model::keeping::Compression;
use rustix::fs::{Gid, Mode, OFlags, Uid, fchmod, fchown, fstat, open};
use rustix::pipe::{PipeFlags, pipe_with};
use ruzstd::encoding::{CompressionLevel, FrameCompressor};

use crate::file::MODE;

/// How far behind others the thread stands in the line for a processor (`nice(2)`).
const NICE: i32 = 10;

/// What is to be made smaller.
#[derive(Debug)]
struct Sheet {
    stream: u64,
    file: File,
    copy: PathBuf,
    how: Compression,
}

/// What was made smaller.
#[derive(Debug)]
pub(crate) struct Pressed {
    /// Whose it was.
    pub(crate) stream: u64,
    /// Which file it was: its device and inode.
    pub(crate) identity: (u64, u64),
    /// Where the smaller one is, under its temporary name.
    pub(crate) copy: PathBuf,
    /// Whether it is whole.
    pub(crate) outcome: io::Result<()>,
}

/// The thread, which begins with the first file, and the way to it. Readable when something is done.
#[derive(Debug)]
pub(crate) struct Press {
    bell: OwnedFd,
    ringer: OwnedFd,
    sheets: Option<Sender<Sheet>>,
    pressed: Option<Receiver<Pressed>>,
    is_busy: bool,
}

impl Press {
    /// # Errors
    /// When no descriptor is left.
    pub(crate) fn new() -> io::Result<Self> {
        let (bell, ringer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Self { bell, ringer, sheets: None, pressed: None, is_busy: false })
    }

    /// Whether it has something to do. It takes one file at a time.
    pub(crate) const fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Begins with the file at `path`, for a log at `log`.
    ///
    /// # Errors
    /// When the file cannot be read, or no thread be made.
    pub(crate) fn begin(&mut self, stream: u64, log: &Path, path: &Path, how: Compression) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let file = File::from(open(path, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut copy = log.as_os_str().to_owned();
        copy.push(".part");
        let sheet = Sheet { stream, file, copy: copy.into(), how };
        if self.sheets.is_none() {
            self.start()?;
        }
        let sent = self.sheets.as_ref().is_some_and(|it| it.send(sheet).is_ok());
        self.is_busy = sent;
        if sent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    /// What is done.
    pub(crate) fn take(&mut self) -> Option<Pressed> {
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        let pressed = self.pressed.as_ref()?.try_recv().ok()?;
        self.is_busy = false;
        Some(pressed)
    }

    fn start(&mut self) -> io::Result<()> {
        let (sheets, work) = channel::<Sheet>();
        let (done, pressed) = channel();
        let ringer = rustix::io::fcntl_dupfd_cloexec(&self.ringer, 3)?;
        std::thread::Builder::new().name("menshen-press".to_owned()).spawn(move || {
            let _ = rustix::process::nice(NICE);
            for sheet in work {
                let pressed = press(sheet);
                if done.send(pressed).is_err() {
                    return;
                }
                let _ = rustix::io::write(&ringer, b"!");
            }
        })?;
        (self.sheets, self.pressed) = (Some(sheets), Some(pressed));
        Ok(())
    }
}

impl AsFd for Press {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

fn press(sheet: Sheet) -> Pressed {
    let Sheet { stream, mut file, copy, how } = sheet;
    let found = fstat(&file);
    let identity = found.map_or((0, 0), |it| (it.st_dev, it.st_ino));
    let outcome = make_copy(&mut file, &copy, how);
    Pressed { stream, identity, copy, outcome }
}

fn make_copy(file: &mut File, copy: &Path, how: Compression) -> io::Result<()> {
    let found = fstat(&*file)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let made = File::from(open(copy, flags, Mode::RUSR | Mode::WUSR)?);
    // Its owner only if we may; its permissions in any case.
    let _ = fchown(&made, Some(Uid::from_raw(found.st_uid)), Some(Gid::from_raw(found.st_gid)));
    fchmod(&made, Mode::from_raw_mode(found.st_mode & MODE))?;
    let made = match how {
        Compression::None => made,
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(made, flate2::Compression::default());
            io::copy(file, &mut encoder)?;
            encoder.finish()?
        }
        Compression::Zstd => zstd(file, made)?,
    };
    made.sync_all()
}

/// The encoder takes an error of its source or its drain for a reason to panic, so that it sees none.
fn zstd(file: &mut File, made: File) -> io::Result<File> {
    let mut encoder = FrameCompressor::new(CompressionLevel::Fastest);
    encoder.set_source(Calm { inner: file, error: None });
    encoder.set_drain(Calm { inner: made, error: None });
    encoder.compress();
    let read = encoder.take_source().and_then(|it| it.error);
    let Some(drain) = encoder.take_drain() else { return Err(io::ErrorKind::BrokenPipe.into()) };
    read.or(drain.error).map_or(Ok(drain.inner), Err)
}

/// Something that keeps its first error to itself, and then ends.
#[derive(Debug)]
struct Calm<T> {
    inner: T,
    error: Option<io::Error>,
}

impl<T: Read> Read for Calm<T> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.error.is_some() {
            return Ok(0);
        }
        loop {
            match self.inner.read(room) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(error);
                    return Ok(0);
                }
            }
        }
    }
}

impl<T: Write> Write for Calm<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.error.is_none()
            && let Err(error) = self.inner.write_all(bytes)
        {
            self.error = Some(error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(how: Compression, bytes: &[u8]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let (log, copy) = (folder.path().join("log"), folder.path().join("copy"));
        std::fs::write(&log, bytes).unwrap();
        make_copy(&mut File::open(&log).unwrap(), &copy, how).unwrap();
        std::fs::read(&copy).unwrap()
    }

    #[test]
    fn what_was_made_smaller_is_the_same_when_it_is_unpacked() {
        let noise = (0..400_000u32).map(|it| u8::try_from(it.wrapping_mul(2_654_435_761) >> 24).unwrap());
        let samples: [Vec<u8>; 4] =
            [Vec::new(), b"x".to_vec(), b"a line of a log\n".repeat(50_000), noise.collect()];
        for sample in samples {
            let mut unpacked = Vec::new();
            let gzip = copied(Compression::Gzip, &sample);
            flate2::read::GzDecoder::new(gzip.as_slice()).read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == sample);

            let mut unpacked = Vec::new();
            let zstd = copied(Compression::Zstd, &sample);
            let mut decoder = ruzstd::decoding::StreamingDecoder::new(zstd.as_slice()).unwrap();
            decoder.read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == sample);
        }
        assert!(copied(Compression::Zstd, &b"a line of a log\n".repeat(50_000)).len() < 80_000);
    }

    #[test]
    fn a_full_disk_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, b"a line of a log\n".repeat(50_000)).unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert!(zstd(&mut File::open(&log).unwrap(), full).is_err());
    }
}
