//! The plainest HTTP client there is: one request, one connection, everything read to the end.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

/// No answer of ours takes this long; a server that does is broken.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// An answer: its status code, its head as text, its body as bytes.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The status line and the header lines.
    pub head: String,
    /// The body, as many bytes as were announced.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Gets `path` from `127.0.0.1:port`.
///
/// # Errors
///
/// When nobody listens, or the answer is no HTTP.
pub fn get(port: u16, path: &str, authorization: Option<&str>) -> io::Result<Answer> {
    let header = authorization.map_or_else(String::new, |it| format!("Authorization: Basic {it}\r\n"));
    // HTTP/1.0, so that no server answers in chunks.
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{header}Connection: close\r\n\r\n");
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    exchange(stream, request.as_bytes())
}

/// Posts `body` to `path` over the unix socket `socket`.
///
/// # Errors
///
/// When nobody listens, or the answer is no HTTP.
pub fn post(socket: &Path, path: &str, body: &str) -> io::Result<Answer> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    exchange(stream, request.as_bytes())
}

/// Ports below those that the kernel gives to whoever asks for any (`ip_local_port_range`), so that no client of anybody
/// gets one of them before the server of a test has it.
const PORTS: Range<u16> = 10_000..32_000;

/// A port that is free, and that no other test is given as long as this process lives.
///
/// Tests run side by side in processes of their own: who holds the name of a port in the kernel has the port.
pub fn free_port() -> u16 {
    // Where one begins to look is chance, so that nobody has to go past those of all the others.
    let chance = u64::from(std::process::id()) * 7919;
    let first =
        PORTS.start + u16::try_from(chance % u64::from(PORTS.end - PORTS.start)).expect("it is below");
    let port = (first..PORTS.end).chain(PORTS.start..first).find(|port| {
        let name = SocketAddr::from_abstract_name(format!("menshen-e2e-port-{port}")).expect("a short name");
        let Ok(claim) = UnixListener::bind_addr(&name) else { return false };
        let is_free = TcpListener::bind(("127.0.0.1", *port)).is_ok();
        if is_free {
            std::mem::forget(claim);
        }
        is_free
    });
    port.expect("a port is free")
}

/// Sends a request and reads its answer.
///
/// # Errors
///
/// When the connection breaks, or the answer is no HTTP.
pub fn exchange(mut stream: impl Read + Write, request: &[u8]) -> io::Result<Answer> {
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    let mut gulp = [0; 8192];
    // The original keeps the connection open whatever it was asked, so the length decides, not the end.
    while !is_whole(&bytes) {
        let count = stream.read(&mut gulp)?;
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(&gulp[..count]);
    }
    parse(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is no HTTP"))
}

fn is_whole(bytes: &[u8]) -> bool {
    parse(bytes).is_some_and(|answer| length(&answer.head).is_some_and(|length| answer.body.len() >= length))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: bytes[end + 4..].to_vec() })
}

fn length(head: &str) -> Option<usize> {
    let named = head.lines().filter_map(|line| line.split_once(':'));
    named
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .find_map(|(_, value)| value.trim().parse().ok())
}
