//! What the pump has to say.

use std::path::PathBuf;

use model::child::ChildId;

use super::StreamId;

/// What the pump has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A stream that is mirrored brought something.
    Chunk {
        /// The stream.
        stream: StreamId,
        /// Whose pipe it came from.
        child: ChildId,
        /// At most [`GULP_BYTES`](super::GULP_BYTES) and what had been held back before.
        bytes: Vec<u8>,
    },
    /// What a stream of which every byte counts is about to bring: still in its pipe, until
    /// [it is taken](super::Pump::take_words).
    Saying {
        /// The stream.
        stream: StreamId,
        /// Whose pipe it is in.
        child: ChildId,
        /// As much as there is, up to what a pipe holds.
        bytes: Vec<u8>,
    },
    /// It is out of its pipe.
    Said {
        /// The stream.
        stream: StreamId,
        /// Whose pipe it came from.
        child: ChildId,
        /// What was shown before.
        bytes: Vec<u8>,
    },
    /// A message came between the capture tokens.
    Captured {
        /// The stream.
        stream: StreamId,
        /// Whose pipe it came from.
        child: ChildId,
        /// The message, or its end if it was longer than is kept.
        bytes: Vec<u8>,
    },
    /// Nobody can write to a child's pipe any more.
    Ended {
        /// The stream.
        stream: StreamId,
        /// Whose pipe it was.
        child: ChildId,
    },
    /// A log cannot be written. Nothing is lost: the stream is not read until it can.
    Stalled {
        /// The stream.
        stream: StreamId,
        /// Its log.
        path: PathBuf,
        /// Why, for example `No space left on device`.
        reason: String,
    },
    /// It can be written again, and has got all that was waiting.
    Recovered {
        /// The stream.
        stream: StreamId,
        /// Its log.
        path: PathBuf,
    },
    /// A log cannot be written, and its stream is one whose bytes are then dropped.
    Dropping {
        /// The stream.
        stream: StreamId,
        /// Its log.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It can be written again.
    Dropped {
        /// The stream.
        stream: StreamId,
        /// Its log.
        path: PathBuf,
        /// How many bytes it has not got.
        bytes: u64,
    },
    /// Something that an administrator should know.
    Trouble {
        /// The stream.
        stream: StreamId,
        /// What it is.
        trouble: Trouble,
    },
}

impl Report {
    /// How many bytes of a stream it tells.
    pub(super) const fn bytes(&self) -> usize {
        match self {
            Self::Chunk { bytes, .. }
            | Self::Saying { bytes, .. }
            | Self::Said { bytes, .. }
            | Self::Captured { bytes, .. } => bytes.len(),
            Self::Ended { .. }
            | Self::Stalled { .. }
            | Self::Recovered { .. }
            | Self::Dropping { .. }
            | Self::Dropped { .. }
            | Self::Trouble { .. } => 0,
        }
    }
}

/// Something that went wrong with a stream without stopping it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The log is full and goes on growing.
    #[error("cannot rotate {}: {reason}; it grows beyond its limit", path.display())]
    NotRotated {
        /// The log.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A rotated log cannot be made smaller.
    #[error("cannot make the rotated files of {} smaller: {reason}; they stay as they are", path.display())]
    NotPressed {
        /// The log.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Reopening failed; the file that was open stays so.
    #[error("cannot reopen {}: {reason}; the old file stays in use", path.display())]
    NotReopened {
        /// The log.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Whoever read the pipe or terminal that the stream goes to is gone.
    #[error("nobody reads {} any more: {reason}; what is written there is dropped", path.display())]
    NoReader {
        /// The log.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system log does not take messages. Said once until it does.
    #[error("the system log takes no messages: {reason}; they are dropped")]
    NoSyslog {
        /// Why.
        reason: String,
    },
    /// A pipe that an earlier child's children hold open is no longer read: there are too many.
    #[error("the output of what child {child} left running is no longer read")]
    Abandoned {
        /// The earlier child.
        child: ChildId,
    },
    /// The stream was closed before its log could be written again.
    #[error("{bytes} bytes could not be written to {} and are lost", path.display())]
    Discarded {
        /// The log.
        path: PathBuf,
        /// How many.
        bytes: usize,
    },
}
