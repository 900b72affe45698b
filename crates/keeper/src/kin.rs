//! Who belongs to a child, as far as that has to be looked up: processes by `/proc`, members of its control group, and
//! orphans by what they carry.
//!
//! A grandchild whose parent has ended is given to the keeper, and its line to the child is broken. Whoever has also left
//! the child's group and session is known only by its environment, in which stands whose it is, or by the control group,
//! where there is one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use os::procfs::Stat;
use wire::keeper::Scope;

use crate::hunt::{Hunt, Traces, Who};

/// The variables that say whose a process is; without the first two there is no telling.
const MARKS: [&[u8]; 3] = [b"SUPERVISOR_GROUP_NAME=", b"SUPERVISOR_PROCESS_NAME=", b"SUPERVISOR_SERVER_URL="];

/// The first process of a machine or a container, which gets the orphans that nobody nearer takes.
const FIRST: u32 = 1;

/// What the control group of a child is called.
fn group_name(child: u64) -> String {
    format!("menshen-{child}")
}

/// What tells who belongs to a child, beside its family, as long as it lives. `cgroup` is the group that was made for it, as
/// far as that is known.
pub(crate) fn traces(child: u64, pid: u32, cgroup: Option<PathBuf>) -> Traces {
    let is_its_own = |it: &PathBuf| it.file_name().is_some_and(|it| *it == *group_name(child));
    let cgroup = cgroup.or_else(|| os::cgroup::of(pid).filter(is_its_own));
    let carried = os::procfs::environment(pid).unwrap_or_default();
    let marks: Vec<_> =
        carried.into_iter().filter(|entry| MARKS.iter().any(|mark| entry.starts_with(mark))).collect();
    Traces { cgroup, marks: if marks.len() >= 2 { marks } else { Vec::new() } }
}

/// Those of `all` who belong to a child, without itself and without the dead.
pub(crate) fn quarry(hunt: &mut Hunt, child: Who, all: &BTreeMap<u32, Stat>) -> BTreeSet<Who> {
    let kin = match hunt.scope() {
        Scope::Process | Scope::Group => BTreeSet::new(),
        Scope::Tree => kin(hunt.traces(), child, all),
    };
    hunt.quarry(child, all, &kin)
}

fn kin(traces: &Traces, (_, born): Who, all: &BTreeMap<u32, Stat>) -> BTreeSet<u32> {
    let mut kin = traces.cgroup.as_deref().map(os::cgroup::members).unwrap_or_default();
    if !traces.marks.is_empty() {
        let own = os::process::own_pid();
        let is_orphan = |it: &Stat| it.start_ticks >= born && (it.parent == own || it.parent == FIRST);
        let orphans = all.iter().filter(|(_, it)| is_orphan(it)).map(|(pid, _)| *pid);
        kin.extend(orphans.filter(|it| carries(*it, &traces.marks)));
    }
    kin
}

fn carries(pid: u32, marks: &[Vec<u8>]) -> bool {
    os::procfs::environment(pid).is_ok_and(|it| marks.iter().all(|mark| it.contains(mark)))
}

/// All processes there are.
pub(crate) fn everybody() -> BTreeMap<u32, Stat> {
    let pids = os::procfs::pids().into_iter();
    pids.filter_map(|pid| Some((pid, os::procfs::stat(pid).ok()?))).collect()
}
