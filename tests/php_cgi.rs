//! FastCGI for real: php-cgi on sockets of ours, of both kinds, and nginx in front of it.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use e2e::house::House;
use e2e::http::{free_port, get};
use e2e::proc;
use e2e::program::{Make, assert_installed};
use e2e::wait::{until, until_some};
use rustix::process::Signal;

/// Two processes on each socket, one program whose port is taken, and what asks them.
const PROGRAMS: &str = "\
[fcgi-program:tcp]
command=php-cgi
process_name=%(program_name)s_%(process_num)d
numprocs=2
socket=tcp://127.0.0.1:{tcp}
socket_backlog=64
stdout_logfile={here}/tcp_%(process_num)d.log
[fcgi-program:unix]
command=php-cgi
process_name=%(program_name)s_%(process_num)d
numprocs=2
socket=unix://{here}/php.sock
socket_owner={owner}
socket_mode=0660
[program:nginx]
command=nginx -p {here} -c nginx.conf -e stderr -g 'daemon off;'
stopsignal=QUIT
";

/// Of which the original dies.
const BUSY: &str = "\
[fcgi-program:busy]
command=php-cgi
socket=tcp://127.0.0.1:{busy}
startretries=0
";

const NGINX: &str = "\
{user}
worker_processes 1;
pid nginx.pid;
error_log stderr notice;
events {
    worker_connections 64;
}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {
        listen 127.0.0.1:{port};
        fastcgi_param SCRIPT_FILENAME {here}/page.php;
        fastcgi_param REQUEST_METHOD $request_method;
        fastcgi_param QUERY_STRING $query_string;
        fastcgi_param REDIRECT_STATUS 200;
        location /tcp { fastcgi_pass 127.0.0.1:{tcp}; }
        location /unix { fastcgi_pass unix:{here}/php.sock; }
    }
}
";

const PAGE: &str = "<?php echo php_sapi_name(), ' ', getmypid(), ' ', $_GET['word'];\n";

/// The supervisor, what is in front of it, and a port that somebody else has.
struct Site {
    house: House,
    port: u16,
    busy: TcpListener,
}

impl Site {
    fn opened() -> Self {
        for name in ["nginx", "php-cgi"] {
            assert_installed(name);
        }
        let busy = TcpListener::bind("127.0.0.1:0").expect("cannot listen");
        let (port, tcp) = (free_port(), free_port());
        let is_root = rustix::process::getuid().is_root();
        // Root gives the socket to whom the workers of nginx are; anybody else can give it to nobody.
        let own = std::fs::metadata("/proc/self").expect("proc is there").uid().to_string();
        let (owner, user) =
            if is_root { ("www-data:www-data", "user www-data;") } else { (own.as_str(), "") };
        let filled = |text: &str| {
            let text = text.replace("{tcp}", &tcp.to_string()).replace("{port}", &port.to_string());
            let busy = busy.local_addr().expect("it has an address").port().to_string();
            text.replace("{owner}", owner).replace("{user}", user).replace("{busy}", &busy)
        };
        let busy_program = if Make::is_original() { "" } else { BUSY };
        let house = House::new(&filled(&format!("{PROGRAMS}{busy_program}")));
        house.write("nginx.conf", &filled(NGINX));
        house.write("page.php", PAGE);
        let house = house.started();
        for process in ["tcp:tcp_0", "tcp:tcp_1", "unix:unix_0", "unix:unix_1", "nginx"] {
            house.until_state(process, "RUNNING");
        }
        Self { house, port, busy }
    }

    /// The pid of the process that made the page, if there was one.
    fn served_by(&self, kind: &str) -> Option<i32> {
        let answer =
            get(self.port, &format!("/{kind}?word=hello"), None).ok().filter(|it| it.status == 200)?;
        let text = answer.text();
        let words: Vec<_> = text.split(' ').collect();
        let ["cgi-fcgi", pid, "hello"] = words.as_slice() else { panic!("{text}") };
        Some(pid.parse().expect("a pid is a number"))
    }

    fn pids(&self, kind: &str) -> BTreeSet<i32> {
        [0, 1].map(|number| self.house.pid_of(&format!("{kind}:{kind}_{number}"))).into()
    }

    /// What is on descriptor 0 of the processes: one socket, whose number this is.
    fn socket(&self, kind: &str) -> String {
        let link =
            |pid: &i32| std::fs::read_link(format!("/proc/{pid}/fd/0")).expect("it has a descriptor 0");
        let sockets: BTreeSet<_> = self.pids(kind).iter().map(link).collect();
        assert_eq!(sockets.len(), 1, "{sockets:?}");
        sockets.iter().map(|it| it.display().to_string()).collect()
    }

    /// How often the log says that something was done to a socket.
    fn count(&self, deed: &str, kind: &str) -> usize {
        self.house.log().matches(&format!("{deed} socket {kind}://")).count()
    }
}

#[test]
fn two_php_processes_share_a_socket_of_each_kind() {
    let site = Site::opened();
    for kind in ["tcp", "unix"] {
        let pids = site.pids(kind);
        let mut seen = BTreeSet::new();
        until(&format!("both processes behind {kind} have served a page"), || {
            seen.extend(site.served_by(kind));
            seen == pids
        });
        assert!(site.socket(kind).starts_with("socket:["));
    }
    let about = std::fs::metadata(site.house.path("php.sock")).expect("the socket is there");
    assert_eq!(about.permissions().mode() & 0o7777, 0o660);
    if rustix::process::getuid().is_root() {
        assert_eq!((about.uid(), about.gid()), (33, 33), "www-data has this number on every Debian");
    }
    // Descriptor 0 is the socket, so there is no standard input to write to.
    let answer = site.house.call("supervisor.sendProcessStdin", &["tcp:tcp_0", "x"]).unwrap_or_default();
    assert!(answer.contains("NO_FILE"), "{answer}");
}

#[test]
fn one_that_is_restarted_leaves_the_socket_to_the_other() {
    let site = Site::opened();
    for kind in ["tcp", "unix"] {
        let (socket, created) = (site.socket(kind), site.count("Creating", kind));
        let one = format!("{kind}:{kind}_0");
        let old = site.house.pid_of(&one);
        site.house.ctl(&["stop", &one]).expect_code(0);
        // Every request is served, each by the other.
        for _ in 0..20 {
            assert!(site.served_by(kind).is_some_and(|it| it != old), "{kind}");
        }
        site.house.ctl(&["start", &one]).expect_code(0);
        let other = site.house.pid_of(&format!("{kind}:{kind}_1"));
        proc::send(other, Signal::KILL);
        until("the killed one is back", || {
            ![0, other].contains(&site.house.pid_of(&format!("{kind}:{kind}_1")))
        });
        assert_eq!(site.socket(kind), socket, "{kind}");
        assert_eq!(site.count("Creating", kind), created, "{kind}");
        assert!(site.served_by(kind).is_some());
    }
}

#[test]
fn the_socket_is_closed_with_the_last_and_made_anew_for_the_next() {
    let site = Site::opened();
    for kind in ["tcp", "unix"] {
        let closed = site.count("Closing", kind);
        site.house.ctl(&["stop", &format!("{kind}:*")]).expect_code(0);
        until("it is closed", || site.count("Closing", kind) == closed + 1);
        until("nobody serves", || site.served_by(kind).is_none());
        // As in the original, the name of a unix socket stays, and nobody answers to it.
        if kind == "unix" {
            assert!(Path::new(&site.house.path("php.sock")).exists());
            assert!(UnixStream::connect(site.house.path("php.sock")).is_err(), "somebody answers");
        }
        site.house.ctl(&["start", &format!("{kind}:*")]).expect_code(0);
        until_some("it is served again", || site.served_by(kind));
    }
}

#[test]
fn a_port_that_is_taken_fails_that_program_only() {
    let site = Site::opened();
    if Make::is_original() {
        return; // It ends, with a traceback.
    }
    let port = site.busy.local_addr().expect("it has an address").port();
    site.house.until_state("busy", "FATAL");
    site.house.until_logged(&format!(
        "Could not create FastCGI socket tcp://127.0.0.1:{port}: another program is already listening on \
         127.0.0.1:{port}"
    ));
    assert!(site.served_by("tcp").is_some() && site.served_by("unix").is_some());
    drop(site.busy);
    site.house.ctl(&["start", "busy"]).expect_code(0);
    assert_eq!(site.house.state("busy"), "RUNNING");
}
