//! What happens to a house whose daemon dies and comes back.

use std::fs::File;

use os::signals;
use wire::keeper::{Order, Report, Scope, SpawnOrder, Standing, Stdio};

use crate::pair::{Pair, is_there, order, read_until, shell, until_state};

/// A child that lives until it is told not to.
fn patient(pair: &mut Pair, child: u64) -> u32 {
    pair.spawn(SpawnOrder { stdin: Stdio::Pipe, ..order(child, &["/bin/cat"]) }).pid
}

#[test]
fn a_daemon_that_dies_comes_back_and_children_notice_nothing() {
    let mut pair = Pair::outliving();
    let cat = patient(&mut pair, 1);
    pair.spawn(shell(2, "exit 3"));
    assert_eq!(pair.end(2), (3 << 8, None));
    let first = pair.daemon;
    pair.kill_daemon();
    pair.meet_daemon();
    assert!(pair.daemon != first && is_there(cat));

    assert_eq!(pair.hello(), 2);
    assert_eq!(pair.end(2), (3 << 8, None));
    pair.order(&Order::List);
    let (listed, fds) = pair.listed();
    assert_eq!((listed.child, listed.pid, listed.standing, fds.len()), (1, cat, Standing::Own, 2));
    assert_eq!(listed.start_ticks, os::procfs::stat(cat).unwrap().start_ticks);
    assert_eq!(pair.listed().0.child, 2);
    assert_eq!(pair.hear(), Report::ListEnd { count: 2 });
    pair.order(&Order::Ready { detach: false });
    pair.order(&Order::Signal { child: 1, signal: 15, scope: Scope::Process });
    assert_eq!(pair.end(1), (15, None));
    pair.order(&Order::Leave { grace_ms: 0 });
    pair.daemon_exits(0);
    let ended = pair.ended();
    assert_eq!(ended.code, Some(0));
    let words = "keeper: the daemon was killed by signal 9; starting it again in ";
    assert!(
        ended.stderr.starts_with(words) && ended.stderr.ends_with(" s, programs run on\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_first_daemon_may_refuse_to_start() {
    let mut pair = Pair::with("true", &["--outlive"]);
    pair.daemon_exits(2);
    assert_eq!((pair.launched(), pair.ended().code), (2, Some(2)));
}

#[test]
fn a_daemon_that_cannot_come_back_is_tried_again_until_someone_wants_an_end() {
    let mut pair = Pair::outliving();
    let cat = patient(&mut pair, 1);
    for _ in 0..2 {
        pair.daemon_exits(7);
        pair.meet_daemon();
    }
    // The third pause is a second long.
    pair.daemon_exits(7);
    pair.until_stderr_has("starting it again in 1 s");
    assert!(is_there(cat));
    signals::send(pair.keeper.id(), signals::TERM).unwrap();
    let ended = pair.ended();
    assert_eq!((ended.code, is_there(cat)), (Some(0), false));
}

#[test]
fn a_wish_for_the_end_outlives_the_daemon_that_was_told() {
    let mut pair = Pair::outliving();
    signals::send(pair.keeper.id(), signals::TERM).unwrap();
    assert_eq!(pair.hear(), Report::Asked { signal: 15 });
    pair.kill_daemon();
    assert_eq!(pair.ended().code, Some(0), "there may never be a daemon that lives long enough");
}

#[test]
fn a_daemon_that_does_not_answer_is_replaced() {
    let mut pair = Pair::outliving();
    let cat = patient(&mut pair, 1);
    let serial = pair.pinged();
    pair.order(&Order::Pong { serial });
    assert_eq!(pair.pinged(), serial + 1);
    let first = pair.daemon;
    pair.meet_daemon();
    assert!(pair.daemon != first && !is_there(first) && is_there(cat));
    assert_eq!(pair.hello(), 1);
}

#[test]
fn a_daemon_that_is_stopped_is_asked_at_once() {
    let mut pair = Pair::outliving();
    let serial = pair.pinged();
    pair.order(&Order::Pong { serial });
    pair.until_asleep();
    signals::send(pair.daemon, 19).unwrap();
    until_state(pair.daemon, "T");
    assert_eq!(pair.hear(), Report::Ping { serial: serial + 1 });
    signals::send(pair.daemon, signals::CONT).unwrap();
    pair.order(&Order::Pong { serial: serial + 1 });
    pair.daemon_exits(7);
    pair.until_stderr_has("the daemon has exited with status 7; starting it again in 0 s");
}

#[test]
fn whenever_the_daemon_dies_there_is_one_child_in_the_slot_or_none() {
    // Killed after each of these steps, and once before them all.
    let steps: [fn(&mut Pair); 5] = [
        |pair| pair.order(&Order::Spawn(SpawnOrder { stdin: Stdio::Pipe, ..order(1, &["/bin/cat"]) })),
        |pair| drop(pair.born(1)),
        |pair| pair.order(&Order::Signal { child: 1, signal: 9, scope: Scope::Process }),
        |pair| assert_eq!(pair.end(1), (9, None)),
        |pair| pair.order(&Order::Forget { child: 1 }),
    ];
    for count in 0..=steps.len() {
        let mut pair = Pair::outliving();
        steps.iter().take(count).for_each(|step| step(&mut pair));
        pair.kill_daemon();
        pair.meet_daemon();
        let known = pair.hello();
        pair.order(&Order::List);
        let mut listed = Vec::new();
        let mut ends = 0;
        loop {
            let report = pair.hear_with_fds().0;
            if report == (Report::ListEnd { count: known }) {
                break;
            }
            if let Report::Listed(it) = report {
                listed.push(it);
            } else {
                assert!(matches!(report, Report::Exited { child: 1, status: 9, .. }), "{report:?}");
                ends += 1;
            }
        }
        match count {
            // The order may have been taken, or died with who gave it.
            1 => assert!(listed.len() <= 1),
            0 => assert_eq!((listed.len(), ends), (0, 0)),
            2 | 3 => assert!(listed.len() == 1 && ends <= 1),
            4 => assert!(listed.len() == 1 && listed[0].ended && ends == 1),
            // Forgotten, or that order died: then it is reported again.
            _ => assert!(listed.len() == ends),
        }
        let is_free = listed.is_empty();
        pair.order(&Order::Spawn(SpawnOrder { child: 2, slot: b"a:1".to_vec(), ..order(2, &["/bin/true"]) }));
        let mut answer = pair.hear_with_fds().0;
        if matches!(answer, Report::Exited { child: 1, .. }) {
            answer = pair.hear_with_fds().0;
        }
        let made = matches!(answer, Report::Spawned { child: 2, .. });
        assert!(made || matches!(answer, Report::SpawnFailed { child: 2, .. }), "{answer:?}");
        assert_eq!(made, is_free, "after {count} steps");
    }
}

#[test]
fn output_that_nobody_has_read_waits_for_the_next_daemon() {
    let mut pair = Pair::outliving();
    pair.spawn(SpawnOrder { stdin: Stdio::Pipe, ..shell(1, "echo one; read x; echo two; read x") });
    pair.kill_daemon();
    pair.meet_daemon();
    pair.hello();
    pair.order(&Order::List);
    let (_, mut fds) = pair.listed();
    let (out, mut stdin) = (File::from(fds.pop().unwrap()), File::from(fds.pop().unwrap()));
    assert_eq!(read_until(&out, |it| it.ends_with('\n')), "one\n");
    std::io::Write::write_all(&mut stdin, b"go\n").unwrap();
    assert_eq!(read_until(&out, |it| it.ends_with('\n')), "two\n");
}
