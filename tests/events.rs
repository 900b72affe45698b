//! Every kind of event, as a listener of the original and one of ours reads it: the same life of the same programs
//! under both, and the same headers and payloads, but for pids, serials and times.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;

use e2e::house::House;
use e2e::proc;
use e2e::program::{Make, original_python};
use e2e::rpc;
use e2e::wait::until;
use rustix::process::Signal;

/// Writes down each header as it was read and the payload as Python shows it. Whether the numbers count is looked at
/// here: of the header the length is left only where it is not that of the payload.
const RECORDER: &str = r"
import re, sys
told = open(sys.argv[1], 'a', encoding='utf-8')
serials = open(sys.argv[1] + '.serials', 'a')
while True:
    sys.stdout.write('READY\n')
    sys.stdout.flush()
    header = sys.stdin.readline()
    keys = dict(word.split(':', 1) for word in header.split())
    payload = sys.stdin.read(int(keys['len']))
    serials.write('%(serial)s %(poolserial)s\n' % keys)
    serials.flush()
    header = re.sub(r'serial:\d+', 'serial:N', header.replace('len:%d\n' % len(payload), 'len:right\n'))
    payload = re.sub(r'pid:[1-9]\d*', 'pid:PID', payload)
    if payload.startswith('when:'):
        period = int(keys['eventname'].split('_')[1])
        payload = 'when:' + ('round' if int(payload[5:]) % period == 0 else payload)
    told.write(header.rstrip('\n') + ' ' + ascii(payload) + '\n')
    told.flush()
    sys.stdout.write('RESULT 2\nOK')
    sys.stdout.flush()
";

/// Programs with a life each: all that can become of one without chance.
const PROGRAMS: &str = r#"
[program:stays]
command=cat
startsecs=0
[program:killed]
command=cat
[program:expected]
command=/bin/sh -c 'sleep 1.5'
autorestart=unexpected
[program:unexpected]
command=/bin/sh -c 'sleep 1.5; exit 3'
autorestart=false
[program:brief]
command=true
startsecs=0
autorestart=false
[program:fails]
command=false
startsecs=10
startretries=2
[program:absent]
command=/no/such/program
startretries=0
[program:given_up]
command=false
autostart=false
startsecs=10
startretries=9
[program:slow]
command=cat
startsecs=1000
[program:stubborn]
command=/bin/sh -c 'trap "" TERM; echo trapped; while :; do read line || sleep 100; done'
stdout_logfile={here}/stubborn.log
stopwaitsecs=1
[program:gr\u{fc}n]
command=cat
[program:says]
command=/bin/sh says.sh
directory={here}
startsecs=0
stdout_events_enabled=true
stderr_events_enabled=true
stdout_logfile={here}/says.log
stderr_logfile={here}/says.err
[program:sends]
command=/bin/sh sends.sh
directory={here}
startsecs=0
stdout_capture_maxbytes=1MB
stderr_capture_maxbytes=1KB
[group:pair]
programs=one,other
[program:one]
command=cat
[program:other]
command=cat
autostart=false
"#;

/// One chunk at a time: what is read at once depends on chance otherwise.
const SAYS: &str = r"
pause() { read line < go; }
say() { printf '%b' $1; pause; }
pause
say 'plain\n'
say 'no\040end'
say 'gr\303\274\303\237e\040\360\237\230\200\n'
say 'bytes\377\000\047\n'
say 'err\n' >&2
say '\r\n\033[1mred\t' >&2
exec cat
";

/// Messages between tokens, on both streams: whole, empty, cut, of bytes that are no text, and with a token that has
/// no meaning in it.
const SENDS: &str = r"
begin='<!--XSUPERVISOR:BEGIN-->' end='<!--XSUPERVISOR:END-->'
pause() { sleep 0.1; }
printf '%s' $begin; pause; printf 'a message'; pause; printf '%s' $end; pause
printf '%s%s' $begin $end; pause
printf '%sgr\303\274\303\237e' $begin; printf '%s' '<!--XSUPERV'; pause; printf '%s' 'ISOR:END-->'; pause
printf '%s\377\000\n%s' $begin $end; pause
printf '%sone%stwo%s' $begin $begin $end; pause
printf 'between %s of the other %s and after' $begin $end >&2; pause
echo a line that pushes the others through the buffer of the original; echo and another one >&2
exec cat
";

/// Listeners to everything, to abstract types and to concrete ones.
const POOLS: [&str; 3] = ["all", "kinds", "few"];

/// A pool that writes what it hears to `NAME.told`.
fn pool(name: &str, events: &str) -> String {
    let python = original_python().display().to_string();
    format!(
        "[eventlistener:{name}]\nevents={events}\nbuffer_size=1000\nstartsecs=0\n\
         command={python} {{here}}/recorder.py {{here}}/{name}.told\n"
    )
}

/// What the pools of one make were told, by whom it is about.
struct Told {
    make: Make,
    house: House,
    /// The pipe that `says.sh` waits at, open all the while: whoever opens it again before its last writer has closed it
    /// would find an end instead of a word.
    go: File,
}

impl Told {
    fn begin(make: Make) -> Self {
        let concrete = "process_state_exited,TICK_5,PROCESS_LOG_STDERR,PROCESS_COMMUNICATION_STDERR";
        let pools = pool("all", "EVENT")
            + &pool("kinds", "PROCESS_STATE,PROCESS_LOG,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE,TICK")
            + &pool("few", concrete);
        let house = House::of(make, &(pools + &PROGRAMS.replace(r"\u{fc}", "\u{fc}")));
        house.write("recorder.py", RECORDER);
        house.write("says.sh", SAYS);
        house.write("sends.sh", SENDS);
        let piped = std::process::Command::new("mkfifo").arg(house.path("go")).status();
        assert!(piped.is_ok_and(|status| status.success()), "cannot make a fifo");
        let go = File::options().read(true).write(true).open(house.path("go"));
        let go = go.expect("the pipe can be opened");
        Self { make, house: house.started(), go }
    }

    /// Lets `says.sh` say the next.
    fn go_on(&self) {
        (&self.go).write_all(b"on\n").expect("the pipe takes it");
    }

    /// Waits until the pool `all` was told `text`.
    fn until(&self, text: &str) {
        let make = self.make;
        until(&format!("a listener of {make:?} hears {text}"), || self.house.text("all.told").contains(text));
    }

    /// Waits until a process has come to a state.
    fn until_event(&self, process: &str, state: &str, rest: &str) {
        self.until(&format!("eventname:PROCESS_STATE_{state} len:right 'processname:{process} {rest}"));
    }

    /// Waits until every pool has been told all that has happened so far: each hears in order, so whoever hears of a tick
    /// to come has heard of everything before it.
    fn until_all_is_told(&self) {
        let ticks =
            |pool: &str| self.house.text(&format!("{pool}.told")).matches("eventname:TICK_5 ").count();
        let seen = POOLS.map(ticks).into_iter().max().unwrap_or_default();
        for pool in POOLS {
            until(&format!("{pool} hears of another tick"), || ticks(pool) > seen);
        }
    }

    /// The lines of a pool about each process and each group, and the rest.
    fn lines(&self, pool: &str) -> BTreeMap<String, Vec<String>> {
        let mut by_subject: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in self.house.text(&format!("{pool}.told")).lines() {
            if line.contains(":TICK_60 ") || line.contains(":TICK_3600 ") {
                continue; // By chance.
            }
            let about = |key: &str| line.split_once(key)?.1.split([' ', '\\', '\'']).next();
            let kind =
                about("eventname:").filter(|it| it.starts_with("TICK") || it.starts_with("SUPERVISOR"));
            let subject = about("processname:").or_else(|| about("groupname:")).or(kind).unwrap_or("clients");
            by_subject.entry(subject.to_owned()).or_default().push(line.to_owned());
        }
        for (subject, lines) in &mut by_subject {
            // Chance decides how many there were, and which of the pools is stopped first.
            lines.dedup_by(|line, before| line == before && line.contains(":TICK_"));
            lines.retain(|it| !(POOLS.contains(&subject.as_str()) && it.contains("_STOPP")));
        }
        by_subject
    }

    /// The serials and pool serials that a pool was told, in order.
    fn serials(&self, pool: &str) -> Vec<(u64, u64)> {
        let text = self.house.text(&format!("{pool}.told.serials"));
        let pairs = text.lines().filter_map(|it| it.split_once(' '));
        let number = |text: &str| text.parse().expect("a serial is a number");
        pairs.map(|(serial, of_pool)| (number(serial), number(of_pool))).collect()
    }
}

/// The same life under each make, up to the end.
fn live(make: Make) -> Told {
    let mut told = Told::begin(make);
    what_is_written(&told);
    what_becomes_of_programs(&told);
    what_clients_do(&told);
    told.until_all_is_told();
    let status = told.house.stopped();
    assert!(status.success() || status.signal().is_none(), "{status}");
    told
}

fn what_is_written(told: &Told) {
    told.until_event("says", "RUNNING", "");
    told.go_on();
    let stdout = [r"plain\n'", "no end'", r"gr\xfc\xdfe \U0001f600", "Undecodable: b"]
        .map(|it| format!(r"channel:stdout\n{it}"));
    let stderr = ["err", r"\r\n\x1b[1mred"].map(|it| format!(r"channel:stderr\n{it}"));
    for heard in stdout.iter().chain(&stderr) {
        told.until(heard);
        told.go_on();
    }
    told.until("PROCESS_COMMUNICATION_STDERR");
    told.until("one<!--XSUPERVISOR:BEGIN-->two");
}

fn what_becomes_of_programs(told: &Told) {
    let house = &told.house;
    house.call("supervisor.startProcess", &["given_up"]);
    told.until_event("given_up", "BACKOFF", "groupname:given_up from_state:STARTING tries:3");
    // It is tried again three seconds later.
    house.call("supervisor.stopProcess", &["given_up"]).expect("it is stopped in time");
    told.until_event("given_up", "STOPPED", "groupname:given_up from_state:BACKOFF");
    house.ctl(&["stop", "slow"]).expect_code(0);
    told.until_event("killed", "RUNNING", "");
    proc::send(house.pid_of("killed"), Signal::KILL);
    told.until_event("killed", "EXITED", "");
    house.until_state("killed", "RUNNING");
    told.until_event("stubborn", "RUNNING", "");
    house.until_text("stubborn.log", "trapped");
    house.ctl(&["stop", "stubborn"]).expect_code(0);
    for process in ["expected", "unexpected", "brief"] {
        told.until_event(process, "EXITED", "");
    }
    for process in ["fails", "absent"] {
        told.until_event(process, "FATAL", "");
    }
}

/// What a client may send in place of a text: it is told as Python shows it. A struct has one member, since the original
/// has no order for them that means anything.
const NO_TEXTS: &[&str] = &[
    "<nil/>",
    "<int>-7</int>",
    "<i8>12345678901</i8>",
    "<boolean>1</boolean>",
    "<double>2</double>",
    "<double>1e300</double>",
    "<double>0.00001</double>",
    "<base64>aGk=</base64>",
    "<dateTime.iso8601>20200102T03:04:05</dateTime.iso8601>",
    "<array><data></data></array>",
    "<array><data><value><nil/></value><value><boolean>0</boolean></value><value>it's</value>\
     <value>\u{e9}&#10;\\</value><value><base64>AAFh</base64></value></data></array>",
    "<struct><member><name>k</name><value><double>1.5</double></value></member></struct>",
];

fn what_clients_do(told: &Told) {
    let house = &told.house;
    for (kind, data) in
        [("kind", "some data"), ("", ""), ("gr\u{fc}n", "a\nb \u{95e8}\u{795e}\n"), ("a b:c", "x:y z")]
    {
        house.call("supervisor.sendRemoteCommEvent", &[kind, data]).expect("it is accepted");
    }
    for value in NO_TEXTS {
        for values in [["t", value], [value, "d"]] {
            let told = rpc::call_with(&house.path("s.sock"), "supervisor.sendRemoteCommEvent", &values);
            told.expect("it is accepted");
        }
    }
    house.ctl(&["start", "pair:other"]).expect_code(0);
    let text = house.text("supervisord.conf");
    house.write(
        "supervisord.conf",
        &(text.replace("[group:pair]\nprograms=one,other\n", "")
            + "[program:new]\ncommand=cat\nstartsecs=0\n"),
    );
    house.ctl(&["update"]).expect_code(0);
    told.until("PROCESS_GROUP_REMOVED len:right 'groupname:pair");
    told.until_event("new", "RUNNING", "");
    told.until("PROCESS_GROUP_ADDED len:right 'groupname:other");
    told.until_event("one", "RUNNING", "groupname:one");
}

#[test]
fn every_event_is_told_as_the_original_tells_it() {
    let ours = std::thread::spawn(|| live(Make::under_test()));
    let theirs = live(Make::Original);
    let ours = ours.join().expect("ours lived");
    for pool in POOLS {
        assert!(ours.serials(pool).is_sorted_by(|a, b| a.0 < b.0 && a.1 + 1 == b.1), "{pool}");
        let (ours, theirs) = (ours.lines(pool), theirs.lines(pool));
        let subjects: Vec<_> = theirs.keys().collect();
        assert_eq!(ours.keys().collect::<Vec<_>>(), subjects, "{pool}");
        for (subject, lines) in &theirs {
            let ours = &ours[subject];
            let lines = without_repeated_ends(lines, ours);
            let (told, more) = ours.split_at(lines.len().min(ours.len()));
            assert_eq!(told, lines, "what {pool} was told about {subject}");
            // The original may end a listener before it has heard the end; ours has always heard it.
            assert!(
                more.iter().all(|it| is_of_end(it)),
                "what only ours told {pool} about {subject}: {more:?}"
            );
        }
    }
    covers_every_type(&theirs.lines("all"));
}

fn is_of_end(line: &str) -> bool {
    line.contains("_STATE_STOPPING ") || line.contains("_STATE_STOPPED ")
}

/// What the original has told, without what it told again: an event that a listener had in its hands when it was stopped goes
/// back into the pool, and to the next one of it.
fn without_repeated_ends(theirs: &[String], ours: &[String]) -> Vec<String> {
    let count = |lines: &[String], line| lines.iter().filter(|it| *it == line).count();
    let mut kept = Vec::new();
    for line in theirs {
        let often = count(&kept, line);
        if !is_of_end(line) || often == 0 || often < count(ours, line) {
            kept.push(line.clone());
        }
    }
    kept
}

/// So that nothing is compared that never came. `TICK_60` and `TICK_3600` would take too long; a virtual clock shows them
/// in `supervisor`. UNKNOWN is for a process that cannot be signaled.
fn covers_every_type(lines: &BTreeMap<String, Vec<String>>) {
    let all = lines.values().flatten().cloned().collect::<Vec<_>>().concat();
    let states = ["STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "STOPPED", "FATAL"];
    let others = [
        "PROCESS_LOG_STDOUT",
        "PROCESS_LOG_STDERR",
        "PROCESS_COMMUNICATION_STDOUT",
        "PROCESS_COMMUNICATION_STDERR",
        "PROCESS_GROUP_ADDED",
        "PROCESS_GROUP_REMOVED",
        "REMOTE_COMMUNICATION",
        "SUPERVISOR_STATE_CHANGE_RUNNING",
        "SUPERVISOR_STATE_CHANGE_STOPPING",
        "TICK_5",
    ];
    for kind in states.map(|it| format!("PROCESS_STATE_{it}")).iter().map(String::as_str).chain(others) {
        assert!(all.contains(&format!("eventname:{kind} ")), "no {kind} in {all}");
    }
}
