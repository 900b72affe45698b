//! Servers that are not there, are leaving, are of another kind, or want a login.

use ::wire::value::Value;
use insta::assert_snapshot;
use model::fault::{Fault, FaultCode};

use super::{transcript, typed};
use crate::client::Target;
use crate::tests::fake::{Fake, house, text};

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
