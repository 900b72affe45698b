use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use model::name::{GroupName, ProcessName};
use os::poll::Interest;
use rustix::fs::{CWD, Mode, OFlags, mkfifoat, open};

use super::*;

const AT_ONCE: Option<Duration> = Some(Duration::ZERO);
/// Far beyond what a loaded machine needs: reached only by a failing test.
pub(super) const LONG: Option<Duration> = Some(Duration::from_secs(20));
pub(super) const BUDGET: usize = 16 * GULP_BYTES;

pub(super) fn stream(name: &str) -> StreamId {
    let group = GroupName::parse("g").unwrap();
    StreamId { name: FullName { group, process: ProcessName::expanded(name) }, channel: Channel::Stdout }
}

pub(super) fn to(path: &Path) -> StreamOptions {
    StreamOptions { path: Some(path.to_owned()), ..StreamOptions::default() }
}

/// What is in a log and its backups, the oldest first. A rotation that was cut short leaves a number free,
/// which the next one fills.
pub(super) fn numbered_files(path: &Path) -> String {
    let older = |number: u32| PathBuf::from(format!("{}.{number}", path.display()));
    let files = (1..10_000).rev().map(older).filter(|it| it.exists()).chain([path.to_owned()]);
    String::from_utf8(files.flat_map(|it| fs::read(it).unwrap()).collect()).unwrap()
}

fn chunk(name: &str, child: u64, bytes: &[u8]) -> Report {
    Report::Chunk { stream: stream(name), child: ChildId(child), bytes: bytes.to_owned() }
}

/// What is reported of words: that they are there, and that they are taken.
fn words(name: &str, bytes: &[u8]) -> [Report; 2] {
    let (stream, child, bytes) = (stream(name), ChildId(1), bytes.to_owned());
    let saying = Report::Saying { stream: stream.clone(), child, bytes: bytes.clone() };
    [saying, Report::Said { stream, child, bytes }]
}

fn ended(name: &str, child: u64) -> Report {
    Report::Ended { stream: stream(name), child: ChildId(child) }
}

/// A pump, a folder for its logs, and a view of whether it has something to do.
pub(super) struct Bench {
    pub(super) pump: Pump,
    pub(super) outer: Poller,
    folder: tempfile::TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        let (pump, outer) = (Pump::new(None).unwrap(), Poller::new().unwrap());
        outer.add(&pump, 1, Interest::Read).unwrap();
        Self { pump, outer, folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens the log of that name for the stream of that name.
    fn open(&mut self, name: &str) {
        let options = to(&self.path(name));
        self.pump.open(stream(name), options).unwrap();
    }

    pub(super) fn written(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// A pipe from a new child of the stream.
    pub(super) fn child(&mut self, name: &str, child: u64) -> fs::File {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        self.pump.attach(ChildId(child), stream(name), reader);
        writer.into()
    }

    /// Whether it has something to do now.
    fn is_ready(&self) -> bool {
        let mut ready = Vec::new();
        self.outer.wait(&mut ready, AT_ONCE).unwrap();
        !ready.is_empty()
    }

    /// Turns until there is nothing to do.
    pub(super) fn settle(&mut self) -> Vec<Report> {
        loop {
            for (_, token) in std::mem::take(&mut self.pump.resting) {
                self.pump.wake(token);
                self.pump.watch(token);
            }
            if !self.is_ready() && self.pump.ready.is_empty() {
                break;
            }
            self.pump.turn(BUDGET);
        }
        self.pump.reports()
    }

    /// The same, with the words of a listener taken as soon as they are shown.
    fn settle_and_take(&mut self, child: u64) -> Vec<Report> {
        let mut reports = self.settle();
        while self.pump.has_shown(ChildId(child)) {
            self.pump.take_words(ChildId(child));
            reports.extend(self.settle());
        }
        reports
    }
}

#[test]
fn what_a_child_writes_is_in_its_log_until_it_ends() {
    let mut bench = Bench::new();
    bench.open("web");
    let mut child = bench.child("web", 1);
    assert!(!bench.is_ready(), "a silent child is no work");
    child.write_all(b"one\n").unwrap();
    assert!(bench.is_ready());
    assert_eq!(bench.settle(), []);
    assert_eq!(bench.written("web"), "one\n");
    child.write_all(b"\xff without a newline").unwrap();
    drop(child);
    assert_eq!(bench.settle(), [ended("web", 1)]);
    assert_eq!(fs::read(bench.path("web")).unwrap(), b"one\n\xff without a newline");
    assert!(!bench.is_ready(), "a child that is gone is no work");
    assert_eq!(bench.pump.deadline(), None);
}

#[test]
fn a_stream_without_a_log_is_read_and_dropped() {
    let mut bench = Bench::new();
    bench.pump.open(stream("quiet"), StreamOptions::default()).unwrap();
    let mut children = [bench.child("quiet", 1), bench.child("unheard of", 2)];
    for child in &mut children {
        child.write_all(&[b'x'; 4096]).unwrap();
    }
    assert_eq!(bench.settle(), []);
    drop(children);
    assert_eq!(bench.settle(), [ended("quiet", 1), ended("unheard of", 2)]);
}

#[test]
fn a_flood_does_not_keep_others_waiting() {
    let mut bench = Bench::new();
    let names: Vec<String> = (0..20).map(|it| format!("p{it}")).collect();
    let mut children = Vec::new();
    for (name, number) in names.iter().zip(0..) {
        bench.open(name);
        children.push(bench.child(name, number));
    }
    // Everyone has more than one turn's budget; the first are refilled after each.
    let budget = 60_000;
    let mut turns = 0;
    let flood = vec![b'x'; 65_536];
    loop {
        for child in &mut children {
            os::fd::set_nonblocking(&*child).unwrap();
            let _ = child.write(&flood);
        }
        let turn = bench.pump.turn(budget);
        assert!(turn.bytes <= budget + GULP_BYTES);
        turns += 1;
        let silent = names.iter().filter(|it| bench.written(it).is_empty()).count();
        if silent == 0 {
            break;
        }
        assert!(turn.more || bench.is_ready());
        assert!(turns <= names.len(), "{silent} have not been heard after {turns} turns");
    }
}

#[test]
fn last_words_are_in_the_log_before_anyone_hears_of_the_end() {
    let mut bench = Bench::new();
    bench.open("web");
    let mut child = bench.child("web", 1);
    rustix::pipe::fcntl_setpipe_size(&child, 1 << 20).unwrap();
    let words = vec![b'x'; 1 << 20];
    child.write_all(&words).unwrap();
    drop(child);
    bench.pump.drain(ChildId(1));
    assert_eq!(bench.written("web").len(), words.len(), "more than one gulp");
    assert_eq!(bench.pump.reports(), [ended("web", 1)]);
    bench.pump.drain(ChildId(1));
    bench.pump.drain(ChildId(99));
    assert!(!bench.is_ready());
}

#[test]
fn what_a_grandchild_writes_later_goes_to_the_same_log() {
    let mut bench = Bench::new();
    bench.open("web");
    let mut grandchild = bench.child("web", 1);
    grandchild.write_all(b"a").unwrap();
    bench.pump.drain(ChildId(1));
    assert_eq!(bench.pump.reports(), [], "its pipe is still open");

    bench.open("web");
    let mut child = bench.child("web", 2);
    child.write_all(b"b").unwrap();
    bench.settle();
    grandchild.write_all(b"c").unwrap();
    bench.settle();
    assert_eq!(bench.written("web"), "abc");
    drop(grandchild);
    assert_eq!(bench.settle(), [ended("web", 1)]);
}

#[test]
fn only_so_many_earlier_pipes_are_read() {
    let mut bench = Bench::new();
    bench.open("web");
    let mut left = Vec::new();
    for child in (0..).take(PIPES_PER_STREAM_MAX) {
        left.push(bench.child("web", child));
    }
    left[0].write_all(b"last words").unwrap();
    let _present = bench.child("web", 99);
    let abandoned =
        Report::Trouble { stream: stream("web"), trouble: Trouble::Abandoned { child: ChildId(0) } };
    assert_eq!(bench.pump.reports(), [abandoned, ended("web", 0)]);
    assert_eq!(bench.written("web"), "last words");
    assert_eq!(bench.pump.pipes.len(), PIPES_PER_STREAM_MAX);
}

/// A file system of 64 KiB on a folder, if we may make one.
pub(super) struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    pub(super) fn mount(folder: &'a Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(folder);
        mount.output().is_ok_and(|it| it.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0).output().unwrap();
    }
}

#[test]
fn a_full_disk_holds_up_its_stream_alone_and_loses_nothing() {
    let mut bench = Bench::new();
    let small = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(small.path()) else {
        return; // Not as root; the next test then has to do.
    };
    let path = small.path().join("log");
    fs::write(small.path().join("ballast"), vec![b'b'; 20_000]).unwrap();
    bench.pump.open(stream("full"), to(&path)).unwrap();
    bench.open("web");
    let (mut full, mut web) = (bench.child("full", 1), bench.child("web", 2));
    let words: Vec<u8> = (0..60_000u32).flat_map(u32::to_le_bytes).take(60_000).collect();
    full.write_all(&words).unwrap();
    let stalled = Report::Stalled {
        stream: stream("full"),
        path: path.clone(),
        reason: "No space left on device".to_owned(),
    };
    assert_eq!(bench.settle(), [stalled]);
    full.write_all(b"more").unwrap();
    drop(full);
    assert!(!bench.is_ready(), "a stream that is held is no work, even when its child is gone");
    web.write_all(b"fine").unwrap();
    assert_eq!(bench.settle(), []);
    assert_eq!(bench.written("web"), "fine");

    let deadline = bench.pump.deadline().expect("it is tried again");
    bench.pump.retry(deadline);
    assert_eq!(bench.pump.reports(), [], "the disk is still full; that is said once");
    assert!(bench.pump.deadline() > Some(deadline));
    bench.pump.drain(ChildId(1));
    assert_eq!(bench.pump.reports(), []);

    fs::remove_file(small.path().join("ballast")).unwrap();
    bench.pump.retry(deadline);
    assert_eq!(bench.pump.deadline(), None);
    let recovered = Report::Recovered { stream: stream("full"), path: path.clone() };
    assert_eq!(bench.settle(), [recovered, ended("full", 1)]);
    assert!(fs::read(&path).unwrap() == [words.as_slice(), b"more"].concat());
    drop(disk);
}

#[test]
fn what_cannot_be_written_waits_for_a_log_that_can() {
    let mut bench = Bench::new();
    bench.pump.open(stream("web"), to(Path::new("/dev/full"))).unwrap();
    let mut child = bench.child("web", 1);
    child.write_all(b"kept ").unwrap();
    assert!(matches!(bench.settle()[..], [Report::Stalled { .. }]));
    child.write_all(b"safe").unwrap();
    assert!(!bench.is_ready());
    bench.open("web");
    assert!(matches!(bench.settle()[..], [Report::Recovered { .. }]));
    assert_eq!(bench.written("web"), "kept safe");
    assert_eq!(bench.pump.deadline(), None);
}

#[test]
fn what_is_never_written_is_told() {
    let mut bench = Bench::new();
    bench.pump.open(stream("web"), to(Path::new("/dev/full"))).unwrap();
    let mut child = bench.child("web", 1);
    child.write_all(b"lost").unwrap();
    bench.settle();
    bench.pump.close(&stream("web"));
    let trouble = Trouble::Discarded { path: "/dev/full".into(), bytes: 4 };
    assert_eq!(bench.pump.reports(), [ended("web", 1), Report::Trouble { stream: stream("web"), trouble }]);
    assert!(!bench.pump.has(&stream("web")));
    assert_eq!(bench.pump.deadline(), None);
    assert_eq!(bench.settle(), []);
}

#[test]
fn a_reader_that_sleeps_holds_up_its_stream_until_it_reads() {
    let mut bench = Bench::new();
    let path = bench.path("fifo");
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    let options = StreamOptions { maxbytes: 1, backups: 10, ..to(&path) };
    bench.pump.open(stream("web"), options).unwrap();
    let mut child = bench.child("web", 1);
    os::fd::set_nonblocking(&child).unwrap();

    let line = b"a line of the child\n";
    let mut sent = 0;
    // Until the FIFO, the pump and the pipe are full.
    while child.write(line).is_ok_and(|it| it == line.len()) || bench.is_ready() {
        sent += 1;
        assert_eq!(bench.settle(), []);
    }
    assert!(!bench.is_ready());
    assert_eq!(bench.pump.deadline(), None, "it is woken, and need not look");

    let reader = open(&path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
    let mut reader = fs::File::from(reader);
    drop(child);
    let mut heard = Vec::new();
    let mut reports = Vec::new();
    while reports.is_empty() {
        let _ = reader.read_to_end(&mut heard); // Ends with "would block": the log is still open.
        let mut ready = Vec::new();
        bench.outer.wait(&mut ready, LONG).unwrap();
        assert!(!ready.is_empty());
        reports = bench.settle();
    }
    let _ = reader.read_to_end(&mut heard);
    assert_eq!(reports, [ended("web", 1)]);
    assert!(heard.starts_with(line));
    assert!(heard.len() > 100_000 && heard.len() <= sent * line.len());
}

#[test]
fn a_log_that_cannot_be_opened_fails_that_stream_alone() {
    let mut bench = Bench::new();
    bench.open("web");
    let mut child = bench.child("web", 1);
    let error = bench.pump.open(stream("web"), to(Path::new("/dev/null/x"))).unwrap_err();
    assert_eq!(error.to_string(), "cannot open /dev/null/x: Not a directory");
    child.write_all(b"as before").unwrap();
    bench.settle();
    assert_eq!(bench.written("web"), "as before");
}

#[test]
fn a_look_costs_only_the_stream_that_is_looked_at() {
    let mut bench = Bench::new();
    for name in ["seen", "unseen"] {
        bench.open(name);
    }
    let mut children = [bench.child("seen", 1), bench.child("unseen", 2)];
    bench.pump.mirror(&stream("seen"), Mirror::Shown);
    for child in &mut children {
        child.write_all(b"hello").unwrap();
    }
    assert_eq!(bench.settle(), [chunk("seen", 1, b"hello")]);
    bench.pump.mirror(&stream("seen"), Mirror::Nothing);
    children[0].write_all(b" again").unwrap();
    assert_eq!(bench.settle(), []);
    assert_eq!(bench.written("seen"), "hello again");
}

#[test]
fn terminal_sequences_are_taken_out_but_not_for_those_who_want_all() {
    let mut bench = Bench::new();
    for (name, mirror) in [("shown", Mirror::Shown), ("raw", Mirror::Raw)] {
        let options = StreamOptions { strip_ansi: true, mirror, ..to(&bench.path(name)) };
        bench.pump.open(stream(name), options).unwrap();
        let mut child = bench.child(name, 1);
        child.write_all(b"a\x1b[3").unwrap();
        let first = bench.settle_and_take(1);
        child.write_all(b"1mb\x1b[").unwrap();
        drop(child);
        let rest = bench.settle_and_take(1);
        assert_eq!(bench.written(name), "ab\x1b[");
        match mirror {
            Mirror::Shown => {
                assert_eq!(first, [chunk(name, 1, b"a")]);
                assert_eq!(rest, [chunk(name, 1, b"b"), chunk(name, 1, b"\x1b["), ended(name, 1)]);
            }
            Mirror::Raw | Mirror::Nothing => {
                assert_eq!(first, words(name, b"a\x1b[3"));
                assert_eq!(rest[..2], words(name, b"1mb\x1b["));
                assert_eq!(rest[2..], [ended(name, 1)]);
            }
        }
    }
}

#[test]
fn captured_messages_are_reported_and_not_logged() {
    let mut bench = Bench::new();
    let options = StreamOptions {
        capture_maxbytes: 4,
        strip_ansi: true,
        mirror: Mirror::Shown,
        ..to(&bench.path("web"))
    };
    bench.pump.open(stream("web"), options).unwrap();
    let mut child = bench.child("web", 1);
    child.write_all(b"a<!--XSUPERVISOR:BEGIN-->messa\x1b[1mge<!--XSUPERVISOR:END-->b\n").unwrap();
    let bytes = b"sage".to_vec();
    let captured = Report::Captured { stream: stream("web"), child: ChildId(1), bytes };
    assert_eq!(
        bench.settle(),
        [chunk("web", 1, b"a"), chunk("web", 1, b"message"), captured, chunk("web", 1, b"b\n")]
    );
    assert_eq!(bench.written("web"), "ab\n", "however short it is");
    child.write_all(b"<!--XSUPERVISOR:BEGIN-->un").unwrap();
    drop(child);
    assert_eq!(bench.settle(), [chunk("web", 1, b"un"), ended("web", 1)]);
    assert_eq!(bench.written("web"), "ab\nun", "a message without an end is not lost");
}

#[test]
fn each_line_goes_to_the_system_log_under_the_name_of_its_process() {
    let mut bench = Bench::new();
    let path = bench.path("system");
    bench.pump.syslog = Syslog::new(&path, "x");
    let options = StreamOptions { syslog: true, ..to(&bench.path("web")) };
    bench.pump.open(stream("web"), options).unwrap();
    let mut child = bench.child("web", 1);
    child.write_all(b"nobody\nlistens\n").unwrap();
    let trouble = Trouble::NoSyslog { reason: "No such file or directory".to_owned() };
    assert_eq!(bench.settle(), [Report::Trouble { stream: stream("web"), trouble }]);

    let socket = UnixDatagram::bind(&path).unwrap();
    child.write_all(b"on").unwrap();
    bench.settle();
    child.write_all(b"e\ntwo").unwrap();
    drop(child);
    bench.settle();
    let mut room = [0; 100];
    for wanted in ["x: web one", "x: web two"] {
        let count = socket.recv(&mut room).unwrap();
        let message = String::from_utf8_lossy(&room[..count]);
        assert!(message.starts_with("<14>") && message.ends_with(wanted), "{message}");
    }
    assert_eq!(bench.written("web"), "nobody\nlistens\none\ntwo");
}

#[test]
fn logs_can_be_cleared_and_reopened() {
    let mut bench = Bench::new();
    for name in ["one", "two"] {
        bench.open(name);
    }
    let (mut one, mut two) = (bench.child("one", 1), bench.child("two", 2));
    one.write_all(b"1").unwrap();
    two.write_all(b"2").unwrap();
    bench.settle();
    bench.pump.clear(&stream("one")).unwrap();
    bench.pump.clear(&stream("unknown")).unwrap();
    assert_eq!((bench.written("one"), bench.written("two")), (String::new(), "2".to_owned()));

    let moved = bench.path("moved");
    fs::rename(bench.path("two"), &moved).unwrap();
    two.write_all(b"3").unwrap();
    bench.settle();
    bench.pump.reopen_all();
    two.write_all(b"4").unwrap();
    assert_eq!(bench.settle(), []);
    assert_eq!((fs::read(&moved).unwrap(), bench.written("two")), (b"2".to_vec(), "34".to_owned()));

    fs::remove_file(bench.path("one")).unwrap();
    fs::create_dir(bench.path("one")).unwrap();
    bench.pump.reopen_all();
    let trouble = Trouble::NotReopened { path: bench.path("one"), reason: "Is a directory".to_owned() };
    assert_eq!(bench.pump.reports(), [Report::Trouble { stream: stream("one"), trouble }]);
}

#[test]
fn an_empty_log_is_never_rotated_into_the_place_of_its_backups() {
    let mut bench = Bench::new();
    let options = StreamOptions { maxbytes: 4, backups: 2, ..to(&bench.path("web")) };
    bench.pump.open(stream("web"), options).unwrap();
    let mut child = bench.child("web", 1);
    for line in ["one\n", "two\n"] {
        child.write_all(line.as_bytes()).unwrap();
        bench.settle();
    }
    let backups = |bench: &Bench| ["web.2", "web.1", "web"].map(|it| bench.written(it)).concat();
    assert_eq!(backups(&bench), "one\ntwo\n");
    bench.pump.clear(&stream("web")).unwrap();
    bench.pump.reopen_all();
    assert_eq!(backups(&bench), "one\ntwo\n", "nothing was written to the new one");
    drop(child);
    bench.settle();
    assert_eq!(backups(&bench), "one\ntwo\n", "nor did the end of the program add to it");
}

#[test]
fn a_log_that_nobody_writes_to_has_no_successor_until_somebody_does() {
    let mut bench = Bench::new();
    bench.open("web");
    drop(bench.child("web", 1));
    bench.settle();
    fs::rename(bench.path("web"), bench.path("moved")).unwrap();
    bench.pump.reopen_all();
    assert!(!bench.path("web").exists());
    bench.open("web");
    bench.child("web", 2).write_all(b"again").unwrap();
    bench.settle();
    assert_eq!((bench.written("web"), bench.written("moved")), ("again".to_owned(), String::new()));
}

#[test]
fn logs_that_are_silent_rest_and_wake_up_where_they_were() {
    let mut bench = Bench::new();
    let names = ["one", "two", "three", "four"];
    let mut children = Vec::new();
    for (name, child) in names.iter().zip(0..) {
        bench.open(name);
        children.push(bench.child(name, child));
        children.last_mut().unwrap().write_all(name.as_bytes()).unwrap();
        bench.settle();
    }
    assert_eq!(bench.pump.files_open, 4);
    bench.pump.rest_idle();
    let resting = |bench: &Bench| {
        let resting = bench.pump.streams.values().filter(|it| !it.has_file_open);
        resting.map(|it| it.id.name.process.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(resting(&bench), ["one", "two"]);
    children[0].write_all(b"!").unwrap();
    bench.settle();
    assert_eq!((bench.written("one"), resting(&bench)), ("one!".to_owned(), vec!["two".to_owned()]));
    assert_eq!(bench.pump.files_open, 3);
    for name in names {
        bench.pump.close(&stream(name));
    }
    assert_eq!(bench.pump.files_open, 0);
}

#[test]
fn every_stream_that_was_closed_leaves_nothing_behind() {
    let mut bench = Bench::new();
    for round in 0..50 {
        bench.open("web");
        let _child = bench.child("web", round);
        bench.pump.close(&stream("web"));
    }
    let Pump { streams, keys, pipes, of_child, stalled, unwatched, .. } = &bench.pump;
    assert!(streams.is_empty() && keys.is_empty() && pipes.is_empty() && of_child.is_empty());
    assert!(stalled.is_empty() && unwatched.is_empty() && bench.pump.resting.is_empty());
}

#[test]
fn no_pipe_rests_for_long_while_somebody_follows_a_log() {
    let mut bench = Bench::new();
    bench.open("web");
    let mut child = bench.child("web", 1);
    let followers = bench.pump.followers();
    for (count, most) in [(1, pace::REST_MAX_LOOKED_AT), (0, pace::REST_MAX)] {
        followers.set(count);
        for _ in 0..100 {
            child.write_all(b"line\n").unwrap();
            bench.pump.turn(BUDGET);
            assert!(bench.pump.resting.iter().all(|(until, _)| *until <= bench.pump.now + most));
            bench.settle();
        }
    }
}

#[test]
fn a_turn_tells_no_more_than_can_be_taken_in_at_once() {
    let mut bench = Bench::new();
    let bytes = vec![b'x'; 60_000];
    let children: Vec<_> = (0..16)
        .map(|number| {
            let name = format!("p{number}");
            let options = StreamOptions {
                path: Some(bench.path(&name)),
                mirror: Mirror::Shown,
                ..StreamOptions::default()
            };
            bench.pump.open(stream(&name), options).unwrap();
            let mut child = bench.child(&name, number);
            child.write_all(&bytes).unwrap();
            child
        })
        .collect();
    let mut told = 0;
    while told < children.len() * bytes.len() {
        bench.pump.turn(16 * BUDGET);
        let reports = bench.pump.reports();
        let at_once: usize = reports.iter().map(Report::bytes).sum();
        assert!(at_once > 0 && at_once <= TOLD_BYTES_MAX + GULP_BYTES, "{at_once}");
        told += at_once;
    }
    assert_eq!(told, children.len() * bytes.len());
}
