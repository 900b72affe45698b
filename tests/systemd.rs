//! Under a service manager that wants to know how it goes.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::Duration;

use e2e::house::House;
use e2e::program::{Make, menshen, root};
use e2e::said::Said;
use e2e::wait::{DEADLINE, until};
use rustix::process::Signal;

/// A service manager, as far as its socket goes.
struct Manager(UnixDatagram);

impl Manager {
    fn new(address: &SocketAddr) -> Self {
        let socket = UnixDatagram::bind_addr(address).expect("cannot bind the socket");
        socket.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
        Self(socket)
    }

    /// The next message that begins with `name`.
    #[track_caller]
    fn hears(&self, name: &str) -> String {
        let mut room = [0; 4096];
        loop {
            let count = self.0.recv(&mut room).unwrap_or_else(|error| panic!("waiting for {name}: {error}"));
            let message = String::from_utf8_lossy(&room[..count]).into_owned();
            if message.starts_with(name) {
                return message;
            }
        }
    }

    /// Whether nothing waits to be read.
    fn has_heard_all(&self) -> bool {
        self.0.set_read_timeout(Some(Duration::from_millis(1))).expect("a timeout can be set");
        self.0.recv(&mut [0; 64]).is_err()
    }
}

const PROGRAMS: &str = "\
[program:curious]
command=/bin/sh -c 'env >{here}/part.c; mv {here}/part.c {here}/curious; exec cat'
[program:entrusted]
command=/bin/sh -c 'env >{here}/part.e; mv {here}/part.e {here}/entrusted; exec cat'
environment=NOTIFY_SOCKET=\"%(ENV_NOTIFY_SOCKET)s\"
";

fn started(house: &mut House, socket: &str) {
    let mut command = house.command("supervisord");
    command
        .args(["-n", "-c", "supervisord.conf"])
        .env("NOTIFY_SOCKET", socket)
        .env("WATCHDOG_USEC", "1000000");
    house.start_command(&mut command);
}

#[test]
fn the_manager_hears_of_the_start_the_reload_and_the_end() {
    let mut house = House::of(Make::Menshen, PROGRAMS);
    let path = house.path("notify");
    let manager = Manager::new(&SocketAddr::from_pathname(&path).expect("a short path"));
    started(&mut house, path.to_str().expect("a plain name"));
    assert!(manager.hears("READY=1").contains("STATUS=the daemon is up"));
    house.until_answering();
    house.until_state("entrusted", "RUNNING");
    house.until_state("curious", "RUNNING");
    until("both have written down what they see", || {
        ["curious", "entrusted"].iter().all(|it| house.path(it).exists())
    });
    for variable in ["NOTIFY_SOCKET=", "WATCHDOG_USEC="] {
        assert!(!house.text("curious").contains(variable), "{}", house.text("curious"));
    }
    assert!(house.text("entrusted").contains(&format!("NOTIFY_SOCKET={}", path.display())));
    assert!(!house.text("entrusted").contains("WATCHDOG_USEC="));

    house.signal(Signal::HUP);
    assert!(manager.hears("RELOADING=1").contains("\nMONOTONIC_USEC="));
    manager.hears("READY=1");
    house.until_state("curious", "RUNNING");
    house.signal(Signal::TERM);
    assert!(manager.hears("STOPPING=1").contains("STATUS=stopping all programs"));
    manager.hears("STATUS=all programs are stopped");
    assert!(house.until_ended().success());
    assert!(manager.has_heard_all());
}

#[test]
fn a_unit_whose_main_process_was_killed_is_up_again_with_every_program() {
    let mut house = House::of(Make::Menshen, "[program:cat]\ncommand=cat\n");
    let path = house.path("notify");
    let manager = Manager::new(&SocketAddr::from_pathname(&path).expect("a short path"));
    started(&mut house, path.to_str().expect("a plain name"));
    manager.hears("READY=1");
    house.until_answering();
    house.until_state("cat", "RUNNING");
    let (main, cat) = (house.pid(), house.pid_of("cat"));
    house.signal(Signal::KILL);
    house.until_ended();
    until("the daemon stands in", || house.pid_in_file().is_some_and(|it| it != main));
    until("it answers", || house.pid_of("cat") == cat);
    // The manager starts the unit again, being the parent of both.
    started(&mut house, path.to_str().expect("a plain name"));
    until("the main process is the keeper", || house.pid_in_file() == Some(house.pid()));
    manager.hears("READY=1");
    until("it answers", || house.pid_of("cat") == cat);
    house.signal(Signal::TERM);
    manager.hears("STOPPING=1");
    assert!(house.until_ended().success());
}

#[test]
fn a_socket_may_have_a_name_instead_of_a_path() {
    let mut house = House::of(Make::Menshen, "[program:cat]\ncommand=cat\n");
    let name = house.here();
    let manager = Manager::new(&SocketAddr::from_abstract_name(&name).expect("a short name"));
    started(&mut house, &format!("@{name}"));
    manager.hears("READY=1");
    assert!(house.stopped().success());
}

#[test]
fn a_manager_that_does_not_read_or_is_gone_holds_up_nobody() {
    let mut house = House::of(Make::Menshen, "[program:cat]\ncommand=cat\n");
    let path = house.path("notify");
    for there in [true, false] {
        let manager = there.then(|| UnixDatagram::bind(&path).expect("cannot bind the socket"));
        started(&mut house, path.to_str().expect("a plain name"));
        house.until_answering();
        for _ in 0..3 {
            house.ctl(&["restart", "cat"]).expect_code(0);
        }
        assert!(house.stopped().success());
        drop(manager);
        std::fs::remove_file(&path).ok();
    }
}

#[test]
fn the_unit_is_one() {
    let unit =
        std::fs::read_to_string(root().join("packaging/systemd/menshen.service")).expect("it is there");
    for line in ["Type=notify", "KillMode=process", "Delegate=yes", "OOMPolicy=continue", "Restart=always"] {
        assert!(unit.lines().any(|it| it == line), "{line}");
    }
    let house = House::of(Make::Menshen, "");
    let installed = unit.replace("/usr/local/bin/menshen", &menshen().display().to_string());
    let path = house.write("menshen.service", &installed);
    let Ok(output) = Command::new("systemd-analyze").arg("verify").arg(path).output() else {
        eprintln!("NOT TESTED: there is no systemd-analyze here");
        return;
    };
    let said = Said::from(output);
    // It also speaks of units of the machine's own, and of a manual page that is not installed yet.
    let complaints: Vec<_> =
        said.err.lines().filter(|it| it.contains("menshen.service") && !it.contains("man ")).collect();
    assert!(complaints.is_empty(), "{said:?}");
}
