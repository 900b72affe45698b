//! Deaths that nobody notices: the daemon, the keeper and both die, and the programs live on, are still looked
//! after, and nothing they write is lost. The original has nothing to compare with here: its children become
//! orphans, or die of a broken pipe.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};

use e2e::house::House;
use e2e::proc;
use e2e::program::Make;
use e2e::said::Said;
use e2e::wait::{DEADLINE, until, until_some};
use rustix::process::Signal;

/// Writes numbered lines as fast as a shell can, with a breath now and then.
const COUNTER: &str = "\
#!/bin/sh
i=0
while :; do
    echo \"$$ $i\"
    i=$((i + 1))
    case $i in *00) sleep 0.005;; esac
done
";

/// Writes down each of its starts, and stays.
const LEDGER: &str = "\
#!/bin/sh
echo \"$1 $$\" >>{here}/ledger
exec sleep 1000
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

fn section(name: &str, command: &str, more: &str) -> String {
    format!("[program:{name}]\ncommand={command}\nstdout_logfile={{here}}/{name}.log\n{more}\n")
}

fn house(sections: &str) -> House {
    let house = House::of(Make::Menshen, sections);
    for (name, text) in [("counter", COUNTER), ("ledger.sh", LEDGER), ("ear", EAR)] {
        let script = house.write(name, text);
        let runnable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(script, runnable).expect("cannot make the script runnable");
    }
    house
}

/// Kills the daemon and waits until another one answers.
fn replace_daemon(house: &House) -> i32 {
    let old = house.daemon_pid();
    proc::send(old, Signal::KILL);
    until_some("another daemon answers", || {
        let new = house.daemon_pid();
        let answers = || house.call("supervisor.getState", &[]).is_some_and(|it| it.contains("RUNNING"));
        (new != old && answers()).then_some(new)
    })
}

/// Kills both, the daemon first, while the keeper cannot see it.
fn kill_both(house: &mut House, daemon: i32) {
    house.signal(Signal::STOP);
    proc::send(daemon, Signal::KILL);
    house.signal(Signal::KILL);
    house.until_ended();
    until("the daemon is dead", || !proc::is_alive(daemon));
}

/// Runs `menshen` in the house.
fn menshen(house: &House, words: &[&str]) -> Said {
    let said = house.command("menshen").args(words).arg("-c").arg("supervisord.conf").output();
    said.expect("cannot run menshen").into()
}

/// What clients see of each process, without what changes by itself.
fn facts(house: &House) -> Vec<[String; 7]> {
    let answer = house.call("supervisor.getAllProcessInfo", &[]).unwrap_or_default();
    let fields = ["name", "statename", "pid", "start", "stop", "exitstatus", "spawnerr"];
    let found = e2e::rpc::structs(&answer);
    found.map(|it| fields.map(|field| e2e::rpc::member(it, field).unwrap_or_default())).collect()
}

/// Waits until a program runs and has written down a start: to be RUNNING is a matter of time alone.
#[track_caller]
fn until_begun(house: &House, name: &str) {
    house.until_state(name, "RUNNING");
    until(&format!("{name} has written down its start"), || starts(house).contains_key(name));
}

/// How often each name stands in the ledger.
fn starts(house: &House) -> BTreeMap<String, usize> {
    let mut starts = BTreeMap::new();
    for line in house.text("ledger").lines() {
        let name = line.split(' ').next().unwrap_or_default();
        *starts.entry(name.to_owned()).or_default() += 1;
    }
    starts
}

/// The lines of a log and its backups, oldest first.
fn lines(house: &House, name: &str) -> Vec<String> {
    let backup = |number: usize| house.bytes(&format!("{name}.log.{number}"));
    let count = (1..100_000).take_while(|it| house.path(&format!("{name}.log.{it}")).exists()).count();
    let mut bytes: Vec<u8> = (1..=count).rev().flat_map(backup).collect();
    bytes.extend(house.bytes(&format!("{name}.log")));
    String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
}

/// Sees that the lines of one child are all there, once and in order; the last may still be on its way.
#[track_caller]
fn assert_gapless(lines: &[String], pid: i32) {
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(*line, format!("{pid} {number}"), "line {number} of {}", lines.len());
    }
}

#[test]
fn a_dead_daemon_is_replaced_and_no_program_notices() {
    let house = house(
        &[
            section("stays", "{here}/ledger.sh stays", ""),
            section("halted", "{here}/ledger.sh halted", ""),
            section("sleeper", "{here}/ledger.sh sleeper", "autostart=false"),
            section("done", "/bin/sh -c 'sleep 1.2; exit 0'", "autorestart=unexpected"),
            section("hopeless", "/bin/sh -c 'exit 3'", "startretries=0"),
            section("absent", "/no/such/program", "startretries=0"),
        ]
        .concat(),
    )
    .started();
    until_begun(&house, "stays");
    until_begun(&house, "halted");
    house.ctl(&["stop", "halted"]);
    for (process, state) in
        [("stays", "RUNNING"), ("done", "EXITED"), ("hopeless", "FATAL"), ("absent", "FATAL")]
    {
        house.until_state(process, state);
    }
    let before = facts(&house);
    for _ in 0..3 {
        replace_daemon(&house);
        assert_eq!(facts(&house), before);
    }
    assert_eq!(starts(&house), BTreeMap::from([("stays".to_owned(), 1), ("halted".to_owned(), 1)]));
    // It is looked after as before.
    let pid = house.pid_of("stays");
    proc::send(pid, Signal::KILL);
    house.until_reborn("stays", pid);
    assert_eq!(house.ctl(&["stop", "stays"]).out, "stays: stopped\n");
    assert!(house.text("err").contains("daemon"), "the keeper says what happened: {:?}", house.text("err"));
}

#[test]
fn a_daemon_that_dies_by_itself_again_and_again_is_given_growing_pauses_and_that_is_told() {
    let mut house = house(&section("stays", "{here}/ledger.sh stays", ""));
    // A machine whose system log is ours.
    std::fs::create_dir(house.path("dev")).expect("cannot make a folder");
    let system_log = UnixDatagram::bind(house.path("dev/log")).expect("cannot bind the log");
    system_log.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    let devices = "for it in 'null 1 3' 'zero 1 5' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do set -- $it \
         && mknod -m 666 dev/$1 c $2 $3 || exit 1; done; mount --bind dev /dev";
    let script = format!("{devices} && exec \"$0\" -n -c supervisord.conf");
    let outer = ["unshare", "-m", "sh", "-c", &script];
    let may = std::process::Command::new("unshare").args(["-m", "true"]).status();
    let has_log = may.is_ok_and(|it| it.success());
    if has_log {
        let mut command = house.command_through(&outer, "supervisord");
        house.start_command(&mut command);
        house.until_answering();
    } else {
        eprintln!("NOT TESTED: the system log; this user cannot put another in its place");
        house.start();
    }
    until_begun(&house, "stays");
    let child = house.pid_of("stays");
    for pause in ["0 s", "0.1 s", "1 s"] {
        proc::send(house.daemon_pid(), Signal::ABORT);
        let words =
            format!("the daemon was killed by signal 6; starting it again in {pause}, programs run on");
        house.until_text("err", &words);
        until("it answers again", || house.pid_of("stays") == child);
    }
    assert_eq!(starts(&house)["stays"], 1);
    if has_log {
        let mut room = [0; 1024];
        until("the system log is told", || {
            let count = system_log.recv(&mut room).expect("it is told");
            let message = String::from_utf8_lossy(&room[..count]).into_owned();
            message.starts_with("<26>menshen-keeper[") && message.contains("starting it again in 1 s")
        });
    }
    assert!(house.stopped().success());
}

#[test]
fn what_happens_while_there_is_no_daemon_is_told_once_and_truly() {
    let house =
        house(&section("once", "/bin/sh -c 'read x; exit 7'", "autorestart=false\nstartsecs=0")).started();
    house.until_state("once", "RUNNING");
    let (keeper, child) = (house.pid(), house.pid_of("once"));
    let old = house.daemon_pid();
    // The keeper is held still, so that the exit falls into the time between.
    proc::send(keeper, Signal::STOP);
    proc::send(old, Signal::KILL);
    proc::send(child, Signal::TERM);
    until("the child has ended", || !proc::is_alive(child));
    proc::send(keeper, Signal::CONT);
    house.until_state("once", "EXITED");
    assert!(house.log().contains("terminated by SIGTERM"), "{}", house.log());
    assert_eq!(house.log().matches("exited: once").count(), 1, "{}", house.log());
    replace_daemon(&house);
    assert_eq!(house.state("once"), "EXITED");
    assert_eq!(house.log().matches("exited: once").count(), 1, "{}", house.log());
}

/// At the two moments at which nobody but the dead daemon knew how far it had come: a listener's words are written down
/// and may be out of their pipe, a letter may be in the other.
#[test]
fn a_listener_hears_each_event_once_wherever_the_daemon_dies() {
    for log in ["{here}/ear.log", "NONE"] {
        let mut house = house(&format!(
            "[eventlistener:ear]\ncommand={{here}}/ear\nevents=PROCESS_STATE_EXITED\nstdout_logfile={log}\n\
             [program:looper]\ncommand=cat\nstartsecs=0\nautorestart=true\n"
        ));
        let place = house.path("die");
        let mut command = house.command("supervisord");
        command.args(["-n", "-c", "supervisord.conf"]).env("MENSHEN_FAILPOINT", &place);
        house.start_command(&mut command);
        house.until_answering();
        house.until_state("ear", "RUNNING");
        let mut events = 0;
        for point in ["daemon.words 1", "daemon.words 2", "daemon.letter 1", "daemon.stepped 9"] {
            house.write("next", point);
            std::fs::rename(house.path("next"), &place).expect("cannot name the place to die at");
            // One event after the other, until somebody has died of one.
            while place.exists() {
                // By one question that is asked again: the daemon may die of the event before.
                let pid = house.until_reborn("looper", 0);
                proc::send(pid, Signal::KILL);
                house.until_reborn("looper", pid);
                events += 1;
                until("it is told", || house.text("heard").lines().count() >= events);
            }
        }
        let serials: Vec<_> =
            house.text("heard").lines().map(|it| it.split(' ').nth(2).unwrap_or("").to_owned()).collect();
        let expected: Vec<_> = (0..events).map(|it| format!("serial:{it}")).collect();
        assert_eq!(serials, expected, "{}", house.log());
        assert_eq!(
            house.text("ears").lines().count(),
            1,
            "it had no reason to be started again: {}",
            house.log()
        );
        assert!(house.stopped().success());
    }
}

#[test]
fn no_line_is_lost_doubled_or_torn_however_often_the_daemon_dies() {
    let house = house(&section(
        "counter",
        "{here}/counter",
        "stdout_logfile_maxbytes=200KB\nstdout_logfile_backups=1000",
    ))
    .started();
    house.until_state("counter", "RUNNING");
    let pid = house.pid_of("counter");
    for _ in 0..20 {
        let written = lines(&house, "counter").len();
        replace_daemon(&house);
        until("it writes on", || lines(&house, "counter").len() > written);
    }
    assert_eq!(house.pid_of("counter"), pid);
    house.ctl(&["stop", "counter"]);
    let lines = lines(&house, "counter");
    assert!(lines.len() > 1000);
    assert_gapless(&lines, pid);
}

#[test]
fn who_connects_while_there_is_no_daemon_waits_a_moment_and_is_served() {
    let house = house(&section("stays", "{here}/ledger.sh stays", "")).started();
    until_begun(&house, "stays");
    let keeper = house.pid();
    let daemon = house.daemon_pid();
    proc::send(keeper, Signal::STOP);
    proc::send(daemon, Signal::KILL);
    until("the daemon is dead", || !proc::is_alive(daemon));
    // Nobody is there to accept, and nobody refuses.
    let mut client = UnixStream::connect(house.path("s.sock")).expect("the socket is open all the time");
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("the kernel keeps what is sent");
    proc::send(keeper, Signal::CONT);
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.") && answer.contains("stays"), "{answer}");
}

#[test]
fn a_configuration_that_was_broken_meanwhile_is_not_looked_at() {
    let house = house(&section("stays", "{here}/ledger.sh stays", "")).started();
    until_begun(&house, "stays");
    let before = facts(&house);
    house.write("supervisord.conf", "half a line");
    replace_daemon(&house);
    assert_eq!(facts(&house), before);
    house.configure(&section("other", "{here}/ledger.sh other", ""));
    replace_daemon(&house);
    assert_eq!(facts(&house), before, "what nobody has asked for is not put in force");
    assert_eq!(
        house.ctl(&["update"]).out,
        "stays: stopped\nstays: removed process group\nother: added process group\n"
    );
    house.until_state("other", "RUNNING");
    replace_daemon(&house);
    assert_eq!(house.state("other"), "RUNNING");
    assert_eq!(house.state("stays"), "");
}

#[test]
fn a_daemon_that_hangs_is_replaced() {
    let house = house(&section("stays", "{here}/ledger.sh stays", "")).started();
    until_begun(&house, "stays");
    let (old, child) = (house.daemon_pid(), house.pid_of("stays"));
    proc::send(old, Signal::STOP);
    until("the hanging daemon is gone", || !proc::is_alive(old));
    until("another one answers", || house.pid_of("stays") == child);
}

#[test]
fn a_shutdown_goes_on_when_the_daemon_dies_in_the_middle() {
    let mut house = house(&section(
        "stubborn",
        "/bin/sh -c 'trap \"\" TERM; echo ready; while :; do sleep 1000; done'",
        "stopwaitsecs=3\nkillasgroup=true",
    ))
    .started();
    house.until_text("stubborn.log", "ready");
    house.until_state("stubborn", "RUNNING");
    let child = house.pid_of("stubborn");
    house.signal(Signal::TERM);
    house.until_logged("waiting for stubborn to die");
    proc::send(house.daemon_pid(), Signal::KILL);
    assert!(house.until_ended().success());
    assert!(!proc::is_alive(child));
}

#[test]
fn a_dead_keeper_is_replaced_by_its_daemon() {
    let house = house(
        &[
            section("stays", "{here}/ledger.sh stays", ""),
            section("once", "/bin/sh -c 'read x; exit 7'", "autorestart=false\nstartsecs=0"),
        ]
        .concat(),
    )
    .started();
    until_begun(&house, "stays");
    house.until_state("once", "RUNNING");
    let (keeper, stays, once) = (house.pid(), house.pid_of("stays"), house.pid_of("once"));
    house.signal(Signal::KILL);
    let new = until_some("the pidfile names another keeper", || {
        house.pid_in_file().filter(|it| *it != keeper && proc::is_alive(*it))
    });
    until("it answers", || house.pid_of("stays") == stays);
    assert_eq!(house.pid_of("once"), once);
    // The exit of a child of somebody else is noticed, and told as far as the kernel tells it.
    proc::send(once, Signal::TERM);
    house.until_state("once", "EXITED");
    proc::send(stays, Signal::KILL);
    let reborn = house.until_reborn("stays", stays);
    until("it has written down that it began again", || starts(&house)["stays"] >= 2);
    assert_eq!(starts(&house)["stays"], 2);
    assert_eq!(house.ctl(&["stop", "stays"]).out, "stays: stopped\n");
    assert!(!proc::is_alive(reborn));
    proc::send(new, Signal::TERM);
    until("the new keeper ends when it is asked to", || !proc::is_alive(new));
}

/// A service manager sees the end of the process it has started, and starts it again; by then the daemon has taken its place.
#[test]
fn whoever_starts_the_dead_keeper_again_takes_over_from_its_substitute() {
    let mut house =
        house(&[section("stays", "{here}/ledger.sh stays", ""), section("halted", "cat", "")].concat())
            .started();
    until_begun(&house, "stays");
    house.until_state("halted", "RUNNING");
    house.ctl(&["stop", "halted"]);
    let child = house.pid_of("stays");
    for _ in 0..3 {
        let keeper = house.pid();
        house.signal(Signal::KILL);
        house.until_ended();
        let substitute = until_some("the daemon stands in", || {
            house.pid_in_file().filter(|it| *it != keeper && proc::is_alive(*it))
        });
        until("it answers", || house.pid_of("stays") == child);
        // To somebody else it is a supervisor like any other.
        let stranger = house
            .command_through(&["/bin/sh", "-c", "\"$0\" \"$@\"; exit $?"], "supervisord")
            .args(["-n", "-c", "supervisord.conf"])
            .output();
        let said = Said::from(stranger.expect("cannot run a shell"));
        assert_eq!(said.code, 2, "{said:?}");
        assert!(proc::is_alive(substitute) && house.pid_of("stays") == child);

        house.start();
        // Until it is dismissed it is the substitute that answers.
        until("there is one keeper", || !proc::is_alive(substitute));
        until("it is the one in the file", || house.pid_in_file() == Some(house.pid()));
        until("it answers", || house.pid_of("stays") == child);
        assert_eq!(house.state("halted"), "STOPPED");
        assert_eq!(starts(&house)["stays"], 1);
    }
    house.until_logged("which stood in for a keeper that had died");
    assert!(house.stopped().success(), "it is the process that was started, and ends as one");
    assert!(!proc::is_alive(child));
}

#[test]
fn when_both_die_the_next_start_finds_every_program() {
    let mut house = house(
        &[
            section("stays", "{here}/ledger.sh stays", ""),
            section("halted", "{here}/ledger.sh halted", ""),
            section("gone", "{here}/ledger.sh gone", ""),
            section(
                "counter",
                "{here}/counter",
                "stdout_logfile_maxbytes=200KB\nstdout_logfile_backups=1000",
            ),
        ]
        .concat(),
    )
    .started();
    for process in ["stays", "halted", "gone"] {
        until_begun(&house, process);
    }
    house.ctl(&["stop", "halted"]);
    house.until_state("counter", "RUNNING");
    let (stays, gone, counter) = (house.pid_of("stays"), house.pid_of("gone"), house.pid_of("counter"));
    let daemon = house.daemon_pid();
    kill_both(&mut house, daemon);
    proc::send(gone, Signal::KILL);
    assert!(proc::is_alive(stays) && proc::is_alive(counter), "programs live on without anybody");
    house.start();
    assert_eq!((house.pid_of("stays"), house.pid_of("counter")), (stays, counter));
    house.until_reborn("gone", gone);
    until("it has written down that it began again", || starts(&house)["gone"] >= 2);
    assert_eq!(house.state("halted"), "STOPPED", "a person's stop holds");
    let expected = [("gone", 2), ("halted", 1), ("stays", 1)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(starts(&house), BTreeMap::from(expected));
    let written = lines(&house, "counter").len();
    until("its output is read on", || lines(&house, "counter").len() > written);
    house.ctl(&["stop", "counter"]);
    assert_gapless(&lines(&house, "counter"), counter);
    assert!(house.stopped().success());
    assert!(!proc::is_alive(stays));
}

#[test]
fn a_program_that_was_changed_while_nobody_looked_is_in_doubt_until_somebody_decides() {
    let mut house = house(&section("web", "{here}/ledger.sh web", "")).started();
    until_begun(&house, "web");
    let (daemon, old) = (house.daemon_pid(), house.pid_of("web"));
    kill_both(&mut house, daemon);
    house.configure(&section("web", "{here}/ledger.sh web --new", ""));
    house.start();
    house.until_state("web", "UNKNOWN");
    let refused = menshen(&house, &["start", "web"]).expect_code(1);
    assert!(refused.all().contains("web is in doubt"), "{refused:?}");
    assert!(refused.all().contains("`menshen adopt web`"), "it says what to do: {refused:?}");
    assert!(proc::is_alive(old), "nothing is done on a guess");
    menshen(&house, &["adopt", "web"]).expect_code(0);
    until_begun(&house, "web");
    assert_eq!(house.pid_of("web"), old);
    assert_eq!(starts(&house)["web"], 1);
}

#[test]
fn a_second_instance_of_one_configuration_is_refused() {
    let house = house(&section("stays", "{here}/ledger.sh stays", "")).started();
    until_begun(&house, "stays");
    let second = house.supervisord(&["-n", "-c", "supervisord.conf"]);
    assert_eq!(second.code, 2, "{second:?}");
    assert!(second.err.contains("Shut this program down first"), "{second:?}");
    assert_eq!(starts(&house)["stays"], 1);
}

#[test]
fn what_is_forgotten_is_left_alone_and_another_takes_its_place() {
    let mut house = house(&section("web", "{here}/ledger.sh web", "")).started();
    until_begun(&house, "web");
    let (daemon, old) = (house.daemon_pid(), house.pid_of("web"));
    kill_both(&mut house, daemon);
    house.configure(&section("web", "{here}/ledger.sh web --new", ""));
    house.start();
    house.until_state("web", "UNKNOWN");
    let said: Said = house
        .command("menshen")
        .args(["forget", "web", "-c", "supervisord.conf"])
        .output()
        .expect("cannot run menshen")
        .into();
    said.expect_code(0);
    assert_eq!(house.ctl(&["start", "web"]).out, "web: started\n");
    assert!(proc::is_alive(old), "whoever it is, it is not ours to end");
    assert!(house.pid_of("web") != old && house.stopped().success());
    assert!(proc::is_alive(old));
}

#[test]
fn a_reload_that_keeps_changes_the_daemon_and_no_program() {
    let house = house(&section("stays", "{here}/ledger.sh stays", "")).started();
    until_begun(&house, "stays");
    let (pid, daemon) = (house.pid_of("stays"), house.daemon_pid());
    house.write("supervisord.conf", "half a line");
    let refused = menshen(&house, &["-s", &format!("unix://{}/s.sock", house.here()), "reload", "--keep"]);
    assert_ne!(refused.code, 0, "a mistake is no reason for an outage: {refused:?}");
    house.configure(
        &[section("stays", "{here}/ledger.sh stays", ""), section("new", "{here}/ledger.sh new", "")]
            .concat(),
    );
    menshen(&house, &["reload", "--keep"]).expect_code(0);
    until("another daemon answers", || {
        let answers = || house.call("supervisor.getState", &[]).is_some_and(|it| it.contains("RUNNING"));
        house.daemon_pid() != daemon && answers()
    });
    assert_eq!((house.pid_of("stays"), starts(&house)["stays"]), (pid, 1));
    assert_eq!(house.state("new"), "", "what is new waits for an update");
    assert_eq!(house.ctl(&["update"]).out, "new: added process group\n");
    house.until_state("new", "RUNNING");
}

/// The daemon that has said that it leaves is there for a moment, so that this is read; whoever comes then is not for it.
#[test]
fn whoever_asks_while_one_daemon_leaves_for_another_is_answered() {
    let house = house("").started();
    for _ in 0..5 {
        let daemon = house.daemon_pid();
        let leaves = house.call("menshen.succeed", &[]).expect("it says that it leaves");
        assert!(leaves.contains("<boolean>1</boolean>"), "{leaves}");
        let answer = house.call("supervisor.getState", &[]);
        assert!(answer.as_ref().is_some_and(|it| it.contains("RUNNING")), "{answer:?}");
        until("another daemon is there", || house.daemon_pid() != daemon);
    }
}

#[test]
fn an_upgrade_changes_the_program_and_no_process_and_a_broken_one_changes_nothing() {
    let house = house(&section("stays", "{here}/ledger.sh stays", "")).started();
    until_begun(&house, "stays");
    let (keeper, child) = (house.pid(), house.pid_of("stays"));
    let image = |pid: i32| std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let old = image(keeper);
    let upgrade = |program: &str| {
        let mut command = house.command("menshen");
        let said = command.args(["upgrade", program, "-c", "supervisord.conf"]).output();
        Said::from(said.expect("cannot run menshen"))
    };
    let runnable = |name: &str, text: &str| {
        let path = house.write(name, text);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("cannot make it runnable");
    };
    runnable("fails", "#!/bin/sh\nexit 3\n");
    // It agrees to everything, and would be gone as soon as it were the keeper.
    runnable("agrees", "#!/bin/sh\nexit 0\n");
    // The head of a program for another kind of machine: everything after its magic number is wrong.
    runnable("foreign", "\x7fELF\x01\x02\x01");
    house.write("unexecutable", "");
    for broken in ["fails", "agrees", "foreign", "unexecutable", "missing", "."] {
        let said = upgrade(broken).expect_code(1);
        assert!(said.err.contains("FAILED"), "{broken}: {said:?}");
        assert_eq!((house.pid_of("stays"), image(keeper)), (child, old.clone()), "{broken}");
        assert!(!house.log().contains("the keeper is gone"), "{broken}: {}", house.log());
    }
    let daemon = house.daemon_pid();
    let new = house.path("menshen-new");
    // By a process of its own: a child that another test of this program makes meanwhile would have the file open for
    // writing, and what is open for writing cannot be executed.
    let copied = std::process::Command::new("cp").args([&old, &new]).status();
    assert!(copied.is_ok_and(|it| it.success()), "cannot copy the program");
    upgrade("menshen-new").expect_code(0);
    until("keeper and daemon are the new program", || {
        let now = house.daemon_pid();
        now != daemon && image(keeper) == new && image(now) == new
    });
    until("it answers", || house.pid_of("stays") == child);
    assert_eq!((house.pid(), starts(&house)["stays"]), (keeper, 1));
    assert_eq!(house.ctl(&["stop", "stays"]).out, "stays: stopped\n");
}

#[test]
fn without_the_journal_nothing_is_started_a_second_time() {
    let mut house = house(&section("web", "{here}/ledger.sh web", "")).started();
    until_begun(&house, "web");
    let (daemon, old) = (house.daemon_pid(), house.pid_of("web"));
    kill_both(&mut house, daemon);
    std::fs::remove_file(house.path("run/children")).expect("there is a journal");
    house.start();
    house.until_state("web", "UNKNOWN");
    assert_eq!((starts(&house)["web"], proc::is_alive(old)), (1, true));
    let refused = menshen(&house, &["adopt", "web"]).expect_code(1);
    assert!(refused.all().contains(&format!("end pid {old} by hand")), "{refused:?}");
    proc::send(old, Signal::KILL);
    menshen(&house, &["forget", "web"]).expect_code(0);
    assert_eq!(house.ctl(&["start", "web"]).out, "web: started\n");
}

/// Runs all other tests of this file as somebody who may do nothing special.
#[test]
fn all_of_this_holds_for_an_ordinary_user() {
    if !rustix::process::getuid().is_root() {
        return; // Then the others have shown it.
    }
    let room = tempfile::tempdir().expect("cannot make a folder");
    let place = |name: &str| room.path().join(name);
    let own = std::env::current_exe().expect("a program knows its file");
    for (from, to) in [(own, "outlive"), (e2e::program::menshen().to_owned(), "menshen")] {
        std::fs::copy(from, place(to)).expect("cannot copy a program");
    }
    std::fs::create_dir(place("tmp")).expect("cannot make a folder");
    for (name, mode) in [("", 0o755), ("outlive", 0o755), ("menshen", 0o755), ("tmp", 0o1777)] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(place(name), mode).expect("cannot open it to others");
    }
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(place("outlive"));
    command.args(["--skip", "all_of_this_holds_for_an_ordinary_user", "--test-threads", "4"]);
    command.env("TMPDIR", place("tmp")).env("HOME", place("tmp")).env("MENSHEN_BIN", place("menshen"));
    let Ok(output) = command.output() else {
        eprintln!("NOT TESTED: there is no setpriv here");
        return;
    };
    let said = Said::from(output);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("0 failed") && !said.out.contains(" 0 passed"), "{said:?}");
}
