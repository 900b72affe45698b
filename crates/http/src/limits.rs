//! How much a client may take: of memory, of time, of room.
//!
//! An idle connection may stay for ever: the original's clients (event listeners above all) keep one
//! open for days and do not connect again when it breaks. It costs a descriptor and about 10 KiB. When
//! room is needed, those go first that have never asked anything, and of them the one that has been
//! silent longest; so however many are opened, an honest client finds room, and one that has been served
//! before keeps its own.

use std::time::Duration;

/// The limits of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The bytes a request may have before its body; more are answered with 431.
    pub header_bytes: usize,
    /// The bytes of a body; more are answered with 413.
    pub body_bytes: usize,
    /// How long the header of a request may take from its first byte; longer is answered with 408.
    pub header_time: Duration,
    /// How long it may take to agree on how to talk, where nobody may read along; longer is cut off.
    pub greeting_time: Duration,
    /// How long a body may take; longer is answered with 408.
    pub body_time: Duration,
    /// How long a client may refuse to take the next byte of an answer before it is cut off. Those who
    /// follow a log may take as long as they like: they hold one chunk.
    pub write_time: Duration,
    /// How many connections each listening socket serves at once; one more pushes out the one with the
    /// least claim to its room (`connection.rs`), or, when all work, is answered with 503.
    pub connections: usize,
    /// How many requests with a body of more than [`SMALL_BODY_BYTES`] may be read or worked on at once,
    /// over all sockets; one more is answered with 503. This bounds the memory that bodies take to 32 MiB
    /// of large ones and as much of small ones, for which there is always room.
    pub large_bodies: usize,
    /// How many bytes of answers with more than [`SMALL_BODY_BYTES`] may wait for their clients to take
    /// them, over all sockets; what would be more is thrown away and answered with 503. One alone may be
    /// larger: a log is told as a whole if its reader wants it so.
    pub answer_bytes: usize,
    /// How many clients may follow logs at once, over all sockets; one more is answered with 503.
    pub followers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // The original's clients need 300 bytes.
            header_bytes: 16 << 10,
            body_bytes: wire::xmlrpc_read::Limits::CALL.bytes_max,
            header_time: Duration::from_secs(30),
            greeting_time: Duration::from_secs(10),
            body_time: Duration::from_mins(1),
            write_time: Duration::from_mins(1),
            connections: 512,
            large_bodies: 8,
            answer_bytes: 32 << 20,
            followers: 64,
        }
    }
}

/// Calls that people and programs make have less, and so have most answers; a body with more is counted.
pub const SMALL_BODY_BYTES: usize = 64 << 10;

/// After an answer that ends a connection, what the client still sends is read and dropped for so long:
/// closing at once would make the kernel take back the answer (RFC 9112, 9.6).
pub(crate) const LINGER_TIME: Duration = Duration::from_secs(2);

/// How much of it is read at most.
pub(crate) const LINGER_BYTES: usize = 16 << 20;

/// How long to rest when the kernel has no descriptor for a new connection: often enough to be back
/// soon, seldom enough to let others work.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many bytes of a wrong request are repeated in the log.
pub(crate) const QUOTED_BYTES: usize = 256;
