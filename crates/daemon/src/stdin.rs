//! What clients send to a child's standard input, kept until the child reads it.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use model::child::ChildId;

/// How much may wait for one child. A child that does not read costs at most this; what does not
/// fit is refused whole, so that no message arrives in part.
pub(crate) const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// Why nothing can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// It has no standard input of ours, or has closed it.
    Closed,
    /// It does not read, and too much waits already.
    Full,
}

/// The write ends of all children.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pipes: BTreeMap<ChildId, Input>,
}

#[derive(Debug)]
struct Input {
    pipe: std::fs::File,
    waiting: VecDeque<u8>,
}

impl Inputs {
    /// A new child's pipe, nonblocking.
    pub(crate) fn attach(&mut self, child: ChildId, pipe: OwnedFd) {
        self.pipes.insert(child, Input { pipe: pipe.into(), waiting: VecDeque::new() });
    }

    /// The child is gone; what it has not read nobody will.
    pub(crate) fn detach(&mut self, child: ChildId) {
        self.pipes.remove(&child);
    }

    /// Sends `bytes` after all that waits, and says whether some still do.
    pub(crate) fn send(&mut self, child: ChildId, bytes: &[u8]) -> Result<Rest, Unsent> {
        let input = self.pipes.get_mut(&child).ok_or(Unsent::Closed)?;
        if input.waiting.len() + bytes.len() > WAITING_BYTES_MAX {
            return Err(Unsent::Full);
        }
        input.waiting.extend(bytes);
        input.flush().map_err(|_| Unsent::Closed)
    }

    /// Tries again to send what waits for a child whose pipe has room.
    pub(crate) fn flush(&mut self, child: ChildId) -> Rest {
        let Some(input) = self.pipes.get_mut(&child) else {
            return Rest::Nothing;
        };
        input.flush().unwrap_or_else(|_| {
            // Nobody will read it; the exit of the child is on its way.
            input.waiting.clear();
            Rest::Nothing
        })
    }

    /// The pipe of a child, to be told when it has room.
    pub(crate) fn pipe(&self, child: ChildId) -> Option<BorrowedFd<'_>> {
        self.pipes.get(&child).map(|it| it.pipe.as_fd())
    }
}

/// What is left to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    Nothing,
    Some,
}

impl Input {
    /// Writes as much as the pipe takes now.
    fn flush(&mut self) -> io::Result<Rest> {
        while !self.waiting.is_empty() {
            let (front, _) = self.waiting.as_slices();
            match self.pipe.write(front) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Rest::Some),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.waiting.shrink_to_fit();
        Ok(Rest::Nothing)
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
        let mut inputs = Inputs::default();
        inputs.attach(ChildId(1), ours);
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(inputs.send(ChildId(1), &bytes), Ok(Rest::Some));
        assert_eq!(inputs.send(ChildId(1), &vec![0; WAITING_BYTES_MAX]), Err(Unsent::Full));
        let mut arrived = Vec::new();
        let mut room = [0; 4096];
        while arrived.len() < bytes.len() {
            let count = theirs.read(&mut room).unwrap();
            arrived.extend_from_slice(&room[..count]);
            inputs.flush(ChildId(1));
        }
        assert_eq!(arrived, bytes);
    }

    #[test]
    fn a_closed_pipe_and_an_unknown_child_are_refused() {
        let (theirs, ours) = pipe();
        let mut inputs = Inputs::default();
        inputs.attach(ChildId(1), ours);
        drop(theirs);
        assert_eq!(inputs.send(ChildId(1), b"x"), Err(Unsent::Closed));
        assert_eq!(inputs.send(ChildId(2), b"x"), Err(Unsent::Closed));
    }
}
