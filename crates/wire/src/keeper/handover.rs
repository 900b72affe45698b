//! All that one keeper leaves to the next, as a file in memory.
//!
//! It is written by the keeper that executes a new program in its place, by the daemon whose keeper
//! has died, and by the launcher that finds children of both. Who reads it has inherited the
//! descriptors whose numbers it holds.
//!
//! A header (magic, version, length and checksum of the body), then the body, whose numbers and bytes
//! lie as they do in frames. Each child and each thing kept is a record with its length before it, so
//! that the rule of frames holds here too: what is behind the fields known here is ignored.

use super::frame::{FrameError, Reader, Writer};
use super::report::{get_setup, put_setup};
use super::{Limit, SetupError, Standing, Usage, Will};
use crate::checksum::crc32;

const MAGIC: [u8; 4] = *b"MSHH";

/// The length of the header: magic 4, version 2, nothing 2, length of the body 4, checksum 4.
const HEADER_BYTES: usize = 16;

/// No handover is longer than this: 20,000 children with the longest names, and all that is kept.
pub const HANDOVER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// All that one keeper leaves to the next. Numbers of descriptors are those the reader has inherited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handover {
    /// The boot of the machine all this is about.
    pub boot_id: [u8; 16],
    /// The file to execute for the daemon; empty: the reader's own.
    pub program: Vec<u8>,
    /// The daemon's arguments, the first being its name; none: those the reader is started with.
    pub daemon_argv: Vec<Vec<u8>>,
    /// The daemon's environment; none: the reader's own.
    pub env: Vec<Vec<u8>>,
    /// The limits on open descriptors the daemon is to find; none: the reader's own.
    pub nofile: Option<Limit>,
    /// Whether a daemon has ever been up, so that one that exits is no refusal to start.
    pub ready: bool,
    /// The journal.
    pub journal: Option<i32>,
    /// The lock on the runtime directory.
    pub lock: Option<i32>,
    /// The daemon that lives, if it goes on.
    pub daemon: Option<LivingDaemon>,
    /// The program the reader has taken the place of. Until the reader has proved itself, that is the way back.
    pub old: Option<i32>,
    /// What is kept for the daemon.
    pub kept: Vec<Kept>,
    /// The children.
    pub children: Vec<Child>,
}

/// A daemon that goes on under another keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivingDaemon {
    /// Its pid.
    pub pid: u32,
    /// The keeper's end of the link.
    pub link: i32,
    /// Whether it has said that it is up.
    pub ready: bool,
}

/// What is kept under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The key.
    pub key: Vec<u8>,
    /// What is to be remembered.
    pub bytes: Vec<u8>,
    /// The descriptor kept with it.
    pub file: Option<i32>,
}

/// A child that is not forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its number.
    pub child: u64,
    /// The name of its slot.
    pub slot: Vec<u8>,
    /// What came with the order to make it.
    pub memo: Vec<u8>,
    /// How to stop it when there is no daemon to say so.
    pub will: Will,
    /// Its pid; 0 when that was never known.
    pub pid: u32,
    /// When it was made, in ticks of the machine; 0 when that was never known.
    pub start_ticks: u64,
    /// When it was made, on the monotonic clock, in microseconds.
    pub started_us: u64,
    /// What it is to the reader. `Own` is true only for a reader with the writer's pid.
    pub standing: Standing,
    /// How it ended; `None` while it lives, or is in doubt.
    pub end: Option<End>,
    /// Our ends of its pipes.
    pub pipes: [Option<i32>; 3],
    /// A descriptor that stands for the process, opened while it was certainly the child.
    pub pidfd: Option<i32>,
}

/// How a child ended: what [`Report::Exited`](super::Report::Exited) says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// What `wait(2)` says; nothing unless it is `known`.
    pub status: i32,
    /// Whether the status is known.
    pub known: bool,
    /// When that was noticed, on the monotonic clock, in microseconds.
    pub at_us: u64,
    /// Set when it never became its program.
    pub setup: Option<SetupError>,
    /// What it has used.
    pub usage: Usage,
}

/// Why bytes are no handover. Each message completes "cannot read the handover: ...".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// Too few bytes for a header.
    #[error("{bytes} bytes are no header")]
    Header {
        /// How many there are.
        bytes: usize,
    },
    /// It does not begin as a handover does.
    #[error("it does not begin with the magic number")]
    Magic,
    /// It belongs to a version that is too far from ours.
    #[error("its version {theirs} is too far from {}", super::FORMAT)]
    Version {
        /// Theirs.
        theirs: u16,
    },
    /// The body is not as long as the header says, or is too long.
    #[error("its body has {bytes} bytes, its header says {said}")]
    Length {
        /// What the header says.
        said: u32,
        /// How many there are.
        bytes: usize,
    },
    /// The body is not as it was written.
    #[error("its checksum is wrong")]
    Checksum,
    /// The body makes no sense.
    #[error("{0}")]
    Body(#[from] FrameError),
}

/// The bytes of a handover.
pub fn encode(handover: &Handover) -> Vec<u8> {
    let mut to = Writer::within();
    handover.put(&mut to);
    let body = to.into_bytes();
    let mut header = Writer::within();
    header.array(&MAGIC);
    header.u16(super::FORMAT);
    header.u16(0);
    header.u32(u32::try_from(body.len()).unwrap_or(u32::MAX));
    header.u32(crc32(&body));
    [header.into_bytes(), body].concat()
}

/// Reads a handover.
///
/// # Errors
/// When it is none, or not as it was written.
pub fn decode(bytes: &[u8]) -> Result<Handover, HandoverError> {
    let (header, body) =
        bytes.split_at_checked(HEADER_BYTES).ok_or(HandoverError::Header { bytes: bytes.len() })?;
    let mut header = Reader::within(header);
    if header.array("magic")? != MAGIC {
        return Err(HandoverError::Magic);
    }
    let theirs = header.u16("version")?;
    if !super::is_near(theirs, super::FORMAT) {
        return Err(HandoverError::Version { theirs });
    }
    header.u16("nothing")?;
    let said = header.u32("length")?;
    if body.len() > HANDOVER_BYTES_MAX || u32::try_from(body.len()) != Ok(said) {
        return Err(HandoverError::Length { said, bytes: body.len() });
    }
    if crc32(body) != header.u32("checksum")? {
        return Err(HandoverError::Checksum);
    }
    Ok(Handover::get(&mut Reader::within(body))?)
}

impl Handover {
    fn put(&self, to: &mut Writer) {
        to.array(&self.boot_id);
        to.bytes(&self.program);
        to.list(&self.daemon_argv, |to, it| to.bytes(it));
        to.list(&self.env, |to, it| to.bytes(it));
        to.option(self.nofile.as_ref(), |to, (soft, hard)| {
            to.option(soft.as_ref(), |to, it| to.u64(*it));
            to.option(hard.as_ref(), |to, it| to.u64(*it));
        });
        to.bool(self.ready);
        put_fd(to, self.journal);
        put_fd(to, self.lock);
        to.option(self.daemon.as_ref(), |to, it| {
            to.u32(it.pid);
            to.i32(it.link);
            to.bool(it.ready);
        });
        put_fd(to, self.old);
        to.list(&self.kept, |to, it| record(to, |to| it.put(to)));
        to.list(&self.children, |to, it| record(to, |to| it.put(to)));
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self {
            boot_id: from.array("boot id")?,
            program: from.bytes("program")?,
            daemon_argv: from.list("argv", |from| from.bytes("argv"))?,
            env: from.list("env", |from| from.bytes("env"))?,
            nofile: from.option("nofile", |from| {
                let soft = from.option("nofile", |from| from.u64("nofile"))?;
                let hard = from.option("nofile", |from| from.u64("nofile"))?;
                Ok((soft, hard))
            })?,
            ready: from.bool("ready")?,
            journal: get_fd(from)?,
            lock: get_fd(from)?,
            daemon: from.option("daemon", |from| {
                Ok(LivingDaemon {
                    pid: from.u32("pid")?,
                    link: from.i32("link")?,
                    ready: from.bool("ready")?,
                })
            })?,
            old: get_fd(from)?,
            kept: from.list("kept", |from| Kept::get(&mut Reader::within(from.slice("kept")?)))?,
            children: from
                .list("children", |from| Child::get(&mut Reader::within(from.slice("children")?)))?,
        })
    }
}

/// A record with its length before it.
fn record(to: &mut Writer, put: impl FnOnce(&mut Writer)) {
    let mut inner = Writer::within();
    put(&mut inner);
    to.bytes(&inner.into_bytes());
}

fn put_fd(to: &mut Writer, fd: Option<i32>) {
    to.i32(fd.unwrap_or(-1));
}

fn get_fd(from: &mut Reader<'_>) -> Result<Option<i32>, FrameError> {
    match from.i32("descriptor")? {
        -1 => Ok(None),
        fd if fd >= 0 => Ok(Some(fd)),
        _ => Err(FrameError::Field("descriptor")),
    }
}

impl Kept {
    fn put(&self, to: &mut Writer) {
        to.bytes(&self.key);
        to.bytes(&self.bytes);
        put_fd(to, self.file);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self { key: from.bytes("key")?, bytes: from.bytes("bytes")?, file: get_fd(from)? })
    }
}

impl Child {
    fn put(&self, to: &mut Writer) {
        to.u64(self.child);
        to.bytes(&self.slot);
        to.bytes(&self.memo);
        self.will.put(to);
        to.u32(self.pid);
        to.u64(self.start_ticks);
        to.u64(self.started_us);
        self.standing.put(to);
        to.option(self.end.as_ref(), |to, it| it.put(to));
        for fd in self.pipes {
            put_fd(to, fd);
        }
        put_fd(to, self.pidfd);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self {
            child: from.u64("child")?,
            slot: from.bytes("slot")?,
            memo: from.bytes("memo")?,
            will: Will::get(from)?,
            pid: from.u32("pid")?,
            start_ticks: from.u64("ticks")?,
            started_us: from.u64("started")?,
            standing: Standing::get(from)?,
            end: from.option("end", End::get)?,
            pipes: [get_fd(from)?, get_fd(from)?, get_fd(from)?],
            pidfd: get_fd(from)?,
        })
    }
}

impl End {
    pub(super) fn put(&self, to: &mut Writer) {
        to.i32(self.status);
        to.bool(self.known);
        to.u64(self.at_us);
        put_setup(to, self.setup);
        self.usage.put(to);
    }

    pub(super) fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self {
            status: from.i32("status")?,
            known: from.bool("known")?,
            at_us: from.u64("at")?,
            setup: get_setup(from)?,
            usage: Usage::get(from)?,
        })
    }
}

#[cfg(test)]
mod tests;
