//! Users and their roles, by every way in: who may do what, what others are told, and what is written down of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use e2e::house::House;
use e2e::http::{self, Answer};
use e2e::said::Said;
use e2e::wait::{self, until};
use serde_json::Value;

/// The roles in their order, and the token of somebody who has each.
const TOKENS: [(&str, &str); 3] = [("viewer", "look"), ("operator", "do"), ("admin", "be")];

/// Somebody of each role. The password of `ops` is `password`, hashed with as little effort as there is; that of
/// `root` is `p`.
const USERS: &str = "\
[user:watch]
token=sha256:3c01eba119e00d79c82b6f65d70bc5f1044d568618bf41377e6d1432023fc2b8

[user:ops]
role=operator
password=$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4
token=sha256:ac0b52a2ae6ef99999bc08fb31e19188bf0085a4614204068e677e140e1458be

[user:root]
role=admin
password={SHA}516b9783fca517eecbd1d064da2d165310b19759
token=sha256:46599c5bb5c33101f80cea8438e2228085513dbbb19b2f5ce97bd68494d3344d

[program:cat]
command=cat
startsecs=0
";

/// A house with users, and its port.
fn house() -> (House, u16) {
    let port = http::free_port();
    let house = House::new(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{USERS}"));
    (house.started(), port)
}

fn ask(port: u16, request: &str, headers: &str, body: &str) -> Answer {
    ask_if_there(port, request, headers, body).unwrap()
}

/// The same of who may not be there at the moment.
fn ask_if_there(port: u16, request: &str, headers: &str, body: &str) -> io::Result<Answer> {
    let text = format!(
        "{request} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    http::exchange(TcpStream::connect(("127.0.0.1", port))?, text.as_bytes())
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// Calls a method without any parameter; the answer as text.
fn call(port: u16, token: &str, method: &str) -> String {
    let body = format!("<methodCall><methodName>{method}</methodName></methodCall>");
    ask(port, "POST /RPC2", &bearer(token), &body).text()
}

/// Every method and the role it is documented to need.
fn methods() -> Vec<(String, usize)> {
    let lines = include_str!("../docs/methods.txt").lines().filter(|it| !it.starts_with(' '));
    let documented = lines.filter_map(|line| {
        let (call, role) = line.split_once("    role: ")?;
        let rank = TOKENS.iter().position(|(it, _)| *it == role).unwrap();
        Some((call.split('(').next().unwrap().to_owned(), rank))
    });
    documented.collect()
}

#[test]
fn each_role_may_call_what_is_documented_and_nothing_more() {
    let (mut house, port) = house();
    let methods = methods();
    assert!(methods.len() > 60, "{methods:?}");
    // These end what answers: they are called last.
    let ends = ["supervisor.shutdown", "supervisor.restart", "menshen.succeed"];
    for (rank, (role, token)) in TOKENS.iter().enumerate() {
        for (method, needed) in &methods {
            let is_allowed = rank >= *needed;
            if is_allowed && ends.contains(&method.as_str()) {
                continue;
            }
            let answer = call(port, token, method);
            assert!(answer.contains("<methodResponse>"), "{method} as {role}: {answer}");
            assert_eq!(!answer.contains("FORBIDDEN"), is_allowed, "{method} as {role}: {answer}");
            assert!(is_allowed || answer.contains(&format!("{method} needs the role")), "{answer}");
        }
    }
    assert!(call(port, "be", "supervisor.shutdown").contains("<boolean>1</boolean>"));
    house.until_ended();
}

#[test]
fn a_route_is_refused_with_the_role_it_needs() {
    let (house, port) = house();
    let refused = [
        (
            "look",
            "POST /api/v1/processes/cat/stop",
            "supervisor.stopProcess needs the role operator, and watch has the role viewer",
        ),
        ("look", "POST /api/v1/update", "menshen.update needs the role admin, and watch has the role viewer"),
        ("look", "GET /api/v1/audit", "menshen.getAudit needs the role admin, and watch has the role viewer"),
        (
            "do",
            "POST /api/v1/supervisor/shutdown",
            "supervisor.shutdown needs the role admin, and ops has the role operator",
        ),
    ];
    for (token, request, wanted) in refused {
        let answer = ask(port, request, &bearer(token), "");
        let json: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &json["error"]), (403, &"FORBIDDEN".into()), "{request}");
        assert_eq!(json["message"], format!("FORBIDDEN: {wanted}"));
    }
    for path in ["/api/v1/processes", "/metrics", "/healthz", "/readyz", "/", "/logtail/cat"] {
        let request = format!("GET {path}");
        assert_eq!(ask(port, &request, "", "").status, 401, "{path}");
        if path != "/logtail/cat" {
            assert_eq!(ask(port, &request, &bearer("look"), "").status, 200, "{path}");
        }
    }
    let done = ask(port, "POST /api/v1/processes/cat/stop", &bearer("do"), "");
    assert_eq!(done.status, 200, "{}", done.text());
    house.until_state("cat", "STOPPED");
}

#[test]
fn what_is_changed_is_written_down_with_who_did_it() {
    let (house, port) = house();
    ask(port, "POST /api/v1/processes/cat/stop", &bearer("do"), "");
    ask(port, "POST /api/v1/processes/cat/start", &bearer("look"), "");
    ask(port, "POST /api/v1/processes/nobody/start", &bearer("be"), "");
    house.call("supervisor.startProcess", &["cat"]);
    let uid = rustix::process::getuid().as_raw();
    let by_socket = format!("uid={uid} from unix://{} (uid={uid})", house.path("s.sock").display());
    let wanted = [
        ("INFO audit: ops from 127.0.0.1", "supervisor.stopProcess cat: done"),
        (
            "WARN audit: watch from 127.0.0.1",
            "supervisor.startProcess cat: denied, supervisor.startProcess needs the role operator, and watch has the role viewer",
        ),
        ("INFO audit: root from 127.0.0.1", "supervisor.startProcess nobody: failed, BAD_NAME: nobody"),
        (&*format!("INFO audit: {by_socket}"), "supervisor.startProcess cat: done"),
    ];
    for (who, what) in wanted {
        house.until_logged(&format!("{who}: {what}"));
    }
    let answer = ask(port, "GET /api/v1/audit", &bearer("be"), "");
    let entries: Vec<Value> = serde_json::from_slice(&answer.body).unwrap();
    let told = entries.iter().map(|it| format!("{} {} {}", it["who"], it["about"], it["outcome"]));
    let socket = format!("\"uid={uid}\" \"cat\" \"done\"");
    let wanted = [
        "\"ops\" \"cat\" \"done\"",
        "\"watch\" \"cat\" \"denied\"",
        "\"root\" \"nobody\" \"failed\"",
        &socket,
    ];
    assert_eq!(told.collect::<Vec<_>>(), wanted);
}

#[test]
fn the_log_of_the_supervisor_is_for_those_who_may_read_the_audit() {
    let (house, port) = house();
    ask(port, "POST /api/v1/processes/cat/stop", &bearer("do"), "");
    house.until_logged("audit: ops");
    let read = "<methodCall><methodName>supervisor.readLog</methodName><params><param><value><int>0</int></value></param>\
                <param><value><int>0</int></value></param></params></methodCall>";
    for (token, may) in [("look", false), ("do", false), ("be", true)] {
        let answer = ask(port, "POST /RPC2", &bearer(token), read).text();
        assert_eq!((answer.contains("audit: ops"), answer.contains("FORBIDDEN")), (may, !may), "{answer}");
        let answer = ask(port, "GET /api/v1/supervisor/log?offset=0&length=0", &bearer(token), "");
        assert_eq!((answer.status == 200, answer.text().contains("audit: ops")), (may, may), "{token}");
        for path in ["/api/v1/supervisor/log/follow", "/mainlogtail"] {
            let mut stream = begun(port, path, token);
            let (wanted, status) = if may { (": denied, ", " 200 ") } else { ("\r\n\r\n", " 403 ") };
            let answer = read_until(&mut stream, wanted).unwrap();
            assert!(answer.contains(status), "{path} as {token}: {answer}");
        }
        let cleared = ask(port, "POST /api/v1/supervisor/log/clear", &bearer(token), "").status;
        assert_eq!(cleared == 200, may, "{token}");
    }
    let told = verb(&house, &["audit"], "").out;
    for denied in [
        "watch from 127.0.0.1: supervisor.readLog 0 0: denied, ",
        "watch from 127.0.0.1: /api/v1/supervisor/log/follow: denied, ",
        "ops from 127.0.0.1: /mainlogtail: denied, /mainlogtail needs the role admin, and ops has the role operator",
        "ops from 127.0.0.1: supervisor.clearLog: denied, ",
    ] {
        assert!(told.contains(denied), "{denied}: {told}");
    }
    assert!(!told.contains("root from 127.0.0.1: supervisor.readLog"), "who looks changes nothing: {told}");
}

/// What somebody with this token asked for, before it is read.
fn begun(port: u16, path: &str, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(wait::DEADLINE)).unwrap();
    let headers = bearer(token);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n").unwrap();
    stream
}

/// What comes until and with this; nothing when the stream ends before.
fn read_until(stream: &mut TcpStream, wanted: &str) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read);
        if text.contains(wanted) {
            return Some(text.into_owned());
        }
        let mut gulp = [0; 4096];
        match stream.read(&mut gulp) {
            Ok(0) => return None,
            Ok(count) => read.extend_from_slice(&gulp[..count]),
            // Whoever is cut off may be told by a reset.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("neither a byte nor an end: {error}"),
        }
    }
}

#[test]
fn whoever_is_taken_away_by_a_reload_is_shown_nothing_more() {
    let (house, port) = house();
    let without = |name: &str| {
        let rest = USERS.split("\n\n").filter(|it| !it.starts_with(&format!("[user:{name}]")));
        rest.collect::<Vec<_>>().join("\n\n")
    };
    let mut stream = begun(port, "/api/v1/events", "look");
    read_until(&mut stream, "event: hello").unwrap();
    house.configure(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{}", without("watch")));
    let kept = verb(&house, &["reload", "--keep"], "");
    assert_eq!(kept.code, 0, "{kept:?}");
    assert_eq!(read_until(&mut stream, "nothing says this"), None);
    assert_eq!(ask(port, "GET /api/v1/events", &bearer("look"), "").status, 401);

    let mut stream = begun(port, "/api/v1/events", "do");
    read_until(&mut stream, "event: hello").unwrap();
    let token = USERS.lines().find(|it| it.starts_with("token=sha256:ac0b")).unwrap();
    let users = without("watch").replace(&format!("{token}\n"), "");
    house.configure(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{users}"));
    house.signal(rustix::process::Signal::HUP);
    assert_eq!(read_until(&mut stream, "nothing says this"), None);
    until("the token lets nobody in", || {
        ask_if_there(port, "GET /ok.html", &bearer("do"), "").is_ok_and(|it| it.status == 401)
    });
    assert_eq!(ask(port, "GET /ok.html", &bearer("be"), "").status, 200);
}

#[test]
fn without_users_the_log_says_of_a_change_what_the_original_says() {
    let house = House::new("[program:cat]\ncommand=cat\nstartsecs=0\n").started();
    house.call("supervisor.stopProcess", &["cat"]);
    house.until_logged("stopped: cat");
    let told = verb(&house, &["audit"], "");
    assert!(!house.log().contains("audit"), "{}", house.log());
    assert!(told.out.contains("supervisor.stopProcess"), "{told:?}");
}

#[test]
fn the_clients_come_in_with_the_password_of_a_user() {
    let (house, port) = house();
    let url = format!("http://127.0.0.1:{port}");
    let ctl = |user: &str, password: &str, words: &[&str]| {
        house.ctl(&[&["-s", &url, "-u", user, "-p", password], words].concat())
    };
    let stopped = ctl("ops", "password", &["stop", "cat"]);
    assert_eq!(stopped.out, "cat: stopped\n", "{stopped:?}");
    let refused = ctl("ops", "password", &["shutdown"]);
    assert!(refused.out.contains("supervisor.shutdown needs the role admin"), "{refused:?}");
    assert_eq!(ctl("root", "p", &["start", "cat"]).out, "cat: started\n");
    let wrong = ctl("ops", "p", &["status"]);
    assert!(wrong.out.contains("Server requires authentication"), "{wrong:?}");
}

#[test]
fn whoever_guesses_passwords_is_told_to_wait() {
    let (house, port) = house();
    let guess = |number: u32| {
        let body = format!("username=root&password={number}");
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        ask(port, "POST /login", form, &body)
    };
    let answers: Vec<_> = (0..6).map(guess).collect();
    let statuses: Vec<_> = answers.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
    assert!(answers[5].head.to_lowercase().contains("retry-after: "));
    house.until_logged("WARN audit: anybody from 127.0.0.1: login root: denied, wrong name or password");
}

/// Runs a verb of `menshen` with this on its standard input.
fn verb(house: &House, words: &[&str], input: &str) -> Said {
    let mut command = house.command("menshen");
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that refuses its words has left without reading.
    match child.stdin.take().unwrap().write_all(input.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("cannot write to {words:?}: {error}"),
        Ok(()) | Err(_) => {}
    }
    child.wait_with_output().unwrap().into()
}

#[test]
fn what_passwd_and_token_print_lets_somebody_in_once_it_is_written() {
    let port = http::free_port();
    let house = House::new("");
    let printed = verb(&house, &["passwd", "joe", "--role", "operator"], "hush ü\n");
    assert!(printed.out.starts_with("[user:joe]\nrole=operator\npassword=$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_eq!((printed.err.as_str(), printed.code), ("", 0), "{printed:?}");
    let made = verb(&house, &["token"], "");
    let (token, line) = made.out.trim_end().split_once('\n').unwrap();
    assert!(
        token.starts_with("menshen_") && token.len() == 51 && line.starts_with("token=sha256:"),
        "{made:?}"
    );
    house.configure(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\n{}{line}\n[program:cat]\ncommand=cat\nstartsecs=0\n",
        printed.out
    ));
    let house = house.started();
    let url = format!("http://127.0.0.1:{port}");
    let ctl =
        |words: &[&str]| verb(&house, &[&["-s", &url, "-u", "joe", "-p", "hush ü"], words].concat(), "");
    assert_eq!(ctl(&["stop", "cat"]).code, 0);
    let refused = ctl(&["shutdown"]);
    assert!(refused.code == 1 && refused.err.contains("needs the role admin"), "{refused:?}");
    assert_eq!(ask(port, "GET /api/v1/machine", &bearer(token), "").status, 200);
    // Whoever owns the socket needs no password, and sees who did what.
    let told = verb(&house, &["audit"], "");
    assert!(told.out.contains(" joe from 127.0.0.1: supervisor.stopProcess cat: done\n"), "{told:?}");
    assert!(told.out.contains(" joe from 127.0.0.1: supervisor.shutdown: denied, "), "{told:?}");
    let told: Value = serde_json::from_str(&verb(&house, &["audit", "--json"], "").out).unwrap();
    assert_eq!(told[0]["who"], "joe");
    for (words, input) in
        [(&["passwd"][..], ""), (&["passwd", "a:b"], "x"), (&["passwd", "--role", "king"], "x")]
    {
        assert_eq!(verb(&house, words, input).code, 2, "{words:?}");
    }
}
