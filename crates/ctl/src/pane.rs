//! What a person sees of what programs have written: all of it, and none of it steers the terminal.

use std::io::{self, Write};

/// A sequence for colors that is longer than this is none.
const COLOR_BYTES_MAX: usize = 48;

/// What sets the colors back.
const RESET: &[u8] = b"\x1b[0m";

/// A terminal behind a pane: text and its colors come through, and every other byte that would move the
/// cursor, name the window or change how keys and characters work is shown as `\x1b`. Logs hold what
/// strangers have sent to programs.
///
/// Where the output is no terminal nothing is changed: whoever reads a pipe or a file wants the bytes.
#[derive(Debug)]
pub(crate) struct Pane<W: Write> {
    to: W,
    is_terminal: bool,
    /// The beginning of what may be a character, a color or the end of a line.
    held: Vec<u8>,
    /// Whether a color was set and not set back.
    is_colored: bool,
}

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// So many that can be shown as they are.
    Text(usize),
    /// So many that set colors.
    Colors(usize),
    /// So many that are to be shown by their numbers.
    Odd(usize),
    /// It takes more to know.
    Unknown,
}

impl<W: Write> Pane<W> {
    /// One before `to`.
    pub(crate) const fn before(to: W, is_terminal: bool) -> Self {
        Self { to, is_terminal, held: Vec::new(), is_colored: false }
    }

    /// Shows what was held back, and leaves the terminal in its own colors.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        let mut shown = Vec::new();
        number(&std::mem::take(&mut self.held), &mut shown);
        if std::mem::take(&mut self.is_colored) {
            shown.extend_from_slice(RESET);
        }
        self.to.write_all(&shown)?;
        self.to.flush()
    }

    /// Takes from what is held all that is whole.
    fn whole(&mut self) -> Vec<u8> {
        let mut shown = Vec::with_capacity(self.held.len());
        let mut rest = self.held.as_slice();
        loop {
            let (count, is_odd) = match next(rest) {
                Next::Text(count) => (count, false),
                Next::Colors(count) => {
                    let sequence = rest.get(..count).unwrap_or_default();
                    self.is_colored = !matches!(sequence, b"\x1b[m" | b"\x1b[0m");
                    (count, false)
                }
                Next::Odd(count) => (count, true),
                Next::Unknown => break,
            };
            let (bytes, after) = rest.split_at(count);
            if is_odd {
                number(bytes, &mut shown);
            } else {
                shown.extend_from_slice(bytes);
            }
            rest = after;
        }
        self.held = rest.to_owned();
        shown
    }
}

impl<W: Write> Write for Pane<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_terminal {
            return self.to.write(bytes);
        }
        self.held.extend_from_slice(bytes);
        let shown = self.whole();
        self.to.write_all(&shown)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn next(bytes: &[u8]) -> Next {
    let Some(first) = bytes.first() else { return Next::Unknown };
    let is_plain = |it: &u8| matches!(it, b'\n' | b'\t' | b' '..=b'~');
    match (first, bytes.get(1)) {
        (b'\r' | b'\x1b', None) => Next::Unknown,
        // Without the end of a line behind it, it would have what follows written over what was there.
        (b'\r', Some(b'\n')) => Next::Text(2),
        (b'\x1b', Some(b'[')) => colors(bytes),
        (0x80.., _) => character(bytes),
        (plain, _) if is_plain(plain) => {
            Next::Text(bytes.iter().position(|it| !is_plain(it)).unwrap_or(bytes.len()))
        }
        (_, _) => Next::Odd(1),
    }
}

/// `ESC [`, numbers and `m` (ECMA-48, 8.3.117).
fn colors(bytes: &[u8]) -> Next {
    let parameters = bytes.iter().skip(2).take(COLOR_BYTES_MAX);
    let count = 2 + parameters.take_while(|it| matches!(it, b'0'..=b'9' | b';' | b':')).count();
    match bytes.get(count) {
        Some(b'm') => Next::Colors(count + 1),
        None if count < COLOR_BYTES_MAX => Next::Unknown,
        Some(_) | None => Next::Odd(1),
    }
}

/// A character beyond ASCII, or a byte that is none. Those up to U+009F are sequences in one character.
fn character(bytes: &[u8]) -> Next {
    let some = bytes.get(..bytes.len().min(4)).unwrap_or_default();
    let whole = match std::str::from_utf8(some) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => {
            std::str::from_utf8(some.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(error) if error.error_len().is_none() => return Next::Unknown,
        Err(_) => return Next::Odd(1),
    };
    match whole.chars().next() {
        Some(character) if character.is_control() => Next::Odd(character.len_utf8()),
        Some(character) => Next::Text(character.len_utf8()),
        None => Next::Odd(1),
    }
}

fn number(bytes: &[u8], shown: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b' '..=b'~' => shown.push(*byte),
            odd => shown.extend_from_slice(format!("\\x{odd:02x}").as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(chunks: &[&[u8]], is_terminal: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let mut pane = Pane::before(&mut out, is_terminal);
        for chunk in chunks {
            pane.write_all(chunk).unwrap();
        }
        pane.finish().unwrap();
        out
    }

    #[test]
    fn text_and_colors_come_through_and_nothing_else_wherever_it_is_cut() {
        let cases: [(&[u8], &[u8]); 16] = [
            (b"plain\n\ttext\r\n", b"plain\n\ttext\r\n"),
            (b"\x1b[1;31mred\x1b[0m plain", b"\x1b[1;31mred\x1b[0m plain"),
            (b"\x1b[38;5;8mgray\x1b[m", b"\x1b[38;5;8mgray\x1b[m"),
            (b"\x1b[31mstill red", b"\x1b[31mstill red\x1b[0m"),
            (b"\x1b[2J\x1b[1;1H", b"\\x1b[2J\\x1b[1;1H"),
            (b"\x1b]0;title\x07", b"\\x1b]0;title\\x07"),
            (b"\x1b]52;c;ZXZpbA==\x1b\\", b"\\x1b]52;c;ZXZpbA==\\x1b\\"),
            (b"\x1bc\x1b(0\x0e", b"\\x1bc\\x1b(0\\x0e"),
            (b"\x1b[?1049h\x1b[6n", b"\\x1b[?1049h\\x1b[6n"),
            (b"over\rwritten\x08\x7f\0", b"over\\x0dwritten\\x08\\x7f\\x00"),
            ("gr\u{fc}\u{df}e \u{95e8}\u{1f600}".as_bytes(), "gr\u{fc}\u{df}e \u{95e8}\u{1f600}".as_bytes()),
            ("\u{9b}2J\u{85}".as_bytes(), b"\\xc2\\x9b2J\\xc2\\x85"),
            (b"\x9b2J a\xffb \xc3", b"\\x9b2J a\\xffb \\xc3"),
            (b"\x1b", b"\\x1b"),
            (b"\x1b[3", b"\\x1b[3"),
            (b"end\r", b"end\\x0d"),
        ];
        for (whole, wanted) in cases {
            assert_eq!(shown(&[whole], true), wanted, "{}", whole.escape_ascii());
            for at in 0..=whole.len() {
                let (one, other) = whole.split_at(at);
                assert_eq!(shown(&[one, other], true), wanted, "{} cut at {at}", whole.escape_ascii());
            }
            assert_eq!(shown(&[whole], false), whole, "a pipe gets the bytes");
        }
    }

    #[test]
    fn a_color_without_an_end_is_shown_before_long() {
        let endless = [b"\x1b[".as_slice(), &[b'1'; 100]].concat();
        let wanted = [b"\\x1b[".as_slice(), &[b'1'; 100]].concat();
        assert_eq!(shown(&[&endless], true), wanted);
    }
}
