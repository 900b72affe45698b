//! The inner workings: single gulps, and who is watched when.

use std::time::Duration;

use os::poll::{Interest, READY_MAX};
use rustix::pipe::fcntl_setpipe_size;

use super::gulp::Gulp;
use super::pace::{REST_MAX, REST_MAX_LOOKED_AT};
use super::words::Words;
use super::{
    FILES_OPEN_MAX, LARGE_PIPES_MAX, Mirror, PIPE_BYTES, PIPE_BYTES_LARGE, PIPES_PER_STREAM_MAX, Pipe, Pump,
    RETRY_EVERY, Report, Stream, StreamId, StreamOptions, Trouble,
};
use crate::outlet::Outlet;
use crate::sink::{Beside, Sink, Wait};

/// The token of the alarm: below all others.
pub(super) const ALARM: u64 = 0;

/// The token of the press.
pub(super) const PRESS: u64 = 1;

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
        let sink = Sink::empty();
        let (pipes, wait) = (Vec::new(), Wait::Nothing);
        let stream = Stream { id, options, sink, pipes, wait, has_file_open: false, used: 0, debtor: None };
        self.streams.insert(key, Box::new(stream));
        key
    }

    /// Lists what has something to do: what the kernel says, and the pipes that have rested. Returns whether
    /// there may be more.
    pub(super) fn gather(&mut self) -> bool {
        let mut ready = std::mem::take(&mut self.heard);
        // Fails only when the kernel is out of memory; the next turn asks again.
        let _ = self.poller.wait(&mut ready, Some(Duration::ZERO));
        let more = ready.len() == READY_MAX;
        for token in ready.iter().rev().map(|it| it.token) {
            match token {
                ALARM => self.alarm.hear(),
                PRESS => self.tend_press(),
                token => self.ready.push(token),
            }
        }
        self.heard = ready;
        while let Some((_, token)) = self.resting.first().copied().filter(|it| it.0 <= self.now) {
            self.resting.pop_first();
            if let Some(pipe) = self.pipes.get_mut(&token) {
                pipe.rests_until = None;
                self.ready.push(token);
            }
        }
        more
    }

    /// Does what a descriptor is ready for; returns how many bytes that brought.
    pub(super) fn attend(&mut self, token: u64) -> usize {
        if !token.is_multiple_of(2) {
            self.resume(token - 1);
            return 0;
        }
        match self.gulp(token) {
            Gulp::Bytes(count) => {
                self.pace(token, count);
                count
            }
            Gulp::Nothing => {
                self.calm(token);
                0
            }
            Gulp::End => {
                self.end(token);
                0
            }
        }
    }

    /// Leaves a pipe alone for a while, or watches it.
    fn pace(&mut self, token: u64, bytes: usize) {
        let Some(pipe) = self.pipes.get_mut(&token) else { return };
        let Some(stream) = self.streams.get(&pipe.stream) else { return };
        let most = match stream.options.mirror {
            Mirror::Nothing if self.followers.get() == 0 => REST_MAX,
            Mirror::Nothing | Mirror::Shown => REST_MAX_LOOKED_AT,
            // A protocol is spoken there: each answer is waited for.
            Mirror::Raw => Duration::ZERO,
        };
        if bytes >= pipe.capacity / 2 && pipe.capacity < PIPE_BYTES_LARGE && self.large < LARGE_PIPES_MAX {
            // Refused to those who may have no more of them (`pipe(7)`).
            if let Ok(capacity) = fcntl_setpipe_size(&pipe.fd, PIPE_BYTES_LARGE) {
                pipe.capacity = capacity;
                self.large += 1;
            }
        }
        let is_held = stream.wait != Wait::Nothing;
        match pipe.pace.next(self.now, bytes, pipe.capacity, most) {
            Some(until) if !is_held => {
                pipe.rests_until = Some(until);
                self.resting.insert((until, token));
                self.unwatch(token);
            }
            Some(_) | None if is_held => {}
            Some(_) | None => self.watch(token),
        }
    }

    /// A pipe has turned out to be empty: it is watched, and no larger than others.
    fn calm(&mut self, token: u64) {
        let Some(pipe) = self.pipes.get_mut(&token) else { return };
        if pipe.capacity >= PIPE_BYTES_LARGE && fcntl_setpipe_size(&pipe.fd, PIPE_BYTES).is_ok() {
            pipe.capacity = PIPE_BYTES;
            self.large = self.large.saturating_sub(1);
        }
        if self.streams.get(&pipe.stream).is_some_and(|it| it.wait == Wait::Nothing) {
            self.watch(token);
        }
    }

    /// Reads what is in a pipe now. Not more: whoever still writes to it could keep us here.
    pub(super) fn empty(&mut self, token: u64) {
        // Nearly always nothing is left but its end, so that this is only asked when something was.
        let mut left = None;
        loop {
            let count = match self.gulp(token) {
                Gulp::Bytes(count) => u64::try_from(count).unwrap_or(u64::MAX),
                Gulp::Nothing => return,
                Gulp::End => return self.end(token),
            };
            let Some(pipe) = self.pipes.get(&token) else { return };
            // Once more than there are bytes, so as to see whether it has ended.
            left = match left {
                None => Some(rustix::io::ioctl_fionread(&pipe.fd).unwrap_or(0)),
                Some(0) => return,
                Some(left) => Some(u64::saturating_sub(left, count)),
            };
        }
    }

    /// Closes a pipe, with what its end sets free.
    pub(super) fn end(&mut self, token: u64) {
        self.finish(token);
        self.unwatch(token);
        let Some(pipe) = self.pipes.remove(&token) else { return };
        self.large = self.large.saturating_sub(usize::from(pipe.capacity >= PIPE_BYTES_LARGE));
        if let Some(tokens) = self.of_child.get_mut(&pipe.child) {
            tokens.retain(|it| *it != token);
            if tokens.is_empty() {
                self.of_child.remove(&pipe.child);
            }
        }
        let Some(stream) = self.streams.get_mut(&pipe.stream) else { return };
        stream.pipes.retain(|it| *it != token);
        stream.sink.finish_copies();
        self.reports.push(Report::Ended { stream: stream.id.clone(), child: pipe.child });
        self.settle(pipe.stream);
    }

    /// Lets go of what a pipe holds back.
    fn finish(&mut self, token: u64) {
        let Some(pipe) = self.pipes.get_mut(&token) else { return };
        let Some(stream) = self.streams.get_mut(&pipe.stream) else { return };
        let mut log = Vec::new();
        if let Some(stage) = &mut pipe.stage {
            let beside = &mut Beside {
                stream: &stream.id,
                child: pipe.child,
                is_told: false,
                syslog: &mut self.syslog,
                reports: &mut self.reports,
            };
            stream.sink.finish(stage, &mut log, beside);
        }
        self.deliver(token, 0, &[], &log);
        let debtor =
            self.streams.get(&self.pipes.get(&token).map_or(0, |it| it.stream)).and_then(|it| it.debtor);
        if let (Some(owner), Some(ledger)) = (self.owner(token), &mut self.ledger)
            && debtor != Some(owner)
            && ledger.has(owner)
        {
            ledger.forget(owner);
        }
    }

    /// Makes sure that a stream can have one more pipe.
    pub(super) fn make_room(&mut self, key: u64) {
        let Some(stream) = self.streams.get(&key) else { return };
        if stream.pipes.len() < PIPES_PER_STREAM_MAX {
            return;
        }
        let Some(oldest) = stream.pipes.first().copied() else { return };
        let id = stream.id.clone();
        self.stop_listening(oldest);
        self.empty(oldest);
        if let Some(pipe) = self.pipes.get(&oldest) {
            let trouble = Trouble::Abandoned { child: pipe.child };
            self.reports.push(Report::Trouble { stream: id, trouble });
            self.end(oldest);
        }
    }

    /// Tries to write what a stream has waiting.
    pub(super) fn resume(&mut self, key: u64) {
        self.write_pending(key);
        self.settle(key);
    }

    /// Watches what must be watched, now that a stream may have become held or free.
    pub(super) fn settle(&mut self, key: u64) {
        self.look_after(key);
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
    pub(super) fn arm(&mut self) {
        if self.stalled.is_empty() && self.unwatched.is_empty() && self.lagging.is_empty() {
            self.retry_at = os::clock::mono() + RETRY_EVERY;
        }
    }

    /// Has a pipe wake us.
    pub(super) fn watch(&mut self, token: u64) {
        let may_wake = |it: &&mut Pipe| {
            !it.is_watched && it.rests_until.is_none() && !matches!(it.words, Words::Shown(_))
        };
        let Some(pipe) = self.pipes.get_mut(&token).filter(may_wake) else { return };
        pipe.is_watched = self.poller.add(&pipe.fd, token, Interest::Read).is_ok();
        if !pipe.is_watched {
            self.arm();
            self.unwatched.insert(token);
        }
    }

    /// Has it wake us no more, whether it was watched or rested.
    pub(super) fn unwatch(&mut self, token: u64) {
        self.unwatched.remove(&token);
        let Some(pipe) = self.pipes.get_mut(&token) else { return };
        if std::mem::take(&mut pipe.is_watched) {
            // It was added, and cannot have gone since.
            let _ = self.poller.remove(&pipe.fd);
        }
    }

    fn watch_pipes(&mut self, key: u64) {
        for token in self.streams.get(&key).map(|it| it.pipes.clone()).unwrap_or_default() {
            self.watch(token);
        }
    }

    fn unwatch_pipes(&mut self, key: u64) {
        for token in self.streams.get(&key).map(|it| it.pipes.clone()).unwrap_or_default() {
            self.wake(token);
            self.unwatch(token);
        }
    }

    /// Ends the rest of a pipe.
    pub(super) fn wake(&mut self, token: u64) {
        let Some(pipe) = self.pipes.get_mut(&token) else { return };
        if let Some(until) = pipe.rests_until.take() {
            self.resting.remove(&(until, token));
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
        let mut open: Vec<_> = self.streams.values_mut().filter(|it| it.has_file_open).collect();
        open.sort_unstable_by_key(|it| it.used);
        let half = open.len().div_ceil(2);
        for stream in open.into_iter().take(half) {
            stream.sink.rest();
            stream.has_file_open = false;
            self.files_open = self.files_open.saturating_sub(1);
        }
    }
}
