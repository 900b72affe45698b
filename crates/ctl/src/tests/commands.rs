//! Every command of `supervisorctl` against a server that plays a part.
#![expect(clippy::too_many_lines, reason = "transcripts are as long as what they show")]

use std::fmt::Write as _;
use std::io::Write as _;

use ::wire::value::Value;
use insta::assert_snapshot;
use model::fault::{Fault, FaultCode};

use crate::client::Target;
use crate::input::{Lines, Plain};
use crate::session::Session;
use crate::shell;
use crate::tests::fake::{Fake, house, outcome, text};

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
fn start_tells_each_result_and_the_last_failure_wins() {
    let fake = Fake::playing(house);
    let commands = [
        "start",
        "start cat",
        "start g:many_01",
        "start bad cat",
        "start nope no:*",
        "start g:* cat",
        "start cat all",
    ];
    assert_snapshot!(transcript(&fake.url(), &commands), @r"
    $ start
    Error: start requires a process name
    start <name>		Start a process
    start <gname>:*		Start all processes in a group
    start <name> <name>	Start multiple processes or groups
    start all		Start all processes
    [2]
    $ start cat
    cat: ERROR (already started)
    [0]
    $ start g:many_01
    g:many_01: started
    [0]
    $ start bad cat
    bad: ERROR (no such file)
    cat: ERROR (already started)
    [1]
    $ start nope no:*
    nope: ERROR (no such process)
    no: ERROR (no such group)
    [2]
    $ start g:* cat
    g:many_01: ERROR (spawn error)
    cat: ERROR (already started)
    [7]
    $ start cat all
    g:many_01: ERROR (spawn error)
    [7]
    ");
    assert_eq!(fake.calls().last().unwrap(), "startAllProcesses()");
}

#[test]
fn stop_signal_and_restart_tell_each_result() {
    let fake = Fake::playing(house);
    let commands = [
        "stop",
        "stop cat",
        "stop bad",
        "stop nope",
        "stop no:*",
        "stop g:",
        "stop all",
        "restart",
        "restart g:many_01",
        "restart cat",
        "signal",
        "signal HUP",
        "signal HUP cat",
        "signal FOO cat",
        "signal HUP bad nope",
        "signal HUP no:*",
        "signal HUP all",
    ];
    assert_snapshot!(transcript(&fake.url(), &commands), @r"
    $ stop
    Error: stop requires a process name
    stop <name>		Stop a process
    stop <gname>:*		Stop all processes in a group
    stop <name> <name>	Stop multiple processes or groups
    stop all		Stop all processes
    [1]
    $ stop cat
    cat: stopped
    [0]
    $ stop bad
    bad: ERROR (not running)
    [0]
    $ stop nope
    nope: ERROR (no such process)
    [1]
    $ stop no:*
    no: ERROR (no such group)
    [1]
    $ stop g:
    g:many_00: stopped
    [0]
    $ stop all
    g:many_00: stopped
    [0]
    $ restart
    Error: restart requires a process name
    restart <name>		Restart a process
    restart <gname>:*	Restart all processes in a group
    restart <name> <name>	Restart multiple processes or groups
    restart all		Restart all processes
    Note: restart does not reread config files. For that, see reread and update.
    [1]
    $ restart g:many_01
    g:many_01: ERROR (not running)
    g:many_01: started
    [0]
    $ restart cat
    cat: stopped
    cat: ERROR (already started)
    [0]
    $ signal
    Error: signal requires a signal name and a process name
    signal <signal name> <name>		Signal a process
    signal <signal name> <gname>:*		Signal all processes in a group
    signal <signal name> <name> <name>	Signal multiple processes or groups
    signal <signal name> all		Signal all processes
    [1]
    $ signal HUP
    Error: signal requires a signal name and a process name
    signal <signal name> <name>		Signal a process
    signal <signal name> <gname>:*		Signal all processes in a group
    signal <signal name> <name> <name>	Signal multiple processes or groups
    signal <signal name> all		Signal all processes
    [1]
    $ signal HUP cat
    cat: signalled
    [0]
    $ signal FOO cat
    cat: ERROR (bad signal name)
    [1]
    $ signal HUP bad nope
    bad: ERROR (not running)
    nope: ERROR (no such process)
    [1]
    $ signal HUP no:*
    no: ERROR (no such group)
    [1]
    $ signal HUP all
    g:many_00: signalled
    [0]
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
fn groups_are_added_removed_and_brought_up_to_date() {
    let fake = Fake::playing(house);
    let commands = ["add", "add new cat nope", "remove bad g nope", "reread", "reread x", "avail", "avail x"];
    assert_snapshot!(transcript(&fake.url(), &commands), @r"
    $ add
    [0]
    $ add new cat nope
    new: added process group
    ERROR: process group already active
    ERROR: no such process/group: nope
    [1]
    $ remove bad g nope
    bad: removed process group
    ERROR: process/group still running: g
    ERROR: no such process/group: nope
    [1]
    $ reread
    bad: disappeared
    cat: changed
    new: available
    [0]
    $ reread x
    Error: reread accepts no arguments
    reread 			Reload the daemon's configuration files without add/remove
    [1]
    $ avail
    g:many_00                        in use    manual    999:1
    [0]
    $ avail x
    Error: avail accepts no arguments
    avail			Display all configured processes
    [1]
    ");
}

#[test]
fn an_update_touches_what_has_changed_and_was_named() {
    let fake = Fake::playing(|method, parameters| match method {
        "addProcessGroup" => Ok(Value::Bool(true)),
        _ => house(method, parameters),
    });
    let commands = ["update", "update all cat", "update new nope", "update cat", "update g"];
    assert_snapshot!(transcript(&fake.url(), &commands), @r"
    $ update
    bad: stopped
    bad: removed process group
    cat: stopped
    cat: updated process group
    new: added process group
    [0]
    $ update all cat
    bad: stopped
    bad: removed process group
    cat: stopped
    cat: updated process group
    new: added process group
    [0]
    $ update new nope
    ERROR: no such group: nope
    new: added process group
    [1]
    $ update cat
    cat: stopped
    cat: updated process group
    [0]
    $ update g
    [0]
    ");
    let stubborn = Fake::playing(|method, parameters| match method {
        "stopProcessGroup" => Ok(Value::Array(vec![outcome("bad", "bad", FaultCode::Failed)])),
        _ => house(method, parameters),
    });
    assert_snapshot!(transcript(&stubborn.url(), &["update bad"]), @r"
    $ update bad
    bad: stopped
    bad: has problems; not removing
    [1]
    ");
    let broken = Fake::playing(|_, _| Err(Fault::about(FaultCode::CantReread, "no such file")));
    assert_snapshot!(transcript(&broken.url(), &["reread", "update"]), @r"
    $ reread
    ERROR: CANT_REREAD: no such file
    [1]
    $ update
    error: <class 'xmlrpc.client.Fault'>, <Fault 92: 'CANT_REREAD: no such file'>
    [1]
    ");
}

#[test]
fn the_server_itself_obeys() {
    let fake = Fake::playing(house);
    let commands =
        ["version", "version x", "shutdown", "shutdown x", "reload", "reload x", "open ftp://x", "open"];
    assert_snapshot!(transcript(&fake.url(), &commands), @r"
    $ version
    4.3.0
    [0]
    $ version x
    Error: version accepts no arguments
    version			Show the version of the remote supervisord process
    [1]
    $ shutdown
    Shut down
    [0]
    $ shutdown x
    Error: shutdown accepts no arguments
    shutdown 	Shut the remote supervisord down.
    [1]
    $ reload
    Restarted supervisord
    [0]
    $ reload x
    Error: reload accepts no arguments
    reload 		Restart the remote supervisord.
    [1]
    $ open ftp://x
    ERROR: url must be http:// or unix://
    [1]
    $ open
    ERROR: url must be http:// or unix://
    [1]
    ");
    assert_eq!(run("http://localhost:1", &format!("open {}", fake.url())).2, 0);
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
fn a_server_that_is_not_there_is_told_by_each_command_in_its_way() {
    let room = tempfile::tempdir().unwrap();
    let nowhere = format!("unix://{}/s.sock", room.path().display());
    let refused = format!("unix://{}", room.path().join("dead.sock").display());
    drop(std::os::unix::net::UnixListener::bind(room.path().join("dead.sock")).unwrap());
    let commands = ["status", "pid", "avail", "shutdown", "reload", "update"];
    let shown = transcript(&nowhere, &commands) + &transcript(&refused, &commands);
    assert_snapshot!(shown.replace(room.path().to_str().unwrap(), "ROOM"), @r"
    $ status
    unix://ROOM/s.sock no such file
    [4]
    $ pid
    unix://ROOM/s.sock no such file
    [7]
    $ avail
    error: <class 'FileNotFoundError'>, [Errno 2] No such file or directory
    [1]
    $ shutdown
    ERROR: unix://ROOM/s.sock no such file (already shut down?)
    [1]
    $ reload
    error: <class 'FileNotFoundError'>, [Errno 2] No such file or directory
    [1]
    $ update
    error: <class 'FileNotFoundError'>, [Errno 2] No such file or directory
    [1]
    $ status
    unix://ROOM/dead.sock refused connection
    [4]
    $ pid
    unix://ROOM/dead.sock refused connection
    [4]
    $ avail
    error: <class 'ConnectionRefusedError'>, [Errno 111] Connection refused
    [1]
    $ shutdown
    ERROR: unix://ROOM/dead.sock refused connection (already shut down?)
    [1]
    $ reload
    error: <class 'ConnectionRefusedError'>, [Errno 111] Connection refused
    [1]
    $ update
    error: <class 'ConnectionRefusedError'>, [Errno 111] Connection refused
    [1]
    ");
    assert_snapshot!(transcript("ftp://x", &["status"]), @r"
    $ status
    error: <class 'ValueError'>, Unknown protocol for serverurl ftp://x
    [1]
    ");
}

#[test]
fn a_server_that_is_leaving_refuses_in_many_words() {
    let fake = Fake::playing(|_, _| Err(Fault::from(FaultCode::ShutdownState)));
    let commands = ["status", "avail", "reread", "update", "add x", "remove x", "shutdown", "reload"];
    assert_snapshot!(transcript(&fake.url(), &commands), @r"
    $ status
    error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>
    [1]
    $ avail
    ERROR: supervisor shutting down
    [1]
    $ reread
    ERROR: supervisor shutting down
    [1]
    $ update
    ERROR: already shutting down
    [1]
    $ add x
    ERROR: shutting down
    [1]
    $ remove x
    error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>
    [1]
    $ shutdown
    ERROR: already shutting down
    [0]
    $ reload
    ERROR: already shutting down
    [1]
    ");
    let guarded = Fake::playing(|method, parameters| match method {
        "getVersion" => house(method, parameters),
        _ => {
            Err(Fault::about(FaultCode::Forbidden, "it needs the role operator, and eve has the role viewer"))
        }
    });
    assert_snapshot!(transcript(&guarded.url(), &["stop cat"]), @r"
    $ stop cat
    cat: ERROR (it needs the role operator, and eve has the role viewer)
    [1]
    ");
    let late = Fake::playing(|method, parameters| match method {
        "getVersion" => house(method, parameters),
        _ => Err(Fault::from(FaultCode::ShutdownState)),
    });
    assert_snapshot!(transcript(&late.url(), &["start cat", "start g:*", "stop all", "clear cat", "tail cat"]), @r"
    $ start cat
    error: <class 'ValueError'>, Unknown result code 6 for cat
    [1]
    $ start g:*
    error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>
    [1]
    $ stop all
    error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>
    [1]
    $ clear cat
    error: <class 'ValueError'>, Unknown result code 6 for cat
    [1]
    $ tail cat
    error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>
    [1]
    ");
}

#[test]
fn a_server_of_another_kind_is_not_talked_to() {
    let newer = Fake::playing(|_, _| Ok(text("4.0")));
    assert_snapshot!(transcript(&newer.url(), &["version", "status"]), @r"
    $ version
    Sorry, this version of supervisorctl expects to talk to a server with API version 3.0, but the remote version is 4.0.
    [5]
    $ status
    Sorry, this version of supervisorctl expects to talk to a server with API version 3.0, but the remote version is 4.0.
    [4]
    ");
    let other = Fake::playing(|_, _| Err(Fault::from(FaultCode::UnknownMethod)));
    assert_snapshot!(transcript(&other.url(), &["version"]), @r"
    $ version
    Sorry, supervisord responded but did not recognize the supervisor namespace commands that supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is enabled in the configuration file (see sample.conf).
    [3]
    ");
    let odd = Fake::playing(|method, _| Ok(if method == "getVersion" { text("3.0") } else { Value::Int(1) }));
    assert_snapshot!(transcript(&odd.url(), &["status", "tail cat"]), @r"
    $ status
    error: <class 'TypeError'>, the server's answer to supervisor.getAllProcessInfo is not of the promised type
    [1]
    $ tail cat
    error: <class 'TypeError'>, the server's answer to supervisor.readProcessStdoutLog is not of the promised type
    [1]
    ");
}

#[test]
fn a_login_is_demanded_once_and_asked_for_where_someone_can_answer() {
    let fake = Fake::behind(house, Some("me:secret"));
    assert_snapshot!(transcript(&fake.url(), &["pid"]), @r"
    $ pid
    Server requires authentication
    error: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 401 Unauthorized>
    [1]
    ");
    let target = Target { url: fake.url(), credentials: None };
    assert_snapshot!(typed(target, "me\nwrong\nme\nsecret\npid\n"), @r"
    Server requires authentication
    Username:Password:
    Server requires authentication
    Username:Password:
    bad                              FATAL     can't find command '/nonexistent'
    cat                              RUNNING   pid 101, uptime 0:00:32
    g:many_00                        RUNNING   pid 102, uptime 1 day, 0:00:32
    g:many_01                        STOPPED   Not started
    supervisor> 100
    supervisor>
    ");
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
