//! How children ended, remembered for those who ask why.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use api::call::LogPaths;
use model::child::{Channel, ChildId};
use model::exit::ExitStatus;
use model::name::FullName;
use model::signal::Signal;
use model::usage::ExitRecord;
use rustix::fs::OFlags;
use wire::keeper::Usage;

use crate::state::Daemon;

/// How many ends of each process are remembered.
pub(crate) const EXITS_MAX: usize = 10;

/// How much of the end of standard error is looked at.
const LAST_BYTES: u64 = 4096;

/// How many lines of it are remembered.
const LAST_LINES: usize = 10;

/// How many bytes of a line are remembered.
const LINE_CHARS: usize = 300;

/// The end of a child, until the machine has been told of it.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) owner: FullName,
    pub(crate) status: ExitStatus,
    pub(crate) usage: Usage,
}

/// The ends of children that are not over for everybody.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// Those the machine is about to be told.
    pub(crate) untold: Vec<Ended>,
    /// The children whose ends are recorded, and whom the keeper need not forget one by one while everything is being stopped:
    /// with its own end it forgets all.
    pub(crate) buried: Vec<ChildId>,
}

/// The last ends of each process.
#[derive(Debug, Default)]
pub(crate) struct Exits {
    by_name: BTreeMap<FullName, VecDeque<ExitRecord>>,
    /// How often the kernel had killed for want of memory when that was last looked at.
    oom_kills: Option<u64>,
}

impl Exits {
    /// Nothing yet. What the kernel did before is not about us.
    pub(crate) fn new() -> Self {
        Self { by_name: BTreeMap::new(), oom_kills: oom_kills() }
    }

    /// The last ends of a process, the oldest first.
    pub(crate) fn of(&self, name: &FullName) -> Vec<ExitRecord> {
        self.by_name.get(name).map(|it| it.iter().cloned().collect()).unwrap_or_default()
    }

    /// Forgets the processes of groups that are gone.
    pub(crate) fn retain(&mut self, is_there: impl Fn(&FullName) -> bool) {
        self.by_name.retain(|name, _| is_there(name));
    }

    /// Takes the end of a child of an earlier daemon.
    pub(crate) fn recall(&mut self, name: FullName, record: ExitRecord) {
        let exits = self.by_name.entry(name).or_default();
        if exits.len() < EXITS_MAX {
            let place = exits.partition_point(|it| it.ended.at <= record.ended.at);
            exits.insert(place, record);
        }
    }

    fn add(&mut self, name: FullName, record: ExitRecord) {
        let exits = self.by_name.entry(name).or_default();
        exits.push_back(record);
        if exits.len() > EXITS_MAX {
            exits.pop_front();
        }
    }

    /// Whether the kernel has killed somebody for want of memory since this was last asked. That it was this
    /// one is a guess, and a good one for a child that SIGKILL has ended and nobody asked to.
    fn killed_for_memory(&mut self) -> bool {
        let now = oom_kills();
        let before = std::mem::replace(&mut self.oom_kills, now);
        now > before.or(now)
    }
}

/// How often the kernel has killed a process because memory had run out (`oom_kill` of `/proc/vmstat`).
fn oom_kills() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/vmstat").ok()?;
    text.lines().find_map(|it| it.strip_prefix("oom_kill ")?.parse().ok())
}

impl Daemon {
    /// The process a child belongs to, to be asked before its end is told.
    pub(crate) fn owner(&self, child: ChildId) -> Option<FullName> {
        self.children.get(&child).map(|it| it.name.clone())
    }

    /// Takes note of the end of a child, after the machine has been told of it.
    pub(crate) fn remember_exit(&mut self, Ended { owner: name, status, usage }: Ended) {
        let Some(ended) = self.supervisor.info(&name, os::clock::now()).and_then(|it| it.ended) else {
            return;
        };
        let was_killed = matches!(status, ExitStatus::Signaled { signal: Signal::KILL, .. });
        let nobody_asked = match ended.cause {
            model::exit::EndCause::Unexpected | model::exit::EndCause::TooEarly => true,
            model::exit::EndCause::Expected
            | model::exit::EndCause::Stopped
            | model::exit::EndCause::Killed => false,
        };
        let out_of_memory = was_killed && nobody_asked && self.figures.exits.killed_for_memory();
        let path =
            self.streams.path(&name, Channel::Stderr).or_else(|| self.streams.path(&name, Channel::Stdout));
        let last_lines =
            if nobody_asked { path.as_deref().map(last_lines).unwrap_or_default() } else { Vec::new() };
        let cpu_ms = usage.user_us.saturating_add(usage.system_us) / 1000;
        let record = ExitRecord { ended, cpu_ms, peak_kib: usage.peak_kib, out_of_memory, last_lines };
        self.keep_exit(&name, &record);
        self.tell_of_exit(&name, &record);
        self.figures.exits.add(name, record);
    }
}

/// The last lines of a file, as text; none when it cannot be read.
fn last_lines(path: &Path) -> Vec<String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let mut file = File::options().read(true).custom_flags(flags).open(path)?;
        let there = file.metadata()?;
        if !there.is_file() {
            return Ok(Vec::new());
        }
        file.seek(SeekFrom::Start(there.len().saturating_sub(LAST_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(LAST_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().map(|it| it.chars().take(LINE_CHARS).collect()).collect();
    lines.into_iter().rev().take(LAST_LINES).rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_few_and_short() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("err");
        let many: Vec<_> = (0..50).map(|it| format!("line {it}")).collect();
        std::fs::write(&path, format!("{}\n{}", many.join("\n"), "x".repeat(1000))).unwrap();
        let lines = last_lines(&path);
        assert_eq!(lines.len(), LAST_LINES);
        assert_eq!(lines[0], "line 41");
        assert_eq!(lines[9].len(), LINE_CHARS);
        assert_eq!(last_lines(Path::new("/no/such/file")), [""; 0]);
        assert_eq!(last_lines(room.path()), [""; 0]);
    }
}
