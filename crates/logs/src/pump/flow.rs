//! The inner workings: single gulps, and who is watched when.

use os::poll::{Interest, Ready};
use rustix::io::Errno;

use super::{
    FILES_OPEN_MAX, PIPES_PER_STREAM_MAX, Pump, RETRY_EVERY, Report, Stream, StreamId, StreamOptions, Trouble,
};
use crate::outlet::Outlet;
use crate::sink::{Beside, Sink, Wait};

/// What one gulp brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gulp {
    Bytes(usize),
    /// The pipe is empty, or its stream is held.
    Nothing,
    /// Nobody can write to the pipe any more.
    End,
}

/// The token under which the target of a stream is watched; pipes have the even numbers.
const fn target_token(key: u64) -> u64 {
    key + 1
}

impl Pump {
    /// A number for a stream or a pipe, with the odd one above it free for a stream's target.
    pub(super) const fn number(&mut self) -> u64 {
        self.next += 2;
        self.next
    }

    /// The key of a stream, which is made if there is none.
    pub(super) fn key(&mut self, id: StreamId) -> u64 {
        if let Some(key) = self.keys.get(&id) {
            return *key;
        }
        let key = self.number();
        self.keys.insert(id.clone(), key);
        let options = StreamOptions::default();
        let sink = Sink::new(options.mirror, None);
        let (pipes, wait) = (Vec::new(), Wait::Nothing);
        self.streams.insert(key, Stream { id, options, sink, pipes, wait, has_file_open: false, used: 0 });
        key
    }

    /// Does what a descriptor is ready for; returns how many bytes that brought.
    pub(super) fn attend(&mut self, ready: Ready) -> usize {
        if !ready.token.is_multiple_of(2) {
            self.resume(ready.token - 1);
            return 0;
        }
        match self.gulp(ready.token) {
            Gulp::Bytes(count) => count,
            Gulp::Nothing => 0,
            Gulp::End => {
                self.end(ready.token);
                0
            }
        }
    }

    /// Moves what is in a pipe, up to the size of the buffer, to where it goes.
    ///
    /// This is the place to choose *how*: a stream without a stage and without onlookers could go
    /// from its pipe to its file by `splice`, without passing through here.
    fn gulp(&mut self, token: u64) -> Gulp {
        let Some(pipe) = self.pipes.get_mut(&token) else { return Gulp::Nothing };
        let Some(stream) = self.streams.get_mut(&pipe.stream) else { return Gulp::End };
        if stream.wait != Wait::Nothing {
            return Gulp::Nothing; // It was ready before another pipe of its stream was held.
        }
        let count = match rustix::io::read(&pipe.fd, self.buffer.as_mut_slice()) {
            Ok(0) => return Gulp::End,
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Gulp::Nothing,
            // A pipe has no other errors; whatever this is, it would not get better.
            Err(_) => return Gulp::End,
        };
        let bytes = self.buffer.get(..count).unwrap_or_default();
        let beside = &mut Beside {
            stream: &stream.id,
            child: pipe.child,
            syslog: &mut self.syslog,
            reports: &mut self.reports,
        };
        stream.sink.take(&mut pipe.stage, bytes, beside);
        self.gulp_count += 1;
        stream.used = self.gulp_count;
        let key = pipe.stream;
        self.settle(key);
        Gulp::Bytes(count)
    }

    /// Reads what is in a pipe now. Not more: whoever still writes to it could keep us here.
    pub(super) fn empty(&mut self, token: u64) {
        let Some(pipe) = self.pipes.get(&token) else { return };
        let mut left = rustix::io::ioctl_fionread(&pipe.fd).unwrap_or(0);
        loop {
            // Once more than there are bytes, so as to see whether it has ended.
            match self.gulp(token) {
                Gulp::Bytes(count) if left > 0 => {
                    left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
                }
                Gulp::Bytes(_) | Gulp::Nothing => return,
                Gulp::End => return self.end(token),
            }
        }
    }

    /// Closes a pipe, with what its end sets free.
    pub(super) fn end(&mut self, token: u64) {
        let Some(mut pipe) = self.pipes.remove(&token) else { return };
        // It is not there while its stream is held.
        let _ = self.poller.remove(&pipe.fd);
        self.unwatched.remove(&token);
        if let Some(tokens) = self.of_child.get_mut(&pipe.child) {
            tokens.retain(|it| *it != token);
            if tokens.is_empty() {
                self.of_child.remove(&pipe.child);
            }
        }
        let Some(stream) = self.streams.get_mut(&pipe.stream) else { return };
        stream.pipes.retain(|it| *it != token);
        if let Some(stage) = &mut pipe.stage {
            let beside = &mut Beside {
                stream: &stream.id,
                child: pipe.child,
                syslog: &mut self.syslog,
                reports: &mut self.reports,
            };
            stream.sink.finish(stage, beside);
        }
        self.reports.push(Report::Ended { stream: stream.id.clone(), child: pipe.child });
        self.settle(pipe.stream);
    }

    /// Makes sure that a stream can have one more pipe.
    pub(super) fn make_room(&mut self, key: u64) {
        let Some(stream) = self.streams.get(&key) else { return };
        if stream.pipes.len() < PIPES_PER_STREAM_MAX {
            return;
        }
        let Some(oldest) = stream.pipes.first().copied() else { return };
        let id = stream.id.clone();
        self.empty(oldest);
        if let Some(pipe) = self.pipes.get(&oldest) {
            let trouble = Trouble::Abandoned { child: pipe.child };
            self.reports.push(Report::Trouble { stream: id, trouble });
            self.end(oldest);
        }
    }

    /// Tries to write what a stream has waiting.
    pub(super) fn resume(&mut self, key: u64) {
        if let Some(stream) = self.streams.get_mut(&key) {
            stream.sink.resume(&stream.id, &mut self.reports);
        }
        self.settle(key);
    }

    /// Watches what must be watched, now that a stream may have become held or free.
    fn settle(&mut self, key: u64) {
        self.count_file(key);
        let Some(stream) = self.streams.get(&key) else { return };
        let (was, mut wait) = (stream.wait, stream.sink.wait());
        if was == wait {
            return;
        }
        match was {
            Wait::Nothing => self.unwatch_pipes(key),
            Wait::Target => self.unwatch_target(key),
            Wait::Clock => {}
        }
        self.stalled.remove(&key);
        if wait == Wait::Target && !self.watch_target(key) {
            wait = Wait::Clock;
        }
        if let Some(stream) = self.streams.get_mut(&key) {
            stream.wait = wait;
        }
        match wait {
            Wait::Nothing => self.watch_pipes(key),
            Wait::Target => {}
            Wait::Clock => {
                self.arm();
                self.stalled.insert(key);
            }
        }
    }

    /// Sets the time of the next attempt, unless one is due already.
    fn arm(&mut self) {
        if self.stalled.is_empty() && self.unwatched.is_empty() {
            self.retry_at = os::clock::mono() + RETRY_EVERY;
        }
    }

    /// Has a pipe wake us.
    pub(super) fn watch(&mut self, token: u64) {
        let Some(pipe) = self.pipes.get(&token) else { return };
        if self.poller.add(&pipe.fd, token, Interest::Read).is_err() {
            self.arm();
            self.unwatched.insert(token);
        }
    }

    fn watch_pipes(&mut self, key: u64) {
        for token in self.streams.get(&key).map(|it| it.pipes.clone()).unwrap_or_default() {
            self.watch(token);
        }
    }

    fn unwatch_pipes(&mut self, key: u64) {
        let Some(stream) = self.streams.get(&key) else { return };
        for token in &stream.pipes {
            self.unwatched.remove(token);
            if let Some(pipe) = self.pipes.get(token) {
                // One that could not be watched is not there.
                let _ = self.poller.remove(&pipe.fd);
            }
        }
    }

    fn watch_target(&self, key: u64) -> bool {
        let target = self.streams.get(&key).and_then(|it| it.sink.outlet()?.descriptor());
        target.is_some_and(|it| self.poller.add(it, target_token(key), Interest::Write).is_ok())
    }

    /// Forgets the target of a stream, whose descriptor may be about to change.
    pub(super) fn unwatch_target(&mut self, key: u64) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        if stream.wait != Wait::Target {
            return;
        }
        if let Some(target) = stream.sink.outlet().and_then(Outlet::descriptor) {
            let _ = self.poller.remove(target);
        }
        // Until somebody looks again it waits for the clock, whatever happens in between.
        stream.wait = Wait::Clock;
        self.arm();
        self.stalled.insert(key);
    }

    /// Counts the open files, and lets some rest if there are too many.
    fn count_file(&mut self, key: u64) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let is_open = stream.sink.outlet().is_some_and(Outlet::is_file_open);
        if is_open == stream.has_file_open {
            return;
        }
        stream.has_file_open = is_open;
        if is_open {
            self.files_open += 1;
        } else {
            self.files_open -= 1;
        }
        if self.files_open > FILES_OPEN_MAX {
            self.rest_idle();
        }
    }

    /// Closes the half of the open files that were written least recently: half, so that this need
    /// not be done again soon.
    pub(super) fn rest_idle(&mut self) {
        let mut open: Vec<&mut Stream> = self.streams.values_mut().filter(|it| it.has_file_open).collect();
        open.sort_unstable_by_key(|it| it.used);
        let half = open.len().div_ceil(2);
        for stream in open.into_iter().take(half) {
            stream.sink.rest();
            stream.has_file_open = false;
            self.files_open = self.files_open.saturating_sub(1);
        }
    }
}
