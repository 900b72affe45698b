//! How much a client may take: of memory, of time, of room.
//!
//! An idle connection may stay for ever: the original's clients (event listeners above all) keep one
//! open for days and do not connect again when it breaks. It costs a descriptor and about 10 KiB, and is
//! the first to go when room is needed.

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
    /// How long a body may take; longer is answered with 408.
    pub body_time: Duration,
    /// How long a client may refuse to take the next byte of an answer before it is cut off. Those who
    /// follow a log may take as long as they like: they hold one chunk.
    pub write_time: Duration,
    /// How many connections each listening socket serves at once; one more pushes out the one that has
    /// been idle longest, or is answered with 503.
    pub connections: usize,
    /// How long a connection must have been idle to be pushed out.
    pub idle_time: Duration,
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
            body_time: Duration::from_mins(1),
            write_time: Duration::from_mins(1),
            connections: 512,
            idle_time: Duration::from_secs(5),
            followers: 64,
        }
    }
}

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
