//! What the keeper tells the daemon.

use super::frame::{FrameError, Reader, Writer};

/// What the keeper tells the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The answer to `Hello`.
    Welcome {
        /// The version spoken from here on. A daemon that does not speak it has to leave.
        version: u16,
        /// The keeper's own pid.
        keeper_pid: u32,
        /// The boot of the machine, from `/proc/sys/kernel/random/boot_id`; zeros where there is
        /// none.
        boot_id: [u8; 16],
        /// How many children there are that are not forgotten.
        children: u32,
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
        /// What `wait(2)` says.
        status: i32,
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
    /// One child, in answer to `List`. With it come the daemon's ends of its pipes, as with
    /// [`Report::Spawned`].
    Listed {
        /// Which.
        child: u64,
        /// Its pid.
        pid: u32,
        /// When it was made, on the monotonic clock, in microseconds.
        started_us: u64,
        /// Whether it has ended; its [`Report::Exited`] came after the `Welcome`, or comes as it
        /// happens.
        ended: bool,
        /// Which of its pipes come with this.
        pipes: [bool; 3],
    },
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

pub(super) fn encode(report: &Report, sequence: u32) -> Vec<u8> {
    let mut to = Writer::new(kind(report), sequence);
    match report {
        Report::Welcome { version, keeper_pid, boot_id, children } => {
            to.u16(*version);
            to.u32(*keeper_pid);
            to.array(boot_id);
            to.u32(*children);
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
        Report::Exited { child, status, setup, usage } => {
            to.u64(*child);
            to.i32(*status);
            to.option(setup.as_ref(), |to, (stage, errno)| {
                to.u8(*stage);
                to.i32(*errno);
            });
            usage.put(&mut to);
        }
        Report::SignalFailed { child, signal, errno } => {
            to.u64(*child);
            to.i32(*signal);
            to.i32(*errno);
        }
        Report::Listed { child, pid, started_us, ended, pipes } => {
            to.u64(*child);
            to.u32(*pid);
            to.u64(*started_us);
            to.bool(*ended);
            for it in pipes {
                to.bool(*it);
            }
        }
        Report::ListEnd { count } => to.u32(*count),
        Report::Asked { signal } => to.i32(*signal),
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
        Report::Listed { .. } => LISTED,
        Report::ListEnd { .. } => LIST_END,
        Report::Asked { .. } => ASKED,
    }
}

pub(super) fn decode(bytes: &[u8]) -> Result<Report, FrameError> {
    let (kind, mut from) = Reader::open(bytes, &[WELCOME])?;
    let report = match kind {
        // Frozen: what a later version adds behind these fields is not for us.
        WELCOME => return welcome(&mut from),
        SPAWNED => Report::Spawned { child: from.u64("child")?, pid: from.u32("pid")? },
        SPAWN_FAILED => Report::SpawnFailed {
            child: from.u64("child")?,
            stage: SpawnStage::get(&mut from)?,
            errno: from.i32("errno")?,
        },
        EXITED => Report::Exited {
            child: from.u64("child")?,
            status: from.i32("status")?,
            setup: from.option("setup", |from| Ok((from.u8("stage")?, from.i32("errno")?)))?,
            usage: Usage::get(&mut from)?,
        },
        SIGNAL_FAILED => Report::SignalFailed {
            child: from.u64("child")?,
            signal: from.i32("signal")?,
            errno: from.i32("errno")?,
        },
        LISTED => Report::Listed {
            child: from.u64("child")?,
            pid: from.u32("pid")?,
            started_us: from.u64("started")?,
            ended: from.bool("ended")?,
            pipes: [from.bool("pipes")?, from.bool("pipes")?, from.bool("pipes")?],
        },
        LIST_END => Report::ListEnd { count: from.u32("count")? },
        ASKED => Report::Asked { signal: from.i32("signal")? },
        other => return Err(FrameError::Kind(other)),
    };
    from.finish(report)
}

fn welcome(from: &mut Reader<'_>) -> Result<Report, FrameError> {
    Ok(Report::Welcome {
        version: from.u16("version")?,
        keeper_pid: from.u32("keeper pid")?,
        boot_id: from.array("boot id")?,
        children: from.u32("children")?,
    })
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
    fn put(self, to: &mut Writer) {
        to.u64(self.user_us);
        to.u64(self.system_us);
        to.u64(self.peak_kib);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self { user_us: from.u64("usage")?, system_us: from.u64("usage")?, peak_kib: from.u64("usage")? })
    }
}
