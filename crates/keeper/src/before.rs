//! What another keeper has left: from a handover to what is held here.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;

use os::errno::ESRCH;
use os::limits::Pair;
use os::pidfd::Pidfd;
use os::procfs;
use os::socket::SeqPacket;
use wire::keeper::handover::{self, End, HANDOVER_BYTES_MAX, Handover};
use wire::keeper::{Standing, Usage};

use crate::birth::{Held, pipes_of};
use crate::store::Kept;
use crate::table::{Child, Life};

/// What another keeper has left.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) words: Words,
    pub(crate) lock: Option<OwnedFd>,
    pub(crate) journal: Option<OwnedFd>,
    /// Whether a daemon has ever been up.
    pub(crate) ready: bool,
    /// The daemon that lives, and the end of its link.
    pub(crate) daemon: Option<(handover::LivingDaemon, SeqPacket)>,
    /// The program to return to while this one has not proved itself.
    pub(crate) old: Option<OwnedFd>,
    pub(crate) kept: Vec<(Vec<u8>, Kept)>,
    pub(crate) children: Vec<(u64, Child<Held>)>,
}

/// How the daemon is started.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) program: Vec<u8>,
    pub(crate) daemon_argv: Vec<Vec<u8>>,
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) nofile: Option<Pair>,
}

/// Reads the handover at this descriptor, and takes what it names. A `probe` has inherited nothing but the handover,
/// and takes nothing. Those that are `taken` already cannot be in it.
pub(crate) fn read(number: i32, probe: bool, mut taken: BTreeSet<i32>) -> Result<Before, String> {
    let cannot = |what: &dyn std::fmt::Display| format!("cannot read the handover: {what}");
    let file = os::fd::borrowed_whole(number, HANDOVER_BYTES_MAX).map_err(|it| cannot(&it))?;
    let handover = handover::decode(&file).map_err(|it| cannot(&it))?;
    if handover.boot_id != procfs::boot_id() {
        return Err(cannot(&"it is about another boot of the machine"));
    }
    if probe {
        return Ok(Before::of_words(&handover));
    }
    taken.insert(number);
    // All of them before any is touched: who may have to return to the old program must leave things as they are.
    let all = numbers(&handover).all(|it| it > 2 && taken.insert(it) && os::fd::is_open(it));
    if !all {
        return Err(cannot(&"it names a descriptor that is not there, or twice"));
    }
    let before = Before::take(handover).map_err(|it| cannot(&it))?;
    // Nobody needs it any more, and nobody else in this process owns its number.
    drop(os::fd::inherited(number));
    Ok(before)
}

/// All descriptors a handover names.
fn numbers(handover: &Handover) -> impl Iterator<Item = i32> {
    let daemon = handover.daemon.as_ref().map(|it| it.link);
    let house = [handover.lock, handover.journal, handover.old, daemon].into_iter();
    let kept = handover.kept.iter().map(|it| it.file);
    let children = handover.children.iter().flat_map(|it| it.pipes.into_iter().chain([it.pidfd]));
    house.chain(kept).chain(children).flatten()
}

/// Takes an inherited descriptor, of which nobody else in this process knows.
fn take(number: Option<i32>) -> io::Result<Option<OwnedFd>> {
    number.map(os::fd::inherited).transpose()
}

impl Before {
    fn of_words(handover: &Handover) -> Self {
        Self {
            words: Words {
                program: handover.program.clone(),
                daemon_argv: handover.daemon_argv.clone(),
                env: handover.env.clone(),
                nofile: handover.nofile,
            },
            lock: None,
            journal: None,
            ready: handover.ready,
            daemon: None,
            old: None,
            kept: Vec::new(),
            children: Vec::new(),
        }
    }

    fn take(handover: Handover) -> io::Result<Self> {
        let mut before = Self::of_words(&handover);
        before.lock = take(handover.lock)?;
        before.journal = take(handover.journal)?;
        before.old = take(handover.old)?;
        if let Some(daemon) = handover.daemon {
            before.daemon = Some((daemon, SeqPacket::from_fd(os::fd::inherited(daemon.link)?)));
        }
        for kept in handover.kept {
            let file = take(kept.file)?;
            before.kept.push((kept.key, Kept { bytes: kept.bytes, file }));
        }
        for child in handover.children {
            before.children.push((child.child, adopt(child)?));
        }
        Ok(before)
    }
}

fn adopt(child: handover::Child) -> io::Result<Child<Held>> {
    let [stdin, stdout, stderr] = child.pipes;
    let ends = [take(stdin)?, take(stdout)?, take(stderr)?];
    let process = take(child.pidfd)?.map(Pidfd::from_fd);
    let mut adopted = Child {
        slot: child.slot,
        memo: child.memo,
        pid: child.pid,
        start_ticks: child.start_ticks,
        started_us: child.started_us,
        will: child.will,
        standing: child.standing,
        life: child.end.map_or(Life::Living, Life::Ended),
        held: Held { pipes: pipes_of(&ends), ends, note: None, process, hunt: None, cgroup: None },
    };
    if adopted.is_living() {
        verify(&mut adopted);
    }
    Ok(adopted)
}

/// Sees to it that a child that is said to live is the one it is said to be, and whose it is.
pub(crate) fn verify(child: &mut Child<Held>) {
    let is_own = child.standing == Standing::Own
        && procfs::stat(child.pid).is_ok_and(|it| it.parent == os::process::own_pid());
    if is_own {
        return; // Not reaped, so that it is itself.
    }
    child.standing = Standing::Adopted;
    if child.held.process.is_some() {
        return; // Opened while it was certainly the child.
    }
    // First held, then looked at: so that both are about the same.
    match Pidfd::open(child.pid) {
        Ok(process) => child.held.process = Some(process),
        Err(error) if error.raw_os_error() == Some(ESRCH) => {
            return child.life = Life::Ended(end_of_orphan(None));
        }
        // The kernel has no such thing, or does not let us: looked at from time to time instead.
        Err(_) => {}
    }
    if !is_there(child) {
        child.life = Life::Ended(end_of_orphan(procfs::status_of_dead(child.pid, child.start_ticks)));
        child.held.process = None;
    }
}

/// Whether the process with the pid of a child is that child.
pub(crate) fn is_there(child: &Child<Held>) -> bool {
    procfs::stat(child.pid).is_ok_and(|it| it.start_ticks == child.start_ticks && !it.is_zombie)
}

/// The end of a child that was not our own, as far as it is known.
pub(crate) fn end_of_orphan(status: Option<i32>) -> End {
    let (known, status) = (status.is_some(), status.unwrap_or(0));
    End { status, known, at_us: crate::run::now_us(), setup: None, usage: Usage::default() }
}
