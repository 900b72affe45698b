//! Clients that mean no good, or do not know what they do: each gets a clear answer or is dropped, the memory of the
//! daemon stays within a bound, and an honest client beside them is served all the while.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use e2e::house::House;
use e2e::program::Make;
use e2e::wait::until;
use e2e::{http, proc, rpc};
use rustix::process::{Resource, Rlimit, getrlimit, prlimit, setrlimit};

const NEIGHBOR: &str = "[program:neighbor]\ncommand=cat\n";

/// What no attack here may make of the daemon. It begins with some 10 MiB; eight large bodies being read and one
/// being parsed are the most that its limits let it hold.
const MEMORY_BYTES_MAX: u64 = 96 << 20;

/// No answer may take this long, whatever goes on beside it.
const SERVED_WITHIN: Duration = Duration::from_secs(20);

/// A house under attack; nothing where the original is under test, which has no limits.
struct Siege {
    house: House,
    socket: PathBuf,
    daemon: i32,
    descriptors: usize,
    witness: Witness,
}

/// An honest client: it asks again and again, and each answer must be right. Who is held up between connecting and asking
/// has said nothing and may be pushed out: then it asks once more.
struct Witness {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Witness {
    fn at(socket: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut served = 0;
            while !seen.load(Ordering::Relaxed) || served == 0 {
                let ask = || rpc::call(&socket, "supervisor.getProcessInfo", &["neighbor"]);
                let answer = ask().or_else(ask);
                let state = answer.as_deref().and_then(|it| rpc::member(it, "statename"));
                assert_eq!(state.as_deref(), Some("RUNNING"), "an honest client got {answer:?}");
                served += 1;
            }
            served
        });
        Self { stop, thread }
    }
}

impl Siege {
    fn begin() -> Option<Self> {
        if Make::is_original() {
            return None;
        }
        let house = House::new(NEIGHBOR).started();
        house.until_state("neighbor", "RUNNING");
        let (socket, daemon) = (house.path("s.sock"), house.daemon_pid());
        let descriptors = proc::open_descriptors(daemon);
        let witness = Witness::at(socket.clone());
        Some(Self { house, socket, daemon, descriptors, witness })
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).expect("it listens");
        stream.set_read_timeout(Some(SERVED_WITHIN)).expect("it is a socket");
        stream
    }

    /// Sends these bytes, whatever comes of that, and returns what came back until the end or the first answer.
    fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // It may have seen enough long before all of it is sent.
        drop(stream.write_all(bytes));
        let (mut answer, mut gulp) = (Vec::new(), [0; 8192]);
        while !answer.windows(7).any(|it| it == b"</body>" || it == b"sponse>") {
            match stream.read(&mut gulp) {
                Ok(0) | Err(_) => break,
                Ok(count) => answer.extend_from_slice(&gulp[..count]),
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn post(&self, document: &[u8]) -> String {
        let mut request =
            format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", document.len())
                .into_bytes();
        request.extend_from_slice(document);
        self.say(&request)
    }

    /// It is over: everybody was served, and nothing is left of it.
    fn end(self) {
        self.witness.stop.store(true, Ordering::Relaxed);
        let served = self.witness.thread.join().expect("the honest client was served");
        assert!(served > 0);
        until("nothing is left open", || proc::open_descriptors(self.daemon) <= self.descriptors);
        let peak = proc::memory_peak(self.daemon).expect("the same daemon still runs");
        assert!(peak < MEMORY_BYTES_MAX, "the daemon has used {} MiB", peak >> 20);
        assert_eq!(self.house.state("neighbor"), "RUNNING");
        let log = self.house.log();
        assert!(!log.contains("panic"), "{log}");
    }
}

/// The status of an answer, for example `400`.
fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn call(method: &str, params: &str) -> String {
    format!(
        "<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>"
    )
}

/// A multicall of `count` calls, each as short as can be.
fn multicall(count: usize) -> String {
    let one = "<value><struct><member><name>methodName</name><value>supervisor.getPID</value></member></struct></value>";
    call(
        "system.multicall",
        &format!("<param><value><array><data>{}</data></array></value></param>", one.repeat(count)),
    )
}

#[test]
fn documents_that_are_no_calls_are_refused() {
    let Some(siege) = Siege::begin() else { return };
    let laughs = (1..40).fold("<!ENTITY a0 'ha'>".to_owned(), |mut text, at| {
        let before = at - 1;
        write!(text, "<!ENTITY a{at} '&a{before};&a{before};'>").expect("a string takes it");
        text
    });
    let bomb = format!(
        "<?xml version='1.0'?><!DOCTYPE x [{laughs}]><methodCall><methodName>&a39;</methodName></methodCall>"
    );
    let outside = "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>\
                   <methodCall><methodName>&a;</methodName></methodCall>";
    let array = "<value><array><data>".repeat(100_000);
    let cases: Vec<Vec<u8>> = vec![
        b"<".to_vec(),
        b"{\"method\": \"supervisor.getState\"}".to_vec(),
        b"<methodCall><methodName>supervisor.getState</methodName>".to_vec(),
        b"<methodCall><methodName>supervisor.getState</methodName></methodResponse>".to_vec(),
        call("", "").into_bytes(),
        call("supervisor.getState", "<param><value><int>many</int></value></param>").into_bytes(),
        call("supervisor.getState", "<param><value><boolean>many").into_bytes(),
        call("supervisor.\u{0}getState", "&#0;&nope;").into_bytes(),
        b"<methodCall><methodName>\xff\xfe\xc3\x28</methodName></methodCall>".to_vec(),
        vec![0; 100_000],
        bomb.into_bytes(),
        outside.as_bytes().to_vec(),
        call("x", &format!("<param>{array}")).into_bytes(),
        format!("<methodCall>{}", "<a>".repeat(1_000_000)).into_bytes(),
        call("x", &"<param><value/></param>".repeat(150_000)).into_bytes(),
    ];
    for document in cases {
        let shown = String::from_utf8_lossy(&document[..document.len().min(60)]).into_owned();
        let answer = siege.post(&document);
        assert_eq!(status(&answer), "400", "{shown}: {answer}");
        assert!(!answer.contains("root:"), "{answer}");
    }
    siege.end();
}

#[test]
fn calls_that_cannot_be_right_are_faults() {
    let Some(siege) = Siege::begin() else { return };
    let text = |it: &str| format!("<param><value><string>{it}</string></value></param>");
    let list = "<param><value><array><data></data></array></value></param>";
    let number = "<param><value><int>5</int></value></param>";
    let cases = [
        ("supervisor.getState", text("one too many"), "INCORRECT_PARAMETERS"),
        ("supervisor.startProcess", String::new(), "INCORRECT_PARAMETERS"),
        ("supervisor.startProcess", text("neighbor").repeat(3), "INCORRECT_PARAMETERS"),
        ("supervisor.startProcessGroup", list.to_owned(), "INCORRECT_PARAMETERS"),
        ("supervisor.startProcessGroup", number.to_owned(), "BAD_NAME: 5"),
        ("supervisor.startProcess", text("../../etc/passwd"), "BAD_NAME: ../../etc/passwd"),
        ("supervisor.signalProcess", text("neighbor") + &text("BANG"), "BAD_SIGNAL: BANG"),
        ("supervisor.sendProcessStdin", text("neighbor") + list, "INCORRECT_PARAMETERS: []"),
        ("supervisor.readProcessStdoutLog", text("neighbor") + list + list, "INCORRECT_PARAMETERS"),
        ("supervisor.__init__", String::new(), "UNKNOWN_METHOD"),
        ("os.system", text("true"), "UNKNOWN_METHOD"),
        ("system.multicall", number.to_owned(), "INCORRECT_PARAMETERS"),
    ];
    for (method, params, fault) in cases {
        let answer = siege.post(call(method, &params).as_bytes());
        assert_eq!(status(&answer), "200", "{method} {params}: {answer}");
        assert!(answer.contains(&format!("<string>{fault}</string>")), "{method} {params}: {answer}");
    }
    // No name of a process is anything but text; the original fails where it takes it apart.
    for what in [list, number] {
        assert_eq!(status(&siege.post(call("supervisor.startProcess", what).as_bytes())), "500", "{what}");
    }
    let nested = "<param><value><array><data><value><struct><member><name>methodName</name>\
                  <value>system.multicall</value></member></struct></value></data></array></value></param>";
    let answer = siege.post(call("system.multicall", nested).as_bytes());
    assert!(answer.contains("Recursive system.multicall forbidden"), "{answer}");
    siege.end();
}

#[test]
fn what_is_too_large_is_told_so() {
    let Some(siege) = Siege::begin() else { return };
    let filled = |bytes: usize| call("supervisor.getState", &" ".repeat(bytes));
    // From several sides at once.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(status(&siege.post(filled(10 << 20).as_bytes())), "413");
                assert_eq!(status(&siege.post(multicall(100_000).as_bytes())), "413");
                let many = siege.post(multicall(5000).as_bytes());
                assert!(many.contains("INCORRECT_PARAMETERS: more than 4096 calls"), "{many}");
                let just = siege.post(filled(4_000_000).as_bytes());
                assert!(just.contains("RUNNING"), "{just}");
            });
        }
    });
    let announced = "POST /RPC2 HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n";
    assert_eq!(status(&siege.say(announced.as_bytes())), "413");
    let endless = "POST /RPC2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n";
    assert_eq!(status(&siege.say(endless.as_bytes())), "411");
    siege.end();
}

#[test]
fn a_call_of_thousands_takes_turns_with_others() {
    let Some(siege) = Siege::begin() else { return };
    let one = "<value><struct><member><name>methodName</name><value>supervisor.reloadConfig</value></member></struct></value>";
    let many = format!("<param><value><array><data>{}</data></array></value></param>", one.repeat(1000));
    let document = call("system.multicall", &many);
    let mut stream = siege.connect();
    let head = format!("POST /RPC2 HTTP/1.0\r\nContent-Length: {}\r\n\r\n", document.len());
    stream.write_all(head.as_bytes()).expect("it reads");
    stream.write_all(document.as_bytes()).expect("it reads");
    assert_eq!(siege.house.state("neighbor"), "RUNNING");
    stream.set_nonblocking(true).expect("it is a socket");
    let early = stream.read(&mut [0; 1]).map_err(|error| error.kind());
    assert_eq!(early, Err(std::io::ErrorKind::WouldBlock), "the other was answered only after all of it");
    stream.set_nonblocking(false).expect("it is a socket");
    // However long it takes a machine that is busy.
    stream.set_read_timeout(None).expect("it is a socket");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers in the end");
    assert_eq!(answer.matches("<array>").count(), 1 + 1000 * 5, "{}", &answer[..answer.len().min(500)]);
    siege.end();
}

#[test]
fn heads_without_end_are_cut_short() {
    let Some(siege) = Siege::begin() else { return };
    let line = "POST /RPC2 HTTP/1.1\r\n";
    let cases = [
        format!("{line}X: {}\r\n\r\n", "x".repeat(1 << 20)),
        format!("{line}{}\r\n", "X: x\r\n".repeat(100_000)),
        format!("{line}{}\r\n", "X: x\r\n".repeat(1000)),
        format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20)),
        "x".repeat(1 << 20),
    ];
    for head in cases {
        let answer = siege.say(head.as_bytes());
        let expected = ["431", "414", "400"];
        assert!(expected.contains(&status(&answer)), "{}: {answer}", &head[..40]);
    }
    siege.end();
}

/// Lets this process open as many files as it may; returns how many connections a test can make.
fn room_for(wanted: usize) -> usize {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard })
        .expect("up to the hard limit one may");
    let limit = hard.and_then(|it| usize::try_from(it).ok()).unwrap_or(usize::MAX);
    wanted.min(limit.saturating_sub(200))
}

#[test]
fn ten_thousand_silent_connections_are_in_nobodys_way() {
    let Some(siege) = Siege::begin() else { return };
    let mut known = siege.connect();
    let ask = |known: &mut UnixStream| {
        let body = call("supervisor.getPID", "");
        let request = format!("POST /RPC2 HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        known.write_all(request.as_bytes()).expect("it is still connected");
        let (mut answer, mut gulp) = (String::new(), [0; 4096]);
        while !answer.contains("</methodResponse>") {
            let count = known.read(&mut gulp).expect("it answers");
            assert_ne!(count, 0, "it hung up on one who had been served before");
            answer.push_str(&String::from_utf8_lossy(&gulp[..count]));
        }
    };
    ask(&mut known);
    let count = room_for(10_000);
    let silent: Vec<_> = (0..count).map(|_| siege.connect()).collect();
    siege.house.ctl(&["status"]).expect_code(0);
    ask(&mut known);
    let open = proc::open_descriptors(siege.daemon);
    assert!(open < 600, "the daemon has {open} descriptors for {count} silent connections");
    drop((silent, known));
    siege.end();
}

#[test]
fn where_descriptors_run_out_whoever_asks_is_served() {
    let Some(siege) = Siege::begin() else { return };
    let limit = u64::try_from(siege.descriptors + 20).ok();
    let daemon = rustix::process::Pid::from_raw(siege.daemon);
    prlimit(daemon, Resource::Nofile, Rlimit { current: limit, maximum: limit }).expect("it is ours");
    let silent: Vec<_> = (0..200).map(|_| siege.connect()).collect();
    siege.house.ctl(&["signal", "CONT", "neighbor"]).expect_code(0);
    siege.house.ctl(&["status"]).expect_code(0);
    drop(silent);
    siege.end();
}

#[test]
fn answers_that_nobody_takes_do_not_pile_up() {
    let Some(siege) = Siege::begin() else { return };
    let log = siege.house.info("neighbor", "stdout_logfile").expect("it has one");
    std::fs::write(log, "a line like any other\n".repeat(100_000)).expect("cannot write the log");
    let params = "<param><value>neighbor</value></param><param><value><int>0</int></value></param>";
    let document = call(
        "supervisor.readProcessStdoutLog",
        &format!("{params}<param><value><int>0</int></value></param>"),
    );
    let request = format!("POST /RPC2 HTTP/1.1\r\nContent-Length: {}\r\n\r\n{document}", document.len());
    let mut greedy = Vec::new();
    for _ in 0..30 {
        let mut stream = siege.connect();
        stream.write_all(request.as_bytes()).expect("it reads");
        // The first bytes of an answer, whichever it is: it has been made.
        let mut first = [0; 12];
        stream.read_exact(&mut first).expect("it answers");
        greedy.push((stream, first));
    }
    let count = |status: &[u8]| greedy.iter().filter(|(_, first)| first.ends_with(status)).count();
    assert!(count(b"200") > 0 && count(b"200") + count(b"503") == greedy.len(), "{}", count(b"200"));
    drop(greedy);
    siege.end();
}

#[test]
fn half_requests_are_in_nobodys_way() {
    let Some(siege) = Siege::begin() else { return };
    let halves = [
        "POST /RPC2 HT",
        "POST /RPC2 HTTP/1.1\r\nContent-Le",
        "POST /RPC2 HTTP/1.1\r\nContent-Length: 1000\r\n\r\n<?xml version='1.0'?><methodCall>",
        "POST /RPC2 HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n<?xml version='1.0'?><methodCall>",
        "GET /logtail/neighbor HTTP/1.1\r\n",
    ];
    let mut open = Vec::new();
    for half in halves.iter().cycle().take(room_for(2000)) {
        let mut stream = siege.connect();
        // Some are turned away at once, since so many large bodies are on their way.
        drop(stream.write_all(half.as_bytes()));
        open.push(stream);
    }
    siege.house.ctl(&["status"]).expect_code(0);
    drop(open);
    siege.end();
}

#[test]
fn a_stranger_without_the_password_gets_no_further_than_the_door() {
    if Make::is_original() {
        return;
    }
    let port = http::free_port();
    let house = House::new(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\nusername=u\npassword=secret\n{NEIGHBOR}"
    ))
    .started();
    let guesses = [None, Some("dTp3cm9uZw=="), Some("OnNlY3JldA==")];
    for (at, path) in ["/", "/RPC2", "/logtail/neighbor", "/mainlogtail", "/nope"].iter().enumerate() {
        let answer = |it| http::get(port, path, it).expect("an answer").status;
        let told = guesses.map(answer);
        // Whoever guesses too often is not listened to for a while; whoever does not guess is.
        assert!(told[0] == 401 && told[1..].iter().all(|it| [401, 429].contains(it)), "{path}: {told:?}");
        assert!(at > 1 || told == [401; 3], "{path}: {told:?}");
    }
    // What it sends after that is not waited for.
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let head = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("it answers before the body has come");
    assert_eq!(&answer, b"HTTP/1.1 401");
    until("whoever knows the password may come after a while", || {
        http::get(port, "/ok.html", Some("dTpzZWNyZXQ=")).is_ok_and(|it| it.status == 200)
    });
    drop(house);
}
