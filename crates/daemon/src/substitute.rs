//! A keeper that stands in for a dead one, and what becomes of it when the dead one is started again.
//!
//! Whoever started the first keeper, a service manager mostly, knows nothing of the daemon that took its place: he sees a
//! process of his end, and starts it again. It then finds everything taken. So a substitute says in a file whose place it
//! has taken, and a launch by the same parent dismisses it: both of its processes end at once, the programs run on, and the
//! launch finds them as after the death of both. To anybody else the substitute is a supervisor like any other.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use os::pidfd::Pidfd;
use os::signals;
use serde::{Deserialize, Serialize};

use crate::runtime;

/// The file of it in the runtime directory.
pub(crate) const FILE: &str = "substitute";

/// No such file is longer.
const BYTES_MAX: u64 = 4096;

/// A process: a pid, and the tick of its birth, so that it is nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Who {
    pid: u32,
    start_ticks: u64,
}

impl Who {
    /// The process with this pid now.
    fn now(pid: u32) -> Option<Self> {
        let start_ticks = os::procfs::stat(pid).ok()?.start_ticks;
        Some(Self { pid, start_ticks })
    }

    /// Whoever is the parent of this one now.
    pub(crate) fn parent_of(pid: u32) -> Option<Self> {
        Self::now(os::procfs::stat(pid).ok()?.parent)
    }

    /// Holds it, if it is still there.
    fn hold(self) -> Option<Pidfd> {
        let held = Pidfd::open(self.pid).ok()?;
        (Self::now(self.pid) == Some(self)).then_some(held)
    }
}

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Substitute {
    /// The keeper that stands in.
    keeper: Who,
    /// Who started the one that is dead.
    starter: Who,
}

fn read(directory: &Path) -> Option<Substitute> {
    let mut text = Vec::new();
    runtime::existing_file(&directory.join(FILE)).ok()?.take(BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Says that this process is about to take the place of a keeper that `starter` had started.
///
/// # Errors
/// When that cannot be written.
pub(crate) fn announce(directory: &Path, starter: Option<Who>) -> io::Result<()> {
    // Of a substitute for a substitute, the first one's starter is the one to come.
    let starter = read(directory).map(|it| it.starter).or(starter);
    let (Some(starter), Some(keeper)) = (starter, Who::now(os::process::own_pid())) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let text = serde_json::to_vec(&Substitute { keeper, starter })?;
    let file = runtime::private_file(&directory.join(FILE))?;
    file.set_len(0)?;
    std::os::unix::fs::FileExt::write_all_at(&file, &text, 0)
}

/// Dismisses the substitute that holds this directory, if it is one and stands in for a keeper that our own parent had
/// started. Returns its pid.
pub(crate) fn dismiss(directory: &Path) -> Option<u32> {
    let Substitute { keeper, starter } = read(directory)?;
    if Who::parent_of(os::process::own_pid()) != Some(starter) {
        return None;
    }
    let held = keeper.hold()?;
    // Held still first, or it would start another daemon; and a daemon whose keeper is dead would take its place.
    held.signal(signals::STOP).ok()?;
    for daemon in daemons_of(keeper.pid) {
        let _ = daemon.signal(signals::KILL);
    }
    held.signal(signals::KILL).ok()?;
    Some(keeper.pid)
}

/// The daemon of a keeper.
fn daemons_of(keeper: u32) -> Vec<Pidfd> {
    let is_daemon = |pid: &u32| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim_end() == "menshen-daemon" && os::procfs::stat(*pid).is_ok_and(|it| it.parent == keeper)
    };
    let held = |pid: u32| {
        let held = Pidfd::open(pid).ok()?;
        is_daemon(&pid).then_some(held)
    };
    os::procfs::pids().into_iter().filter(is_daemon).filter_map(held).collect()
}

/// What a lock file lies in.
pub(crate) fn directory_of(lock: &Path) -> PathBuf {
    lock.parent().map(Path::to_owned).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn who_takes_a_place_says_so_and_keeps_who_began() {
        let room = room();
        let own = os::process::own_pid();
        let (first, second) = (Who { pid: 1, start_ticks: 0 }, Who { pid: 2, start_ticks: 3 });
        assert_eq!(read(room.path()), None);
        assert!(announce(room.path(), None).is_err(), "nobody knows whose place it is");
        announce(room.path(), Some(first)).unwrap();
        announce(room.path(), Some(second)).unwrap();
        let said = read(room.path()).unwrap();
        assert_eq!((said.starter, said.keeper.pid), (first, own));
        assert_eq!(dismiss(room.path()), None, "our own parent has not started it");
    }

    #[test]
    fn nobody_is_dismissed_on_a_guess() {
        let room = room();
        let starter = Who::parent_of(os::process::own_pid()).unwrap();
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let there = Who::now(child.id()).unwrap();
        let write = |text: &[u8]| std::fs::write(room.path().join(FILE), text).unwrap();
        for odd in [&b""[..], b"{}", b"[1,2]", &[0xFF; 9000]] {
            write(odd);
            assert_eq!(dismiss(room.path()), None);
        }
        let keeper = Who { start_ticks: there.start_ticks + 1, ..there };
        write(&serde_json::to_vec(&Substitute { keeper, starter }).unwrap());
        assert_eq!(dismiss(room.path()), None, "another process with its pid");
        assert!(child.try_wait().unwrap().is_none());
        write(&serde_json::to_vec(&Substitute { keeper: there, starter }).unwrap());
        assert_eq!(dismiss(room.path()), Some(child.id()));
        assert!(!child.wait().unwrap().success());
        std::fs::remove_file(room.path().join(FILE)).unwrap();
        std::os::unix::fs::symlink("elsewhere", room.path().join(FILE)).unwrap();
        assert_eq!(dismiss(room.path()), None, "a link is no word of ours");
    }
}
