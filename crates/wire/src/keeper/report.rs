//! What the keeper tells the daemon.

use super::frame::{FrameError, Reader, Writer};

/// What the keeper tells the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The answer to `Hello`. With it come the descriptors of the lock and of the journal, those
    /// there are.
    Welcome {
        /// The version spoken here. A daemon that does not understand it has to leave.
        version: u16,
        /// The keeper's own pid.
        keeper_pid: u32,
        /// The boot of the machine, from `/proc/sys/kernel/random/boot_id`; zeros where there is
        /// none.
        boot_id: [u8; 16],
        /// How many children there are that are not forgotten.
        children: u32,
        /// Whether the lock comes with this, and whether the journal does.
        files: [bool; 2],
    },
    /// A child exists. With it come the daemon's ends of its pipes, in the order stdin, stdout,
    /// stderr, those of them that were ordered; they never block and are closed on exec.
    Spawned {
        /// Which.
        child: u64,
        /// Its pid, which is also its process group.
        pid: u32,
    },
    /// There is no child.
    SpawnFailed {
        /// Which.
        child: u64,
        /// What could not be done.
        stage: SpawnStage,
        /// The kernel's number of the error.
        errno: i32,
    },
    /// A child has ended. Repeated to every new daemon until it is forgotten.
    Exited {
        /// Which.
        child: u64,
        /// What `wait(2)` says; nothing unless it is `known`.
        status: i32,
        /// Whether the status is known: the kernel tells it of a process that was not our own child
        /// only since 6.15.
        known: bool,
        /// When that was noticed, on the monotonic clock, in microseconds.
        at_us: u64,
        /// Set when it never became its program; it has left with status 127 then.
        setup: Option<SetupError>,
        /// What it has used.
        usage: Usage,
    },
    /// A signal was not sent.
    SignalFailed {
        /// To whom.
        child: u64,
        /// Its number.
        signal: i32,
        /// `ESRCH` when the child has ended or was never there.
        errno: i32,
    },
    /// A child has ended, and these are left of those that were to be stopped with it, because
    /// even `SIGKILL` has not ended them. Comes before its [`Report::Exited`].
    Survivors {
        /// Which.
        child: u64,
        /// Their pids, [`SURVIVORS_MAX`](super::SURVIVORS_MAX) of them at most.
        pids: Vec<u32>,
    },
    /// What is kept under one key, in answer to `List`, before the children.
    Kept {
        /// The key.
        key: Vec<u8>,
        /// What was to be remembered.
        bytes: Vec<u8>,
        /// Whether the descriptor kept with it comes with this.
        file: bool,
    },
    /// One child, in answer to `List`. With it come the daemon's ends of its pipes, as with
    /// [`Report::Spawned`].
    Listed(Listed),
    /// All have been listed.
    ListEnd {
        /// How many there were.
        count: u32,
    },
    /// Somebody has sent the keeper a signal that is meant for the daemon.
    Asked {
        /// `SIGTERM`, `SIGINT`, `SIGQUIT`, `SIGHUP` or `SIGUSR2`.
        signal: i32,
    },
    /// Is the daemon alive? To be answered by `Pong`, before anything that takes long.
    Ping {
        /// To be repeated in the answer.
        serial: u64,
    },
    /// The keeper is the new program. It starts its next daemon from it.
    Upgraded,
    /// The keeper is still, or again, the program it was.
    UpgradeFailed {
        /// The kernel's number of the error; 0 when the new program was executed and failed.
        errno: i32,
    },
}

/// A child that is not forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub child: u64,
    /// The name of its slot.
    pub slot: Vec<u8>,
    /// What came with the order to make it.
    pub memo: Vec<u8>,
    /// Its pid; 0 when that was never known.
    pub pid: u32,
    /// When it was made, on the monotonic clock, in microseconds.
    pub started_us: u64,
    /// The same in ticks of the machine (`/proc/PID/stat`, field 22), which with the pid is who it
    /// is; 0 when that was never known.
    pub start_ticks: u64,
    /// What it is to the keeper.
    pub standing: Standing,
    /// Whether it has ended; its [`Report::Exited`] came after the `Welcome`, or comes as it
    /// happens.
    pub ended: bool,
    /// Which of its pipes come with this.
    pub pipes: [bool; 3],
}

/// What a child is to the keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its own child.
    Own,
    /// The child of a keeper that is gone. It is watched, but its exit status may not be known.
    Adopted,
    /// It may be alive, and it may be another process: nothing is done to it, and nothing is made
    /// in its slot, until someone decides.
    Doubt {
        /// The number of a [`Doubt`](super::Doubt). A newer keeper may have reasons unknown here.
        reason: u8,
    },
}

/// Why a child could not become its program: the number of a `model::spawn::SetupStage`, and the
/// kernel's number of the error.
pub type SetupError = (u8, i32);

/// What could not be done to make a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpawnStage {
    /// The order asks for what cannot be: a NUL in a string, no arguments, a descriptor that did
    /// not come with it (`EINVAL`).
    Order,
    /// Its slot is taken, by a child that lives or that is not forgotten (`EBUSY`).
    Slot,
    /// Its pipes.
    Pipes,
    /// The new process itself.
    Fork,
}

/// What a child has used by its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Time in its own code, in microseconds.
    pub user_us: u64,
    /// Time in the kernel, in microseconds.
    pub system_us: u64,
    /// The most memory it ever held, in KiB.
    pub peak_kib: u64,
}

const WELCOME: u16 = 0x81;
const SPAWNED: u16 = 0x82;
const SPAWN_FAILED: u16 = 0x83;
const EXITED: u16 = 0x84;
const SIGNAL_FAILED: u16 = 0x85;
const LISTED: u16 = 0x86;
const LIST_END: u16 = 0x87;
const ASKED: u16 = 0x88;
const SURVIVORS: u16 = 0x89;
const KEPT: u16 = 0x8a;
const PING: u16 = 0x8b;
const UPGRADED: u16 = 0x8c;
const UPGRADE_FAILED: u16 = 0x8d;

pub(super) fn encode(report: &Report, sequence: u32) -> Vec<u8> {
    let mut to = Writer::new(kind(report), sequence);
    match report {
        Report::Welcome { version, keeper_pid, boot_id, children, files } => {
            to.u16(*version);
            to.u32(*keeper_pid);
            to.array(boot_id);
            to.u32(*children);
            to.bool(files[0]);
            to.bool(files[1]);
        }
        Report::Spawned { child, pid } => {
            to.u64(*child);
            to.u32(*pid);
        }
        Report::SpawnFailed { child, stage, errno } => {
            to.u64(*child);
            stage.put(&mut to);
            to.i32(*errno);
        }
        Report::Exited { child, status, known, at_us, setup, usage } => {
            to.u64(*child);
            to.i32(*status);
            to.bool(*known);
            to.u64(*at_us);
            put_setup(&mut to, *setup);
            usage.put(&mut to);
        }
        Report::SignalFailed { child, signal, errno } => {
            to.u64(*child);
            to.i32(*signal);
            to.i32(*errno);
        }
        Report::Survivors { child, pids } => {
            to.u64(*child);
            to.list(pids, |to, it| to.u32(*it));
        }
        Report::Kept { key, bytes, file } => {
            to.bytes(key);
            to.bytes(bytes);
            to.bool(*file);
        }
        Report::Listed(listed) => listed.put(&mut to),
        Report::ListEnd { count } => to.u32(*count),
        Report::Asked { signal } => to.i32(*signal),
        Report::Ping { serial } => to.u64(*serial),
        Report::Upgraded => {}
        Report::UpgradeFailed { errno } => to.i32(*errno),
    }
    to.finish()
}

const fn kind(report: &Report) -> u16 {
    match report {
        Report::Welcome { .. } => WELCOME,
        Report::Spawned { .. } => SPAWNED,
        Report::SpawnFailed { .. } => SPAWN_FAILED,
        Report::Exited { .. } => EXITED,
        Report::SignalFailed { .. } => SIGNAL_FAILED,
        Report::Listed(_) => LISTED,
        Report::ListEnd { .. } => LIST_END,
        Report::Asked { .. } => ASKED,
        Report::Survivors { .. } => SURVIVORS,
        Report::Kept { .. } => KEPT,
        Report::Ping { .. } => PING,
        Report::Upgraded => UPGRADED,
        Report::UpgradeFailed { .. } => UPGRADE_FAILED,
    }
}

pub(super) fn decode(bytes: &[u8]) -> Result<Report, FrameError> {
    let (kind, mut from) = Reader::open(bytes, &[WELCOME])?;
    Ok(match kind {
        WELCOME => welcome(&mut from)?,
        SPAWNED => Report::Spawned { child: from.u64("child")?, pid: from.u32("pid")? },
        SPAWN_FAILED => Report::SpawnFailed {
            child: from.u64("child")?,
            stage: SpawnStage::get(&mut from)?,
            errno: from.i32("errno")?,
        },
        EXITED => Report::Exited {
            child: from.u64("child")?,
            status: from.i32("status")?,
            known: from.bool("known")?,
            at_us: from.u64("at")?,
            setup: get_setup(&mut from)?,
            usage: Usage::get(&mut from)?,
        },
        SIGNAL_FAILED => Report::SignalFailed {
            child: from.u64("child")?,
            signal: from.i32("signal")?,
            errno: from.i32("errno")?,
        },
        SURVIVORS => {
            Report::Survivors { child: from.u64("child")?, pids: from.list("pids", |from| from.u32("pids"))? }
        }
        KEPT => {
            Report::Kept { key: from.bytes("key")?, bytes: from.bytes("bytes")?, file: from.bool("file")? }
        }
        LISTED => Report::Listed(Listed::get(&mut from)?),
        LIST_END => Report::ListEnd { count: from.u32("count")? },
        ASKED => Report::Asked { signal: from.i32("signal")? },
        PING => Report::Ping { serial: from.u64("serial")? },
        UPGRADED => Report::Upgraded,
        UPGRADE_FAILED => Report::UpgradeFailed { errno: from.i32("errno")? },
        other => return Err(FrameError::Kind(other)),
    })
}

pub(super) fn put_setup(to: &mut Writer, setup: Option<SetupError>) {
    to.option(setup.as_ref(), |to, (stage, errno)| {
        to.u8(*stage);
        to.i32(*errno);
    });
}

pub(super) fn get_setup(from: &mut Reader<'_>) -> Result<Option<SetupError>, FrameError> {
    from.option("setup", |from| Ok((from.u8("stage")?, from.i32("errno")?)))
}

fn welcome(from: &mut Reader<'_>) -> Result<Report, FrameError> {
    Ok(Report::Welcome {
        version: from.u16("version")?,
        keeper_pid: from.u32("keeper pid")?,
        boot_id: from.array("boot id")?,
        children: from.u32("children")?,
        files: [from.bool("files")?, from.bool("files")?],
    })
}

impl Listed {
    fn put(&self, to: &mut Writer) {
        to.u64(self.child);
        to.bytes(&self.slot);
        to.bytes(&self.memo);
        to.u32(self.pid);
        to.u64(self.started_us);
        to.u64(self.start_ticks);
        self.standing.put(to);
        to.bool(self.ended);
        for it in self.pipes {
            to.bool(it);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self {
            child: from.u64("child")?,
            slot: from.bytes("slot")?,
            memo: from.bytes("memo")?,
            pid: from.u32("pid")?,
            started_us: from.u64("started")?,
            start_ticks: from.u64("ticks")?,
            standing: Standing::get(from)?,
            ended: from.bool("ended")?,
            pipes: [from.bool("pipes")?, from.bool("pipes")?, from.bool("pipes")?],
        })
    }
}

impl Standing {
    /// Two bytes in any case: what it is, and the reason of a doubt.
    pub(super) fn put(self, to: &mut Writer) {
        let (number, reason) = match self {
            Self::Own => (1, 0),
            Self::Adopted => (2, 0),
            Self::Doubt { reason } => (3, reason),
        };
        to.u8(number);
        to.u8(reason);
    }

    pub(super) fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        match (from.u8("standing")?, from.u8("standing")?) {
            (1, 0) => Ok(Self::Own),
            (2, 0) => Ok(Self::Adopted),
            (3, reason) => Ok(Self::Doubt { reason }),
            _ => Err(FrameError::Field("standing")),
        }
    }
}

impl SpawnStage {
    fn put(self, to: &mut Writer) {
        to.u8(match self {
            Self::Order => 1,
            Self::Slot => 2,
            Self::Pipes => 3,
            Self::Fork => 4,
        });
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        match from.u8("stage")? {
            1 => Ok(Self::Order),
            2 => Ok(Self::Slot),
            3 => Ok(Self::Pipes),
            4 => Ok(Self::Fork),
            _ => Err(FrameError::Field("stage")),
        }
    }
}

impl Usage {
    pub(super) fn put(self, to: &mut Writer) {
        to.u64(self.user_us);
        to.u64(self.system_us);
        to.u64(self.peak_kib);
    }

    pub(super) fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self { user_us: from.u64("usage")?, system_us: from.u64("usage")?, peak_kib: from.u64("usage")? })
    }
}
