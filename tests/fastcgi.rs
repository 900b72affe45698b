//! Programs that share a listening socket.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::net::UnixStream;

use e2e::house::House;
use e2e::proc;
use e2e::wait::until;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::Signal;

/// Accepts on descriptor 0, as a FastCGI program does, and answers with its pid.
const GREETER: &str = "\
import os, socket
listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    connection.sendall(str(os.getpid()).encode())
    connection.close()
";

fn ask(house: &House) -> Option<i32> {
    let mut stream = UnixStream::connect(house.path("f.sock")).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.parse().ok()
}

#[test]
fn two_programs_answer_on_one_socket_that_outlives_both() {
    let house = House::new(
        "[fcgi-program:greeter]\ncommand=python3 greeter.py\ndirectory={here}\nsocket=unix://{here}/f.sock\n\
         socket_mode=0660\nnumprocs=2\nprocess_name=%(program_name)s_%(process_num)d\n",
    );
    house.write("greeter.py", GREETER);
    let house = house.started();
    house.until_state("greeter:greeter_0", "RUNNING");
    house.until_state("greeter:greeter_1", "RUNNING");
    let pids = BTreeSet::from([house.pid_of("greeter:greeter_0"), house.pid_of("greeter:greeter_1")]);
    let answered = ask(&house).expect("it answers");
    assert!(pids.contains(&answered), "{answered} is none of {pids:?}");

    for pid in &pids {
        proc::send(*pid, Signal::KILL);
    }
    // Both are dead, and yet a connection is not refused: the socket is not theirs.
    let patient = UnixStream::connect(house.path("f.sock"));
    assert!(patient.is_ok(), "refused");
    until("a new one answers", || ask(&house).is_some_and(|pid| !pids.contains(&pid)));

    house.ctl(&["stop", "greeter:*"]).expect_code(0);
    until("the socket is closed with its last program", || ask(&house).is_none());
}

#[test]
fn a_socket_that_is_taken_fails_its_program_and_no_other() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("cannot listen");
    let port = taken.local_addr().expect("it has an address").port();
    let house = House::new(&format!(
        "[fcgi-program:greeter]\ncommand=sleep 1000\nsocket=tcp://127.0.0.1:{port}\nstartretries=1\n\
         [program:neighbor]\ncommand=cat\n"
    ));
    if e2e::program::Make::is_original() {
        return; // It ends, with a traceback.
    }
    let house = house.started();
    house.until_state("neighbor", "RUNNING");
    house.until_state("greeter", "FATAL");
    let status = house.ctl(&["status", "greeter"]);
    assert!(status.out.contains(&format!("tcp://127.0.0.1:{port}")), "{status:?}");
    house.until_logged(&format!("Could not create FastCGI socket tcp://127.0.0.1:{port}"));
    drop(taken);
    house.ctl(&["start", "greeter"]).expect_code(0);
}

#[test]
fn as_many_connections_wait_as_socket_backlog_says() {
    let house = House::new(
        "[fcgi-program:deaf]\ncommand=sleep 1000\nsocket=unix://{here}/f.sock\nsocket_backlog=3\nstartsecs=0\n",
    )
    .started();
    house.until_state("deaf", "RUNNING");
    let address = SocketAddrUnix::new(house.path("f.sock")).expect("the path is short");
    let connect = || {
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::NONBLOCK, None)
            .expect("a socket");
        net::connect(&socket, &address).map(|()| socket)
    };
    let waiting: Vec<_> = std::iter::from_fn(|| connect().ok()).take(100).collect();
    assert_eq!(waiting.len(), 4, "one more than the number, as listen(2) has it");
}
