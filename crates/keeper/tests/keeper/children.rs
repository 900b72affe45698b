//! What happens to children.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::time::Duration;

use os::errno::{EBUSY, EINVAL, EMFILE, ENOENT, ESRCH};
use wire::keeper::{Identity, Order, Report, Scope, SpawnOrder, SpawnStage, Stdio};

use crate::pair::{Pair, is_there, order, read_to_end, read_until, shell, until_state};

const EXEC: u8 = 7;
const DIRECTORY: u8 = 5;
const NOT_SPAWNED: i32 = 127 << 8;

#[test]
fn every_ending_is_reported_as_it_was() {
    let mut pair = Pair::new();
    let cases = [("true", 0), ("false", 1 << 8), ("exit 42", 42 << 8), ("kill -9 $$", 9), ("kill -1 $$", 1)];
    for (child, (script, status)) in (1..).zip(cases) {
        assert_eq!(pair.run(shell(child, script)), (status, String::new()), "{script}");
    }
}

#[test]
fn what_a_child_has_used_is_reported_with_its_end() {
    let mut pair = Pair::new();
    pair.spawn(shell(1, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"));
    let report = pair.hear();
    let Report::Exited { child: 1, status: 0, known: true, at_us, setup: None, usage } = report else {
        panic!("{report:?}");
    };
    assert!(Duration::from_micros(at_us) <= os::clock::mono().0);
    assert!(usage.user_us + usage.system_us > 0 && usage.peak_kib > 100, "{usage:?}");
}

#[test]
fn a_child_that_fails_in_its_setup_is_a_child_that_ends_with_127_and_its_reason() {
    let mut pair = Pair::new();
    let there = |it: SpawnOrder| SpawnOrder { directory: Some(b"/no/such".to_vec()), ..it };
    let cases = [
        (there(order(1, &["/bin/true"])), (DIRECTORY, ENOENT), "chdir to /no/such: ENOENT"),
        (order(2, &["/no/such/program"]), (EXEC, ENOENT), "exec /no/such/program: ENOENT"),
        (order(3, &["/etc/passwd"]), (EXEC, 13), "exec /etc/passwd: EACCES"),
    ];
    for (order, setup, words) in cases {
        let id = order.child;
        let born = pair.spawn(order);
        let said = crate::pair::said(born.fds);
        let expected = format!("supervisor: couldn't {words}\nsupervisor: child process was not spawned\n");
        assert_eq!(said, expected);
        assert_eq!(pair.end(id), (NOT_SPAWNED, Some(setup)));
    }
}

#[test]
fn a_child_that_ends_with_127_by_itself_has_no_such_reason() {
    let mut pair = Pair::new();
    pair.spawn(shell(1, "exit 127"));
    assert_eq!(pair.end(1), (NOT_SPAWNED, None));
}

#[test]
fn a_child_gets_what_its_order_says() {
    let mut pair = Pair::new();
    let mut order = shell(1, "pwd; umask; ulimit -Sn; ulimit -Hn; echo $A $FROM_THE_LAUNCHER.");
    order.env.push(b"A=b c".to_vec());
    order.directory = Some(b"/usr".to_vec());
    order.umask = Some(0o77);
    order.nofile = Some((Some(100), Some(200)));
    assert_eq!(pair.run(order), (0, "/usr\n0077\n100\n200\nb c .\n".to_owned()));
}

#[test]
fn a_child_becomes_another_user_when_the_keeper_is_root() {
    if os::user::own_uid() != 0 {
        return;
    }
    let mut pair = Pair::new();
    let identity = Some(Identity { uid: 65534, gid: 65533, groups: vec![65533, 7] });
    let order = SpawnOrder { identity, ..shell(1, "id -u; id -g; id -G") };
    assert_eq!(pair.run(order), (0, "65534\n65533\n65533 7\n".to_owned()));
}

#[test]
fn the_three_pipes_come_in_their_order_and_are_the_childs_only_descriptors() {
    let mut pair = Pair::new();
    let script = "read line; echo out $line; echo err $line >&2; ls /proc/$$/fd; read line";
    let piped = SpawnOrder { stdin: Stdio::Pipe, stderr: Stdio::Pipe, ..shell(1, script) };
    let mut born = pair.spawn(piped);
    assert_eq!(born.fds.len(), 3);
    let stderr = File::from(born.fds.pop().unwrap());
    let stdout = File::from(born.fds.pop().unwrap());
    let mut stdin = File::from(born.fds.pop().unwrap());
    stdin.write_all(b"word\n").unwrap();
    assert_eq!(read_until(&stderr, |it| it.ends_with('\n')), "err word\n");
    assert_eq!(read_until(&stdout, |it| it.ends_with("2\n")), "out word\n0\n1\n2\n");

    // For reading and writing (flag 2), all three, and they block (no flag 4000).
    for number in 0..3 {
        let about = std::fs::read_to_string(format!("/proc/{}/fdinfo/{number}", born.pid)).unwrap();
        let flags = about.lines().find_map(|it| it.strip_prefix("flags:\t")).unwrap();
        assert_eq!(u32::from_str_radix(flags, 8).unwrap() & 0o4003, 2, "{about}");
    }
    stdin.write_all(b"end\n").unwrap();
    assert_eq!(pair.end(1), (0, None));
    assert_eq!(read_until(&stdout, |_| false), "", "it ends with the child");
}

#[test]
fn a_child_outlives_all_readers_of_what_it_writes() {
    let mut pair = Pair::new();
    let script = "read line; echo nobody reads this; echo $? >&2; read line; echo on >&2";
    let piped = SpawnOrder { stdin: Stdio::Pipe, stderr: Stdio::Pipe, ..shell(1, script) };
    let mut fds = pair.spawn(piped).fds;
    let stderr = File::from(fds.pop().unwrap());
    drop(fds.pop());
    let mut stdin = File::from(fds.pop().unwrap());
    // The keeper holds the other end that could be read, and dies before the child writes.
    pair.keeper.kill().unwrap();
    pair.keeper.wait().unwrap();
    stdin.write_all(b"go\n").unwrap();
    assert_eq!(read_until(&stderr, |it| it.ends_with('\n')), "0\n");
    stdin.write_all(b"end\n").unwrap();
    assert_eq!(read_until(&stderr, |_| false), "on\n");
}

#[test]
fn a_child_outlives_all_writers_of_what_it_reads() {
    let mut pair = Pair::new();
    let piped = SpawnOrder { stdin: Stdio::Pipe, ..shell(1, "read line; echo it has ended") };
    let born = pair.spawn(piped);
    let mut fds = born.fds.into_iter();
    drop(fds.next());
    let stdout = File::from(fds.next().unwrap());
    pair.keeper.kill().unwrap();
    pair.keeper.wait().unwrap();
    // It waits for a line that nobody is left to write: it is asleep, and has said nothing.
    until_state(born.pid, "S");
    os::signals::send(born.pid, 9).unwrap();
    assert_eq!(read_until(&stdout, |_| false), "");
}

#[test]
fn a_descriptor_can_be_passed_on() {
    let mut pair = Pair::new();
    let passed = SpawnOrder { stdin: Stdio::Passed, ..order(1, &["/bin/cat"]) };
    let (theirs, ours) = os::fd::pipe().unwrap();
    pair.order_with(&Order::Spawn(passed.clone()), &[theirs.as_fd()]);
    drop(theirs);
    let born = pair.born(1);
    let mut ours = File::from(ours);
    ours.write_all(b"through the descriptor").unwrap();
    drop(ours);
    assert_eq!(crate::pair::said(born.fds), "through the descriptor");
    assert_eq!(pair.end(1), (0, None));

    pair.order(&Order::Spawn(SpawnOrder { child: 2, slot: b"a:2".to_vec(), ..passed }));
    assert_eq!(pair.hear(), Report::SpawnFailed { child: 2, stage: SpawnStage::Order, errno: EINVAL });
}

#[test]
fn an_order_without_meaning_makes_no_child() {
    let mut pair = Pair::new();
    let cases = [
        SpawnOrder { argv: vec![], ..order(1, &["/bin/true"]) },
        SpawnOrder { path: b"/bin/\0true".to_vec(), ..order(1, &["/bin/true"]) },
        SpawnOrder { env: vec![b"A=\0".to_vec()], ..order(1, &["/bin/true"]) },
        SpawnOrder { slot: vec![b'x'; 513], ..order(1, &["/bin/true"]) },
        SpawnOrder { memo: vec![b'x'; 65], ..order(1, &["/bin/true"]) },
    ];
    for order in cases {
        pair.order(&Order::Spawn(order));
        assert_eq!(pair.hear(), Report::SpawnFailed { child: 1, stage: SpawnStage::Order, errno: EINVAL });
    }
    assert_eq!(pair.run(order(1, &["/bin/true"])).0, 0, "the slot is free");
}

#[test]
fn an_order_of_any_size_arrives() {
    let mut pair = Pair::new();
    // No single entry may have more than 128 KiB.
    let mut order = shell(1, "echo ${#A} ${#B}");
    order.env.push([b"A=".as_slice(), &vec![b'a'; 100_000]].concat());
    order.env.push([b"B=".as_slice(), &vec![b'b'; 120_000]].concat());
    assert_eq!(pair.run(order), (0, "100000 120000\n".to_owned()));
}

#[test]
fn a_slot_holds_one_child_until_its_end_is_recorded() {
    let mut pair = Pair::new();
    let refused = Report::SpawnFailed { child: 1, stage: SpawnStage::Slot, errno: EBUSY };
    let born = pair.spawn(SpawnOrder { stdin: Stdio::Pipe, ..order(1, &["/bin/cat"]) });
    pair.order(&Order::Spawn(order(1, &["/bin/true"])));
    assert_eq!(pair.hear(), refused);
    pair.order(&Order::Forget { child: 1 });
    pair.order(&Order::Spawn(order(1, &["/bin/true"])));
    assert_eq!(pair.hear(), refused, "a child that lives is not forgotten");

    pair.order(&Order::Spawn(SpawnOrder { child: 2, ..order(1, &["/bin/true"]) }));
    let by_another_number = Report::SpawnFailed { child: 2, stage: SpawnStage::Slot, errno: EBUSY };
    assert_eq!(pair.hear(), by_another_number, "the slot is the name");

    pair.order(&Order::Signal { child: 1, signal: 15, scope: Scope::Process });
    assert_eq!(pair.end(1), (15, None));
    assert!(!is_there(born.pid));
    pair.order(&Order::Spawn(order(1, &["/bin/true"])));
    assert_eq!(pair.hear(), refused, "its end is not recorded");
    pair.order(&Order::Forget { child: 1 });
    assert_eq!(pair.run(order(1, &["/bin/true"])).0, 0);
}

#[test]
fn a_signal_reaches_the_child_or_its_group_and_nobody_after_its_end() {
    let mut pair = Pair::new();
    // The shell starts a child of its own and waits for it.
    let script = "sleep 1000 & echo $!; wait";
    let mut born = pair.spawn(shell(1, script));
    let out = File::from(born.fds.pop().unwrap());
    let grandchild: u32 = read_until(&out, |it| it.ends_with('\n')).trim().parse().unwrap();
    pair.order(&Order::Signal { child: 1, signal: 15, scope: Scope::Group });
    assert_eq!(pair.end(1), (15, None));
    assert_eq!(read_until(&out, |_| false), "", "the pipe ends when the whole group is gone");
    pair.until(|| !is_there(grandchild));

    let mut born = pair.spawn(shell(2, script));
    let out = File::from(born.fds.pop().unwrap());
    let grandchild: u32 = read_until(&out, |it| it.ends_with('\n')).trim().parse().unwrap();
    pair.order(&Order::Signal { child: 2, signal: 9, scope: Scope::Process });
    assert_eq!(pair.end(2), (9, None));
    assert!(is_there(grandchild));
    os::signals::send(grandchild, 9).unwrap();
    pair.until(|| !is_there(grandchild));

    for (child, signal) in [(1, 15), (2, 0), (4242, 9)] {
        pair.order(&Order::Signal { child, signal, scope: Scope::Process });
        assert_eq!(pair.hear(), Report::SignalFailed { child, signal, errno: ESRCH });
    }
}

#[test]
fn strangers_are_adopted_and_reaped_without_a_word() {
    let mut pair = Pair::new();
    let mut born = pair.spawn(shell(1, "(sleep 1000 & echo $!)"));
    let out = File::from(born.fds.pop().unwrap());
    let stranger: u32 = read_until(&out, |it| it.ends_with('\n')).trim().parse().unwrap();
    assert_eq!(pair.end(1), (0, None));
    let stat = std::fs::read_to_string(format!("/proc/{stranger}/stat")).unwrap();
    let parent = stat.split_whitespace().nth(3).unwrap();
    assert_eq!(parent, pair.keeper.id().to_string());
    os::signals::send(stranger, 9).unwrap();
    pair.until(|| !is_there(stranger));
    assert_eq!(read_until(&out, |_| false), "");
}

#[test]
fn many_children_leave_nothing_open() {
    let mut pair = Pair::new();
    let open = |pair: &Pair| std::fs::read_dir(pair.proc("fd")).unwrap().count();
    pair.run(order(1, &["/bin/true"]));
    pair.turn();
    let before = open(&pair);
    for child in 1..=500 {
        let piped = SpawnOrder { stdin: Stdio::Pipe, stderr: Stdio::Pipe, ..order(child, &["/bin/true"]) };
        pair.order(&Order::Spawn(piped));
    }
    let (mut born, mut ended) = (0, 0);
    while ended < 500 {
        match pair.hear_with_fds() {
            (Report::Spawned { .. }, fds) => {
                assert_eq!(fds.len(), 3);
                born += 1;
            }
            (Report::Exited { child, status: 0, .. }, _) => {
                ended += 1;
                pair.order(&Order::Forget { child });
            }
            other => panic!("{other:?}"),
        }
    }
    pair.turn();
    assert_eq!((born, open(&pair)), (500, before));
}

#[test]
fn without_descriptors_there_is_no_child_until_there_are_some_again() {
    let mut pair = Pair::new_after("ulimit -n 42");
    let patient =
        |child| SpawnOrder { stdin: Stdio::Pipe, stderr: Stdio::Pipe, ..order(child, &["/bin/cat"]) };
    let mut made = 0;
    let refused = loop {
        pair.order(&Order::Spawn(patient(made + 1)));
        let (report, _) = pair.hear_with_fds();
        if !matches!(report, Report::Spawned { .. }) {
            break report;
        }
        made += 1;
    };
    assert_eq!(refused, Report::SpawnFailed { child: made + 1, stage: SpawnStage::Pipes, errno: EMFILE });
    assert!(made > 1, "{made}");
    for child in 1..=made {
        pair.order(&Order::Signal { child, signal: 9, scope: Scope::Process });
        assert_eq!(pair.end(child), (9, None));
        pair.order(&Order::Forget { child });
    }
    for child in 1..=made {
        pair.spawn(patient(child));
    }
}

#[test]
fn a_daemon_that_does_not_read_loses_no_report() {
    let mut pair = Pair::new();
    let mut sent = 0;
    let frame =
        |signal| wire::keeper::encode_order(&Order::Signal { child: 1, signal, scope: Scope::Process }, 1);
    while pair.link().send(&frame(sent), &[]).is_ok() {
        sent += 1;
    }
    for expected in 0..sent {
        let errno = ESRCH;
        assert_eq!(pair.hear(), Report::SignalFailed { child: 1, signal: expected, errno });
    }
    pair.turn();
}

#[test]
fn the_output_of_a_child_outlives_it() {
    let mut pair = Pair::new();
    let mut born = pair.spawn(shell(1, "echo last words"));
    assert_eq!(pair.end(1), (0, None));
    pair.order(&Order::Forget { child: 1 });
    pair.turn();
    assert_eq!(read_to_end(born.fds.pop().unwrap()), "last words\n");
}
