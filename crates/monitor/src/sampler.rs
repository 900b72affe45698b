//! Looking: one pass over `/proc`, and what it says of each tree.
//!
//! Every process of the machine is opened once per look, since that is the only way to find all
//! descendants of a child. What is dear to find out is asked only for those that belong to a tree
//! ([`parse::io`], descriptors), or only when somebody wants to know ([`parse::proportional`]).

use std::collections::HashMap;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use model::time::{Stamp, Wall};
use model::usage::{MachineUsage, ProcessUsage};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, statat};

use crate::machine;
use crate::parse::{self, Stat};
use crate::tree;

/// How many bytes of a file are read; those that are read here are shorter, and what matters comes first.
const FILE_BYTES_MAX: usize = 4096;

/// The same for files that grow with the machine.
const MACHINE_BYTES_MAX: usize = 256 << 10;

/// Looks, and remembers the last look so as to tell how busy everybody was since.
#[derive(Debug)]
pub struct Sampler {
    proc: OwnedFd,
    /// Ticks of the clock in a second.
    ticks_per_second: u64,
    page_bytes: u64,
    /// Whether the size of `/proc/PID/fd` is the number of descriptors (since Linux 6.2).
    fd_size_counts: bool,
    before: HashMap<u32, Before>,
    machine_before: Option<machine::Cpu>,
    room: Vec<u8>,
}

/// What the last look told of a tree.
#[derive(Debug, Clone, Copy)]
struct Before {
    /// When its root began: another process of the same pid began at another time.
    started_ticks: u64,
    cpu_ticks: u64,
    at: Stamp,
}

/// What to look at.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The root of a tree.
    pub pid: u32,
    /// Whether to find out its proportional memory, which takes a hundred times as long as all else.
    pub closely: bool,
}

impl Sampler {
    /// Opens `/proc`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn open() -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let proc = rustix::fs::open("/proc", flags, Mode::empty())?;
        let fd_size_counts = statat(&proc, "self/fd", AtFlags::empty()).is_ok_and(|it| it.st_size > 0);
        Ok(Self {
            proc,
            ticks_per_second: rustix::param::clock_ticks_per_second(),
            page_bytes: u64::try_from(rustix::param::page_size()).unwrap_or(4096),
            fd_size_counts,
            before: HashMap::new(),
            machine_before: None,
            room: vec![0; FILE_BYTES_MAX],
        })
    }

    /// Looks at trees of processes. A root that is gone is left out.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn processes(&mut self, now: Stamp, wanted: &[Wanted]) -> io::Result<Vec<(u32, ProcessUsage)>> {
        let stats = self.stats()?;
        let parents = stats.iter().map(|(pid, it)| (*pid, it.parent)).collect();
        let roots: Vec<u32> = wanted.iter().map(|it| it.pid).collect();
        let rooted = tree::roots_of(&parents, &roots);
        let mut trees: HashMap<u32, Tree> = HashMap::with_capacity(roots.len());
        let closely: HashMap<u32, bool> = wanted.iter().map(|it| (it.pid, it.closely)).collect();
        for (pid, root) in rooted {
            let Some(stat) = stats.get(&pid) else { continue };
            let tree = trees.entry(root).or_default();
            let closely = closely.get(&root).copied().unwrap_or(false);
            self.add(tree, pid, stat, closely);
        }
        let mut before = HashMap::with_capacity(trees.len());
        let mut found = Vec::with_capacity(trees.len());
        for (root, tree) in trees {
            let Some(stat) = stats.get(&root) else { continue };
            let last = self.before.get(&root).filter(|it| it.started_ticks == stat.started_ticks);
            let cpu_permille = last.and_then(|it| self.permille(it, tree.cpu_ticks, now));
            let cpu_ms = tree.cpu_ticks.saturating_mul(1000) / self.ticks_per_second.max(1);
            found.push((root, ProcessUsage { cpu_permille, cpu_ms, ..tree.usage(now.wall) }));
            let (started_ticks, cpu_ticks) = (stat.started_ticks, tree.cpu_ticks);
            before.insert(root, Before { started_ticks, cpu_ticks, at: now });
        }
        self.before = before;
        Ok(found)
    }

    /// Every process of the machine.
    fn stats(&mut self) -> io::Result<HashMap<u32, Stat>> {
        let mut stats = HashMap::new();
        let mut path = Vec::with_capacity(24);
        for entry in Dir::read_from(&self.proc)? {
            let entry = entry?;
            let Some(pid) = parse::number::<u32>(entry.file_name().to_bytes()) else { continue };
            path.clear();
            path.extend_from_slice(entry.file_name().to_bytes());
            path.extend_from_slice(b"/stat\0");
            // One that has ended meanwhile is none.
            if let Some(stat) = self.read(&path).and_then(parse::stat) {
                stats.insert(pid, stat);
            }
        }
        Ok(stats)
    }

    fn add(&mut self, tree: &mut Tree, pid: u32, stat: &Stat, closely: bool) {
        tree.cpu_ticks = tree.cpu_ticks.saturating_add(stat.cpu_ticks);
        if stat.is_zombie {
            return;
        }
        let resident = stat.resident_pages.saturating_mul(self.page_bytes);
        tree.resident_bytes = tree.resident_bytes.saturating_add(resident);
        tree.processes += 1;
        tree.threads = tree.threads.saturating_add(stat.threads);
        match self.read(format!("{pid}/io\0").as_bytes()).and_then(parse::io) {
            Some(io) => {
                tree.read_bytes = tree.read_bytes.saturating_add(io.read_bytes);
                tree.written_bytes = tree.written_bytes.saturating_add(io.written_bytes);
            }
            None => tree.hides_io = true,
        }
        match self.descriptors(pid) {
            Some(count) => tree.descriptors = tree.descriptors.saturating_add(count),
            None => tree.hides_descriptors = true,
        }
        if closely {
            let proportional =
                self.read(format!("{pid}/smaps_rollup\0").as_bytes()).and_then(parse::proportional);
            tree.proportional_bytes = match (tree.proportional_bytes, proportional) {
                (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
                (None, more) => more,
                (sum, None) => sum,
            };
        }
    }

    fn descriptors(&self, pid: u32) -> Option<u32> {
        let path = format!("{pid}/fd");
        if self.fd_size_counts {
            // The directory can be looked at by anybody; that it cannot be opened shows only in its size.
            let stat = statat(&self.proc, &path, AtFlags::empty()).ok()?;
            return u32::try_from(stat.st_size).ok();
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(&self.proc, &path, flags, Mode::empty()).ok()?;
        let entries = Dir::read_from(&directory).ok()?.flatten();
        u32::try_from(entries.filter(|it| !it.file_name().to_bytes().starts_with(b".")).count()).ok()
    }

    /// How busy a tree was since the last look.
    fn permille(&self, before: &Before, cpu_ticks: u64, now: Stamp) -> Option<u32> {
        let micros = u64::try_from((now.mono - before.at.mono).as_micros()).ok().filter(|it| *it > 0)?;
        // A descendant that was taken over by another takes its time along.
        let ticks = cpu_ticks.saturating_sub(before.cpu_ticks);
        let permille = ticks.saturating_mul(1_000_000_000) / self.ticks_per_second.max(1) / micros;
        u32::try_from(permille).ok()
    }

    /// Looks at the machine.
    pub fn machine(&mut self, now: Stamp) -> MachineUsage {
        let stat = self.read_all(c"stat");
        let cpu = machine::cpu(&stat).unwrap_or_default();
        let cpu_permille = self.machine_before.and_then(|before| {
            let all = cpu.all_ticks.checked_sub(before.all_ticks).filter(|it| *it > 0)?;
            let busy = cpu.busy_ticks.saturating_sub(before.busy_ticks).min(all);
            u32::try_from(busy.saturating_mul(1000) / all).ok()
        });
        self.machine_before = Some(cpu);
        let memory = machine::memory(&self.read_all(c"meminfo")).unwrap_or_default();
        let is_disk = |name: &str| {
            let is_real = !["loop", "ram", "zram"].iter().any(|it| name.starts_with(it));
            is_real && rustix::fs::access(format!("/sys/block/{name}"), rustix::fs::Access::EXISTS).is_ok()
        };
        MachineUsage {
            at: now.wall,
            uptime_secs: machine::uptime(&self.read_all(c"uptime")).unwrap_or(0),
            processors: cpu.processors,
            cpu_permille,
            load: machine::load(&self.read_all(c"loadavg")).unwrap_or_default(),
            memory_bytes: memory.total,
            available_bytes: memory.available,
            swap_bytes: memory.swap,
            swapped_bytes: memory.swapped,
            disks: machine::disks(&self.read_all(c"diskstats"), is_disk),
            networks: machine::networks(&self.read_all(c"net/dev")),
        }
    }

    /// The beginning of a file below `/proc`; `path` ends with a NUL.
    fn read(&mut self, path: &[u8]) -> Option<&[u8]> {
        let path = CStr::from_bytes_with_nul(path).ok()?;
        let file = openat(&self.proc, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let count = rustix::io::read(&file, self.room.as_mut_slice()).ok()?;
        self.room.get(..count)
    }

    /// A whole file below `/proc`, or as much of it as is reasonable.
    fn read_all(&self, path: &CStr) -> Vec<u8> {
        let mut bytes = Vec::new();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let Ok(file) = openat(self.proc.as_fd(), path, flags, Mode::empty()) else { return bytes };
        let mut room = [0; FILE_BYTES_MAX];
        while bytes.len() < MACHINE_BYTES_MAX {
            match rustix::io::read(&file, &mut room) {
                Ok(count) if count > 0 => bytes.extend(room.iter().take(count)),
                Ok(_) | Err(_) => break,
            }
        }
        bytes
    }
}

/// The sums over one tree.
#[derive(Debug, Default)]
struct Tree {
    cpu_ticks: u64,
    resident_bytes: u64,
    proportional_bytes: Option<u64>,
    processes: u32,
    threads: u32,
    descriptors: u32,
    hides_descriptors: bool,
    read_bytes: u64,
    written_bytes: u64,
    hides_io: bool,
}

impl Tree {
    /// What follows from this look alone.
    fn usage(&self, at: Wall) -> ProcessUsage {
        ProcessUsage {
            at,
            cpu_permille: None,
            cpu_ms: 0,
            resident_bytes: self.resident_bytes,
            proportional_bytes: self.proportional_bytes,
            processes: self.processes,
            threads: self.threads,
            descriptors: (!self.hides_descriptors).then_some(self.descriptors),
            read_bytes: (!self.hides_io).then_some(self.read_bytes),
            written_bytes: (!self.hides_io).then_some(self.written_bytes),
        }
    }
}
