//! What listeners say: shown before it is taken, so that it is lost with nobody.
//!
//! A word that has left its pipe and is written down nowhere dies with us, and then its listener waits for an answer
//! for ever. So we look into the pipe first (`tee(2)` copies without taking), report [what is there](Report::Saying), and
//! take it out only when we are told that it has been [written down](Pump::take_words). A daemon that dies anywhere in
//! between leaves the words in the pipe, on paper, or both; [`Pump::still_says`] tells which.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use model::child::ChildId;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, tee};

use super::gulp::Gulp;
use super::{GULP_BYTES, Mirror, Pump, Report};
use crate::sink::Wait;

/// How far the words in a pipe have got.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Words {
    /// Nobody has looked for any.
    #[default]
    Unread,
    /// They were shown, and are still in the pipe.
    Shown(Vec<u8>),
    /// They are written down, and all but the last `left` bytes are out of the pipe.
    Taken { words: Vec<u8>, left: usize },
    /// Nobody listens any more: there is only the log.
    Unheard,
}

/// A pipe of our own, into which the bytes of others are copied to be looked at.
#[derive(Debug)]
pub(super) struct Peephole {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Peephole {
    fn new() -> Option<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        Some(Self { reader, writer })
    }

    /// What is in `pipe`, up to a page of memory for each of the few buffers a pipe has; nothing at its end.
    fn look(&self, pipe: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
        let count = tee(pipe, &self.writer, GULP_BYTES, SpliceFlags::NONBLOCK)?;
        let mut bytes = vec![0; count];
        let mut read = 0;
        while let Some(room) = bytes.get_mut(read..).filter(|it| !it.is_empty()) {
            match rustix::io::read(&self.reader, room)? {
                0 => return Err(Errno::IO),
                count => read += count,
            }
        }
        Ok(bytes)
    }
}

impl Pump {
    /// What listeners said is written down: it is taken out of the pipe of `child`, and then
    /// [told](Report::Said).
    pub fn take_words(&mut self, child: ChildId) {
        for token in self.of_child.get(&child).cloned().unwrap_or_default() {
            let Some(pipe) = self.pipes.get_mut(&token) else { continue };
            match std::mem::take(&mut pipe.words) {
                Words::Shown(words) => {
                    let left = words.len();
                    pipe.words = Words::Taken { words, left };
                    self.take_out(token);
                }
                other @ (Words::Unread | Words::Taken { .. } | Words::Unheard) => pipe.words = other,
            }
        }
    }

    /// Whether `words`, which an earlier pump has shown, are still in the pipe of `child`.
    ///
    /// A listener does not say the same thing twice without an answer in between, so that what looks the same is.
    pub fn still_says(&mut self, child: ChildId, words: &[u8]) -> bool {
        let tokens = self.of_child.get(&child).cloned().unwrap_or_default();
        let hears = |it: &&u64| self.is_listened_to(**it);
        let Some(token) = tokens.iter().find(hears) else { return false };
        let there = self.look_into(*token).and_then(Result::ok).unwrap_or_default();
        !words.is_empty() && there.starts_with(words)
    }

    fn is_listened_to(&self, token: u64) -> bool {
        let stream = self.pipes.get(&token).and_then(|it| self.streams.get(&it.stream));
        stream.is_some_and(|it| it.options.mirror == Mirror::Raw)
    }

    /// Whether what is in a pipe is told before it is taken.
    pub(super) fn is_told_first(&mut self, token: u64) -> bool {
        self.is_listened_to(token) && self.has_peephole()
    }

    fn has_peephole(&mut self) -> bool {
        if self.peephole.is_none() {
            self.peephole = Peephole::new();
        }
        self.peephole.is_some()
    }

    /// `None` where the kernel does not allow to look.
    fn look_into(&mut self, token: u64) -> Option<Result<Vec<u8>, Errno>> {
        if !self.has_peephole() {
            return None;
        }
        let (pipe, peephole) = (self.pipes.get(&token)?, self.peephole.as_ref()?);
        match peephole.look(pipe.fd.as_fd()) {
            Err(errno) if errno != Errno::AGAIN && errno != Errno::INTR => None,
            seen => Some(seen),
        }
    }

    /// Whether the bytes of a pipe are to be looked at before they are moved, and what that brought. `None`: they are
    /// moved as those of any other.
    pub(super) fn listen(&mut self, token: u64) -> Option<Gulp> {
        if !self.is_listened_to(token) {
            return None;
        }
        match self.pipes.get(&token)?.words {
            Words::Unread => {}
            Words::Shown(_) => {
                // Whoever was told has not taken them: there is nothing to wake us for until then. Mostly they are taken
                // before anybody looks again, and two system calls for each answer are saved.
                self.unwatch(token);
                return Some(Gulp::Nothing);
            }
            Words::Taken { .. } => return Some(self.take_out(token)),
            Words::Unheard => return None,
        }
        match self.look_into(token)? {
            Err(_) => Some(Gulp::Nothing),
            Ok(words) if words.is_empty() => Some(Gulp::End),
            Ok(words) => {
                let count = words.len();
                self.show(token, words);
                Some(Gulp::Bytes(count))
            }
        }
    }

    fn show(&mut self, token: u64, words: Vec<u8>) {
        let Some(pipe) = self.pipes.get_mut(&token) else { return };
        let Some(stream) = self.streams.get(&pipe.stream) else { return };
        let (stream, child) = (stream.id.clone(), pipe.child);
        self.reports.push(Report::Saying { stream, child, bytes: words.clone() });
        pipe.words = Words::Shown(words);
    }

    /// Moves what is written down to where it goes, as far as that takes it.
    fn take_out(&mut self, token: u64) -> Gulp {
        let mut moved = 0;
        while let Some(left) = self.left(token).filter(|it| *it > 0) {
            let Gulp::Bytes(count) = self.move_on(token, Some(left)) else { break };
            moved += count;
            if let Some(Words::Taken { left, .. }) = self.pipes.get_mut(&token).map(|it| &mut it.words) {
                *left = left.saturating_sub(count);
            }
        }
        if self.left(token) == Some(0) {
            self.tell_words(token);
        }
        if moved > 0 { Gulp::Bytes(moved) } else { Gulp::Nothing }
    }

    fn left(&self, token: u64) -> Option<usize> {
        match self.pipes.get(&token)?.words {
            Words::Taken { left, .. } => Some(left),
            Words::Unread | Words::Shown(_) | Words::Unheard => None,
        }
    }

    fn tell_words(&mut self, token: u64) {
        let Some(pipe) = self.pipes.get_mut(&token) else { return };
        let Words::Taken { words: bytes, .. } = std::mem::take(&mut pipe.words) else { return };
        let Some(stream) = self.streams.get(&pipe.stream) else { return };
        let is_free = stream.wait == Wait::Nothing;
        self.reports.push(Report::Said { stream: stream.id.clone(), child: pipe.child, bytes });
        if is_free {
            self.watch(token);
        }
    }

    /// Whether words of this child are shown and wait to be taken.
    pub(super) fn has_shown(&self, child: ChildId) -> bool {
        let tokens = self.of_child.get(&child).into_iter().flatten();
        let words = tokens.filter_map(|it| self.pipes.get(it)).map(|it| &it.words);
        words.into_iter().any(|it| matches!(it, Words::Shown(_)))
    }

    /// Nobody will hear what is in this pipe.
    pub(super) fn stop_listening(&mut self, token: u64) {
        if let Some(pipe) = self.pipes.get_mut(&token) {
            pipe.words = Words::Unheard;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::StreamOptions;
    use super::super::tests::{Bench, stream};
    use super::*;

    fn said(bytes: &[u8]) -> Report {
        Report::Said { stream: stream("ear"), child: ChildId(1), bytes: bytes.to_owned() }
    }

    fn saying(bytes: &[u8]) -> Report {
        Report::Saying { stream: stream("ear"), child: ChildId(1), bytes: bytes.to_owned() }
    }

    fn listened(bench: &mut Bench, options: StreamOptions) {
        let path = Some(bench.path("ear"));
        let options = StreamOptions { path, mirror: Mirror::Raw, ..options };
        bench.pump.open(stream("ear"), options).unwrap();
    }

    #[test]
    fn words_stay_in_their_pipe_until_they_are_written_down() {
        for strip_ansi in [false, true] {
            let mut bench = Bench::new();
            listened(&mut bench, StreamOptions { strip_ansi, ..StreamOptions::default() });
            let mut child = bench.child("ear", 1);
            child.write_all(b"READY\n").unwrap();
            assert_eq!(bench.settle(), [saying(b"READY\n")]);
            assert_eq!(bench.written("ear"), "", "nothing has left the pipe");
            assert!(bench.pump.still_says(ChildId(1), b"READY\n"));
            child.write_all(b"more").unwrap();
            assert_eq!(bench.settle(), [], "one thing after the other");
            bench.pump.take_words(ChildId(1));
            assert_eq!(bench.pump.reports(), [said(b"READY\n")]);
            assert_eq!(bench.written("ear"), "READY\n");
            assert!(!bench.pump.still_says(ChildId(1), b"READY\n"));
            assert_eq!(bench.settle(), [saying(b"more")]);
            assert!(bench.pump.drain(ChildId(1)), "it waits to be written down");
            bench.pump.take_words(ChildId(1));
            assert!(!bench.pump.drain(ChildId(1)));
            assert_eq!(bench.written("ear"), "READY\nmore");
            drop(child);
            bench.pump.reports();
            let ended = Report::Ended { stream: stream("ear"), child: ChildId(1) };
            assert_eq!(bench.settle(), [ended]);
        }
    }

    #[test]
    fn what_nobody_will_hear_goes_to_the_log_all_the_same() {
        let mut bench = Bench::new();
        listened(&mut bench, StreamOptions::default());
        let mut child = bench.child("ear", 1);
        child.write_all(b"READY\n").unwrap();
        assert_eq!(bench.settle(), [saying(b"READY\n")]);
        child.write_all(b"last words\n").unwrap();
        bench.pump.close(&stream("ear"));
        assert_eq!(bench.written("ear"), "READY\nlast words\n");
    }

    #[test]
    fn a_pump_that_is_not_told_is_asked_again_by_nobody() {
        let mut bench = Bench::new();
        listened(&mut bench, StreamOptions::default());
        let mut child = bench.child("ear", 1);
        child.write_all(b"READY\n").unwrap();
        bench.settle();
        let token = *bench.pump.pipes.keys().next().unwrap();
        assert_eq!(bench.pump.gulp(token), Gulp::Nothing);
        bench.pump.take_words(ChildId(2));
        assert_eq!(bench.pump.reports(), []);
    }
}
