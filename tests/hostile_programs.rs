//! Programs and listeners that do what none should: their neighbors are served all the while, what they write is in
//! their logs byte for byte, and the memory of keeper and daemon stays within the bounds that `docs/limits.md` states.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::wait::until;

/// What the daemon may use whatever programs write, beside what waits in pools and captures.
const DAEMON_BYTES_MAX: u64 = 48 << 20;

/// What the keeper may use. Most of it is the program itself, which is larger where it is built for tests.
const KEEPER_BYTES_MAX: u64 = 16 << 20;

/// What may wait in one pool.
const POOL_BYTES_MAX: u64 = 64 << 20;

/// Programs beside the broken ones: one is acted on, one writes all the time.
const NEIGHBORS: &str = "\
[program:cat]
command=cat
startsecs=0
[program:ticker]
command=/bin/sh -c 'while :; do echo tick; sleep 0.02; done'
startsecs=0
stdout_logfile={here}/tick.log
";

/// A listener that tells the name of each event it hears.
const HONEST: &str = "\
while printf 'READY\\n' && read -r header; do
  read -r -N \"${header##*len:}\" payload
  echo \"$header $payload\" >>heard
  printf 'RESULT 2\\nOK'
done
";

fn honest() -> String {
    "[eventlistener:honest]\nevents=PROCESS_STATE\ncommand=/bin/bash honest.sh\ndirectory={here}\nstartsecs=0\n".to_owned()
}

fn house(sections: &str) -> House {
    let house = House::new(&format!("{}{NEIGHBORS}{sections}", honest()));
    house.write("honest.sh", HONEST);
    house
}

/// Everybody beside the broken ones is served: a client, a log, a listener.
fn neighbors_are_served(house: &House) {
    let ticks = house.bytes("tick.log").len();
    house.ctl(&["restart", "cat"]).expect_code(0);
    let pid = house.pid_of("cat");
    until("the honest listener hears of this one", || {
        house.text("heard").contains(&format!("processname:cat groupname:cat from_state:STARTING pid:{pid}"))
    });
    until("the other log grows", || house.bytes("tick.log").len() > ticks);
}

/// Both are alive and have never used more than they may.
#[track_caller]
fn memory_is_bounded(house: &House, daemon_bytes_max: u64) {
    let (keeper, daemon) = (house.pid(), house.daemon_pid());
    let peak = |pid| proc::memory_peak(pid).expect("it is alive");
    assert!(peak(keeper) < KEEPER_BYTES_MAX, "the keeper has used {} KiB", peak(keeper) >> 10);
    assert!(peak(daemon) < daemon_bytes_max, "the daemon has used {} KiB", peak(daemon) >> 10);
}

/// Whether a file is `count` times `byte`, which is looked at piece by piece.
fn is_all(path: &Path, byte: u8, count: usize) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    let (mut piece, pattern) = (vec![0; 1 << 20], vec![byte; 1 << 20]);
    let mut seen = 0;
    loop {
        match file.read(&mut piece).expect("the log can be read") {
            0 => return seen == count,
            read if piece[..read] != pattern[..read] => return false,
            read => seen += read,
        }
    }
}

/// All kinds of bad listeners at once, each in a pool of its own, all of which want everything.
const BAD: [(&str, &str); 8] = [
    ("banner", "echo Welcome; exec cat"),
    ("greedy", "printf 'READY\\n'; read -r line; printf 'RESULT 99999999\\n'; exec cat"),
    ("endless", "printf 'READY\\n'; read -r line; printf 'RESULT '; exec cat /dev/zero"),
    ("binary", "exec head -c 100000000 /dev/urandom"),
    ("shut", "printf 'READY\\n'; exec 0<&-; exec sleep 1000"),
    ("fickle", "printf 'READY\\n'; read -r line; exit 3"),
    ("slow", "while printf 'READY\\n'; do read -r line; sleep 60; printf 'RESULT 2\\nOK'; done"),
    ("loud", "while :; do echo noise >&2; done & printf 'READY\\n'; exec cat >/dev/null"),
];

#[test]
fn bad_listeners_of_every_kind_slow_down_nobody() {
    if Make::is_original() {
        return; // It dies of some.
    }
    let pool = |(name, _): &(&str, &str)| {
        format!(
            "[eventlistener:{name}]\nevents=EVENT\ncommand=/bin/bash {name}.sh\ndirectory={{here}}\nstartsecs=0\n\
             stderr_logfile={{here}}/{name}.err\n"
        )
    };
    let noisy = "[program:noisy]\ncommand=/bin/sh -c 'yes | head -c 500000; exec cat'\nstdout_events_enabled=true\n\
                 stdout_logfile={here}/noisy.log\nstdout_logfile_maxbytes=0\n";
    let house = house(&format!("{}{noisy}", BAD.iter().map(pool).collect::<String>()));
    for (name, script) in BAD {
        house.write(&format!("{name}.sh"), &format!("{script}\n"));
    }
    let house = house.started();
    for _ in 0..5 {
        neighbors_are_served(&house);
    }
    until("all of the noise is in its log", || house.bytes("noisy.log").len() == 500_000);
    for told in [
        "banner: sent b'Welcome\\n'",
        "greedy: bad result line: 'RESULT 99999999'",
        r"endless: bad result line: b'RESULT \x00\x00",
        "binary: sent ",
        "exited: fickle (exit status 3; not expected)",
    ] {
        house.until_logged(told);
    }
    neighbors_are_served(&house);
    assert!(!house.log().contains("panic"), "{}", house.log());
    // What waits for all of them together is less than one may keep.
    memory_is_bounded(&house, DAEMON_BYTES_MAX + POOL_BYTES_MAX);
}

/// Writes `$2` bytes, all of them the letter `$1`, and no end of a line.
const PLENTY: &str = "head -c $2 /dev/zero | tr '\\000' $1; echo $2 >through.$1; exec cat\n";

#[test]
fn a_program_that_writes_without_end_of_line_is_written_down_byte_for_byte() {
    if Make::is_original() {
        return; // It has no keeper whose memory one could look at.
    }
    let bytes: usize =
        std::env::var("MENSHEN_E2E_BYTES").map_or(200_000_000, |it| it.parse().expect("a number"));
    let program = |letter: char, bytes: usize, options: &str| {
        format!(
            "[program:{letter}]\ncommand=/bin/sh plenty.sh {letter} {bytes}\ndirectory={{here}}\n\
             stdout_logfile={{here}}/{letter}.log\nstdout_logfile_maxbytes=0\n{options}"
        )
    };
    let part = bytes / 10;
    let house = house(
        &[
            program('p', bytes, ""),
            program('c', part, "stdout_capture_maxbytes=1MB\n"),
            program('e', part, "stdout_events_enabled=true\n"),
            program('s', part, "stdout_syslog=true\n"),
            program('a', part, "stdout_logfile_also={here}/a.also\n"),
            program('j', part, "stdout_logfile_format=json\n"),
            program('x', part, "stdout_logfile_format=prefix\n"),
        ]
        .concat(),
    );
    house.write("plenty.sh", PLENTY);
    let house = house.started();
    for _ in 0..3 {
        neighbors_are_served(&house);
    }
    for (name, byte, count) in [
        ("p.log", b'p', bytes),
        ("c.log", b'c', part),
        ("e.log", b'e', part),
        ("s.log", b's', part),
        ("a.log", b'a', part),
        ("a.also", b'a', part),
    ] {
        let size = || {
            std::fs::metadata(house.path(name))
                .ok()
                .and_then(|it| usize::try_from(it.len()).ok())
                .unwrap_or(0)
        };
        until(&format!("all is in {name}"), || size() >= count);
        assert!(is_all(&house.path(name), byte, count), "{name} is not what was written");
    }
    // With something in front; of JSON the last piece comes with the end of the line, or of the program.
    for (name, letter) in [("j.log", b'j'), ("x.log", b'x')] {
        house.until_text(&format!("through.{}", char::from(letter)), "0");
        house.ctl(&["stop", &char::from(letter).to_string()]).expect_code(0);
        let count = || house.bytes(name).split(|it| *it == letter).count() - 1;
        until(&format!("all is in {name}"), || count() >= part);
    }
    neighbors_are_served(&house);
    memory_is_bounded(&house, DAEMON_BYTES_MAX);
}
