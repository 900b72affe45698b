//! Rust source as a reader skims it: without comments, strings and tests.

/// `source` with every comment and literal text blanked out, so that what is left is code.
///
/// It knows just enough of the language (nested comments, raw strings, lifetimes beside character literals) never
/// to mistake text for code; it does not parse.
pub(crate) fn code_only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest, code.chars().next_back());
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.push(' ');
            rest = &rest[length..];
        }
    }
    code
}

/// The part of `code` before its inline tests: what ships.
pub(crate) fn without_tests(code: &str) -> &str {
    const MARK: &str = "#[cfg(test)]";
    let opens_module = |at: &usize| {
        let head = code[at + MARK.len()..].split(['{', ';']).next().unwrap_or_default();
        head.trim_start().starts_with("mod ") && code[at + MARK.len() + head.len()..].starts_with('{')
    };
    code.match_indices(MARK).map(|(at, _)| at).find(opens_module).map_or(code, |at| &code[..at])
}

/// The words of `code`: runs of letters, digits and underscores.
pub(crate) fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// How many bytes at the head of `rest` are not code; 0 when the next character is.
fn skipped(rest: &str, before: Option<char>) -> usize {
    let after_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    match rest.as_bytes() {
        [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => quoted(rest),
        [b'r', b'"' | b'#', ..] if !after_word => raw_string(&rest[1..]).map_or(0, |length| length + 1),
        [b'b', b'r', b'"' | b'#', ..] if !after_word => raw_string(&rest[2..]).map_or(0, |length| length + 2),
        [b'\'', ..] => character(rest),
        _ => 0,
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0_usize);
    while let Some(next) = rest.get(at..).filter(|next| !next.is_empty()) {
        let (change, step) = match next.as_bytes() {
            [b'/', b'*', ..] => (1_isize, 2),
            [b'*', b'/', ..] => (-1, 2),
            _ => (0, next.chars().next().map_or(1, char::len_utf8)),
        };
        depth = depth.saturating_add_signed(change);
        at += step;
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a raw string from its first `#` or `"`, or `None` for a raw identifier such as `r#type`.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let body = rest[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(hashes + 1 + length)
}

/// The length of a character literal, or 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut inside = rest.char_indices().skip(1);
    match (inside.next(), inside.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let from = at + escaped.len_utf8();
            rest[from..].find('\'').map_or(rest.len(), |end| from + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_not_code() {
        let cases = [
            ("a // unsafe\nb", "a  \nb"),
            ("a /* unsafe /* more */ unsafe */ b", "a   b"),
            (r#"a "unsafe \" unsafe" b"#, "a   b"),
            (r##"a r#"unsafe " unsafe"# b"##, "a   b"),
            (r#"a br"unsafe" b"#, "a   b"),
            (r"a '\'' '\u{1F6AA}' 'x' b", "a       b"),
            ("fn f<'a>(r#type: &'a str) {}", "fn f<'a>(r#type: &'a str) {}"),
            ("/* never closed", " "),
        ];
        for (source, code) in cases {
            assert_eq!(code_only(source), code, "{source}");
        }
    }

    #[test]
    fn inline_tests_do_not_ship() {
        let cases = [
            ("a\n#[cfg(test)]\nmod tests { b }", "a\n"),
            ("#[cfg(test)]\nmod tests;\nmod a;", "#[cfg(test)]\nmod tests;\nmod a;"),
            ("#[cfg(test)]\nuse a;\nb\n#[cfg(test)] mod t { c }", "#[cfg(test)]\nuse a;\nb\n"),
        ];
        for (code, shipped) in cases {
            assert_eq!(without_tests(code), shipped);
        }
    }

    #[test]
    fn a_word_is_whole() {
        let found: Vec<&str> = words("deny(unsafe_code) unsafe{x}").collect();
        assert_eq!(found, ["deny", "unsafe_code", "unsafe", "x"]);
    }
}
