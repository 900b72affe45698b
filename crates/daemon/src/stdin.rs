//! What clients send to a child's standard input, kept until the child reads it.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use model::child::ChildId;
use os::poll::{Interest, Poller};

use crate::mailbag::Mailbag;

/// How much may wait for one child. A child that does not read costs at most this; what does not
/// fit is refused whole, so that no message arrives in part.
pub(crate) const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// How many descriptors a child with everything of its own takes, in the keeper and here: a pipe for each of its three
/// streams.
const PIPES_OF_CHILD: u64 = 3;

/// What else is open, at the most: logs, sockets, clients.
const OTHERS: u64 = 64;

/// Why nothing can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// It has no standard input of ours, or has closed it.
    Closed,
    /// It does not read, and too much waits already.
    Full,
}

/// A letter to a listener, as it is sent.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) child: ChildId,
    pub(crate) serial: u64,
    pub(crate) bytes: Vec<u8>,
}

/// How a letter gets to its listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By way of the bag.
    Bag,
    /// Behind what waits already.
    Plain,
    /// The daemon before has sent so many bytes of it.
    Sent(usize),
}

/// The write ends of all children. Readable, as a descriptor, when one that is waited for has room.
#[derive(Debug)]
pub(crate) struct Inputs {
    poller: Poller,
    pipes: BTreeMap<ChildId, Input>,
    /// How many children can have a standard input of their own.
    own_max: usize,
    /// What the others share: a pipe that nobody writes to and that never ends, as an input of one's own would be until
    /// somebody sends something.
    shared: Option<OwnedFd>,
}

#[derive(Debug)]
struct Input {
    pipe: File,
    waiting: VecDeque<u8>,
    is_watched: bool,
}

impl Inputs {
    /// With so many descriptors allowed; `None`: any number.
    pub(crate) fn new(allowed: Option<u64>) -> io::Result<Self> {
        let own_max = allowed.map_or(u64::MAX, |it| it.saturating_sub(OTHERS) / PIPES_OF_CHILD);
        let own_max = usize::try_from(own_max).unwrap_or(usize::MAX);
        Ok(Self { poller: Poller::new()?, pipes: BTreeMap::new(), own_max, shared: None })
    }

    /// Whether one child more, beside so many, can have a standard input of its own.
    pub(crate) const fn has_room(&self, children: usize) -> bool {
        children < self.own_max
    }

    /// The input that children share who cannot have their own; and whether this is the first who does.
    pub(crate) fn shared(&mut self) -> io::Result<(OwnedFd, bool)> {
        if let Some(shared) = &self.shared {
            return Ok((os::fd::duplicate(shared)?, false));
        }
        let (reader, _) = os::fd::pipe()?;
        // Each child then holds both ends, so that it has no end even when we are dead.
        let shared = os::fd::reopen_read_write(&reader)?;
        let given = os::fd::duplicate(&shared)?;
        self.shared = Some(shared);
        Ok((given, true))
    }

    /// A new child's pipe, nonblocking.
    pub(crate) fn attach(&mut self, child: ChildId, pipe: OwnedFd) {
        let input = Input { pipe: pipe.into(), waiting: VecDeque::new(), is_watched: false };
        self.pipes.insert(child, input);
    }

    /// The child is gone; what it has not read nobody will.
    pub(crate) fn detach(&mut self, child: ChildId) {
        if let Some(mut input) = self.pipes.remove(&child) {
            // The keeper has the pipe open too, so closing it here would not end the watch.
            input.waiting.clear();
            input.watch(child, &self.poller);
        }
    }

    /// The pipes of all children.
    pub(crate) fn pipes(&self) -> impl Iterator<Item = (ChildId, BorrowedFd<'_>)> {
        self.pipes.iter().map(|(child, it)| (*child, it.pipe.as_fd()))
    }

    /// Sends `bytes` after all that waits.
    pub(crate) fn send(&mut self, child: ChildId, bytes: &[u8]) -> Result<(), Unsent> {
        let input = self.pipes.get_mut(&child).ok_or(Unsent::Closed)?;
        if input.waiting.len() + bytes.len() > WAITING_BYTES_MAX {
            return Err(Unsent::Full);
        }
        input.put(bytes, child, &self.poller)
    }

    /// Sends events to listeners: as [`Self::send`], but one that has nothing waiting takes an event of
    /// any size. An event is not longer than `capture_maxbytes` or a request, which have their own limits,
    /// and one that never fits would be tried for ever. Returns which were not sent, and why.
    pub(crate) fn post(&mut self, letters: &[Posted], mailbag: &mut Mailbag) -> Vec<(usize, Unsent)> {
        let ways: Vec<_> = letters.iter().map(|it| self.way(it, mailbag)).collect();
        let through_bag = || letters.iter().zip(&ways).filter(|(_, way)| **way == Ok(Way::Bag));
        let packed = through_bag().map(|(it, _)| (it.child, it.serial, it.bytes.as_slice()));
        let mut place = if through_bag().next().is_some() { mailbag.pack(packed) } else { None };
        let mut unsent = Vec::new();
        for ((at, letter), way) in letters.iter().enumerate().zip(&ways) {
            let sent = match way {
                Err(reason) => Err(*reason),
                Ok(Way::Sent(bytes)) => Ok(*bytes),
                Ok(Way::Plain) => Ok(0),
                Ok(Way::Bag) => self.send_from(mailbag, letter.child, &mut place),
            };
            if let Err(reason) = sent.and_then(|sent| self.put(letter, sent)) {
                unsent.push((at, reason));
            }
        }
        mailbag.give_back();
        unsent
    }

    /// How a letter is to be sent.
    fn way(&self, letter: &Posted, mailbag: &mut Mailbag) -> Result<Way, Unsent> {
        let input = self.pipes.get(&letter.child).ok_or(Unsent::Closed)?;
        if !input.waiting.is_empty() && input.waiting.len() + letter.bytes.len() > WAITING_BYTES_MAX {
            return Err(Unsent::Full);
        }
        if let Some(bytes) = mailbag.sent_before(letter.child, letter.serial) {
            return Ok(Way::Sent(bytes));
        }
        Ok(if input.waiting.is_empty() { Way::Bag } else { Way::Plain })
    }

    /// Sends what comes next in the bag; how many bytes that were.
    fn send_from(
        &self,
        mailbag: &mut Mailbag,
        child: ChildId,
        place: &mut Option<usize>,
    ) -> Result<usize, Unsent> {
        let Some(at) = *place else { return Ok(0) };
        *place = Some(at + 1);
        let input = self.pipes.get(&child).ok_or(Unsent::Closed)?;
        match mailbag.send(input.pipe.as_fd(), at) {
            Ok(sent) => Ok(sent),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Unsent::Closed),
            // As it is, then.
            Err(_) => Ok(0),
        }
    }

    /// Sends what of a letter was not sent.
    fn put(&mut self, letter: &Posted, sent: usize) -> Result<(), Unsent> {
        let input = self.pipes.get_mut(&letter.child).ok_or(Unsent::Closed)?;
        input.put(letter.bytes.get(sent..).unwrap_or_default(), letter.child, &self.poller)
    }

    /// Sends what waits to those who have room now.
    pub(crate) fn turn(&mut self) {
        let mut ready = Vec::new();
        // Fails only when the kernel is out of memory; the next turn asks again.
        let _ = self.poller.wait(&mut ready, Some(Duration::ZERO));
        for child in ready.into_iter().map(|it| ChildId(it.token)) {
            if let Some(input) = self.pipes.get_mut(&child) {
                // Whoever has closed its end reads no more; its exit is on its way.
                let _ = input.flush();
                input.watch(child, &self.poller);
            }
        }
    }
}

impl AsFd for Inputs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }
}

impl Input {
    /// Writes `bytes` after all that waits, as much as the pipe takes now.
    fn put(&mut self, bytes: &[u8], child: ChildId, poller: &Poller) -> Result<(), Unsent> {
        self.waiting.extend(bytes);
        let sent = self.flush().map_err(|_| Unsent::Closed);
        self.watch(child, poller);
        sent
    }

    /// Writes as much as the pipe takes now. What a closed pipe will never take is dropped.
    fn flush(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let (front, _) = self.waiting.as_slices();
            match self.pipe.write(front) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.waiting.clear();
                    return Err(error);
                }
            }
        }
        self.waiting.shrink_to_fit();
        Ok(())
    }

    /// Watches the pipe for room exactly while something waits for it.
    fn watch(&mut self, child: ChildId, poller: &Poller) {
        let wanted = !self.waiting.is_empty();
        if wanted == self.is_watched {
            return;
        }
        let done =
            if wanted { poller.add(&self.pipe, child.0, Interest::Write) } else { poller.remove(&self.pipe) };
        // Where it failed it is tried again at the next chance.
        self.is_watched = if done.is_ok() { wanted } else { self.is_watched };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn pipe() -> (io::PipeReader, OwnedFd) {
        let (theirs, ours) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&ours, true).unwrap();
        (theirs, ours.into())
    }

    #[test]
    fn what_does_not_fit_waits_and_arrives_in_order() {
        let (mut theirs, ours) = pipe();
        let mut inputs = Inputs::new(None).unwrap();
        inputs.attach(ChildId(1), ours);
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(inputs.send(ChildId(1), &bytes), Ok(()));
        assert_eq!(inputs.send(ChildId(1), &vec![0; WAITING_BYTES_MAX]), Err(Unsent::Full));
        let mut arrived = Vec::new();
        let mut room = [0; 4096];
        while arrived.len() < bytes.len() {
            let count = theirs.read(&mut room).unwrap();
            arrived.extend_from_slice(&room[..count]);
            inputs.turn();
        }
        assert_eq!(arrived, bytes);
        assert!(!inputs.pipes[&ChildId(1)].is_watched, "a pipe with nothing to send wakes nobody");
    }

    #[test]
    fn who_can_have_no_input_of_its_own_shares_one_that_never_ends() {
        let mut inputs = Inputs::new(Some(100)).unwrap();
        assert!(inputs.has_room(11) && !inputs.has_room(12));
        assert!(Inputs::new(None).unwrap().has_room(1_000_000));
        let (first, is_first) = inputs.shared().unwrap();
        let (second, is_again) = inputs.shared().unwrap();
        assert_eq!((is_first, is_again), (true, false));
        drop((first, inputs));
        os::fd::set_nonblocking(&second).unwrap();
        let waits = rustix::io::read(&second, &mut [0; 1]);
        assert_eq!(waits, Err(rustix::io::Errno::AGAIN), "there is nothing, and no end");
    }

    #[test]
    fn a_closed_pipe_and_an_unknown_child_are_refused() {
        let (theirs, ours) = pipe();
        let mut inputs = Inputs::new(None).unwrap();
        inputs.attach(ChildId(1), ours);
        drop(theirs);
        assert_eq!(inputs.send(ChildId(1), b"x"), Err(Unsent::Closed));
        assert_eq!(inputs.send(ChildId(2), b"x"), Err(Unsent::Closed));
    }
}
