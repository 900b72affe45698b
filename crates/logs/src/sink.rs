//! Where one stream goes, and what is done to its bytes on the way.

use std::io;
use std::os::fd::BorrowedFd;

use model::child::ChildId;
use os::clock::LocalZone;

use crate::ansi::Ansi;
use crate::capture::{Capture, Piece};
use crate::copy::Copy;
use crate::file::{LogFile, Place, reason};
use crate::format::{Formatter, Origin};
use crate::outlet::{Change, Outlet, Spliced};
use crate::pump::{Mirror, Report, StreamId, StreamOptions, Trouble};
use crate::ring::Ring;
use crate::syslog::{Lines, Syslog};
use crate::target::is_shared_by_lines;

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
    format: Option<Formatter>,
}

impl Stage {
    /// What `options` ask for; nothing for a stream that merely goes to a file, as `sink` may know that it does.
    pub(crate) fn of(options: &StreamOptions, sink: &Sink) -> Option<Box<Self>> {
        let kept_bytes = usize::try_from(options.capture_maxbytes).unwrap_or(0);
        let capture = (kept_bytes > 0).then(|| (Capture::default(), Ring::new(kept_bytes)));
        let ansi = options.strip_ansi.then(Ansi::default);
        let lines = options.syslog.then(Lines::default);
        let is_file = sink.outlet().is_some_and(Outlet::is_file_open);
        let by_lines = !is_file && options.path.as_deref().is_some_and(is_shared_by_lines);
        let format = Formatter::of(options.format, by_lines);
        let needed = capture.is_some() || ansi.is_some() || lines.is_some() || format.is_some();
        needed.then(|| Box::new(Self { capture, filter: Filter { ansi, lines, format } }))
    }

    /// Whether what comes out of it may differ from what goes in.
    pub(crate) const fn changes_bytes(&self) -> bool {
        self.capture.is_some() || self.filter.ansi.is_some() || self.filter.format.is_some()
    }

    /// What it holds back, if anything: enough for [`Self::restore`] to go on from here. A line for the
    /// system log that has begun is not part of it: messages there may get lost in any case.
    pub(crate) fn state(&self) -> Vec<u8> {
        let mut state = Vec::new();
        if let Some((capture, kept)) = &self.capture {
            let (within, held) = capture.state();
            let (front, back) = kept.parts();
            if within {
                note(&mut state, field::WITHIN, &[&[1]]);
            }
            note(&mut state, field::TOKEN, &[held]);
            note(&mut state, field::KEPT, &[front, back]);
        }
        if let Some(ansi) = &self.filter.ansi {
            note(&mut state, field::SEQUENCE, &[ansi.held()]);
        }
        if let Some(format) = &self.filter.format {
            note(&mut state, field::LINE, &[&format.state()]);
        }
        state
    }

    /// Goes on from such a state. What has no place in it any more, because the options have changed, is
    /// left out.
    pub(crate) fn restore(&mut self, state: &[u8]) {
        let (mut within, mut token) = (false, &[][..]);
        for (kind, bytes) in fields(state) {
            match kind {
                field::WITHIN => within = true,
                field::TOKEN => token = bytes,
                field::KEPT => {
                    if let Some((_, kept)) = &mut self.capture {
                        kept.push(bytes);
                    }
                }
                field::SEQUENCE => {
                    if let Some(ansi) = &mut self.filter.ansi {
                        *ansi = Ansi::with(bytes);
                    }
                }
                field::LINE => {
                    if let Some(format) = &mut self.filter.format {
                        format.restore(bytes);
                    }
                }
                _ => {} // Of a later version.
            }
        }
        if let Some((capture, _)) = &mut self.capture {
            *capture = Capture::with(within, token);
        }
    }
}

/// The fields of a state: a number, a length and so many bytes each. Empty ones are left out.
mod field {
    pub(super) const WITHIN: u8 = 1;
    pub(super) const TOKEN: u8 = 2;
    pub(super) const KEPT: u8 = 3;
    pub(super) const SEQUENCE: u8 = 4;
    pub(super) const LINE: u8 = 5;
}

fn note(state: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    let length = parts.iter().map(|it| it.len()).sum::<usize>();
    if length > 0 {
        state.push(kind);
        state.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        for part in parts {
            state.extend_from_slice(part);
        }
    }
}

/// Up to the first that is not whole.
fn fields(mut state: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (kind, rest) = state.split_first()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (bytes, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        state = rest;
        Some((*kind, bytes))
    })
}

/// Whom to tell, and about which stream.
pub(crate) struct Beside<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) child: ChildId,
    /// Whether those who want every byte have heard of these.
    pub(crate) is_told: bool,
    pub(crate) syslog: &'a mut Syslog,
    pub(crate) reports: &'a mut Vec<Report>,
}

impl Beside<'_> {
    fn mirror(&mut self, bytes: &[u8]) {
        let (stream, child) = (self.stream.clone(), self.child);
        self.reports.push(Report::Chunk { stream, child, bytes: bytes.to_owned() });
    }

    fn origin(&self) -> Origin<'_> {
        Origin { stream: self.stream, wall: os::clock::wall(), zone: &LocalZone }
    }

    fn log_line(&mut self, line: &[u8]) {
        let message = [self.stream.name.process.as_str().as_bytes(), b" ", line].concat();
        if let Err(error) = self.syslog.send(os::clock::wall(), &LocalZone, &message) {
            let trouble = Trouble::NoSyslog { reason: reason(&error) };
            self.reports.push(Report::Trouble { stream: self.stream.clone(), trouble });
        }
    }
}

/// What a stream is written to.
pub(crate) struct Files {
    pub(crate) log: Option<LogFile>,
    pub(crate) copies: Vec<LogFile>,
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
    /// What gets a copy of what the log gets.
    copies: Vec<Copy>,
}

impl Sink {
    pub(crate) const fn empty() -> Self {
        Self { mirror: Mirror::Nothing, outlet: None, copies: Vec::new() }
    }

    /// Goes on with other options and another file. What waits for the old one waits for the new.
    pub(crate) fn renew(&mut self, options: &StreamOptions, files: Files) {
        self.mirror = options.mirror;
        match (&mut self.outlet, files.log) {
            (Some(outlet), Some(file)) => outlet.replace(file),
            (outlet, file) => *outlet = file.map(Outlet::new),
        }
        if let Some(outlet) = &mut self.outlet {
            outlet.set_policy(options.on_full);
        }
        self.copies = files.copies.into_iter().map(Copy::new).collect();
    }

    pub(crate) const fn set_mirror(&mut self, mirror: Mirror) {
        self.mirror = mirror;
    }

    /// Looks at what came from one pipe, and puts what the log is to get into `log`.
    pub(crate) fn take(
        &self,
        stage: &mut Option<Box<Stage>>,
        bytes: &[u8],
        log: &mut Vec<u8>,
        beside: &mut Beside<'_>,
    ) {
        if self.mirror == Mirror::Raw && !beside.is_told {
            beside.mirror(bytes);
        }
        let Some(stage) = stage else {
            return self.show(bytes, None, log, beside);
        };
        let Stage { capture, filter } = &mut **stage;
        let Some((capture, kept)) = capture else {
            return self.filter(bytes, filter, log, beside);
        };
        for piece in capture.feed(bytes) {
            self.place_piece(&piece, kept, filter, log, beside);
        }
    }

    /// The same for what is in the log already.
    pub(crate) fn look(&self, stage: &mut Option<Box<Stage>>, bytes: &[u8], beside: &mut Beside<'_>) {
        if self.mirror != Mirror::Nothing && !beside.is_told {
            beside.mirror(bytes);
        }
        if let Some(lines) = stage.as_mut().and_then(|it| it.filter.lines.as_mut()) {
            lines.feed(bytes, |line| beside.log_line(line));
        }
    }

    /// The same for what the end of a pipe sets free.
    pub(crate) fn finish(&self, stage: &mut Stage, log: &mut Vec<u8>, beside: &mut Beside<'_>) {
        let Stage { capture, filter } = stage;
        if let Some((capture, kept)) = capture {
            if let Some(piece) = capture.finish() {
                self.place_piece(&piece, kept, filter, log, beside);
            }
            // A message that never ended is none. Those who look on have seen it; the log has not.
            self.put(&kept.take(), filter.format.as_mut(), log, beside);
        }
        let held = filter.ansi.as_mut().map(Ansi::finish).unwrap_or_default();
        self.show(&held, Some(filter), log, beside);
        if let Some(format) = &mut filter.format {
            format.finish(&beside.origin(), log);
        }
        if let Some(lines) = &mut filter.lines {
            lines.finish(|line| beside.log_line(line));
        }
    }

    fn place_piece(
        &self,
        piece: &Piece,
        kept: &mut Ring,
        filter: &mut Filter,
        log: &mut Vec<u8>,
        beside: &mut Beside<'_>,
    ) {
        match piece {
            Piece::Plain(bytes) => self.filter(bytes, filter, log, beside),
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

    fn filter(&self, bytes: &[u8], filter: &mut Filter, log: &mut Vec<u8>, beside: &mut Beside<'_>) {
        let shown = strip(&mut filter.ansi, bytes);
        self.show(&shown, Some(filter), log, beside);
    }

    fn show(
        &self,
        bytes: &[u8],
        mut filter: Option<&mut Filter>,
        log: &mut Vec<u8>,
        beside: &mut Beside<'_>,
    ) {
        if bytes.is_empty() {
            return;
        }
        self.put(bytes, filter.as_mut().and_then(|it| it.format.as_mut()), log, beside);
        if let Some(lines) = filter.and_then(|it| it.lines.as_mut()) {
            lines.feed(bytes, |line| beside.log_line(line));
        }
        if self.mirror == Mirror::Shown {
            beside.mirror(bytes);
        }
    }

    /// Adds to what the log is to get.
    fn put(&self, bytes: &[u8], format: Option<&mut Formatter>, log: &mut Vec<u8>, beside: &Beside<'_>) {
        match format {
            _ if self.outlet.is_none() && self.copies.is_empty() => {}
            Some(format) => format.feed(bytes, &beside.origin(), log),
            None => log.extend_from_slice(bytes),
        }
    }

    /// Writes what the log gets, or has got, to the copies of it.
    pub(crate) fn copy(&mut self, bytes: &[u8]) {
        self.copies.iter_mut().for_each(|it| it.write(bytes));
    }

    /// One of the pipes has ended, and with it a line that has no end.
    pub(crate) fn finish_copies(&mut self) {
        self.copies.iter_mut().for_each(Copy::finish);
    }

    /// Tries again to write what copies have waiting.
    pub(crate) fn resume_copies(&mut self) {
        self.copy(&[]);
    }

    pub(crate) fn has_copies_waiting(&self) -> bool {
        self.copies.iter().any(Copy::is_held)
    }

    /// Whether anybody but the log wants to see bytes, of which those who are told first have heard if `is_told`.
    pub(crate) const fn is_watched(&self, is_told: bool) -> bool {
        let is_mirrored = !is_told && !matches!(self.mirror, Mirror::Nothing);
        is_mirrored || !self.copies.is_empty()
    }

    /// Writes to the log.
    pub(crate) fn write(&mut self, bytes: &[u8], stream: &StreamId, reports: &mut Vec<Report>) {
        let mut changes = Vec::new();
        if let Some(outlet) = &mut self.outlet {
            outlet.write(bytes, &mut changes);
        }
        self.tell(changes, stream, reports);
    }

    /// Writes what an earlier daemon may have written in part to `place`.
    pub(crate) fn redo(
        &mut self,
        bytes: &[u8],
        place: Option<Place>,
        stream: &StreamId,
        reports: &mut Vec<Report>,
    ) {
        let mut changes = Vec::new();
        if let Some(outlet) = &mut self.outlet {
            outlet.redo(bytes, place, &mut changes);
        }
        self.tell(changes, stream, reports);
    }

    /// Has the kernel move what is in `pipe` to the log.
    pub(crate) fn splice(
        &mut self,
        pipe: BorrowedFd<'_>,
        bytes_max: usize,
        stream: &StreamId,
        reports: &mut Vec<Report>,
    ) -> Spliced {
        let mut changes = Vec::new();
        let spliced = match &mut self.outlet {
            Some(outlet) => outlet.splice(pipe, bytes_max, &mut changes),
            None => Spliced::Refused,
        };
        self.tell(changes, stream, reports);
        spliced
    }

    /// What is to be done once what was moved has been looked at.
    pub(crate) fn settle(&mut self, stream: &StreamId, reports: &mut Vec<Report>) {
        let mut changes = Vec::new();
        if let Some(outlet) = &mut self.outlet {
            outlet.make_room(&mut changes);
        }
        self.tell(changes, stream, reports);
    }

    /// Where the log ends, if it is a regular file.
    pub(crate) fn place(&mut self) -> Option<Place> {
        self.outlet.as_mut()?.place()
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
                Change::Dropping(error) => Report::Dropping { stream, path, reason: reason(&error) },
                Change::Dropped(bytes) => Report::Dropped { stream, path, bytes },
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
        for copy in &mut self.copies {
            // It goes on with the old one.
            let _ = copy.file().reopen();
        }
        let Some(outlet) = &mut self.outlet else { return };
        if let Err(error) = outlet.file().reopen() {
            let trouble = Trouble::NotReopened { path: outlet.path().to_owned(), reason: reason(&error) };
            reports.push(Report::Trouble { stream: stream.clone(), trouble });
        }
    }

    /// Closes the descriptor of its file until the next write.
    pub(crate) fn rest(&mut self) {
        let copies = self.copies.iter_mut().map(Copy::file);
        for file in self.outlet.iter_mut().map(Outlet::file).chain(copies) {
            file.rest();
        }
    }

    /// The log, to be rotated or looked after.
    pub(crate) const fn outlet_mut(&mut self) -> Option<&mut Outlet> {
        self.outlet.as_mut()
    }

    pub(crate) fn wait(&self) -> Wait {
        match &self.outlet {
            Some(outlet) if outlet.is_blocked() => Wait::Target,
            Some(outlet) if outlet.is_held() => Wait::Clock,
            Some(_) | None => Wait::Nothing,
        }
    }

    /// Whether it is still to be seen how much of that the log has taken already.
    pub(crate) fn is_to_redo(&self) -> bool {
        self.outlet.as_ref().is_some_and(Outlet::is_to_redo)
    }

    /// How many bytes the log has not taken.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.outlet.as_ref().map_or(0, Outlet::pending_bytes)
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
