//! Finding what a program says to its supervisor between two tokens in its output.

/// What a message begins with.
pub const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";

/// What it ends with.
pub const END: &[u8] = b"<!--XSUPERVISOR:END-->";

/// A part of the output, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Outside the tokens.
    Plain(Vec<u8>),
    /// Between them.
    Captured(Vec<u8>),
    /// The second token.
    End,
}

/// Looks for tokens in one stream.
///
/// Unlike the original (`dispatchers.py`, `record_output`) it holds back only what may be the
/// beginning of a token, however little that is, and gives it up at the end of the stream.
#[derive(Debug, Default)]
pub struct Capture {
    within: bool,
    /// The beginning of what may be a token.
    held: Vec<u8>,
}

impl Capture {
    /// Whether a message has begun, and what may be the beginning of a token: to be handed to
    /// [`Self::with`] later.
    pub fn state(&self) -> (bool, &[u8]) {
        (self.within, &self.held)
    }

    /// One that is in that state.
    pub fn with(within: bool, held: &[u8]) -> Self {
        Self { within, held: held.to_owned() }
    }

    /// What `bytes` adds.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let whole = [std::mem::take(&mut self.held).as_slice(), bytes].concat();
        let mut rest = whole.as_slice();
        while let Some((before, after)) = split(rest, self.token()) {
            pieces.extend(self.piece(before));
            if self.within {
                pieces.push(Piece::End);
            }
            self.within = !self.within;
            rest = after;
        }
        let (sure, held) = rest.split_at(rest.len() - begun(rest, self.token()));
        self.held = held.to_owned();
        pieces.extend(self.piece(sure));
        pieces
    }

    /// At the end of the stream: what was held back.
    pub fn finish(&mut self) -> Option<Piece> {
        let held = std::mem::take(&mut self.held);
        self.piece(&held)
    }

    const fn token(&self) -> &'static [u8] {
        if self.within { END } else { BEGIN }
    }

    fn piece(&self, bytes: &[u8]) -> Option<Piece> {
        let kind = if self.within { Piece::Captured } else { Piece::Plain };
        (!bytes.is_empty()).then(|| kind(bytes.to_owned()))
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
    (0..tail.len()).filter_map(|at| tail.get(at..)).find(|it| token.starts_with(it)).map_or(0, <[u8]>::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neighbouring pieces of a kind joined, since cuts may fall anywhere.
    fn pieces(chunks: &[&[u8]]) -> Vec<Piece> {
        let mut capture = Capture::default();
        let mut joined: Vec<Piece> = Vec::new();
        let mut all: Vec<Piece> = chunks.iter().flat_map(|it| capture.feed(it)).collect();
        all.extend(capture.finish());
        for piece in all {
            match (joined.last_mut(), piece) {
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

    #[test]
    fn messages_are_found_wherever_the_stream_is_cut() {
        let cases = [
            ("short\n", vec![plain("short\n")]),
            (
                "a<!--XSUPERVISOR:BEGIN-->b<!--XSUPERVISOR:END-->c",
                vec![plain("a"), captured("b"), Piece::End, plain("c")],
            ),
            ("<!--XSUPERVISOR:BEGIN--><!--XSUPERVISOR:END-->", vec![Piece::End]),
            ("<!--XSUPERVISOR:END-->x", vec![plain("<!--XSUPERVISOR:END-->x")]),
            ("x<!--XSUPERVISOR:BEG", vec![plain("x<!--XSUPERVISOR:BEG")]),
            ("<<!--XSUPERVISOR:BEGIN-->", vec![plain("<")]),
            ("a<!--XSUPERVISOR:BEGIN-->b<!-", vec![plain("a"), captured("b<!-")]),
        ];
        for (whole, wanted) in cases {
            assert_eq!(pieces(&[whole.as_bytes()]), wanted, "{whole}");
            for at in 0..=whole.len() {
                let (one, other) = whole.as_bytes().split_at(at);
                assert_eq!(pieces(&[one, other]), wanted, "{whole} cut at {at}");
            }
            let bytes: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
            assert_eq!(pieces(&bytes), wanted, "{whole} byte by byte");
        }
    }

    #[test]
    fn nothing_but_the_beginning_of_a_token_is_held_back() {
        let mut capture = Capture::default();
        assert_eq!(capture.feed(b"ok"), [plain("ok")]);
        assert_eq!(capture.feed(b"x<!-"), [plain("x")]);
        assert_eq!(capture.feed(b"<"), [plain("<!-")]);
        assert_eq!(capture.feed(b" "), [plain("< ")]);
    }
}
