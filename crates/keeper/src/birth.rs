//! From an order to a child.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use os::errno::{EINVAL, EMFILE};
use os::pidfd::Pidfd;
use os::spawn::{Born, Files, Identity, Note, Plan, Spawner};
use wire::keeper::{SpawnOrder, SpawnStage, Stdio};

use crate::hunt::Hunt;
use crate::link::Ends;

/// What is held for a child.
#[derive(Debug)]
pub(crate) struct Held {
    /// The daemon's ends of its pipes, kept for the next daemon.
    pub(crate) ends: [Option<OwnedFd>; 3],
    /// The numbers of its pipes, by which they are known when they are open in nobody's hands but its own; 0 where there
    /// is none.
    pub(crate) pipes: [u64; 3],
    /// Given back when the child is reaped.
    pub(crate) note: Option<Note>,
    /// What stands for a child that is not our own, where the kernel has such a thing.
    pub(crate) process: Option<Pidfd>,
    /// Set once all that belong to it were told to stop.
    pub(crate) hunt: Option<Hunt>,
    /// The control group that was made for it.
    pub(crate) cgroup: Option<PathBuf>,
}

impl Held {
    pub(crate) fn ends(&self) -> Ends<'_> {
        self.ends.each_ref().map(|it| it.as_ref().map(AsFd::as_fd))
    }
}

/// Why there is no child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stillborn {
    pub(crate) stage: SpawnStage,
    pub(crate) errno: i32,
}

impl Stillborn {
    fn at(stage: SpawnStage) -> impl Fn(io::Error) -> Self {
        move |error| Self { stage, errno: error.raw_os_error().unwrap_or(EINVAL) }
    }
}

/// What came with the order.
pub(crate) struct Beside {
    pub(crate) fds: Vec<OwnedFd>,
    /// Whether some of it was lost, because no descriptor was left.
    pub(crate) truncated: bool,
}

/// A child for which everything is ready.
pub(crate) struct Expected {
    plan: Plan,
    streams: Streams,
    pipes: [u64; 3],
    cgroup: Option<PathBuf>,
}

/// Prepares everything that can be prepared before there is a child.
pub(crate) fn prepare(order: SpawnOrder, beside: Beside) -> Result<Expected, Stillborn> {
    let streams = Streams::of(&order, beside)?;
    // For want of one it is in ours.
    let group = order.cgroup.as_ref().map(|it| PathBuf::from(OsStr::from_bytes(it)));
    let cgroup = group.filter(|it| os::cgroup::make(it).is_ok());
    let door = cgroup.as_deref().map(os::cgroup::door);
    let plan = plan(order, door).ok_or(Stillborn { stage: SpawnStage::Order, errno: EINVAL })?;
    let pipes = pipes_of(&streams.ours);
    Ok(Expected { plan, streams, pipes, cgroup })
}

impl Expected {
    /// The numbers of the pipes that will be the child's descriptors.
    pub(crate) const fn pipes(&self) -> [u64; 3] {
        self.pipes
    }

    /// Makes the child. Its slot is free.
    pub(crate) fn make(self, spawner: &mut Spawner) -> Result<(u32, Held), Stillborn> {
        let Self { plan, streams, pipes, cgroup } = self;
        let born = spawner.spawn(plan, &streams.files()).map_err(Stillborn::at(SpawnStage::Fork));
        if let (Err(_), Some(group)) = (&born, &cgroup) {
            // Nobody is in it.
            let _ = os::cgroup::remove(group);
        }
        let Born { pid, note } = born?;
        let ends = streams.ours;
        Ok((pid, Held { ends, pipes, note: Some(note), process: None, hunt: None, cgroup }))
    }
}

/// The numbers of a child's pipes; 0 where there is none.
pub(crate) fn pipes_of(ends: &[Option<OwnedFd>; 3]) -> [u64; 3] {
    ends.each_ref().map(|it| it.as_ref().map_or(0, os::fd::pipe_number))
}

/// The order in the terms of the kernel; `None` when a string holds a NUL, or there is no name.
fn plan(order: SpawnOrder, door: Option<PathBuf>) -> Option<Plan> {
    let all = |words: Vec<Vec<u8>>| words.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
    if order.argv.is_empty() {
        return None;
    }
    Some(Plan {
        path: CString::new(order.path).ok()?,
        argv: all(order.argv).ok()?,
        env: all(order.env).ok()?,
        directory: order.directory.map(CString::new).transpose().ok()?,
        umask: order.umask,
        identity: order.identity.map(|it| Identity { uid: it.uid, gid: it.gid, groups: it.groups }),
        nofile: order.nofile,
        cgroup: door.map(|it| CString::new(it.into_os_string().into_vec())).transpose().ok()?,
    })
}

/// Both ends of everything the child reads and writes.
struct Streams {
    ours: [Option<OwnedFd>; 3],
    stdin: OwnedFd,
    stdout: OwnedFd,
    /// `None`: where descriptor 1 goes.
    stderr: Option<OwnedFd>,
}

impl Streams {
    fn of(order: &SpawnOrder, beside: Beside) -> Result<Self, Stillborn> {
        let mut passed = beside.fds.into_iter();
        let lost = if beside.truncated { EMFILE } else { EINVAL };
        let unfit = Stillborn { stage: SpawnStage::Order, errno: lost };
        let (our_stdin, stdin) = match order.stdin {
            Stdio::Pipe => writing()?,
            Stdio::Null => null()?,
            Stdio::Passed => (None, passed.next().ok_or(unfit)?),
            Stdio::SameAsStdout => return Err(unfit),
        };
        let (our_stdout, stdout) = match order.stdout {
            Stdio::Pipe => reading()?,
            Stdio::Null => null()?,
            Stdio::Passed | Stdio::SameAsStdout => return Err(unfit),
        };
        let (our_stderr, stderr) = match order.stderr {
            Stdio::Pipe => reading().map(|(ours, theirs)| (ours, Some(theirs)))?,
            Stdio::Null => null().map(|(ours, theirs)| (ours, Some(theirs)))?,
            Stdio::SameAsStdout => (None, None),
            Stdio::Passed => return Err(unfit),
        };
        Ok(Self { ours: [our_stdin, our_stdout, our_stderr], stdin, stdout, stderr })
    }

    fn files(&self) -> Files<'_> {
        let stdout: BorrowedFd<'_> = self.stdout.as_fd();
        let stderr = self.stderr.as_ref().map_or(stdout, AsFd::as_fd);
        Files { stdin: self.stdin.as_fd(), stdout, stderr, link: None }
    }
}

/// Our end, if there is one, and the child's.
type Both = (Option<OwnedFd>, OwnedFd);

fn null() -> Result<Both, Stillborn> {
    Ok((None, os::fd::null().map_err(Stillborn::at(SpawnStage::Pipes))?))
}

/// A pipe the child writes and we read.
fn reading() -> Result<Both, Stillborn> {
    let (ours, theirs) = os::fd::nonblocking_pipe().map_err(Stillborn::at(SpawnStage::Pipes))?;
    joined(ours, theirs)
}

/// A pipe the child reads and we write.
fn writing() -> Result<Both, Stillborn> {
    let (theirs, ours) = os::fd::nonblocking_pipe().map_err(Stillborn::at(SpawnStage::Pipes))?;
    joined(ours, theirs)
}

/// Our end never blocks. The child's does, and is for reading and writing, so that the child, being reader and
/// writer of its own pipe, gets no `SIGPIPE` and sees no end of file when every process of ours is
/// dead: a pipe that nobody reads fills up, and waits. Where `/proc` does not allow that, the child
/// gets the plain end, and survives only as far as it does not write.
fn joined(ours: OwnedFd, theirs: OwnedFd) -> Result<Both, Stillborn> {
    let theirs = match os::fd::reopen_read_write(&theirs) {
        Ok(both) => both,
        Err(error) if error.raw_os_error() == Some(EMFILE) => {
            return Err(Stillborn { stage: SpawnStage::Pipes, errno: EMFILE });
        }
        Err(_) => {
            os::fd::set_blocking(&theirs).map_err(Stillborn::at(SpawnStage::Pipes))?;
            theirs
        }
    };
    Ok((Some(ours), theirs))
}
