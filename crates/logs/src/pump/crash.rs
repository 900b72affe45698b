//! A pump that is killed, again and again, at whichever instruction: each line is in the log once.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

use super::tests::{BUDGET, numbered_files, stream};
use super::*;

/// Which pass between two system calls is the pump's last.
const DIE_AT: &str = "MENSHEN_DIE_AT";

/// What is done to the stream, and in which folder.
const WAY: &str = "MENSHEN_CRASH_WAY";
const FOLDER: &str = "MENSHEN_CRASH_FOLDER";

fn options(way: &str, path: PathBuf) -> StreamOptions {
    let raw =
        StreamOptions { path: Some(path), maxbytes: 20_000, backups: 10_000, ..StreamOptions::default() };
    match way {
        "raw" => raw,
        "watched" => StreamOptions { mirror: Mirror::Shown, ..raw },
        "stripped" => StreamOptions { strip_ansi: true, ..raw },
        "prefixed" => StreamOptions { format: LogFormat::Prefix, ..raw },
        "captured" => StreamOptions { capture_maxbytes: 100, strip_ansi: true, ..raw },
        _ => unreachable!("no such way"),
    }
}

/// Where the keepsake can be opened.
const KEEPSAKE: &str = "MENSHEN_CRASH_KEEPSAKE";

/// The process that is killed: the same program, in another role. Its standard input is the pipe.
#[test]
fn the_pump_that_is_killed() {
    let Ok(way) = std::env::var(WAY) else { return };
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let own = |fd: BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(fd, 3).unwrap();
    let keepsake = fs::OpenOptions::new().read(true).write(true).open(std::env::var(KEEPSAKE).unwrap());
    let (mut pump, understood) = Pump::resume_from(keepsake.unwrap().into(), || None).unwrap();
    understood.unwrap();
    pump.open(stream("web"), options(&way, folder.join("log"))).unwrap();
    pump.attach(ChildId(1), stream("web"), own(rustix::stdio::stdin()));
    let outer = Poller::new().unwrap();
    outer.add(&pump, 1, Interest::Read).unwrap();
    let mut ready = Vec::new();
    loop {
        pump.turn(BUDGET);
        if pump.reports().iter().any(|it| matches!(it, Report::Ended { .. })) {
            return;
        }
        outer.wait(&mut ready, None).unwrap();
    }
}

/// A line as it is written, and as the log is to have it.
fn line(number: u64, way: &str) -> (String, String) {
    let padding = "x".repeat(usize::try_from(number * 7919 % 120).unwrap());
    let plain = format!("{number:08} {padding}\n");
    match way {
        "stripped" => (format!("\x1b[1m{number:08}\x1b[0m {padding}\n"), plain),
        "captured" => {
            let said = format!("<!--XSUPERVISOR:BEGIN-->told {number}<!--XSUPERVISOR:END-->");
            (format!("{number:08} {said}{padding}\x1b[0m\n"), plain)
        }
        _ => (plain.clone(), plain),
    }
}

/// Kills a pump `deaths` times while `lines_max` lines and more are written, then lets it end.
fn torment(way: &'static str, deaths: u64, mut how: impl FnMut(u64) -> Option<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    let (go_on, until_enough) = std::sync::mpsc::channel::<()>();
    let program = std::thread::spawn(move || {
        let mut pipe = fs::File::from(writer);
        let mut wanted = String::new();
        for number in 0.. {
            let (written, logged) = line(number, way);
            // In pieces, so that tokens are cut wherever it may be.
            for piece in written.as_bytes().chunks(17) {
                pipe.write_all(piece).unwrap();
            }
            wanted.push_str(&logged);
            if until_enough.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected) {
                return wanted;
            }
        }
        unreachable!("there is always another line");
    });
    let keepsake = Pump::new(None).unwrap().keepsake().unwrap().try_clone_to_owned().unwrap();
    let run = |die_at: Option<u64>| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "--nocapture", "pump::crash::the_pump_that_is_killed"])
            .env(WAY, way)
            .env(FOLDER, folder.path())
            .stdin(Stdio::from(reader.try_clone().unwrap()))
            .env(KEEPSAKE, format!("/proc/{}/fd/{}", std::process::id(), keepsake.as_raw_fd()))
            .stdout(Stdio::null());
        if let Some(die_at) = die_at {
            command.env(DIE_AT, die_at.to_string());
        }
        command.spawn().unwrap()
    };
    for death in 0..deaths {
        let die_at = how(death);
        let mut child = run(die_at);
        if die_at.is_none() {
            // As long as it takes to start and to do a little: the point of death is the scheduler's choice.
            let deadline = os::clock::mono() + Duration::from_micros(3_000 + death * 7_919 % 9_000);
            while os::clock::mono() < deadline {
                std::thread::yield_now();
            }
            child.kill().unwrap();
        }
        assert!(!child.wait().unwrap().success(), "it was killed");
    }
    drop(go_on);
    let mut last = run(None);
    let wanted = program.join().unwrap();
    assert!(last.wait().unwrap().success());
    let mut found = numbered_files(&folder.path().join("log"));
    if way == "prefixed" {
        let bare = |it: &str| it.split_once(" stdout: ").unwrap().1.to_owned() + "\n";
        found = found.lines().map(bare).collect();
    }
    let differs = found.bytes().zip(wanted.bytes()).position(|(a, b)| a != b);
    let around = differs.map(|at| {
        (found.get(at.saturating_sub(200)..at + 200), wanted.get(at.saturating_sub(200)..at + 200))
    });
    assert!(found == wanted, "{way}: {} of {} bytes, {around:?}", found.len(), wanted.len());
}

#[test]
fn death_at_any_moment_neither_loses_nor_doubles_nor_tears_a_line() {
    for way in ["raw", "watched", "stripped", "captured", "prefixed"] {
        torment(way, 60, |_| None);
    }
}

#[test]
fn death_between_any_two_system_calls_neither_loses_nor_doubles_nor_tears_a_line() {
    for way in ["raw", "watched", "stripped", "captured", "prefixed"] {
        torment(way, 120, |death| Some(death % 60));
    }
}

#[test]
fn a_keepsake_of_another_kind_is_refused_and_the_pump_works_all_the_same() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"something else").unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let (pump, understood) = Pump::resume_from(file.into(), || None).unwrap();
    assert!(understood.is_err() && pump.keepsake().is_some());
}
