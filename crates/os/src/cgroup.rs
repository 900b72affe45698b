//! Control groups of version 2 (cgroups(7)): sets of processes that nobody leaves who has no rights over them, and that
//! are killed in one stroke.
//!
//! Only what such a group *is* matters here; none is given a limit.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What holds the pids of a group, and takes those that are to enter it.
const MEMBERS: &str = "cgroup.procs";

/// What kills all of it (Linux 5.14).
const KILL: &str = "cgroup.kill";

/// How deep below a group its own groups are looked for: a program may divide what it was given.
const DEPTH_MAX: usize = 8;

/// The directory of the group that this process is in; `None` where there is no version 2.
pub fn own() -> Option<PathBuf> {
    of_process("self")
}

/// The directory of the group that another process is in.
pub fn of(pid: u32) -> Option<PathBuf> {
    of_process(&pid.to_string())
}

fn of_process(process: &str) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let groups = fs::read_to_string(format!("/proc/{process}/cgroup")).ok()?;
    place(&mounts, &groups)
}

/// From the mounts of this process and the groups of one to a directory.
fn place(mounts: &str, groups: &str) -> Option<PathBuf> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mount =
        mounts.lines().find(|line| line.split(" - ").nth(1).is_some_and(|it| it.starts_with("cgroup2 ")))?;
    let mut words = mount.split(' ').skip(3);
    let (root, point) = (words.next()?, words.next()?);
    // In a container only a part of the tree may be mounted; whoever is outside of that cannot be found.
    let root = Path::new(root.strip_prefix('/')?);
    Some(Path::new(point).join(Path::new(own).strip_prefix(root).ok()?))
}

/// Makes a group.
///
/// # Errors
/// When this process may not, or there are too many.
pub fn make(group: &Path) -> io::Result<()> {
    match fs::create_dir(group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes a group of which nobody is left, with the groups that were made in it.
///
/// # Errors
/// `EBUSY` when somebody is.
pub fn remove(group: &Path) -> io::Result<()> {
    for inner in inner(group, DEPTH_MAX).into_iter().rev() {
        fs::remove_dir(inner)?;
    }
    fs::remove_dir(group)
}

/// Those who are in a group or in one within it, the dead left out.
pub fn members(group: &Path) -> BTreeSet<u32> {
    let mut pids = BTreeSet::new();
    for group in [group.to_owned()].into_iter().chain(inner(group, DEPTH_MAX)) {
        let text = fs::read_to_string(group.join(MEMBERS)).unwrap_or_default();
        // 0 is somebody of another pid namespace.
        pids.extend(text.lines().filter_map(|it| it.parse::<u32>().ok()).filter(|it| *it != 0));
    }
    pids
}

/// Kills everybody in a group and in those within it, also those who are being born.
///
/// # Errors
/// `NotFound` before Linux 5.14.
pub fn kill(group: &Path) -> io::Result<()> {
    // To be opened, never made.
    let mut file = fs::OpenOptions::new().write(true).open(group.join(KILL))?;
    io::Write::write_all(&mut file, b"1")
}

/// Whether groups can be made in this one, and killed: by making an empty one for a moment.
///
/// # Errors
/// Why not.
pub fn probe(group: &Path) -> io::Result<()> {
    let inner = group.join(format!("menshen-probe-{}", std::process::id()));
    make(&inner)?;
    let can_kill = inner.join(KILL).exists();
    let removed = fs::remove_dir(&inner);
    if can_kill {
        return removed;
    }
    Err(io::Error::new(io::ErrorKind::Unsupported, "there is no cgroup.kill before Linux 5.14"))
}

/// The file through which a process enters a group.
pub fn door(group: &Path) -> PathBuf {
    group.join(MEMBERS)
}

/// The groups within a group, the outer before the inner.
fn inner(group: &Path, depth: usize) -> Vec<PathBuf> {
    let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for entry in entries.filter(|it| it.file_type().is_ok_and(|it| it.is_dir())) {
        let path = entry.path();
        let deeper = inner(&path, depth);
        found.push(path);
        found.extend(deeper);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_from_what_the_kernel_tells() {
        let mount = |root: &str| {
            format!(
                "22 1 0:20 / /proc rw - proc proc rw\n\
                 41 32 0:36 /a /sys/fs/cgroup/pids rw,relatime shared:1 - cgroup cgroup rw,pids\n\
                 42 32 0:36 {root} /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
            )
        };
        let at = |root: &str, groups: &str| place(&mount(root), groups);
        let there = |path: &str| Some(PathBuf::from(path));
        assert_eq!(
            at("/", "8:pids:/x\n0::/system.slice/menshen.service\n"),
            there("/sys/fs/cgroup/system.slice/menshen.service")
        );
        assert_eq!(at("/", "0::/\n"), there("/sys/fs/cgroup"));
        assert_eq!(at("/docker/1", "0::/docker/1/inner\n"), there("/sys/fs/cgroup/inner"));
        assert_eq!(at("/docker/1", "0::/elsewhere\n"), None, "what is not mounted cannot be reached");
        assert_eq!(at("/", "8:pids:/x\n"), None);
        assert_eq!(place("22 1 0:20 / /proc rw - proc proc rw\n", "0::/\n"), None);
    }

    #[test]
    fn a_group_is_made_filled_killed_and_removed() {
        let Some(own) = own().filter(|it| probe(it).is_ok()) else {
            eprintln!("NOT TESTED: no control group can be made here");
            return;
        };
        let group = own.join(format!("menshen-test-{}", std::process::id()));
        make(&group).unwrap();
        make(&group).unwrap();
        assert_eq!(members(&group), BTreeSet::new());
        let mut child = std::process::Command::new("/bin/sleep").arg("1000").spawn().unwrap();
        make(&group.join("inner")).unwrap();
        fs::write(door(&group.join("inner")), child.id().to_string()).unwrap();
        assert_eq!(members(&group), BTreeSet::from([child.id()]));
        assert_eq!(of(child.id()), Some(group.join("inner")));
        assert!(remove(&group).is_err(), "somebody is in it");
        kill(&group).unwrap();
        child.wait().unwrap();
        assert_eq!(members(&group), BTreeSet::new());
        remove(&group).unwrap();
        assert!(!group.exists() && kill(&group).is_err() && !group.exists(), "nothing is made by killing");
    }
}
