//! What is ordered: starts, stops, groups, updates.

use ::wire::value::Value;
use insta::assert_snapshot;
use model::fault::{Fault, FaultCode};

use super::{run, transcript};
use crate::tests::fake::{Fake, house, outcome};

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
