//! The daemon's own log.

use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::level::Level;
use model::time::{Mono, Wall, Zone};
use os::clock::LocalZone;
use os::poll::{Interest, Poller};

use crate::file::{LogFile, MODE, OpenError, Rotation};
use crate::outlet::Outlet;
use crate::syslog::{IDENT, SOCKET, Syslog};

/// How much waits for a target that takes nothing, say a terminal that somebody has stopped. Lines
/// beyond that are counted and dropped: nobody can be made to wait for them.
pub const PENDING_BYTES_MAX: usize = 256 * 1024;

/// How long a log that cannot be written waits before it tries again.
pub const RETRY_EVERY: Duration = Duration::from_secs(1);

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To a file, or to anything that has a path.
    File(PathBuf),
    /// To the system log.
    Syslog,
}

/// How the log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainLogOptions {
    /// Where it goes.
    pub target: Target,
    /// Rotate when it has this many bytes; zero or less: never.
    pub maxbytes: i64,
    /// How many rotated files to keep; zero or less: cut it off instead.
    pub backups: i64,
    /// What is quieter than this is left out.
    pub level: Level,
    /// Whether it is repeated on standard output.
    pub echo: bool,
}

/// Why the log cannot be cleared: the faults of the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClearFault {
    /// It goes to no file, or the file is not there.
    #[error("there is no log file")]
    NoFile,
    /// It cannot be removed.
    #[error("the log file cannot be removed")]
    Failed,
}

/// The daemon's own log: lines of `YYYY-MM-DD HH:MM:SS,mmm LEVL message` in local time, in a file
/// that is rotated or in the system log, and perhaps repeated on standard output.
///
/// Lines may be [added](MainLog::add) and written together later: with a thousand programs that start at once, each
/// write costs more than the making of its line.
///
/// Writing never fails and never waits, except for a regular file. Its descriptor becomes readable
/// when lines that had to wait can be written; then, and at its [deadline](MainLog::deadline),
/// [`MainLog::resume`] is to be called.
#[derive(Debug)]
pub struct MainLog {
    level: Level,
    /// The original's order: first standard output, then the rest.
    echo: Option<Voice>,
    file: Option<Voice>,
    syslog: Option<Syslog>,
    poller: Poller,
    /// Set while lines are waiting.
    retry_at: Option<Mono>,
    /// What was added and is not written yet.
    added: Vec<Line>,
    added_bytes: usize,
}

/// A message in its form.
#[derive(Debug)]
struct Line {
    wall: Wall,
    text: String,
}

/// How much is added before it is written without being asked for.
const ADDED_BYTES_MAX: usize = 64 * 1024;

/// One place where lines go.
#[derive(Debug)]
struct Voice {
    outlet: Outlet,
    token: u64,
    is_watched: bool,
    /// How many lines were dropped since the last that was not.
    dropped: u64,
}

impl MainLog {
    /// Opens the log.
    ///
    /// # Errors
    /// When its file cannot be opened, or no descriptor is left. A standard output that cannot be
    /// used is left out.
    pub fn open(options: MainLogOptions) -> io::Result<Self> {
        let MainLogOptions { target, maxbytes, backups, level, echo } = options;
        let open = |path: &Path, rotation, token| -> Result<Voice, OpenError> {
            let outlet = Outlet::new(LogFile::open(path, rotation, MODE)?);
            Ok(Voice { outlet, token, is_watched: false, dropped: 0 })
        };
        let (file, syslog) = match target {
            Target::File(path) => {
                let file = open(&path, Rotation { maxbytes, backups }, 0).map_err(|it| it.source)?;
                (Some(file), None)
            }
            Target::Syslog => (None, Some(Syslog::new(SOCKET, IDENT))),
        };
        let never = Rotation { maxbytes: 0, backups: 0 };
        let echo = echo.then(|| open(Path::new("/dev/stdout"), never, 1)).and_then(Result::ok);
        Ok(Self {
            level,
            echo,
            file,
            syslog,
            poller: Poller::new()?,
            retry_at: None,
            added: Vec::new(),
            added_bytes: 0,
        })
    }

    /// Whether lines of this level are written.
    pub fn enabled(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Writes a message, if its level is enabled, behind all that was added before. Its line breaks are kept; in the
    /// system log each of its lines is a message.
    pub fn log(&mut self, level: Level, wall: Wall, zone: &dyn Zone, message: &str) {
        self.add(level, wall, zone, message);
        self.flush(zone);
    }

    /// Adds a message to what the next [`Self::flush`] writes.
    pub fn add(&mut self, level: Level, wall: Wall, zone: &dyn Zone, message: &str) {
        if !self.enabled(level) {
            return;
        }
        let stamp = stamp(level, wall, zone);
        if let Some(syslog) = &mut self.syslog {
            for line in message.trim_end_matches('\n').split('\n') {
                // There is nobody left to tell that nobody listens.
                let _ = syslog.send(wall, zone, format!("{stamp}{line}").as_bytes());
            }
        }
        let text = format!("{stamp}{message}\n");
        self.added_bytes += text.len();
        self.added.push(Line { wall, text });
        if self.added_bytes > ADDED_BYTES_MAX {
            self.flush(zone);
        }
    }

    /// Writes what was added.
    pub fn flush(&mut self, zone: &dyn Zone) {
        if self.added.is_empty() {
            return;
        }
        let whole: String = self.added.iter().map(|it| it.text.as_str()).collect();
        for voice in [&mut self.echo, &mut self.file].into_iter().flatten() {
            if voice.takes_at_once(whole.len()) {
                voice.outlet.write(whole.as_bytes(), &mut Vec::new());
            } else {
                self.added.iter().for_each(|it| voice.say(&it.text, |dropped| lost(dropped, it.wall, zone)));
            }
        }
        self.added.clear();
        self.added_bytes = 0;
        self.watch();
    }

    /// Opens the log file by its name again: what `USR2` asks for. The original writes
    /// `supervisord logreopen` before it does.
    ///
    /// # Errors
    /// When that fails. The file that was open stays so.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.flush(&LocalZone);
        self.unwatch();
        let reopened = match &mut self.file {
            Some(voice) => voice.outlet.file().reopen(),
            None => Ok(()),
        };
        self.resume();
        reopened
    }

    /// Removes the log file and begins a new one, with the original's message (to the old file) for
    /// each place where lines go (`rpcinterface.py`, `clearLog`).
    ///
    /// # Errors
    /// As [`ClearFault`] says.
    pub fn clear(&mut self, wall: Wall, zone: &dyn Zone) -> Result<(), ClearFault> {
        let outlet = &self.file.as_ref().ok_or(ClearFault::NoFile)?.outlet;
        if !outlet.path().exists() {
            return Err(ClearFault::NoFile);
        }
        if !outlet.is_file_open() {
            return Err(ClearFault::Failed); // Not ours to remove: a device, a pipe, or a link to one.
        }
        let path = outlet.path().to_owned();
        let places = usize::from(self.echo.is_some()) + 1;
        for _ in 0..places {
            self.log(Level::Info, wall, zone, "reopening log file");
        }
        std::fs::remove_file(path).map_err(|_| ClearFault::Failed)?;
        self.reopen().map_err(|_| ClearFault::Failed)
    }

    /// Its path, if it goes to one.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|it| it.outlet.path())
    }

    /// Whether lines are waiting: then [`Self::resume`] is due when the descriptor is readable, and
    /// at the [deadline](Self::deadline).
    pub fn is_waiting(&self) -> bool {
        [&self.echo, &self.file].into_iter().flatten().any(|it| it.outlet.is_held())
    }

    /// When to call [`Self::resume`] although nothing is readable; `None` unless a write has failed.
    pub fn deadline(&self) -> Option<Mono> {
        self.retry_at
    }

    /// Tries to write what is waiting.
    pub fn resume(&mut self) {
        self.retry_at = None;
        for voice in [&mut self.echo, &mut self.file].into_iter().flatten() {
            voice.outlet.resume(&mut Vec::new());
            voice.outlet.make_room(&mut Vec::new());
        }
        self.watch();
    }

    /// Watches what is blocked, and nothing else.
    fn watch(&mut self) {
        let next = || os::clock::mono() + RETRY_EVERY;
        self.retry_at = self.is_waiting().then(|| self.retry_at.unwrap_or_else(next));
        for voice in [&mut self.echo, &mut self.file].into_iter().flatten() {
            voice.watch(&self.poller);
        }
    }

    /// Watches nothing: a descriptor is about to change.
    fn unwatch(&mut self) {
        for voice in [&mut self.echo, &mut self.file].into_iter().flatten() {
            voice.unwatch(&self.poller);
        }
    }
}

impl AsFd for MainLog {
    /// Readable when lines that had to wait can be written.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }
}

impl Drop for MainLog {
    fn drop(&mut self) {
        self.flush(&LocalZone);
    }
}

impl Voice {
    /// Whether so many bytes may be written in one go as if each line had been written by itself: nothing waits, and
    /// the file is not full before the last of them.
    fn takes_at_once(&mut self, bytes: usize) -> bool {
        self.dropped == 0 && !self.outlet.is_held() && self.outlet.file().has_room(bytes)
    }

    /// Writes a line, or counts it if too much is waiting; `lost` says how many were counted.
    fn say(&mut self, line: &str, lost: impl FnOnce(u64) -> String) {
        // Failures are not reported anywhere: this is where reports go.
        let unheard = &mut Vec::new();
        self.outlet.resume(unheard);
        if self.outlet.is_held() && self.outlet.pending_bytes() + line.len() > PENDING_BYTES_MAX {
            self.dropped += 1;
            return;
        }
        if self.dropped > 0 {
            self.outlet.write(lost(std::mem::take(&mut self.dropped)).as_bytes(), unheard);
        }
        self.outlet.write(line.as_bytes(), unheard);
        self.outlet.make_room(unheard);
    }

    fn watch(&mut self, poller: &Poller) {
        if self.is_watched == self.outlet.is_blocked() {
            return;
        }
        if self.is_watched {
            return self.unwatch(poller);
        }
        if let Some(target) = self.outlet.descriptor() {
            self.is_watched = poller.add(target, self.token, Interest::Write).is_ok();
        }
    }

    fn unwatch(&mut self, poller: &Poller) {
        if let Some(target) = self.outlet.descriptor().filter(|_| self.is_watched) {
            // It was added, and cannot have gone since.
            let _ = poller.remove(target);
        }
        self.is_watched = false;
    }
}

/// `2026-11-20 23:40:27,123 INFO `
fn stamp(level: Level, wall: Wall, zone: &dyn Zone) -> String {
    let it = zone.civil(wall);
    let mut text = String::with_capacity(32);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03} {} ",
        it.year,
        it.month,
        it.day,
        it.hour,
        it.minute,
        it.second,
        it.millis,
        level.code()
    );
    text
}

fn lost(lines: u64, wall: Wall, zone: &dyn Zone) -> String {
    format!("{}{lines} lines are missing here: they could not be written\n", stamp(Level::Warn, wall, zone))
}
