//! One interface to both kinds of connected socket.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use tokio::net::{TcpStream, UnixStream};

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Socket {
    /// Reads what is there. Zero bytes: the other side has said all it will.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(match self {
                Self::Unix(it) => it.poll_read_ready(cx),
                Self::Tcp(it) => it.poll_read_ready(cx),
            })?;
            let result = match self {
                Self::Unix(it) => it.try_read(room),
                Self::Tcp(it) => it.try_read(room),
            };
            match result {
                // Readiness was stale and is forgotten now: the next look will wait.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// Writes as much as there is room for.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            ready!(match self {
                Self::Unix(it) => it.poll_write_ready(cx),
                Self::Tcp(it) => it.poll_write_ready(cx),
            })?;
            match self.try_write(parts) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// Writes as much as there is room for now.
    pub(crate) fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Unix(it) => it.try_write_vectored(parts),
            Self::Tcp(it) => it.try_write_vectored(parts),
        }
    }

    /// Tells the other side that no more will come.
    pub(crate) fn finish_writing(&self) {
        let how = rustix::net::Shutdown::Write;
        // It fails only when the other side is gone.
        let _ = match self {
            Self::Unix(it) => rustix::net::shutdown(it, how),
            Self::Tcp(it) => rustix::net::shutdown(it, how),
        };
    }
}
