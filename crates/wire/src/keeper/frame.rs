//! What all frames have in common: the header, and how numbers and bytes lie in a body.

use super::{FRAME_BYTES_MAX, VERSION};

/// The first bytes of every frame.
const MAGIC: [u8; 4] = *b"MSHN";

/// The length of a header: magic 4, version 2, kind 2, length of the body 4, sequence 4.
pub const HEADER_BYTES: usize = 16;

/// The kind of a packet whose frame is in a memory file.
const ENCLOSED: u16 = 0x40;

/// Why bytes are no frame. Each message completes "cannot read the frame: ...".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Too few bytes for a header.
    #[error("{bytes} bytes are no header")]
    Header {
        /// How many there are.
        bytes: usize,
    },
    /// It does not begin as a frame does.
    #[error("it does not begin with the magic number")]
    Magic,
    /// It belongs to another version of the protocol.
    #[error("it speaks version {theirs} of the protocol, which is too far from {VERSION}")]
    Version {
        /// Theirs.
        theirs: u16,
    },
    /// A frame of a kind that is not known here. A newer sender may use one; the rest of the
    /// conversation is not harmed by ignoring it.
    #[error("its kind {0:#x} is unknown")]
    Kind(u16),
    /// Longer than any frame may be.
    #[error("it has {bytes} bytes, over the limit of {FRAME_BYTES_MAX}")]
    Oversize {
        /// How many there are.
        bytes: usize,
    },
    /// The body is not as long as the header says.
    #[error("its body has {bytes} bytes, its header says {said}")]
    Length {
        /// What the header says.
        said: u32,
        /// How many there are.
        bytes: usize,
    },
    /// The body ends before the frame does.
    #[error("its body ends within {0}")]
    Ends(&'static str),
    /// A field holds what it cannot mean.
    #[error("its {0} is out of range")]
    Field(&'static str),
}

/// A frame being written.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// Bytes that are no frame: a record within something larger.
    pub(super) const fn within() -> Self {
        Self(Vec::new())
    }

    /// What was written [within](Self::within) something larger.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn new(kind: u16, sequence: u32) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(0u32.to_le_bytes()); // The length, filled in at the end.
        bytes.extend(sequence.to_le_bytes());
        Self(bytes)
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let mut bytes = self.0;
        let body = count(bytes.len().saturating_sub(HEADER_BYTES));
        if let Some(length) = bytes.get_mut(8..12) {
            length.copy_from_slice(&body.to_le_bytes());
        }
        bytes
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn array<const N: usize>(&mut self, value: &[u8; N]) {
        self.0.extend(value);
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.u32(count(value.len()));
        self.0.extend(value);
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.u32(count(items.len()));
        for item in items {
            each(self, item);
        }
    }

    pub(super) fn option<T>(&mut self, value: Option<&T>, some: impl FnOnce(&mut Self, &T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            some(self, value);
        }
    }
}

/// A length as it is written. One that does not fit belongs to a frame far beyond the limit, which
/// the receiver refuses by its size, whatever is written here.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The body of a frame being read. Each method takes the name of what it reads, for the error.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Opens a frame: its kind and its body. Frames of other versions pass only when `frozen` says
    /// that their kind means the same in all of them.
    pub(super) fn open(bytes: &'a [u8], frozen: &[u16]) -> Result<(u16, Self), FrameError> {
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(FrameError::Oversize { bytes: bytes.len() });
        }
        let mut header = Self { rest: bytes };
        let short = FrameError::Header { bytes: bytes.len() };
        if header.array("").map_err(|_| short)? != MAGIC {
            return Err(FrameError::Magic);
        }
        let version = header.u16("").map_err(|_| short)?;
        let kind = header.u16("").map_err(|_| short)?;
        let said = header.u32("").map_err(|_| short)?;
        header.u32("").map_err(|_| short)?;
        if !super::is_understood(version) && !frozen.contains(&kind) {
            return Err(FrameError::Version { theirs: version });
        }
        let body = header;
        if count(body.rest.len()) != said {
            return Err(FrameError::Length { said, bytes: body.rest.len() });
        }
        Ok((kind, body))
    }

    /// Reads bytes that are no frame: a record within something larger.
    pub(super) const fn within(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn array<const N: usize>(&mut self, name: &'static str) -> Result<[u8; N], FrameError> {
        let (first, rest) = self.rest.split_first_chunk::<N>().ok_or(FrameError::Ends(name))?;
        self.rest = rest;
        Ok(*first)
    }

    pub(super) fn u8(&mut self, name: &'static str) -> Result<u8, FrameError> {
        self.array::<1>(name).map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self, name: &'static str) -> Result<u16, FrameError> {
        self.array(name).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self, name: &'static str) -> Result<u32, FrameError> {
        self.array(name).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, name: &'static str) -> Result<u64, FrameError> {
        self.array(name).map(u64::from_le_bytes)
    }

    pub(super) fn i32(&mut self, name: &'static str) -> Result<i32, FrameError> {
        self.array(name).map(i32::from_le_bytes)
    }

    pub(super) fn i64(&mut self, name: &'static str) -> Result<i64, FrameError> {
        self.array(name).map(i64::from_le_bytes)
    }

    pub(super) fn bool(&mut self, name: &'static str) -> Result<bool, FrameError> {
        match self.u8(name)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(FrameError::Field(name)),
        }
    }

    pub(super) fn bytes(&mut self, name: &'static str) -> Result<Vec<u8>, FrameError> {
        self.slice(name).map(<[u8]>::to_vec)
    }

    pub(super) fn slice(&mut self, name: &'static str) -> Result<&'a [u8], FrameError> {
        let length = usize::try_from(self.u32(name)?).map_err(|_| FrameError::Field(name))?;
        let (first, rest) = self.rest.split_at_checked(length).ok_or(FrameError::Ends(name))?;
        self.rest = rest;
        Ok(first)
    }

    /// A list. It is grown as its items are found, never by what its count promises.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        mut each: impl FnMut(&mut Self) -> Result<T, FrameError>,
    ) -> Result<Vec<T>, FrameError> {
        let count = self.u32(name)?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(each(self)?);
        }
        Ok(items)
    }

    pub(super) fn option<T>(
        &mut self,
        name: &'static str,
        some: impl FnOnce(&mut Self) -> Result<T, FrameError>,
    ) -> Result<Option<T>, FrameError> {
        self.bool(name)?.then(|| some(self)).transpose()
    }
}

/// What stands in the packet for an order that is too long for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enclosed {
    /// The child the order is about, so that it can be answered even if the file is lost on its way
    /// because the keeper has no descriptor left.
    pub child: u64,
    /// The length of the order's frame.
    pub bytes: usize,
}

pub(super) fn encode_enclosed(enclosed: Enclosed, sequence: u32) -> Vec<u8> {
    let mut writer = Writer::new(ENCLOSED, sequence);
    writer.u64(enclosed.child);
    writer.u32(count(enclosed.bytes));
    writer.finish()
}

pub(super) fn decode_enclosed(packet: &[u8]) -> Result<Option<Enclosed>, FrameError> {
    // A packet that is no frame at all is for the decoder of frames to complain about.
    let Ok((ENCLOSED, mut body)) = Reader::open(packet, &[]) else {
        return Ok(None);
    };
    let child = body.u64("child")?;
    let bytes = usize::try_from(body.u32("length")?).unwrap_or(usize::MAX);
    if bytes > FRAME_BYTES_MAX {
        return Err(FrameError::Oversize { bytes });
    }
    Ok(Some(Enclosed { child, bytes }))
}

/// How long the frame is that these bytes begin with; as long as they are, if they are no beginning of one.
pub(super) fn length(bytes: &[u8]) -> usize {
    let said =
        bytes.get(8..HEADER_BYTES).and_then(|it| it.first_chunk()).filter(|_| bytes.starts_with(&MAGIC));
    let body = said.and_then(|it| usize::try_from(u32::from_le_bytes(*it)).ok());
    body.map_or(bytes.len(), |it| it.saturating_add(HEADER_BYTES))
}

pub(super) fn sequence(bytes: &[u8]) -> Option<u32> {
    let field = bytes.get(12..HEADER_BYTES)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}
