//! Moves what children write from their pipes to where it belongs.

mod alarm;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod deaths;
mod flow;
mod gulp;
mod pace;
mod report;
#[cfg(test)]
mod tests;
mod upkeep;
#[cfg(test)]
mod upkeep_tests;
mod words;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use model::child::{Channel, ChildId};
use model::keeping::{LogFormat, OnFull};
use model::name::FullName;
use model::time::Mono;
use os::poll::{Interest, Poller, Ready};
use rustix::pipe::fcntl_getpipe_size;

use self::alarm::Alarm;
use self::pace::Pace;
pub use self::report::{Report, Trouble};
use self::words::{Peephole, Words};
use crate::file::{LogFile, MODE, OpenError, Rotation};
use crate::ledger::{Ledger, Owner};
use crate::outlet::Outlet;
use crate::press::Press;
use crate::sink::{Files, Sink, Stage, Wait};
use crate::syslog::{IDENT, SOCKET, Syslog};
use crate::upkeep::Upkeep;

/// How much is read from a pipe at once: twice what a pipe holds unless somebody enlarged it, and
/// what the original reads, so that files exceed their limit by no more than they used to. One
/// buffer serves all streams.
pub const GULP_BYTES: usize = 128 * 1024;

/// How much the kernel moves at once from a pipe to a file where nobody looks on: all that a large pipe
/// holds.
const SPLICE_BYTES_MAX: usize = 1024 * 1024;

/// How many bytes one turn tells others of, but for its last gulp. What they make of them costs far more than moving them:
/// an event for each pool, say, which is written down before anything else is done.
const TOLD_BYTES_MAX: usize = 256 * 1024;

/// How large a pipe is, and how large one is made that is filled faster than it is looked at: an
/// unprivileged user's largest (`pipe-max-size` in `pipe(7)`).
const PIPE_BYTES: usize = 64 * 1024;
const PIPE_BYTES_LARGE: usize = 1024 * 1024;

/// How many pipes are that large at once. Each may hold its size in the kernel's memory.
const LARGE_PIPES_MAX: usize = 64;

/// How many pipes of one stream are read: that of the present child, and those of earlier ones that
/// their own children hold open. With one more, the oldest is closed.
pub const PIPES_PER_STREAM_MAX: usize = 8;

/// How many log files are open at once. Beyond that, those that were written least recently are
/// closed until they are written again: of 10,000 programs most are silent, and descriptors are
/// scarce.
pub const FILES_OPEN_MAX: usize = 1024;

/// How long a stream that cannot be written waits before it tries again.
pub const RETRY_EVERY: Duration = Duration::from_secs(1);

/// One stream of one process, over all its children.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// The process.
    pub name: FullName,
    /// Which of its two.
    pub channel: Channel,
}

/// Who looks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mirror {
    /// Nobody: nothing is copied.
    #[default]
    Nothing,
    /// Somebody wants to see what the log gets, and what was captured instead.
    Shown,
    /// Somebody wants every byte as it was read.
    Raw,
}

/// Where a stream goes and what is done to it on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamOptions {
    /// Its log; none: it is read and dropped.
    pub path: Option<PathBuf>,
    /// Rotate when the log has this many bytes; zero or less: never.
    pub maxbytes: i64,
    /// How many rotated logs to keep; zero or less: cut the log off instead.
    pub backups: i64,
    /// How many bytes between capture tokens to keep; zero or less: do not look for tokens.
    pub capture_maxbytes: i64,
    /// Whether each line also goes to the system log.
    pub syslog: bool,
    /// Whether terminal sequences are taken out.
    pub strip_ansi: bool,
    /// Whether chunks are reported.
    pub mirror: Mirror,
    /// When else the log is rotated, and what is done with rotated files.
    pub upkeep: Upkeep,
    /// What a line looks like in the log.
    pub format: LogFormat,
    /// What becomes of bytes that the log does not take.
    pub on_full: OnFull,
    /// What gets a copy of what the log gets.
    pub also: Vec<PathBuf>,
}

/// What one turn has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// How many bytes it has read.
    pub bytes: usize,
    /// Whether it stopped before it had looked at every pipe.
    pub more: bool,
}

/// The pipes of all children and the logs they go to.
///
/// Its descriptor is readable when a [turn](Self::turn) would do something; it is level-triggered,
/// so that a turn may stop anywhere. Between turns nothing runs and nothing is buffered but what a
/// log refused: one gulp for each pipe of a stream that is held.
#[derive(Debug)]
pub struct Pump {
    poller: Poller,
    /// What was ready and has not been looked at, last first.
    ready: Vec<u64>,
    /// Kept for its room.
    heard: Vec<Ready>,
    buffer: Vec<u8>,
    /// What a gulp has made for a log; kept for its room.
    log: Vec<u8>,
    /// `None` where the kernel has no files in memory.
    ledger: Option<Ledger>,
    /// Streams that drop bytes, or whose copies have some waiting.
    lagging: BTreeSet<u64>,
    /// Makes rotated files smaller; for those streams it is still to do so.
    press: Press,
    to_press: BTreeSet<u64>,
    /// Pipes that are left alone for a while.
    resting: BTreeSet<(Mono, u64)>,
    /// Rings when the first of them has rested.
    alarm: Alarm,
    /// When this turn began.
    now: Mono,
    /// How many clients follow log files as they grow.
    followers: Rc<Cell<usize>>,
    /// How many pipes are large.
    large: usize,
    /// Boxed: a stream is large, and a map is half room that nobody uses.
    streams: BTreeMap<u64, Box<Stream>>,
    keys: BTreeMap<StreamId, u64>,
    pipes: BTreeMap<u64, Pipe>,
    of_child: BTreeMap<ChildId, Vec<u64>>,
    /// Streams and pipes are numbered from here on. No number is used twice: what the kernel says
    /// about a pipe that is gone must not be taken for news of another.
    next: u64,
    /// Streams that wait for the clock.
    stalled: BTreeSet<u64>,
    /// Pipes that the kernel had no memory to watch.
    unwatched: BTreeSet<u64>,
    retry_at: Mono,
    files_open: usize,
    gulp_count: u64,
    syslog: Syslog,
    reports: Vec<Report>,
    /// Made for the first listener.
    peephole: Option<Peephole>,
}

#[derive(Debug)]
struct Stream {
    id: StreamId,
    options: StreamOptions,
    sink: Sink,
    /// Its pipes, the oldest first.
    pipes: Vec<u64>,
    /// What it was last seen to wait for. While it waits, none of its pipes is watched: one that
    /// nobody writes to any more would be ready for ever.
    wait: Wait,
    has_file_open: bool,
    /// The number of the gulp that last brought it something.
    used: u64,
    /// Under whom the ledger has what waits.
    debtor: Option<Owner>,
}

#[derive(Debug)]
struct Pipe {
    fd: OwnedFd,
    child: ChildId,
    stream: u64,
    stage: Option<Box<Stage>>,
    is_watched: bool,
    /// Set while it is left alone.
    rests_until: Option<Mono>,
    pace: Pace,
    capacity: usize,
    words: Words,
}

impl Pump {
    /// Without any stream. What is under way is noted in `file`, which is empty and in memory, and outlives everybody if it
    /// has a name; where there is none, in one without a name.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn new(file: Option<OwnedFd>) -> io::Result<Self> {
        Self::with(Ledger::new(file).ok())
    }

    /// Goes on where an earlier pump ended, of which `keepsake` is left. Each stream is to be opened and
    /// attached as ever, all of them before the first turn: it is then that what was under way is
    /// completed. With a keepsake that cannot be understood it is as [`Self::new`] with `other`, and says so.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn resume_from(
        keepsake: OwnedFd,
        other: impl FnOnce() -> Option<OwnedFd>,
    ) -> io::Result<(Self, Result<(), io::Error>)> {
        match Ledger::inherit(keepsake) {
            Ok(ledger) => Ok((Self::with(Some(ledger))?, Ok(()))),
            Err(error) => Ok((Self::new(other())?, Err(error))),
        }
    }

    /// Forgets what an earlier pump has left of pipes of children that `is_known` does not know. How many bytes those were
    /// that were to be written.
    pub fn forget_others(&mut self, is_known: impl Fn(ChildId) -> bool) -> usize {
        let Some(ledger) = &mut self.ledger else { return 0 };
        let others: Vec<_> = ledger.owners().filter(|it| !is_known(it.child)).collect();
        let forget = |owner| {
            let left = ledger.leftover(owner);
            ledger.forget(owner);
            left.output.len() + left.desk.len()
        };
        others.into_iter().map(forget).sum()
    }

    /// Whether something of a pipe was left by an earlier pump and has not been taken up.
    pub fn owes(&self, child: ChildId, channel: Channel) -> bool {
        let is_attached = |it: &u64| {
            let pipe = self.pipes.get(it);
            pipe.and_then(|it| self.streams.get(&it.stream)).is_some_and(|it| it.id.channel == channel)
        };
        self.ledger.as_ref().is_some_and(|it| it.has(Owner { child, channel }))
            && !self.of_child.get(&child).into_iter().flatten().any(is_attached)
    }

    /// What must outlive this pump for another to go on where it ends, however it ends: a file in memory, the same one
    /// for as long as the pump lives. None where the kernel has no such
    /// files; then a crash may lose what was under way on streams whose bytes are changed.
    pub fn keepsake(&self) -> Option<BorrowedFd<'_>> {
        self.ledger.as_ref().map(AsFd::as_fd)
    }

    fn with(ledger: Option<Ledger>) -> io::Result<Self> {
        let (poller, alarm) = (Poller::new()?, Alarm::new()?);
        let press = Press::new()?;
        poller.add(&alarm, flow::ALARM, Interest::Read)?;
        poller.add(&press, flow::PRESS, Interest::Read)?;
        Ok(Self {
            poller,
            alarm,
            ledger,
            log: Vec::new(),
            lagging: BTreeSet::new(),
            press,
            to_press: BTreeSet::new(),
            resting: BTreeSet::new(),
            now: Mono::default(),
            followers: Rc::default(),
            large: 0,
            ready: Vec::new(),
            heard: Vec::new(),
            buffer: vec![0; GULP_BYTES],
            streams: BTreeMap::new(),
            keys: BTreeMap::new(),
            pipes: BTreeMap::new(),
            of_child: BTreeMap::new(),
            next: 0,
            stalled: BTreeSet::new(),
            unwatched: BTreeSet::new(),
            retry_at: Mono::default(),
            files_open: 0,
            gulp_count: 0,
            syslog: Syslog::new(SOCKET, IDENT),
            reports: Vec::new(),
            peephole: None,
        })
    }

    /// Opens the log of a stream, or opens it anew with these options; pipes of earlier children go
    /// there too. To be called before each start of a process, so that it can fail.
    ///
    /// # Errors
    /// When the log cannot be opened; the stream is then as it was.
    pub fn open(&mut self, stream: StreamId, options: StreamOptions) -> Result<(), OpenError> {
        self.open_with(stream, options, LogFile::open)
    }

    /// The same for a process that runs already: of thousands, few have something to say at this moment, so a regular
    /// file is opened for its first byte.
    ///
    /// # Errors
    /// As [`Self::open`], of what is no regular file.
    pub fn take_over(&mut self, stream: StreamId, options: StreamOptions) -> Result<(), OpenError> {
        self.open_with(stream, options, LogFile::at_rest)
    }

    fn open_with(&mut self, stream: StreamId, options: StreamOptions, open: Open) -> Result<(), OpenError> {
        let files = match open_files(&options, open) {
            Err(error) if error.is_short_of_descriptors() => {
                self.rest_idle();
                open_files(&options, open)?
            }
            opened => opened?,
        };
        let key = self.key(stream);
        self.unwatch_target(key);
        if let Some(stream) = self.streams.get_mut(&key) {
            stream.sink.renew(&options, files);
            stream.options = options;
        }
        // A file may have been left behind that was to be made smaller.
        self.want_press(key);
        self.resume(key);
        Ok(())
    }

    /// Reads `pipe` from now on, until nobody can write to it any more. Without a stream of this name
    /// it is read and dropped.
    pub fn attach(&mut self, child: ChildId, stream: StreamId, pipe: OwnedFd) {
        let key = self.key(stream);
        self.make_room(key);
        // Whoever made it should have; a pipe that made us wait would hold up everybody.
        let _ = os::fd::set_nonblocking(&pipe);
        let token = self.number();
        let Some(stream) = self.streams.get_mut(&key) else { return };
        stream.pipes.push(token);
        let stage = Stage::of(&stream.options, &stream.sink);
        let capacity = fcntl_getpipe_size(&pipe).unwrap_or(PIPE_BYTES);
        let (is_watched, rests_until, pace) = (false, None, Pace::default());
        let words = Words::default();
        let pipe =
            Pipe { fd: pipe, child, stream: key, stage, is_watched, rests_until, pace, capacity, words };
        self.pipes.insert(token, pipe);
        self.of_child.entry(child).or_default().push(token);
        self.take_up(token);
        if self.streams.get(&key).is_some_and(|it| it.wait == Wait::Nothing) {
            self.watch(token);
        }
    }

    /// Moves up to about `budget_bytes`, a gulp per pipe and round, so that one that is flooded holds
    /// up the others by no more than that. What is left is there at the next turn.
    pub fn turn(&mut self, budget_bytes: usize) -> Turn {
        self.now = os::clock::mono();
        let more = self.ready.is_empty() && self.gather();
        let (mut bytes, mut told) = (0, 0);
        while bytes < budget_bytes
            && told < TOLD_BYTES_MAX
            && let Some(token) = self.ready.pop()
        {
            let reports = self.reports.len();
            bytes += self.attend(token);
            told += self.reports.iter().skip(reports).map(Report::bytes).sum::<usize>();
        }
        // What was left over because of the budget may have rested, so that nobody else would tell.
        let left = (!self.ready.is_empty()).then_some(self.now);
        self.alarm.set(left.or_else(|| self.resting.first().map(|it| it.0)));
        Turn { bytes, more: more || !self.ready.is_empty() }
    }

    /// Reads all that is now in the pipes of a child that has ended, so that its last words are in
    /// the log before anyone hears of its end. What its own children write later is read as usual.
    /// A stream that is held keeps its words until it is not. Says whether some of them wait to be
    /// [taken](Self::take_words) before the rest can be read.
    pub fn drain(&mut self, child: ChildId) -> bool {
        for token in self.of_child.get(&child).cloned().unwrap_or_default() {
            self.empty(token);
        }
        self.has_shown(child)
    }

    /// Whether what a child says goes where others may write, too: to anything but a file that is open.
    pub fn speaks_among_others(&self, child: ChildId) -> bool {
        let pipes = self.of_child.get(&child).into_iter().flatten().filter_map(|it| self.pipes.get(it));
        let mut outlets = pipes.filter_map(|it| self.streams.get(&it.stream)?.sink.outlet());
        outlets.any(|it| !it.is_file_open())
    }

    /// The pipes of all children that are read.
    pub fn pipes(&self) -> impl Iterator<Item = (ChildId, Channel, BorrowedFd<'_>)> {
        self.pipes.values().filter_map(|pipe| {
            let stream = self.streams.get(&pipe.stream)?;
            Some((pipe.child, stream.id.channel, pipe.fd.as_fd()))
        })
    }

    /// Forgets a stream, after a last attempt to write what is waiting.
    pub fn close(&mut self, stream: &StreamId) {
        let Some(key) = self.keys.get(stream).copied() else { return };
        self.resume(key);
        for token in self.streams.get(&key).map(|it| it.pipes.clone()).unwrap_or_default() {
            self.stop_listening(token);
            self.empty(token);
            self.end(token);
        }
        self.unwatch_target(key);
        self.stalled.remove(&key);
        self.lagging.remove(&key);
        self.keys.remove(stream);
        let Some(closed) = self.streams.remove(&key) else { return };
        self.files_open = self.files_open.saturating_sub(usize::from(closed.has_file_open));
        if let (Some(debtor), Some(ledger)) = (closed.debtor, &mut self.ledger) {
            ledger.forget(debtor);
        }
        if let Some(outlet) = closed.sink.outlet().filter(|it| it.is_held()) {
            let trouble =
                Trouble::Discarded { path: outlet.path().to_owned(), bytes: outlet.pending_bytes() };
            self.reports.push(Report::Trouble { stream: stream.clone(), trouble });
        }
    }

    /// Forgets every stream that still has something, in a pipe or on the way: there will be nobody for the rest of it.
    pub fn close_all(&mut self) {
        let has_something = |it: &Stream| !it.pipes.is_empty() || it.sink.pending_bytes() > 0;
        let open = self.streams.values().filter(|it| has_something(it)).map(|it| it.id.clone());
        let open: Vec<_> = open.collect();
        for stream in open {
            self.close(&stream);
        }
    }

    /// Removes the log of a stream and begins a new one. Rotated logs stay. Without such a stream
    /// there is nothing to do.
    ///
    /// # Errors
    /// When the log cannot be removed, or no new one can be made.
    pub fn clear(&mut self, stream: &StreamId) -> io::Result<()> {
        let Some(key) = self.keys.get(stream).copied() else { return Ok(()) };
        let cleared = self.streams.get_mut(&key).map_or(Ok(()), |it| it.sink.clear());
        // If the disk was full there may be room now.
        self.resume(key);
        cleared
    }

    /// Opens every log by its name again: what `USR2` asks for. One that nobody writes to is only let go of, so
    /// that a log which was moved away has no successor before there is something to write.
    pub fn reopen_all(&mut self) {
        for key in self.streams.keys().copied().collect::<Vec<_>>() {
            self.unwatch_target(key);
            if let Some(stream) = self.streams.get_mut(&key) {
                if stream.pipes.is_empty() && stream.sink.wait() == Wait::Nothing {
                    stream.sink.rest();
                } else {
                    stream.sink.reopen(&stream.id, &mut self.reports);
                }
            }
            self.resume(key);
        }
    }

    /// Begins or ends the reporting of a stream's chunks.
    pub fn mirror(&mut self, stream: &StreamId, mirror: Mirror) {
        if let Some(stream) = self.keys.get(stream).and_then(|it| self.streams.get_mut(it)) {
            stream.options.mirror = mirror;
            stream.sink.set_mirror(mirror);
        }
    }

    /// Rotates the log of a stream although it is not full. Without such a stream, or a regular file for it,
    /// or with an empty one, there is nothing to do.
    ///
    /// # Errors
    /// When a file cannot be renamed, or no new one be made.
    pub fn rotate(&mut self, stream: &StreamId) -> io::Result<()> {
        let Some(key) = self.keys.get(stream).copied() else { return Ok(()) };
        let outlet = self.streams.get_mut(&key).and_then(|it| it.sink.outlet_mut());
        let rotated = outlet.map_or(Ok(()), |it| it.file().rotate_now());
        self.settle(key);
        rotated
    }

    /// How many bytes the log of a stream has not got because it did not take them.
    pub fn dropped_bytes(&self, stream: &StreamId) -> u64 {
        let stream = self.keys.get(stream).and_then(|it| self.streams.get(it));
        stream.and_then(|it| it.sink.outlet()).map_or(0, Outlet::dropped_bytes)
    }

    /// How many clients follow log files as they grow, to be kept by whoever serves them: while there are
    /// any, no pipe rests for long.
    pub fn followers(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.followers)
    }

    /// Whether there is a stream of this name.
    pub fn has(&self, stream: &StreamId) -> bool {
        self.keys.contains_key(stream)
    }

    /// What there is to say since this was last asked.
    pub fn reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    /// When to call [`Self::retry`]; `None` unless something has failed.
    pub fn deadline(&self) -> Option<Mono> {
        let waits = !self.stalled.is_empty() || !self.unwatched.is_empty() || !self.lagging.is_empty();
        waits.then_some(self.retry_at)
    }

    /// Tries again what has failed.
    pub fn retry(&mut self, now: Mono) {
        self.retry_at = now + RETRY_EVERY;
        let stalled = self.stalled.iter().filter_map(|it| self.streams.get(it)?.sink.outlet());
        if stalled.into_iter().any(Outlet::is_short_of_descriptors) {
            self.rest_idle();
        }
        self.now = now;
        for key in self.stalled.clone() {
            self.resume(key);
            // What waits in a pipe shows at once whether it works again.
            for token in self.streams.get(&key).map(|it| it.pipes.clone()).unwrap_or_default() {
                self.attend(token);
            }
        }
        for key in std::mem::take(&mut self.lagging) {
            self.catch_up(key);
        }
        for token in std::mem::take(&mut self.unwatched) {
            self.watch(token);
        }
    }
}

impl AsFd for Pump {
    /// Readable when there is something to do.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }
}

/// How a file is opened.
type Open = fn(&Path, Rotation, u32) -> Result<LogFile, OpenError>;

fn open_files(options: &StreamOptions, open: Open) -> Result<Files, OpenError> {
    let rotation = Rotation { maxbytes: options.maxbytes, backups: options.backups };
    let log = options.path.as_deref().map(|it| open(it, rotation, MODE)).transpose()?;
    let log = log.map(|it| it.kept(options.upkeep));
    let copies = options.also.iter().map(|it| LogFile::open(it, rotation, MODE)).collect::<Result<_, _>>()?;
    Ok(Files { log, copies })
}
