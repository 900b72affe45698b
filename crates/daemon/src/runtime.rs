//! The directory in which a supervisor keeps what outlives it: who its children are, what the machine
//! remembers, and which configuration is in force. Nobody but its owner may enter it, and one supervisor at a
//! time may use it.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};
use wire::keeper::journal;

use crate::digest::Digest;
use crate::{lasting, substitute};

/// The bits that would let others in, or let them put something in the way.
const OTHERS_MAY_WRITE: u32 = 0o022;

/// How often a lock is taken anew because its file was replaced at that moment. Each time somebody else has come and gone.
const LOCK_TRIES_MAX: u32 = 10;

/// How long a supervisor that is dying may take to let go of its lock: the kernel closes the descriptors of a killed
/// process when it comes to it, and a child on its way to its program may hold them for a moment longer.
const DYING_WAIT: Duration = Duration::from_secs(1);

/// How often that is looked at.
const DYING_LOOK: Duration = Duration::from_millis(20);

/// The directory, and the proof that it is ours.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) path: PathBuf,
    /// Held by every process of this supervisor, so that the claim outlives each of them.
    pub(crate) lock: OwnedFd,
}

/// Why there is no such directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeError {
    /// Another supervisor of the same configuration lives.
    #[error("another supervisor of this configuration holds {}", .0.display())]
    Taken(PathBuf),
    /// Somebody else could read or replace what is in it.
    #[error("{} {reason}", path.display())]
    Unsafe { path: PathBuf, reason: &'static str },
    /// The kernel refuses.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Runtime {
    /// Claims the directory of the configuration at `config`: the one it names, or else the first place that
    /// will do.
    ///
    /// # Errors
    /// When the place it names will not do, or none will; at once when another supervisor is there.
    pub(crate) fn claim(config: &Path, wanted: Option<&Path>) -> Result<Self, RuntimeError> {
        let give_up_at = os::clock::mono() + DYING_WAIT;
        loop {
            match Self::claim_now(config, wanted) {
                Err(RuntimeError::Taken(_)) if os::clock::mono() < give_up_at => {
                    std::thread::sleep(DYING_LOOK);
                }
                claimed => return claimed,
            }
        }
    }

    fn claim_now(config: &Path, wanted: Option<&Path>) -> Result<Self, RuntimeError> {
        if let Some(path) = wanted {
            return claim_at(path.to_owned());
        }
        let name = name_of(config);
        let mut trouble = None;
        for base in bases() {
            match own_directory(&base).and_then(|()| claim_at(base.join(&name))) {
                Ok(runtime) => {
                    prune(&base, &name);
                    return Ok(runtime);
                }
                Err(taken @ RuntimeError::Taken(_)) => return Err(taken),
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        Err(trouble.unwrap_or_else(|| RuntimeError::Unsafe {
            path: PathBuf::from("/"),
            reason: "has no place for a runtime directory",
        }))
    }

    /// The keeper's journal of its children.
    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }
}

/// The file of the journal.
pub(crate) const JOURNAL: &str = "children";

/// The file of what the machine remembers.
pub(crate) const MEMORY: &str = "memory";

/// The file of the lock.
const LOCK: &str = "lock";

/// The file of a configuration on tape.
pub(crate) fn tape(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("tape.{number}"))
}

/// Removes a directory with all that was kept in it: everything is stopped, and there is nothing to remember.
pub(crate) fn remove(directory: &Path) {
    lasting::remove(directory);
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for path in entries.map(|it| it.path()) {
        let is_ours = path.file_name().and_then(|it| it.to_str()).is_some_and(|name| {
            [JOURNAL, MEMORY, LOCK, "memory.new", substitute::FILE].contains(&name)
                || name.starts_with("tape.")
        });
        if is_ours {
            let _ = std::fs::remove_file(path);
        }
    }
    // One that the user named may hold things of his own, and stays then.
    let _ = std::fs::remove_dir(directory);
}

/// Removes the directories of other configurations whose supervisor died, and of whose children none is left.
fn prune(base: &Path, own: &str) {
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name() == own || !path.join(LOCK).is_file() {
            continue;
        }
        // Nobody can claim it while its lock is held here, and who lives holds it already.
        if let Ok(runtime) = claim_at(path)
            && !has_children(&runtime)
        {
            remove(&runtime.path);
        }
    }
}

/// Whether a journal names children that may live. One that cannot be read may.
fn has_children(runtime: &Runtime) -> bool {
    let Ok(bytes) = std::fs::read(runtime.journal()) else { return true };
    let places = journal::decode(&bytes, &os::procfs::boot_id()).unwrap_or_default();
    let recovered = recover::children(places, BTreeMap::new());
    recovered.damaged > 0 || recovered.found.iter().any(|it| it.child.end.is_none())
}

/// Where it may be, best first. All but the last are gone after a reboot wherever the machine is set up as usual;
/// that is no condition, since what is kept names the boot it belongs to.
fn bases() -> Vec<PathBuf> {
    let uid = os::user::own_uid();
    let own = format!("menshen-{uid}");
    let session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|it| it.is_absolute());
    let system = (uid == 0).then(|| PathBuf::from("/run/menshen"));
    let session = session.filter(|_| uid != 0).map(|it| it.join("menshen"));
    let rest = [Path::new("/tmp").join(&own), Path::new("/dev/shm").join(&own)];
    system.into_iter().chain(session).chain(rest).collect()
}

/// A name for the configuration at `path`: a digest, since a path may be longer than a name.
pub(crate) fn name_of(path: &Path) -> String {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    format!("{:016x}", Digest::new().word(path.as_os_str().as_encoded_bytes()).number())
}

fn claim_at(path: PathBuf) -> Result<Runtime, RuntimeError> {
    own_directory(&path)?;
    let lock = path.join(LOCK);
    let io = |source| RuntimeError::Io { path: lock.clone(), source };
    for _ in 0..LOCK_TRIES_MAX {
        let file = private_file(&lock).map_err(io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(RuntimeError::Taken(lock)),
            Err(error) => return Err(io(error.into())),
        }
        // Whoever had it may have removed it while this process waited its turn: then this is no lock.
        let held = file.metadata().map_err(io)?;
        if std::fs::symlink_metadata(&lock).is_ok_and(|it| is_same(&it, &held)) {
            return Ok(Runtime { path, lock: file.into() });
        }
        own_directory(&path)?;
    }
    Err(io(io::ErrorKind::ResourceBusy.into()))
}

/// Opens a file that only its owner may read, for reading and writing; makes it if need be; never through a link.
///
/// # Errors
/// When the kernel refuses, or it belongs to somebody else.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags)
        .open(path)
        .map_err(a_link)?;
    let about = file.metadata()?;
    if !about.is_file() || about.uid() != os::user::own_uid() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
    }
    Ok(file)
}

/// Opens a file of ours for reading, if it is there; never through a link.
///
/// # Errors
/// When there is none, or it belongs to somebody else.
pub(crate) fn existing_file(path: &Path) -> io::Result<File> {
    open_existing(path, false)
}

/// The same for writing, too.
///
/// # Errors
/// As [`existing_file`].
pub(crate) fn existing_file_to_change(path: &Path) -> io::Result<File> {
    open_existing(path, true)
}

fn open_existing(path: &Path, to_change: bool) -> io::Result<File> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    let file = options.read(true).write(to_change).custom_flags(flags).open(path).map_err(a_link)?;
    let about = file.metadata()?;
    if !about.is_file() || about.uid() != os::user::own_uid() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is no file of this user"));
    }
    Ok(file)
}

/// Names what the kernel calls too many of.
fn a_link(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(errno) if errno == rustix::io::Errno::LOOP.raw_os_error() => {
            io::Error::new(io::ErrorKind::PermissionDenied, "it is a link; remove it")
        }
        Some(_) | None => error,
    }
}

/// Sees to it that `path` is a directory of ours that nobody else can write to.
pub(crate) fn own_directory(path: &Path) -> Result<(), RuntimeError> {
    let io = |source| RuntimeError::Io { path: path.to_owned(), source };
    let refused = |reason| Err(RuntimeError::Unsafe { path: path.to_owned(), reason });
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io(error)),
    }
    let about = std::fs::symlink_metadata(path).map_err(io)?;
    match () {
        () if about.is_symlink() => refused("is a link; name a directory"),
        () if !about.is_dir() => refused("is not a directory"),
        () if about.uid() != os::user::own_uid() => refused("belongs to another user"),
        () if about.mode() & OTHERS_MAY_WRITE != 0 => refused("can be written to by others; chmod it to 700"),
        () => Ok(()),
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn said(claimed: Result<Runtime, RuntimeError>) -> String {
        claimed.map(|it| it.path).unwrap_err().to_string()
    }

    #[test]
    fn it_is_claimed_by_one_at_a_time_for_as_long_as_anybody_holds_the_lock() {
        let room = tempfile::tempdir().unwrap();
        let place = room.path().join("run");
        let claim = || Runtime::claim(Path::new("/any.conf"), Some(&place));
        let first = claim().unwrap();
        assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(claim(), Err(RuntimeError::Taken(_))));
        // Another process of the same supervisor lives on.
        let other = os::fd::duplicate(&first.lock).unwrap();
        drop(first);
        assert!(matches!(claim(), Err(RuntimeError::Taken(_))));
        drop(other);
        let again = claim().unwrap();
        // It is removed while its lock is held, and is nobody's then.
        std::fs::write(place.join(MEMORY), "x").unwrap();
        remove(&place);
        assert!(!place.exists());
        assert!(claim().is_ok());
        drop(again);
    }

    #[test]
    fn what_others_could_tamper_with_is_refused() {
        let room = tempfile::tempdir().unwrap();
        let claim = |name: &str| Runtime::claim(Path::new("/any.conf"), Some(&room.path().join(name)));
        symlink("/tmp", room.path().join("link")).unwrap();
        assert!(said(claim("link")).ends_with("link is a link; name a directory"));
        std::fs::write(room.path().join("file"), "").unwrap();
        assert!(said(claim("file")).ends_with("file is not a directory"));
        std::fs::create_dir(room.path().join("open")).unwrap();
        std::fs::set_permissions(room.path().join("open"), PermissionsExt::from_mode(0o777)).unwrap();
        assert!(said(claim("open")).ends_with("open can be written to by others; chmod it to 700"));
        std::fs::create_dir(room.path().join("trap")).unwrap();
        symlink("/etc/passwd", room.path().join("trap/lock")).unwrap();
        assert!(said(claim("trap")).contains("trap/lock: "), "a lock is not followed to elsewhere");
        assert!(said(claim("no/such/place")).contains("No such file"));
    }

    #[test]
    fn two_configurations_have_two_places_and_one_has_one() {
        assert_eq!(name_of(Path::new("/etc/supervisord.conf")).len(), 16);
        assert_ne!(name_of(Path::new("/etc/a.conf")), name_of(Path::new("/etc/b.conf")));
        assert_eq!(name_of(Path::new("/etc/../etc/passwd")), name_of(Path::new("/etc/passwd")));
    }

    #[test]
    fn what_nobody_needs_is_removed_and_what_somebody_holds_is_not() {
        let room = tempfile::tempdir().unwrap();
        let held = claim_at(room.path().join("held")).unwrap();
        drop(claim_at(room.path().join("left")).unwrap());
        let damaged = claim_at(room.path().join("damaged")).unwrap();
        let mut bytes = journal::encode_head(&os::procfs::boot_id());
        bytes.resize(journal::RECORD_BYTES, 0);
        bytes.extend(b"not a record");
        std::fs::write(damaged.journal(), bytes).unwrap();
        for path in [&held.path, &room.path().join("left")] {
            std::fs::write(path.join(JOURNAL), "").unwrap();
        }
        drop(damaged);
        std::fs::create_dir(room.path().join("foreign")).unwrap();
        prune(room.path(), "own");
        let names = std::fs::read_dir(room.path()).unwrap().map(|it| it.unwrap().file_name());
        let mut names: Vec<_> = names.map(|it| it.into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["damaged", "foreign", "held"]);
    }

    #[test]
    fn what_is_not_ours_is_not_removed() {
        let room = tempfile::tempdir().unwrap();
        for name in [JOURNAL, MEMORY, LOCK, "tape.7", "letter"] {
            std::fs::write(room.path().join(name), "").unwrap();
        }
        remove(room.path());
        let left: Vec<_> =
            std::fs::read_dir(room.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left, ["letter"]);
    }
}
