//! Somebody dies before every single write, with and without the pipes' living on: each line is in the log once.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;

use model::name::{GroupName, ProcessName};
use rustix::fs::{MemfdFlags, memfd_create};

use super::*;
use crate::failpoint;

/// Three programs: the child, and what is done to what it writes.
const CHILDREN: [(&str, ChildId); 3] =
    [("prefixed", ChildId(1)), ("captured", ChildId(2)), ("json", ChildId(3))];

/// What happens, in this order: who writes what, and `None` where a disk goes or comes back.
const SCRIPT: &[Option<(usize, &str)>] = &[
    Some((0, "one\ntw")),
    Some((1, "plain <!--XSUPERVISOR:BEGIN-->kept\n")),
    Some((0, "o\n")),
    Some((2, "first\nsec")),
    Some((1, "more<!--XSUPERVISOR:END-->\x1b[3")),
    // The disk of the first is gone.
    None,
    Some((0, "three\nfour\nfi")),
    Some((2, "ond\n")),
    Some((0, "ve\n")),
    Some((1, "1mred\n")),
    // And back.
    None,
    Some((0, "six\n")),
    Some((2, "third\n")),
];

/// What outlives everybody, and what does not.
struct World {
    folder: tempfile::TempDir,
    file: OwnedFd,
    writers: Vec<Option<fs::File>>,
    readers: Vec<OwnedFd>,
    /// How much of the script has happened.
    done: usize,
    written: Vec<String>,
    is_full: bool,
}

fn own(fd: &OwnedFd) -> OwnedFd {
    fd.try_clone().unwrap()
}

fn stream(at: usize) -> StreamId {
    let process = ProcessName::expanded(CHILDREN[at].0);
    StreamId { name: FullName { group: GroupName::parse("g").unwrap(), process }, channel: Channel::Stdout }
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pipes = CHILDREN.map(|_| os::fd::pipe().unwrap());
        let (readers, writers) = pipes.into_iter().map(|(it, other)| (it, Some(other.into()))).unzip();
        let file = memfd_create("ledger", MemfdFlags::CLOEXEC).unwrap();
        let world = Self {
            folder,
            file,
            writers,
            readers,
            done: 0,
            written: vec![String::new(); CHILDREN.len()],
            is_full: false,
        };
        for at in 0..CHILDREN.len() {
            fs::create_dir(world.disk(at)).unwrap();
        }
        world
    }

    fn disk(&self, at: usize) -> PathBuf {
        self.folder.path().join(CHILDREN[at].0)
    }

    fn options(&self, at: usize) -> StreamOptions {
        let path = Some(self.disk(at).join("log"));
        let options = StreamOptions { path, ..StreamOptions::default() };
        match at {
            0 => StreamOptions { format: LogFormat::Prefix, maxbytes: 60, backups: 100, ..options },
            1 => StreamOptions { capture_maxbytes: 100, strip_ansi: true, ..options },
            _ => StreamOptions { format: LogFormat::Json, ..options },
        }
    }

    /// The disk of the first is taken away, or put back.
    fn swap_disk(&mut self) {
        let away = self.folder.path().join("away");
        if self.is_full {
            fs::rename(away, self.disk(0)).unwrap();
        } else {
            fs::rename(self.disk(0), away).unwrap();
        }
        self.is_full = !self.is_full;
    }

    /// The rest of the script.
    fn play(&mut self, pump: &mut Pump) {
        while let Some(event) = SCRIPT.get(self.done) {
            self.done += 1;
            if let Some((at, text)) = event {
                self.written[*at].push_str(text);
                self.writers[*at].as_mut().unwrap().write_all(text.as_bytes()).unwrap();
                pump.drain(CHILDREN[*at].1);
            } else {
                // Whoever has a log open goes on writing to it.
                for _ in CHILDREN {
                    pump.rest_idle();
                }
                self.swap_disk();
                pump.retry(os::clock::mono());
            }
        }
    }

    /// The programs end, and everything is read.
    fn end(&mut self, pump: &mut Pump) {
        self.writers.iter_mut().for_each(|it| *it = None);
        self.finish(pump);
    }

    fn finish(&mut self, pump: &mut Pump) {
        if self.is_full {
            self.swap_disk();
        }
        pump.retry(os::clock::mono());
        for (_, child) in CHILDREN {
            pump.drain(child);
        }
    }

    fn first(&self) -> Pump {
        let mut pump = Pump::new(Some(own(&self.file))).unwrap();
        self.attach(&mut pump);
        pump
    }

    fn next(&self) -> Pump {
        let (pump, understood) = Pump::resume_from(own(&self.file), || None).unwrap();
        understood.unwrap();
        pump
    }

    fn attach(&self, pump: &mut Pump) {
        for (at, (_, child)) in CHILDREN.iter().enumerate().rev() {
            pump.take_over(stream(at), self.options(at)).unwrap();
            pump.attach(*child, stream(at), own(&self.readers[at]));
        }
    }

    /// The programs have ended while nobody was there: what was in their pipes is gone with them.
    fn bury(&mut self) {
        self.writers.iter_mut().for_each(|it| *it = None);
        for (at, reader) in std::mem::take(&mut self.readers).into_iter().enumerate() {
            let mut unread = String::new();
            fs::File::from(reader).read_to_string(&mut unread).unwrap();
            let kept = self.written[at].strip_suffix(&unread).unwrap().to_owned();
            self.written[at] = kept;
        }
    }

    /// Only what the ledger has of them is left.
    fn attach_buried(&self, pump: &mut Pump) {
        for (at, (_, child)) in CHILDREN.iter().enumerate() {
            pump.take_over(stream(at), self.options(at)).unwrap();
            if pump.owes(*child, Channel::Stdout) {
                pump.attach(*child, stream(at), os::fd::pipe().unwrap().0);
            }
        }
    }

    /// What the logs say, without the time.
    fn logs(&self) -> Vec<String> {
        (0..CHILDREN.len()).map(|at| plain(&numbered(&self.disk(at).join("log")))).collect()
    }
}

fn numbered(path: &Path) -> String {
    let older = |number: u32| PathBuf::from(format!("{}.{number}", path.display()));
    let files = (1..20).rev().map(older).chain([path.to_owned()]);
    files.map(|it| fs::read(it).map_or_else(|_| String::new(), |it| String::from_utf8(it).unwrap())).collect()
}

fn plain(log: &str) -> String {
    let line = |it: &str| {
        let it = it.split_once("prefixed stdout: ").map_or(it, |it| it.1);
        it.split_once("\"line\":").map_or_else(|| it.to_owned(), |it| it.1.to_owned()) + "\n"
    };
    log.lines().map(line).collect()
}

/// What the logs are to say when so much was written.
fn wanted(written: &[String]) -> Vec<String> {
    let mut world = World::new();
    let mut pump = world.first();
    for (at, text) in written.iter().enumerate() {
        world.writers[at].as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }
    world.end(&mut pump);
    world.logs()
}

/// What everybody has written in the end.
fn all_written() -> Vec<String> {
    let of = |at| SCRIPT.iter().flatten().filter(|it| it.0 == at).map(|it| it.1).collect();
    (0..CHILDREN.len()).map(of).collect()
}

/// How many deaths there are to die; a script that is longer has something wrong with it.
const DEATHS_MAX: u64 = 5000;

#[test]
fn who_dies_before_any_write_loses_and_doubles_nothing_of_programs_that_live_on() {
    let wanted = wanted(&all_written());
    for passes in 0..DEATHS_MAX {
        let mut world = World::new();
        let lived = failpoint::lives_for(passes, || {
            let mut pump = world.first();
            world.play(&mut pump);
            world.end(&mut pump);
        });
        // The next one dies, too, on its way.
        failpoint::lives_for(passes % 17, || {
            let mut pump = world.next();
            world.attach(&mut pump);
        });
        let mut pump = world.next();
        // And the last one finds the disk away for a moment.
        let is_away = !world.is_full && world.done > 0;
        if is_away {
            world.swap_disk();
        }
        world.attach(&mut pump);
        if is_away {
            world.swap_disk();
            pump.retry(os::clock::mono());
        }
        world.play(&mut pump);
        world.end(&mut pump);
        assert_eq!(world.logs(), wanted, "after {passes}");
        if lived {
            return assert!(passes > 100, "{passes}");
        }
    }
    unreachable!("nobody dies so often");
}

#[test]
fn what_was_taken_from_programs_that_have_ended_meanwhile_is_in_the_log_once() {
    for passes in 0..DEATHS_MAX {
        let mut world = World::new();
        let lived = failpoint::lives_for(passes, || {
            let mut pump = world.first();
            world.play(&mut pump);
        });
        world.bury();
        failpoint::lives_for(passes % 13, || {
            let mut pump = world.next();
            world.attach_buried(&mut pump);
            world.finish(&mut pump);
        });
        let mut pump = world.next();
        world.attach_buried(&mut pump);
        world.finish(&mut pump);
        assert_eq!(world.logs(), wanted(&world.written), "after {passes}");
        let left = Ledger::inherit(own(&world.file)).unwrap();
        let left: Vec<_> = left.owners().map(|it| (it, left.leftover(it))).collect();
        assert_eq!(left, [], "after {passes}");
        if lived {
            return assert!(passes > 100, "{passes}");
        }
    }
    unreachable!("nobody dies so often");
}

#[test]
fn without_room_in_memory_everything_goes_on_and_half_a_record_is_never_taken_for_a_whole() {
    let wanted = wanted(&all_written());
    for writes in 0..DEATHS_MAX {
        failpoint::want_room_after(Some(writes));
        let mut world = World::new();
        let mut pump = world.first();
        world.play(&mut pump);
        world.end(&mut pump);
        let was_enough = failpoint::want_room_after(None).is_some();
        assert_eq!(world.logs(), wanted, "without room after {writes}");
        for passes in (writes % 7..DEATHS_MAX).step_by(7) {
            failpoint::want_room_after(Some(writes));
            let mut world = World::new();
            let lived = failpoint::lives_for(passes, || {
                let mut pump = world.first();
                world.play(&mut pump);
                world.end(&mut pump);
            });
            failpoint::want_room_after(None);
            let mut pump = world.next();
            world.attach(&mut pump);
            world.play(&mut pump);
            world.end(&mut pump);
            let logs = world.logs().concat();
            assert!(!logs.contains('\0'), "without room after {writes}, {passes}: {logs:?}");
            for word in ["one", "three", "four", "six", "plain", "red", "first", "third"] {
                assert!(logs.matches(word).count() <= 1, "without room after {writes}, {passes}: {logs:?}");
            }
            if lived {
                break;
            }
        }
        if was_enough {
            return;
        }
    }
}
