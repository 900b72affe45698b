//! A client of the XML-RPC interface that is as quick as a client can be: one connection, kept alive.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A connection.
pub(crate) struct Client {
    stream: UnixStream,
    held: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(socket: &Path) -> Result<Self> {
        let stream =
            UnixStream::connect(socket).with_context(|| format!("cannot connect to {}", socket.display()))?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(Self { stream, held: Vec::new() })
    }

    /// The body of the answer to a call; `parameters` is what stands between `<params>`.
    pub(crate) fn call(&mut self, method: &str, parameters: &str) -> Result<Vec<u8>> {
        let request = request(method, parameters);
        self.send(&request)
    }

    /// The body of the answer to a request.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.stream.write_all(request)?;
        let (head, length) = loop {
            if let Some(found) = head(&self.held) {
                break found;
            }
            self.fill()?;
        };
        while self.held.len() < head + length {
            self.fill()?;
        }
        let rest = self.held.split_off(head + length);
        let body = std::mem::replace(&mut self.held, rest).split_off(head);
        Ok(body)
    }

    fn fill(&mut self) -> Result<()> {
        let at = self.held.len();
        self.held.resize(at + 256 * 1024, 0);
        let count = self.stream.read(&mut self.held[at..])?;
        self.held.truncate(at + count);
        ensure!(count > 0, "the server has closed the connection");
        Ok(())
    }
}

/// A whole request, for who sends it many times.
pub(crate) fn request(method: &str, parameters: &str) -> Vec<u8> {
    let body = format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName><params>{parameters}</params>\
         </methodCall>"
    );
    format!(
        "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Where the body begins and how long it is, once the head is there.
fn head(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = text.lines().find_map(|it| it.strip_prefix("content-length:")?.trim().parse().ok());
    Some((end, length.unwrap_or(0)))
}

/// Tries until somebody answers `getState` on this socket; when that was, as an [`Instant`].
pub(crate) fn until_answers(socket: &Path, at_most: Duration) -> Result<Instant> {
    let began = Instant::now();
    loop {
        let answer = Client::connect(socket).and_then(|mut it| it.call("supervisor.getState", ""));
        if answer.is_ok_and(|it| !it.is_empty()) {
            return Ok(Instant::now());
        }
        if began.elapsed() > at_most {
            bail!("nobody answers within {at_most:?}");
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_where_its_body_is() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Le"), None);
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nxy"), Some((39, 12)));
    }
}
