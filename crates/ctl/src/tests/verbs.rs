//! Every verb of `menshen` against a server that plays a part.
#![expect(clippy::too_many_lines, reason = "transcripts are as long as what they show")]

mod orders;
mod plans;

use std::fmt::Write as _;

use ::wire::value::Value;
use insta::assert_snapshot;
use model::fault::{Fault, FaultCode};
use os::outside::Machine;

use crate::args::Invocation;
use crate::tests::fake::{Fake, fields, house, text};
use crate::verbs::{self, Streams};

fn invoke(words: &[&str]) -> (Invocation, String, String) {
    let words: Vec<String> = std::iter::once(&"menshen").chain(words).map(|&it| it.to_owned()).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { out: &mut out, err: &mut err, terminal: false, err_terminal: false };
    let invocation = verbs::run(&words, &Machine, &mut streams);
    (invocation, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// Runs each line against the server; shows what it prints, complaints marked with `!`, and its exit
/// code.
fn transcript(url: &str, lines: &[&str]) -> String {
    let mut shown = String::new();
    for line in lines {
        let words: Vec<_> = ["-s", url].into_iter().chain(line.split_whitespace()).collect();
        let (invocation, out, err) = invoke(&words);
        let err = if err.is_empty() { err } else { format!("! {}\n", err.trim_end().replace('\n', "\n! ")) };
        let Invocation::Exit(code) = invocation else { panic!("{line} does not come to an end") };
        writeln!(shown, "$ {line}\n{out}{err}[{code}]").unwrap();
    }
    shown.replace(url, "URL")
}

#[test]
fn status_shows_facts_and_fails_only_when_asked_to() {
    let fake = Fake::playing(house);
    let lines = [
        "status",
        "status web",
        "status ct",
        "status g --check",
        "status cat --check",
        "status cat bad --json",
    ];
    assert_snapshot!(transcript(&fake.url(), &lines), @r#"
    $ status
    bad                              FATAL     can't find command '/nonexistent'
    cat                              RUNNING   pid 101, uptime 0:00:32
    g:many_00                        RUNNING   pid 102, uptime 1 day, 0:00:32
    g:many_01                        STOPPED   Not started
    [0]
    $ status web
    ! menshen: there is no process or group "web"
    [4]
    $ status ct
    ! menshen: there is no process or group "ct"; did you mean "cat"?
    [4]
    $ status g --check
    g:many_00                        RUNNING   pid 102, uptime 1 day, 0:00:32
    g:many_01                        STOPPED   Not started
    [1]
    $ status cat --check
    cat                              RUNNING   pid 101, uptime 0:00:32
    [0]
    $ status cat bad --json
    [
      {
        "core_dumped": null,
        "description": "pid 101, uptime 0:00:32",
        "exit_code": null,
        "exit_reason": null,
        "exit_signal": null,
        "group": "cat",
        "listener": null,
        "name": "cat",
        "now": null,
        "output_bytes_dropped": null,
        "pid": 101,
        "process": "cat",
        "restarts": null,
        "spawn_error": null,
        "started_at": null,
        "starts": null,
        "state": "RUNNING",
        "stderr_logfile": null,
        "stdout_logfile": null,
        "stopped_at": null,
        "uptime_seconds": 0
      },
      {
        "core_dumped": null,
        "description": "can't find command '/nonexistent'",
        "exit_code": null,
        "exit_reason": null,
        "exit_signal": null,
        "group": "bad",
        "listener": null,
        "name": "bad",
        "now": null,
        "output_bytes_dropped": null,
        "pid": null,
        "process": "bad",
        "restarts": null,
        "spawn_error": null,
        "started_at": null,
        "starts": null,
        "state": "FATAL",
        "stderr_logfile": null,
        "stdout_logfile": null,
        "stopped_at": null,
        "uptime_seconds": null
      }
    ]
    [0]
    "#);
}

#[test]
fn facts_are_printed_for_people_and_for_programs() {
    let fake = Fake::playing(house);
    let lines = [
        "pid",
        "pid --json",
        "pid cat bad",
        "pid cat bad --json",
        "avail",
        "avail --json",
        "reread",
        "reread --json",
        "version --json",
    ];
    assert_snapshot!(transcript(&fake.url(), &lines).replace(env!("CARGO_PKG_VERSION"), "OURS"), @r#"
    $ pid
    100
    [0]
    $ pid --json
    {
      "pid": 100
    }
    [0]
    $ pid cat bad
    101
    0
    [0]
    $ pid cat bad --json
    {
      "bad": null,
      "cat": 101
    }
    [0]
    $ avail
    g:many_00                        in use    manual    999:1
    [0]
    $ avail --json
    [
      {
        "active": true,
        "autostart": false,
        "group_priority": 999,
        "name": "g:many_00",
        "process_priority": 1
      }
    ]
    [0]
    $ reread
    bad: disappeared
    cat: changed
    new: available
    [0]
    $ reread --json
    {
      "added": [
        "new"
      ],
      "changed": [
        "cat"
      ],
      "removed": [
        "bad"
      ]
    }
    [0]
    $ version --json
    {
      "menshen": "OURS",
      "server": "4.3.0"
    }
    [0]
    "#);
}

#[test]
fn logs_are_shown_and_followed() {
    let fake = Fake::playing(house);
    let lines = [
        "tail",
        "tail cat",
        "tail -n 5 many_01",
        "tail cat stderr",
        "tail g",
        "tail -f cat",
        "tail -f g:many_00 stderr",
        "tail -f",
        "tail nope",
    ];
    assert_snapshot!(transcript(&fake.url(), &lines), @r#"
    $ tail
    the end of the log
    [0]
    $ tail cat
    the end of the log
    [0]
    $ tail -n 5 many_01
    the end of the log
    [0]
    $ tail cat stderr
    ! menshen: there is no such log
    [1]
    $ tail g
    ! menshen: "g" is more than one process; say which: g:many_00 or g:many_01
    [4]
    $ tail -f cat
    /logtail/cat/stdout
    [0]
    $ tail -f g:many_00 stderr
    /logtail/g:many_00/stderr
    [0]
    $ tail -f
    /mainlogtail
    [0]
    $ tail nope
    ! menshen: there is no process or group "nope"
    [4]
    "#);
    let asked: Vec<_> = fake.calls().into_iter().filter(|it| it.starts_with("read")).collect();
    assert_snapshot!(asked.join("\n"), @r"
    readLog(-1600, 0)
    readProcessStdoutLog(cat, -1600, 0)
    readProcessStdoutLog(g:many_01, -5, 0)
    readProcessStderrLog(cat, -1600, 0)
    ");
}

#[test]
fn what_is_configured_but_not_active_is_told_apart_from_what_is_unknown() {
    let fake = Fake::playing(|method, parameters| match method {
        "getAllConfigInfo" => Ok(Value::Array(vec![fields(&[
            ("group", text("new")),
            ("name", text("new")),
            ("inuse", Value::Bool(false)),
        ])])),
        _ => house(method, parameters),
    });
    assert_snapshot!(transcript(&fake.url(), &["start new", "status new caat"]), @r#"
    $ start new
    ! menshen: "new" is in the configuration but not loaded; to load it: menshen update new
    [4]
    $ status new caat
    ! menshen: "new" is in the configuration but not loaded; to load it: menshen update new
    !   there is no process or group "caat"; did you mean "cat"?
    [4]
    "#);
}

#[test]
fn a_server_out_of_reach_is_named_with_what_to_do() {
    let room = tempfile::tempdir().unwrap();
    let conf = room.path().join("s.conf");
    let socket = room.path().join("s.sock");
    std::fs::write(
        &conf,
        format!(
            "[unix_http_server]\nfile={0}\n[supervisord]\n[supervisorctl]\nserverurl=unix://{0}\n",
            socket.display()
        ),
    )
    .unwrap();
    let conf = conf.to_str().unwrap();
    let mut shown = String::new();
    for line in [
        vec!["-c", conf, "status"],
        vec!["-c", conf, "shutdown"],
        vec!["-c", "/nonexistent", "status"],
        vec!["-s", "ftp://x", "status"],
        vec!["-s", "http://localhost:1", "pid"],
    ] {
        let (invocation, out, err) = invoke(&line);
        writeln!(shown, "{out}{err}{invocation:?}").unwrap();
    }
    assert_snapshot!(shown.replace(room.path().to_str().unwrap(), "ROOM"), @r"
    menshen: no server answers at unix://ROOM/s.sock: No such file or directory
      That is the address in ROOM/s.conf. To start it: menshen -c ROOM/s.conf
    Exit(3)
    menshen: no server answers at unix://ROOM/s.sock: No such file or directory
      That is the address in ROOM/s.conf. To start it: menshen -c ROOM/s.conf
    Exit(3)
    menshen: error: there is no file /nonexistent
    Exit(2)
    menshen: ftp://x names no server: write http://HOST:PORT or unix:///PATH
    Exit(2)
    menshen: no server answers at http://localhost:1: Connection refused
      That is the address given with --server.
    Exit(3)
    ");
    let fake = Fake::behind(house, Some("me:secret"));
    assert_snapshot!(transcript(&fake.url(), &["pid", "-u me -p secret pid", "-u me -p wrong pid"]), @r"
    $ pid
    ! menshen: the server at URL does not let you in
    !   Give a user and a password with -u and -p
    [3]
    $ -u me -p secret pid
    100
    [0]
    $ -u me -p wrong pid
    ! menshen: the server at URL does not let you in
    !   Give a user and a password with -u and -p
    [3]
    ");
    let leaving = Fake::playing(|_, _| Err(Fault::from(FaultCode::ShutdownState)));
    assert_snapshot!(transcript(&leaving.url(), &["status", "reread", "shutdown --no-wait"]), @r"
    $ status
    ! menshen: the server is shutting down
    [1]
    $ reread
    ! menshen: the server is shutting down
    [1]
    $ shutdown --no-wait
    shutting down
    [0]
    ");
    let broken =
        Fake::playing(|_, _| Err(Fault::about(FaultCode::CantReread, "File contains no section headers.")));
    assert_snapshot!(transcript(&broken.url(), &["reread", "update"]), @r"
    $ reread
    ! menshen: the server cannot read its configuration: File contains no section headers.
    !   To see all that is wrong with it: menshen check
    [2]
    $ update
    ! menshen: the server cannot read its configuration: File contains no section headers.
    !   To see all that is wrong with it: menshen check
    [2]
    ");
}

#[test]
fn words_that_are_no_verb_become_what_they_mean() {
    let words = |list: &[&str]| list.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
    let cases = [
        (vec!["daemon", "-n", "--help"], Invocation::Daemon { words: words(&["menshen", "-n", "--help"]) }),
        (vec!["-c", "x", "daemon", "-n"], Invocation::Daemon { words: words(&["menshen", "-c", "x", "-n"]) }),
        (vec![], Invocation::Foreground { words: words(&["menshen"]), config: None }),
        (
            vec!["-c", "x"],
            Invocation::Foreground { words: words(&["menshen", "-c", "x"]), config: Some("x".into()) },
        ),
        (vec!["--version"], Invocation::Exit(0)),
        (vec!["-s", "http://x"], Invocation::Exit(2)),
        (vec!["help", "options", "stopwaitsecs"], Invocation::Exit(0)),
        (vec!["help", "strat"], Invocation::Exit(2)),
        (vec!["completions", "bash"], Invocation::Exit(0)),
        (vec!["man"], Invocation::Exit(0)),
        (vec!["sample-config"], Invocation::Exit(0)),
    ];
    for (line, expected) in cases {
        assert_eq!(invoke(&line).0, expected, "{line:?}");
    }
    assert!(invoke(&["strat", "x"]).2.contains("'start'"));
    assert!(invoke(&["help", "strat"]).2.contains("did you mean \"start\"?"));
    assert!(invoke(&["help", "tail"]).1.contains("Usage: menshen tail"));
    assert!(invoke(&["sample-config"]).1.contains("[supervisord]"));
}

#[test]
fn the_help_lists_every_verb_and_every_exit_code() {
    assert_snapshot!(invoke(&["help"]).1, @r"
    Guards processes, as Supervisor does.

    Without a verb it runs in the foreground: the configuration given or found, else a demonstration.

    Usage: menshen [OPTIONS] [COMMAND]

    Commands:
      daemon         Be supervisord, with its flags: see `menshen daemon --help`
      check          Say everything that is wrong with a configuration, without touching anything
      doctor         Say which promises hold on this machine, which do not, and what to do about it
      status         Show what processes are doing and how they ended last
      start          Start processes and wait until they are up
      stop           Stop processes and wait until they are down
      restart        Stop processes and start them again
      wait           Wait until processes are up, down, or have ended
      signal         Send a signal to processes
      tail           Show the end of a process's log, or of the server's own when none is named
      logs           Show what several processes write, each line with the name in front
      clear          Empty the logs of processes
      rotate         Rotate the logs of processes, full or not
      why            Say why processes are as they are: how they ended, how often, what comes next
      history        Show what happened, as far as it is remembered: starts, exits and why, orders,
                     changes
      audit          Show who changed what: the last thousand changes, and those that were refused
      pid            Show the pid of the server, or of processes
      avail          Show every process the configuration has, active or not
      reread         Read the configuration again and show which groups it would change
      plan           Read the configuration again and show what an update would do to which process
      update         Read the configuration again and change what it changes, restarting no process
                     without need
      add            Make groups of the configuration active
      remove         Make stopped groups inactive
      reload         Stop everything and start the server anew
      upgrade        Make the server another version of this program, while everything runs on
      adopt          Take a process that is in doubt for ours: it runs, and is looked after again
      forget         Leave a process that is in doubt alone, so that another one can be started in its
                     place
      shutdown       Stop everything and end the server
      version        Show the versions of this program and of the server
      fg             Connect the terminal to a process
      shell          Type commands, as in supervisorctl
      top            Watch what runs, on the whole screen, and act on it
      help           Explain a verb, or what a configuration may say
      passwd         Ask for a password and print the lines by which a configuration knows it
      token          Make a token for a program and print it, and the line by which a configuration
                     knows it
      completions    Print completions for a shell: verbs, options, and the names of what runs
      sample-config  Print a configuration to start from

    Options:
      -c, --config <FILE>
              The configuration file; without it, the first one found where Supervisor looks
              
              [alias: --configuration]

      -s, --server <URL>
              The server, `http://HOST:PORT`, `https://…` or `unix:///PATH`; no configuration is read
              then
              
              [alias: --serverurl]

      -u, --username <NAME>
              The user to log in as

      -p, --password <PASSWORD>
              That user's password

          --no-color
              Print without colors, as the variable `NO_COLOR` does

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Exit codes:
      0  the wish is fulfilled: what was to run runs, what was to stop is down
      1  something failed
      2  the command line or the configuration is wrong
      3  the server cannot be reached, or does not let you in
      4  there is no such process or group

    Names of processes:
      web            a process, or every process of the group of that name
      web:web_00     one process of a group
      web:*          every process of a group
      'web-*'        every process or group whose name matches (* and ?)
      all            every process
    ");
}
