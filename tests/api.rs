//! The JSON interface: what programs and pages are told, what they can do, and what they cannot.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use e2e::house::House;
use e2e::http::{Answer, exchange, free_port};
use e2e::program::Make;
use e2e::wait::{until, until_some};
use rustix::process::Signal;
use serde_json::{Value, json};

/// No answer of ours takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A house with a server on TCP, and its port.
fn house(sections: &str) -> (House, u16) {
    let port = free_port();
    let house = House::new(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n\n{sections}"));
    (house.started(), port)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream
}

fn request(port: u16, verb: &str, path: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let text = format!(
        "{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    exchange(connect(port), text.as_bytes()).expect("an answer")
}

fn get(port: u16, path: &str) -> Value {
    let answer = request(port, "GET", &format!("/api/v1{path}"), "", "");
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    serde_json::from_slice(&answer.body).expect("an answer in JSON")
}

fn post(port: u16, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer =
        request(port, "POST", &format!("/api/v1{path}"), "Content-Type: application/json\r\n", &body);
    (answer.status, serde_json::from_slice(&answer.body).expect("an answer in JSON"))
}

/// A stream of events as it comes: its kind, its id and its data.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(port: u16, path: &str, headers: &str) -> Self {
        let mut stream = connect(port);
        // HTTP/1.0, so that it comes as it is and not in chunks.
        write!(stream, "GET /api/v1{path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n")
            .expect("sent");
        let mut stream = Self(BufReader::new(stream));
        assert!(stream.line().contains(" 200 "), "{path}");
        while !stream.line().is_empty() {}
        stream
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("more comes");
        line.trim_end().to_owned()
    }

    fn next(&mut self) -> (String, String, Value) {
        let (mut kind, mut id, mut data) = (String::new(), String::new(), Value::Null);
        loop {
            let line = self.line();
            match line.split_once(": ") {
                Some(("event", text)) => text.clone_into(&mut kind),
                Some(("id", text)) => text.clone_into(&mut id),
                Some(("data", text)) => data = serde_json::from_str(text).expect("data in JSON"),
                None if line.is_empty() && !kind.is_empty() => return (kind, id, data),
                Some(_) | None => {}
            }
        }
    }

    /// The next event that `is_wanted` wants.
    fn until(&mut self, is_wanted: impl Fn(&str, &Value) -> bool) -> (String, Value) {
        loop {
            let (kind, id, data) = self.next();
            if is_wanted(&kind, &data) {
                return (id, data);
            }
        }
    }
}

const SLEEPERS: &str = "[program:a]\ncommand=sleep 1000\nstartsecs=0\nenvironment=API_TOKEN=\"x\",COLOR=\"red\"\n\
    [program:b]\ncommand=sleep 1000\nstartsecs=0\nautostart=false\n\
    [program:no]\ncommand=/no/such/program\nautostart=false\n\
    [group:g]\nprograms=b,no\n";

#[test]
fn processes_are_told_of_and_obey() {
    if Make::is_original() {
        return;
    }
    let (house, port) = house(SLEEPERS);
    house.until_state("a", "RUNNING");
    let all = get(port, "/processes");
    let names: Vec<_> = all.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "g:b", "g:no"]);
    assert_eq!(all[0]["pid"], house.pid_of("a"));
    assert_eq!(all[1]["state"], "STOPPED");
    assert!(all[1].get("pid").is_none(), "what is not there is left out");

    assert_eq!(post(port, "/processes/g%3Ab/start", &Value::Null), (200, json!(true)));
    assert_eq!(get(port, "/processes/g:b")["state"], "RUNNING");
    let (status, fault) = post(port, "/processes/g:b/start", &json!({}));
    assert_eq!((status, &fault["error"]), (409, &json!("ALREADY_STARTED")));
    let old = house.pid_of("a");
    let (status, results) = post(port, "/processes/restart", &json!({ "names": ["a", "g:b"], "wait": true }));
    assert_eq!((status, results.as_array().unwrap().len()), (200, 2), "{results}");
    assert_ne!(house.pid_of("a"), old);
    assert_eq!(post(port, "/processes/g:no/start", &Value::Null).0, 404);
    let (status, results) = post(port, "/groups/g/stop", &Value::Null);
    assert_eq!((status, &results[0]["status"]), (200, &json!(80)), "{results}");
    assert_eq!(post(port, "/methods/supervisor.getState", &json!([])).1["statename"], "RUNNING");

    let options = get(port, "/processes/a/options");
    assert!(options["origin"]["file"].as_str().unwrap().ends_with("supervisord.conf"));
    let line = usize::try_from(options["origin"]["line"].as_u64().unwrap()).unwrap();
    assert_eq!(house.text("supervisord.conf").lines().nth(line - 1), Some("[program:a]"));
    assert_eq!(
        options["environment"],
        json!([{ "name": "API_TOKEN", "hidden": true }, { "name": "COLOR", "value": "red" }])
    );
}

#[test]
fn a_wrong_request_is_told_what_is_wrong() {
    if Make::is_original() {
        return;
    }
    let (house, port) = house(SLEEPERS);
    house.until_state("a", "RUNNING");
    let json = "Content-Type: application/json\r\n";
    let cases = [
        ("GET", "/nothing", "", "", 404, "NOT_FOUND"),
        ("GET", "/processes/nope", "", "", 404, "BAD_NAME"),
        ("GET", "/processes/a/start", "", "", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/processes/a", "", "", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/processes/a/start", json, "{\"wiat\": false}", 400, "BAD_REQUEST"),
        ("POST", "/processes/a/start", json, "{", 400, "BAD_REQUEST"),
        ("POST", "/processes/a/signal", json, "{\"signal\": \"NOPE\"}", 400, "BAD_SIGNAL"),
        ("POST", "/processes/a/stop", "Content-Type: text/plain\r\n", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/processes/a/stop", "Origin: http://evil.example\r\n", "", 403, "FORBIDDEN"),
        ("POST", "/processes/a/stop", "Sec-Fetch-Site: cross-site\r\n", "", 403, "FORBIDDEN"),
        ("GET", "/events?samples=maybe", "", "", 400, "BAD_REQUEST"),
        ("GET", "/processes/a/stdwhat/follow", "", "", 404, "NOT_FOUND"),
    ];
    for (verb, path, headers, body, status, error) in cases {
        let answer = request(port, verb, &format!("/api/v1{path}"), headers, body);
        let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        assert_eq!(
            (answer.status, &told["error"]),
            (status, &json!(error)),
            "{verb} {path}: {}",
            answer.text()
        );
        assert!(told["message"].is_string(), "{verb} {path}");
    }
    assert_eq!(get(port, "/processes/a")["state"], "RUNNING", "nothing was done");
}

#[test]
fn events_come_as_they_happen_and_are_resumed() {
    if Make::is_original() {
        return;
    }
    let (house, port) = house(SLEEPERS);
    house.until_state("a", "RUNNING");
    let mut stream = Stream::open(port, "/events", "");
    assert_eq!(stream.next().0, "hello");
    post(port, "/processes/a/stop", &Value::Null);
    let (_, stopping) = stream.until(|kind, data| kind == "state" && data["to"] == "STOPPING");
    let (_, stopped) = stream.until(|kind, data| kind == "state" && data["to"] == "STOPPED");
    let (id, exit) = stream.until(|kind, _| kind == "exit");
    assert_eq!((&exit["name"], &exit["cause"]), (&json!("a"), &json!("stopped")));
    assert_eq!((&stopping["name"], &stopped["process"]["state"]), (&json!("a"), &json!("STOPPED")));
    drop(stream);
    post(port, "/processes/a/start", &Value::Null);
    let mut stream = Stream::open(port, "/events", &format!("Last-Event-ID: {id}\r\n"));
    let (kind, same, _) = stream.next();
    assert_eq!((kind.as_str(), same), ("hello", id));
    assert_eq!(stream.next().2["to"], "STARTING");
    assert_eq!(stream.next().2["to"], "RUNNING");
    assert_eq!(Stream::open(port, "/events?since=ffff-1", "").next().0, "reset", "an id of another life");
}

#[test]
fn every_kind_of_event_that_is_promised_is_told() {
    if Make::is_original() {
        return;
    }
    let (mut house, port) = house(
        "[program:talker]\ncommand=/bin/sh -c 'read go; printf \"<!--XSUPERVISOR:BEGIN-->it is \\303\\251<!--XSUPERVISOR:END-->\"; exec cat'\n\
         startsecs=0\nstdout_capture_maxbytes=1MB\n",
    );
    house.until_state("talker", "RUNNING");
    let document = get(port, "/openapi.json");
    let promised = document["paths"]["/events"]["get"]["responses"]["200"]["description"].as_str().unwrap();
    let promised: Vec<_> =
        promised.lines().filter_map(|it| Some(it.strip_prefix("- `")?.split_once('`')?.0)).collect();
    for kind in &promised {
        assert!(
            include_str!("../docs/api.md").contains(&format!("`{kind}`")),
            "{kind} is not in docs/api.md"
        );
    }

    let mut reset = Stream::open(port, "/events?since=ffff-1", "");
    let mut stream = Stream::open(port, "/events?samples=true", "");
    let mut told = vec![reset.next().0];
    let mut expect = |kind: &str, wanted: &[(&str, Value)]| {
        let matches = |data: &Value| wanted.iter().all(|(name, value)| data[*name] == *value);
        let (_, data) = stream.until(|it, data| it == kind && matches(data));
        assert!(kind == "hello" || kind == "samples" || data["at"].is_number(), "{kind}: {data}");
        told.push(kind.to_owned());
    };
    expect("hello", &[]);
    post(port, "/processes/talker/stdin", &json!({ "chars": "go\n" }));
    expect("communication", &[("name", json!("talker")), ("data", json!("it is é"))]);
    let long = "x".repeat(5000);
    post(port, "/methods/supervisor.sendRemoteCommEvent", &json!(["deploy", "it's \"42\"\n"]));
    expect("remote", &[("type", json!("deploy")), ("data", json!("it's \"42\"\n"))]);
    post(port, "/methods/supervisor.sendRemoteCommEvent", &json!([&long, &long]));
    expect("remote", &[("type", json!(&long[..4096])), ("data", json!(&long[..4096]))]);
    expect("samples", &[]);
    post(port, "/processes/talker/stop", &Value::Null);
    expect("state", &[("name", json!("talker")), ("from", json!("STOPPING")), ("to", json!("STOPPED"))]);
    expect("exit", &[("name", json!("talker")), ("signal", json!("SIGTERM"))]);
    post(port, "/methods/supervisor.removeProcessGroup", &json!(["talker"]));
    expect("group_removed", &[("name", json!("talker"))]);
    post(port, "/methods/supervisor.addProcessGroup", &json!(["talker"]));
    expect("group_added", &[("name", json!("talker"))]);
    house.signal(Signal::TERM);
    expect("supervisor", &[("state", json!("SHUTDOWN"))]);
    assert!(house.until_ended().success());
    for kind in promised {
        assert!(told.iter().any(|it| it == kind), "{kind} is promised, and was not looked for");
    }
}

#[test]
fn usage_is_looked_at_while_somebody_watches() {
    if Make::is_original() {
        return;
    }
    let busy = "[program:busy]\ncommand=/bin/sh -c 'sleep 1000 & while :; do :; done'\nstartsecs=0\nstopasgroup=true\n";
    let (house, port) = house(busy);
    house.until_state("busy", "RUNNING");
    let mut stream = Stream::open(port, "/events?samples=true", "");
    // A look may come before the shell has its child.
    let told = |usage: &Value| usage["processes"] == 2 && usage["cpu_percent"].as_f64().unwrap_or(0.0) > 0.0;
    let (_, samples) = stream.until(|kind, data| kind == "samples" && told(&data["processes"]["busy"]));
    let usage = &samples["processes"]["busy"];
    assert!(usage["memory_bytes"].as_f64().unwrap() > 0.0 && usage["cpu_seconds"].as_f64().unwrap() > 0.0);
    assert!(samples["machine"]["memory_bytes"].as_f64().unwrap() > 0.0);
    assert_eq!(samples["listeners"], json!([]));
    assert!(get(port, "/machine")["processors"].as_u64().unwrap() > 0);
    let closely = until_some("it was looked at closely", || {
        get(port, "/processes/busy")["usage"]["proportional_bytes"].as_f64()
    });
    assert!(closely > 0.0);
    post(port, "/processes/busy/stop", &Value::Null);
    assert!(get(port, "/processes/busy").get("usage").is_none(), "who is gone uses nothing");
}

#[test]
fn who_asks_is_answered_while_programs_write_without_end() {
    if Make::is_original() {
        return;
    }
    let (port, floods) = (free_port(), 2);
    let house = House::new(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\n\n\
         [program:flood]\ncommand=yes 0123456789012345678901234567890123456789012345678901234567890123456789\n\
         numprocs={floods}\nprocess_name=flood_%(process_num)d\nstartsecs=0\nstdout_logfile={{here}}/%(process_num)d.log\n\
         stdout_logfile_maxbytes=1MB\nstdout_logfile_backups=1\nstdout_events_enabled=true\n\
         [eventlistener:deaf]\ncommand=sleep 1000\nevents=PROCESS_LOG\nbuffer_size=10\n"
    ));
    house.configure_daemon("history_file={here}/history.db\nsample_interval=1\n");
    let house = house.started();
    let has_written = |number| house.path(&format!("{number}.log.1")).is_file();
    until("all of them write more than a log holds", || (0..floods).all(has_written));
    // Each of these waits for a thread: one that looks at what is used, or the one that keeps the history. Nobody ends
    // the flood, so whoever were not heard while it lasts would never be.
    let mut stream = Stream::open(port, "/events?samples=true", "");
    for _ in 0..3 {
        let metrics = request(port, "GET", "/metrics", "", "").text();
        assert!(metrics.contains("menshen_process_resident_memory_bytes{group=\"flood\""), "{metrics}");
        let happened = get(port, "/history?kinds=start&most=99");
        assert!(happened.as_array().is_some_and(|it| it.len() >= floods), "{happened}");
        assert!(get(port, "/processes/flood:flood_0/figures?since=-60").is_array());
        stream.until(|kind, data| kind == "samples" && data["processes"]["flood:flood_0"].is_object());
    }
    assert_eq!(post(port, "/groups/flood/stop", &Value::Null).0, 200);
}

#[test]
fn machines_are_told_the_figures_and_whether_all_is_well() {
    if Make::is_original() {
        return;
    }
    let (house, port) = house(SLEEPERS);
    house.until_state("a", "RUNNING");
    let metrics = request(port, "GET", "/metrics", "", "");
    assert!(metrics.head.contains("application/openmetrics-text; version=1.0.0"), "{}", metrics.head);
    let text = metrics.text();
    assert!(text.ends_with("# EOF\n"));
    let value =
        |name: &str| text.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned);
    assert_eq!(value("menshen_process_up{group=\"a\",process=\"a\"}").as_deref(), Some("1"));
    assert_eq!(value("menshen_process_up{group=\"g\",process=\"b\"}").as_deref(), Some("0"));
    assert_eq!(value("menshen_process_starts_total{group=\"a\",process=\"a\"}").as_deref(), Some("1"));
    assert!(value("menshen_process_resident_memory_bytes{group=\"a\",process=\"a\"}").is_some(), "{text}");
    // Every figure belongs to the family above it, and each family is there once.
    let mut families = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("# TYPE ") {
            Some(rest) => families.push(rest.split(' ').next().expect("a name").to_owned()),
            None if line.starts_with('#') => {}
            None => assert!(line.starts_with(families.last().expect("a family").as_str()), "{line}"),
        }
    }
    let count = families.len();
    families.sort();
    families.dedup();
    assert_eq!(families.len(), count);

    assert_eq!(request(port, "GET", "/healthz", "", "").text(), "ok\n");
    assert_eq!(request(port, "GET", "/readyz", "", "").text(), "ready\n");
    post(port, "/processes/g:no/start", &Value::Null);
    post(port, "/methods/supervisor.addProcessGroup", &json!(["nope"]));
    assert_eq!(
        request(port, "GET", "/readyz", "", "").status,
        200,
        "what was never started is as it should be"
    );
}

#[test]
fn why_a_process_is_as_it_is_can_be_asked() {
    if Make::is_original() {
        return;
    }
    let crash =
        "[program:crash]\ncommand=/bin/sh -c 'echo cannot open the door >&2; exit 3'\nstartretries=1\n";
    let (house, port) = house(crash);
    house.until_state("crash", "FATAL");
    let why = get(port, "/processes/crash/why");
    let sentences = why["sentences"].to_string();
    for part in ["It does not run.", "exit status 3, before it was up", "2 times in a row", "given up"] {
        assert!(sentences.contains(part), "{part}: {sentences}");
    }
    assert_eq!(why["last_lines"].as_array().and_then(|it| it.last()), Some(&json!("cannot open the door")));
    let chinese = get(port, "/processes/crash/why?language=zh-Hans");
    assert!(chinese["sentences"].to_string().contains("退出码 3，当时尚未启动完成。"), "{chinese}");
    let answer = request(port, "GET", "/api/v1/processes/crash/why?language=fr", "", "");
    assert!(answer.status == 400 && answer.text().contains("say en or zh-Hans"), "{}", answer.text());
    let exits = get(port, "/processes/crash/exits");
    assert_eq!((&exits[1]["code"], &exits[1]["cause"]), (&json!(3), &json!("too early")));
    let said =
        house.command("menshen").args(["-c", "supervisord.conf", "why", "crash"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        told.starts_with("crash: It does not run.") && told.contains("    cannot open the door"),
        "{told}"
    );
}

#[test]
fn a_log_is_followed_in_pieces_that_can_be_gone_on_from() {
    if Make::is_original() {
        return;
    }
    let (house, port) = house("[program:cat]\ncommand=cat\nstdout_logfile={here}/cat.log\n");
    house.until_state("cat", "RUNNING");
    let say = |text: &str| post(port, "/processes/cat/stdin", &json!({ "chars": text }));
    assert_eq!(say("one <b>\n").0, 200);
    house.until_text("cat.log", "one");
    let mut stream = Stream::open(port, "/processes/cat/stdout/follow", "");
    let (kind, id, data) = stream.next();
    assert_eq!((kind.as_str(), &data), ("log", &json!("one <b>\n")));
    say("two\n");
    assert_eq!(stream.next().2, "two\n");
    let mut resumed = Stream::open(port, &format!("/processes/cat/stdout/follow?since={id}"), "");
    assert_eq!(resumed.next().2, "two\n");
    assert_eq!(get(port, "/processes/cat/stdout"), "one <b>\ntwo\n");
    let mut file = String::new();
    let mut download = connect(port);
    write!(download, "GET /api/v1/processes/cat/stdout/file HTTP/1.0\r\n\r\n").expect("sent");
    download.read_to_string(&mut file).expect("the whole file");
    assert!(
        file.contains("filename=\"cat-stdout.log\"") && file.ends_with("\r\n\r\none <b>\ntwo\n"),
        "{file}"
    );
}

#[test]
fn what_the_document_describes_is_what_there_is() {
    if Make::is_original() {
        return;
    }
    let (_house, port) = house(SLEEPERS);
    let document = get(port, "/openapi.json");
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() > 25);
    for (path, verbs) in paths {
        let real = path.replace("{name}", "nope").replace("{names}", "nope").replace("{channel}", "stdout");
        let real = real.replace("{method}", "supervisor.getState");
        for verb in verbs.as_object().expect("verbs").keys() {
            // What needs a parameter says so; what changes everything is left alone.
            if ["/events", "/supervisor/reload", "/supervisor/shutdown", "/supervisor/log/follow"]
                .contains(&path.as_str())
            {
                continue;
            }
            let answer = request(port, &verb.to_uppercase(), &format!("/api/v1{real}"), "", "");
            let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let is_known = answer.status != 405
                && !told["message"].as_str().unwrap_or_default().contains("nothing at this path");
            assert!(is_known, "{verb} {path}: {} {}", answer.status, answer.text());
        }
    }
    // Every member that is told is described.
    let schema = |name: &str| document["components"]["schemas"][name]["properties"].clone();
    let process = until_some("a process is told of", || get(port, "/processes").get(0).cloned());
    for (told, described) in [(process, schema("Process")), (get(port, "/supervisor"), schema("Supervisor"))]
    {
        for name in told.as_object().expect("an object").keys() {
            assert!(described.get(name).is_some(), "{name}");
        }
    }
}
