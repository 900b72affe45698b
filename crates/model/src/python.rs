//! Texts as Python shows them: the original is a Python program, and its `repr` shows through its messages, its events
//! and its configuration language.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `repr` of a string.
pub fn repr(text: &str) -> String {
    repr_by(text, is_printable)
}

/// `ascii` of a string.
pub fn ascii(text: &str) -> String {
    repr_by(text, |it| it == ' ' || it.is_ascii_graphic())
}

fn repr_by(text: &str, plain: impl Fn(char) -> bool) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            it if it == quote => {
                out.push('\\');
                out.push(it);
            }
            it if plain(it) => out.push(it),
            it => push_escape(&mut out, u32::from(it)),
        }
    }
    out.push(quote);
    out
}

fn push_escape(out: &mut String, code: u32) {
    let written = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
    written.expect("writing to a string cannot fail");
}

/// `str.isprintable` of one character.
///
/// The standard library escapes the same categories of characters in a string, provided that the
/// character is not the first (where it would also escape combining ones).
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return character == ' ' || character.is_ascii_graphic();
    }
    let mut pair = String::from("a");
    pair.push(character);
    pair.escape_debug().count() == 2
}

/// `int` of a text, as long as the number has 64 bits.
pub fn int(text: &str) -> Option<i64> {
    digits(text)?.parse().ok()
}

/// `float` of a text.
pub fn float(text: &str) -> Option<f64> {
    digits(text)?.parse().ok()
}

/// A number without what Python lets stand in it: space around it, and single underscores between digits.
fn digits(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if !text.contains('_') {
        return Some(text.into());
    }
    let is_between = |(at, _): (usize, &str)| {
        let (before, after) = (text.get(..at), text.get(at + 1..));
        before.is_some_and(|it| it.ends_with(|it: char| it.is_ascii_digit()))
            && after.is_some_and(|it| it.starts_with(|it: char| it.is_ascii_digit()))
    };
    text.match_indices('_').all(is_between).then(|| text.replace('_', "").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repr_is_that_of_python() {
        let cases = [
            ("a b", "'a b'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("\u{feff}[x]\n", "'\\ufeff[x]\\n'"),
            ("\u{1}\u{7f}\u{a0}é\u{301}\u{1f600}\u{e000}", "'\\x01\\x7f\\xa0é\u{301}\u{1f600}\\ue000'"),
            ("a\\b\t\r", "'a\\\\b\\t\\r'"),
        ];
        for (text, shown) in cases {
            assert_eq!(repr(text), shown);
        }
        assert_eq!(
            (int(" 1 "), int("+1"), int("-1_0"), int("1_2_3")),
            (Some(1), Some(1), Some(-10), Some(123))
        );
        for text in ["", " ", "x", "1__0", "_1", "1_", "- 1", "0x10", "1.0", "9223372036854775808"] {
            assert_eq!(int(text), None, "{text:?}");
        }
        assert_eq!(
            (float(" 1_0.5 "), float("1e400"), float("0x1p3")),
            (Some(10.5), Some(f64::INFINITY), None)
        );
        assert_eq!(ascii("é\u{1f600}"), "'\\xe9\\U0001f600'");
    }
}
