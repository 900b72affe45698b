//! Reading logs back, compared with what the original reads.

#![cfg(test)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use logs::tail::{READ_BYTES_MAX, ReadFault, read, tail};

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

    let null = Path::new("/dev/null");
    assert_eq!(read(null, 0, 0).map(|it| it.bytes), Ok(Vec::new()));
    assert_eq!(read(null, 0, -1), Err(ReadFault::BadArguments));
    assert_eq!(tail(null, 3, 1).size, 0);
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
