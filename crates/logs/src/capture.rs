//! Finding what a program says to its supervisor between two tokens in its output.

use crate::ring::Ring;

const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";
const END: &[u8] = b"<!--XSUPERVISOR:END-->";

/// A part of the output, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Outside the tokens.
    Plain(Vec<u8>),
    /// Between them; it does not go to the log.
    Captured(Vec<u8>),
    /// The second token: the last bytes that were between it and the first.
    Message(Vec<u8>),
}

/// What is left at the end of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    /// What was kept of a message that never ended.
    pub(crate) message: Vec<u8>,
    /// What looked like the beginning of a token.
    pub(crate) held: Vec<u8>,
}

/// Looks for tokens in one stream.
///
/// Unlike the original (`dispatchers.py`, `record_output`) it holds back only what may be the
/// beginning of a token, however little that is, and gives it up at the end of the stream.
#[derive(Debug)]
pub(crate) struct Capture {
    within: bool,
    /// The beginning of what may be a token.
    held: Vec<u8>,
    kept: Ring,
}

impl Capture {
    /// Keeps the last `limit` bytes between tokens.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { within: false, held: Vec::new(), kept: Ring::new(limit) }
    }

    /// What `bytes` adds.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let whole = [std::mem::take(&mut self.held).as_slice(), bytes].concat();
        let mut rest = whole.as_slice();
        while let Some((before, after)) = split(rest, self.token()) {
            self.add(before, &mut pieces);
            if self.within {
                pieces.push(Piece::Message(self.kept.take()));
            }
            self.within = !self.within;
            rest = after;
        }
        let (sure, held) = rest.split_at(rest.len() - begun(rest, self.token()));
        self.held = held.to_owned();
        self.add(sure, &mut pieces);
        pieces
    }

    /// At the end of the stream: what nobody has got yet.
    pub(crate) fn finish(&mut self) -> Rest {
        Rest { message: self.kept.take(), held: std::mem::take(&mut self.held) }
    }

    const fn token(&self) -> &'static [u8] {
        if self.within { END } else { BEGIN }
    }

    fn add(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) {
        if bytes.is_empty() {
            return;
        }
        if self.within {
            self.kept.push(bytes);
            pieces.push(Piece::Captured(bytes.to_owned()));
        } else {
            pieces.push(Piece::Plain(bytes.to_owned()));
        }
    }
}

/// What comes before the first `token`, and what comes after it.
fn split<'a>(bytes: &'a [u8], token: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut from = 0;
    loop {
        // Tokens begin with `<` and hold no other, so that nothing is looked at twice.
        let at = from + bytes.get(from..)?.iter().position(|it| *it == b'<')?;
        let (before, there) = bytes.split_at(at);
        if let Some(after) = there.strip_prefix(token) {
            return Some((before, after));
        }
        from = at + 1;
    }
}

/// How many bytes at the end are the beginning of `token`.
fn begun(bytes: &[u8], token: &[u8]) -> usize {
    let start = bytes.len().saturating_sub(token.len() - 1);
    let tail = bytes.get(start..).unwrap_or_default();
    (0..tail.len())
        .filter_map(|at| tail.get(at..))
        .find(|it| token.starts_with(it))
        .map_or(0, <[u8]>::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neighbouring pieces of a kind joined, since cuts may fall anywhere.
    fn pieces(chunks: &[&[u8]], limit: usize) -> Vec<Piece> {
        let mut capture = Capture::new(limit);
        let mut joined: Vec<Piece> = Vec::new();
        let mut all: Vec<Piece> = chunks.iter().flat_map(|it| capture.feed(it)).collect();
        let Rest { message, held } = capture.finish();
        all.extend([Piece::Plain(message), Piece::Plain(held)]);
        for piece in all {
            match (joined.last_mut(), piece) {
                (_, Piece::Plain(bytes)) if bytes.is_empty() => {}
                (Some(Piece::Plain(before)), Piece::Plain(bytes))
                | (Some(Piece::Captured(before)), Piece::Captured(bytes)) => before.extend(bytes),
                (_, piece) => joined.push(piece),
            }
        }
        joined
    }

    fn plain(text: &str) -> Piece {
        Piece::Plain(text.into())
    }

    fn captured(text: &str) -> Piece {
        Piece::Captured(text.into())
    }

    fn message(text: &str) -> Piece {
        Piece::Message(text.into())
    }

    #[test]
    fn messages_are_found_wherever_the_stream_is_cut() {
        let cases = [
            ("short\n", vec![plain("short\n")]),
            (
                "a<!--XSUPERVISOR:BEGIN-->b<!--XSUPERVISOR:END-->c",
                vec![plain("a"), captured("b"), message("b"), plain("c")],
            ),
            ("<!--XSUPERVISOR:BEGIN--><!--XSUPERVISOR:END-->", vec![message("")]),
            ("<!--XSUPERVISOR:END-->x", vec![plain("<!--XSUPERVISOR:END-->x")]),
            ("x<!--XSUPERVISOR:BEG", vec![plain("x<!--XSUPERVISOR:BEG")]),
            ("<<!--XSUPERVISOR:BEGIN-->", vec![plain("<")]),
            ("a<!--XSUPERVISOR:BEGIN-->lost?", vec![plain("a"), captured("lost?"), plain("lost?")]),
            ("<!--XSUPERVISOR:BEGIN-->lost?<!-", vec![captured("lost?"), plain("lost?<!-")]),
        ];
        for (whole, wanted) in cases {
            assert_eq!(pieces(&[whole.as_bytes()], 100), wanted, "{whole}");
            for at in 0..=whole.len() {
                let (one, other) = whole.as_bytes().split_at(at);
                assert_eq!(pieces(&[one, other], 100), wanted, "{whole} cut at {at}");
            }
            let bytes: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
            assert_eq!(pieces(&bytes, 100), wanted, "{whole} byte by byte");
        }
    }

    #[test]
    fn nothing_but_the_beginning_of_a_token_is_held_back() {
        let mut capture = Capture::new(10);
        assert_eq!(capture.feed(b"ok"), [plain("ok")]);
        assert_eq!(capture.feed(b"x<!-"), [plain("x")]);
        assert_eq!(capture.feed(b"<"), [plain("<!-")]);
        assert_eq!(capture.feed(b" "), [plain("< ")]);
    }

    #[test]
    fn a_long_message_keeps_its_end() {
        let whole = b"<!--XSUPERVISOR:BEGIN-->0123456789<!--XSUPERVISOR:END-->";
        assert_eq!(pieces(&[whole], 4), [captured("0123456789"), message("6789")]);
    }
}
