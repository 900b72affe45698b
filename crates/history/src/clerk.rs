//! The thread that has the database: what it was told and has not written yet, and when it writes.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::past::{Happening, Kind, Past, Point, Query, Values};

use crate::book::{ROWS_MAX, Tell, Word};
use crate::file::{Database, Opened, Place, is_about_content, unpacked};
use crate::pack::{self, Layout};
use crate::thin::{LEVELS, Thinner, fewer, level_of_age};

/// How many happenings, and of how many bytes, wait for a disk that takes nothing; the oldest make room.
const HAPPENINGS_MAX: usize = 10_000;
const HAPPENINGS_BYTES_MAX: usize = 8 << 20;

/// How many bytes of points wait for a disk that takes nothing: ten hours of 100 processes, an hour of 1,000.
const POINTS_BYTES_MAX: usize = 10 << 20;

/// How many of them are written although they are not due.
const HAPPENINGS_LARGE: usize = 4096;

/// How long a happening waits for others to be written with: the most that an end without warning can lose of them.
const GATHER: Duration = Duration::from_millis(500);

/// The same for figures, and more for each subject, since all their rows are written anew each time: half a minute
/// for a few processes, ten minutes for 1,000.
const GATHER_FIGURES: Duration = Duration::from_secs(30);
const GATHER_FIGURES_EACH: Duration = Duration::from_millis(600);

/// How often a disk that failed is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// How many bytes of points are written although they are not due.
const POINTS_BYTES_LARGE: usize = 4 << 20;

/// How often what is too old is dropped, in seconds of the clock of who tells.
const TIDY_SECONDS: u64 = 600;

/// The thread.
pub(crate) struct Clerk {
    path: PathBuf,
    bytes_max: u64,
    lost: Arc<AtomicU64>,
    tell: Tell,
    database: Option<Database>,
    happenings: VecDeque<Happening>,
    happenings_bytes: usize,
    /// Packed points, by the row they belong to.
    points: BTreeMap<Place, Vec<u8>>,
    points_bytes: usize,
    thinner: Thinner,
    /// The last second anything was measured at: what is old is told by the clock of who tells.
    now: Option<i64>,
    is_in_trouble: bool,
    has_lost: bool,
    tidied: Option<i64>,
    happenings_due: Option<Instant>,
    points_due: Option<Instant>,
    /// When the oldest of the points was measured that are not written.
    points_since: Option<i64>,
}

impl Clerk {
    pub(crate) fn new(path: PathBuf, bytes_max: u64, lost: Arc<AtomicU64>, tell: Tell) -> Self {
        Self {
            path,
            bytes_max,
            lost,
            tell,
            database: None,
            happenings: VecDeque::new(),
            happenings_bytes: 0,
            points: BTreeMap::new(),
            points_bytes: 0,
            thinner: Thinner::default(),
            now: None,
            is_in_trouble: false,
            has_lost: false,
            tidied: None,
            happenings_due: None,
            points_due: None,
            points_since: None,
        }
    }

    /// Does as it is told until nobody can tell it anything any more.
    pub(crate) fn attend(mut self, receiver: &Receiver<Word>, waiting: &AtomicUsize) {
        self.write(true);
        loop {
            let due = [self.happenings_due, self.points_due].into_iter().flatten().min();
            let word = match due {
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => receiver.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            if word.is_ok() {
                waiting.fetch_sub(1, Ordering::Relaxed);
            }
            match word {
                Ok(Word::Happened(happening)) => self.happened(happening),
                Ok(Word::Measured(at, subjects)) => self.measured(at, &subjects),
                Ok(Word::Asked(query, reply)) => reply(self.answer(query)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    for (level, subject, point) in self.thinner.close(None) {
                        self.keep(level, &subject, &point);
                    }
                    return self.write(true);
                }
            }
            let is_due = |due: Option<Instant>| due.is_some_and(|it| it <= Instant::now());
            if is_due(self.points_due) {
                for (level, subject, point) in self.thinner.close(self.now) {
                    self.keep(level, &subject, &point);
                }
                self.write(true);
            } else if is_due(self.happenings_due) {
                self.write(false);
            }
        }
    }

    fn happened(&mut self, happening: Happening) {
        self.happenings_bytes += size(&happening);
        self.happenings.push_back(happening);
        while self.happenings.len() > HAPPENINGS_MAX || self.happenings_bytes > HAPPENINGS_BYTES_MAX {
            let Some(oldest) = self.happenings.pop_front() else { break };
            self.happenings_bytes -= size(&oldest);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        self.happenings_due = self.happenings_due.or_else(|| Some(Instant::now() + self.pause(GATHER)));
        if self.happenings.len() >= HAPPENINGS_LARGE && !self.is_in_trouble {
            self.happenings_due = Some(Instant::now());
        }
    }

    fn measured(&mut self, at: i64, subjects: &[(String, Values)]) {
        self.now = Some(at);
        for (subject, values) in subjects {
            self.keep(0, subject, &Point { at, seconds: 1, values: *values });
            for (level, point) in self.thinner.take(subject, at, values) {
                self.keep(level, subject, &point);
            }
        }
        let subjects = u32::try_from(self.thinner.subjects()).unwrap_or(u32::MAX);
        let pause = self.pause(GATHER_FIGURES.saturating_add(GATHER_FIGURES_EACH.saturating_mul(subjects)));
        self.points_due = self.points_due.or_else(|| Some(Instant::now() + pause));
        let since = *self.points_since.get_or_insert(at);
        // By the clock of who tells, too: where that is a virtual one, it is the one that counts.
        let is_old = at.abs_diff(since) >= pause.as_secs();
        if (is_old || self.points_bytes > POINTS_BYTES_LARGE) && !self.is_in_trouble {
            self.points_due = Some(Instant::now());
        }
    }

    /// How long to wait before the next try to write.
    fn pause(&self, usual: Duration) -> Duration {
        if self.is_in_trouble { usual.max(RETRY) } else { usual }
    }

    /// Keeps a point to be written.
    fn keep(&mut self, level: usize, subject: &str, point: &Point) {
        let Some(about) = LEVELS.get(level) else { return };
        let block = about.block(point.at);
        let Ok(place) = u8::try_from((point.at - block) / about.seconds) else { return };
        let size = Layout::Placed.place_bytes() + pack::point_bytes(subject);
        let bytes = self.points.entry((level, block, subject.to_owned())).or_default();
        pack::push(bytes, subject, place, &point.values);
        self.points_bytes += size;
        while self.points_bytes > POINTS_BYTES_MAX {
            // The oldest of the finest: there are most of them, and they are missed least.
            let Some((_, oldest)) = self.points.pop_first() else { break };
            self.points_bytes = self.points_bytes.saturating_sub(oldest.len());
        }
    }

    /// Writes what there is, the figures only if they are due. What could not be written waits.
    fn write(&mut self, with_points: bool) {
        match self.try_write(with_points) {
            Ok(()) => {
                if std::mem::take(&mut self.is_in_trouble) {
                    (self.tell)(false, format!("the history goes to {} again", self.path.display()));
                }
                (self.happenings_due, self.has_lost) = (None, false);
                self.points_due = self.points_due.filter(|_| !with_points);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_in_trouble, true) {
                    let path = self.path.display();
                    let text = format!("cannot write the history to {path}: {error}; it is kept in memory");
                    (self.tell)(true, text);
                }
                // On a disk that is full, what is there can still be read.
                if error.sqlite_error_code() != Some(rusqlite::ErrorCode::DiskFull) {
                    self.database = None;
                }
                self.happenings_due = Some(Instant::now() + RETRY);
                self.points_due = Some(Instant::now() + RETRY);
            }
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 && !std::mem::replace(&mut self.has_lost, true) {
            let text =
                format!("the history could not keep up with what happened; {lost} records are missing in it");
            (self.tell)(true, text);
        }
    }

    fn try_write(&mut self, with_points: bool) -> rusqlite::Result<()> {
        if self.database.as_ref().is_some_and(|it| !it.is_at(&self.path)) {
            self.database = None;
            (self.tell)(true, format!("{} was removed; a new history is begun", self.path.display()));
        }
        if self.database.is_none() {
            let Opened { database, set_aside } = Database::open(&self.path, self.bytes_max, seconds())?;
            self.database = Some(database);
            if let Some(aside) = set_aside {
                let (path, aside) = (self.path.display(), aside.display());
                let text =
                    format!("{path} is no history that can be read; it is now {aside}, and a new one begun");
                (self.tell)(true, text);
            }
        }
        let Some(database) = &mut self.database else { return Ok(()) };
        if !self.happenings.is_empty() {
            database.write_happenings(self.happenings.iter())?;
            self.happenings.clear();
            self.happenings_bytes = 0;
            database.fit()?;
        }
        if with_points && !self.points.is_empty() {
            database.write_points(&self.points)?;
            self.points.clear();
            (self.points_bytes, self.points_since) = (0, None);
            database.fit()?;
        }
        if let Some(now) = self.now
            && with_points
            && self.tidied.is_none_or(|it| now.abs_diff(it) >= TIDY_SECONDS)
        {
            self.tidied = Some(now);
            database.tidy(now)?;
        }
        Ok(())
    }

    /// What is asked for: from the database, and from memory what it does not have yet.
    fn answer(&mut self, query: Query) -> Result<Past, String> {
        let answered = match query {
            Query::Happenings { name, kinds, since, before, most } => {
                let (span, most) = ((since, before), most.min(ROWS_MAX));
                let written = self.read(Vec::new(), |it| it.happenings(name.as_deref(), &kinds, span, most));
                written.map(|mut all| {
                    let is_meant = |it: &&Happening| {
                        name.as_ref().is_none_or(|name| *name == it.name)
                            && (kinds.is_empty() || kinds.contains(&it.kind))
                            && (since..before).contains(&it.at)
                    };
                    all.extend(self.happenings.iter().filter(is_meant).cloned());
                    // An end is told after what follows from it.
                    all.sort_by_key(|it| it.at);
                    all.drain(..all.len().saturating_sub(most));
                    Past::Happenings(all)
                })
            }
            Query::LastExits { each } => self.read(Vec::new(), |it| it.last_exits(each)).map(|mut all| {
                all.extend(self.happenings.iter().filter(|it| it.kind == Kind::Exit).cloned());
                Past::Happenings(all)
            }),
            Query::Points { subject, since, until, most } => {
                self.points(&subject, since, until, most.min(ROWS_MAX)).map(Past::Points)
            }
        };
        answered.map_err(|error| error.to_string())
    }

    fn points(&mut self, subject: &str, since: i64, until: i64, most: usize) -> rusqlite::Result<Vec<Point>> {
        let now = self.now.unwrap_or_else(seconds);
        let number = level_of_age(now.saturating_sub(since));
        let Some(level) = LEVELS.get(number) else { return Ok(Vec::new()) };
        let since = since.max(now - level.keep_seconds - level.block_seconds);
        let until = until.min(now + 1);
        let mut points = self.read(Vec::new(), |it| it.points(subject, level, since, until))?;
        let mut block = level.block(since);
        while block < until {
            if let Some(bytes) = self.points.get(&(number, block, subject.to_owned())) {
                points.extend(unpacked(bytes, subject, level, Layout::Placed, block));
            }
            block += level.block_seconds;
        }
        points.extend(self.thinner.unfinished(subject, number));
        points.retain(|it| it.at + it.seconds > since && it.at < until);
        points.sort_by_key(|it| it.at);
        Ok(fewer(subject, points, since, until, most))
    }

    /// Reads from the database, if there is one; a file that turns out to be broken is set aside at the next write.
    fn read<T>(
        &mut self,
        nothing: T,
        read: impl FnOnce(&Database) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let Some(database) = &self.database else { return Ok(nothing) };
        let read = read(database);
        if read.as_ref().is_err_and(is_about_content) {
            self.database = None;
            self.happenings_due = Some(Instant::now());
        }
        read
    }
}

fn size(happening: &Happening) -> usize {
    size_of::<Happening>() + happening.name.len() + happening.text.len() + happening.details.len()
}

fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
