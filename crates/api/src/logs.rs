//! How bytes of a log become text for a client. Which bytes those are is for `logs::tail` to say.

/// Bytes of a log as text. What is not UTF-8 becomes U+FFFD, but a character cut by the edges of the
/// part is left out: a client that goes on from there will get it whole.
pub fn text(bytes: &[u8], start: u64) -> String {
    let skipped = if start == 0 { 0 } else { cut_at_start(bytes) };
    let bytes = bytes.get(skipped..).unwrap_or_default();
    let whole = bytes.len() - cut_at_end(bytes);
    String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default()).into_owned()
}

/// How many bytes at the start may be the rest of a character that began before them.
pub fn cut_at_start(bytes: &[u8]) -> usize {
    bytes.iter().take(3).take_while(|it| **it & 0xc0 == 0x80).count()
}

/// How many bytes at the end are the beginning of a character.
pub fn cut_at_end(bytes: &[u8]) -> usize {
    // A character has at most four bytes, so that the last three decide.
    let from = bytes.len().saturating_sub(3);
    let tails = (from..bytes.len()).filter_map(|it| bytes.get(it..));
    tails
        .into_iter()
        .find(|it| std::str::from_utf8(it).is_err_and(|it| it.valid_up_to() == 0 && it.error_len().is_none()))
        .map_or(0, <[u8]>::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_cut_by_an_edge_is_left_out_and_a_wrong_one_is_shown() {
        let cases: [(&[u8], u64, &str); 12] = [
            (b"abc", 0, "abc"),
            ("aé".as_bytes(), 0, "aé"),
            (b"a\xc3", 0, "a"),
            (b"\xa9b", 5, "b"),
            (b"\xa9b", 0, "\u{fffd}b"),
            (b"\x80\x80\x80\x80", 5, "\u{fffd}"),
            (b"a\xffb", 0, "a\u{fffd}b"),
            (b"a\xff", 0, "a\u{fffd}"),
            (b"\xf0\x9f\x98", 0, ""),
            (b"a\xf0\x9f\x98\x80", 0, "a\u{1f600}"),
            (b"\xff\xe2\x82", 0, "\u{fffd}"),
            (b"", 9, ""),
        ];
        for (bytes, start, wanted) in cases {
            assert_eq!(text(bytes, start), wanted, "{bytes:?}");
        }
    }
}
