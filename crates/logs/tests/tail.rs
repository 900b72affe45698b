//! Reading logs back, compared with what the original reads.

#![cfg(test)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use logs::tail::{READ_BYTES_MAX, ReadFault, lossy_text, read, tail};

/// `first+count`, or `-` for no bytes.
fn span(bytes: &[u8]) -> String {
    bytes.first().map_or_else(|| "-".to_owned(), |first| format!("{first}+{}", bytes.len()))
}

fn asked(call: &str, path: &Path, offset: i64, length: i64) -> String {
    match call {
        "read" => match read(path, offset, length) {
            Ok(part) => {
                assert!(part.bytes.is_empty() || part.start == u64::from(part.bytes[0]));
                span(&part.bytes)
            }
            Err(ReadFault::BadArguments) => "BAD_ARGUMENTS".to_owned(),
            Err(fault) => fault.to_string(),
        },
        "tail" => {
            let it = tail(path, offset, length);
            assert!(it.bytes.is_empty() || it.start == u64::from(it.bytes[0]));
            format!("{} {} {}", span(&it.bytes), it.size, it.overflow)
        }
        _ => panic!("unknown call {call}"),
    }
}

#[test]
fn every_part_is_what_the_original_reads() {
    let folder = tempfile::tempdir().unwrap();
    for line in include_str!("tail_of_the_original.txt").lines().filter(|it| !it.starts_with('#')) {
        let (call, wanted) = line.split_once(": ").unwrap();
        let [call, numbers @ ..] = &call.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let numbers: Vec<i64> = numbers.iter().map(|it| it.parse().unwrap()).collect();
        let [size, offset, length] = numbers[..] else { panic!("{line}") };
        let path = folder.path().join(size.to_string());
        let bytes: Vec<u8> = (0..u8::try_from(size).unwrap()).collect();
        fs::write(&path, bytes).unwrap();
        assert_eq!(asked(call, &path, offset, length), wanted, "{line}");
    }
}

#[test]
fn what_is_missing_or_no_file_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    assert_eq!(read(&missing, 0, 0), Err(ReadFault::NoFile));
    assert_eq!(read(&missing, -1, -1), Err(ReadFault::NoFile));
    assert_eq!(read(folder.path(), 0, 0), Err(ReadFault::Failed));
    let it = tail(&missing, 7, 5);
    assert_eq!((it.bytes.len(), it.size, it.overflow), (0, 0, false));
    let it = tail(folder.path(), 7, 5);
    assert_eq!((it.bytes.len(), it.size, it.overflow), (0, 7, false));

    // Would make whoever reads it wait for a writer.
    let fifo = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    assert_eq!(read(&fifo, 0, 0), Err(ReadFault::Failed));
    let link = folder.path().join("link");
    symlink(&fifo, &link).unwrap();
    assert_eq!(tail(&link, 3, 1).size, 3);
}

#[test]
fn of_a_huge_file_no_more_is_read_than_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let size = 1u64 << 40;
    fs::File::create(&path).unwrap().set_len(size).unwrap();
    assert_eq!(read(&path, -10, 0).unwrap().bytes.len(), 10);
    assert_eq!(read(&path, 1 << 39, 5).unwrap().bytes.len(), 5);
    let it = tail(&path, 0, 10);
    assert_eq!((it.bytes.len(), it.start, it.size, it.overflow), (10, size - 10, 1 << 40, true));
    let it = tail(&path, i64::MIN, i64::MAX);
    assert_eq!((u64::try_from(it.bytes.len()), it.overflow), (Ok(READ_BYTES_MAX), true));
}

#[test]
fn half_a_character_at_a_cut_edge_is_left_out_and_a_wrong_byte_is_shown() {
    let cases: [(&[u8], bool, bool, &str); 13] = [
        (b"abc", true, true, "abc"),
        (b"", true, true, ""),
        ("aé".as_bytes(), true, true, "aé"),
        (b"a\xc3", false, true, "a"),
        (b"a\xc3", false, false, "a\u{fffd}"),
        (b"\xa9b", true, false, "b"),
        (b"\xa9b", false, false, "\u{fffd}b"),
        (b"\x9f\x98\x80b", true, true, "b"),
        (b"\x80\x80\x80\x80", true, true, "\u{fffd}"),
        (b"a\xffb", true, true, "a\u{fffd}b"),
        (b"a\xff", true, true, "a\u{fffd}"),
        (b"\xf0\x9f\x98", false, true, ""),
        (b"\x88\n", false, true, "\u{fffd}\n"),
    ];
    for (bytes, front, back, wanted) in cases {
        assert_eq!(lossy_text(bytes, front, back), wanted, "{bytes:?} {front} {back}");
    }
    let whole = "a€😀é";
    for at in 0..=whole.len() {
        let (one, other) = whole.as_bytes().split_at(at);
        let text = lossy_text(one, false, true) + &lossy_text(other, true, false);
        assert!(!text.contains('\u{fffd}'), "cut at {at}: {text}");
    }
}
