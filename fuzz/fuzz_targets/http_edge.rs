//! Whatever comes over a connection, the server ends it soon, and all it says is whole answers.
//!
//! The real server runs in this process behind a Unix socket; only the daemon behind it pretends.
#![no_main]

use std::rc::Rc;
use std::time::Duration;

use http::ask::Ask;
use http::feed::Feed;
use http::limits::Limits;
use gate::user::Users;
use http::server::{Daemon, Endpoint, Listener, serve};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use wire::value::Value;

/// Longer than an honest end takes, shorter than the server's own patience.
const PATIENCE: Duration = Duration::from_secs(10);

struct World {
    runtime: Runtime,
    local: LocalSet,
    socket: std::path::PathBuf,
}

thread_local! {
    static WORLD: World = begin();
}

fn begin() -> World {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = LocalSet::new();
    let socket = std::env::temp_dir().join(format!("menshen-fuzz-{}", std::process::id()));
    let _ = std::fs::remove_file(&socket);
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    listener.set_nonblocking(true).expect("a socket that does not block");
    let endpoint =
        Endpoint { section: "fuzz".to_owned(), listener: Listener::Unix(listener, socket.clone()), users: Users::default(), tls: None, web_compat: false };
    let (asks, questions) = mpsc::channel(64);
    let daemon = Daemon {
        identifier: "fuzz".to_owned(),
        asks,
        note: Rc::new(|_, _| {}),
        feed: Rc::new(Feed::new(1)),
        followers: Rc::default(),
        is_leaving: Rc::default(),
    };
    let limits = Limits { body_bytes: 1 << 16, ..Limits::default() };
    local.spawn_local(async move { serve(vec![endpoint], daemon, limits).await });
    local.spawn_local(pretend(questions));
    World { runtime, local, socket }
}

async fn pretend(mut asks: mpsc::Receiver<Ask>) {
    while let Some(ask) = asks.recv().await {
        // A slot whose client has left takes nothing.
        match ask {
            Ask::Call { call, slot, .. } => {
                assert!(!call.name.is_empty());
                let _ = slot.send(Ok(Value::Array(call.params)));
            }
            Ask::ProcessLog { slot, .. } | Ask::MainLog { slot } => {
                let _ = slot.send(None);
            }
            Ask::Audit(_) | Ask::Watching | Ask::Metrics { .. } | Ask::Unready { .. } => {}
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let answers = WORLD.with(|world| world.local.block_on(&world.runtime, converse(&world.socket, input)));
    // An answer to HEAD tells the length of a body that does not come.
    if !input.windows(4).any(|it| it == b"HEAD") {
        let count = whole_answers(&answers);
        let lines = input.iter().filter(|byte| **byte == b'\n').count();
        assert!(count <= lines + 1, "{count} answers to {lines} lines");
    }
});

/// Sends all and hangs up; returns all that was answered until the server hung up too.
async fn converse(socket: &std::path::Path, input: &[u8]) -> Vec<u8> {
    let (mut read, mut write) = UnixStream::connect(socket).await.expect("the server listens").into_split();
    let send = async {
        // The server may end a connection before it has read everything.
        let _ = write.write_all(input).await;
        let _ = write.shutdown().await;
    };
    let mut answers = Vec::new();
    let receive = async {
        let _ = read.read_to_end(&mut answers).await;
    };
    let both = async { tokio::join!(send, receive) };
    tokio::time::timeout(PATIENCE, both).await.expect("the server ends a connection whose client has left");
    answers
}

/// Counts the answers, each with a body as long as its header says.
fn whole_answers(mut rest: &[u8]) -> usize {
    let mut count = 0;
    while !rest.is_empty() {
        let end = rest.windows(4).position(|it| it == b"\r\n\r\n").expect("a whole header");
        let head = std::str::from_utf8(&rest[..end]).expect("a header of text");
        let status: u16 = head
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| head.strip_prefix("HTTP/1.0 "))
            .and_then(|it| it.get(..3)?.parse().ok())
            .expect("a status line");
        rest = &rest[end + 4..];
        if status == 100 {
            continue;
        }
        assert!((200..=599).contains(&status), "{head}");
        count += 1;
        let said = head.lines().find_map(|it| it.strip_prefix("Content-Length: "));
        let length = said.map_or(rest.len(), |it| it.parse().expect("a length"));
        rest = rest.get(length..).expect("a whole body");
    }
    count
}
