use std::io::Read;
use std::process::{Command, Stdio};

use rustix::fs::fstat;
use wire::keeper::{Scope, Will};

use super::*;

/// A process with pipes, and the entry a keeper would have written for it.
struct Living {
    process: std::process::Child,
    entry: Entry,
    /// Our end of its output, as the dead keeper had it.
    stdout: Option<std::process::ChildStdout>,
}

impl Living {
    fn start(script: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let stdout = process.stdout.take();
        let number = |fd: &dyn std::os::fd::AsFd| fstat(fd).unwrap().st_ino;
        let pipes = [number(process.stdin.as_ref().unwrap()), number(stdout.as_ref().unwrap()), 0];
        let start_ticks = procfs::stat(process.id()).unwrap().start_ticks;
        let stage = Stage::Living { pid: process.id(), start_ticks };
        Self { entry: entry(pipes, stage), process, stdout }
    }

    fn find(&self) -> Option<Found> {
        find(self.entry.clone(), None)
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn entry(pipes: [u64; 3], stage: Stage) -> Entry {
    let (stop_scope, kill_scope) = (Scope::Process, Scope::Process);
    let will = Will { signal: 15, wait_ms: 10_000, stop_scope, kill_scope, priority: 999 };
    Entry { child: 7, slot: b"web:web".to_vec(), memo: vec![1], will, started_us: 9, pipes, stage }
}

#[test]
fn a_child_that_lives_is_found_with_all_its_pipes() {
    let mut living = Living::start("echo before; read x; echo $x");
    // What the dead keeper had not read yet waits in the pipe.
    let found = living.find().unwrap();
    drop((living.stdout.take(), living.process.stdin.take()));
    assert_eq!((found.child.standing, found.child.pid), (Standing::Adopted, living.process.id()));
    assert_eq!((found.child.slot.as_slice(), found.child.memo.as_slice()), (&b"web:web"[..], &[1][..]));
    assert!(found.child.end.is_none() && found.pidfd.is_some());
    let [stdin, stdout, stderr] = found.pipes;
    assert!(stderr.is_none(), "it had none");
    rustix::io::write(stdin.unwrap(), b"after\n").unwrap();
    living.process.wait().unwrap();
    let mut said = String::new();
    std::fs::File::from(stdout.unwrap()).read_to_string(&mut said).unwrap();
    assert_eq!(said, "before\nafter\n");
}

#[test]
fn a_pid_that_is_nobodys_or_somebody_elses_means_an_end() {
    let mut living = Living::start("read x");
    let Stage::Living { pid, start_ticks } = living.entry.stage else { unreachable!() };
    living.entry.stage = Stage::Living { pid, start_ticks: start_ticks + 1 };
    let found = living.find().unwrap();
    assert!(found.child.end.is_some_and(|it| !it.known), "born at another moment: another process");
    assert!(found.pidfd.is_none(), "a stranger is never touched");
    assert_eq!(found.child.pid, pid, "but it is told who it was");

    living.entry.stage = Stage::Living { pid, start_ticks };
    living.process.kill().unwrap();
    // Ended and not reaped: the end is certain already.
    while !procfs::stat(pid).unwrap().is_zombie {
        std::thread::yield_now();
    }
    assert!(living.find().unwrap().child.end.is_some_and(|it| it.known && it.status == 9));
    living.process.wait().unwrap();
    assert!(living.find().unwrap().child.end.is_some_and(|it| !it.known));
}

#[test]
fn an_end_that_was_recorded_is_told_as_it_was() {
    let end = End { status: 256, known: true, at_us: 3, setup: None, usage: Usage::default() };
    let found = find(entry([1, 2, 3], Stage::Ended { pid: 77, end }), None).unwrap();
    assert_eq!(found.child.end, Some(end));
}

#[test]
fn a_child_whose_pid_was_never_written_is_found_by_its_pipes() {
    // It has a child of its own, which holds the same pipes.
    let mut living = Living::start("cat; true");
    living.entry.stage = Stage::Intended;
    let children = || {
        procfs::pids()
            .into_iter()
            .filter(|it| procfs::stat(*it).is_ok_and(|s| s.parent == living.process.id()))
    };
    while children().count() == 0 {
        std::thread::yield_now();
    }
    // This process holds the other ends, and is not a child.
    let found = living.find().unwrap();
    assert_eq!((found.child.pid, found.child.standing), (living.process.id(), Standing::Adopted));
    assert!(found.child.start_ticks > 0);
}

#[test]
fn a_child_that_was_never_made_is_none() {
    let (reader, writer) = io::pipe().unwrap();
    let pipe = fstat(&reader).unwrap().st_ino;
    drop((reader, writer));
    assert!(find(entry([0, pipe, 0], Stage::Intended), None).is_none());
}

#[test]
fn pipes_that_are_held_need_not_be_opened_again() {
    let living = Living::start("read x");
    let (reader, _writer) = io::pipe().unwrap();
    let number = fstat(&reader).unwrap().st_ino;
    let held: Pipes = [None, Some(reader.into()), None];
    let found = find(living.entry.clone(), Some(held)).unwrap();
    assert_eq!(fstat(found.pipes[1].as_ref().unwrap()).unwrap().st_ino, number);
}

#[test]
fn damage_is_counted_and_hides_nobody_else() {
    let living = Living::start("read x");
    let other = Box::new(Entry { child: 8, slot: b"a:a".to_vec(), ..living.entry.clone() });
    let places = vec![
        Place::Damaged(None),
        Place::Free,
        Place::Taken(Box::new(living.entry.clone())),
        Place::Damaged(Some(other)),
    ];
    let recovered = children(places, BTreeMap::new());
    assert_eq!((recovered.damaged, recovered.found.len()), (1, 2));
    let doubtful = &recovered.found[1];
    assert_eq!(doubtful.child.standing, Standing::Doubt { reason: Doubt::Damaged.number() });
    assert!(
        doubtful.child.slot == b"a:a" && doubtful.pidfd.is_none(),
        "it blocks its slot, and nothing is done to it"
    );
}
