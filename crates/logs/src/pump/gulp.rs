//! One gulp: the three ways from a pipe to where its bytes go.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::words::Words;
use super::{GULP_BYTES, Pump, SPLICE_BYTES_MAX, Stream};
use crate::ledger::Owner;
use crate::outlet::Spliced;
use crate::sink::{Beside, Stage, Wait};

/// What one gulp brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gulp {
    Bytes(usize),
    /// The pipe is empty, or its stream is held.
    Nothing,
    /// Nobody can write to the pipe any more.
    End,
}

/// How bytes get from a pipe to where they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The kernel moves them to the file, and they are looked at there if somebody wants to.
    Straight,
    /// By way of the ledger.
    Ledger,
    /// Through our memory alone: nothing is lost with them but a look.
    Memory,
}

/// The part of `buffer` that is filled at once.
fn up_to(buffer: &mut [u8], told: Option<usize>) -> &mut [u8] {
    let most = buffer.len().min(told.unwrap_or(usize::MAX));
    buffer.get_mut(..most).unwrap_or_default()
}

impl Stream {
    /// Whether somebody wants to see bytes, of which those who are told first may have heard.
    fn is_looked_at(&self, stage: Option<&Stage>, is_told: bool) -> bool {
        self.sink.is_watched(is_told) || stage.is_some()
    }

    fn way(&self, stage: Option<&Stage>, is_told: bool) -> Way {
        if stage.is_some_and(Stage::changes_bytes) {
            return Way::Ledger;
        }
        let is_looked_at = self.is_looked_at(stage, is_told);
        match self.sink.outlet() {
            None => Way::Memory,
            // There is nothing that could be lost.
            Some(outlet) if outlet.is_dropping() => Way::Memory,
            Some(outlet) if outlet.can_splice() && (!is_looked_at || outlet.can_read_back()) => Way::Straight,
            Some(_) => Way::Ledger,
        }
    }
}

impl Pump {
    /// Moves what is in a pipe, up to a gulp, to where it goes.
    pub(super) fn gulp(&mut self, token: u64) -> Gulp {
        let Some(pipe) = self.pipes.get_mut(&token) else { return Gulp::Nothing };
        let Some(stream) = self.streams.get_mut(&pipe.stream) else { return Gulp::End };
        if stream.wait != Wait::Nothing {
            return Gulp::Nothing; // It was ready before another pipe of its stream was held.
        }
        let is_heard = pipe.words != Words::Unheard;
        match self.listen(token) {
            Some(gulp) => gulp,
            None => self.move_on(token, (!is_heard).then_some(usize::MAX)),
        }
    }

    /// Moves what is in a pipe to where it goes: up to a gulp, or so many bytes of which everybody has heard.
    pub(super) fn move_on(&mut self, token: u64, told: Option<usize>) -> Gulp {
        let Some(pipe) = self.pipes.get_mut(&token) else { return Gulp::Nothing };
        let Some(stream) = self.streams.get_mut(&pipe.stream) else { return Gulp::End };
        if stream.wait != Wait::Nothing {
            return Gulp::Nothing;
        }
        self.gulp_count += 1;
        stream.used = self.gulp_count;
        let way = stream.way(pipe.stage.as_deref(), told.is_some());
        let key = pipe.stream;
        let gulp = match way {
            Way::Straight => self.move_straight(token, told),
            Way::Ledger => self.take_into_ledger(token, told),
            Way::Memory => self.read(token, told),
        };
        self.settle(key);
        gulp
    }

    fn move_straight(&mut self, token: u64, told: Option<usize>) -> Gulp {
        let Some(pipe) = self.pipes.get_mut(&token) else { return Gulp::Nothing };
        let Some(stream) = self.streams.get_mut(&pipe.stream) else { return Gulp::End };
        let is_looked_at = stream.is_looked_at(pipe.stage.as_deref(), told.is_some());
        let bytes_max = if is_looked_at { GULP_BYTES } else { SPLICE_BYTES_MAX };
        let bytes_max = bytes_max.min(told.unwrap_or(usize::MAX));
        let fd = pipe.fd.as_fd();
        let (count, at) = match stream.sink.splice(fd, bytes_max, &stream.id, &mut self.reports) {
            Spliced::Bytes { count, at } => (count, at),
            Spliced::Nothing => return Gulp::Nothing,
            Spliced::End => return Gulp::End,
            Spliced::Refused => return self.take_into_ledger(token, told),
        };
        if is_looked_at && let Some(room) = self.buffer.get_mut(..count) {
            let count = stream.sink.outlet().map_or(0, |it| it.read_back(room, at));
            let beside = &mut Beside {
                stream: &stream.id,
                child: pipe.child,
                is_told: told.is_some(),
                syslog: &mut self.syslog,
                reports: &mut self.reports,
            };
            let bytes = room.get(..count).unwrap_or_default();
            stream.sink.look(&mut pipe.stage, bytes, beside);
            stream.sink.copy(bytes);
        }
        stream.sink.settle(&stream.id, &mut self.reports);
        Gulp::Bytes(count)
    }

    fn take_into_ledger(&mut self, token: u64, told: Option<usize>) -> Gulp {
        let Some(pipe) = self.pipes.get(&token) else { return Gulp::Nothing };
        let Some(owner) = self.owner(token) else { return Gulp::End };
        let Some(ledger) = &mut self.ledger else { return self.read(token, told) };
        match ledger.take(owner, pipe.fd.as_fd(), up_to(&mut self.buffer, told)) {
            Ok(0) => Gulp::End,
            Ok(count) => self.digest_buffer(token, count, count, told.is_some()),
            Err(Errno::AGAIN | Errno::INTR) => Gulp::Nothing,
            // The kernel has no memory for it, say.
            Err(_) => self.read(token, told),
        }
    }

    fn read(&mut self, token: u64, told: Option<usize>) -> Gulp {
        let Some(pipe) = self.pipes.get(&token) else { return Gulp::Nothing };
        match rustix::io::read(&pipe.fd, up_to(&mut self.buffer, told)) {
            Ok(0) => Gulp::End,
            Ok(count) => self.digest_buffer(token, count, 0, told.is_some()),
            Err(Errno::AGAIN | Errno::INTR) => Gulp::Nothing,
            // A pipe has no other errors; whatever this is, it would not get better.
            Err(_) => Gulp::End,
        }
    }

    fn digest_buffer(&mut self, token: u64, count: usize, used: usize, is_told: bool) -> Gulp {
        let buffer = std::mem::take(&mut self.buffer);
        self.digest(token, buffer.get(..count).unwrap_or_default(), used, is_told);
        self.buffer = buffer;
        Gulp::Bytes(count)
    }

    /// Does with bytes what their stream wants done; `used` of them are on the desk of the ledger.
    pub(super) fn digest(&mut self, token: u64, bytes: &[u8], used: usize, is_told: bool) {
        let Some(pipe) = self.pipes.get_mut(&token) else { return };
        let Some(stream) = self.streams.get_mut(&pipe.stream) else { return };
        let beside = &mut Beside {
            stream: &stream.id,
            child: pipe.child,
            is_told,
            syslog: &mut self.syslog,
            reports: &mut self.reports,
        };
        let mut log = std::mem::take(&mut self.log);
        log.clear();
        stream.sink.take(&mut pipe.stage, bytes, &mut log, beside);
        let state = pipe.stage.as_deref().map(Stage::state).unwrap_or_default();
        self.deliver(token, used, &state, &log);
        self.log = log;
    }

    /// Writes what a gulp, or the end of a pipe, has made; `used` bytes of the desk and `state` go with it.
    pub(super) fn deliver(&mut self, token: u64, used: usize, state: &[u8], log: &[u8]) {
        let Some(owner) = self.owner(token) else { return };
        let Some(pipe) = self.pipes.get(&token) else { return };
        let Some(stream) = self.streams.get_mut(&pipe.stream) else { return };
        let debtor = stream.debtor;
        if let Some(ledger) = &mut self.ledger {
            match debtor {
                // What waits is all of one owner.
                Some(debtor) if !log.is_empty() => ledger.append(debtor, log),
                None if used > 0 || !log.is_empty() || ledger.has(owner) => {
                    let place = if log.is_empty() { None } else { stream.sink.place() };
                    ledger.commit(owner, used, (state, log), place);
                }
                Some(_) | None => {}
            }
        }
        stream.sink.write(log, &stream.id, &mut self.reports);
        if !log.is_empty() {
            stream.sink.copy(log);
        }
        let left = stream.sink.pending_bytes();
        if let Some(ledger) = &mut self.ledger
            && debtor.is_none()
            && !log.is_empty()
        {
            ledger.written(owner, left);
            stream.debtor = (left > 0).then_some(owner);
        }
        stream.sink.settle(&stream.id, &mut self.reports);
    }

    /// Goes on where an earlier pump ended.
    pub(super) fn take_up(&mut self, token: u64) {
        let Some(owner) = self.owner(token) else { return };
        let Some(ledger) = self.ledger.as_mut().filter(|it| it.has(owner)) else { return };
        let left = ledger.leftover(owner);
        let Some(pipe) = self.pipes.get_mut(&token) else { return };
        let Some(stream) = self.streams.get_mut(&pipe.stream) else { return };
        if let Some(stage) = &mut pipe.stage {
            stage.restore(&left.state);
        }
        let key = pipe.stream;
        if !left.output.is_empty() {
            let place = left.place.or_else(|| {
                let place = stream.sink.place();
                ledger.attempt(owner, place);
                place
            });
            stream.sink.redo(&left.output, place, &stream.id, &mut self.reports);
            let pending = stream.sink.pending_bytes();
            if !stream.sink.is_to_redo() {
                ledger.written(owner, pending);
            }
            stream.debtor = (pending > 0).then_some(owner);
            stream.sink.settle(&stream.id, &mut self.reports);
        }
        self.clear_desk(token);
        self.settle(key);
    }

    /// Does what an earlier pump had taken from a pipe and not come to do. What comes before it may have to wait; then it
    /// waits, too.
    fn clear_desk(&mut self, token: u64) {
        let Some(owner) = self.owner(token) else { return };
        let is_held = self.pipes.get(&token).and_then(|it| self.streams.get(&it.stream)?.debtor).is_some();
        let Some(ledger) = self.ledger.as_ref().filter(|it| !is_held && it.has(owner)) else { return };
        let desk = ledger.leftover(owner).desk;
        if !desk.is_empty() {
            // What a listener says was told before it was taken.
            let is_told = self.is_told_first(token);
            self.digest(token, &desk, desk.len(), is_told);
        }
    }

    /// Writes what a stream has waiting, as far as it goes.
    pub(super) fn write_pending(&mut self, key: u64) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let debtor = stream.debtor;
        let ledger = self.ledger.as_mut().zip(debtor);
        if let Some((ledger, debtor)) = ledger {
            ledger.attempt(debtor, stream.sink.place());
        }
        stream.sink.resume(&stream.id, &mut self.reports);
        let left = stream.sink.pending_bytes();
        let pipes = stream.pipes.clone();
        if let Some((ledger, debtor)) = self.ledger.as_mut().zip(debtor)
            && !stream.sink.is_to_redo()
        {
            ledger.written(debtor, left);
            if left == 0 {
                stream.debtor = None;
                let is_attached = |it: &u64| self.pipes.get(it).is_some_and(|it| it.child == debtor.child);
                if !pipes.iter().any(is_attached) {
                    ledger.forget(debtor);
                }
            }
        }
        stream.sink.settle(&stream.id, &mut self.reports);
        if debtor.is_some() && left == 0 {
            for token in pipes {
                self.clear_desk(token);
            }
        }
    }

    pub(super) fn owner(&self, token: u64) -> Option<Owner> {
        let pipe = self.pipes.get(&token)?;
        let stream = self.streams.get(&pipe.stream)?;
        Some(Owner { child: pipe.child, channel: stream.id.channel })
    }
}
