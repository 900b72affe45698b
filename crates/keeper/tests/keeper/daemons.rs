//! What happens to daemons, and to children without one.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::time::Instant;

use wire::keeper::{Order, Report, SpawnOrder, SpawnStage, Standing, Stdio, Will};

use crate::pair::{LIMIT, Pair, is_there, order, read_to_end, read_until, shell, until_state};

/// A child that ignores `SIGTERM` and is killed after a moment. Returns its pid when it is that far.
fn stubborn(pair: &mut Pair, child: u64) -> u32 {
    let ignoring = shell(child, "trap '' TERM; echo up; read x");
    let will = Will { wait_ms: 50, ..ignoring.will };
    let mut born = pair.spawn(SpawnOrder { will, stdin: Stdio::Pipe, ..ignoring });
    let out = File::from(born.fds.pop().unwrap());
    assert_eq!(read_until(&out, |it| it.ends_with('\n')), "up\n");
    born.pid
}

/// A child that lives until it is told not to.
fn patient(pair: &mut Pair, child: u64, priority: i64) -> u32 {
    let waiting = SpawnOrder { stdin: Stdio::Pipe, ..order(child, &["/bin/cat"]) };
    let will = Will { priority, ..waiting.will };
    pair.spawn(SpawnOrder { will, ..waiting }).pid
}

#[test]
fn a_daemon_that_refuses_to_start_takes_the_keeper_with_it() {
    let mut pair = Pair::silent();
    pair.daemon_exits(2);
    assert_eq!(pair.launched(), 2);
    let ended = pair.ended();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), ""), "the daemon has said why");
}

#[test]
fn a_daemon_that_dies_takes_all_children_with_it_for_now() {
    let mut pair = Pair::new();
    let children = [stubborn(&mut pair, 1), patient(&mut pair, 2, 1), patient(&mut pair, 3, 9)];
    os::signals::send(pair.daemon, 9).unwrap();
    let ended = pair.ended();
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr, "keeper: the daemon was killed by signal 9; stopping all programs\n");
    assert!(children.into_iter().all(|it| !is_there(it)));
}

#[test]
fn a_daemon_that_leaves_has_the_rest_stopped_by_their_wills() {
    let mut pair = Pair::new();
    let child = stubborn(&mut pair, 1);
    pair.order(&Order::Leave { grace_ms: 60_000 });
    assert_eq!(pair.end(1), (9, None));
    pair.order(&Order::Spawn(order(2, &["/bin/true"])));
    assert!(matches!(pair.hear(), Report::SpawnFailed { child: 2, stage: SpawnStage::Slot, .. }));
    // A second wish to stop changes nothing.
    os::signals::send(pair.keeper.id(), 15).unwrap();
    assert_eq!(pair.hear(), Report::Asked { signal: 15 });
    pair.daemon_exits(0);
    let ended = pair.ended();
    assert_eq!((ended.code, ended.stderr.as_str(), is_there(child)), (Some(0), "", false));
}

#[test]
fn grace_is_the_most_a_child_gets() {
    let mut pair = Pair::new();
    let ignoring = shell(1, "trap '' TERM; echo up; read x");
    let mut born = pair.spawn(SpawnOrder { stdin: Stdio::Pipe, ..ignoring });
    let out = File::from(born.fds.pop().unwrap());
    assert_eq!(read_until(&out, |it| it.ends_with('\n')), "up\n");
    pair.order(&Order::Leave { grace_ms: 10 });
    assert_eq!(pair.end(1), (9, None), "its own will would have been 30 s");
}

#[test]
fn children_are_stopped_in_descending_order_of_priority() {
    let mut pair = Pair::new();
    for (child, priority) in [(1, 5), (2, -1), (3, 999)] {
        patient(&mut pair, child, priority);
    }
    pair.order(&Order::Leave { grace_ms: 60_000 });
    for child in [3, 1, 2] {
        assert_eq!(pair.end(child), (15, None));
    }
    pair.daemon_exits(0);
    assert_eq!(pair.ended().code, Some(0));
}

#[test]
fn last_words_are_heard_before_the_death_they_come_with() {
    let mut pair = Pair::new();
    let child = patient(&mut pair, 1, 0);
    // The keeper, idle, is held through it all, and then finds signals first: the death among them.
    until_state(pair.keeper.id(), "S");
    os::signals::send(pair.keeper.id(), 19).unwrap();
    until_state(pair.keeper.id(), "T");
    os::signals::send(pair.keeper.id(), 1).unwrap();
    pair.order(&Order::Spawn(order(2, &["/no/such/program"])));
    pair.order(&Order::Leave { grace_ms: 60_000 });
    pair.drop_link();
    pair.daemon_exits(0);
    until_state(pair.daemon, "Z");
    os::signals::send(pair.keeper.id(), 18).unwrap();
    let ended = pair.ended();
    // No child is made for a daemon that is gone: there are no last words of one either.
    assert_eq!((ended.code, ended.stderr.as_str(), is_there(child)), (Some(0), "", false));
}

#[test]
fn a_daemon_that_wants_to_is_started_again() {
    let mut pair = Pair::new();
    let first = pair.daemon;
    pair.order(&Order::Restart);
    pair.daemon_exits(0);
    pair.meet_daemon();
    assert_ne!(pair.daemon, first);
    assert_eq!(pair.hello(), 0);
    pair.order(&Order::Ready { detach: false });
    assert_eq!(pair.run(order(1, &["/bin/true"])).0, 0);
    pair.order(&Order::Leave { grace_ms: 0 });
    pair.daemon_exits(0);
    let ended = pair.ended();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_new_daemon_that_refuses_to_start_ends_the_keeper_with_its_status() {
    let mut pair = Pair::new();
    pair.order(&Order::Restart);
    pair.daemon_exits(0);
    pair.meet_daemon();
    pair.daemon_exits(2);
    assert_eq!(pair.ended().code, Some(2));
}

#[test]
fn a_new_daemon_learns_of_all_children_and_of_ends_nobody_has_recorded() {
    let mut pair = Pair::new();
    let lives = patient(&mut pair, 1, 0);
    pair.spawn(shell(2, "echo unread; exit 3"));
    assert_eq!(pair.end(2), (3 << 8, None));
    pair.run(order(3, &["/bin/true"]));
    pair.order(&Order::Restart);
    pair.drop_link();
    pair.daemon_exits(0);
    pair.meet_daemon();

    assert_eq!(pair.hello(), 2, "the third is forgotten");
    assert_eq!(pair.end(2), (3 << 8, None));
    pair.order(&Order::List);
    let (first, fds) = pair.listed();
    assert_eq!((first.child, first.pid, first.ended, first.pipes), (1, lives, false, [true, true, false]));
    assert_eq!((first.slot, first.memo, first.standing), (b"a:1".to_vec(), b"memo".to_vec(), Standing::Own));
    assert!(first.started_us > 0 && fds.len() == 2);
    let (second, fds) = pair.listed();
    assert_eq!((second.child, second.ended, second.pipes), (2, true, [false, true, false]));
    assert_eq!(crate::pair::said(fds), "unread\n");
    assert_eq!(pair.hear(), Report::ListEnd { count: 2 });
}

#[test]
fn what_is_kept_is_given_to_the_next_daemon() {
    let mut pair = Pair::new();
    let keep = |key: &[u8], bytes: &[u8]| Order::Keep { key: key.to_vec(), bytes: bytes.to_vec() };
    let (reader, writer) = os::fd::pipe().unwrap();
    pair.order_with(&keep(b"one", b"first"), &[writer.as_fd()]);
    pair.order(&keep(b"two", b"second"));
    pair.order_with(&keep(b"two", b"third"), &[writer.as_fd()]);
    pair.order(&keep(b"one", b"fourth"));
    pair.order(&keep(b"three", b"fifth"));
    pair.order(&Order::Drop { key: b"three".to_vec() });
    pair.order(&Order::Drop { key: b"never there".to_vec() });
    drop(writer);
    pair.order(&Order::Restart);
    pair.drop_link();
    pair.daemon_exits(0);
    pair.meet_daemon();
    pair.hello();
    pair.order(&Order::List);
    let kept =
        |key: &[u8], bytes: &[u8], file| Report::Kept { key: key.to_vec(), bytes: bytes.to_vec(), file };
    assert_eq!(pair.hear(), kept(b"one", b"fourth", false));
    let (report, mut fds) = pair.hear_with_fds();
    assert_eq!(report, kept(b"two", b"third", true));
    File::from(fds.pop().unwrap()).write_all(b"through").unwrap();
    assert_eq!(pair.hear(), Report::ListEnd { count: 0 });
    pair.order(&Order::Drop { key: b"two".to_vec() });
    assert_eq!(read_to_end(reader), "through", "a descriptor is kept no longer than its key");
}

#[test]
fn a_last_will_can_be_changed() {
    let mut pair = Pair::new();
    patient(&mut pair, 1, 0);
    let will = Will { signal: 12, ..order(1, &["x"]).will };
    pair.order(&Order::Amend { child: 1, will });
    pair.order(&Order::Amend { child: 2, will });
    pair.order(&Order::Leave { grace_ms: 60_000 });
    assert_eq!(pair.end(1), (12, None));
}

#[test]
fn an_end_between_two_daemons_is_reported_once() {
    let mut pair = Pair::new();
    let pid = patient(&mut pair, 1, 0);
    pair.order(&Order::Restart);
    pair.daemon_exits(0);
    pair.meet_daemon();
    os::signals::send(pid, 9).unwrap();
    // The new daemon has not greeted yet, and hears of nothing but what it asks for.
    pair.until(|| !is_there(pid));
    assert_eq!(pair.hello(), 1);
    assert_eq!(pair.end(1), (9, None));
    pair.turn();
}

#[test]
fn signals_to_the_keeper_are_for_the_daemon() {
    let mut pair = Pair::new();
    for signal in [15, 2, 3, 1, 12] {
        os::signals::send(pair.keeper.id(), signal).unwrap();
        assert_eq!(pair.hear(), Report::Asked { signal });
    }
}

#[test]
fn a_daemon_that_closes_its_link_is_none() {
    let mut pair = Pair::new();
    let child = patient(&mut pair, 1, 0);
    pair.drop_link();
    pair.daemon_closes_its_link();
    let ended = pair.ended();
    assert_eq!((ended.code, is_there(child)), (Some(1), false));
    assert_eq!(ended.stderr, "keeper: the daemon was killed by signal 9; stopping all programs\n");
}

#[test]
fn what_is_no_order_is_ignored() {
    let mut pair = Pair::new();
    pair.link().send(b"nonsense", &[]).unwrap();
    pair.turn();
    pair.order(&Order::Leave { grace_ms: 0 });
    pair.daemon_exits(0);
    let ended = pair.ended();
    assert_eq!(ended.code, Some(0));
    assert_eq!(
        ended.stderr,
        "keeper: cannot read the frame of an order: it does not begin with the magic number\n"
    );
}

#[test]
fn the_daemon_is_the_keepers_child_with_its_environment_and_the_link_as_fourth_descriptor() {
    let pair = Pair::new();
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", pair.daemon)).unwrap();
    assert_eq!(read("cmdline"), "menshen-daemon\0argument\0");
    assert!(read("environ").split('\0').any(|it| it == "FROM_THE_LAUNCHER=yes"));
    let stat = read("stat");
    let words: Vec<_> = stat.split_whitespace().collect();
    assert_eq!(words[3], pair.keeper.id().to_string(), "parent");
    assert_eq!(words[4], pair.daemon.to_string(), "group: the terminal's signals reach the keeper alone");
    assert_eq!(std::fs::read_to_string(pair.proc("comm")).unwrap(), "menshen-keeper\n");

    let soft = |pid: u32| {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        limits.lines().find_map(|it| it.strip_prefix("Max open files")).unwrap().trim().to_owned()
    };
    assert_eq!(soft(pair.daemon), soft(std::process::id()), "the daemon has the launcher's limits");
}

#[test]
fn an_idle_keeper_waits_for_ever() {
    let mut pair = Pair::new();
    patient(&mut pair, 1, 0);
    let call = pair.proc("syscall");
    // Number, four arguments of epoll_wait of which the last is the time-out, and what is left over.
    let waits_for_ever = || {
        let text = std::fs::read_to_string(&call).unwrap();
        let words: Vec<_> = text.split_whitespace().collect();
        words.get(4).is_some_and(|it| it.ends_with("ffffffff"))
    };
    let start = Instant::now();
    while !waits_for_ever() {
        assert!(start.elapsed() < LIMIT);
        std::thread::yield_now();
    }
    assert_eq!(std::fs::read_dir(pair.proc("task")).unwrap().count(), 1, "one thread");
}

#[test]
fn a_keeper_lets_go_of_its_terminal_when_told_to() {
    let mut pair = Pair::silent();
    pair.hello();
    pair.order(&Order::Ready { detach: true });
    assert_eq!(pair.launched(), 0);
    pair.turn();
    for number in 0..3 {
        let link = std::fs::read_link(pair.proc(&format!("fd/{number}"))).unwrap();
        assert_eq!(link, std::path::Path::new("/dev/null"));
    }
}
