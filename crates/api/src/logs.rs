//! Which part of a log a client asked for, and how it becomes text.

use model::fault::{Fault, FaultCode};

/// How many bytes of a log one call gets at most: the size at which logs are rotated by default, with
/// room. A client that wants more asks again from where it got to.
pub const READ_BYTES_MAX: u64 = 64 << 20;

/// A part of a file, within its size at the time of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its first byte.
    pub start: u64,
    /// How many bytes; never more than [`READ_BYTES_MAX`].
    pub count: u64,
}

/// The part that `read…Log(offset, length)` means in a file of `size` bytes (`options.py`, `readFile`).
///
/// # Errors
/// `BAD_ARGUMENTS` for a negative length, or any length with a negative offset.
pub fn read_part(offset: i64, length: i64, size: u64) -> Result<Part, Fault> {
    if length < 0 || (offset < 0 && length != 0) {
        return Err(FaultCode::BadArguments.into());
    }
    if offset < 0 {
        let count = offset.unsigned_abs().min(size).min(READ_BYTES_MAX);
        return Ok(Part { start: size - count, count });
    }
    let start = offset.unsigned_abs().min(size);
    let wanted = if length == 0 { u64::MAX } else { length.unsigned_abs() };
    Ok(Part { start, count: wanted.min(size - start).min(READ_BYTES_MAX) })
}

/// The part that `tail…Log(offset, length)` means in a file of `size` bytes, and whether bytes after
/// `offset` are left out (`options.py`, `tailFile`). Nearly always it is the last `length` bytes.
pub fn tail_part(offset: i64, length: i64, size: u64) -> (Part, bool) {
    let end = i64::try_from(size).unwrap_or(i64::MAX);
    let (mut offset, mut length) = (offset, length);
    let overflow = end > offset.saturating_add(length);
    if overflow {
        offset = end - 1;
    }
    if offset.saturating_add(length) > end {
        if offset > end - 1 {
            length = 0;
        }
        offset = end.saturating_sub(length);
    }
    let start = u64::try_from(offset).unwrap_or(0).min(size);
    let count = u64::try_from(length).unwrap_or(0).min(size - start);
    let most = count.min(READ_BYTES_MAX);
    (Part { start: start + (count - most), count: most }, overflow)
}

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
    fn a_part_is_what_the_original_reads() {
        let cases = [
            ((0, 0), Some((0, 100))),
            ((90, 0), Some((90, 10))),
            ((10, 20), Some((10, 20))),
            ((90, 20), Some((90, 10))),
            ((100, 5), Some((100, 0))),
            ((500, 0), Some((100, 0))),
            ((-10, 0), Some((90, 10))),
            ((-500, 0), Some((0, 100))),
            ((-10, 5), None),
            ((0, -1), None),
            ((i64::MIN, 0), Some((0, 100))),
            ((i64::MAX, i64::MAX), Some((100, 0))),
        ];
        for ((offset, length), wanted) in cases {
            let part = read_part(offset, length, 100).ok().map(|it| (it.start, it.count));
            assert_eq!(part, wanted, "({offset}, {length})");
        }
    }

    #[test]
    fn a_tail_is_what_the_original_tails() {
        let cases = [
            ((90, 50), (50, 50, false)),
            ((0, 10), (90, 10, true)),
            ((0, 1), (99, 1, true)),
            ((0, 0), (99, 0, true)),
            ((100, 10), (100, 0, false)),
            ((1000, 10), (100, 0, false)),
            ((0, 100), (0, 100, false)),
            ((0, 1000), (0, 100, false)),
            ((-5, 10), (90, 10, true)),
            ((0, -5), (99, 0, true)),
            ((i64::MAX, i64::MAX), (100, 0, false)),
        ];
        for ((offset, length), wanted) in cases {
            let (part, overflow) = tail_part(offset, length, 100);
            assert_eq!((part.start, part.count, overflow), wanted, "({offset}, {length})");
        }
        assert_eq!(tail_part(0, 10, 0), (Part { start: 0, count: 0 }, false));
    }

    #[test]
    fn no_call_gets_more_than_the_limit() {
        let size = READ_BYTES_MAX * 4;
        assert_eq!(read_part(0, 0, size).unwrap(), Part { start: 0, count: READ_BYTES_MAX });
        let last = Part { start: size - READ_BYTES_MAX, count: READ_BYTES_MAX };
        assert_eq!(read_part(i64::MIN, 0, size).unwrap(), last);
        assert_eq!(tail_part(0, i64::MAX, size).0, last);
    }

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
