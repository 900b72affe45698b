//! What else is done with the rotated files of a log: they are made smaller, and the oldest go.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::keeping::{Compression, RotateWhen};
use rustix::fs::{rename, unlink};

use crate::file::Rotation;
use crate::press::Pressed;
use crate::rotate::{SUFFIXES, beyond, rotated};

/// When a file is rotated besides when it is full, and what is done with those that were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Upkeep {
    /// When it is rotated although it is not full.
    pub when: RotateWhen,
    /// How rotated files are made smaller.
    pub compress: Compression,
    /// How many bytes it and the rotated files may have in all; zero or less: any number.
    pub total_maxbytes: i64,
}

impl Upkeep {
    /// A rotated file of `log` that is to be made smaller.
    pub(crate) fn to_press(self, log: &Path) -> Option<PathBuf> {
        for file in rotated(log).filter(|it| !is_pressed(it)) {
            if twin(&file, self.compress)?.symlink_metadata().is_err() {
                return Some(file);
            }
            // The smaller one was being put in its place when somebody was killed.
            let _ = unlink(&file);
        }
        None
    }

    /// Puts what was made smaller in the place of the file that it was made from, whatever its number is
    /// by now.
    ///
    /// # Errors
    /// When that fails; the larger one then stays.
    pub(crate) fn put_pressed(self, log: &Path, rotation: Rotation, pressed: Pressed) -> io::Result<()> {
        let Pressed { identity, copy, outcome, .. } = pressed;
        let is_it = |it: &PathBuf| it.symlink_metadata().is_ok_and(|it| (it.dev(), it.ino()) == identity);
        let place = rotated(log).find(is_it).and_then(|it| Some((twin(&it, self.compress)?, it)));
        let (Ok(()), Some((twin, file))) = (&outcome, place) else {
            let _ = unlink(&copy);
            return outcome;
        };
        rename(&copy, &twin)?;
        unlink(&file)?;
        self.keep_total(log, rotation);
        Ok(())
    }

    /// Removes the oldest rotated files while there are more bytes than there may be.
    pub(crate) fn keep_total(self, log: &Path, rotation: Rotation) {
        let Ok(bytes_max @ 1..) = u64::try_from(self.total_maxbytes) else { return };
        let reserved = u64::try_from(rotation.maxbytes).unwrap_or(0);
        let files: Vec<_> = rotated(log).collect();
        let size = |it: &PathBuf| it.symlink_metadata().map_or(0, |it| it.len());
        let sizes: Vec<u64> = files.iter().map(size).collect();
        for file in files.iter().rev().take(beyond(&sizes, reserved, bytes_max)) {
            // One that is gone already is as good.
            let _ = unlink(file);
        }
    }
}

/// The name of the smaller one; none where there is to be none.
fn twin(file: &Path, how: Compression) -> Option<PathBuf> {
    let suffix = match how {
        Compression::None => return None,
        Compression::Gzip => ".gz",
        Compression::Zstd => ".zst",
    };
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    Some(name.into())
}

fn is_pressed(file: &Path) -> bool {
    let name = file.as_os_str().as_bytes();
    SUFFIXES.iter().any(|it| !it.is_empty() && name.ends_with(it.as_bytes()))
}
