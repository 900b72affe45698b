//! One interface to all kinds of connected socket.

use std::cell::RefCell;
use std::io::{self, IoSlice, Read, Write};
use std::task::{Context, Poll, ready};

use rustix::io::ioctl_fionread;
use rustls::ServerConnection;
use tokio::net::{TcpStream, UnixStream};

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<Tls>),
}

/// A connection that nobody on the way can read along.
#[derive(Debug)]
pub(crate) struct Tls {
    socket: TcpStream,
    side: RefCell<ServerConnection>,
}

/// The socket as the encryption wants it: to be read from and written to, and never waited for.
struct Wire<'a>(&'a TcpStream);

impl Read for Wire<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(room)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tls {
    pub(crate) fn new(socket: TcpStream, side: ServerConnection) -> Self {
        Self { socket, side: RefCell::new(side) }
    }

    /// Sends what has been encrypted; waits only for room.
    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut side = self.side.borrow_mut();
        while side.wants_write() {
            ready!(self.socket.poll_write_ready(cx))?;
            match side.write_tls(&mut Wire(&self.socket)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => drop(other?),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.side.borrow_mut().reader().read(room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Gone without a goodbye: what it asked for has a length, so nothing can be missing unseen.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(0)),
                other => return Poll::Ready(other),
            }
            // The answers of a handshake. What cannot be sent yet is sent when there is room: this is woken then.
            let _ = self.poll_flush(cx)?;
            ready!(self.socket.poll_read_ready(cx))?;
            let mut side = self.side.borrow_mut();
            match side.read_tls(&mut Wire(&self.socket)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                other => drop(other?),
            }
            if let Err(error) = side.process_new_packets() {
                // Tells the other side why, if it goes out at once.
                let _ = side.write_tls(&mut Wire(&self.socket));
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
            }
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        // What was taken before goes first, so that no more than a buffer is ever held.
        ready!(self.poll_flush(cx))?;
        let count = self.side.borrow_mut().writer().write_vectored(parts)?;
        let _ = self.poll_flush(cx)?;
        Poll::Ready(Ok(count))
    }

    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut side = self.side.borrow_mut();
        if side.is_handshaking() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = side.writer().write_vectored(parts)?;
        side.write_tls(&mut Wire(&self.socket))?;
        Ok(count)
    }

    fn say_goodbye(&self) {
        let mut side = self.side.borrow_mut();
        side.send_close_notify();
        // Who does not take it will see the end of the connection all the same.
        let _ = side.write_tls(&mut Wire(&self.socket));
    }
}

impl Socket {
    /// Whether bytes have come that nobody has read.
    pub(crate) fn has_unread(&self) -> bool {
        let unread = match self {
            Self::Unix(socket) => ioctl_fionread(socket),
            Self::Tcp(socket) => ioctl_fionread(socket),
            Self::Tls(tls) => ioctl_fionread(&tls.socket),
        };
        unread.is_ok_and(|it| it > 0)
    }

    /// Reads what is there. Zero bytes: the other side has said all it will.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(match self {
                Self::Unix(it) => it.poll_read_ready(cx),
                Self::Tcp(it) => it.poll_read_ready(cx),
                Self::Tls(it) => return it.poll_read(cx, room),
            })?;
            let result = match self {
                Self::Unix(it) => it.try_read(room),
                Self::Tcp(it) => it.try_read(room),
                Self::Tls(_) => return Poll::Pending,
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
                Self::Tls(it) => return it.poll_write(cx, parts),
            })?;
            match self.try_write(parts) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// Sends what was taken and not yet sent.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Unix(_) | Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Tls(it) => it.poll_flush(cx),
        }
    }

    /// Whether the two sides have yet to agree on how to talk.
    pub(crate) fn is_greeting(&self) -> bool {
        match self {
            Self::Unix(_) | Self::Tcp(_) => false,
            Self::Tls(it) => it.side.borrow().is_handshaking(),
        }
    }

    /// Writes as much as there is room for now.
    pub(crate) fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Unix(it) => it.try_write_vectored(parts),
            Self::Tcp(it) => it.try_write_vectored(parts),
            Self::Tls(it) => it.try_write(parts),
        }
    }

    /// Tells the other side that no more will come.
    pub(crate) fn finish_writing(&self) {
        let how = rustix::net::Shutdown::Write;
        // It fails only when the other side is gone.
        let _ = match self {
            Self::Unix(it) => rustix::net::shutdown(it, how),
            Self::Tcp(it) => rustix::net::shutdown(it, how),
            Self::Tls(it) => {
                it.say_goodbye();
                rustix::net::shutdown(&it.socket, how)
            }
        };
    }
}
