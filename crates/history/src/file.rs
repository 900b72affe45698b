//! The database: its tables, and what is written to and read from them.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::past::{Happening, Kind, Point};
use model::time::Wall;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use crate::pack::{self, Layout};
use crate::thin::{LEVELS, Level};
use crate::views;

/// The version of the tables. A file of another one is set aside rather than guessed at.
const VERSION: i64 = 2;

/// What a user finds in there. The times of happenings are in microseconds, of figures in seconds since the epoch.
/// A row of figures has the points of a stretch of time; the views unpack them.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS happenings (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    text TEXT NOT NULL, details TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS happenings_by_name ON happenings (name, id);
CREATE TABLE IF NOT EXISTS subjects (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS figures (
    seconds INTEGER NOT NULL, at INTEGER NOT NULL, subject INTEGER NOT NULL, points BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS figures_by_time ON figures (seconds, at, subject);
DELETE FROM subjects WHERE id NOT IN (SELECT subject FROM figures);
CREATE VIEW IF NOT EXISTS timeline AS
SELECT strftime('%Y-%m-%d %H:%M:%f', at / 1e6, 'unixepoch', 'localtime') AS time, name, kind, text FROM happenings;
";

/// How a connection is set up. Rows of figures are large: on small pages much of each would be empty. `NORMAL` in
/// this journal mode can lose the last moments when the power fails, and never the file.
const SETUP: &str = "
PRAGMA page_size=16384; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
PRAGMA journal_size_limit=1048576; PRAGMA wal_autocheckpoint=64; PRAGMA cache_size=-1024; PRAGMA trusted_schema=OFF;
";

/// How long to wait for a user who has the file open and locked.
const BUSY: Duration = Duration::from_secs(2);

/// How much of its rows a table loses at once when the file has grown too large: a twentieth.
const LOSS: i64 = 20;

/// How many happenings of one process, and of none, are kept: one that dies every second, or somebody who guesses
/// passwords, must not push out all that is known of the others.
const HAPPENINGS_OF_ONE_MAX: i64 = 10_000;

/// The rows of one block of time of one subject: its level, its beginning, its name.
pub(crate) type Place = (usize, i64, String);

/// An open database.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    bytes_max: u64,
    /// Which file this is: one that was removed or replaced is another.
    inode: u64,
    /// The numbers of subjects that are known.
    subjects: BTreeMap<String, i64>,
}

/// How an open went.
pub(crate) struct Opened {
    pub(crate) database: Database,
    /// Where a file that could not be used was put.
    pub(crate) set_aside: Option<PathBuf>,
}

impl Database {
    /// Opens a database, or begins one. A file that is none is set aside.
    pub(crate) fn open(path: &Path, bytes_max: u64, now: i64) -> rusqlite::Result<Opened> {
        match Self::try_open(path, bytes_max) {
            Ok(database) => Ok(Opened { database, set_aside: None }),
            Err(error) if is_about_content(&error) => {
                let aside = with_ending(path, &format!(".broken-{now}"));
                std::fs::rename(path, &aside).map_err(|_| error)?;
                for ending in ["-wal", "-shm"] {
                    // What belongs to the old file would spoil the new one; often there is none.
                    let _ = std::fs::remove_file(with_ending(path, ending));
                }
                Ok(Opened { database: Self::try_open(path, bytes_max)?, set_aside: Some(aside) })
            }
            Err(error) => Err(error),
        }
    }

    fn try_open(path: &Path, bytes_max: u64) -> rusqlite::Result<Self> {
        let inode = touch(path).map_err(|error| cannot_open(&error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(SETUP)?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version != 0 && version != VERSION {
            return Err(corrupt(format!("its version is {version}, not {VERSION}")));
        }
        let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if sound != "ok" {
            return Err(corrupt(sound));
        }
        connection.execute_batch(TABLES)?;
        if version != VERSION {
            connection.execute_batch(&views::statements())?;
            connection.pragma_update(None, "user_version", VERSION)?;
        }
        Ok(Self { connection, bytes_max, inode, subjects: BTreeMap::new() })
    }

    /// Whether the file at `path` is still this one.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|it| it.ino() == self.inode)
    }

    /// Writes what happened, all or nothing.
    pub(crate) fn write_happenings<'a>(
        &mut self,
        happenings: impl Iterator<Item = &'a Happening>,
    ) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare(
                "INSERT INTO happenings (at, name, kind, text, details) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for it in happenings {
                insert.execute(params![it.at.micros, it.name, it.kind.as_str(), it.text, it.details])?;
            }
        }
        transaction.commit()
    }

    /// Adds packed points to the rows they belong to, all or nothing.
    pub(crate) fn write_points(&mut self, rows: &BTreeMap<Place, Vec<u8>>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        // A number that is forgotten with the transaction must not be remembered.
        let mut known = self.subjects.clone();
        {
            let mut read = transaction
                .prepare("SELECT points FROM figures WHERE seconds = ?1 AND at = ?2 AND subject = ?3")?;
            let mut write = transaction.prepare(
                "INSERT INTO figures (seconds, at, subject, points) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (seconds, at, subject) DO UPDATE SET points = excluded.points",
            )?;
            for ((level, at, subject), points) in rows {
                let Some(level) = LEVELS.get(*level) else { continue };
                if !known.contains_key(subject) {
                    known.insert(subject.clone(), number_of(&transaction, subject)?);
                }
                let number = known.get(subject);
                let row = read.query_row(params![level.seconds, at, number], |row| row.get::<_, Vec<u8>>(0));
                let joined = pack::join(
                    &row.optional()?.unwrap_or_default(),
                    points,
                    subject,
                    level.layout,
                    level.block_points,
                );
                write.execute(params![level.seconds, at, number, joined])?;
            }
        }
        transaction.commit()?;
        self.subjects = known;
        Ok(())
    }

    /// Drops what is too old.
    pub(crate) fn tidy(&mut self, now: i64) -> rusqlite::Result<()> {
        for level in &LEVELS {
            self.connection.execute(
                "DELETE FROM figures WHERE seconds = ?1 AND at < ?2",
                params![level.seconds, now - level.keep_seconds - level.block_seconds],
            )?;
        }
        let noisy = {
            let mut noisy =
                self.connection.prepare("SELECT name FROM happenings GROUP BY name HAVING count(*) > ?1")?;
            let names = noisy.query_map([HAPPENINGS_OF_ONE_MAX], |row| row.get::<_, String>(0))?;
            names.collect::<rusqlite::Result<Vec<_>>>()?
        };
        for name in noisy {
            self.connection.execute(
                "DELETE FROM happenings WHERE name = ?1 AND id <= \
                 (SELECT id FROM happenings WHERE name = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                params![name, HAPPENINGS_OF_ONE_MAX],
            )?;
        }
        self.connection.execute_batch("PRAGMA incremental_vacuum")
    }

    /// Drops the oldest, share by share, when all together is too much: of the figures, unless what happened takes
    /// more than half.
    pub(crate) fn fit(&mut self) -> rusqlite::Result<()> {
        let share = |table: &str, of: &str| {
            format!(
                "DELETE FROM {table} WHERE {of} AND at <= \
                 (SELECT min(at) + (max(at) - min(at)) / {LOSS} FROM {table} WHERE {of})"
            )
        };
        let mut has_lost = false;
        while self.used_bytes()? > self.bytes_max {
            let mut lost = 0;
            if self.happenings_bytes()? <= self.bytes_max / 2 {
                for level in &LEVELS {
                    let of = format!("seconds = {}", level.seconds);
                    lost += self.connection.execute(&share("figures", &of), [])?;
                }
            }
            if lost == 0 {
                lost = self.connection.execute(&share("happenings", "1"), [])?;
            }
            if lost == 0 {
                break;
            }
            has_lost = true;
        }
        if has_lost { self.connection.execute_batch("PRAGMA incremental_vacuum") } else { Ok(()) }
    }

    /// About how much of the file is about what happened, going by what the last of it take.
    fn happenings_bytes(&self) -> rusqlite::Result<u64> {
        // Beside its texts a row has numbers, and its name once more in the index.
        let bytes: f64 = self.connection.query_row(
            "SELECT coalesce((SELECT max(id) - min(id) + 1 FROM happenings) * avg(size), 0.0) FROM \
             (SELECT length(text) + length(details) + 2 * length(name) + 40 AS size FROM happenings \
              ORDER BY id DESC LIMIT 500)",
            [],
            |row| row.get(0),
        )?;
        Ok(Duration::try_from_secs_f64(bytes).map_or(0, |it| it.as_secs()))
    }

    /// How much of the file is in use.
    pub(crate) fn used_bytes(&self) -> rusqlite::Result<u64> {
        let pragma = |name: &str| -> rusqlite::Result<i64> {
            self.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
        };
        let pages = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
        Ok(u64::try_from(pages.saturating_mul(pragma("page_size")?)).unwrap_or(0))
    }

    /// The last `most` happenings, the oldest first.
    pub(crate) fn happenings(
        &self,
        name: Option<&str>,
        kinds: &[Kind],
        (since, before): (Wall, Wall),
        most: usize,
    ) -> rusqlite::Result<Vec<Happening>> {
        let kinds: Vec<_> = kinds.iter().map(|it| format!("'{}'", it.as_str())).collect();
        let of_kind =
            if kinds.is_empty() { String::new() } else { format!(" AND kind IN ({})", kinds.join(",")) };
        // Two statements and not `?1 IS NULL OR`, with which there is no use of the index.
        let of_name = if name.is_some() { "name = ?1" } else { "?1 IS NULL" };
        let sql = format!(
            "SELECT at, name, kind, text, details FROM happenings \
             WHERE {of_name} AND at >= ?2 AND at < ?3{of_kind} ORDER BY id DESC LIMIT ?4"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![name, since.micros, before.micros, most], happening)?;
        let mut happenings: Vec<_> =
            rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect();
        happenings.reverse();
        Ok(happenings)
    }

    /// The last `each` ends of every process, the oldest first.
    pub(crate) fn last_exits(&self, each: usize) -> rusqlite::Result<Vec<Happening>> {
        let mut statement = self.connection.prepare(
            "SELECT at, name, kind, text, details FROM \
             (SELECT *, row_number() OVER (PARTITION BY name ORDER BY id DESC) AS place FROM happenings \
              WHERE kind = 'exit') WHERE place <= ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([i64::try_from(each).unwrap_or(i64::MAX)], happening)?;
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The points of a subject at a level, in the order of their times.
    pub(crate) fn points(
        &self,
        subject: &str,
        level: &Level,
        since: i64,
        until: i64,
    ) -> rusqlite::Result<Vec<Point>> {
        let mut statement = self.connection.prepare(
            "SELECT points FROM figures WHERE seconds = ?1 AND at = ?2 \
             AND subject = (SELECT id FROM subjects WHERE name = ?3)",
        )?;
        let mut points = Vec::new();
        let mut block = level.block(since);
        while block < until {
            let row: Option<Vec<u8>> =
                statement.query_row(params![level.seconds, block, subject], |row| row.get(0)).optional()?;
            points.extend(unpacked(&row.unwrap_or_default(), subject, level, level.layout, block));
            block += level.block_seconds;
        }
        Ok(points)
    }
}

/// The points of a row that begins at `block`.
pub(crate) fn unpacked(bytes: &[u8], subject: &str, level: &Level, layout: Layout, block: i64) -> Vec<Point> {
    let at = |place: u8| block + i64::from(place) * level.seconds;
    let point = |(place, values)| Point { at: at(place), seconds: level.seconds, values };
    pack::points(bytes, subject, layout).map(point).collect()
}

/// A happening; `None` for one of a kind nobody knows.
fn happening(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Happening>> {
    let Some(kind) = Kind::parse(&row.get::<_, String>(2)?) else { return Ok(None) };
    Ok(Some(Happening {
        at: Wall { micros: row.get(0)? },
        name: row.get(1)?,
        kind,
        text: row.get(3)?,
        details: row.get(4)?,
    }))
}

fn number_of(connection: &Connection, subject: &str) -> rusqlite::Result<i64> {
    connection.execute("INSERT OR IGNORE INTO subjects (name) VALUES (?1)", [subject])?;
    connection.query_row("SELECT id FROM subjects WHERE name = ?1", [subject], |row| row.get(0))
}

/// Makes a file if there is none, for its owner alone: the last lines of programs are in it. Tells which file it is.
fn touch(path: &Path) -> io::Result<u64> {
    let file: File =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    Ok(file.metadata()?.ino())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn cannot_open(error: &io::Error) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
    rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
}

fn corrupt(reason: String) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some(reason))
}

/// Whether an error says that the file is no database of ours, rather than that it cannot be written.
pub(crate) fn is_about_content(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
        // Tables that are not ours, or not any more: columns that are missing, or of another type.
        || error.sqlite_error_code() == Some(ErrorCode::Unknown)
        || matches!(error, rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::SqlInputError { .. })
}
