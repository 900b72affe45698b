//! A server over real sockets, and a daemon that only pretends.

pub(crate) mod guests;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use api::call::Refusal;
use gate::user::Users;
use http::ask::Ask;
use http::limits::Limits;
use http::server::{Daemon, Endpoint, Listener, serve};
use http::tls::Files;
use model::audit::{Asker, Record};
use model::fault::{Fault, FaultCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;
use wire::value::{MethodCall, Value};
use wire::xmlrpc_write;

/// Longer than anything here takes; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a test may touch.
pub(crate) struct World {
    pub(crate) socket: PathBuf,
    pub(crate) room: tempfile::TempDir,
    pub(crate) tcp: std::net::SocketAddr,
    pub(crate) notes: Rc<RefCell<Vec<String>>>,
    /// The slots of calls to `test.wait`, which are never answered.
    pub(crate) waiting: Rc<RefCell<Vec<Ask>>>,
    /// Lets the daemon go on after `test.stop`.
    pub(crate) resume: Rc<Notify>,
    /// What happens, for those who watch.
    pub(crate) feed: Rc<http::feed::Feed>,
    /// Set, it lets nobody in any more.
    pub(crate) is_leaving: Rc<Cell<bool>>,
    /// What was written down.
    pub(crate) records: Rc<RefCell<Vec<Record>>>,
    /// Who made the calls.
    pub(crate) askers: Rc<RefCell<Vec<Rc<Asker>>>>,
}

impl World {
    pub(crate) async fn unix(&self) -> Client<UnixStream> {
        Client::new(UnixStream::connect(&self.socket).await.unwrap())
    }

    pub(crate) async fn tcp(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.tcp).await.unwrap())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.room.path().join("log")
    }

    pub(crate) fn write_log(&self, bytes: &[u8]) {
        std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.log())
            .unwrap()
            .write_all(bytes)
            .unwrap();
    }
}

/// One client, which keeps what it has read too much.
pub(crate) struct Client<S> {
    pub(crate) stream: S,
    pub(crate) buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Whether there was anything more to read.
    pub(crate) async fn more(&mut self) -> bool {
        let read =
            tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await.expect("patience");
        read.is_ok_and(|it| it > 0)
    }

    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            let found = self.buffer.windows(end.len()).position(|it| it == end.as_bytes());
            if let Some(at) = found {
                let bytes: Vec<u8> = self.buffer.drain(..at + end.len()).collect();
                return String::from_utf8(bytes).unwrap();
            }
            assert!(self.more().await, "ended without {end:?}: {:?}", String::from_utf8_lossy(&self.buffer));
        }
    }

    pub(crate) async fn all(&mut self) -> String {
        while self.more().await {}
        String::from_utf8(std::mem::take(&mut self.buffer)).unwrap()
    }

    /// One answer with a length: its headers (dates left out) and its body.
    pub(crate) async fn answer(&mut self) -> (String, String) {
        let head = self.until("\r\n\r\n").await;
        let length = header(&head, "Content-Length").map_or(0, |it| it.parse().unwrap());
        while self.buffer.len() < length {
            assert!(self.more().await, "the body ended early");
        }
        let body: Vec<u8> = self.buffer.drain(..length).collect();
        let lines = head.lines().filter(|it| !it.starts_with("Date: ")).collect::<Vec<_>>();
        (lines.join("\n").trim_end().to_owned(), String::from_utf8(body).unwrap())
    }

    pub(crate) async fn call(&mut self, method: &str) -> (String, String) {
        self.send(post(method)).await;
        self.answer().await
    }
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(": "))
}

pub(crate) fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

pub(crate) fn document(method: &str) -> String {
    xmlrpc_write::call(&MethodCall { name: method.to_owned(), params: vec![] })
}

pub(crate) fn post_with(method: &str, headers: &str) -> String {
    let body = document(method);
    format!("POST /RPC2 HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

pub(crate) fn post(method: &str) -> String {
    post_with(method, "")
}

/// Answers `test.echo` with the method, keeps `test.wait` waiting, drops `test.drop`, and takes nothing
/// more after `test.stop`.
async fn pretend(
    mut asks: mpsc::Receiver<Ask>,
    log: PathBuf,
    waiting: Rc<RefCell<Vec<Ask>>>,
    resume: Rc<Notify>,
    records: Rc<RefCell<Vec<Record>>>,
    askers: Rc<RefCell<Vec<Rc<Asker>>>>,
) {
    while let Some(ask) = asks.recv().await {
        match ask {
            Ask::Call { call, interface, asker, slot } => {
                askers.borrow_mut().push(Rc::clone(&asker));
                let stops = call.name == "test.stop";
                let result = match call.name.as_str() {
                    "test.wait" => {
                        waiting.borrow_mut().push(Ask::Call { call, interface, asker, slot });
                        continue;
                    }
                    "test.drop" => continue,
                    "test.fault" => Err(Fault::about(FaultCode::BadName, "x<y").into()),
                    "test.panic" => Err(Refusal::Internal("it will".to_owned())),
                    "test.break" => Err(Refusal::Internal("it broke".to_owned())),
                    "test.big" => Ok(Value::String("x".repeat(4 << 20))),
                    _ => Ok(Value::String(call.name)),
                };
                let _ = slot.send(result);
                if stops {
                    resume.notified().await;
                }
            }
            Ask::ProcessLog { name, channel, slot } => {
                let known = name == "g:p" && channel == "stdout";
                let _ = slot.send(known.then(|| log.clone()));
            }
            Ask::MainLog { slot } => {
                let _ = slot.send(Some(log.clone()));
            }
            Ask::Audit(record) => records.borrow_mut().push(record),
            Ask::Watching | Ask::Metrics { .. } | Ask::Unready { .. } => {}
        }
    }
}

pub(crate) fn limits() -> Limits {
    Limits::default()
}

/// Runs `test` against a server on a unix socket and one on TCP.
pub(crate) fn run(limits: Limits, users: &Users, test: impl AsyncFnOnce(&World)) {
    run_secret(limits, users, None, test);
}

/// The same, where the one on TCP shows a certificate.
pub(crate) fn run_secret(limits: Limits, users: &Users, tls: Option<&Files>, test: impl AsyncFnOnce(&World)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let room = tempfile::tempdir().unwrap();
        let socket = room.path().join("s");
        let unix = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let tcp = std::net::TcpListener::bind("[::1]:0")
            .or_else(|_| std::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        unix.set_nonblocking(true).unwrap();
        tcp.set_nonblocking(true).unwrap();
        let address = tcp.local_addr().unwrap();
        let endpoints = [Listener::Unix(unix, socket.clone()), Listener::Tcp(tcp)]
            .map(|listener| (matches!(listener, Listener::Tcp(_)), listener))
            .map(|(is_tcp, listener)| Endpoint {
                section: "test".to_owned(),
                listener,
                users: users.clone(),
                tls: tls.filter(|_| is_tcp).cloned(),
                web_compat: false,
            });
        let notes = Rc::new(RefCell::new(Vec::new()));
        let told = Rc::clone(&notes);
        let (asks, questions) = mpsc::channel(2);
        let note = Rc::new(move |level: model::level::Level, text: &str| {
            assert!(!text.contains("test.panic"), "as the test wants it");
            told.borrow_mut().push(format!("{} {text}", level.code()));
        });
        let waiting = Rc::new(RefCell::new(Vec::new()));
        let is_leaving = Rc::new(Cell::new(false));
        let feed = Rc::new(http::feed::Feed::new(1));
        let _server = tokio::task::spawn_local(serve(
            endpoints.into(),
            Daemon {
                asks,
                note,
                feed: Rc::clone(&feed),
                identifier: "here".to_owned(),
                followers: Rc::default(),
                is_leaving: Rc::clone(&is_leaving),
            },
            limits,
        ));
        let resume = Rc::new(Notify::new());
        let (records, askers) = (Rc::default(), Rc::default());
        let daemon = pretend(
            questions,
            room.path().join("log"),
            Rc::clone(&waiting),
            Rc::clone(&resume),
            Rc::clone(&records),
            Rc::clone(&askers),
        );
        let _daemon = tokio::task::spawn_local(daemon);
        let tcp = address;
        test(&World { socket, room, tcp, notes, waiting, resume, feed, is_leaving, records, askers }).await;
    });
}
