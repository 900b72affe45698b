//! What Python does with text: the original is a Python program, and its rules for blanks, numbers,
//! `repr` and paths show through its configuration language and its messages.

pub(crate) use model::python::{ascii, repr};

/// Python's limit for the digits of a decimal number (`sys.int_info.default_max_str_digits`).
pub(crate) const DECIMAL_DIGITS_MAX: usize = 4300;

/// Whether `str.isspace` holds: Unicode white space and the four ASCII separators.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// `str.strip`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.rstrip`.
pub(crate) fn strip_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// `str.split` without an argument.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|it| !it.is_empty())
}

/// `repr` of a list of strings.
pub(crate) fn repr_list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|it| repr(it)).collect::<Vec<_>>().join(", "))
}

/// A whole number of any size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Integer {
    /// Its value, or the nearest one that fits.
    pub(crate) clamped: i64,
    /// Its decimal digits and sign as Python prints them; exact only for radix 10.
    pub(crate) text: String,
    /// How many digits were written.
    pub(crate) digits: usize,
}

/// The number that plain decimal digits are, few enough that they fit: what nearly all numbers look like.
pub(crate) fn plain_integer(text: &str) -> Option<i64> {
    const DIGITS_MAX: usize = 18;
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let add = |sum: i64, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'));
    digits.iter().try_fold(0, add)
}

/// `int(text, radix)` for radix 8 and 10.
pub(crate) fn integer(text: &str, radix: u32) -> Option<Integer> {
    let text = strip(text);
    let (negative, rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let rest = match rest.strip_prefix("0o").or_else(|| rest.strip_prefix("0O")) {
        Some(prefixed) if radix == 8 => prefixed.strip_prefix('_').unwrap_or(prefixed),
        _ => rest,
    };
    let mut clamped: i64 = 0;
    let mut digits = 0;
    let mut after_digit = false;
    for character in rest.chars() {
        if character == '_' && after_digit {
            after_digit = false;
            continue;
        }
        let digit = i64::from(character.to_digit(radix)?);
        let signed = if negative { -digit } else { digit };
        clamped = clamped.saturating_mul(i64::from(radix)).saturating_add(signed);
        digits += 1;
        after_digit = true;
    }
    after_digit.then(|| Integer { clamped, text: canonical(rest, negative), digits })
}

fn canonical(digits: &str, negative: bool) -> String {
    let plain: String = digits.chars().filter(char::is_ascii_digit).collect();
    match plain.trim_start_matches('0') {
        "" => "0".to_owned(),
        significant if negative => format!("-{significant}"),
        significant => significant.to_owned(),
    }
}

/// `os.path.dirname`.
pub(crate) fn dirname(path: &str) -> &str {
    let head = &path[..path.rfind('/').map_or(0, |at| at + 1)];
    match head.trim_end_matches('/') {
        "" => head,
        trimmed => trimmed,
    }
}

/// `os.path.join` of two parts.
pub(crate) fn join(base: &str, path: &str) -> String {
    if path.starts_with('/') || base.is_empty() {
        path.to_owned()
    } else if base.ends_with('/') {
        format!("{base}{path}")
    } else {
        format!("{base}/{path}")
    }
}

/// `os.path.normpath`: no doubled slashes, no `.`, no `..` that something precedes. Exactly two
/// leading slashes stay, as POSIX gives them a meaning of their own.
pub(crate) fn normalize(path: &str) -> String {
    let slashes = path.len() - path.trim_start_matches('/').len();
    let root = match slashes {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|it| !matches!(*it, "" | ".")) {
        let climbs = part == ".." && kept.last().is_some_and(|it| *it != "..");
        if climbs {
            kept.pop();
        } else if part != ".." || root.is_empty() {
            kept.push(part);
        }
    }
    match format!("{root}{}", kept.join("/")) {
        empty if empty.is_empty() => ".".to_owned(),
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_python() {
        let value = |text, radix| integer(text, radix).map(|it| it.clamped);
        let decimal = [
            ("10", Some(10)),
            (" +1_0 ", Some(10)),
            ("-007", Some(-7)),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(i64::MIN)),
            ("", None),
            ("_1", None),
            ("1_", None),
            ("1__0", None),
            ("+-1", None),
            ("- 1", None),
            ("1.0", None),
            ("0o7", None),
        ];
        for (text, expected) in decimal {
            assert_eq!(value(text, 10), expected, "{text}");
            let plain = plain_integer(text);
            assert!(plain.is_none() || plain == expected, "{text}");
        }
        let plain =
            ["0", "007", "999999999999999999", "1000000000000000000", "", " 1", "1_0", "+1", "\u{663}"];
        let expected = [Some(0), Some(7), Some(999_999_999_999_999_999), None, None, None, None, None, None];
        assert_eq!(plain.map(plain_integer), expected);
        let octal =
            [("022", Some(18)), ("0o22", Some(18)), ("0O_22", Some(18)), ("-1", Some(-1)), ("8", None)];
        for (text, expected) in octal {
            assert_eq!(value(text, 8), expected, "{text}");
        }
        assert_eq!(integer("-00_70", 10).unwrap().text, "-70");
    }

    #[test]
    fn paths_are_those_of_python() {
        let cases = [
            ("", "."),
            ("/", "/"),
            ("//a", "//a"),
            ("///a//b/./c/..", "/a/b"),
            ("/../a", "/a"),
            ("../a/../..", "../.."),
            ("a/..", "."),
        ];
        for (path, normal) in cases {
            assert_eq!(normalize(path), normal, "{path}");
        }
        let heads = [("a", ""), ("/a", "/"), ("//a", "//"), ("a/b/c", "a/b"), ("a//b", "a")];
        for (path, head) in heads {
            assert_eq!(dirname(path), head, "{path}");
        }
        assert_eq!(join("", "a"), "a");
        assert_eq!(join("/x", "a"), "/x/a");
        assert_eq!(join("/x/", "/a"), "/a");
    }
}
