//! What a dead supervisor has left is damaged, of another kind or somebody else's: nothing crashes, nobody is signaled by
//! mistake, nothing is started a second time, and the log says what is wrong.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::said::Said;
use e2e::wait::until;
use rustix::process::Signal;

const PROGRAMS: &str = "\
[program:web]
command={here}/ledger.sh web
[program:halted]
command={here}/ledger.sh halted
";

/// Writes down its start, and stays.
const LEDGER: &str = "#!/bin/sh\necho \"$1 $$\" >>{here}/ledger\nexec sleep 1000\n";

/// A house whose two guards have died, and the program that lives on.
fn orphaned() -> (House, i32) {
    let house = House::of(Make::Menshen, PROGRAMS);
    house.configure_daemon("runtime_directory={here}/run\n");
    let script = house.write("ledger.sh", LEDGER);
    std::fs::set_permissions(script, PermissionsExt::from_mode(0o755)).expect("cannot make it runnable");
    let mut house = house.started();
    house.until_state("web", "RUNNING");
    house.until_state("halted", "RUNNING");
    until("both have written down their starts", || {
        starts(&house, "web") == 1 && starts(&house, "halted") == 1
    });
    house.ctl(&["stop", "halted"]);
    let (web, daemon) = (house.pid_of("web"), house.daemon_pid());
    house.signal(Signal::STOP);
    proc::send(daemon, Signal::KILL);
    house.signal(Signal::KILL);
    house.until_ended();
    until("the daemon is dead", || !proc::is_alive(daemon));
    (house, web)
}

fn starts(house: &House, name: &str) -> usize {
    house.text("ledger").lines().filter(|it| it.starts_with(name)).count()
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).expect("it is there");
    change(&mut bytes);
    std::fs::write(path, bytes).expect("it can be written");
}

/// Damages what is in the runtime directory, and starts anew; the program is to be in `state`, and the log to say `words`.
#[track_caller]
fn check(what: &str, damage: impl FnOnce(&Path), state: &str, words: &[&str]) {
    let (mut house, web) = orphaned();
    damage(&house.path("run"));
    house.start();
    until(what, || house.state("web") == state);
    assert!(proc::is_alive(web), "{what}");
    assert_eq!(starts(&house, "web"), 1, "{what}: {}", house.log());
    if state == "RUNNING" {
        assert_eq!(house.pid_of("web"), web, "{what}");
    }
    for word in words {
        assert!(house.log().contains(word), "{what}: no `{word}` in {}", house.log());
    }
    assert!(!house.log().contains("panicked") && !house.text("err").contains("panicked"));
    assert!(house.stopped().success());
    if state == "UNKNOWN" {
        assert!(proc::is_alive(web), "{what}: whoever it is, it is not ours to end");
        proc::send(web, Signal::KILL);
    }
}

#[test]
fn a_memory_that_is_damaged_is_told_and_the_programs_are_found_without_it() {
    let damaged = "bytes are damaged, and what they said is forgotten";
    check(
        "cut off",
        |run| rewrite(&run.join("memory"), |it| it.truncate(it.len() - 7)),
        "RUNNING",
        &[damaged],
    );
    check(
        "a bit has fallen over",
        |run| rewrite(&run.join("memory"), |it| it[40] ^= 4),
        "RUNNING",
        &[damaged],
    );
    check("bytes of nobody", |run| rewrite(&run.join("memory"), |it| it.fill(0xA5)), "RUNNING", &[damaged]);
    check("nothing", |run| rewrite(&run.join("memory"), Vec::clear), "RUNNING", &[]);
    check("gone", |run| std::fs::remove_file(run.join("memory")).expect("it is there"), "RUNNING", &[]);
}

#[test]
fn a_memory_that_is_no_file_of_ours_is_not_read() {
    let place = |run: &Path| {
        std::fs::remove_file(run.join("memory")).expect("it is there");
        run.join("memory")
    };
    let link = |run: &Path| {
        std::fs::write(run.join("elsewhere"), "nobody's").expect("it can be written");
        symlink("elsewhere", place(run)).expect("it can be linked");
    };
    check("a link", link, "RUNNING", &["run/memory: it is a link; remove it"]);
    let fifo = |run: &Path| {
        rustix::fs::mkfifoat(rustix::fs::CWD, place(run), rustix::fs::Mode::RUSR).expect("it can be made");
    };
    check("a pipe", fifo, "RUNNING", &["run/memory: it is no file of this user"]);
    let folder = |run: &Path| std::fs::create_dir(place(run)).expect("it can be made");
    check("a directory", folder, "RUNNING", &["run/memory"]);
    if rustix::process::getuid().is_root() {
        let foreign = |run: &Path| {
            std::os::unix::fs::chown(run.join("memory"), Some(65534), None).expect("root may");
        };
        check("another user's", foreign, "RUNNING", &["run/memory: it is no file of this user"]);
    }
}

#[test]
fn a_journal_that_cannot_be_read_leaves_programs_in_doubt() {
    let journal = |run: &Path| run.join("children");
    let words = "is damaged, or of a version that is not understood";
    let version = |it: &mut Vec<u8>| it[4] = 0x7F;
    check("another version", |run| rewrite(&journal(run), version), "UNKNOWN", &[words]);
    check("bytes of nobody", |run| rewrite(&journal(run), |it| it.fill(0xA5)), "UNKNOWN", &[words]);
    check("cut off", |run| rewrite(&journal(run), |it| it.truncate(600)), "UNKNOWN", &[]);
    check("gone", |run| std::fs::remove_file(journal(run)).expect("it is there"), "UNKNOWN", &[]);
    let link = |run: &Path| {
        std::fs::rename(journal(run), run.join("elsewhere")).expect("it is there");
        symlink("elsewhere", journal(run)).expect("it can be linked");
    };
    check("a link", link, "UNKNOWN", &["run/children: it is a link; remove it"]);
}

#[test]
fn what_belongs_to_another_boot_means_nothing() {
    let (mut house, web) = orphaned();
    proc::send(web, Signal::KILL);
    until("it is gone, as after a boot", || !proc::is_alive(web));
    // The name of the boot, in the head of the journal and in the first record of the memory; both with a new checksum.
    rewrite(&house.path("run/children"), |it| {
        it[12] ^= 1;
        let sum = crc32(&it[12..28]).to_le_bytes();
        it[8..12].copy_from_slice(&sum);
    });
    rewrite(&house.path("run/memory"), |it| {
        let length = usize::from(u16::from_le_bytes([it[0], it[1]]));
        let at = it.windows(8).position(|it| it == b"\"boot\":\"").expect("it names its boot") + 8;
        it[at] = if it[at] == b'0' { b'1' } else { b'0' };
        let sum = crc32(&it[8..8 + length]).to_le_bytes();
        it[4..8].copy_from_slice(&sum);
    });
    house.start();
    house.until_state("web", "RUNNING");
    house.until_state("halted", "RUNNING");
    assert!(!house.log().contains("damaged"), "{}", house.log());
    assert!(house.stopped().success());
}

/// CRC-32 as in zip files.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |it, _| if it & 1 == 1 { it >> 1 ^ 0xEDB8_8320 } else { it >> 1 })
    })
}

#[test]
fn a_runtime_directory_that_others_could_reach_is_refused() {
    let house = House::of(Make::Menshen, PROGRAMS);
    house.configure_daemon("runtime_directory={here}/run\n");
    let refused = |words: &str| {
        let said: Said = house.supervisord(&["-n", "-c", "supervisord.conf"]);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains("cannot use the runtime directory of [supervisord]"), "{said:?}");
        assert!(said.err.contains(words), "no `{words}` in {said:?}");
    };
    let run = house.path("run");
    std::fs::create_dir(&run).expect("it can be made");
    std::fs::set_permissions(&run, PermissionsExt::from_mode(0o777)).expect("it is ours");
    refused("can be written to by others; chmod it to 700");
    if rustix::process::getuid().is_root() {
        std::fs::set_permissions(&run, PermissionsExt::from_mode(0o700)).expect("it is ours");
        std::os::unix::fs::chown(&run, Some(65534), None).expect("root may");
        refused("belongs to another user");
    }
    std::fs::remove_dir(&run).expect("it is empty");
    symlink("elsewhere", &run).expect("it can be linked");
    std::fs::create_dir(house.path("elsewhere")).expect("it can be made");
    refused("is a link; name a directory");
    std::fs::remove_file(&run).expect("it is there");
    std::fs::write(&run, "").expect("it can be written");
    refused("is not a directory");
}
