//! Looking at real processes: our own children.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use monitor::sampler::{Sampler, Wanted};

/// A shell that has made two children, and is killed with them.
struct Family(Child);

impl Family {
    fn new() -> Self {
        let script = "cat & exec 3<&0; (while :; do :; done) & echo ready; wait";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        let _ = self.0.wait();
    }
}

#[test]
fn a_tree_is_seen_as_one_and_its_time_is_that_of_all() {
    let family = Family::new();
    let mut sampler = Sampler::open().unwrap();
    let wanted = [Wanted { pid: family.0.id(), closely: true }, Wanted { pid: u32::MAX, closely: false }];
    let first = sampler.processes(os::clock::now(), &wanted).unwrap();
    let [(pid, usage)] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!(*pid, family.0.id());
    // `cat` ends by itself should its standard input have been closed.
    assert!(usage.processes >= 2, "{usage:?}");
    assert!(usage.threads >= usage.processes && usage.resident_bytes > 0, "{usage:?}");
    assert!(usage.descriptors.is_some_and(|it| it >= 3), "{usage:?}");
    assert!(usage.proportional_bytes.is_some_and(|it| it > 0 && it <= usage.resident_bytes * 2), "{usage:?}");
    assert_eq!(usage.cpu_permille, None);
    // One of them does nothing but use a processor, so that this comes to an end.
    loop {
        let next = sampler.processes(os::clock::now(), &wanted).unwrap();
        if next.iter().any(|(_, it)| it.cpu_permille.is_some_and(|it| it > 0)) {
            return;
        }
    }
}

#[test]
fn a_machine_has_processors_and_memory() {
    let mut sampler = Sampler::open().unwrap();
    let first = sampler.machine(os::clock::now());
    assert!(first.processors > 0 && first.memory_bytes > first.available_bytes, "{first:?}");
    assert_eq!(first.cpu_permille, None);
    loop {
        if let Some(permille) = sampler.machine(os::clock::now()).cpu_permille {
            return assert!(permille <= 1000);
        }
    }
}
