//! Processes as `/proc` shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};

/// The name of the program that contenders look after: whatever else descends from a contender is its own.
const CHILD: &str = "bench-child";

/// Makes this process the parent of whatever its children leave behind, so that nothing escapes.
pub(crate) fn adopt_orphans() -> Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).context("cannot adopt orphans")
}

/// This process.
pub(crate) fn ours() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// What a contender's own processes use.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Processor time, in nanoseconds.
    pub(crate) cpu_ns: u64,
    /// Resident memory, summed, in KiB.
    pub(crate) rss_kib: u64,
    /// How often a thread of theirs has given up the processor by itself: each is followed by one wake-up.
    pub(crate) switches: u64,
}

impl Usage {
    /// Processor time in milliseconds.
    pub(crate) fn cpu_ms(self) -> f64 {
        f64::from(u32::try_from(self.cpu_ns / 1000).unwrap_or(u32::MAX)) / 1e3
    }
}

/// All descendants of `root` and itself, with their names.
pub(crate) fn tree(root: i32) -> BTreeMap<i32, String> {
    let mut children: BTreeMap<i32, Vec<(i32, String)>> = BTreeMap::new();
    for pid in pids() {
        if let Some((name, parent)) = stat(pid) {
            children.entry(parent).or_default().push((pid, name));
        }
    }
    let mut found = BTreeMap::new();
    let mut open = vec![(root, stat(root).map(|it| it.0).unwrap_or_default())];
    while let Some((pid, name)) = open.pop() {
        open.extend(children.remove(&pid).unwrap_or_default());
        found.insert(pid, name);
    }
    found
}

/// The contender's own processes.
pub(crate) fn own(root: i32) -> BTreeSet<i32> {
    tree(root).into_iter().filter(|(_, name)| name != CHILD).map(|(pid, _)| pid).collect()
}

/// Everything that descends from us.
pub(crate) fn everything() -> BTreeSet<i32> {
    tree(ours()).into_keys().filter(|it| *it != ours()).collect()
}

/// The programs it looks after and that live: one that has ended has its name until somebody waits for it.
pub(crate) fn programs(root: i32) -> BTreeSet<i32> {
    let programs = tree(root).into_iter().filter(|(_, name)| name == CHILD).map(|(pid, _)| pid);
    programs.filter(|it| is_alive(*it)).collect()
}

/// The descendant of `root` with this name.
pub(crate) fn named(root: i32, name: &str) -> Option<i32> {
    tree(root).into_iter().find(|(_, it)| it == name).map(|(pid, _)| pid)
}

/// What these processes use together.
pub(crate) fn usage<'a>(pids: impl IntoIterator<Item = &'a i32>) -> Usage {
    let mut sum = Usage::default();
    for pid in pids {
        sum.rss_kib += field(*pid, "status", "VmRSS:");
        for thread in list(&format!("/proc/{pid}/task")) {
            let file = format!("/proc/{pid}/task/{thread}/schedstat");
            let ran = fs::read_to_string(file).unwrap_or_default();
            sum.cpu_ns += ran.split(' ').next().and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
            sum.switches += field(*pid, &format!("task/{thread}/status"), "voluntary_ctxt_switches:");
        }
    }
    sum
}

/// How many descriptors a process has.
pub(crate) fn descriptors(pid: i32) -> usize {
    list(&format!("/proc/{pid}/fd")).len()
}

/// Sends a signal; one who is gone does not mind.
pub(crate) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Takes in all that have ended.
pub(crate) fn reap() {
    while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::NOHANG) {}
}

/// Whether a process is there and not a zombie.
pub(crate) fn is_alive(pid: i32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    text.rsplit(") ").next().is_some_and(|it| !it.is_empty() && !it.starts_with(['Z', 'X']))
}

/// Waits until all of these are gone; looks closely, because the time it takes is measured.
pub(crate) fn until_gone(pids: &BTreeSet<i32>, at_most: Duration) -> Result<()> {
    let began = Instant::now();
    let mut left: Vec<i32> = pids.iter().copied().collect();
    while let Some(pid) = left.pop() {
        while is_alive(pid) {
            reap();
            if began.elapsed() > at_most {
                bail!("{} processes are still there after {at_most:?}", left.len() + 1);
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    reap();
    Ok(())
}

/// Ends everything that descends from us.
pub(crate) fn end_everything() {
    loop {
        reap();
        let left: Vec<i32> = everything().into_iter().filter(|it| is_alive(*it)).collect();
        if left.is_empty() {
            return;
        }
        for pid in left {
            signal(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn pids() -> impl Iterator<Item = i32> {
    list("/proc").into_iter().filter_map(|it| it.parse().ok())
}

fn list(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|it| it.file_name().to_string_lossy().into_owned()).collect()
}

/// Name and parent.
fn stat(pid: i32) -> Option<(String, i32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, tail) = text.rsplit_once(") ")?;
    let (_, name) = head.split_once(" (")?;
    let parent = tail.split(' ').nth(1)?.parse().ok()?;
    Some((name.to_owned(), parent))
}

fn field(pid: i32, file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let line = text.lines().find_map(|it| it.strip_prefix(name));
    line.and_then(|it| it.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
