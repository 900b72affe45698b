//! The keeper's end of the link: orders in, reports out.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use os::errno::{ENOBUFS, ENOMEM, ETOOMANYREFS};
use os::socket::SeqPacket;
use wire::keeper::{FrameError, Frames, Listed, Order, PACK_BYTES, Report};

/// While this many reports wait, no order is taken that could add to them. What comes by itself (an
/// exit for each child, one of each signal) is still added: it must not be lost, and is bounded.
const WAITING_MAX: usize = 1024;

/// The ends of a child's pipes that go with a report, those there are.
pub(crate) type Ends<'a> = [Option<BorrowedFd<'a>>; 3];

/// Where the descriptors are that go with reports.
pub(crate) trait Holder {
    /// Our ends of a child's pipes.
    fn ends(&self, child: u64) -> Ends<'_>;
    /// What is kept under a key.
    fn kept(&self, key: &[u8]) -> Option<BorrowedFd<'_>>;
    /// The lock and the journal.
    fn house(&self) -> [Option<BorrowedFd<'_>>; 2];
}

/// What came over the link.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, on the stack")]
pub(crate) enum Heard {
    /// An order, the descriptors with it, and whether some were lost on the way.
    Order { order: Order, fds: Vec<OwnedFd>, truncated: bool },
    /// The order to make this child was lost on the way.
    Lost { child: u64 },
    /// Something that is no order.
    Nonsense(FrameError),
    /// Nothing now.
    Nothing,
    /// The other end is closed.
    Closed,
}

/// What came of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Everything is on its way.
    All,
    /// The rest waits until the daemon has read something.
    Full,
    /// The machine is short of something for the moment; nobody will say when that is over.
    Short,
    /// The other end is closed.
    Closed,
}

/// The link, and what has been reported and not been sent.
#[derive(Debug)]
pub(crate) struct Link {
    socket: SeqPacket,
    /// What of the last packet is still to be read.
    heard: Frames,
    waiting: VecDeque<Report>,
    sequence: u32,
    /// Whether the daemon takes several frames in one packet.
    takes_packs: bool,
}

impl Link {
    pub(crate) const fn new(socket: SeqPacket) -> Self {
        let heard = Frames::of(Vec::new());
        Self { socket, heard, waiting: VecDeque::new(), sequence: 0, takes_packs: false }
    }

    /// The daemon speaks this version of the protocol.
    pub(crate) const fn met(&mut self, newest: u16) {
        self.takes_packs = wire::keeper::takes_packs(newest);
    }

    /// Reports after all that waits. A signal that waits already is not reported twice.
    pub(crate) fn report(&mut self, report: Report) {
        let again = matches!(report, Report::Asked { .. }) && self.waiting.contains(&report);
        if !again {
            self.waiting.push_back(report);
        }
    }

    /// Whether there is room for the answer to another order. For what has come already there must be.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX || !self.heard.is_empty()
    }

    /// Whether something waits to be sent.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sends what waits, as far as there is room.
    pub(crate) fn flush(&mut self, holder: &impl Holder) -> Sent {
        while let Some(report) = self.waiting.front() {
            let (mut bytes, fds) = packet(report, self.sequence.wrapping_add(1), holder);
            let more = self.pack(&mut bytes);
            os::failpoint::pass("keeper.report");
            match self.socket.send(&bytes, &fds) {
                Ok(()) => {
                    let count = more.saturating_add(1);
                    self.sequence = self.sequence.wrapping_add(u32::try_from(count).unwrap_or(0));
                    self.waiting.drain(..count);
                    os::failpoint::pass("keeper.reported");
                }
                Err(error) => return why(&error),
            }
        }
        Sent::All
    }

    /// Adds the frames of reports that may travel with the first; says how many. Ends of children come in floods, when many are
    /// stopped at once, and nobody waits for what has come before he goes on.
    fn pack(&self, bytes: &mut Vec<u8>) -> usize {
        let is_end = |it: &&Report| matches!(it, Report::Exited { .. });
        if !self.takes_packs || !self.waiting.front().is_some_and(|it| is_end(&it)) {
            return 0;
        }
        let mut count = 0_usize;
        let mut sequence = self.sequence.wrapping_add(1);
        for report in self.waiting.iter().skip(1).take_while(is_end) {
            if bytes.len() >= PACK_BYTES {
                break;
            }
            sequence = sequence.wrapping_add(1);
            bytes.extend(wire::keeper::encode_report(report, sequence));
            count = count.saturating_add(1);
        }
        count
    }

    /// What comes next.
    pub(crate) fn hear(&mut self) -> Heard {
        if let Some(frame) = self.heard.next_frame() {
            return read(frame, Vec::new(), false);
        }
        match self.socket.receive() {
            Ok(packet) if packet.bytes.is_empty() => Heard::Closed,
            Ok(packet) => {
                self.heard = Frames::of(packet.bytes);
                // What comes beside a packet belongs to its first frame.
                let first = self.heard.next_frame().unwrap_or_default();
                read(first, packet.fds, packet.truncated)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Heard::Nothing,
            Err(_) => Heard::Closed,
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn why(error: &io::Error) -> Sent {
    match error.raw_os_error() {
        _ if error.kind() == io::ErrorKind::WouldBlock => Sent::Full,
        Some(ENOBUFS | ENOMEM | ETOOMANYREFS) => Sent::Short,
        Some(_) | None => Sent::Closed,
    }
}

/// The frame of a report, and the descriptors that go with it. What these belong to may have gone
/// since it was reported; the frame then says that they are missing.
fn packet<'a>(report: &Report, sequence: u32, holder: &'a impl Holder) -> (Vec<u8>, Vec<BorrowedFd<'a>>) {
    match report {
        Report::Spawned { child, .. } => {
            let fds = holder.ends(*child).into_iter().flatten().collect();
            (wire::keeper::encode_report(report, sequence), fds)
        }
        Report::Listed(listed) => {
            let ends = holder.ends(listed.child);
            let pipes = ends.map(|it| it.is_some());
            let listed = Report::Listed(Listed { pipes, ..listed.clone() });
            (wire::keeper::encode_report(&listed, sequence), ends.into_iter().flatten().collect())
        }
        Report::Kept { key, bytes, .. } => {
            let file = holder.kept(key);
            let kept = Report::Kept { key: key.clone(), bytes: bytes.clone(), file: file.is_some() };
            (wire::keeper::encode_report(&kept, sequence), file.into_iter().collect())
        }
        Report::Welcome { .. } => {
            let fds = holder.house().into_iter().flatten().collect();
            (wire::keeper::encode_report(report, sequence), fds)
        }
        Report::SpawnFailed { .. }
        | Report::Exited { .. }
        | Report::SignalFailed { .. }
        | Report::Survivors { .. }
        | Report::ListEnd { .. }
        | Report::Asked { .. }
        | Report::Ping { .. }
        | Report::Upgraded
        | Report::UpgradeFailed { .. } => (wire::keeper::encode_report(report, sequence), Vec::new()),
    }
}

fn read(packet: &[u8], fds: Vec<OwnedFd>, truncated: bool) -> Heard {
    let decoded = |frame: &[u8], fds| match wire::keeper::decode_order(frame) {
        Ok(order) => Heard::Order { order, fds, truncated },
        Err(error) => Heard::Nonsense(error),
    };
    match wire::keeper::decode_enclosed(packet) {
        Ok(None) => decoded(packet, fds),
        Ok(Some(enclosed)) => {
            let mut fds = fds.into_iter();
            let file = fds.next().and_then(|it| os::fd::read_sealed(it, enclosed.bytes).ok());
            match file {
                Some(frame) => decoded(&frame, fds.collect()),
                None => Heard::Lost { child: enclosed.child },
            }
        }
        Err(error) => Heard::Nonsense(error),
    }
}

#[cfg(test)]
mod tests {
    use wire::keeper::Usage;

    use super::*;

    /// Holds nothing.
    struct Nobody;

    impl Holder for Nobody {
        fn ends(&self, _: u64) -> Ends<'_> {
            [None; 3]
        }

        fn kept(&self, _: &[u8]) -> Option<BorrowedFd<'_>> {
            None
        }

        fn house(&self) -> [Option<BorrowedFd<'_>>; 2] {
            [None; 2]
        }
    }

    #[test]
    fn a_signal_is_asked_once_however_often_it_comes() {
        let (socket, daemon) = SeqPacket::pair().unwrap();
        let mut link = Link::new(socket);
        for signal in [15, 1, 15, 15] {
            link.report(Report::Asked { signal });
        }
        assert_eq!(link.flush(&Nobody), Sent::All);
        for signal in [15, 1] {
            let report = wire::keeper::decode_report(&daemon.receive().unwrap().bytes);
            assert_eq!(report, Ok(Report::Asked { signal }));
        }
        assert!(daemon.receive().is_err());
    }

    #[test]
    fn reports_wait_for_room_and_none_is_lost() {
        let (socket, daemon) = SeqPacket::pair().unwrap();
        let mut link = Link::new(socket);
        let mut count = 0;
        while link.flush(&Nobody) == Sent::All {
            link.report(Report::ListEnd { count });
            count = count.saturating_add(1);
        }
        assert!(link.is_waiting() && link.has_room());
        for expected in 0..count {
            let report = wire::keeper::decode_report(&daemon.receive().unwrap().bytes);
            assert_eq!(report, Ok(Report::ListEnd { count: expected }));
            link.flush(&Nobody);
        }
        assert_eq!(link.flush(&Nobody), Sent::All);
    }

    #[test]
    fn ends_travel_together_to_a_daemon_that_takes_them_so_and_in_order_to_any() {
        let usage = Usage { user_us: 1, system_us: 2, peak_kib: 3 };
        let end = |child| Report::Exited { child, status: 0, known: true, at_us: 4, setup: None, usage };
        let reports: Vec<_> =
            (0..90).map(end).chain([Report::Asked { signal: 15 }]).chain((90..100).map(end)).collect();
        for (newest, packets_max) in [(2, 12), (1, 101)] {
            let (socket, daemon) = SeqPacket::pair().unwrap();
            let mut link = Link::new(socket);
            link.met(newest);
            for report in &reports {
                link.report(report.clone());
            }
            assert_eq!(link.flush(&Nobody), Sent::All);
            let (mut packets, mut frames) = (0, Vec::new());
            while let Ok(packet) = daemon.receive() {
                packets += 1;
                let mut packed = Frames::of(packet.bytes);
                while let Some(frame) = packed.next_frame() {
                    frames.push((wire::keeper::sequence(frame), wire::keeper::decode_report(frame).unwrap()));
                }
            }
            let expected: Vec<_> = (1..).map(Some).zip(reports.iter().cloned()).collect();
            assert_eq!(frames, expected);
            assert!(packets <= packets_max && (newest == 2 || packets == 101), "{packets} packets");
        }
    }

    #[test]
    fn orders_that_come_together_are_obeyed_one_by_one() {
        let (socket, daemon) = SeqPacket::pair().unwrap();
        let mut link = Link::new(socket);
        let orders = [Order::Forget { child: 1 }, Order::List, Order::Forget { child: 2 }];
        let packet: Vec<u8> = orders.iter().flat_map(|it| wire::keeper::encode_order(it, 7)).collect();
        let passed = os::fd::null().unwrap();
        daemon.send(&packet, &[passed.as_fd()]).unwrap();
        for (at, expected) in orders.iter().enumerate() {
            let heard = link.hear();
            let is_it = matches!(&heard, Heard::Order { order, fds, .. } if order == expected && fds.len() == usize::from(at == 0));
            assert!(is_it, "{at}: {heard:?}");
        }
        assert!(matches!(link.hear(), Heard::Nothing));
    }

    #[test]
    fn a_closed_link_is_noticed_from_either_side() {
        let (socket, daemon) = SeqPacket::pair().unwrap();
        let mut link = Link::new(socket);
        link.report(Report::ListEnd { count: 0 });
        drop(daemon);
        assert_eq!(link.flush(&Nobody), Sent::Closed);
        assert!(matches!(link.hear(), Heard::Closed));
    }

    #[test]
    fn a_long_order_comes_in_a_file_and_is_named_when_that_is_lost() {
        let (socket, daemon) = SeqPacket::pair().unwrap();
        let mut link = Link::new(socket);
        let frame = wire::keeper::encode_order(&Order::List, 7);
        let note = wire::keeper::encode_enclosed(wire::keeper::Enclosed { child: 5, bytes: frame.len() }, 7);
        let file = os::fd::sealed(c"order", &frame).unwrap();
        let passed = os::fd::null().unwrap();
        daemon.send(&note, &[file.as_fd(), passed.as_fd()]).unwrap();
        daemon.send(&note, &[]).unwrap();
        daemon.send(b"nonsense", &[]).unwrap();
        let heard = link.hear();
        assert!(
            matches!(&heard, Heard::Order { order: Order::List, fds, truncated: false } if fds.len() == 1),
            "{heard:?}"
        );
        assert!(matches!(link.hear(), Heard::Lost { child: 5 }));
        assert!(matches!(link.hear(), Heard::Nonsense(FrameError::Magic)));
        assert!(matches!(link.hear(), Heard::Nothing));
    }
}
