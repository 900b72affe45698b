//! Places: the runtime directory, `/proc`, control groups, the system log, process 1.

use std::fs;
use std::path::{Path, PathBuf};

use os::probe;

use crate::Promise::{Alarm, OutlivesBoth, OutlivesKeeper, StopMeansStop, Works};
use crate::{Finding, House, Subject, Verdict, refusal};

pub(crate) fn examine(house: &House) -> Vec<Finding> {
    let mut found = runtime(house);
    found.extend([proc(), reopen(house), cgroup(), first_process(), system_log()]);
    found
}

const RUNTIME: Subject = Subject {
    name: "runtime_directory",
    promises: &[OutlivesKeeper, OutlivesBoth],
    purpose: "holds what must be remembered when everything dies",
};
const IN_MEMORY: Subject = Subject {
    name: "runtime_directory_in_memory",
    promises: &[],
    purpose: "makes remembering cheap, and forgotten after a reboot",
};
const UNDER_WAY: Subject = Subject {
    name: "output_under_way",
    promises: &[OutlivesBoth],
    purpose: "keeps what is on its way to a log, and is changed there, when both die",
};
const LOCK: Subject = Subject {
    name: "flock",
    promises: &[OutlivesBoth],
    purpose: "keeps a second supervisor of the same configuration out",
};
const ELSEWHERE: &str = "name a directory of your own in [supervisord] runtime_directory=";

/// Where it may be, in the order in which the daemon tries.
fn candidates(house: &House) -> Vec<PathBuf> {
    if let Some(named) = &house.runtime_directory {
        return vec![named.clone()];
    }
    let uid = os::user::own_uid();
    let session =
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|it| it.is_absolute() && uid != 0);
    let system = (uid == 0).then(|| PathBuf::from("/run/menshen"));
    let own = format!("menshen-{uid}");
    let rest = [Path::new("/tmp").join(&own), Path::new("/dev/shm").join(&own)];
    system.into_iter().chain(session.map(|it| it.join("menshen"))).chain(rest).collect()
}

/// The closest directory above `path`, itself included, that is there.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|it| it.is_dir()).unwrap_or(path)
}

fn runtime(house: &House) -> Vec<Finding> {
    let candidates = candidates(house);
    let usable = candidates.iter().find(|it| probe::writable(existing(it)).is_ok());
    let Some(place) = usable else {
        let tried: Vec<_> = candidates.iter().map(|it| it.display().to_string()).collect();
        let seen = format!("cannot be written: {}", tried.join(", "));
        return vec![RUNTIME.found(
            Verdict::No,
            seen,
            "after the death of both, nothing is known of the programs",
            ELSEWHERE,
        )];
    };
    let shown = place.display().to_string();
    let above = existing(place);
    let in_memory = if probe::is_in_memory(above) {
        IN_MEMORY.well("it is a tmpfs")
    } else {
        let meaning = "each change of state may wait for a disk; a disk that hangs holds up the daemon";
        IN_MEMORY.found(
            Verdict::Degraded,
            format!("{shown} is on a disk"),
            meaning,
            "put it on a tmpfs, such as /run",
        )
    };
    let lock = match probe::lock(above) {
        Ok(()) => LOCK.well("works"),
        Err(errno) => {
            let meaning = "a second supervisor of the same configuration may not be noticed";
            LOCK.found(Verdict::No, refusal(errno), meaning, ELSEWHERE)
        }
    };
    vec![RUNTIME.well(shown), in_memory, under_way(above), lock]
}

/// The memory that has names where the runtime directory is on a disk.
const MEMORY: &str = "/dev/shm";

fn under_way(runtime: &Path) -> Finding {
    let memory = Path::new(MEMORY);
    if probe::is_in_memory(runtime) {
        return UNDER_WAY.well("in the runtime directory");
    }
    if probe::is_in_memory(memory) && probe::writable(memory).is_ok() {
        return UNDER_WAY.well(format!("in {MEMORY}"));
    }
    let meaning =
        "what is under way when both die is lost, where lines get a prefix, or are captured or stripped";
    let seen = format!("neither the runtime directory nor {MEMORY} is a tmpfs that can be written");
    UNDER_WAY.found(Verdict::Degraded, seen, meaning, "put the runtime directory on a tmpfs")
}

const PROC: Subject = Subject {
    name: "proc",
    promises: &[Works, StopMeansStop, OutlivesBoth],
    purpose: "tells which process is which",
};

fn proc() -> Finding {
    let remedy = "mount /proc in the container; as an ordinary user, without hidepid";
    if fs::read("/proc/self/stat").is_err() {
        let meaning = "programs cannot be told from strangers; output cannot be kept from breaking";
        return PROC.found(Verdict::No, "/proc cannot be read", meaning, remedy);
    }
    if fs::read("/proc/1/stat").is_err() {
        let meaning =
            "programs that run as another user cannot be seen, hence not found again nor stopped as a tree";
        return PROC.found(Verdict::Degraded, "processes of others are hidden (hidepid)", meaning, remedy);
    }
    PROC.well("can be read")
}

const REOPEN: Subject = Subject {
    name: "reopen_output",
    promises: &[OutlivesBoth],
    purpose: "reads on what programs write after both have died",
};

/// `CAP_SYS_PTRACE` of linux/capability.h, without which the descriptors of other users are out of reach.
const CAP_SYS_PTRACE: u32 = 19;

fn reopen(house: &House) -> Finding {
    if fs::read_dir("/proc/self/fd").is_err() {
        let meaning = "output of programs is lost after the death of both";
        return REOPEN.found(
            Verdict::No,
            "/proc/self/fd cannot be read",
            meaning,
            "mount /proc in the container",
        );
    }
    if os::user::own_uid() != 0 {
        return REOPEN.well("for programs of this user");
    }
    if has_capability(CAP_SYS_PTRACE) {
        return REOPEN.well("for programs of any user");
    }
    let verdict = if house.switches_user { Verdict::No } else { Verdict::Degraded };
    let meaning =
        "programs with user= that outlive the death of both cannot be verified: they are left in doubt";
    REOPEN.found(verdict, "CAP_SYS_PTRACE is missing", meaning, "docker run --cap-add SYS_PTRACE")
}

fn has_capability(number: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let held = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    held.and_then(|it| u64::from_str_radix(it.trim(), 16).ok()).is_some_and(|it| it >> number & 1 == 1)
}

const CGROUP: Subject = Subject {
    name: "cgroup_v2",
    promises: &[],
    purpose: "holds the whole tree of a program with stopastree, and kills it in one stroke (cgroups in [supervisord])",
};

fn cgroup() -> Finding {
    let remedy = "under systemd: Delegate=yes in the unit; in a container: a writable cgroup namespace";
    let meaning = "trees are found by their family, and killed one by one";
    let Some(own) = os::cgroup::own() else {
        return CGROUP.found(Verdict::Degraded, "there is no cgroup v2 here", meaning, remedy);
    };
    match os::cgroup::probe(&own) {
        Ok(()) => CGROUP.well(format!("groups can be made in {}", own.display())),
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
            CGROUP.found(Verdict::Degraded, error.to_string(), meaning, "kernel 5.14 or newer has it")
        }
        Err(error) => {
            let seen = format!("{} cannot be written: {error}", own.display());
            CGROUP.found(Verdict::Degraded, seen, meaning, remedy)
        }
    }
}

const FIRST: Subject = Subject {
    name: "process_1",
    promises: &[],
    purpose: "lets programs outlive the keeper: where the keeper is process 1, the kernel ends all with it",
};

fn first_process() -> Finding {
    let name = fs::read_to_string("/proc/1/comm").unwrap_or_default();
    let name = name.trim();
    if name.starts_with("menshen") {
        let meaning = "if the keeper dies, the whole container ends at once, programs and all";
        let remedy = "give the container a restart policy; it begins anew then";
        return FIRST.found(Verdict::Degraded, "the keeper is process 1 here", meaning, remedy);
    }
    FIRST.well(if name.is_empty() { "cannot be seen".to_owned() } else { format!("it is {name}") })
}

const SYSTEM_LOG: Subject =
    Subject { name: "syslog", promises: &[Alarm], purpose: "is told when the daemon dies again and again" };

fn system_log() -> Finding {
    match probe::system_log() {
        Ok(()) => SYSTEM_LOG.well("/dev/log takes messages"),
        Err(errno) => SYSTEM_LOG.found(
            Verdict::Degraded,
            format!("/dev/log: {}", os::errno::text(errno)),
            "the keeper tells its troubles only on its standard error",
            "run a syslog daemon or journald, or keep what the keeper prints: in the background it goes nowhere",
        ),
    }
}
