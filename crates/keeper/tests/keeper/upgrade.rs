//! Becoming another program in place.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use os::errno::{EBUSY, EINVAL, ENOEXEC};
use os::signals;
use wire::keeper::{Order, Report, SpawnOrder, Standing, Stdio};

use crate::pair::{Pair, is_there, order, read_until, shell};

/// The program of both halves of the pair.
const PAIR: &str = env!("CARGO_BIN_EXE_keeper-pair");

fn upgrade(pair: &mut Pair, file: &str, program: &str) {
    let file = OwnedFd::from(File::open(file).unwrap());
    pair.order_with(&Order::Upgrade { program: program.as_bytes().to_vec() }, &[file.as_fd()]);
}

/// A child that says what it reads.
fn cat(pair: &mut Pair) -> u32 {
    pair.spawn(SpawnOrder { stdin: Stdio::Pipe, ..order(1, &["/bin/cat"]) }).pid
}

/// The children are as they were, whoever has become what meanwhile.
fn all_is_well(pair: &mut Pair, cat: u32) {
    pair.order(&Order::List);
    assert!(matches!(pair.hear_with_fds().0, Report::Kept { file: true, .. }));
    let (listed, mut fds) = pair.listed();
    assert_eq!((listed.child, listed.pid, listed.standing), (1, cat, Standing::Own));
    assert_eq!((listed.slot, listed.memo), (b"a:1".to_vec(), b"memo".to_vec()));
    let (out, mut stdin) = (File::from(fds.pop().unwrap()), File::from(fds.pop().unwrap()));
    std::io::Write::write_all(&mut stdin, b"well\n").unwrap();
    assert_eq!(read_until(&out, |it| it.ends_with('\n')), "well\n");
    assert!(pair.listed().0.ended);
    assert_eq!(pair.hear(), Report::ListEnd { count: 2 });
    assert_eq!(pair.run(shell(7, "echo more")), (0, "more\n".to_owned()));
}

/// A pair with a child that lives, one that has ended, and something kept.
fn furnished() -> (Pair, u32) {
    let mut pair = Pair::outliving();
    let cat = cat(&mut pair);
    pair.spawn(shell(2, "exit 3"));
    assert_eq!(pair.end(2), (3 << 8, None));
    let file = os::fd::null().unwrap();
    pair.order_with(&Order::Keep { key: b"key".to_vec(), bytes: vec![1] }, &[file.as_fd()]);
    (pair, cat)
}

#[test]
fn a_new_program_takes_over_everything_under_the_same_pid() {
    let (mut pair, cat) = furnished();
    let before = std::fs::read_to_string(pair.proc("cmdline")).unwrap();
    upgrade(&mut pair, PAIR, PAIR);
    assert_eq!(pair.hear(), Report::Upgraded);
    assert_ne!(std::fs::read_to_string(pair.proc("cmdline")).unwrap(), before, "it is another image");
    all_is_well(&mut pair, cat);

    // The daemon that has asked for it goes on, and makes room when it likes.
    let first = pair.daemon;
    pair.order(&Order::Restart);
    pair.daemon_exits(0);
    pair.meet_daemon();
    assert!(pair.daemon != first);
    assert_eq!(pair.hello(), 2);
    assert_eq!(pair.end(2), (3 << 8, None));
    pair.order(&Order::Ready { detach: false });
    all_is_well(&mut pair, cat);
    let mut other = furnished().0;
    other.turn();
    pair.turn();
    assert_eq!(pair.open_descriptors(), other.open_descriptors() + 1, "the way back");
    pair.order(&Order::Leave { grace_ms: 60_000 });
    assert_eq!(pair.end(1), (15, None));
    pair.daemon_exits(0);
    let ended = pair.ended();
    assert_eq!((ended.code, ended.stderr.as_str(), is_there(cat)), (Some(0), "", false));
}

#[test]
fn a_program_that_is_none_changes_nothing() {
    let (mut pair, cat) = furnished();
    let room = tempfile::tempdir().unwrap();
    let text = room.path().join("text");
    std::fs::write(&text, "no program").unwrap();
    std::fs::set_permissions(&text, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    upgrade(&mut pair, text.to_str().unwrap(), PAIR);
    assert_eq!(pair.hear(), Report::UpgradeFailed { errno: ENOEXEC });
    upgrade(&mut pair, "/bin/false", PAIR);
    assert_eq!(pair.hear(), Report::UpgradeFailed { errno: 0 });
    pair.order(&Order::Upgrade { program: PAIR.into() });
    assert_eq!(pair.hear(), Report::UpgradeFailed { errno: EINVAL });
    all_is_well(&mut pair, cat);
}

#[test]
fn one_upgrade_at_a_time() {
    let (mut pair, cat) = furnished();
    // It wakes up to both, however late the second one is sent.
    signals::send(pair.keeper.id(), signals::STOP).unwrap();
    upgrade(&mut pair, PAIR, PAIR);
    upgrade(&mut pair, PAIR, PAIR);
    signals::send(pair.keeper.id(), signals::CONT).unwrap();
    assert_eq!(pair.hear(), Report::UpgradeFailed { errno: EBUSY });
    assert_eq!(pair.hear(), Report::Upgraded);
    all_is_well(&mut pair, cat);
}

#[test]
fn a_program_whose_daemon_dies_at_once_gives_way_to_the_old_one() {
    let (mut pair, cat) = furnished();
    upgrade(&mut pair, PAIR, "/bin/false");
    assert_eq!(pair.hear(), Report::Upgraded);
    pair.order(&Order::Restart);
    pair.drop_link();
    pair.daemon_exits(0);
    pair.meet_daemon();
    assert_eq!(pair.hello(), 2);
    assert_eq!(pair.end(2), (3 << 8, None));
    assert_eq!(pair.hear(), Report::UpgradeFailed { errno: 0 });
    pair.order(&Order::Ready { detach: false });
    all_is_well(&mut pair, cat);
    pair.until_stderr_has("the daemon has exited with status 1, soon after an upgrade; going back");
}

#[test]
fn a_daemon_that_just_leaves_after_the_upgrade_is_replaced_by_that_of_the_new_program() {
    let (mut pair, cat) = furnished();
    upgrade(&mut pair, PAIR, PAIR);
    assert_eq!(pair.hear(), Report::Upgraded);
    pair.kill_daemon();
    pair.meet_daemon();
    assert_eq!(pair.hello(), 2);
    assert_eq!(pair.end(2), (3 << 8, None));
    all_is_well(&mut pair, cat);
}

#[test]
fn a_handover_that_nobody_can_read_is_tried_by_the_old_program_and_then_given_up() {
    let nonsense = os::fd::sealed(c"handover", b"nonsense").unwrap();
    let old = OwnedFd::from(File::open(PAIR).unwrap());
    for fd in [&nonsense, &old] {
        os::fd::set_cloexec(fd, false).unwrap();
    }
    let number = |fd: &OwnedFd| std::os::fd::AsRawFd::as_raw_fd(fd).to_string();
    let room = tempfile::tempdir().unwrap();
    let keeper = room.path().join("menshen-keeper");
    std::os::unix::fs::symlink(PAIR, &keeper).unwrap();
    let words = ["--old-fd", &number(&old), "--handover-fd", &number(&nonsense), "--", "menshen-daemon"];
    let ended = std::process::Command::new(keeper).args(words).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!(said, "keeper: cannot read the handover: 8 bytes are no header\n".repeat(2));
}
