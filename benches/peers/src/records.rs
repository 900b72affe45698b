//! The notes of children: who ran its first instruction, and when.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The length of one note.
const BYTES: usize = 24;

/// Between two looks at the file. A look is one `stat`, so that this costs nothing that shows.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// One note.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) id: u64,
    pub(crate) pid: i32,
    /// On the monotonic clock, in nanoseconds.
    pub(crate) at: u64,
}

/// All notes so far.
pub(crate) fn read(file: &Path) -> Vec<Record> {
    let bytes = std::fs::read(file).unwrap_or_default();
    let number = |at: usize, piece: &[u8]| {
        piece.get(at..at + 8).and_then(|it| it.try_into().ok()).map_or(0, u64::from_le_bytes)
    };
    let record = |piece: &[u8]| Record {
        id: number(0, piece),
        pid: i32::try_from(number(8, piece)).unwrap_or(0),
        at: number(16, piece),
    };
    bytes.chunks_exact(BYTES).map(record).collect()
}

/// How many notes there are.
pub(crate) fn count(file: &Path) -> usize {
    std::fs::metadata(file).map_or(0, |it| usize::try_from(it.len()).unwrap_or(0) / BYTES)
}

/// Waits until there are `wanted` notes.
pub(crate) fn until(file: &Path, wanted: usize, at_most: Duration) -> Result<Vec<Record>> {
    let began = Instant::now();
    while count(file) < wanted {
        if began.elapsed() > at_most {
            bail!("{} of {wanted} programs have started within {at_most:?}", count(file));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(read(file))
}

/// The monotonic clock, as children read it.
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Nanoseconds as milliseconds.
#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a measurement, not an identity")]
pub(crate) fn millis(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1e6
}
