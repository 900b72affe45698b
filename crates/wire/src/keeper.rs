//! The language between the daemon and the keeper: [`Order`]s down, [`Report`]s up, in frames. A packet of a
//! `SOCK_SEQPACKET` pair is one frame, or several that come without descriptors ([`takes_packs`]).
//!
//! A frame is a header of [`HEADER_BYTES`] (magic, version, kind, length of the body, sequence
//! number; all little-endian) and a body of fixed-size numbers and length-prefixed bytes. There is
//! no text format in it to be confused by what a child wrote. Decoding is total: no bytes make it
//! panic, and none make it take more memory than a small multiple of their number.
//!
//! Descriptors travel beside a frame, in the order its documentation gives. An order that is longer
//! than [`PACKET_BYTES_MAX`] travels in a sealed memory file: the packet is then what
//! [`encode_enclosed`] makes, the file is its first descriptor, and the order's own follow.
//!
//! The two ends may be one version apart, since each is replaced under the other. So a version may
//! only add: fields behind those there are, which the other end ignores, and kinds, which it ignores
//! too ([`FrameError::Kind`]). [`Order::Hello`] and [`Report::Welcome`] are understood by every version.
//!
//! [`handover`] is what one keeper leaves to the next.

mod doubt;
mod frame;
pub mod handover;
pub mod journal;
mod order;
mod report;

pub use doubt::Doubt;
pub use frame::{Enclosed, FrameError, HEADER_BYTES};
pub use order::{Identity, Limit, Order, Scope, SpawnOrder, Stdio, Will};
pub use report::{Listed, Report, SetupError, SpawnStage, Standing, Usage};

/// The version of the protocol spoken here.
pub const VERSION: u16 = 2;

/// The first version whose packets may hold several frames.
const PACKS_SINCE: u16 = 2;

/// A packet is full, and takes no more frames, when it has this many bytes: some thirty signals. What is sent together arrives
/// together, and the other end should not have to wait for the last to do the first.
pub const PACK_BYTES: usize = 1024;

/// The version of what is written down for another keeper to read: the journal and the handover.
pub const FORMAT: u16 = 1;

/// Whether one of them is understood by a program that has `ours`: the same, the one before and the one after.
const fn is_near(theirs: u16, ours: u16) -> bool {
    theirs != 0 && theirs.abs_diff(ours) <= 1
}

/// Whether frames of this version are understood here.
pub const fn is_understood(version: u16) -> bool {
    is_near(version, VERSION)
}

/// Whether one who speaks this version takes several frames in one packet.
pub const fn takes_packs(version: u16) -> bool {
    version >= PACKS_SINCE
}

/// A frame longer than this does not go into a packet (the kernel's limit is about 200 KiB, less
/// what waits already) but into a memory file.
pub const PACKET_BYTES_MAX: usize = 32 * 1024;

/// No frame is longer than this. `execve` takes about 2 MiB of arguments and environment, so what
/// does not fit here could not be started anyway.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// No frame comes with more descriptors than this: a memory file and one to pass on, or three pipes.
pub const FDS_MAX: usize = 4;

/// The longest name of a slot.
pub const SLOT_BYTES_MAX: usize = 512;

/// The longest memo of a child.
pub const MEMO_BYTES_MAX: usize = 64;

/// The longest key of what is kept.
pub const KEY_BYTES_MAX: usize = 256;

/// The most that is kept under one key, beside its descriptor.
pub const KEPT_BYTES_MAX: usize = 4096;

/// No more keys than this are kept.
pub const KEYS_MAX: usize = 1024;

/// No more survivors than this are named.
pub const SURVIVORS_MAX: usize = 64;

/// The frame of an order. `sequence` counts the frames of one sender.
pub fn encode_order(order: &Order, sequence: u32) -> Vec<u8> {
    order::encode(order, sequence)
}

/// Reads the frame of an order.
///
/// # Errors
/// When it is no frame of this protocol. Of these, [`FrameError::Kind`] is to be ignored.
pub fn decode_order(bytes: &[u8]) -> Result<Order, FrameError> {
    order::decode(bytes)
}

/// The frame of a report. `sequence` counts the frames of one sender.
pub fn encode_report(report: &Report, sequence: u32) -> Vec<u8> {
    report::encode(report, sequence)
}

/// Reads the frame of a report.
///
/// # Errors
/// When it is no frame of this protocol. Of these, [`FrameError::Kind`] is to be ignored.
pub fn decode_report(bytes: &[u8]) -> Result<Report, FrameError> {
    report::decode(bytes)
}

/// The packet that says: the frame is in the memory file that comes with this.
pub fn encode_enclosed(enclosed: Enclosed, sequence: u32) -> Vec<u8> {
    frame::encode_enclosed(enclosed, sequence)
}

/// What a packet says about a frame in a memory file; `None` when it is a frame itself.
///
/// # Errors
/// When the packet announces such a frame, but not in the way of [`encode_enclosed`].
pub fn decode_enclosed(packet: &[u8]) -> Result<Option<Enclosed>, FrameError> {
    frame::decode_enclosed(packet)
}

/// The frames of a packet that was received, to be read one after the other.
#[derive(Debug, Default)]
pub struct Frames {
    packet: Vec<u8>,
    read: usize,
}

impl Frames {
    /// Those of this packet.
    pub const fn of(packet: Vec<u8>) -> Self {
        Self { packet, read: 0 }
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.read >= self.packet.len()
    }

    /// The next one. What does not begin as a frame does is one with all that is behind it, for the error it is.
    pub fn next_frame(&mut self) -> Option<&[u8]> {
        let rest = self.packet.get(self.read..).filter(|it| !it.is_empty())?;
        let frame = rest.get(..frame::length(rest)).unwrap_or(rest);
        self.read = self.read.saturating_add(frame.len());
        Some(frame)
    }
}

/// The sequence number of a frame or packet, if it is long enough to have one.
pub fn sequence(bytes: &[u8]) -> Option<u32> {
    frame::sequence(bytes)
}

#[cfg(test)]
mod tests;
