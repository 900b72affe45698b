use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use model::keeping::{Compression, RotateWhen};
use rustix::fs::{CWD, Mode, OFlags, mkfifoat, open};

use super::tests::{Bench, LONG, SmallDisk, stream, to};
use super::*;

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// Turns until there is a file of this name and nothing of another.
fn until(bench: &mut Bench, there: &str, gone: &str) {
    let mut ready = Vec::new();
    while !bench.path(there).exists() || bench.path(gone).exists() {
        bench.outer.wait(&mut ready, LONG).unwrap();
        assert!(!ready.is_empty());
        bench.settle();
    }
}

#[test]
fn rotated_files_are_made_smaller_one_after_the_other_and_those_left_behind_too() {
    let mut bench = Bench::new();
    let path = bench.path("web");
    fs::write(bench.path("web.1"), "left behind\n").unwrap();
    fs::set_permissions(bench.path("web.1"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(bench.path("web.part"), "half of it").unwrap();
    let upkeep = Upkeep { compress: Compression::Gzip, ..Upkeep::default() };
    bench.pump.open(stream("web"), StreamOptions { maxbytes: 6, backups: 3, upkeep, ..to(&path) }).unwrap();
    until(&mut bench, "web.1.gz", "web.1");
    assert_eq!(unpacked(&bench.path("web.1.gz")), "left behind\n");
    let mode = fs::metadata(bench.path("web.1.gz")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "no more open than it was");

    let mut child = bench.child("web", 1);
    for (line, there, gone) in [("first\n", "web.2.gz", "web.1"), ("second\n", "web.3.gz", "web.1")] {
        child.write_all(line.as_bytes()).unwrap();
        bench.settle();
        until(&mut bench, there, gone);
        assert_eq!(unpacked(&bench.path("web.1.gz")), line);
    }
    assert_eq!(unpacked(&bench.path("web.2.gz")), "first\n");
    assert_eq!(unpacked(&bench.path("web.3.gz")), "left behind\n");
    child.write_all(b"third\n").unwrap();
    bench.settle();
    until(&mut bench, "web.1.gz", "web.1");
    assert_eq!(unpacked(&bench.path("web.3.gz")), "first\n", "the oldest is lost");
    assert!(!bench.path("web.4.gz").exists() && !bench.path("web.part").exists());
}

#[test]
fn a_smaller_one_that_was_just_being_put_in_its_place_is_the_one_that_stays() {
    let mut bench = Bench::new();
    let path = bench.path("web");
    fs::write(bench.path("web.1"), "large").unwrap();
    fs::write(bench.path("web.1.gz"), "small").unwrap();
    let upkeep = Upkeep { compress: Compression::Gzip, ..Upkeep::default() };
    bench.pump.open(stream("web"), StreamOptions { upkeep, ..to(&path) }).unwrap();
    assert!(!bench.path("web.1").exists());
    assert_eq!(bench.written("web.1.gz"), "small");
}

#[test]
fn the_oldest_go_when_all_together_have_too_much() {
    let mut bench = Bench::new();
    let path = bench.path("web");
    let upkeep = Upkeep { total_maxbytes: 20, ..Upkeep::default() };
    bench.pump.open(stream("web"), StreamOptions { maxbytes: 6, backups: 9, upkeep, ..to(&path) }).unwrap();
    let mut child = bench.child("web", 1);
    for line in ["one--\n", "two--\n", "three\n", "four-\n"] {
        child.write_all(line.as_bytes()).unwrap();
        bench.settle();
    }
    let there: Vec<_> = (1..5).filter(|it| bench.path(&format!("web.{it}")).exists()).collect();
    assert_eq!(there, [1, 2]);
    assert_eq!(bench.written("web.2"), "three\n");
}

#[test]
fn a_log_is_rotated_by_the_clock_and_when_somebody_says_so() {
    let mut bench = Bench::new();
    let path = bench.path("web");
    fs::write(&path, "of yesterday\n").unwrap();
    let yesterday = SystemTime::now() - Duration::from_hours(24);
    fs::File::options().write(true).open(&path).unwrap().set_modified(yesterday).unwrap();
    let upkeep = Upkeep { when: RotateWhen::Daily, ..Upkeep::default() };
    bench.pump.open(stream("web"), StreamOptions { backups: 3, upkeep, ..to(&path) }).unwrap();
    bench.pump.rotate(&stream("unknown")).unwrap();
    let mut child = bench.child("web", 1);
    child.write_all(b"of today\n").unwrap();
    bench.settle();
    assert_eq!(
        (bench.written("web"), bench.written("web.1")),
        ("of today\n".into(), "of yesterday\n".into())
    );

    bench.pump.rotate(&stream("web")).unwrap();
    bench.pump.rotate(&stream("web")).expect("an empty one is left alone");
    assert_eq!((bench.written("web"), bench.written("web.1")), (String::new(), "of today\n".into()));
    assert!(!bench.path("web.3").exists());
}

#[test]
fn what_a_full_disk_does_not_take_is_counted_and_the_program_goes_on() {
    let mut bench = Bench::new();
    let small = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(small.path()) else {
        return; // Not as root.
    };
    let path = small.path().join("log");
    fs::write(small.path().join("ballast"), vec![b'b'; 60_000]).unwrap();
    let options = StreamOptions { on_full: OnFull::Drop, ..to(&path) };
    bench.pump.open(stream("web"), options).unwrap();
    let mut child = bench.child("web", 1);
    let mut sent = 0;
    let mut reports = Vec::new();
    while sent < 200_000 {
        child.write_all(&[b'x'; 10_000]).unwrap();
        sent += 10_000;
        reports.extend(bench.settle());
    }
    let reason = "No space left on device".to_owned();
    assert_eq!(
        reports,
        [Report::Dropping { stream: stream("web"), path: path.clone(), reason }],
        "said once"
    );
    let kept = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
    assert_eq!(bench.pump.dropped_bytes(&stream("web")), u64::try_from(sent - kept).unwrap());

    fs::remove_file(small.path().join("ballast")).unwrap();
    let deadline = bench.pump.deadline().expect("it is tried again");
    bench.pump.retry(deadline);
    child.write_all(b"back").unwrap();
    let bytes = u64::try_from(sent - kept).unwrap();
    assert_eq!(bench.settle(), [Report::Dropped { stream: stream("web"), path: path.clone(), bytes }]);
    assert!(fs::read(&path).unwrap().ends_with(b"xback"));
    assert_eq!(bench.pump.dropped_bytes(&stream("web")), bytes, "the count stays");
    assert_eq!(bench.pump.deadline(), None);
    drop(disk);
}

#[test]
fn copies_get_what_the_log_gets_and_hold_up_nobody() {
    let mut bench = Bench::new();
    let (path, fifo, other) = (bench.path("web"), bench.path("fifo"), bench.path("other"));
    mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    let also = vec![fifo.clone(), other];
    let options = StreamOptions { format: LogFormat::Prefix, also, ..to(&path) };
    bench.pump.open(stream("web"), options).unwrap();
    let mut child = bench.child("web", 1);
    child.write_all(b"line\n").unwrap();
    bench.settle();
    let reader = open(&fifo, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
    let mut room = [0; 100];
    let count = rustix::io::read(&reader, &mut room).unwrap();
    let line = String::from_utf8_lossy(&room[..count]).into_owned();
    assert!(line.ends_with(" g:web stdout: line\n"), "{line}");
    assert_eq!((bench.written("web"), bench.written("other")), (line.clone(), line));

    for _ in 0..100 {
        child.write_all(&vec![b'x'; 20_000]).unwrap();
        bench.settle();
    }
    let sizes = ["web", "other"].map(|it| fs::metadata(bench.path(it)).unwrap().len());
    assert!(sizes[0] > 2_000_000 && sizes[0] == sizes[1]);
    assert!(bench.pump.deadline().is_some(), "the copy that waits is tried again");
}
