//! Finding the children of a keeper that is dead: from its journal, and from what `/proc` says now.
//!
//! Two things must never happen: that a stranger is taken for a child, and that a child that lives is taken for
//! dead, because then it would be started a second time. So each child is one of three: it is there beyond doubt
//! (its pid, the moment of its birth and the boot of the machine agree); it has ended beyond doubt (there is no
//! such pid, or it was born at another moment); or it is in doubt, with a reason, and people decide.
//!
//! A process is looked at only after a descriptor for it was opened, so that what was seen is true of what the
//! descriptor stands for.
//!
//! This crate decides nothing else: what it finds is handed to the next keeper.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;

use os::procfs::{self, PipeEnd, Stat};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use wire::keeper::handover::{Child, End};
use wire::keeper::journal::{Entry, Place, Stage};
use wire::keeper::{Doubt, Standing, Usage};

/// A child as it was found.
#[derive(Debug)]
pub struct Found {
    /// Who it is. The numbers of descriptors in it are not filled in.
    pub child: Child,
    /// Our ends of its pipes: standard input, output and error.
    pub pipes: [Option<OwnedFd>; 3],
    /// What stands for the process.
    pub pidfd: Option<OwnedFd>,
}

/// What came of a journal.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The children that live, are in doubt, or whose end nobody has recorded.
    pub found: Vec<Found>,
    /// How many records could not be read at all: there may be children of whom nothing is known.
    pub damaged: usize,
}

/// The ends of a child's pipes.
pub type Pipes = [Option<OwnedFd>; 3];

/// Looks for the children of a journal. `held` has the pipes of those whose ends the caller holds already: it need
/// not be allowed to look into them then.
pub fn children(places: Vec<Place>, mut held: BTreeMap<u64, Pipes>) -> Recovered {
    let mut recovered = Recovered::default();
    for place in places {
        match place {
            Place::Free => {}
            Place::Damaged(None) => recovered.damaged += 1,
            Place::Damaged(Some(entry)) => {
                let pipes = held.remove(&entry.child);
                let (pid, start_ticks) = match entry.stage {
                    Stage::Living { pid, start_ticks } => (pid, start_ticks),
                    Stage::Ended { pid, end: _ } => (pid, 0),
                    Stage::Intended => (0, 0),
                };
                recovered.found.push(doubtful(*entry, pid, start_ticks, Doubt::Damaged, pipes));
            }
            Place::Taken(entry) => {
                let pipes = held.remove(&entry.child);
                recovered.found.extend(find(*entry, pipes));
            }
        }
    }
    recovered
}

/// One child; none when it was never made.
fn find(entry: Entry, held: Option<Pipes>) -> Option<Found> {
    match entry.stage {
        Stage::Ended { pid, end } => Some(ended(entry, pid, end, held)),
        Stage::Living { pid, start_ticks } => Some(living(entry, pid, start_ticks, held)),
        Stage::Intended => intended(entry, held),
    }
}

fn living(entry: Entry, pid: u32, start_ticks: u64, held: Option<Pipes>) -> Found {
    let (pidfd, there) = look(pid);
    match there {
        Ok(stat) if stat.start_ticks == start_ticks && !stat.is_zombie => {
            there_is(entry, pid, start_ticks, held, pidfd)
        }
        // Somebody else by now, or itself, and nobody has waited for it yet.
        Ok(_) => ended(entry, pid, end_of_orphan(procfs::status_of_dead(pid, start_ticks)), held),
        Err(error) if error.kind() == io::ErrorKind::NotFound => ended(entry, pid, end_of_orphan(None), held),
        Err(_) => doubtful(entry, pid, start_ticks, Doubt::Unreadable, held),
    }
}

/// What stands for a process, and what it is. Where the kernel has no such descriptors the look must do: a pid is
/// used again only after all others.
fn look(pid: u32) -> (Option<OwnedFd>, io::Result<Stat>) {
    let pidfd = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .and_then(|it| pidfd_open(it, PidfdFlags::empty()).ok());
    (pidfd, procfs::stat(pid))
}

/// It is the child beyond doubt. Whether we can go on reading what it says is another question.
fn there_is(entry: Entry, pid: u32, start_ticks: u64, held: Option<Pipes>, pidfd: Option<OwnedFd>) -> Found {
    let pipes = match held.map_or_else(|| reopen(pid, entry.pipes), Ok) {
        Ok(pipes) => pipes,
        // It has ended between two looks; the keeper will see that.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Pipes::default(),
        // It may be the child's own will to write elsewhere, but then its old pipes are of no use to us.
        Err(_) => return doubtful(entry, pid, start_ticks, Doubt::Unreadable, None),
    };
    let child = child(entry, pid, start_ticks, Standing::Adopted, None);
    Found { child, pipes, pidfd }
}

/// Our ends of the pipes a process holds, as far as it still holds them.
fn reopen(pid: u32, wanted: [u64; 3]) -> io::Result<Pipes> {
    let held = procfs::pipes(pid)?;
    let open = |wanted: u64, end| match held.iter().find(|(_, pipe)| *pipe == wanted && wanted != 0) {
        Some((fd, _)) => procfs::reopen_pipe(pid, *fd, end).map(Some),
        None => Ok(None),
    };
    let [stdin, stdout, stderr] = wanted;
    Ok([open(stdin, PipeEnd::Writing)?, open(stdout, PipeEnd::Reading)?, open(stderr, PipeEnd::Reading)?])
}

/// The keeper died while it made the child: nobody knows its pid, but whoever holds its pipes is it, or descends
/// from it.
fn intended(entry: Entry, held: Option<Pipes>) -> Option<Found> {
    let wanted: Vec<u64> = entry.pipes.into_iter().filter(|it| *it != 0).collect();
    let own = std::process::id();
    let holders: BTreeSet<u32> = procfs::pids()
        .into_iter()
        .filter(|pid| *pid != own)
        .filter(|pid| procfs::pipes(*pid).is_ok_and(|it| it.iter().any(|(_, pipe)| wanted.contains(pipe))))
        .collect();
    // The first of a family: whose parent is not one of them.
    let stats = holders.iter().filter_map(|pid| Some((*pid, procfs::stat(*pid).ok()?)));
    let first: Vec<_> = stats.filter(|(_, it)| !holders.contains(&it.parent) && !it.is_zombie).collect();
    match first.as_slice() {
        [] => None,
        [(pid, stat)] => Some(living(entry, *pid, stat.start_ticks, held)),
        [(pid, stat), ..] => Some(doubtful(entry, *pid, stat.start_ticks, Doubt::Several, held)),
    }
}

fn doubtful(entry: Entry, pid: u32, start_ticks: u64, doubt: Doubt, held: Option<Pipes>) -> Found {
    let standing = Standing::Doubt { reason: doubt.number() };
    let child = child(entry, pid, start_ticks, standing, None);
    Found { child, pipes: held.unwrap_or_default(), pidfd: None }
}

/// The pid is only told: it may be somebody else's by now.
fn ended(entry: Entry, pid: u32, end: End, held: Option<Pipes>) -> Found {
    let child = child(entry, pid, 0, Standing::Adopted, Some(end));
    // What it has written and nobody has read is still in the pipes, if anybody has kept them open.
    Found { child, pipes: held.unwrap_or_default(), pidfd: None }
}

/// The end of a child that was not our own, as far as it is known.
fn end_of_orphan(status: Option<i32>) -> End {
    let at_us = u64::try_from(os::clock::mono().0.as_micros()).unwrap_or(u64::MAX);
    End { status: status.unwrap_or(0), known: status.is_some(), at_us, setup: None, usage: Usage::default() }
}

fn child(entry: Entry, pid: u32, start_ticks: u64, standing: Standing, end: Option<End>) -> Child {
    let Entry { child, slot, memo, will, started_us, pipes: _, stage: _ } = entry;
    Child {
        child,
        slot,
        memo,
        will,
        pid,
        start_ticks,
        started_us,
        standing,
        end,
        pipes: [None; 3],
        pidfd: None,
    }
}

#[cfg(test)]
mod tests;
