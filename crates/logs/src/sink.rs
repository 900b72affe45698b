//! Where one stream goes, and what is done to its bytes on the way.

use std::io;

use model::child::ChildId;
use os::clock::LocalZone;

use crate::ansi::Ansi;
use crate::capture::{Capture, Piece};
use crate::file::{LogFile, reason};
use crate::outlet::{Change, Outlet};
use crate::pump::{Mirror, Report, StreamId, StreamOptions, Trouble};
use crate::ring::Ring;
use crate::syslog::{Lines, Syslog};

/// What the bytes of one pipe go through. It belongs to the pipe: of two children that write to the
/// same stream, the one must not end the sequence that the other has begun.
#[derive(Debug)]
pub(crate) struct Stage {
    capture: Option<(Capture, Ring)>,
    filter: Filter,
}

#[derive(Debug)]
struct Filter {
    ansi: Option<Ansi>,
    lines: Option<Lines>,
}

impl Stage {
    /// What `options` ask for; nothing for a stream that merely goes to a file.
    pub(crate) fn of(options: &StreamOptions) -> Option<Box<Self>> {
        let kept_bytes = usize::try_from(options.capture_maxbytes).unwrap_or(0);
        let capture = (kept_bytes > 0).then(|| (Capture::default(), Ring::new(kept_bytes)));
        let ansi = options.strip_ansi.then(Ansi::default);
        let lines = options.syslog.then(Lines::default);
        let needed = capture.is_some() || ansi.is_some() || lines.is_some();
        needed.then(|| Box::new(Self { capture, filter: Filter { ansi, lines } }))
    }
}

/// Whom to tell, and about which stream.
pub(crate) struct Beside<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) child: ChildId,
    pub(crate) syslog: &'a mut Syslog,
    pub(crate) reports: &'a mut Vec<Report>,
}

impl Beside<'_> {
    fn mirror(&mut self, bytes: &[u8]) {
        let (stream, child) = (self.stream.clone(), self.child);
        self.reports.push(Report::Chunk { stream, child, bytes: bytes.to_owned() });
    }

    fn log_line(&mut self, line: &[u8]) {
        let message = [self.stream.name.process.as_str().as_bytes(), b" ", line].concat();
        if let Err(error) = self.syslog.send(os::clock::wall(), &LocalZone, &message) {
            let trouble = Trouble::NoSyslog { reason: reason(&error) };
            self.reports.push(Report::Trouble { stream: self.stream.clone(), trouble });
        }
    }
}

/// What a stream that is held waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// For nothing: it is not held.
    Nothing,
    /// For its target to become writable.
    Target,
    /// For the time of the next attempt.
    Clock,
}

/// Where one stream goes: to a file, to the system log, to both or nowhere; and to whoever looks on.
#[derive(Debug)]
pub(crate) struct Sink {
    mirror: Mirror,
    outlet: Option<Outlet>,
}

impl Sink {
    pub(crate) fn new(mirror: Mirror, file: Option<LogFile>) -> Self {
        Self { mirror, outlet: file.map(Outlet::new) }
    }

    /// Goes on with other options and another file. What waits for the old one waits for the new.
    pub(crate) fn renew(&mut self, mirror: Mirror, file: Option<LogFile>) {
        self.mirror = mirror;
        match (&mut self.outlet, file) {
            (Some(outlet), Some(file)) => outlet.replace(file),
            (outlet, file) => *outlet = file.map(Outlet::new),
        }
    }

    pub(crate) const fn set_mirror(&mut self, mirror: Mirror) {
        self.mirror = mirror;
    }

    /// Takes what was read from one pipe.
    pub(crate) fn take(&mut self, stage: &mut Option<Box<Stage>>, bytes: &[u8], beside: &mut Beside<'_>) {
        if self.mirror == Mirror::Raw {
            beside.mirror(bytes);
        }
        let Some(stage) = stage else {
            return self.show(bytes, None, beside);
        };
        let Stage { capture, filter } = &mut **stage;
        let Some((capture, kept)) = capture else {
            return self.filter(bytes, filter, beside);
        };
        for piece in capture.feed(bytes) {
            self.place(&piece, kept, filter, beside);
        }
    }

    /// Takes what the end of a pipe sets free.
    pub(crate) fn finish(&mut self, stage: &mut Stage, beside: &mut Beside<'_>) {
        let Stage { capture, filter } = stage;
        if let Some((capture, kept)) = capture {
            if let Some(piece) = capture.finish() {
                self.place(&piece, kept, filter, beside);
            }
            // A message that never ended is none. Those who look on have seen it; the log has not.
            self.write(&kept.take(), beside);
        }
        let held = filter.ansi.as_mut().map(Ansi::finish).unwrap_or_default();
        self.show(&held, filter.lines.as_mut(), beside);
        if let Some(lines) = &mut filter.lines {
            lines.finish(|line| beside.log_line(line));
        }
    }

    fn place(&mut self, piece: &Piece, kept: &mut Ring, filter: &mut Filter, beside: &mut Beside<'_>) {
        match piece {
            Piece::Plain(bytes) => self.filter(bytes, filter, beside),
            Piece::Captured(bytes) => {
                let shown = strip(&mut filter.ansi, bytes);
                kept.push(&shown);
                if self.mirror == Mirror::Shown && !shown.is_empty() {
                    beside.mirror(&shown);
                }
            }
            Piece::End => {
                let (stream, child) = (beside.stream.clone(), beside.child);
                beside.reports.push(Report::Captured { stream, child, bytes: kept.take() });
            }
        }
    }

    fn filter(&mut self, bytes: &[u8], filter: &mut Filter, beside: &mut Beside<'_>) {
        let shown = strip(&mut filter.ansi, bytes);
        self.show(&shown, filter.lines.as_mut(), beside);
    }

    fn show(&mut self, bytes: &[u8], lines: Option<&mut Lines>, beside: &mut Beside<'_>) {
        if bytes.is_empty() {
            return;
        }
        self.write(bytes, beside);
        if let Some(lines) = lines {
            lines.feed(bytes, |line| beside.log_line(line));
        }
        if self.mirror == Mirror::Shown {
            beside.mirror(bytes);
        }
    }

    fn write(&mut self, bytes: &[u8], beside: &mut Beside<'_>) {
        let mut changes = Vec::new();
        if let Some(outlet) = &mut self.outlet {
            outlet.write(bytes, &mut changes);
        }
        self.tell(changes, beside.stream, beside.reports);
    }

    /// Tries again to write what is waiting.
    pub(crate) fn resume(&mut self, stream: &StreamId, reports: &mut Vec<Report>) {
        let mut changes = Vec::new();
        if let Some(outlet) = &mut self.outlet {
            outlet.resume(&mut changes);
        }
        self.tell(changes, stream, reports);
    }

    fn tell(&self, changes: Vec<Change>, stream: &StreamId, reports: &mut Vec<Report>) {
        let Some(outlet) = &self.outlet else { return };
        reports.extend(changes.into_iter().map(|change| {
            let (stream, path) = (stream.clone(), outlet.path().to_owned());
            match change {
                Change::Stalled(error) => Report::Stalled { stream, path, reason: reason(&error) },
                Change::Recovered => Report::Recovered { stream, path },
                Change::Lost(error) => {
                    Report::Trouble { stream, trouble: Trouble::NoReader { path, reason: reason(&error) } }
                }
                Change::Unrotated(error) => {
                    Report::Trouble { stream, trouble: Trouble::NotRotated { path, reason: reason(&error) } }
                }
            }
        }));
    }

    /// Begins its file anew.
    ///
    /// # Errors
    /// As [`LogFile::clear`].
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.outlet.as_mut().map_or(Ok(()), |it| it.file().clear())
    }

    /// Opens its file by its name again; says so if it cannot, and goes on with the old one.
    pub(crate) fn reopen(&mut self, stream: &StreamId, reports: &mut Vec<Report>) {
        let Some(outlet) = &mut self.outlet else { return };
        if let Err(error) = outlet.file().reopen() {
            let trouble = Trouble::NotReopened { path: outlet.path().to_owned(), reason: reason(&error) };
            reports.push(Report::Trouble { stream: stream.clone(), trouble });
        }
    }

    /// Closes the descriptor of its file until the next write.
    pub(crate) fn rest(&mut self) {
        if let Some(outlet) = &mut self.outlet {
            outlet.file().rest();
        }
    }

    pub(crate) fn wait(&self) -> Wait {
        match &self.outlet {
            Some(outlet) if outlet.is_blocked() => Wait::Target,
            Some(outlet) if outlet.is_held() => Wait::Clock,
            Some(_) | None => Wait::Nothing,
        }
    }

    pub(crate) const fn outlet(&self) -> Option<&Outlet> {
        self.outlet.as_ref()
    }
}

fn strip<'a>(ansi: &mut Option<Ansi>, bytes: &'a [u8]) -> std::borrow::Cow<'a, [u8]> {
    match ansi {
        Some(ansi) => ansi.strip(bytes),
        None => bytes.into(),
    }
}
