//! Keeper and daemon die in one moment, with output on its way that goes to its log by way of the ledger: what had left
//! its pipe is in the log, once and whole, whoever of the programs is still there. The original has nothing to compare with.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::wait::{until, until_still};
use rustix::process::Signal;

/// Writes numbered lines by the thousand, with a breath in between, until it is told to stop; and then how many there were.
const FLOOD: &str = "\
#!/bin/sh
i=0
while ! [ -e {here}/quit ]; do
    seq $i $((i + 999))
    i=$((i + 1000))
    sleep 0.01
done
echo $i >{here}/$1.end
exec sleep 1000
";

/// Says what it is told to say.
const PARROT: &str = "\
#!/bin/sh
while :; do
    read -r word <{here}/perch && echo \"$word\"
done
";

/// A listener that writes down each event it hears, and whether it was ever started again.
const EAR: &str = "\
#!/bin/sh
echo $$ >>{here}/ears
while :; do
    printf 'READY\\n'
    read -r header || exit
    payload=$(dd bs=1 count=${header##*len:} 2>/dev/null)
    echo \"$header $payload\" >>{here}/heard
    printf 'RESULT 2\\nOK'
done
";

fn house(sections: &str) -> House {
    let house = House::of(Make::Menshen, sections);
    house.configure_daemon("runtime_directory={here}/run\n");
    for (name, text) in [("flood", FLOOD), ("parrot", PARROT), ("ear", EAR)] {
        let script = house.write(name, text);
        std::fs::set_permissions(script, PermissionsExt::from_mode(0o755)).expect("cannot make it runnable");
    }
    house
}

/// Kills both, at once for the world: the keeper is stopped when its daemon dies.
fn kill_both(house: &mut House, daemon: i32) {
    house.signal(Signal::STOP);
    proc::send(daemon, Signal::KILL);
    bury(house, daemon);
}

fn bury(house: &mut House, daemon: i32) {
    house.signal(Signal::KILL);
    house.until_ended();
    until("the daemon is dead", || !proc::is_alive(daemon));
}

/// What a log and its backups say, the oldest first.
fn whole_log(house: &House, name: &str) -> String {
    let count = (1..100_000).take_while(|it| house.path(&format!("{name}.log.{it}")).exists()).count();
    let mut bytes: Vec<u8> =
        (1..=count).rev().flat_map(|it| house.bytes(&format!("{name}.log.{it}"))).collect();
    bytes.extend(house.bytes(&format!("{name}.log")));
    String::from_utf8(bytes).expect("nobody has written anything else")
}

/// The folder in memory where the ledger of this house is, if it has one.
fn shelf(house: &House) -> Option<PathBuf> {
    let folders = std::fs::read_dir(format!("/dev/shm/menshen-{}", rustix::process::getuid().as_raw()));
    let mut folders = folders.into_iter().flatten().flatten().map(|it| it.path());
    folders.find(|it| std::fs::read_link(it.join("of")).is_ok_and(|of| of == house.path("run")))
}

#[test]
fn whatever_is_done_to_output_on_its_way_each_line_is_in_the_log_once() {
    const NAMES: [&str; 3] = ["prefixed", "json", "captured"];
    let section = |name: &str, more: &str| {
        format!(
            "[program:{name}]\ncommand={{here}}/flood {name}\nstdout_logfile={{here}}/{name}.log\n\
             stdout_logfile_maxbytes=500KB\nstdout_logfile_backups=1000\n{more}\n"
        )
    };
    let mut house = house(
        &[
            section("prefixed", "stdout_logfile_format=prefix"),
            section("json", "stdout_logfile_format=json"),
            section("captured", "stdout_capture_maxbytes=1KB"),
        ]
        .concat(),
    )
    .started();
    for name in NAMES {
        house.until_state(name, "RUNNING");
    }
    let pids = NAMES.map(|it| house.pid_of(it));
    for _ in 0..8 {
        let written = NAMES.map(|it| whole_log(&house, it).len());
        until("everybody writes", || {
            NAMES.iter().zip(written).all(|(it, before)| whole_log(&house, it).len() > before)
        });
        let daemon = house.daemon_pid();
        kill_both(&mut house, daemon);
        house.start();
    }
    assert_eq!(NAMES.map(|it| house.pid_of(it)), pids, "nobody was started again");
    house.write("quit", "");
    for name in NAMES {
        until("everybody has said how much it was", || !house.text(&format!("{name}.end")).is_empty());
        let count: usize = house.text(&format!("{name}.end")).trim().parse().expect("a number");
        let wanted: Vec<_> = (0..count).map(|it| it.to_string()).collect();
        let found = || -> Vec<String> {
            let bare = |line: &str| match name {
                "prefixed" => line.split_once(" stdout: ").map(|it| it.1.to_owned()),
                "json" => line.split_once("\"line\":\"").map(|it| it.1.trim_end_matches("\"}").to_owned()),
                _ => Some(line.to_owned()),
            };
            let log = whole_log(&house, name);
            log.lines().map(|it| bare(it).unwrap_or_else(|| it.to_owned())).collect()
        };
        until("the last is there", || found().last() == wanted.last());
        let found = until_still("the log", found);
        let differs = found.iter().zip(&wanted).position(|(found, wanted)| found != wanted);
        let around = differs.map(|at| (found.get(at.saturating_sub(1)..at + 2), at));
        assert!(found == wanted, "{name}: {} of {} lines, {around:?}", found.len(), wanted.len());
    }
    assert!(house.stopped().success());
    assert_eq!(shelf(&house), None, "an orderly end leaves nothing");
}

/// Starts a house in which somebody may be told to die at a place (`os::failpoint`).
fn start_mortal(house: &mut House) {
    let mut command = house.command("supervisord");
    command.args(["-n", "-c", "supervisord.conf"]).env("MENSHEN_FAILPOINT", house.path("failpoint"));
    house.start_command(&mut command);
    house.until_answering();
}

/// Has whoever comes by a place die there. The keeper is stopped before, so that it makes no other daemon.
fn die_at(house: &House, place: &str) {
    house.signal(Signal::STOP);
    house.write("failpoint.next", place);
    std::fs::rename(house.path("failpoint.next"), house.path("failpoint")).expect("cannot set the failpoint");
}

#[test]
fn a_listener_hears_each_event_once() {
    let mut house = house("[eventlistener:ear]\ncommand={here}/ear\nevents=REMOTE_COMMUNICATION\n");
    start_mortal(&mut house);
    house.until_state("ear", "RUNNING");
    let tell = |house: &House, word: &str| {
        let (socket, word) = (house.path("s.sock"), word.to_owned());
        std::thread::spawn(move || {
            e2e::rpc::call(&socket, "supervisor.sendRemoteCommEvent", &["word", &word])
        })
    };
    let places = [
        "daemon.stepped 1",
        "daemon.remembered 1",
        "daemon.letter 1",
        "daemon.remembered 2",
        "daemon.words 1",
        "daemon.words 2",
    ];
    for (number, place) in places.into_iter().enumerate() {
        let daemon = house.daemon_pid();
        die_at(&house, place);
        let told = tell(&house, &format!("dying{number}"));
        until("the daemon dies there", || !house.path("failpoint").exists());
        bury(&mut house, daemon);
        told.join().expect("whoever tells goes on");
        start_mortal(&mut house);
        house.until_state("ear", "RUNNING");
        tell(&house, &format!("living{number}"))
            .join()
            .expect("whoever tells goes on")
            .expect("it is answered");
        house.until_text("heard", &format!("living{number}\n"));
    }
    let heard = house.text("heard");
    let count = |word: &str| heard.lines().filter(|it| *it == word).count();
    for (number, place) in places.into_iter().enumerate() {
        assert_eq!(count(&format!("living{number}")), 1, "{place}: {heard}");
        // Whether anybody had taken note of it when the daemon died is chance, but where it was being sent.
        let dying = count(&format!("dying{number}"));
        assert!(dying == 1 || dying == 0 && place != "daemon.letter 1", "{place}: {heard}");
    }
    assert_eq!(
        house.text("ears").lines().count(),
        1,
        "it had no reason to be started again: {}",
        house.log()
    );
    assert!(house.stopped().success());
}

#[test]
fn the_last_words_of_a_program_that_is_gone_too_are_in_its_log() {
    let mut house = house(
        "[program:parrot]\ncommand={here}/parrot\nstdout_logfile={here}/parrot.log\nstdout_logfile_format=prefix\n\
         startsecs=0\n",
    );
    rustix::fs::mkfifoat(rustix::fs::CWD, house.path("perch"), rustix::fs::Mode::RWXU)
        .expect("cannot make a pipe");
    let say = |house: &House, word: &str| {
        let mut perch = OpenOptions::new().write(true).open(house.path("perch")).expect("somebody listens");
        perch.write_all(format!("{word}\n").as_bytes()).expect("somebody listens");
    };
    let start = |house: &mut House| {
        start_mortal(house);
        house.until_state("parrot", "RUNNING");
    };
    start(&mut house);
    // Between any two writes of a gulp, from the first after it has left its pipe (`logs/src/ledger.rs`).
    for passage in 2..=9 {
        say(&house, &format!("ready {passage}"));
        house.until_text("parrot.log", &format!("ready {passage}\n"));
        let (daemon, parrot) = (house.daemon_pid(), house.pid_of("parrot"));
        die_at(&house, &format!("logs {passage}"));
        say(&house, &format!("last {passage}"));
        until("the daemon dies there", || !house.path("failpoint").exists());
        proc::send(parrot, Signal::KILL);
        bury(&mut house, daemon);
        until("the parrot is dead", || !proc::is_alive(parrot));
        start(&mut house);
        house.until_text("parrot.log", &format!("last {passage}\n"));
    }
    let log = house.text("parrot.log");
    let words: Vec<_> = log.lines().map(|it| it.split_once(" stdout: ").map_or(it, |it| it.1)).collect();
    let wanted: Vec<_> = (2..=9).flat_map(|it| [format!("ready {it}"), format!("last {it}")]).collect();
    assert_eq!(words, wanted);
    assert!(house.stopped().success());
}
