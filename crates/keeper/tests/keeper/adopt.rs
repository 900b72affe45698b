//! Children whose keeper is dead, and the one that takes over.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};

use os::errno::ESRCH;
use os::signals;
use wire::keeper::handover::{self, Handover};
use wire::keeper::{Doubt, Order, Report, Scope, SpawnOrder, Standing, Stdio};

use crate::pair::{Pair, inheritable, order, shell};

/// What the daemon of a dead keeper has, and makes of it.
struct Orphans {
    children: Vec<handover::Child>,
    /// What the numbers in the handover stand for.
    files: Vec<OwnedFd>,
}

/// Children of a keeper that was killed.
fn orphans(scripts: &[&str]) -> Orphans {
    let mut pair = Pair::outliving();
    let mut orphans = Orphans { children: vec![], files: vec![] };
    for (child, script) in (1..).zip(scripts) {
        let spawn = SpawnOrder { stdin: Stdio::Pipe, ..shell(child, script) };
        let born = pair.spawn(spawn.clone());
        orphans.adopt(&spawn, born.pid, born.fds);
    }
    pair.keeper.kill().unwrap();
    pair.keeper.wait().unwrap();
    orphans
}

impl Orphans {
    fn adopt(&mut self, spawn: &SpawnOrder, pid: u32, fds: Vec<OwnedFd>) {
        let start_ticks = os::procfs::stat(pid).map_or(0, |it| it.start_ticks);
        let mut pipes = [None; 3];
        for (pipe, fd) in pipes.iter_mut().zip(fds.into_iter().map(inheritable)) {
            *pipe = Some(fd.as_raw_fd());
            self.files.push(fd);
        }
        self.children.push(handover::Child {
            child: spawn.child,
            slot: spawn.slot.clone(),
            memo: spawn.memo.clone(),
            will: spawn.will,
            pid,
            start_ticks,
            started_us: 1,
            standing: Standing::Adopted,
            end: None,
            pipes,
            pidfd: None,
        });
    }

    /// A keeper that takes over, after what a script does to it.
    fn taken_over(&self, script: &str) -> Pair {
        let children = self.children.clone();
        let boot_id = os::procfs::boot_id();
        let handover = Handover { boot_id, ready: true, children, ..Handover::default() };
        let file = inheritable(os::fd::sealed(c"handover", &handover::encode(&handover)).unwrap());
        let number = file.as_raw_fd().to_string();
        let mut pair = Pair::with(script, &["--outlive", "--handover-fd", &number]);
        assert_eq!(pair.hello(), u32::try_from(self.children.len()).unwrap());
        pair
    }

    /// Our end of a child's standard input.
    fn stdin(&self, child: usize) -> File {
        let number = self.children[child - 1].pipes[0].unwrap();
        let fd = self.files.iter().find(|it| it.as_raw_fd() == number).unwrap();
        File::from(fd.try_clone().unwrap())
    }
}

/// Refuses calls to the keeper with an error.
fn without(calls: &str, errno: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keeper/refuse.py");
    format!(r#"exec python3 {script} {errno} {calls} "$0" "$@" 9>&1"#)
}

/// The end of a child whose keeper was another.
fn end(pair: &mut Pair, id: u64) -> Option<i32> {
    let report = pair.hear();
    let Report::Exited { child, status, known, setup: None, .. } = report else { panic!("{report:?}") };
    assert_eq!(child, id);
    known.then_some(status)
}

/// Whether a process lives; one that nobody has waited for does not.
fn lives(pid: u32) -> bool {
    os::procfs::stat(pid).is_ok_and(|it| !it.is_zombie)
}

fn kernel_tells() -> bool {
    os::probe::exit_through_pidfd().is_ok()
}

#[test]
fn orphans_go_on_and_their_ends_are_told_as_they_were() {
    let orphans = orphans(&["read x; exit 5", "read x; kill -9 $$", "cat"]);
    let mut pair = orphans.taken_over("true");
    pair.order(&Order::List);
    let (listed, fds) = pair.listed();
    assert_eq!((listed.standing, listed.pid), (Standing::Adopted, orphans.children[0].pid));
    assert_eq!((listed.ended, listed.pipes, fds.len()), (false, [true, true, false], 2));
    assert_eq!((pair.listed().0.child, pair.listed().0.child), (2, 3));
    assert_eq!(pair.hear(), Report::ListEnd { count: 3 });

    for (child, status) in [(1, 5 << 8), (2, 9)] {
        orphans.stdin(child).write_all(b"go\n").unwrap();
        let told = end(&mut pair, u64::try_from(child).unwrap());
        assert_eq!(told, kernel_tells().then_some(status));
    }
    pair.order(&Order::Signal { child: 3, signal: 15, scope: Scope::Process });
    assert_eq!(end(&mut pair, 3), kernel_tells().then_some(15));
    pair.order(&Order::Signal { child: 3, signal: 9, scope: Scope::Process });
    assert_eq!(pair.hear(), Report::SignalFailed { child: 3, signal: 9, errno: ESRCH });
    pair.order(&Order::Spawn(order(9, &["/bin/true"])));
    assert!(matches!(pair.hear_with_fds().0, Report::Spawned { child: 9, .. }));
}

#[test]
fn the_whole_group_of_an_orphan_is_reached() {
    let orphans = orphans(&["trap '' HUP; sleep 1000 & echo $! >&2; wait"]);
    let mut pair = orphans.taken_over("true");
    let group = || {
        let all = os::procfs::pids().into_iter().filter_map(|it| os::procfs::stat(it).ok());
        all.filter(|it| it.group == orphans.children[0].pid && !it.is_zombie).count()
    };
    pair.until(|| group() == 2);
    pair.order(&Order::Signal { child: 1, signal: 9, scope: Scope::Group });
    assert_eq!(end(&mut pair, 1), kernel_tells().then_some(9));
    pair.until(|| group() == 0);
}

#[test]
fn orphans_are_stopped_by_their_wills() {
    let orphans = orphans(&["cat", "cat"]);
    let mut pair = orphans.taken_over("true");
    pair.order(&Order::Leave { grace_ms: 60_000 });
    for _ in 0..2 {
        let report = pair.hear();
        assert!(matches!(report, Report::Exited { status: 15, .. }) || !kernel_tells(), "{report:?}");
    }
    pair.daemon_exits(0);
    assert_eq!(pair.ended().code, Some(0));
    assert!(orphans.children.iter().all(|it| !lives(it.pid)));
}

#[test]
fn who_is_gone_has_ended_and_who_has_its_pid_is_left_alone() {
    let mut orphans = orphans(&["cat", "cat"]);
    let pid = orphans.children[0].pid;
    signals::send(pid, 9).unwrap();
    while lives(pid) {
        std::thread::yield_now();
    }
    // The pid of the second is, for all the handover knows, that of a process that is younger.
    orphans.children[1].start_ticks -= 1;
    let stranger = orphans.children[1].pid;
    let mut pair = orphans.taken_over("true");
    let ends = (end(&mut pair, 1), end(&mut pair, 2));
    assert!(matches!(ends, (None | Some(9), None)), "known only while nobody has waited for it: {ends:?}");
    for child in [1, 2] {
        pair.order(&Order::Signal { child, signal: 9, scope: Scope::Group });
        assert_eq!(pair.hear(), Report::SignalFailed { child, signal: 9, errno: ESRCH });
    }
    assert!(lives(stranger));
    signals::send(stranger, 9).unwrap();
}

#[test]
fn a_child_in_doubt_is_touched_only_when_someone_has_decided() {
    let mut orphans = orphans(&["cat", "cat"]);
    for child in &mut orphans.children {
        child.standing = Standing::Doubt { reason: Doubt::Several.number() };
    }
    let [adopted, left] = [orphans.children[0].pid, orphans.children[1].pid];
    let mut pair = orphans.taken_over("true");
    pair.order(&Order::Signal { child: 1, signal: 9, scope: Scope::Process });
    assert!(matches!(pair.hear(), Report::SignalFailed { child: 1, errno: ESRCH, .. }));
    pair.order(&Order::Spawn(SpawnOrder { slot: b"a:1".to_vec(), ..order(9, &["/bin/true"]) }));
    assert!(matches!(pair.hear(), Report::SpawnFailed { child: 9, .. }), "doubt blocks a start");
    pair.order(&Order::Forget { child: 1 });
    for (child, adopt) in [(1, true), (2, false), (3, true)] {
        pair.order(&Order::Settle { child, adopt });
    }
    pair.order(&Order::List);
    assert_eq!(pair.listed().0.standing, Standing::Adopted);
    assert_eq!(pair.hear(), Report::ListEnd { count: 1 });
    pair.order(&Order::Signal { child: 1, signal: 9, scope: Scope::Process });
    assert_eq!(end(&mut pair, 1), kernel_tells().then_some(9));
    assert!(!lives(adopted) && lives(left), "who was given up is left alone");
    signals::send(left, 9).unwrap();
    assert_eq!(pair.run(SpawnOrder { slot: b"a:2".to_vec(), ..order(9, &["/bin/true"]) }).0, 0);
}

#[test]
fn an_adopted_child_whose_pid_was_used_again_is_known_to_have_ended() {
    // The keeper is the first process of a namespace, where pids can be chosen.
    let namespace = r#"exec unshare --pid --fork --mount-proc "$0" "$@" 9>&1"#;
    let can =
        std::process::Command::new("unshare").args(["--pid", "--fork", "--mount-proc", "true"]).status();
    if !can.is_ok_and(|it| it.success()) {
        return;
    }
    let mut orphans = Orphans { children: vec![], files: vec![] };
    orphans.adopt(&shell(1, ""), 300, vec![]);
    orphans.children[0].start_ticks = 1;
    orphans.children[0].standing = Standing::Doubt { reason: Doubt::Unreadable.number() };
    let boot_id = os::procfs::boot_id();
    let handover =
        Handover { boot_id, ready: true, children: orphans.children.clone(), ..Handover::default() };
    let file = inheritable(os::fd::sealed(c"handover", &handover::encode(&handover)).unwrap());
    let number = file.as_raw_fd().to_string();
    let mut pair = Pair::with(namespace, &["--outlive", "--handover-fd", &number]);
    pair.greet();
    // A stranger gets the very pid, before anybody looks.
    let script =
        "echo 299 > /proc/sys/kernel/ns_last_pid; sleep 1000 & echo $!; read x; kill -0 300 && echo there";
    let mut born = pair.spawn(SpawnOrder { stdin: Stdio::Pipe, ..shell(2, script) });
    let (out, mut stdin) = (File::from(born.fds.pop().unwrap()), File::from(born.fds.pop().unwrap()));
    assert_eq!(crate::pair::read_until(&out, |it| it.ends_with('\n')), "300\n");
    pair.order(&Order::Settle { child: 1, adopt: true });
    assert_eq!(end(&mut pair, 1), None);
    for scope in [Scope::Process, Scope::Group] {
        pair.order(&Order::Signal { child: 1, signal: 9, scope });
        assert_eq!(pair.hear(), Report::SignalFailed { child: 1, signal: 9, errno: ESRCH });
    }
    stdin.write_all(b"go\n").unwrap();
    assert_eq!(crate::pair::read_until(&out, |it| it.ends_with("there\n")), "there\n");
    pair.keeper.kill().unwrap();
}

#[test]
fn where_the_kernel_has_no_pidfds_orphans_are_looked_after_all_the_same() {
    for errno in ["ENOSYS", "EPERM"] {
        let orphans = orphans(&["read x; exit 5", "cat"]);
        let mut pair = orphans.taken_over(&without("pidfd_open,pidfd_send_signal,clone3", errno));
        pair.order(&Order::Signal { child: 2, signal: 15, scope: Scope::Group });
        orphans.stdin(1).write_all(b"go\n").unwrap();
        // Found at one look, in their order, unless that came between the two.
        let mut ended = [0; 2].map(|_| {
            let report = pair.hear();
            let Report::Exited { child, status, known, .. } = report else { panic!("{report:?}") };
            // Told only if the look comes before its parent has waited for it.
            assert!(!known || status == [0, 5 << 8, 15][usize::try_from(child).unwrap()]);
            child
        });
        ended.sort_unstable();
        assert_eq!(ended, [1, 2]);
    }
}

#[test]
fn where_the_kernel_does_not_tell_an_exit_it_may_be_unknown_but_never_wrong() {
    for errno in ["ENOTTY", "EPERM"] {
        let orphans = orphans(&["read x; exit 5"]);
        let mut pair = orphans.taken_over(&without("pidfd_get_info", errno));
        orphans.stdin(1).write_all(b"go\n").unwrap();
        let told = end(&mut pair, 1);
        // Some parents take their time, and then `/proc` tells.
        assert!(told.is_none_or(|it| it == 5 << 8), "{told:?}");
    }
}

#[test]
fn children_are_made_where_ranges_cannot_be_closed_and_only_the_old_way_to_clone_is_open() {
    for errno in ["ENOSYS", "EPERM"] {
        let mut pair = Pair::new_after(&without("close_range,clone3,pidfd_open", errno));
        assert_eq!(
            pair.run(shell(1, "echo $$ > /dev/null; ls /proc/self/fd | wc -l")),
            (0, "4\n".to_owned())
        );
    }
}

#[test]
fn a_handover_of_another_boot_is_refused() {
    let mut handover = Handover { boot_id: [1; 16], ..Handover::default() };
    let refused = |handover: &Handover| {
        let file = inheritable(os::fd::sealed(c"handover", &handover::encode(handover)).unwrap());
        let keeper = tempfile::tempdir().unwrap();
        let name = keeper.path().join("menshen-keeper");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_keeper-pair"), &name).unwrap();
        let number = file.as_raw_fd().to_string();
        let words = ["--handover-fd", &number, "--", "menshen-daemon"];
        let output = std::process::Command::new(name).args(words).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = refused(&handover);
    assert_eq!(
        (code, said.as_str()),
        (Some(2), "keeper: cannot read the handover: it is about another boot of the machine\n")
    );

    // A number that stands for nothing, and one that is named twice.
    handover.boot_id = os::procfs::boot_id();
    for (journal, lock) in [(Some(999), None), (Some(2), None), (Some(4), Some(4))] {
        let (code, said) = refused(&Handover { journal, lock, ..handover.clone() });
        assert_eq!(code, Some(2));
        assert!(said.starts_with("keeper: cannot read the handover: "), "{said}");
    }
}
