//! What `/proc` tells about a process.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

/// The environment variable by which every process of a test can be found again, orphans included.
pub const MARK: &str = "MENSHEN_E2E";

/// Whether `pid` is a live process: there, and not a zombie.
pub fn is_alive(pid: i32) -> bool {
    !matches!(state(pid), None | Some('Z' | 'X'))
}

/// The one-letter state of `pid`, or `None` when there is no such process.
pub fn state(pid: i32) -> Option<char> {
    stat_fields(pid)?.first()?.chars().next()
}

/// The parent of `pid`.
pub fn parent(pid: i32) -> Option<i32> {
    stat_fields(pid)?.get(1)?.parse().ok()
}

/// The process group of `pid`.
pub fn group(pid: i32) -> Option<i32> {
    stat_fields(pid)?.get(2)?.parse().ok()
}

/// The children of `pid`, by number.
pub fn children(pid: i32) -> Vec<i32> {
    let mut found: Vec<i32> = all_pids().filter(|it| parent(*it) == Some(pid)).collect();
    found.sort_unstable();
    found
}

/// How many descriptors `pid` has open.
pub fn open_descriptors(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// What the descriptors of `pid` lead to, sorted.
pub fn descriptor_targets(pid: i32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut found: Vec<String> = entries
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .map(|target| target.to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}

/// The first word of the command line of `pid`: what it calls itself.
pub fn called(pid: i32) -> Option<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let word = line.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(word).into_owned())
}

/// How often all threads of `pid` were put on a processor: voluntary and forced context switches together.
pub fn wake_ups(pid: i32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let statuses = threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    statuses.map(|status| switches(&status)).sum()
}

fn switches(status: &str) -> u64 {
    let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
    counts.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
}

/// The processor time that `pid` has used, in ticks of a hundredth of a second.
pub fn cpu_ticks(pid: i32) -> u64 {
    let fields = stat_fields(pid).unwrap_or_default();
    [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}

/// The memory that `pid` holds now, in KiB.
pub fn resident_kib(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|it| it.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The most memory that `pid` has ever had in use, in bytes.
pub fn memory_peak(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The current working directory of `pid`.
pub fn working_directory(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// Sends `signal` to `pid`; a process that is gone is fine.
pub fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        kill_process(pid, signal).ok();
    }
}

/// Every process that carries `mark` in its environment.
pub fn marked(mark: &str) -> Vec<i32> {
    all_pids().filter(|pid| carries(*pid, mark)).collect()
}

/// The soft limit on open descriptors of `pid`, as text.
pub fn soft_nofile(pid: i32) -> Option<String> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next().map(str::to_owned)
}

/// Kills every process that carries `mark` in its environment and all descendants of such, until none is left.
///
/// Orphans keep their environment, so this finds what a walk from parent to child would miss; a program that
/// overwrites its environment (nginx does, with its title) is found by the walk. All are frozen first, so that none
/// can start another meanwhile.
pub fn kill_marked(mark: &str) {
    for _ in 0..200 {
        let mut found: Vec<i32> = all_pids().filter(|pid| is_alive(*pid) && carries(*pid, mark)).collect();
        if found.is_empty() {
            return;
        }
        for pid in &found {
            send(*pid, Signal::STOP);
        }
        let descendants: Vec<i32> = found.iter().flat_map(|pid| descendants(*pid)).collect();
        found.extend(descendants);
        for pid in &found {
            send(*pid, Signal::KILL);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// The children of `pid`, their children, and so on. Of 0, which stands for "no process", there are none.
pub fn descendants(pid: i32) -> Vec<i32> {
    if pid <= 0 {
        return Vec::new();
    }
    let parents: Vec<(i32, i32)> = all_pids().filter_map(|it| Some((it, parent(it)?))).collect();
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(of) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(child, _)| *child));
        at += 1;
    }
    found.remove(0);
    found
}

fn carries(pid: i32, mark: &str) -> bool {
    let wanted = format!("{MARK}={mark}");
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|it| it == wanted.as_bytes())
}

fn all_pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The fields of `/proc/PID/stat` after the name, which may itself hold blanks and brackets (proc(5)).
fn stat_fields(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = text.rsplit_once(')')?;
    Some(after.split_whitespace().map(str::to_owned).collect())
}
