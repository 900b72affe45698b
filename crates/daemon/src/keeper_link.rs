//! The daemon's end of the link to the keeper: orders out, reports in, nothing ever waited for.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use os::poll::{Interest, Poller};
use os::socket::SeqPacket;
use wire::keeper::{Enclosed, FrameError, Frames, Order, PACK_BYTES, PACKET_BYTES_MAX, Report, SpawnOrder};

/// What came over the link.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) report: Report,
    /// The descriptors that came with it, in the order the report says.
    pub(crate) fds: Vec<OwnedFd>,
}

/// Why the link cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the keeper is gone")]
    Closed,
    #[error("the link to the keeper failed: {0}")]
    Io(#[from] io::Error),
    #[error("the keeper sent what cannot be understood: {0}")]
    Frame(#[from] FrameError),
    /// The keeper outlives upgrades, so it may be the older of the two.
    #[error("the keeper speaks version {0} of its protocol, this daemon {ours}", ours = wire::keeper::VERSION)]
    Version(u16),
    #[error("the keeper does not answer")]
    Silent,
}

/// The link, and the orders the keeper had no room for yet. Their number is bounded by what the
/// machine asks for: one order to start, one to forget and a few signals for each process.
#[derive(Debug)]
pub(crate) struct KeeperLink {
    socket: SeqPacket,
    /// What of the last packet is still to be read.
    heard: Frames,
    waiting: VecDeque<Packet>,
    sequence: u32,
    /// Whether the keeper takes several frames in one packet.
    takes_packs: bool,
}

/// Orders as they travel: one frame, several, or the announcement of one that is in a file.
#[derive(Debug)]
struct Packet {
    bytes: Vec<u8>,
    /// The file, if it is in one, and then what is passed on.
    fds: Vec<OwnedFd>,
}

impl Packet {
    fn of(order: &Order, sequence: u32) -> io::Result<Self> {
        let frame = wire::keeper::encode_order(order, sequence);
        let Order::Spawn(SpawnOrder { child, .. }) = order else {
            return Ok(Self { bytes: frame, fds: Vec::new() }); // No other order grows with its content.
        };
        if frame.len() <= PACKET_BYTES_MAX {
            return Ok(Self { bytes: frame, fds: Vec::new() });
        }
        let enclosed = Enclosed { child: *child, bytes: frame.len() };
        let file = os::fd::sealed(c"order", &frame)?;
        Ok(Self { bytes: wire::keeper::encode_enclosed(enclosed, sequence), fds: vec![file] })
    }
}

/// The descriptor the keeper leaves the link at.
const LINK_FD: i32 = 3;

impl KeeperLink {
    /// Takes over the link this process was started with.
    pub(crate) fn inherited() -> io::Result<Self> {
        let socket = SeqPacket::inherited(LINK_FD)?;
        // The keeper takes the closing of the link for the death of the daemon, so that it has to
        // stay open until this process is gone, whatever becomes of this value.
        std::mem::forget(os::fd::duplicate(&socket)?);
        let heard = Frames::default();
        Ok(Self { socket, heard, waiting: VecDeque::new(), sequence: 0, takes_packs: false })
    }

    /// The keeper speaks this version of the protocol.
    pub(crate) const fn met(&mut self, version: u16) {
        self.takes_packs = wire::keeper::takes_packs(version);
    }

    /// Sends an order after all that wait.
    pub(crate) fn send(&mut self, order: &Order) -> Result<(), LinkError> {
        self.send_with(order, None)
    }

    /// The same with a descriptor to be passed on to the child.
    pub(crate) fn send_with(&mut self, order: &Order, passed: Option<OwnedFd>) -> Result<(), LinkError> {
        self.add(order, passed)?;
        self.flush()
    }

    /// Has an order wait for others that come in the same breath: for a [flush](Self::flush), or until a packet is full.
    pub(crate) fn send_soon(&mut self, order: &Order, passed: Option<OwnedFd>) -> Result<(), LinkError> {
        self.add(order, passed)?;
        if self.waiting.back().is_some_and(|it| it.bytes.len() >= PACK_BYTES) { self.flush() } else { Ok(()) }
    }

    fn add(&mut self, order: &Order, passed: Option<OwnedFd>) -> Result<(), LinkError> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = Packet::of(order, self.sequence)?;
        packet.fds.extend(passed);
        match self.waiting.back_mut() {
            Some(last)
                if self.takes_packs
                    && last.fds.is_empty()
                    && packet.fds.is_empty()
                    && last.bytes.len() < PACK_BYTES
                    && last.bytes.len().saturating_add(packet.bytes.len()) <= PACKET_BYTES_MAX =>
            {
                last.bytes.extend(packet.bytes);
            }
            Some(_) | None => self.waiting.push_back(packet),
        }
        Ok(())
    }

    /// Sends an order and all that wait before it, waiting for room: the last thing a daemon does.
    pub(crate) fn send_last(&mut self, order: &Order) -> Result<(), LinkError> {
        self.send(order)?;
        let poller = Poller::new()?;
        poller.add(&self.socket, 0, Interest::Write)?;
        while self.is_backed_up() {
            poller.wait(&mut Vec::new(), None)?;
            self.flush()?;
        }
        Ok(())
    }

    /// Sends what waits, as far as there is room.
    pub(crate) fn flush(&mut self) -> Result<(), LinkError> {
        while let Some(packet) = self.waiting.front() {
            let fds: Vec<_> = packet.fds.iter().map(AsFd::as_fd).collect();
            os::failpoint::pass("daemon.order");
            match self.socket.send(&packet.bytes, &fds) {
                Ok(()) => drop(self.waiting.pop_front()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether something waits for room.
    pub(crate) fn is_backed_up(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next report, `None` when there is none now. One of a kind that is unknown here comes from
    /// a newer keeper, and is not meant for us.
    pub(crate) fn receive(&mut self) -> Result<Option<Received>, LinkError> {
        loop {
            let mut fds = Vec::new();
            if self.heard.is_empty() {
                let packet = match self.socket.receive() {
                    Ok(packet) if packet.bytes.is_empty() => return Err(LinkError::Closed),
                    Ok(packet) => packet,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                    Err(error) => return Err(error.into()),
                };
                // What comes beside a packet belongs to its first frame.
                (self.heard, fds) = (Frames::of(packet.bytes), packet.fds);
            }
            match wire::keeper::decode_report(self.heard.next_frame().unwrap_or_default()) {
                Ok(report) => return Ok(Some(Received { report, fds })),
                Err(FrameError::Kind(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for KeeperLink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
