//! What the daemon asks of the keeper.

use super::frame::{FrameError, Reader, Writer};

/// What the daemon asks of the keeper. Orders are carried out one by one, as they come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, on the stack")]
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
        /// To it alone, or to those that belong to it.
        scope: Scope,
    },
    /// The last will of a child that lives is another from here on.
    Amend {
        /// Whose.
        child: u64,
        /// The new one.
        will: Will,
    },
    /// The end of this child is recorded: it need not be reported again, and its slot is free. Of a
    /// child that lives, nothing is forgotten.
    Forget {
        /// Which.
        child: u64,
    },
    /// Report all that is kept, and all children: those that live, and those that ended and are not
    /// forgotten.
    List,
    /// Keep this for the next daemon, instead of what was kept under the same key. At most one
    /// descriptor comes with it. Never answered; what is beyond [`KEY_BYTES_MAX`](super::KEY_BYTES_MAX),
    /// [`KEPT_BYTES_MAX`](super::KEPT_BYTES_MAX) or [`KEYS_MAX`](super::KEYS_MAX) is not kept.
    Keep {
        /// Under which name.
        key: Vec<u8>,
        /// What to remember.
        bytes: Vec<u8>,
    },
    /// Keep this no longer.
    Drop {
        /// Its name.
        key: Vec<u8>,
    },
    /// The answer to [`Report::Ping`](super::Report::Ping).
    Pong {
        /// The number of the question.
        serial: u64,
    },
    /// Someone has decided about a child in doubt.
    Settle {
        /// Which.
        child: u64,
        /// Whether it is to be taken for the child it may be, as far as that can be verified.
        /// Otherwise its slot is emptied, and the process, if there is one, left alone.
        adopt: bool,
    },
    /// Become another program in place, with all that is held. The program comes as a descriptor.
    /// Answered by [`Report::Upgraded`](super::Report::Upgraded) from the new one, or by
    /// [`Report::UpgradeFailed`](super::Report::UpgradeFailed) from the one that is still, or again,
    /// there.
    Upgrade {
        /// The path of the program, for the daemons that it will start.
        program: Vec<u8>,
    },
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
    /// Everything that descends from it, as far as that can be told.
    Tree,
}

/// A soft and a hard resource limit; `None` is no limit.
pub type Limit = (Option<u64>, Option<u64>);

/// A child to be made, with everything resolved: the keeper looks nothing up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnOrder {
    /// Its number, chosen by the daemon and never used again (`model::child::ChildId`).
    pub child: u64,
    /// The name of its slot, of which there is never more than one child: `group:process`. At most
    /// [`SLOT_BYTES_MAX`](super::SLOT_BYTES_MAX).
    pub slot: Vec<u8>,
    /// What the daemon wants to be told about it later: a digest of what it was made from. At most
    /// [`MEMO_BYTES_MAX`](super::MEMO_BYTES_MAX).
    pub memo: Vec<u8>,
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
    /// The directory of a control group that is made for it, and removed with it; where that cannot be done it is in the
    /// keeper's.
    pub cgroup: Option<Vec<u8>>,
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
const AMEND: u16 = 9;
const KEEP: u16 = 10;
const DROP: u16 = 11;
const PONG: u16 = 12;
const SETTLE: u16 = 13;
const UPGRADE: u16 = 14;

pub(super) fn encode(order: &Order, sequence: u32) -> Vec<u8> {
    let mut to = Writer::new(kind(order), sequence);
    match order {
        Order::Hello { oldest, newest } => {
            to.u16(*oldest);
            to.u16(*newest);
        }
        Order::Spawn(spawn) => spawn.put(&mut to),
        Order::Signal { child, signal, scope } => {
            to.u64(*child);
            to.i32(*signal);
            scope.put(&mut to);
        }
        Order::Amend { child, will } => {
            to.u64(*child);
            will.put(&mut to);
        }
        Order::Forget { child } => to.u64(*child),
        Order::List | Order::Restart => {}
        Order::Keep { key, bytes } => {
            to.bytes(key);
            to.bytes(bytes);
        }
        Order::Drop { key } => to.bytes(key),
        Order::Pong { serial } => to.u64(*serial),
        Order::Settle { child, adopt } => {
            to.u64(*child);
            to.bool(*adopt);
        }
        Order::Upgrade { program } => to.bytes(program),
        Order::Ready { detach } => to.bool(*detach),
        Order::Leave { grace_ms } => to.u64(*grace_ms),
    }
    to.finish()
}

const fn kind(order: &Order) -> u16 {
    match order {
        Order::Hello { .. } => HELLO,
        Order::Spawn(_) => SPAWN,
        Order::Signal { .. } => SIGNAL,
        Order::Amend { .. } => AMEND,
        Order::Forget { .. } => FORGET,
        Order::List => LIST,
        Order::Keep { .. } => KEEP,
        Order::Drop { .. } => DROP,
        Order::Pong { .. } => PONG,
        Order::Settle { .. } => SETTLE,
        Order::Upgrade { .. } => UPGRADE,
        Order::Ready { .. } => READY,
        Order::Restart => RESTART,
        Order::Leave { .. } => LEAVE,
    }
}

pub(super) fn decode(bytes: &[u8]) -> Result<Order, FrameError> {
    let (kind, mut from) = Reader::open(bytes, &[HELLO])?;
    Ok(match kind {
        HELLO => Order::Hello { oldest: from.u16("oldest")?, newest: from.u16("newest")? },
        SPAWN => Order::Spawn(SpawnOrder::get(&mut from)?),
        SIGNAL => Order::Signal {
            child: from.u64("child")?,
            signal: from.i32("signal")?,
            scope: Scope::get(&mut from)?,
        },
        AMEND => Order::Amend { child: from.u64("child")?, will: Will::get(&mut from)? },
        FORGET => Order::Forget { child: from.u64("child")? },
        LIST => Order::List,
        KEEP => Order::Keep { key: from.bytes("key")?, bytes: from.bytes("bytes")? },
        DROP => Order::Drop { key: from.bytes("key")? },
        PONG => Order::Pong { serial: from.u64("serial")? },
        SETTLE => Order::Settle { child: from.u64("child")?, adopt: from.bool("adopt")? },
        UPGRADE => Order::Upgrade { program: from.bytes("program")? },
        READY => Order::Ready { detach: from.bool("detach")? },
        RESTART => Order::Restart,
        LEAVE => Order::Leave { grace_ms: from.u64("grace")? },
        other => return Err(FrameError::Kind(other)),
    })
}

impl SpawnOrder {
    fn put(&self, to: &mut Writer) {
        to.u64(self.child);
        to.bytes(&self.slot);
        to.bytes(&self.memo);
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
        to.option(self.cgroup.as_ref(), |to, it| to.bytes(it));
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self {
            child: from.u64("child")?,
            slot: from.bytes("slot")?,
            memo: from.bytes("memo")?,
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
            cgroup: from.option("cgroup", |from| from.bytes("cgroup"))?,
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
            Self::Tree => 3,
        });
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        match from.u8("scope")? {
            1 => Ok(Self::Process),
            2 => Ok(Self::Group),
            3 => Ok(Self::Tree),
            _ => Err(FrameError::Field("scope")),
        }
    }
}

impl Will {
    pub(super) fn put(&self, to: &mut Writer) {
        to.i32(self.signal);
        to.u64(self.wait_ms);
        self.stop_scope.put(to);
        self.kill_scope.put(to);
        to.i64(self.priority);
    }

    pub(super) fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self {
            signal: from.i32("signal")?,
            wait_ms: from.u64("wait")?,
            stop_scope: Scope::get(from)?,
            kill_scope: Scope::get(from)?,
            priority: from.i64("priority")?,
        })
    }
}
