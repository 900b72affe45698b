//! A pair of sockets that carries whole packets, and descriptors with them.
//!
//! `SOCK_SEQPACKET`: ordered, nothing lost, nothing merged. The pair has no name, so that nobody
//! else can ever connect to it.

use std::cell::Cell;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair, sockopt,
};

/// The longest packet that is received whole.
pub const PACKET_BYTES_MAX: usize = 64 * 1024;

/// No packet comes with more descriptors than this.
pub const FDS_MAX: usize = 8;

/// How much may wait in either direction, if the machine allows it: the reports on some thousand
/// children, so that a daemon that is busy for a moment does not stop the keeper's sending.
const WAITING_BYTES: usize = 4 * 1024 * 1024;

/// One end of the pair. Nothing here ever waits: what cannot be done at once is `WouldBlock`.
pub struct SeqPacket {
    fd: OwnedFd,
    /// Where packets are received, made for the first: to make it anew for each takes longer than to receive one.
    room: Cell<Vec<u8>>,
}

/// What one call received.
#[derive(Debug)]
pub struct Packet {
    /// The bytes. None at all: the other end is closed, and everything it had sent has been read.
    pub bytes: Vec<u8>,
    /// The descriptors that came with them, closed on exec.
    pub fds: Vec<OwnedFd>,
    /// Whether bytes or descriptors were lost, because the sender sent more than the limits here or
    /// because this process has no descriptor left.
    pub truncated: bool,
}

impl SeqPacket {
    /// Both ends, closed on exec.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        for fd in [&one, &other] {
            enlarge(fd);
        }
        Ok((Self::from_fd(one), Self::from_fd(other)))
    }

    /// One end that was made elsewhere.
    pub const fn from_fd(fd: OwnedFd) -> Self {
        Self { fd, room: Cell::new(Vec::new()) }
    }

    /// The end that this process was started with at descriptor `number`; closed on exec from here on.
    ///
    /// # Errors
    /// `EBADF` when there is no such descriptor, `ENOTSOCK` or `EPROTOTYPE` when it is something else.
    pub fn inherited(number: RawFd) -> io::Result<Self> {
        if number < 0 {
            return Err(rustix::io::Errno::BADF.into());
        }
        // SAFETY: the number is not negative, and the borrow ends before anything can close it.
        let there = unsafe { BorrowedFd::borrow_raw(number) };
        if sockopt::socket_type(there)? != SocketType::SEQPACKET {
            return Err(rustix::io::Errno::PROTOTYPE.into());
        }
        rustix::io::fcntl_setfd(there, rustix::io::FdFlags::CLOEXEC)?;
        // SAFETY: it is open, as just seen, and by the contract with whoever started this process
        // nobody else in it owns that number.
        Ok(Self::from_fd(unsafe { OwnedFd::from_raw_fd(number) }))
    }

    /// Sends one packet, or nothing of it.
    ///
    /// # Errors
    /// `WouldBlock` when too much waits to be read; `EPIPE` or `ECONNRESET` when the other end is
    /// closed; `ETOOMANYREFS`, `ENOBUFS` or `ENOMEM` when the machine is short of something, which
    /// passes; `InvalidInput` when there are no bytes or too many descriptors.
    pub fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        if bytes.is_empty() || fds.len() > FDS_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut beside = SendAncillaryBuffer::new(&mut room);
        if !fds.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // A signal for a closed link would only kill whoever has not asked for it.
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        rustix::io::retry_on_intr(|| sendmsg(&self.fd, &[IoSlice::new(bytes)], &mut beside, flags))?;
        Ok(())
    }

    /// Receives one packet.
    ///
    /// # Errors
    /// `WouldBlock` when there is none now.
    pub fn receive(&self) -> io::Result<Packet> {
        let mut room = self.room.take();
        room.resize(PACKET_BYTES_MAX, 0);
        let received = self.receive_into(&mut room);
        self.room.set(room);
        received
    }

    fn receive_into(&self, into: &mut [u8]) -> io::Result<Packet> {
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut beside = RecvAncillaryBuffer::new(&mut room);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let got = loop {
            match recvmsg(&self.fd, &mut [IoSliceMut::new(into)], &mut beside, flags) {
                Ok(got) => break got,
                // Reset means that the other end was closed before it had read all we sent. The
                // kernel says so once, ahead of what it still has for us: a daemon's last order.
                Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNRESET) => {}
                Err(error) => return Err(error.into()),
            }
        };
        let mut fds = Vec::new();
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(those) = message {
                fds.extend(those);
            }
        }
        let truncated = got.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC);
        let bytes = into.get(..got.bytes).unwrap_or_default().to_vec();
        Ok(Packet { bytes, fds, truncated })
    }
}

/// Makes room for what waits; the machine's limit applies where this user may not exceed it.
fn enlarge(fd: &OwnedFd) {
    if sockopt::set_socket_send_buffer_size_force(fd, WAITING_BYTES).is_err() {
        // What the limit is matters to speed alone, so that a refusal is no failure.
        let _ = sockopt::set_socket_send_buffer_size(fd, WAITING_BYTES);
    }
}

impl fmt::Debug for SeqPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeqPacket").field("fd", &self.fd).finish_non_exhaustive()
    }
}

impl AsFd for SeqPacket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<SeqPacket> for OwnedFd {
    fn from(socket: SeqPacket) -> Self {
        socket.fd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of<T>(result: io::Result<T>) -> Option<io::ErrorKind> {
        result.err().map(|it| it.kind())
    }

    #[test]
    fn packets_arrive_one_by_one_with_their_descriptors() {
        let (one, other) = SeqPacket::pair().unwrap();
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        one.send(b"first", &[]).unwrap();
        one.send(b"second", &[reader.as_fd(), writer.as_fd()]).unwrap();

        let first = other.receive().unwrap();
        assert_eq!((first.bytes.as_slice(), first.fds.len(), first.truncated), (&b"first"[..], 0, false));
        let second = other.receive().unwrap();
        assert_eq!((second.bytes.as_slice(), second.fds.len()), (&b"second"[..], 2));
        assert!(
            second
                .fds
                .iter()
                .all(|it| { rustix::io::fcntl_getfd(it).unwrap().contains(rustix::io::FdFlags::CLOEXEC) })
        );
        rustix::io::write(&second.fds[1], b"x").unwrap();
        assert_eq!(rustix::io::read(&reader, &mut [0; 4]).unwrap(), 1);
        assert_eq!(kind_of(other.receive()), Some(io::ErrorKind::WouldBlock));
    }

    #[test]
    fn a_full_link_refuses_whole_packets_and_loses_none() {
        let (one, other) = SeqPacket::pair().unwrap();
        let mut sent = 0u32;
        while one.send(&sent.to_le_bytes(), &[]).is_ok() {
            sent += 1;
        }
        assert_eq!(kind_of(one.send(b"more", &[])), Some(io::ErrorKind::WouldBlock));
        for number in 0..sent {
            assert_eq!(other.receive().unwrap().bytes, number.to_le_bytes());
        }
        assert_eq!(kind_of(other.receive()), Some(io::ErrorKind::WouldBlock));
    }

    #[test]
    fn last_words_are_read_even_from_an_end_that_left_without_listening() {
        let (one, other) = SeqPacket::pair().unwrap();
        other.send(b"never read", &[]).unwrap();
        one.send(b"last words", &[]).unwrap();
        drop(one);
        assert_eq!(other.receive().unwrap().bytes, b"last words");
        for _ in 0..2 {
            assert!(other.receive().unwrap().bytes.is_empty(), "closed, and it stays so");
        }
        assert_eq!(kind_of(other.send(b"x", &[])), Some(io::ErrorKind::BrokenPipe));
    }

    #[test]
    fn what_is_too_long_is_marked() {
        let (one, other) = SeqPacket::pair().unwrap();
        one.send(&vec![7; PACKET_BYTES_MAX], &[]).unwrap();
        one.send(&vec![7; PACKET_BYTES_MAX + 1], &[]).unwrap();
        let whole = other.receive().unwrap();
        assert_eq!((whole.bytes.len(), whole.truncated), (PACKET_BYTES_MAX, false));
        let cut = other.receive().unwrap();
        assert_eq!((cut.bytes.len(), cut.truncated), (PACKET_BYTES_MAX, true));
        assert_eq!(kind_of(one.send(b"", &[])), Some(io::ErrorKind::InvalidInput));
    }

    #[test]
    fn only_a_socket_of_this_kind_is_inherited() {
        use std::os::fd::{AsRawFd, IntoRawFd};
        let (one, other) = SeqPacket::pair().unwrap();
        let again = SeqPacket::inherited(OwnedFd::from(one).into_raw_fd()).unwrap();
        again.send(b"x", &[]).unwrap();
        assert_eq!(other.receive().unwrap().bytes, b"x");

        let (pipe, _) = rustix::pipe::pipe().unwrap();
        let errno = |number| SeqPacket::inherited(number).unwrap_err().raw_os_error();
        assert_eq!(errno(pipe.as_raw_fd()), Some(libc::ENOTSOCK));
        assert_eq!(errno(-1), Some(libc::EBADF));
    }
}
