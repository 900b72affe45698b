//! The face of `menshen` under its own name: what it tells beyond what `supervisorctl` tells.

use std::process::{Command, Output};

use e2e::house::House;
use e2e::program::Make::{self, Menshen, Original};
use e2e::program::original_python;
use e2e::said::Said;

/// One that is restarted, one that has to be killed, one that ends badly, and a listener that never listens.
const PROGRAMS: &str = "\
[program:crash]
command=/bin/sh -c 'if test -e {here}/crashed; then touch {here}/over; exec cat; fi; touch {here}/crashed; kill -SEGV $$'
startsecs=0
autorestart=true
[program:stubborn]
command=/bin/sh -c 'trap \"\" TERM; touch {here}/trapped; while :; do sleep 0.05; done'
startsecs=0
stopwaitsecs=1
[program:job]
command=/bin/sh -c 'exit 3'
startsecs=0
autorestart=false
[eventlistener:deaf]
command=cat
events=REMOTE_COMMUNICATION
buffer_size=2
";

fn menshen(house: &House, words: &[&str]) -> Said {
    let mut command = house.command_of(Menshen, "menshen");
    command.args(["-c", "supervisord.conf"]).args(words).output().expect("cannot run menshen").into()
}

/// Asks Python, which takes nothing for JSON that is none, for an expression over `rows`: the objects by name.
fn judge(json: &str, expression: &str) -> String {
    let script = "import json, sys; rows = {it['name']: it for it in json.loads(sys.argv[1])}; \
                  print(eval(sys.argv[2]))";
    let output = Command::new(original_python()).args(["-c", script, json, expression]).output();
    let said = Said::from(output.expect("cannot run python")).expect_code(0);
    said.out.trim_end().to_owned()
}

fn settled(make: Make) -> House {
    let house = House::of(make, PROGRAMS).started();
    house.until_state("job", "EXITED");
    house.until_state("deaf", "RUNNING");
    e2e::wait::until("the stubborn one is stubborn", || house.path("trapped").exists());
    house.ctl_of(Menshen, &["stop", "stubborn"]).expect_code(0);
    e2e::wait::until("the crash is over", || house.path("over").exists());
    house.until_state("crash", "RUNNING");
    for _ in 0..5 {
        house.call("supervisor.sendRemoteCommEvent", &["kind", "data"]).expect("it takes events");
    }
    house
}

#[test]
fn status_tells_how_each_ended_and_how_often_it_came_back() {
    if Make::is_original() {
        return; // It has no such face.
    }
    let house = settled(Menshen);
    let text = menshen(&house, &["status"]).expect_code(0).out;
    for words in [
        "last end: terminated by SIGSEGV",
        ", 1 restart\n",
        "terminated by SIGKILL (it did not stop in time)",
        "exit status 3 (not expected)",
        "3 events dropped",
    ] {
        assert!(text.contains(words), "no `{words}` in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "colors belong on a terminal: {text:?}");
    let json = menshen(&house, &["status", "--json"]).expect_code(0).out;
    let cases = [
        ("len(rows)", "4"),
        (
            "[rows['crash'][it] for it in ('exit_signal', 'exit_code', 'exit_reason')]",
            "['SIGSEGV', None, 'unexpected']",
        ),
        ("[rows['crash'][it] for it in ('starts', 'restarts', 'state')]", "[2, 1, 'RUNNING']"),
        ("[rows['job'][it] for it in ('exit_code', 'exit_signal', 'restarts', 'pid')]", "[3, None, 0, None]"),
        ("[rows['stubborn'][it] for it in ('exit_signal', 'exit_reason')]", "['SIGKILL', 'killed']"),
        (
            "rows['deaf']['listener']",
            "{'events_dropped': 3, 'events_waiting': 2, 'events_waiting_max': 2, 'state': 'ACKNOWLEDGED'}",
        ),
        ("rows['crash']['listener']", "None"),
        ("len({tuple(it) for it in rows.values()})", "1"),
    ];
    for (expression, expected) in cases {
        assert_eq!(judge(&json, expression), expected, "{expression} in {json}");
    }
}

#[test]
fn status_of_a_supervisor_tells_what_that_knows() {
    let house = settled(Original);
    let text = menshen(&house, &["status"]).expect_code(0).out;
    assert!(text.contains("exit status 3\n"), "{text}");
    let json = menshen(&house, &["status", "--json"]).expect_code(0).out;
    let cases = [
        (
            "[rows['job'][it] for it in ('exit_code', 'exit_signal', 'restarts', 'pid')]",
            "[3, None, None, None]",
        ),
        ("[rows['deaf'][it] for it in ('listener', 'restarts', 'state')]", "[None, None, 'RUNNING']"),
        ("len({tuple(it) for it in rows.values()})", "1"),
    ];
    for (expression, expected) in cases {
        assert_eq!(judge(&json, expression), expected, "{expression} in {json}");
    }
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let absent = "[program:absent]\ncommand=/no/such/program\nautostart=false\nstartretries=0\n";
    for make in [Menshen, Original] {
        let house = House::of(make, absent).started();
        let said = menshen(&house, &["start", "absent"]).expect_code(1);
        assert_eq!(said.out, "absent: failed: can't find command '/no/such/program'\n");
    }
}

#[test]
fn colors_are_for_terminals() {
    if Make::is_original() {
        return; // It has none.
    }
    let house = House::new("[program:cat]\ncommand=cat\nstartsecs=0\n").started();
    house.until_state("cat", "RUNNING");
    let program = house.path("bin/menshen");
    let line = format!("{} -c supervisord.conf status", program.display());
    // script(1) gives it a terminal.
    let on_terminal = |line: &str| -> Output {
        let mut command = house.command_of(Menshen, "menshen");
        let environment: Vec<_> =
            command.get_envs().filter_map(|(key, it)| Some((key.to_owned(), it?.to_owned()))).collect();
        command = Command::new("script");
        command.args(["-qec", line, "/dev/null"]).current_dir(house.folder()).envs(environment);
        command.stdin(std::process::Stdio::null()).output().expect("cannot run script(1)")
    };
    let colored = Said::from(on_terminal(&line)).out;
    assert!(colored.contains("\u{1b}[32mRUNNING   \u{1b}[0m"), "{colored:?}");
    for line in [format!("{line} --no-color"), format!("NO_COLOR=1 {line}")] {
        let plain = Said::from(on_terminal(&line)).out;
        assert!(plain.contains("RUNNING") && !plain.contains('\u{1b}'), "{plain:?}");
    }
}
