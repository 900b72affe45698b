//! Taking terminal sequences out of a stream (`strip_ansi`).

use std::borrow::Cow;

const ESCAPE: u8 = 0x1b;

/// The bytes that end a sequence: the original's list (`dispatchers.py`, `ANSI_TERMINATORS`).
const ENDS: &[u8] = b"HfABCDRsuJKhlpm";

/// A sequence that is longer than this is none, and is shown as it came: without a limit, one stray
/// `ESC [` would hold back the output of a program that writes no such letter for ever.
const SEQUENCE_BYTES_MAX: usize = 256;

/// Removes `ESC [` up to the first byte that ends a sequence, wherever the stream is cut into chunks.
#[derive(Debug, Default)]
pub(crate) struct Ansi {
    /// The beginning of what may be a sequence; empty outside of one.
    held: Vec<u8>,
}

impl Ansi {
    /// What is held back, to be handed to [`Self::with`] later.
    pub(crate) fn held(&self) -> &[u8] {
        &self.held
    }

    /// One that holds back `held`.
    pub(crate) fn with(held: &[u8]) -> Self {
        Self { held: held.to_owned() }
    }

    /// What of `bytes`, and of what was held back, can be shown now.
    pub(crate) fn strip<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self.held.is_empty() && !bytes.contains(&ESCAPE) {
            return Cow::Borrowed(bytes);
        }
        let mut shown = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while !rest.is_empty() {
            rest =
                if self.held.is_empty() { self.pass(rest, &mut shown) } else { self.hold(rest, &mut shown) };
        }
        Cow::Owned(shown)
    }

    /// At the end of the stream: a sequence without an end, which was none.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Shows everything before the next escape and holds that; returns what comes after it.
    fn pass<'a>(&mut self, bytes: &'a [u8], shown: &mut Vec<u8>) -> &'a [u8] {
        let next = bytes.iter().position(|it| *it == ESCAPE).unwrap_or(bytes.len());
        let (before, from) = bytes.split_at(next);
        shown.extend_from_slice(before);
        let Some((escape, after)) = from.split_first() else { return from };
        self.held.push(*escape);
        after
    }

    /// Looks at one byte after an escape; returns what is still to be looked at.
    fn hold<'a>(&mut self, bytes: &'a [u8], shown: &mut Vec<u8>) -> &'a [u8] {
        let Some((byte, after)) = bytes.split_first() else { return bytes };
        if self.held.len() == 1 && *byte != b'[' {
            shown.append(&mut self.held);
            return bytes; // Perhaps the next escape.
        }
        self.held.push(*byte);
        if self.held.len() > 2 && ENDS.contains(byte) {
            self.held = Vec::new();
        } else if self.held.len() > SEQUENCE_BYTES_MAX {
            shown.append(&mut self.held);
        }
        after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(chunks: &[&[u8]]) -> Vec<u8> {
        let mut ansi = Ansi::default();
        let mut shown: Vec<u8> = chunks.iter().flat_map(|it| ansi.strip(it).into_owned()).collect();
        shown.extend(ansi.finish());
        shown
    }

    #[test]
    fn sequences_go_and_all_else_stays_wherever_the_stream_is_cut() {
        let cases: [(&[u8], &[u8]); 12] = [
            (b"plain", b"plain"),
            (b"\x1b[31mred\x1b[0m!", b"red!"),
            (b"a\x1b[2J\x1b[1;1Hb", b"ab"),
            (b"\x1b[m\x1b[mab", b"ab"),
            (b"\x1b]0;title\x07x", b"\x1b]0;title\x07x"),
            (b"\x1b\x1b[1mx", b"\x1bx"),
            (b"\x1b", b"\x1b"),
            (b"x\x1b[3", b"x\x1b[3"),
            (b"\x1b[31mred\x1b[", b"red\x1b["),
            ("\u{e9}\x1b[1m\u{e8}".as_bytes(), "\u{e9}\u{e8}".as_bytes()),
            (b"\x1b[\x1b[mx", b"x"),
            (b"", b""),
        ];
        for (whole, wanted) in cases {
            assert_eq!(stripped(&[whole]), wanted, "{whole:?}");
            for at in 0..=whole.len() {
                let (one, other) = whole.split_at(at);
                assert_eq!(stripped(&[one, other]), wanted, "{whole:?} cut at {at}");
            }
            let bytes: Vec<&[u8]> = whole.chunks(1).collect();
            assert_eq!(stripped(&bytes), wanted, "{whole:?} byte by byte");
        }
    }

    #[test]
    fn a_sequence_that_does_not_end_is_shown_before_long() {
        let endless = [b"\x1b[".as_slice(), &[b'0'; 2 * SEQUENCE_BYTES_MAX], b"end"].concat();
        let mut ansi = Ansi::default();
        assert_eq!(ansi.strip(&endless), endless);
        assert!(ansi.finish().is_empty());
    }

    #[test]
    fn a_chunk_without_an_escape_is_not_copied() {
        assert!(matches!(Ansi::default().strip(b"plain"), Cow::Borrowed(_)));
    }
}
