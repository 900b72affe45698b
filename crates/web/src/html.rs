//! The few pieces of HTML that pages share.

use std::fmt::Write;

/// Appends `text` so that it can only be text, in an element or in a quoted attribute. What cannot be
/// seen becomes something that can.
pub(crate) fn push_text(out: &mut String, text: &str) {
    push_with(out, text, |it| it.is_control() && it != '\n' && it != '\t');
}

/// Appends a value that a browser must send back as it was, in a quoted attribute. HTML cannot hold a
/// NUL, and turns a carriage return into a line feed.
pub(crate) fn push_value(out: &mut String, text: &str) {
    push_with(out, text, |it| it == '\0' || it == '\r');
}

fn push_with(out: &mut String, text: &str, is_odd: impl Fn(char) -> bool) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            it if is_odd(it) => out.push('\u{fffd}'),
            it => out.push(it),
        }
    }
}

/// Appends an element that holds nothing but text.
pub(crate) fn push_element(out: &mut String, tag: &str, class: &str, text: &str) {
    out.extend(["<", tag]);
    if !class.is_empty() {
        out.extend([" class=\"", class, "\""]);
    }
    out.push('>');
    push_text(out, text);
    out.extend(["</", tag, ">"]);
}

/// Appends an attribute and its value.
pub(crate) fn push_attribute(out: &mut String, name: &str, value: &str) {
    out.extend([" ", name, "=\""]);
    push_value(out, value);
    out.push('"');
}

/// A text as part of an address, or of a cookie (RFC 3986, 2.3).
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            // Writing to a string cannot fail.
            byte => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let mut out = String::new();
        push_element(&mut out, "td", "a", "<script>\"&'\u{1b}");
        assert_eq!(out, "<td class=\"a\">&lt;script&gt;&quot;&amp;&#39;\u{fffd}</td>");
    }

    #[test]
    fn a_value_comes_back_as_it_was() {
        let mut out = String::new();
        push_attribute(&mut out, "value", "a\u{1}\"b\0");
        assert_eq!(out, " value=\"a\u{1}&quot;b\u{fffd}\"");
    }

    #[test]
    fn an_address_holds_any_name() {
        assert_eq!(escaped("g:a b/ü%&"), "g%3Aa%20b%2F%C3%BC%25%26");
    }
}
