//! The daemon's own log.

#![cfg(test)]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logs::main_log::{ClearFault, MainLog, MainLogOptions, PENDING_BYTES_MAX, Target};
use model::level::Level;
use model::time::{Utc, Wall};
use os::poll::{Interest, Poller};
use rustix::fs::{CWD, Mode, OFlags, mkfifoat, open};

/// 2026-11-20 23:40:27.123456 in universal time.
const WHEN: Wall = Wall { micros: 1_795_218_027_123_456 };

fn options(path: &Path) -> MainLogOptions {
    MainLogOptions {
        target: Target::File(path.to_owned()),
        maxbytes: 0,
        backups: 0,
        level: Level::Info,
        echo: false,
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.log");
    (folder, path)
}

#[test]
fn a_line_has_its_time_its_level_and_its_message() {
    let (_folder, path) = folder();
    fs::write(&path, "before\n").unwrap();
    let mut log = MainLog::open(MainLogOptions { level: Level::Blather, ..options(&path) }).unwrap();
    log.log(Level::Info, WHEN, &Utc, "spawned: 'cat' with pid 7");
    log.log(Level::Debug, WHEN, &Utc, "'cat' stdout output:\ntwo\nlines\n");
    for level in Level::ALL {
        log.log(level, Wall::from_seconds(0), &Utc, "x");
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "before\n\
         2026-11-20 23:40:27,123 INFO spawned: 'cat' with pid 7\n\
         2026-11-20 23:40:27,123 DEBG 'cat' stdout output:\ntwo\nlines\n\n\
         1970-01-01 00:00:00,000 CRIT x\n\
         1970-01-01 00:00:00,000 ERRO x\n\
         1970-01-01 00:00:00,000 WARN x\n\
         1970-01-01 00:00:00,000 INFO x\n\
         1970-01-01 00:00:00,000 DEBG x\n\
         1970-01-01 00:00:00,000 TRAC x\n\
         1970-01-01 00:00:00,000 BLAT x\n"
    );
}

#[test]
fn what_is_quieter_than_the_level_is_left_out() {
    let (_folder, path) = folder();
    let mut log = MainLog::open(options(&path)).unwrap();
    let enabled: Vec<_> = Level::ALL.into_iter().filter(|it| log.enabled(*it)).collect();
    assert_eq!(enabled, [Level::Critical, Level::Error, Level::Warn, Level::Info]);
    log.log(Level::Debug, WHEN, &Utc, "x");
    assert_eq!(fs::read(&path).unwrap(), b"");
    assert_eq!(log.deadline(), None);
}

#[test]
fn it_is_rotated_like_any_log() {
    let (_folder, path) = folder();
    let mut log = MainLog::open(MainLogOptions { maxbytes: 40, backups: 1, ..options(&path) }).unwrap();
    log.log(Level::Info, WHEN, &Utc, "first");
    log.log(Level::Info, WHEN, &Utc, "second");
    log.log(Level::Info, WHEN, &Utc, "third");
    let older = PathBuf::from(format!("{}.1", path.display()));
    assert_eq!(
        fs::read_to_string(older).unwrap(),
        "2026-11-20 23:40:27,123 INFO first\n2026-11-20 23:40:27,123 INFO second\n"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "2026-11-20 23:40:27,123 INFO third\n");
}

#[test]
fn clearing_says_so_in_the_old_file_and_begins_a_new_one() {
    let (folder, path) = folder();
    let mut log = MainLog::open(options(&path)).unwrap();
    log.log(Level::Info, WHEN, &Utc, "old");
    let kept = folder.path().join("kept");
    fs::hard_link(&path, &kept).unwrap();
    log.clear(WHEN, &Utc).unwrap();
    log.log(Level::Info, WHEN, &Utc, "new");
    assert!(
        fs::read_to_string(&kept)
            .unwrap()
            .ends_with("INFO old\n2026-11-20 23:40:27,123 INFO reopening log file\n")
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "2026-11-20 23:40:27,123 INFO new\n");

    fs::remove_file(&path).unwrap();
    assert_eq!(log.clear(WHEN, &Utc), Err(ClearFault::NoFile));
    log.reopen().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
}

#[test]
fn what_is_no_file_is_never_removed() {
    let mut log = MainLog::open(MainLogOptions { target: Target::Syslog, ..options(Path::new("")) }).unwrap();
    log.log(Level::Info, WHEN, &Utc, "whether anybody listens or not");
    assert_eq!(log.path(), None);
    assert_eq!(log.clear(WHEN, &Utc), Err(ClearFault::NoFile));
    let mut log = MainLog::open(options(Path::new("/dev/null"))).unwrap();
    assert_eq!(log.clear(WHEN, &Utc), Err(ClearFault::Failed));
    assert!(Path::new("/dev/null").exists());
}

#[test]
fn a_log_that_cannot_be_opened_is_an_error() {
    assert_eq!(MainLog::open(options(Path::new("/dev/null/x"))).unwrap_err().raw_os_error(), Some(20));
}

/// A log to a FIFO, and the end from which it is read.
fn to_fifo(path: &Path) -> (MainLog, fs::File) {
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
    let log = MainLog::open(MainLogOptions { maxbytes: 1, backups: 1, ..options(path) }).unwrap();
    let reader = open(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
    (log, reader.into())
}

fn read_some(reader: &mut fs::File) -> String {
    let mut bytes = Vec::new();
    let _ = reader.read_to_end(&mut bytes); // Ends with "would block": the log is still open.
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_reader_that_sleeps_is_not_waited_for_and_gets_its_lines_later() {
    let (_folder, path) = folder();
    let (mut log, mut reader) = to_fifo(&path);
    let mut said = String::new();
    while !log.is_waiting() {
        log.log(Level::Info, WHEN, &Utc, "a line");
        said += "2026-11-20 23:40:27,123 INFO a line\n";
    }
    assert!(log.deadline().is_some());
    let poller = Poller::new().unwrap();
    poller.add(&log, 1, Interest::Read).unwrap();
    let mut ready = Vec::new();
    poller.wait(&mut ready, Some(Duration::ZERO)).unwrap();
    assert!(ready.is_empty(), "there is nothing to do while nobody reads");

    let mut heard = read_some(&mut reader);
    poller.wait(&mut ready, Some(Duration::from_secs(20))).unwrap();
    assert_eq!(ready.len(), 1);
    log.resume();
    heard += &read_some(&mut reader);
    assert_eq!(heard, said);
    assert!(!log.is_waiting() && log.deadline().is_none());
    poller.wait(&mut ready, Some(Duration::ZERO)).unwrap();
    assert!(ready.is_empty(), "nor when all is written");
}

#[test]
fn lines_beyond_what_may_wait_are_counted() {
    let (_folder, path) = folder();
    let (mut log, mut reader) = to_fifo(&path);
    let wide = "x".repeat(1000);
    // More than the pipe and the log can hold together.
    let lines = (PENDING_BYTES_MAX + 100_000) / wide.len();
    for _ in 0..lines {
        log.log(Level::Info, WHEN, &Utc, &wide);
    }
    let mut heard = String::new();
    while log.is_waiting() {
        heard += &read_some(&mut reader);
        log.resume();
    }
    log.log(Level::Info, WHEN, &Utc, "awake");
    heard += &read_some(&mut reader);
    let missing = lines - heard.matches(&wide).count();
    assert!(missing > 0);
    let wanted = format!(
        "2026-11-20 23:40:27,123 WARN {missing} lines are missing here: they could not be written\n\
         2026-11-20 23:40:27,123 INFO awake\n"
    );
    assert!(heard.ends_with(&wanted), "{missing} of {lines}: {}", heard.replace(&wide, "x"));
}
