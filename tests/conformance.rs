//! The same words to the original and to ours, in every pairing of client and daemon: what they answer and how they
//! exit must be the same, but for the differences that are listed here, each with its reason.

use std::io::Write;
use std::process::Stdio;

use e2e::house::House;
use e2e::pair::{Pair, REFERENCE, agree, others};
use e2e::plain::plain;
use e2e::program::Make::{self, Original};
use e2e::rpc;
use e2e::said::Said;
use e2e::wait::until;

/// A bit of everything: running, stopped, given up, ended, in groups, numbered, without a log.
const PROGRAMS: &str = "\
[program:cat]
command=cat
stdout_logfile={here}/cat.log
[program:manual]
command=cat
autostart=false
stdout_logfile={here}/manual.log
[program:fatal]
command=/bin/sh -c 'sleep 0.2; exit 1'
startretries=0
startsecs=2
[program:absent]
command=/no/such/program
autostart=false
startretries=0
[program:plain]
command={here}/plain
autostart=false
startretries=0
[program:done]
command=/bin/sh -c 'echo some output; echo some trouble >&2'
startsecs=0
autorestart=false
stdout_logfile={here}/done.log
stderr_logfile={here}/done.err
[program:brief]
command=/bin/sh -c 'sleep 0.2; exit 7'
autostart=false
startsecs=2
startretries=0
[program:a]
command=cat
priority=5
[program:b]
command=cat
priority=7
[group:g]
programs=b,a
priority=20
[program:num]
command=cat
process_name=%(program_name)s_%(process_num)02d
numprocs=2
stdout_logfile=NONE
stderr_logfile=NONE
";

fn house(daemon: Make) -> House {
    let house = House::of(daemon, PROGRAMS);
    house.write("plain", "no program\n");
    let house = house.started();
    for process in ["cat", "g:a", "g:b", "num:num_00", "num:num_01"] {
        house.until_state(process, "RUNNING");
    }
    house.until_state("fatal", "FATAL");
    house.until_state("done", "EXITED");
    until("the short output is written", || house.text("done.log").len() + house.text("done.err").len() > 20);
    house
}

#[test]
fn looking_says_the_same() {
    agree(
        house,
        &[
            &["status"],
            &["status", "all"],
            &["status", "cat"],
            &["status", "cat", "manual"],
            &["status", "g:*"],
            &["status", "g:a"],
            &["status", "g"],
            &["status", "nobody"],
            &["status", "nobody:*"],
            &["status", "g:nobody"],
            &["status", "cat", "nobody"],
            &["pid"],
            &["pid", "all"],
            &["pid", "cat"],
            &["pid", "g:a"],
            &["pid", "manual"],
            &["pid", "nobody"],
            &["version"],
            &["version", "extra"],
            &["avail"],
            &["avail", "extra"],
            &["reread"],
            &["reread", "extra"],
            &["update"],
            &["update", "nobody"],
            &["update", "cat", "nobody"],
        ],
    );
}

#[test]
fn doing_says_the_same() {
    agree(
        house,
        &[
            &["start", "manual"],
            &["start", "manual"],
            &["stop", "manual"],
            &["stop", "manual"],
            &["start", "nobody"],
            &["start", "nobody:*"],
            &["start", "g:nobody"],
            &["start", "absent"],
            &["start", "plain"],
            &["start", "brief"],
            &["start"],
            &["stop"],
            &["restart"],
            &["stop", "nobody"],
            &["stop", "nobody:*"],
            &["stop", "g:*"],
            &["status", "g:*"],
            &["start", "g:*"],
            &["start", "g:*"],
            &["restart", "g:*"],
            &["restart", "cat"],
            &["stop", "cat"],
            &["restart", "cat"],
            &["start", "cat", "manual", "nobody"],
            &["stop", "cat", "manual"],
            &["status"],
        ],
    );
}

#[test]
fn signals_and_groups_say_the_same() {
    agree(
        house,
        &[
            &["signal", "CONT", "cat"],
            &["signal", "SIGCONT", "cat"],
            &["signal", "18", "cat"],
            &["signal", "CONT", "g:*"],
            &["signal", "CONT", "manual"],
            &["signal", "CONT", "nobody"],
            &["signal", "CONT", "nobody:*"],
            &["signal", "BOGUS", "cat"],
            &["signal", "BOGUS", "g:*"],
            &["signal", "CONT"],
            &["signal"],
            &["add"],
            &["add", "cat"],
            &["add", "nobody"],
            &["remove"],
            &["remove", "cat"],
            &["remove", "nobody"],
            &["remove", "manual"],
            &["status", "manual"],
            &["add", "manual"],
            &["status", "manual"],
        ],
    );
}

#[test]
fn logs_say_the_same() {
    agree(
        house,
        &[
            &["tail", "done"],
            &["tail", "done", "stdout"],
            &["tail", "done", "stderr"],
            &["tail", "-7", "done"],
            &["tail", "-7", "done", "stderr"],
            &["tail", "-100000", "done"],
            &["tail", "cat"],
            &["tail", "num:num_00"],
            &["tail", "nobody"],
            &["tail", "g:*"],
            &["tail", "done", "bogus"],
            &["tail", "-x", "done"],
            &["tail", "done", "stdout", "extra"],
            &["tail"],
            &["maintail", "-x"],
            &["maintail", "a", "b"],
            &["clear", "cat"],
            &["clear", "nobody"],
            &["clear", "g:*"],
            &["clear"],
            &["fg"],
            &["fg", "nobody"],
            &["fg", "manual"],
            &["fg", "cat", "manual"],
        ],
    );
}

#[test]
fn help_and_mistakes_say_the_same() {
    agree(
        house,
        &[
            &["help"],
            &["help", "help"],
            &["help", "status"],
            &["help", "start"],
            &["help", "stop"],
            &["help", "restart"],
            &["help", "signal"],
            &["help", "clear"],
            &["help", "tail"],
            &["help", "maintail"],
            &["help", "fg"],
            &["help", "pid"],
            &["help", "add"],
            &["help", "remove"],
            &["help", "update"],
            &["help", "reread"],
            &["help", "avail"],
            &["help", "reload"],
            &["help", "shutdown"],
            &["help", "version"],
            &["help", "open"],
            &["help", "quit"],
            &["help", "exit"],
            &["help", "EOF"],
            &["help", "nope"],
            &["?"],
            &["!ls"],
            &["frobnicate"],
            &["status;", "cat"],
            &["open", "bogus"],
            &["open"],
            &["shutdown", "extra"],
            &["reload", "extra"],
            &["quit"],
            &["exit"],
        ],
    );
}

#[test]
fn a_missing_or_deaf_daemon_is_told_alike() {
    agree(
        house,
        &[
            &["-s", "unix://no-such.sock", "status"],
            &["-s", "unix:///no/such.sock", "status"],
            &["-s", "unix:///no/such.sock", "start", "cat"],
            &["-s", "unix:///no/such.sock", "pid"],
            &["-s", "unix:///no/such.sock", "shutdown"],
            &["-s", "unix:///no/such.sock", "version"],
            &["-s", "http://127.0.0.1:1", "status"],
            &["-s", "http://127.0.0.1:1", "stop", "cat"],
            &["-s", "http://127.0.0.1:1", "shutdown"],
            &["-s", "bogus", "status"],
            &["--no-such-option"],
            &["-c", "no-such.conf", "status"],
            &["-x"],
        ],
    );
}

#[test]
fn the_end_is_the_same() {
    agree(house, &[&["shutdown"]]);
}

/// What `supervisorctl` prints when it is fed these lines instead of a person.
fn shell(pair: Pair, lines: &str) -> Said {
    let house = house(pair.daemon);
    let mut command = house.command_of(pair.ctl, "supervisorctl");
    let command = command.args(["-c", "supervisord.conf"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("cannot run supervisorctl");
    child.stdin.take().expect("it is piped").write_all(lines.as_bytes()).expect("it reads");
    let said = Said::from(child.wait_with_output().expect("it ends"));
    Said { out: plain(&said.out, &house.here()), err: plain(&said.err, &house.here()), code: said.code }
}

#[test]
fn the_shell_says_the_same() {
    let lines = "status cat\n\nstart manual\nstop manual\nnonsense\nhelp pid\nquit\n";
    let expected = shell(REFERENCE, lines);
    for pair in others() {
        assert_eq!(shell(pair, lines), expected, "{pair:?}");
    }
}

/// Calls the methods of a daemon of each make, and compares the answers.
#[test]
fn methods_answer_the_same() {
    let calls: &[(&str, &[&str])] = &[
        ("system.listMethods", &[]),
        ("system.methodSignature", &["supervisor.startProcess"]),
        ("system.methodSignature", &["supervisor.nope"]),
        ("system.methodHelp", &["supervisor.nope"]),
        ("supervisor.getAPIVersion", &[]),
        ("supervisor.getVersion", &[]),
        ("supervisor.getIdentification", &[]),
        ("supervisor.getState", &[]),
        ("supervisor.getProcessInfo", &["nobody"]),
        ("supervisor.getProcessInfo", &["g:*"]),
        ("supervisor.getProcessInfo", &[]),
        ("supervisor.nope", &[]),
        ("nope", &[]),
        ("supervisor._update", &["x"]),
        ("supervisor.startProcess", &["cat"]),
        ("supervisor.startProcess", &["absent"]),
        ("supervisor.startProcess", &["plain"]),
        ("supervisor.stopProcess", &["manual"]),
        ("supervisor.signalProcess", &["cat", "NOPE"]),
        ("supervisor.signalProcess", &["manual", "HUP"]),
        ("supervisor.addProcessGroup", &["cat"]),
        ("supervisor.addProcessGroup", &["nobody"]),
        ("supervisor.removeProcessGroup", &["cat"]),
        ("supervisor.removeProcessGroup", &["nobody"]),
        ("supervisor.reloadConfig", &[]),
        ("supervisor.stopProcessGroup", &["cat"]),
        ("supervisor.startProcessGroup", &["cat"]),
        ("supervisor.startProcessGroup", &["nobody"]),
        ("supervisor.sendProcessStdin", &["cat", "hello\n"]),
        ("supervisor.sendProcessStdin", &["manual", "hello\n"]),
        ("supervisor.sendRemoteCommEvent", &["type", "data"]),
        ("supervisor.readProcessStdoutLog", &["done", "0", "0"]),
        ("supervisor.readProcessStdoutLog", &["num:num_00", "0", "0"]),
        ("supervisor.clearProcessLogs", &["nobody"]),
        ("system.multicall", &[]),
    ];
    let answers = |make: Make| {
        let house = house(make);
        let answer = |(method, parameters): &(&str, &[&str])| {
            house.call(method, parameters).map(|it| rpc::in_order(&it.replace(&house.here(), "HERE")))
        };
        calls.iter().map(answer).collect::<Vec<_>>()
    };
    let (original, ours) = (answers(Original), answers(Make::under_test()));
    for ((call, original), ours) in calls.iter().zip(original).zip(ours) {
        assert_eq!(ours, original, "{call:?}");
    }
}

/// Calls whose parameters are of other types than text, or too many, or too few.
const ODD_CALLS: &[(&str, &[&str])] = &[
    ("supervisor.getState", &["<int>1</int>"]),
    ("supervisor.getProcessInfo", &["cat", "cat"]),
    ("supervisor.startProcess", &["cat", "<boolean>1</boolean>", "<boolean>1</boolean>"]),
    ("supervisor.startProcess", &["manual", "<boolean>0</boolean>"]),
    ("supervisor.stopProcess", &["manual", "<int>1</int>"]),
    ("supervisor.startProcess", &["g:*", "<boolean>0</boolean>"]),
    ("supervisor.startProcess", &["nobody:*"]),
    ("supervisor.startProcessGroup", &["g:*"]),
    ("supervisor.stopAllProcesses", &["a", "b"]),
    ("supervisor.signalProcess", &["cat", "<int>18</int>"]),
    ("supervisor.signalProcess", &["cat", "18"]),
    ("supervisor.signalProcess", &["cat", "sigcont"]),
    ("supervisor.signalProcess", &["cat", "<int>9999</int>"]),
    ("supervisor.signalProcess", &["cat", "-1"]),
    ("supervisor.signalProcess", &["g:*", "CONT"]),
    ("supervisor.signalProcessGroup", &["g", "BOGUS"]),
    ("supervisor.signalAllProcesses", &["CONT"]),
    ("supervisor.readProcessStdoutLog", &["done", "<int>0</int>", "<int>5</int>"]),
    ("supervisor.readProcessStdoutLog", &["done", "<int>-5</int>", "<int>0</int>"]),
    ("supervisor.readProcessStdoutLog", &["done", "<int>-5</int>", "<int>3</int>"]),
    ("supervisor.readProcessStdoutLog", &["done", "<int>0</int>", "<int>-1</int>"]),
    ("supervisor.readProcessStdoutLog", &["done", "<int>100</int>", "<int>5</int>"]),
    ("supervisor.readProcessStdoutLog", &["done", " 3 ", "2"]),
    ("supervisor.readProcessStdoutLog", &["done", "x", "y"]),
    ("supervisor.readProcessStdoutLog", &["done", "<double>1.9</double>", "<double>2.9</double>"]),
    ("supervisor.readProcessStdoutLog", &["done"]),
    ("supervisor.readProcessStderrLog", &["done", "<int>5</int>", "<int>0</int>"]),
    ("supervisor.tailProcessStdoutLog", &["done", "<int>0</int>", "<int>4</int>"]),
    ("supervisor.tailProcessStdoutLog", &["done", "<int>12</int>", "<int>100</int>"]),
    ("supervisor.tailProcessStdoutLog", &["num:num_00", "<int>0</int>", "<int>4</int>"]),
    ("supervisor.tailProcessStderrLog", &["done", "<int>-5</int>", "<int>4</int>"]),
    ("supervisor.readMainLog", &["<int>0</int>", "<int>-1</int>"]),
    ("supervisor.sendProcessStdin", &["cat", "<int>5</int>"]),
    ("supervisor.sendProcessStdin", &["nobody", "<array><data></data></array>"]),
    ("supervisor.sendProcessStdin", &["fatal", "x"]),
    ("supervisor.sendRemoteCommEvent", &["<int>5</int>", "<array><data></data></array>"]),
    ("supervisor.clearProcessLogs", &["g:*"]),
    ("supervisor.addProcessGroup", &["<array><data></data></array>"]),
    ("supervisor.removeProcessGroup", &["<array><data></data></array>"]),
    ("system.methodSignature", &["<int>5</int>"]),
    ("system.methodHelp", &["<array><data></data></array>"]),
    ("system.multicall", &["<int>5</int>"]),
    ("system.multicall", &["<array><data><value><int>1</int></value></data></array>"]),
    ("system.multicall", &["<array><data><value><struct></struct></value></data></array>"]),
    (
        "system.multicall",
        &["<array><data><value><struct><member><name>methodName</name><value>system.multicall</value>\
        </member></struct></value></data></array>"],
    ),
    (
        "system.multicall",
        &["<array><data><value><struct><member><name>methodName</name><value>supervisor.getState</value>\
        </member><member><name>params</name><value>x</value></member></struct></value></data></array>"],
    ),
    ("supervisor.getAllConfigInfo", &[]),
];

#[test]
fn odd_calls_answer_the_same() {
    let answers = |make: Make| {
        let house = house(make);
        let plain = |it: String| {
            let it = made_up_names(&without(&it, "autorestart").replace(&house.here(), "HERE"));
            rpc::in_order(&it)
        };
        let answer = |(method, values): &(&str, &[&str])| {
            rpc::call_with(&house.path("s.sock"), method, values).map(plain)
        };
        ODD_CALLS.iter().map(answer).collect::<Vec<_>>()
    };
    let (original, ours) = (answers(Original), answers(Make::under_test()));
    for ((call, original), ours) in ODD_CALLS.iter().zip(original).zip(ours) {
        assert_eq!(ours, original, "{call:?}");
    }
}

/// An answer with the letters of chance in the names of logs taken out.
fn made_up_names(answer: &str) -> String {
    let mut parts = answer.split("---supervisor-");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str("---supervisor-X");
        plain.push_str(part.split_once(".log").map_or(part, |(_, rest)| rest));
    }
    plain
}

/// An answer without the members of this name. What ours says of `autorestart`, the original says in its next version.
fn without(answer: &str, name: &str) -> String {
    let begin = format!("<member>\n<name>{name}</name>");
    let mut parts = answer.split(begin.as_str());
    let mut left = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        left.push_str(part.split_once("</member>\n").map_or("", |(_, rest)| rest));
    }
    left
}
