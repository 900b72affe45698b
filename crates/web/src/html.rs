//! The few pieces of HTML that pages share.

use std::fmt::Write;

/// Appends `text` so that it can only be text, in an element or in a quoted attribute.
pub(crate) fn push_text(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            it if it.is_control() && it != '\n' && it != '\t' => out.push('\u{fffd}'),
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

/// A number of seconds in its two largest units, for example `3 h 5 min`.
pub(crate) fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = match (days, hours, minutes) {
        (0, 0, 0) => write!(text, "{seconds} s"),
        (0, 0, minutes) => write!(text, "{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => write!(text, "{hours} h {minutes} min"),
        (days, hours, _) => write!(text, "{days} d {hours} h"),
    };
    text
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
    fn a_span_shows_its_two_largest_units() {
        let cases = [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (11_100, "3 h 5 min"), (90_000, "1 d 1 h")];
        for (seconds, wanted) in cases {
            assert_eq!(span(seconds), wanted);
        }
    }
}
