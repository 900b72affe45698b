//! What `/proc` tells of a process that is not ours: who it is, and which pipes it holds (proc(5)).

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

/// A process as it is now. Its pid and the moment of its birth together are who it is: a pid that is used again
/// comes with another birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Whether it has ended and waits to be reaped.
    pub is_zombie: bool,
    /// Its parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// When it was born, in ticks since the machine was started.
    pub start_ticks: u64,
}

impl Stat {
    /// How long ago it was born, on a clock that goes on while the machine sleeps.
    pub fn age(&self) -> Duration {
        let now = crate::clock::since_boot();
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let ticks = Duration::from_secs(self.start_ticks / per_second);
        let rest = Duration::from_millis(self.start_ticks % per_second * 1000 / per_second);
        now.saturating_sub(ticks + rest)
    }
}

/// One process.
///
/// # Errors
/// `NotFound` when there is no such process.
pub fn stat(pid: u32) -> io::Result<Stat> {
    // The kernel makes all of it at the first read. One that is cut short would lack nothing that is wanted.
    let mut text = [0; STAT_BYTES];
    let file = rustix::fs::open(format!("/proc/{pid}/stat"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let read = file.and_then(|it| rustix::io::read(&it, &mut text)).map_err(|it| gone(it.into()))?;
    parse_stat(text.get(..read).unwrap_or_default()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Room for `/proc/PID/stat`: a name of 64 bytes and 51 numbers of 20 digits.
const STAT_BYTES: usize = 1200;

/// The environment a process began with, entry by entry.
///
/// # Errors
/// When there is no such process, or it may not be looked into.
pub fn environment(pid: u32) -> io::Result<Vec<Vec<u8>>> {
    let text = std::fs::read(format!("/proc/{pid}/environ")).map_err(gone)?;
    Ok(text.split(|it| *it == 0).filter(|it| !it.is_empty()).map(<[u8]>::to_vec).collect())
}

/// How a process ended that nobody has waited for yet, as `wait(2)` would say it (field 52): for those who are not its
/// parent. `None` when it lives, is gone, or may not be looked into.
pub fn status_of_dead(pid: u32, start_ticks: u64) -> Option<i32> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let is_it = parse_stat(&text).is_some_and(|it| it.is_zombie && it.start_ticks == start_ticks);
    let last = text.trim_ascii_end().rsplit(|it| *it == b' ').next()?;
    let status = std::str::from_utf8(last).ok()?.parse().ok()?;
    // 0 is also what is told to those who may not know.
    let may_know =
        || std::fs::metadata(format!("/proc/{pid}")).is_ok_and(|it| it.uid() == crate::user::own_uid());
    (is_it && (status != 0 || may_know())).then_some(status)
}

/// A process that ends while it is read is as good as none.
fn gone(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ESRCH) => io::ErrorKind::NotFound.into(),
        _ => error,
    }
}

/// The name, in parentheses, may hold anything; what is wanted stands behind the last of them.
fn parse_stat(text: &[u8]) -> Option<Stat> {
    let end = text.iter().rposition(|it| *it == b')')?;
    let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let is_zombie = matches!(fields.next()?, "Z" | "X" | "x");
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    // Field 22; the state is field 3.
    let start_ticks = fields.nth(15)?.parse().ok()?;
    Some(Stat { is_zombie, parent, group, session, start_ticks })
}

/// All processes there are.
pub fn pids() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|it| it.file_name().to_str()?.parse().ok()).collect()
}

/// The pipes a process holds: at which of its descriptors, and the number of each in the file system of pipes.
///
/// # Errors
/// `NotFound` when there is no such process, `PermissionDenied` when it is not ours to look at.
pub fn pipes(pid: u32) -> io::Result<Vec<(u32, u64)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).map_err(gone)? {
        let entry = entry.map_err(gone)?;
        let number = entry.file_name().to_str().and_then(|it| it.parse().ok());
        // One that was closed meanwhile is none.
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        let pipe = target.to_str().and_then(|it| it.strip_prefix("pipe:[")?.strip_suffix(']')?.parse().ok());
        found.extend(number.zip(pipe));
    }
    found.sort_unstable();
    Ok(found)
}

/// Which end of a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipeEnd {
    /// The one that is read.
    Reading,
    /// The one that is written.
    Writing,
}

/// Opens an end of the pipe that another process holds at `fd`; it never blocks and is closed on exec.
///
/// # Errors
/// When the process is gone, or not ours to look at, or no descriptor is left.
pub fn reopen_pipe(pid: u32, fd: u32, end: PipeEnd) -> io::Result<OwnedFd> {
    let access = match end {
        PipeEnd::Reading => OFlags::RDONLY,
        PipeEnd::Writing => OFlags::WRONLY,
    };
    let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(format!("/proc/{pid}/fd/{fd}"), flags, Mode::empty())?)
}

/// The boot of this machine; zeros where `/proc` does not tell.
pub fn boot_id() -> [u8; 16] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn odd_names_do_not_confuse() {
        let line = |name: &str, state: &str| {
            format!("12 ({name}) {state} 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 987 22 23\n")
        };
        let stat = |is_zombie| Some(Stat { is_zombie, parent: 3, group: 4, session: 5, start_ticks: 987 });
        for (name, state, expected) in
            [("sh", "S", stat(false)), ("a) Z 1 1 1", "R", stat(false)), ("(((", "Z", stat(true))]
        {
            assert_eq!(parse_stat(line(name, state).as_bytes()), expected, "{name}");
        }
        for broken in ["", "12 (sh", "12 (sh) S 1 2", "12 (sh) S x 4 5"] {
            assert_eq!(parse_stat(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn this_process_and_no_process() {
        let own = stat(std::process::id()).unwrap();
        assert!(!own.is_zombie && own.start_ticks > 0);
        let first = stat(1).unwrap();
        assert!(own.age() <= first.age() && own.age() < Duration::from_hours(1));
        assert!(pids().contains(&std::process::id()));
        // No pid is that high (proc(5), pid_max).
        assert_eq!(stat(1 << 30).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(pipes(1 << 30).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_ne!(boot_id(), [0; 16]);
    }

    #[test]
    fn how_the_dead_have_ended_is_told_until_somebody_waits_for_them() {
        for (script, status) in [("exit 0", 0), ("exit 7", 7 << 8), ("kill -9 $$", 9)] {
            let mut child = Command::new("/bin/sh").args(["-c", script]).spawn().unwrap();
            let ticks = stat(child.id()).unwrap().start_ticks;
            while !stat(child.id()).unwrap().is_zombie {
                std::thread::yield_now();
            }
            assert_eq!(status_of_dead(child.id(), ticks), Some(status));
            assert_eq!(status_of_dead(child.id(), ticks + 1), None, "that would be another");
            child.wait().unwrap();
            assert_eq!(status_of_dead(child.id(), ticks), None);
        }
        let own = std::process::id();
        assert_eq!(status_of_dead(own, stat(own).unwrap().start_ticks), None);
    }

    #[test]
    fn the_pipes_of_another_are_found_and_opened_again() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let ours = |fd: &dyn std::os::fd::AsFd| rustix::fs::fstat(fd).unwrap().st_ino;
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let found = pipes(child.id()).unwrap();
        assert!(found.contains(&(0, ours(&stdin))) && found.contains(&(1, ours(&stdout))), "{found:?}");
        let mut writer = std::fs::File::from(reopen_pipe(child.id(), 0, PipeEnd::Writing).unwrap());
        let reader = reopen_pipe(child.id(), 1, PipeEnd::Reading).unwrap();
        writer.write_all(b"through the other door\n").unwrap();
        drop((writer, stdin));
        child.wait().unwrap();
        let mut said = String::new();
        std::fs::File::from(reader).read_to_string(&mut said).unwrap();
        assert_eq!(said, "through the other door\n");
    }
}
