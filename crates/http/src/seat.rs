//! What all sockets together have only so much of.

use std::cell::Cell;
use std::rc::Rc;

/// What is taken of each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seats {
    /// How many clients follow logs.
    pub(crate) followers: Rc<Cell<usize>>,
    /// How many requests with large bodies are read or worked on.
    pub(crate) large_bodies: Rc<Cell<usize>>,
    /// How many bytes of large answers have not been taken by their clients.
    pub(crate) answer_bytes: Rc<Cell<usize>>,
}

/// A part of it, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    taken: Rc<Cell<usize>>,
    size: usize,
}

impl Seat {
    /// Takes one if fewer than `most` are taken.
    pub(crate) fn take(taken: &Rc<Cell<usize>>, most: usize) -> Option<Self> {
        Self::take_many(taken, 1, most)
    }

    /// Takes `size` of them if no more than `most` are taken then; one alone may have more.
    pub(crate) fn take_many(taken: &Rc<Cell<usize>>, size: usize, most: usize) -> Option<Self> {
        let before = taken.get();
        let fits = before.checked_add(size).is_some_and(|it| it <= most);
        if before > 0 && !fits {
            return None;
        }
        taken.set(before.saturating_add(size));
        Some(Self { taken: Rc::clone(taken), size })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.set(self.taken.get().saturating_sub(self.size));
    }
}
