//! Every command of `supervisorctl` against a server that plays a part.
#![expect(clippy::too_many_lines, reason = "transcripts are as long as what they show")]

mod orders;
mod trouble;

use std::fmt::Write as _;
use std::io::Write as _;

use insta::assert_snapshot;

use crate::client::Target;
use crate::input::{Lines, Plain};
use crate::session::Session;
use crate::shell;
use crate::tests::fake::{Fake, house};

/// Runs each command in a session of its own; shows what it prints and its exit code.
fn transcript(url: &str, commands: &[&str]) -> String {
    let mut shown = String::new();
    for command in commands {
        let (out, err, code) = run(url, command);
        writeln!(shown, "$ {command}\n{out}{err}[{code}]").unwrap();
    }
    shown
}

fn run(url: &str, command: &str) -> (String, String, u8) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (reader, _) = std::io::pipe().unwrap();
    let mut input = Plain::new(Lines::new(reader.into()));
    let target = Target { url: url.to_owned(), credentials: None };
    let mut session = Session::new(target, &mut out, &mut err, &mut input, false);
    let (alarm, _bell) = std::io::pipe().unwrap();
    // A pipe that is never written to is an interrupt that never comes; its writer must live on.
    session.interrupt = Some(std::rc::Rc::new(alarm));
    session.run(command).unwrap();
    let code = session.exit;
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), code)
}

/// Runs the shell on a script.
fn typed(target: Target, script: &str) -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(script.as_bytes()).unwrap();
    drop(writer);
    let mut input = Plain::new(Lines::new(reader.into()));
    let mut session = Session::new(target, &mut out, &mut err, &mut input, true);
    let (alarm, _bell) = std::io::pipe().unwrap();
    session.interrupt = Some(std::rc::Rc::new(alarm));
    shell::run(&mut session, "supervisor> ").unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn status_shows_what_was_asked_for_and_says_what_is_not_there() {
    let fake = Fake::playing(house);
    assert_snapshot!(transcript(&fake.url(), &["status", "status cat", "status g:* cat:cat", "status nope no:* g"]), @r"
    $ status
    bad                              FATAL     can't find command '/nonexistent'
    cat                              RUNNING   pid 101, uptime 0:00:32
    g:many_00                        RUNNING   pid 102, uptime 1 day, 0:00:32
    g:many_01                        STOPPED   Not started
    [3]
    $ status cat
    cat                              RUNNING   pid 101, uptime 0:00:32
    [0]
    $ status g:* cat:cat
    g:many_00                        RUNNING   pid 102, uptime 1 day, 0:00:32
    g:many_01                        STOPPED   Not started
    cat                              RUNNING   pid 101, uptime 0:00:32
    [3]
    $ status nope no:* g
    nope: ERROR (no such process)
    no: ERROR (no such group)
    g: ERROR (no such process)
    [4]
    ");
}

#[test]
fn clear_knows_no_groups() {
    let fake = Fake::playing(house);
    assert_snapshot!(transcript(&fake.url(), &["clear", "clear cat nope", "clear g:*", "clear all"]), @r"
    $ clear
    Error: clear requires a process name
    clear <name>		Clear a process' log files.
    clear <name> <name>	Clear multiple process' log files
    clear all		Clear all process' log files
    [1]
    $ clear cat nope
    cat: cleared
    nope: ERROR (no such process)
    [1]
    $ clear g:*
    g:None: ERROR (no such process)
    [1]
    $ clear all
    cat: cleared
    bad: ERROR (failed)
    [1]
    ");
}

#[test]
fn logs_are_shown_from_their_end() {
    let fake = Fake::playing(house);
    let commands = [
        "tail",
        "tail cat",
        "tail -5 cat stderr",
        "tail cat STDERR",
        "tail nope",
        "tail -x cat",
        "tail cat foo",
        "tail -f",
        "tail a b c d",
        "tail -5_0 cat",
        "tail --5 cat",
        "tail -99999999999 cat",
        "maintail",
        "maintail -7",
        "maintail x",
        "maintail -x",
        "maintail 1 2",
    ];
    assert_snapshot!(transcript(&fake.url(), &commands), @r"
    $ tail
    Error: too few arguments
    tail [-f] <name> [stdout|stderr] (default stdout)
    Ex:
    tail -f <name>		Continuous tail of named process stdout
    			Ctrl-C to exit.
    tail -100 <name>	last 100 *bytes* of process stdout
    tail <name> stderr	last 1600 *bytes* of process stderr
    [1]
    $ tail cat
    the end of the log
    [0]
    $ tail -5 cat stderr
    cat: ERROR (no log file)
    [1]
    $ tail cat STDERR
    cat: ERROR (no log file)
    [1]
    $ tail nope
    nope: ERROR (no such process name)
    [1]
    $ tail -x cat
    Error: bad argument -x
    [1]
    $ tail cat foo
    Error: bad channel 'foo'
    [1]
    $ tail -f
    Error: tail requires process name
    [1]
    $ tail a b c d
    Error: too many arguments
    tail [-f] <name> [stdout|stderr] (default stdout)
    Ex:
    tail -f <name>		Continuous tail of named process stdout
    			Ctrl-C to exit.
    tail -100 <name>	last 100 *bytes* of process stdout
    tail <name> stderr	last 1600 *bytes* of process stderr
    [1]
    $ tail -5_0 cat
    the end of the log
    [0]
    $ tail --5 cat
    the end of the log
    [0]
    $ tail -99999999999 cat
    error: <class 'OverflowError'>, int exceeds XML-RPC limits
    [1]
    $ maintail
    the end of the log
    [0]
    $ maintail -7
    the end of the log
    [0]
    $ maintail x
    Error: bad argument x
    [1]
    $ maintail -x
    Error: bad argument -x
    [1]
    $ maintail 1 2
    Error: too many arguments
    maintail -f 	Continuous tail of supervisor main log file (Ctrl-C to exit)
    maintail -100	last 100 *bytes* of supervisord main log file
    maintail	last 1600 *bytes* of supervisor main log file

    [1]
    ");
    let asked: Vec<_> = fake.calls().into_iter().filter(|it| it.starts_with("read")).collect();
    assert_snapshot!(asked.join("\n"), @r"
    readProcessStdoutLog(cat, -1600, 0)
    readProcessStderrLog(cat, -5, 0)
    readProcessStderrLog(cat, -1600, 0)
    readProcessStdoutLog(nope, -1600, 0)
    readProcessStdoutLog(cat, -50, 0)
    readProcessStdoutLog(cat, 5, 0)
    readLog(-1600, 0)
    readLog(-7, 0)
    ");
}

#[test]
fn a_log_is_followed_and_a_missing_one_is_told_without_an_exit_code() {
    let fake = Fake::playing(house);
    let shown =
        transcript(&fake.url(), &["tail -f cat", "tail -f g:many_00 stderr", "maintail -f", "tail -f none"]);
    assert_snapshot!(shown.replace(&fake.url(), "URL"), @r"
    $ tail -f cat
    ==> Press Ctrl-C to exit <==
    /logtail/cat/stdout
    [0]
    $ tail -f g:many_00 stderr
    ==> Press Ctrl-C to exit <==
    /logtail/g:many_00/stderr
    [0]
    $ maintail -f
    ==> Press Ctrl-C to exit <==
    /mainlogtail
    [0]
    $ tail -f none
    ==> Press Ctrl-C to exit <==
    URL/logtail/none/stdout Cannot read, status code 404
    [0]
    ");
}

#[test]
fn pids_come_one_per_line() {
    let fake = Fake::playing(house);
    assert_snapshot!(transcript(&fake.url(), &["pid", "pid all", "pid cat bad", "pid nope", "pid nope bad", "pid g:*"]), @r"
    $ pid
    100
    [0]
    $ pid all
    0
    101
    102
    0
    [0]
    $ pid cat bad
    101
    0
    [7]
    $ pid nope
    No such process nope
    [1]
    $ pid nope bad
    No such process nope
    0
    [7]
    $ pid g:*
    No such process g:*
    [1]
    ");
}

#[test]
fn what_is_no_command_is_shown_back() {
    let fake = Fake::playing(house);
    let commands =
        ["", "foo bar", "!ls", "-x", "help nope", "help help", "help fg", "?", "? pid", "quit", "EOF"];
    assert_snapshot!(transcript(&fake.url(), &commands), @r"
    $ 
    [0]
    $ foo bar
    *** Unknown syntax: foo bar
    [1]
    $ !ls
    *** Unknown syntax: !ls
    [1]
    $ -x
    *** Unknown syntax: -x
    [1]
    $ help nope
    *** No help on nope
    [0]
    $ help help
    help		Print a list of available actions
    help <action>	Print help for <action>
    [0]
    $ help fg
    fg <process>	Connect to a process in foreground mode
    		Ctrl-C to exit
    [0]
    $ ?

    default commands (type help <topic>):
    =====================================
    add    exit      open  reload  restart   start   tail   
    avail  fg        pid   remove  shutdown  status  update 
    clear  maintail  quit  reread  signal    stop    version

    [0]
    $ ? pid
    pid			Get the PID of supervisord.
    pid <name>		Get the PID of a single child process by name.
    pid all			Get the PID of every child process, one per line.
    [0]
    $ quit

    [0]
    $ EOF

    [0]
    ");
}

#[test]
fn foreground_needs_a_process_that_runs() {
    let fake = Fake::playing(house);
    let commands = ["fg", "fg a b", "fg nope", "fg bad", "fg cat"];
    assert_snapshot!(transcript(&fake.url(), &commands).replace(&fake.url(), "URL"), @r"
    $ fg
    ERROR: no process name supplied
    fg <process>	Connect to a process in foreground mode
    		Ctrl-C to exit
    [1]
    $ fg a b
    ERROR: too many process names supplied
    [1]
    $ fg nope
    ERROR: bad process name supplied
    [1]
    $ fg bad
    ERROR: process not running
    [1]
    $ fg cat
    ==> Press Ctrl-C to exit <==
    /logtail/cat/stdout
    /logtail/cat/stderr
    Exiting foreground
    [0]
    ");
}

#[test]
fn lines_go_to_the_process_in_the_foreground() {
    let fake = Fake::playing(house);
    let target = Target { url: fake.url(), credentials: None };
    assert!(typed(target, "fg cat\nhello\nworld").ends_with("Exiting foreground\nsupervisor> \n"));
    let sent: Vec<_> = fake.calls().into_iter().filter(|it| it.starts_with("send")).collect();
    assert_eq!(sent, ["sendProcessStdin(cat, hello\n)", "sendProcessStdin(cat, world\n)"]);
}

#[test]
fn the_shell_reads_a_pipe_and_prints_its_prompts() {
    let fake = Fake::playing(house);
    let target = || Target { url: fake.url(), credentials: None };
    assert_snapshot!(typed(target(), "pid\n\nfoo\nshutdown\nn\nshutdown\nyes\nreload\nquit\npid\n"), @r"
    bad                              FATAL     can't find command '/nonexistent'
    cat                              RUNNING   pid 101, uptime 0:00:32
    g:many_00                        RUNNING   pid 102, uptime 1 day, 0:00:32
    g:many_01                        STOPPED   Not started
    supervisor> 100
    supervisor> supervisor> *** Unknown syntax: foo
    supervisor> Really shut the remote supervisord process down y/N? supervisor> Really shut the remote supervisord process down y/N? Shut down
    supervisor> Really restart the remote supervisord process y/N? supervisor> 100
    supervisor>
    ");
    fake.calls();
    assert_snapshot!(typed(target(), "shutdown\n"), @r"
    bad                              FATAL     can't find command '/nonexistent'
    cat                              RUNNING   pid 101, uptime 0:00:32
    g:many_00                        RUNNING   pid 102, uptime 1 day, 0:00:32
    g:many_01                        STOPPED   Not started
    supervisor> Really shut the remote supervisord process down y/N? error: <class 'EOFError'>, EOF when reading a line
    supervisor>
    ");
    assert!(!fake.calls().contains(&"shutdown()".to_owned()));
}
