//! Files in memory that have a name: what is in them outlives keeper and daemon even when both die in one moment.
//!
//! They lie in the runtime directory where that is in memory (`tmpfs`) itself. Files on a disk would be written to it, and
//! have no room for the holes these have; so where it is not, they lie in a folder of their own under `/dev/shm`, which
//! points back to the runtime directory. Where there is neither, files without a name must do, which the keeper keeps.
//!
//! The name of each has the boot of the machine in it, so that another boot never finds it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use os::probe::is_in_memory;
use rustix::fs::{FallocateFlags, OFlags, fallocate};

use crate::handover::Handover;
use crate::{recall, runtime};

/// Memory that all Linux systems have, as a rule.
const MEMORY: &str = "/dev/shm";

/// The names there are: what the pump has under way, and letters to listeners.
pub(crate) const PUMP: &str = "pump";
pub(crate) const MAILBAG: &str = "letters";
const NAMES: [&str; 2] = [PUMP, MAILBAG];

/// How long the name of a boot is.
const BOOT_DIGITS: usize = 32;

/// A hole, to see whether there can be any.
const HOLE_BYTES: u64 = 4096;

/// The end of the name of a folder of ours.
const FOLDER: &str = "lasting";

/// What in such a folder points back.
const OF: &str = "of";

/// Where the files of one supervisor are.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// `None`: there is no memory with names.
    place: Option<PathBuf>,
    runtime: PathBuf,
    boot: String,
}

impl Shelf {
    /// That of a supervisor that has a runtime directory.
    pub(crate) fn of(handover: &Handover, boot_id: [u8; 16]) -> Option<Self> {
        Some(Self::at(handover.runtime.as_deref()?, boot_id))
    }

    /// That of the supervisor with this runtime directory, in this boot.
    pub(crate) fn at(runtime: &Path, boot_id: [u8; 16]) -> Self {
        Self { place: place_of(runtime), runtime: runtime.to_owned(), boot: recall::boot_name(boot_id) }
    }

    /// What an earlier one has left under this name, if anything.
    ///
    /// # Errors
    /// When it belongs to somebody else, or the kernel refuses.
    pub(crate) fn find(&self, name: &str) -> io::Result<Option<OwnedFd>> {
        let Some(path) = self.path(name) else { return Ok(None) };
        match runtime::existing_file_to_change(&path) {
            Ok(file) => Ok(Some(file.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An empty file of this name, in place of what was there.
    pub(crate) fn make(&self, name: &str) -> Option<OwnedFd> {
        let path = self.path(name)?;
        self.make_at(&path).ok().map(OwnedFd::from)
    }

    fn make_at(&self, path: &Path) -> io::Result<File> {
        if let Some(folder) = path.parent().filter(|it| *it != self.runtime) {
            for folder in folder.parent().into_iter().chain([folder]) {
                runtime::own_directory(folder).map_err(io::Error::other)?;
            }
            let of = folder.join(OF);
            drop(std::fs::remove_file(&of));
            std::os::unix::fs::symlink(&self.runtime, of)?;
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let mut options = OpenOptions::new();
        let file =
            options.read(true).write(true).create_new(true).mode(0o600).custom_flags(flags).open(path)?;
        // Memory that cannot be given back (`ramfs`) would fill up.
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if let Err(errno) = fallocate(&file, punch, 0, HOLE_BYTES) {
            std::fs::remove_file(path)?;
            return Err(errno.into());
        }
        Ok(file)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.place.as_ref()?.join(format!("{name}.{}", self.boot)))
    }
}

/// Removes all that the supervisor with this runtime directory has of them. The directory itself stays.
pub(crate) fn remove(runtime: &Path) {
    if let Some(place) = place_of(runtime) {
        empty(&place);
    }
}

/// Removes those of supervisors whose runtime directory is gone, and nobody can find them any more.
pub(crate) fn prune() {
    let Some(base) = base() else { return };
    for folder in std::fs::read_dir(base).into_iter().flatten().flatten().map(|it| it.path()) {
        let is_gone = |of: PathBuf| {
            std::fs::symlink_metadata(of).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        if is_folder(&folder) && std::fs::read_link(folder.join(OF)).is_ok_and(is_gone) {
            empty(&folder);
        }
    }
}

fn empty(folder: &Path) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.path()) {
        let parts = [path.file_stem(), path.extension()].map(|it| it.and_then(|it| it.to_str()));
        if let [Some(name), Some(boot)] = parts
            && NAMES.contains(&name)
            && boot.len() == BOOT_DIGITS
        {
            let _ = std::fs::remove_file(path);
        }
    }
    if is_folder(folder) {
        let _ = std::fs::remove_file(folder.join(OF));
        let _ = std::fs::remove_dir(folder);
    }
}

fn is_folder(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == FOLDER)
}

fn place_of(runtime: &Path) -> Option<PathBuf> {
    if is_in_memory(runtime) { Some(runtime.to_owned()) } else { folder_of(runtime) }
}

fn folder_of(runtime: &Path) -> Option<PathBuf> {
    Some(base()?.join(format!("{}.{FOLDER}", runtime::name_of(runtime))))
}

fn base() -> Option<PathBuf> {
    let memory = Path::new(MEMORY);
    is_in_memory(memory).then(|| memory.join(format!("menshen-{}", os::user::own_uid())))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const BOOT: [u8; 16] = [7; 16];

    /// A runtime directory in memory, and one on a disk, if this machine has both.
    fn rooms() -> Vec<tempfile::TempDir> {
        [MEMORY, "/var/tmp"].iter().map(|it| tempfile::tempdir_in(it).unwrap()).collect()
    }

    fn text(file: OwnedFd) -> String {
        let mut text = String::new();
        File::from(file).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn what_was_written_is_found_by_the_next_and_not_in_another_boot() {
        for room in rooms() {
            let shelf = Shelf::at(room.path(), BOOT);
            assert!(shelf.find(PUMP).unwrap().is_none());
            let file = shelf.make(PUMP).unwrap();
            File::from(file).write_all(b"under way").unwrap();
            assert_eq!(text(Shelf::at(room.path(), BOOT).find(PUMP).unwrap().unwrap()), "under way");
            assert!(shelf.find(MAILBAG).unwrap().is_none());
            assert!(Shelf::at(room.path(), [8; 16]).find(PUMP).unwrap().is_none());
            let mode = std::fs::metadata(shelf.path(PUMP).unwrap()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert_eq!(text(shelf.make(PUMP).unwrap()), "", "what is made is empty");
            std::fs::write(room.path().join("pump.conf"), "somebody's").unwrap();
            remove(room.path());
            assert!(shelf.find(PUMP).unwrap().is_none());
            assert!(room.path().join("pump.conf").exists(), "what is not ours stays");
            assert!(!is_folder(shelf.place.as_ref().unwrap()) || !shelf.place.unwrap().exists());
        }
    }

    #[test]
    fn a_link_is_not_followed_and_a_folder_of_others_is_refused() {
        for room in rooms() {
            let shelf = Shelf::at(room.path(), BOOT);
            drop(shelf.make(PUMP).unwrap());
            let path = shelf.path(PUMP).unwrap();
            std::fs::remove_file(&path).unwrap();
            std::fs::write(room.path().join("elsewhere"), "nobody's").unwrap();
            symlink(room.path().join("elsewhere"), &path).unwrap();
            assert!(shelf.find(PUMP).is_err());
            assert_eq!(text(shelf.make(PUMP).unwrap()), "");
            assert_eq!(std::fs::read_to_string(room.path().join("elsewhere")).unwrap(), "nobody's");
            let folder = shelf.place.clone().unwrap();
            if is_folder(&folder) {
                std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
                assert!(shelf.make(PUMP).is_none());
            }
            remove(room.path());
        }
    }

    #[test]
    fn what_nobody_can_find_any_more_is_removed() {
        let room = tempfile::tempdir_in("/var/tmp").unwrap();
        let (gone, there) = (room.path().join("gone"), room.path().join("there"));
        let shelves = [&gone, &there].map(|it| {
            std::fs::create_dir(it).unwrap();
            let shelf = Shelf::at(it, BOOT);
            drop(shelf.make(PUMP).unwrap());
            shelf
        });
        std::fs::remove_dir(gone).unwrap();
        prune();
        assert_eq!(shelves.map(|it| it.find(PUMP).unwrap().is_some()), [false, true]);
        remove(&there);
    }
}
