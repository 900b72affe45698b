//! The same words to the original and to ours, in every pairing of client and daemon: what they answer and how they
//! exit must be the same, but for the differences that are listed here, each with its reason.

use std::io::Write;
use std::process::Stdio;

use e2e::house::House;
use e2e::plain::plain;
use e2e::program::Make::{self, Menshen, Original};
use e2e::said::Said;
use e2e::wait::until;

/// A client and the daemon it talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    ctl: Make,
    daemon: Make,
}

/// How the original answers itself: the definition.
const REFERENCE: Pair = Pair { ctl: Original, daemon: Original };

/// Every other pairing must answer like it. With the original under test, it is compared with itself: that shows
/// whether a script has one answer at all.
fn others() -> Vec<Pair> {
    if Make::is_original() {
        return vec![REFERENCE];
    }
    let pair = |(ctl, daemon)| Pair { ctl, daemon };
    [(Menshen, Original), (Original, Menshen), (Menshen, Menshen)].map(pair).to_vec()
}

/// A step of a script that ours answers otherwise, on purpose.
struct Difference {
    /// The words of the step.
    words: &'static [&'static str],
    /// Which part of a pair makes the difference.
    by: Part,
    /// What our answer holds instead.
    ours: &'static str,
    /// Why that is better.
    reason: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Ctl,
    Daemon,
}

/// The deliberate differences: all of them.
const DIFFERENCES: &[Difference] = &[Difference {
    words: &["version"],
    by: Part::Daemon,
    ours: concat!("4.3.0+menshen.", env!("CARGO_PKG_VERSION")),
    reason: "scripts find the version they compare with, and people find ours behind it",
}];

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

/// Runs `steps` in a pair and returns what was said, without what differs from run to run.
fn answers(pair: Pair, steps: &[&[&str]]) -> Vec<Said> {
    let house = house(pair.daemon);
    let here = house.here();
    let programs = pair.ctl.folder(&house.path("bin"));
    let programs = programs.to_str().expect("a plain path");
    let same = |text: &str| plain(&text.replace(programs, "BIN"), &here);
    let step = |words: &&[&str]| {
        let said = house.ctl_of(pair.ctl, words);
        let mut out = same(&said.out);
        if words.iter().any(|word| word.ends_with(":*")) && !words.contains(&"status") {
            // Which of several processes ends first is chance.
            let mut lines: Vec<&str> = out.lines().collect();
            lines.sort_unstable();
            out = lines.join("\n");
        }
        Said { out, err: same(&said.err), code: said.code }
    };
    steps.iter().map(step).collect()
}

/// Compares every pair with the reference; the four run at the same time, each in a house of its own.
#[track_caller]
fn agree(steps: &[&[&str]]) {
    let pairs = [vec![REFERENCE], others()].concat();
    let all: Vec<Vec<Said>> = std::thread::scope(|scope| {
        let run = |pair: &Pair| {
            let pair = *pair;
            scope.spawn(move || answers(pair, steps))
        };
        let threads: Vec<_> = pairs.iter().map(run).collect();
        threads.into_iter().map(|thread| thread.join().expect("a pair answers")).collect()
    });
    let mut wrong = Vec::new();
    for (pair, answers) in pairs.iter().zip(&all).skip(1) {
        for ((words, expected), answer) in steps.iter().zip(&all[0]).zip(answers) {
            wrong.extend(disagreement(*pair, words, expected, answer));
        }
    }
    assert!(wrong.is_empty(), "{} disagreements:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

fn disagreement(pair: Pair, words: &[&str], expected: &Said, answer: &Said) -> Option<String> {
    let makes = |part| if part == Part::Ctl { pair.ctl } else { pair.daemon };
    let known = DIFFERENCES.iter().find(|it| it.words == words && makes(it.by) == Menshen);
    match known {
        Some(known) if !answer.all().contains(known.ours) => Some(format!(
            "{pair:?} {words:?}: the listed difference ({}) is `{}`, and was\n  {answer:?}",
            known.reason, known.ours
        )),
        None if answer != expected => {
            Some(format!("{pair:?} {words:?}\n  original {expected:?}\n  ours     {answer:?}"))
        }
        Some(_) | None => None,
    }
}

#[test]
fn looking_says_the_same() {
    agree(&[
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
    ]);
}

#[test]
fn doing_says_the_same() {
    agree(&[
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
    ]);
}

#[test]
fn signals_and_groups_say_the_same() {
    agree(&[
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
    ]);
}

#[test]
fn logs_say_the_same() {
    agree(&[
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
    ]);
}

#[test]
fn help_and_mistakes_say_the_same() {
    agree(&[
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
    ]);
}

#[test]
fn a_missing_or_deaf_daemon_is_told_alike() {
    agree(&[
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
    ]);
}

#[test]
fn the_end_is_the_same() {
    agree(&[&["shutdown"]]);
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

/// An answer with the members of each struct in the order of their names: XML-RPC gives their order no meaning, and
/// ours are always in that order.
fn in_order(answer: &str) -> String {
    let sorted = |of: &str| {
        let mut members: Vec<&str> = of.split("<member>").collect();
        members[1..].sort_unstable();
        members.join("<member>")
    };
    let structs = answer.split("</struct>").map(|part| match part.split_once("<struct>") {
        Some((before, members)) => format!("{before}<struct>{}", sorted(members)),
        None => part.to_owned(),
    });
    structs.collect::<Vec<_>>().join("</struct>")
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
            house.call(method, parameters).map(|it| in_order(&it.replace(&house.here(), "HERE")))
        };
        calls.iter().map(answer).collect::<Vec<_>>()
    };
    let (original, ours) = (answers(Original), answers(Make::under_test()));
    for ((call, original), ours) in calls.iter().zip(original).zip(ours) {
        assert_eq!(ours, original, "{call:?}");
    }
}
