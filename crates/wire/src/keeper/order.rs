//! What the daemon asks of the keeper.

use super::frame::{FrameError, Reader, Writer};

/// What the daemon asks of the keeper. Orders are carried out one by one, as they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The first order of every daemon: the versions it speaks. Answered by
    /// [`Report::Welcome`](super::Report::Welcome), and by the exits nobody has recorded yet.
    Hello {
        /// The oldest.
        oldest: u16,
        /// The newest.
        newest: u16,
    },
    /// Make a child. A [`Stdio::Passed`] takes the descriptor that comes with it.
    Spawn(SpawnOrder),
    /// Send a signal. Answered only when that fails.
    Signal {
        /// To whom.
        child: u64,
        /// Its number; 0 tests whether the child can be signalled.
        signal: i32,
        /// To it alone, or to its whole process group.
        scope: Scope,
    },
    /// The end of this child is recorded: it need not be reported again, and its slot is free. Of a
    /// child that lives, nothing is forgotten.
    Forget {
        /// Which.
        child: u64,
    },
    /// Report all children: those that live, and those that ended and are not forgotten.
    List,
    /// The daemon is up: the launching parent may leave, with exit status 0.
    Ready {
        /// Whether the keeper is to let go of its terminal: descriptors 0, 1 and 2 become
        /// `/dev/null`.
        detach: bool,
    },
    /// The daemon is about to exit, all children are stopped: start it again.
    Restart,
    /// The daemon is about to exit for good: stop what is left, then leave with exit status 0.
    Leave {
        /// No child gets longer than this to stop, whatever its last will says; in milliseconds.
        grace_ms: u64,
    },
}

/// To whom a signal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The child alone.
    Process,
    /// Its whole process group.
    Group,
}

/// A soft and a hard resource limit; `None` is no limit.
pub type Limit = (Option<u64>, Option<u64>);

/// A child to be made, with everything resolved: the keeper looks nothing up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnOrder {
    /// Its number, chosen by the daemon and never used again (`model::child::ChildId`).
    pub child: u64,
    /// The file to execute.
    pub path: Vec<u8>,
    /// Its arguments, the first being its name.
    pub argv: Vec<Vec<u8>>,
    /// Its whole environment, each entry `KEY=value`.
    pub env: Vec<Vec<u8>>,
    /// The directory to run it in; `None`: the keeper's.
    pub directory: Option<Vec<u8>>,
    /// Its umask; `None`: the keeper's.
    pub umask: Option<u32>,
    /// Who to run it as; `None`: as the keeper. Ignored when the user is the keeper's own.
    pub identity: Option<Identity>,
    /// Its limits on open descriptors; `None`: the keeper's, which are raised as far as they go.
    pub nofile: Option<Limit>,
    /// Its descriptor 0: anything but [`Stdio::SameAsStdout`].
    pub stdin: Stdio,
    /// Its descriptor 1: [`Stdio::Pipe`] or [`Stdio::Null`].
    pub stdout: Stdio,
    /// Its descriptor 2: anything but [`Stdio::Passed`].
    pub stderr: Stdio,
    /// How to stop it when there is no daemon to say so.
    pub will: Will,
}

/// A user to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The supplementary groups.
    pub groups: Vec<u32>,
}

/// What one of a child's first three descriptors is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdio {
    /// A pipe, whose other end comes with [`Report::Spawned`](super::Report::Spawned). The child's
    /// end is open for reading *and* writing, so that it outlives the death of the daemon.
    Pipe,
    /// `/dev/null`.
    Null,
    /// The descriptor that comes with the order: the socket of a FastCGI program.
    Passed,
    /// Wherever descriptor 1 goes.
    SameAsStdout,
}

/// How to stop a child when there is no daemon to say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will {
    /// The signal that asks it to.
    pub signal: i32,
    /// How long it may take before it is killed, in milliseconds.
    pub wait_ms: u64,
    /// Whom the signal goes to.
    pub stop_scope: Scope,
    /// Whom the kill goes to.
    pub kill_scope: Scope,
    /// The higher, the sooner it is stopped.
    pub priority: i64,
}

const HELLO: u16 = 1;
const SPAWN: u16 = 2;
const SIGNAL: u16 = 3;
const FORGET: u16 = 4;
const LIST: u16 = 5;
const READY: u16 = 6;
const RESTART: u16 = 7;
const LEAVE: u16 = 8;

pub(super) fn encode(order: &Order, sequence: u32) -> Vec<u8> {
    let frame = |kind| Writer::new(kind, sequence);
    match order {
        Order::Hello { oldest, newest } => {
            let mut to = frame(HELLO);
            to.u16(*oldest);
            to.u16(*newest);
            to.finish()
        }
        Order::Spawn(spawn) => {
            let mut to = frame(SPAWN);
            spawn.put(&mut to);
            to.finish()
        }
        Order::Signal { child, signal, scope } => {
            let mut to = frame(SIGNAL);
            to.u64(*child);
            to.i32(*signal);
            scope.put(&mut to);
            to.finish()
        }
        Order::Forget { child } => {
            let mut to = frame(FORGET);
            to.u64(*child);
            to.finish()
        }
        Order::List => frame(LIST).finish(),
        Order::Ready { detach } => {
            let mut to = frame(READY);
            to.bool(*detach);
            to.finish()
        }
        Order::Restart => frame(RESTART).finish(),
        Order::Leave { grace_ms } => {
            let mut to = frame(LEAVE);
            to.u64(*grace_ms);
            to.finish()
        }
    }
}

pub(super) fn decode(bytes: &[u8]) -> Result<Order, FrameError> {
    let (kind, mut from) = Reader::open(bytes, &[HELLO])?;
    let order = match kind {
        // Frozen: what a later version adds behind these fields is not for us.
        HELLO => return Ok(Order::Hello { oldest: from.u16("oldest")?, newest: from.u16("newest")? }),
        SPAWN => Order::Spawn(SpawnOrder::get(&mut from)?),
        SIGNAL => Order::Signal {
            child: from.u64("child")?,
            signal: from.i32("signal")?,
            scope: Scope::get(&mut from)?,
        },
        FORGET => Order::Forget { child: from.u64("child")? },
        LIST => Order::List,
        READY => Order::Ready { detach: from.bool("detach")? },
        RESTART => Order::Restart,
        LEAVE => Order::Leave { grace_ms: from.u64("grace")? },
        other => return Err(FrameError::Kind(other)),
    };
    from.finish(order)
}

impl SpawnOrder {
    fn put(&self, to: &mut Writer) {
        to.u64(self.child);
        to.bytes(&self.path);
        to.list(&self.argv, |to, it| to.bytes(it));
        to.list(&self.env, |to, it| to.bytes(it));
        to.option(self.directory.as_ref(), |to, it| to.bytes(it));
        to.option(self.umask.as_ref(), |to, it| to.u32(*it));
        to.option(self.identity.as_ref(), |to, it| it.put(to));
        to.option(self.nofile.as_ref(), |to, (soft, hard)| {
            to.option(soft.as_ref(), |to, it| to.u64(*it));
            to.option(hard.as_ref(), |to, it| to.u64(*it));
        });
        self.stdin.put(to);
        self.stdout.put(to);
        self.stderr.put(to);
        self.will.put(to);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self {
            child: from.u64("child")?,
            path: from.bytes("path")?,
            argv: from.list("argv", |from| from.bytes("argv"))?,
            env: from.list("env", |from| from.bytes("env"))?,
            directory: from.option("directory", |from| from.bytes("directory"))?,
            umask: from.option("umask", |from| from.u32("umask"))?,
            identity: from.option("identity", Identity::get)?,
            nofile: from.option("nofile", |from| {
                let soft = from.option("nofile", |from| from.u64("nofile"))?;
                let hard = from.option("nofile", |from| from.u64("nofile"))?;
                Ok((soft, hard))
            })?,
            stdin: Stdio::get(from, "stdin", &[Stdio::Pipe, Stdio::Null, Stdio::Passed])?,
            stdout: Stdio::get(from, "stdout", &[Stdio::Pipe, Stdio::Null])?,
            stderr: Stdio::get(from, "stderr", &[Stdio::Pipe, Stdio::Null, Stdio::SameAsStdout])?,
            will: Will::get(from)?,
        })
    }
}

impl Identity {
    fn put(&self, to: &mut Writer) {
        to.u32(self.uid);
        to.u32(self.gid);
        to.list(&self.groups, |to, it| to.u32(*it));
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self {
            uid: from.u32("uid")?,
            gid: from.u32("gid")?,
            groups: from.list("groups", |from| from.u32("groups"))?,
        })
    }
}

impl Stdio {
    fn put(self, to: &mut Writer) {
        to.u8(match self {
            Self::Pipe => 1,
            Self::Null => 2,
            Self::Passed => 3,
            Self::SameAsStdout => 4,
        });
    }

    fn get(from: &mut Reader<'_>, name: &'static str, allowed: &[Self]) -> Result<Self, FrameError> {
        let found = match from.u8(name)? {
            1 => Self::Pipe,
            2 => Self::Null,
            3 => Self::Passed,
            4 => Self::SameAsStdout,
            _ => return Err(FrameError::Field(name)),
        };
        if allowed.contains(&found) { Ok(found) } else { Err(FrameError::Field(name)) }
    }
}

impl Scope {
    fn put(self, to: &mut Writer) {
        to.u8(match self {
            Self::Process => 1,
            Self::Group => 2,
        });
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        match from.u8("scope")? {
            1 => Ok(Self::Process),
            2 => Ok(Self::Group),
            _ => Err(FrameError::Field("scope")),
        }
    }
}

impl Will {
    fn put(&self, to: &mut Writer) {
        to.i32(self.signal);
        to.u64(self.wait_ms);
        self.stop_scope.put(to);
        self.kill_scope.put(to);
        to.i64(self.priority);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self {
            signal: from.i32("signal")?,
            wait_ms: from.u64("wait")?,
            stop_scope: Scope::get(from)?,
            kill_scope: Scope::get(from)?,
            priority: from.i64("priority")?,
        })
    }
}
