//! Waiting until one of many descriptors has something to do: epoll, level-triggered.
//!
//! Level-triggered, so that a reader may stop in the middle of a flood and be told again: whoever
//! caps the bytes it takes per turn is fair to all others without keeping a list of its own.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::time::Timespec;

/// How many descriptors one [`Poller::wait`] reports at most. The kernel hands out the rest at the
/// next call, in turn, so that a small number costs calls but never starves anyone.
pub const READY_MAX: usize = 256;

/// The longest wait the kernel takes, in milliseconds (`c_int::MAX`): some 24 days, after which
/// [`Poller::wait`] returns with nothing ready and is simply called again.
const WAIT_MS_MAX: u128 = 0x7fff_ffff;

/// What to wait for on a descriptor. Hang-ups and errors are always reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Hang-ups and errors only.
    Nothing,
    /// It can be read.
    Read,
    /// It can be written.
    Write,
    /// Either.
    Both,
}

impl Interest {
    const fn flags(self) -> EventFlags {
        match self {
            Self::Nothing => EventFlags::empty(),
            Self::Read => EventFlags::IN,
            Self::Write => EventFlags::OUT,
            Self::Both => EventFlags::IN.union(EventFlags::OUT),
        }
    }
}

/// A descriptor that has something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts of the kernel's")]
pub struct Ready {
    /// The number it was added under.
    pub token: u64,
    /// A read will not wait.
    pub readable: bool,
    /// A write will not wait.
    pub writable: bool,
    /// The other end is closed. There may be bytes left to read.
    pub hung_up: bool,
    /// The descriptor is in error; for the write end of a pipe: nobody will ever read it.
    pub failed: bool,
}

impl Ready {
    fn of(event: Event) -> Self {
        let flags = event.flags;
        let data = event.data;
        Self {
            token: data.u64(),
            readable: flags.contains(EventFlags::IN),
            writable: flags.contains(EventFlags::OUT),
            hung_up: flags.contains(EventFlags::HUP),
            failed: flags.contains(EventFlags::ERR),
        }
    }
}

/// A set of descriptors to wait on. It borrows none of them: remove a descriptor before closing it,
/// since the kernel forgets it only when its last duplicate is closed.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
}

impl Poller {
    /// An empty set.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Adds a descriptor; what becomes of it is reported under `token`.
    ///
    /// # Errors
    /// `EEXIST` when it is there already, `EPERM` when it is a regular file, `ENOSPC` at the user's
    /// limit of watches.
    pub fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(token), interest.flags())?)
    }

    /// Changes the token and the interest of a descriptor that was added.
    ///
    /// # Errors
    /// `ENOENT` when it is not there.
    pub fn modify(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, EventData::new_u64(token), interest.flags())?)
    }

    /// Takes a descriptor out.
    ///
    /// # Errors
    /// `ENOENT` when it is not there.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Waits until something is ready, or for `timeout` (rounded up to milliseconds; `None`: for
    /// ever), and puts what is ready into `ready`, which it empties first. May return early with
    /// nothing.
    ///
    /// # Errors
    /// Only when memory is short.
    pub fn wait(&self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        ready.clear();
        let timeout = timeout.map(whole_millis);
        let mut room = [MaybeUninit::<Event>::uninit(); READY_MAX];
        let events = match epoll::wait(&self.epoll, &mut room, timeout.as_ref()) {
            Ok((events, _)) => events,
            // The caller looks at its clock and comes again.
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        ready.extend(events.iter().map(|it| Ready::of(*it)));
        Ok(())
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl AsFd for Poller {
    /// Readable while anything in the set is ready, so that pollers can be nested.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// Up, never down: a deadline that is a fraction of a millisecond away must not become a loop that
/// does not wait at all.
fn whole_millis(timeout: Duration) -> Timespec {
    let millis = timeout.as_nanos().div_ceil(1_000_000).min(WAIT_MS_MAX);
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    Timespec { tv_sec: millis / 1000, tv_nsec: (millis % 1000) * 1_000_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Option<Duration> = Some(Duration::ZERO);
    /// Far beyond what a loaded machine needs: reached only by a failing test.
    const LONG: Option<Duration> = Some(Duration::from_secs(20));

    fn waited(poller: &Poller, timeout: Option<Duration>) -> Vec<Ready> {
        let mut ready =
            vec![Ready { token: 99, readable: false, writable: false, hung_up: false, failed: false }];
        poller.wait(&mut ready, timeout).unwrap();
        ready
    }

    #[test]
    fn a_pipe_is_ready_again_and_again_until_it_is_read() {
        let poller = Poller::new().unwrap();
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        poller.add(&reader, 7, Interest::Read).unwrap();
        assert_eq!(waited(&poller, AT_ONCE), []);

        rustix::io::write(&writer, b"ab").unwrap();
        for _ in 0..2 {
            let ready = waited(&poller, LONG);
            assert!(
                matches!(ready[..], [Ready { token: 7, readable: true, hung_up: false, .. }]),
                "{ready:?}"
            );
        }
        rustix::io::read(&reader, &mut [0; 8]).unwrap();
        assert_eq!(waited(&poller, AT_ONCE), []);

        drop(writer);
        assert!(matches!(waited(&poller, LONG)[..], [Ready { hung_up: true, readable: false, .. }]));
        poller.modify(&reader, 8, Interest::Nothing).unwrap();
        assert!(matches!(waited(&poller, LONG)[..], [Ready { token: 8, hung_up: true, .. }]));
        poller.remove(&reader).unwrap();
        assert_eq!(waited(&poller, AT_ONCE), []);
    }

    #[test]
    fn a_writer_learns_that_its_reader_is_gone() {
        let poller = Poller::new().unwrap();
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        poller.add(&writer, 1, Interest::Write).unwrap();
        assert!(matches!(waited(&poller, LONG)[..], [Ready { writable: true, failed: false, .. }]));
        drop(reader);
        assert!(matches!(waited(&poller, LONG)[..], [Ready { failed: true, .. }]));
    }

    #[test]
    fn more_than_one_call_can_report_is_reported_in_turn() {
        let poller = Poller::new().unwrap();
        let pipes: Vec<_> = (0..READY_MAX + 50).map(|_| rustix::pipe::pipe().unwrap()).collect();
        for (token, (reader, writer)) in (0u64..).zip(&pipes) {
            poller.add(reader, token, Interest::Read).unwrap();
            rustix::io::write(writer, b"x").unwrap();
        }
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2 {
            seen.extend(waited(&poller, LONG).iter().map(|it| it.token));
        }
        assert_eq!(seen.len(), pipes.len());
    }

    #[test]
    fn a_poller_can_be_waited_on_by_another() {
        let (inner, outer) = (Poller::new().unwrap(), Poller::new().unwrap());
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        inner.add(&reader, 1, Interest::Read).unwrap();
        outer.add(&inner, 2, Interest::Read).unwrap();
        assert_eq!(waited(&outer, AT_ONCE), []);
        rustix::io::write(&writer, b"x").unwrap();
        assert!(matches!(waited(&outer, LONG)[..], [Ready { token: 2, readable: true, .. }]));
    }

    #[test]
    fn a_wait_is_rounded_up_and_never_overflows() {
        let of = |it: Duration| (whole_millis(it).tv_sec, whole_millis(it).tv_nsec);
        assert_eq!(of(Duration::ZERO), (0, 0));
        assert_eq!(of(Duration::from_nanos(1)), (0, 1_000_000));
        assert_eq!(of(Duration::from_micros(1_000_001)), (1, 1_000_000));
        assert_eq!(of(Duration::MAX), (2_147_483, 647_000_000));
    }
}
