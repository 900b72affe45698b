//! HTTP/1.1 answers as bytes: a head and a body, decoded piece by piece as they arrive.
//!
//! Nothing here reads a socket, so that every way of cutting an answer into pieces can be tried
//! without one.

/// A head larger than this is refused: the original's are under a kilobyte.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A body larger than this is refused: room for the states of some hundred thousand processes.
pub(crate) const BODY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A line that announces a chunk or trails the last one is refused beyond this.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 8 * 1024;

/// Why bytes are no answer. Each completes "the server's answer ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// The first line is no status line.
    #[error("does not begin like HTTP: {0:?}")]
    NotHttp(String),
    /// The head does not end.
    #[error("has a head of more than {HEAD_BYTES_MAX} bytes")]
    HeadTooLarge,
    /// `Content-Length` is no number.
    #[error("has a length that is no number: {0:?}")]
    Length(String),
    /// More than we are willing to hold.
    #[error("has a body of more than {BODY_BYTES_MAX} bytes")]
    BodyTooLarge,
    /// The chunks are not framed as they must be.
    #[error("has a broken chunk: {0:?}")]
    Chunk(String),
}

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By its length.
    Length(u64),
    /// By a chunk of no length.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The status code.
    pub status: u16,
    /// The words after it.
    pub reason: String,
    /// How the body ends.
    pub framing: Framing,
    /// Whether another request may follow on the same connection.
    pub keeps_open: bool,
}

/// Reads a head from the start of `bytes`: `None` when it is not complete yet, else the head and
/// how many bytes it took. Blank lines before it are skipped, as RFC 9112 §2.2 advises.
///
/// # Errors
/// When it is not HTTP or too large.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<(Head, usize)>, FrameError> {
    let mut at = 0;
    let mut lines = Vec::new();
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(end) = rest.iter().position(|it| *it == b'\n') else {
            return incomplete(bytes, lines.first());
        };
        at += end + 1;
        if at > HEAD_BYTES_MAX {
            return Err(FrameError::HeadTooLarge);
        }
        let text = String::from_utf8_lossy(rest.get(..end).unwrap_or_default());
        let line = text.trim_end_matches('\r').to_owned();
        match (line.is_empty(), lines.is_empty()) {
            (true, true) => {}
            (true, false) => return Ok(Some((parse(&lines)?, at))),
            (false, _) => lines.push(line),
        }
    }
}

/// What to think of a head whose end has not come: garbage is told as soon as it is known.
fn incomplete(bytes: &[u8], first: Option<&String>) -> Result<Option<(Head, usize)>, FrameError> {
    let begun = first.map_or_else(|| String::from_utf8_lossy(bytes).trim_start().to_owned(), Clone::clone);
    let common = begun.len().min(5);
    if begun.as_bytes().get(..common) != b"HTTP/".get(..common) {
        return Err(FrameError::NotHttp(begin(&begun)));
    }
    if bytes.len() > HEAD_BYTES_MAX { Err(FrameError::HeadTooLarge) } else { Ok(None) }
}

/// The beginning of a text, short enough to show.
fn begin(text: &str) -> String {
    text.chars().take(60).collect()
}

fn parse(lines: &[String]) -> Result<Head, FrameError> {
    let first = lines.first().map_or("", String::as_str);
    let not_http = || FrameError::NotHttp(begin(first));
    let mut words = first.splitn(3, ' ');
    let version = words.next().filter(|it| it.starts_with("HTTP/")).ok_or_else(not_http)?;
    let status: u16 = words.next().and_then(|it| it.trim().parse().ok()).ok_or_else(not_http)?;
    let reason = words.next().unwrap_or("").trim().to_owned();
    let mut found = Head { status, reason, framing: Framing::UntilClose, keeps_open: version != "HTTP/1.0" };
    let (mut length, mut chunked) = (None, false);
    for line in lines.iter().skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "content-length" => {
                length = Some(value.parse().map_err(|_| FrameError::Length(begin(value)))?);
            }
            "transfer-encoding" => chunked = value.to_ascii_lowercase().ends_with("chunked"),
            "connection" => found.keeps_open = value.eq_ignore_ascii_case("keep-alive"),
            _ => {}
        }
    }
    found.framing = match (chunked, length) {
        _ if status / 100 == 1 || status == 204 || status == 304 => Framing::Length(0),
        (true, _) => Framing::Chunked,
        (false, Some(length)) if length > BODY_BYTES_MAX => return Err(FrameError::BodyTooLarge),
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::UntilClose,
    };
    Ok(found)
}

/// The decoder of one body.
#[derive(Debug)]
pub(crate) struct Body(State);

#[derive(Debug)]
enum State {
    Left(u64),
    UntilClose,
    /// Within the line that announces a chunk.
    Size(Vec<u8>),
    Chunk(u64),
    /// Between the bytes of a chunk and the next line.
    ChunkEnd(Vec<u8>),
    Trailer(Vec<u8>),
    Done,
}

impl Body {
    /// A body framed like this.
    pub(crate) const fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(bytes) => State::Left(bytes),
            Framing::Chunked => State::Size(Vec::new()),
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Whether all of it has come.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.0, State::Done)
    }

    /// Whether the end of the connection is an honest end of it.
    pub(crate) const fn may_end(&self) -> bool {
        matches!(self.0, State::Done | State::UntilClose)
    }

    /// Takes bytes of the wire and appends those of the body to `out`; returns how many were taken,
    /// fewer than given only when the body ends among them.
    ///
    /// # Errors
    /// When a chunk is broken.
    pub(crate) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, FrameError> {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_done() {
            rest = self.step(rest, out)?;
        }
        Ok(bytes.len() - rest.len())
    }

    fn step<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], FrameError> {
        match &mut self.0 {
            State::Done => Ok(bytes),
            State::UntilClose => {
                out.extend_from_slice(bytes);
                Ok(&[])
            }
            State::Left(left) => {
                let rest = take(bytes, left, out);
                if *left == 0 {
                    self.0 = State::Done;
                }
                Ok(rest)
            }
            State::Chunk(left) => {
                let rest = take(bytes, left, out);
                if *left == 0 {
                    self.0 = State::ChunkEnd(Vec::new());
                }
                Ok(rest)
            }
            State::Size(line) | State::ChunkEnd(line) | State::Trailer(line) => {
                let (text, rest) = line_of(bytes, line)?;
                if let Some(text) = text {
                    self.after_line(&text)?;
                }
                Ok(rest)
            }
        }
    }

    fn after_line(&mut self, line: &str) -> Result<(), FrameError> {
        let broken = || FrameError::Chunk(begin(line));
        self.0 = match &self.0 {
            State::Size(_) => {
                let digits = line.split(';').next().unwrap_or("").trim();
                match u64::from_str_radix(digits, 16).map_err(|_| broken())? {
                    0 => State::Trailer(Vec::new()),
                    bytes => State::Chunk(bytes),
                }
            }
            State::ChunkEnd(_) if line.is_empty() => State::Size(Vec::new()),
            State::ChunkEnd(_) => return Err(broken()),
            State::Trailer(_) if line.is_empty() => State::Done,
            State::Trailer(_) => State::Trailer(Vec::new()),
            State::Left(_) | State::UntilClose | State::Chunk(_) | State::Done => return Ok(()),
        };
        Ok(())
    }
}

/// Moves up to `left` bytes over and returns the rest.
fn take<'a>(bytes: &'a [u8], left: &mut u64, out: &mut Vec<u8>) -> &'a [u8] {
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    let (now, rest) = bytes.split_at(count);
    out.extend_from_slice(now);
    *left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
    rest
}

/// Completes `line` from `bytes` when its end is among them.
fn line_of<'a>(bytes: &'a [u8], line: &mut Vec<u8>) -> Result<(Option<String>, &'a [u8]), FrameError> {
    let end = bytes.iter().position(|it| *it == b'\n');
    let (now, rest) = bytes.split_at(end.map_or(bytes.len(), |it| it + 1));
    line.extend_from_slice(now);
    if line.len() > CHUNK_LINE_BYTES_MAX {
        return Err(FrameError::Chunk(begin(&String::from_utf8_lossy(line))));
    }
    if end.is_none() {
        return Ok((None, rest));
    }
    let text = String::from_utf8_lossy(line).trim_end_matches(['\r', '\n']).to_owned();
    Ok((Some(text), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes an answer that arrives in pieces of `size` bytes.
    fn decode(wire: &[u8], size: usize) -> Result<(u16, String, bool), FrameError> {
        let mut seen = Vec::new();
        let mut found: Option<(Head, Body)> = None;
        let mut out = Vec::new();
        for piece in wire.chunks(size) {
            if let Some((_, body)) = &mut found {
                body.feed(piece, &mut out)?;
                continue;
            }
            seen.extend_from_slice(piece);
            if let Some((head, used)) = head(&seen)? {
                let mut body = Body::new(head.framing);
                body.feed(&seen[used..], &mut out)?;
                found = Some((head, body));
            }
        }
        let (head, body) = found.expect("the head is complete");
        Ok((head.status, String::from_utf8(out).unwrap(), body.may_end()))
    }

    #[test]
    fn an_answer_reads_the_same_however_it_is_cut() {
        let cases: [(&[u8], &str); 5] = [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"),
            (
                b"HTTP/1.1 200 OK\r\ntransfer-encoding:chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n",
                "hello",
            ),
            (b"\r\nHTTP/1.0 200 OK\nX: y\n\nhello", "hello"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        ];
        for (wire, text) in cases {
            for size in 1..=wire.len() {
                assert_eq!(
                    decode(wire, size),
                    Ok((200 + 4 * u16::from(text.is_empty()), text.to_owned(), true))
                );
            }
        }
    }

    #[test]
    fn bytes_after_a_body_are_left_alone() {
        let mut out = Vec::new();
        let mut body = Body::new(Framing::Length(3));
        assert_eq!(body.feed(b"abcdef", &mut out), Ok(3));
        assert!(body.is_done());
        assert_eq!(out, b"abc");
    }

    #[test]
    fn a_body_cut_off_is_not_taken_for_whole() {
        for wire in [
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello".as_slice(),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        ] {
            assert!(!decode(wire, 7).unwrap().2);
        }
    }

    #[test]
    fn garbage_is_told_at_once_and_limits_have_names() {
        let said = |wire: &[u8]| head(wire).unwrap_err().to_string();
        assert_eq!(said(b"SSH-2.0-OpenSSH"), "does not begin like HTTP: \"SSH-2.0-OpenSSH\"");
        assert_eq!(said(b"HTTP/1.1 abc\r\n\r\n"), "does not begin like HTTP: \"HTTP/1.1 abc\"");
        assert_eq!(
            said(b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n"),
            "has a length that is no number: \"ten\""
        );
        assert_eq!(
            said(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"),
            "has a body of more than 268435456 bytes"
        );
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &vec![b'x'; HEAD_BYTES_MAX]].concat();
        assert_eq!(said(&endless), "has a head of more than 65536 bytes");
        assert_eq!(head(b"HTT"), Ok(None));
        assert_eq!(
            decode(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 100)
                .unwrap_err()
                .to_string(),
            "has a broken chunk: \"xyz\""
        );
        let long = [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(),
            &vec![b'1'; CHUNK_LINE_BYTES_MAX + 1],
        ];
        assert!(matches!(decode(&long.concat(), 512), Err(FrameError::Chunk(_))));
    }

    #[test]
    fn a_connection_is_kept_unless_the_server_says_otherwise() {
        let kept = |text: &str| head(text.as_bytes()).unwrap().unwrap().0.keeps_open;
        assert!(kept("HTTP/1.1 200 OK\r\n\r\n"));
        assert!(!kept("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"));
        assert!(!kept("HTTP/1.0 200 OK\r\n\r\n"));
        assert!(kept("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n"));
    }
}
