//! Logs as plain text.

use crate::frame::{Look, head};
use crate::html::push_text;

/// A page that holds the end of a log and nothing else, as the original's does.
pub fn tail(look: &Look, title: &str, text: &str) -> String {
    let mut out = String::new();
    head(&mut out, look, title, "tail");
    out.push_str("<pre>");
    push_text(&mut out, text);
    out.push_str("</pre>\n</body>\n</html>\n");
    out
}

/// A text without the sequences that tell a terminal what to do (ECMA-48, 5.4 and 8.3): those of
/// colours and cursors, and those that carry a text of their own, such as titles.
pub fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = after_escape(rest.get(at + 1..).unwrap_or_default());
    }
    out.push_str(rest);
    out
}

/// What follows a sequence whose first character has been taken.
fn after_escape(rest: &str) -> &str {
    let mut characters = rest.char_indices();
    match characters.next() {
        // A control sequence ends with its first byte from `@` to `~`.
        Some((_, '[')) => {
            let end = characters.find(|(_, it)| !(' '..='?').contains(it));
            match end {
                Some((at, '@'..='~')) => rest.get(at + 1..).unwrap_or_default(),
                // Broken off: what broke it is text.
                Some((at, _)) => rest.get(at..).unwrap_or_default(),
                None => "",
            }
        }
        // A text for the terminal ends with BEL or ESC \, and at the end of the line in any case.
        Some((_, ']' | 'P' | 'X' | '^' | '_')) => {
            match characters.find(|(_, it)| matches!(it, '\u{7}' | '\u{1b}' | '\n')) {
                Some((at, '\u{7}')) => rest.get(at + 1..).unwrap_or_default(),
                Some((at, '\u{1b}')) => {
                    let rest = rest.get(at + 1..).unwrap_or_default();
                    rest.strip_prefix('\\').unwrap_or(rest)
                }
                Some((at, _)) => rest.get(at..).unwrap_or_default(),
                None => "",
            }
        }
        Some((_, first)) if !first.is_control() => rest.get(first.len_utf8()..).unwrap_or_default(),
        Some(_) | None => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_for_terminals_is_taken_out() {
        let cases = [
            ("plain ü", "plain ü"),
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("a\u{1b}[2Kb\u{1b}[10;20Hc", "abc"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://a\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}]never ends\nnext", "\nnext"),
            ("\u{1b}[31\u{4e2d}", "\u{4e2d}"),
            ("\u{1b}(Bx", "Bx"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("\u{1b}[31", ""),
        ];
        for (text, wanted) in cases {
            assert_eq!(without_escapes(text), wanted, "{text:?}");
        }
    }
}
