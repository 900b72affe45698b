//! Log files: nothing is lost where they are rotated, reopened, cleared, full or no files at all.

#![cfg(test)]

use std::fs;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use logs::file::{End, LogFile, MODE, Rotation};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use rustix::fs::{CWD, Mode, OFlags, mkfifoat, open};

const NEVER: Rotation = Rotation { maxbytes: 0, backups: 0 };

fn put(file: &mut LogFile, bytes: &[u8]) {
    let written = file.write(bytes);
    assert!(matches!(written.end, End::Whole), "{:?}", written.end);
    assert!(written.unrotated.is_none(), "{:?}", written.unrotated);
    assert_eq!(written.bytes, bytes.len());
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    PathBuf::from(format!("{}.{number}", path.display()))
}

/// The files of a log, the newest first, in words.
fn contents(path: &Path) -> Vec<String> {
    let older = (1..).map(|it| numbered(path, it)).take_while(|it| it.exists());
    [path.to_owned()].into_iter().chain(older).map(|it| fs::read_to_string(it).unwrap()).collect()
}

/// A folder with the path of a log in it, which goes when it is dropped.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    (folder, path)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_byte_is_lost_or_moved_by_rotation(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..40),
        maxbytes in 1i64..60,
        there in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let (_folder, path) = folder();
        fs::write(&path, &there).unwrap();
        let mut file = LogFile::open(&path, Rotation { maxbytes, backups: 1000 }, MODE).unwrap();
        for chunk in &chunks {
            put(&mut file, chunk);
            prop_assert!(file.size() < u64::try_from(maxbytes).unwrap(), "it was full, and so rotated");
        }
        let count = (1..1000).take_while(|it| numbered(&path, *it).exists()).count();
        let mut all = Vec::new();
        for number in (1..=count).rev() {
            let bytes = fs::read(numbered(&path, number)).unwrap();
            let most = there.len().max(usize::try_from(maxbytes).unwrap()) + 40;
            prop_assert!(bytes.len() < most, "it exceeds its limit by one chunk at most");
            all.extend(bytes);
        }
        all.extend(fs::read(&path).unwrap());
        prop_assert_eq!(all, [there, chunks.concat()].concat());
    }
}

#[test]
fn full_files_move_up_and_the_oldest_goes() {
    let (_folder, path) = folder();
    let mut file = LogFile::open(&path, Rotation { maxbytes: 4, backups: 2 }, MODE).unwrap();
    for (chunk, wanted) in [
        ("abc", vec!["abc"]),
        ("d", vec!["", "abcd"]),
        ("efghij", vec!["", "efghij", "abcd"]),
        ("k", vec!["k", "efghij", "abcd"]),
        ("lmn", vec!["", "klmn", "efghij"]),
    ] {
        put(&mut file, chunk.as_bytes());
        assert_eq!(contents(&path), wanted, "after {chunk}");
    }
}

#[test]
fn without_backups_a_full_file_is_cut_off_in_place() {
    let (_folder, path) = folder();
    let mut file = LogFile::open(&path, Rotation { maxbytes: 4, backups: 0 }, MODE).unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    put(&mut file, b"abcd");
    assert_eq!(contents(&path), [""]);
    put(&mut file, b"ef");
    assert_eq!(contents(&path), ["ef"], "there is no hole before it");
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
}

#[test]
fn what_was_there_counts() {
    let (_folder, path) = folder();
    fs::write(&path, "before").unwrap();
    let mut file = LogFile::open(&path, Rotation { maxbytes: 8, backups: 1 }, MODE).unwrap();
    assert_eq!(file.size(), 6);
    put(&mut file, b"1");
    assert_eq!(contents(&path), ["before1"]);
    put(&mut file, b"2");
    assert_eq!(contents(&path), ["", "before12"]);
}

#[test]
fn a_successor_is_no_more_open_than_its_predecessor() {
    let (_folder, path) = folder();
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut file = LogFile::open(&path, Rotation { maxbytes: 1, backups: 1 }, MODE).unwrap();
    put(&mut file, b"x");
    assert_eq!((mode(&path), mode(&numbered(&path, 1))), (0o600, 0o600));
    file.clear().unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn two_streams_that_share_a_file_rotate_it_once() {
    let (_folder, path) = folder();
    let rotation = Rotation { maxbytes: 4, backups: 5 };
    let mut one = LogFile::open(&path, rotation, MODE).unwrap();
    let mut other = LogFile::open(&path, rotation, MODE).unwrap();
    put(&mut one, b"ab");
    put(&mut other, b"cd");
    assert_eq!(contents(&path), ["", "abcd"], "both count what the other wrote");
    put(&mut one, b"e");
    put(&mut one, b"f");
    put(&mut other, b"g");
    assert_eq!(contents(&path), ["efg", "abcd"], "the first follows to the new file, and does not rotate it");
}

#[test]
fn a_file_that_is_moved_or_removed_gets_a_successor() {
    let (folder, path) = folder();
    let moved = folder.path().join("moved");
    let mut file = LogFile::open(&path, NEVER, MODE).unwrap();
    put(&mut file, b"1");
    fs::rename(&path, &moved).unwrap();
    put(&mut file, b"2");
    assert_eq!((fs::read(&moved).unwrap(), fs::read(&path).unwrap()), (b"1".to_vec(), b"2".to_vec()));

    fs::remove_file(&path).unwrap();
    put(&mut file, b"3");
    assert_eq!(fs::read(&path).unwrap(), b"3");

    fs::write(&path, "").unwrap();
    put(&mut file, b"4");
    assert_eq!(fs::read(&path).unwrap(), b"4", "what was cut off by others has no hole");
}

#[test]
fn a_file_that_cannot_be_reopened_stays_open() {
    let (folder, path) = folder();
    let mut file = LogFile::open(&path, NEVER, MODE).unwrap();
    let moved = folder.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(file.reopen().is_err());
    put(&mut file, b"kept");
    assert_eq!(fs::read(&moved).unwrap(), b"kept");
}

#[test]
fn a_cleared_file_begins_anew_and_its_backups_stay() {
    let (_folder, path) = folder();
    let mut file = LogFile::open(&path, Rotation { maxbytes: 4, backups: 3 }, MODE).unwrap();
    put(&mut file, b"abcd");
    put(&mut file, b"ef");
    file.clear().unwrap();
    assert_eq!(contents(&path), ["", "abcd"]);
    fs::remove_file(&path).unwrap();
    file.clear().expect("that it is gone already is no failure");
    put(&mut file, b"g");
    assert_eq!(contents(&path), ["g", "abcd"]);
}

#[test]
fn a_file_that_rests_is_opened_again_where_it_was() {
    let (_folder, path) = folder();
    let mut file = LogFile::open(&path, Rotation { maxbytes: 4, backups: 1 }, MODE).unwrap();
    put(&mut file, b"ab");
    file.rest();
    assert!(!file.is_file_open());
    assert_eq!(file.size(), 2);
    put(&mut file, b"c");
    file.rest();
    put(&mut file, b"d");
    assert_eq!(contents(&path), ["", "abcd"]);
    file.rest();
    file.clear().unwrap();
    assert_eq!(contents(&path), ["", "abcd"]);
}

#[test]
fn a_rotation_that_fails_loses_nothing_and_is_not_tried_at_every_write() {
    let (_folder, path) = folder();
    // Nothing can be renamed to the name of a folder that is not empty.
    fs::create_dir_all(numbered(&path, 1).join("x")).unwrap();
    let mut file = LogFile::open(&path, Rotation { maxbytes: 4, backups: 1 }, MODE).unwrap();
    let mut write = |bytes: &[u8]| {
        let written = file.write(bytes);
        assert!(matches!(written.end, End::Whole));
        written.unrotated.is_some()
    };
    assert!(write(b"abcd"));
    assert!(!write(b"efg"));
    assert!(write(b"h"), "it has grown by its limit again");
    fs::remove_dir_all(numbered(&path, 1)).unwrap();
    assert!(!write(b"ijkl"));
    assert_eq!(contents(&path), ["", "abcdefghijkl"]);
}

#[test]
fn a_log_that_cannot_be_opened_is_named_with_the_reason() {
    let error = LogFile::open(Path::new("/dev/null/log"), NEVER, MODE).unwrap_err();
    assert_eq!(error.to_string(), "cannot open /dev/null/log: Not a directory");
    let error = LogFile::open(Path::new("/"), NEVER, MODE).unwrap_err();
    assert_eq!(error.to_string(), "cannot open /: Is a directory");
}

#[test]
fn a_full_disk_is_a_failure_that_may_pass() {
    let mut file = LogFile::open(Path::new("/dev/full"), NEVER, MODE).unwrap();
    let written = file.write(b"x");
    assert!(matches!(written.end, End::Failed(ref it) if it.raw_os_error() == Some(28)), "{written:?}");
    assert_eq!(written.bytes, 0);
}

fn fifo(path: &Path) {
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

fn reader(path: &Path) -> fs::File {
    open(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap().into()
}

#[test]
fn a_fifo_needs_no_reader_and_is_never_rotated_or_removed() {
    let (_folder, path) = folder();
    fifo(&path);
    let mut file = LogFile::open(&path, Rotation { maxbytes: 1, backups: 3 }, MODE).unwrap();
    put(&mut file, b"early ");
    let mut reader = reader(&path);
    put(&mut file, b"late");
    file.clear().unwrap();
    file.reopen().unwrap();
    let mut room = [0; 32];
    let count = reader.read(&mut room).unwrap();
    assert_eq!(&room[..count], b"early late");
    assert!(!numbered(&path, 1).exists());
    assert_eq!(file.size(), 0);
}

#[test]
fn a_pipe_whose_reader_is_gone_is_lost() {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let path = PathBuf::from(format!("/proc/self/fd/{}", writer.as_raw_fd()));
    let mut file = LogFile::open(&path, Rotation { maxbytes: 1, backups: 3 }, MODE).unwrap();
    put(&mut file, b"heard");
    let mut room = [0; 8];
    assert_eq!(rustix::io::read(&reader, &mut room), Ok(5));
    drop(reader);
    let written = file.write(b"unheard");
    assert!(matches!(written.end, End::Lost(_)), "{written:?}");
    let written = LogFile::open(&path, NEVER, MODE).unwrap().write(b"unheard");
    assert!(matches!(written.end, End::Lost(_)), "we are not its reader: {written:?}");
}

#[test]
fn a_pipe_that_is_full_takes_whole_lines_and_never_makes_us_wait() {
    let (_folder, path) = folder();
    fifo(&path);
    let mut reader = reader(&path);
    let mut file = LogFile::open(&path, NEVER, MODE).unwrap();
    let line = [vec![b'x'; 99], vec![b'\n']].concat();
    let lines = line.repeat(2000);
    let mut pending = lines.as_slice();
    let mut read = Vec::new();
    let mut was_blocked = false;
    while !pending.is_empty() {
        let written = file.write(pending);
        pending = &pending[written.bytes..];
        match written.end {
            End::Whole => assert!(pending.is_empty()),
            End::Blocked => {
                assert_eq!(pending.len() % line.len(), 0, "a line was cut");
                was_blocked = true;
            }
            End::Failed(error) | End::Lost(error) => panic!("{error}"),
        }
        let mut room = [0; 5000];
        let count = reader.read(&mut room).unwrap();
        read.extend_from_slice(&room[..count]);
    }
    assert!(was_blocked);
    let mut rest = Vec::new();
    let _ = reader.read_to_end(&mut rest); // Ends with "would block": the log is still open.
    read.extend(rest);
    assert!(read == lines, "what arrives is what was written");
}

#[test]
fn a_file_at_rest_is_opened_for_its_first_byte_and_goes_on_at_its_end() {
    let (_folder, path) = folder();
    fs::write(&path, "before ").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let mut file = LogFile::at_rest(&path, NEVER, MODE).unwrap();
    assert!(!file.is_file_open());
    put(&mut file, b"after");
    assert!(file.is_file_open());
    assert_eq!(fs::read_to_string(&path).unwrap(), "before after");

    // The successor of one that is gone before it was ever opened is no more open to others than it was.
    let mut file = LogFile::at_rest(&path, NEVER, MODE).unwrap();
    fs::remove_file(&path).unwrap();
    put(&mut file, b"anew");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    // What is not there is made at once, and what is no file is opened.
    let missing = path.with_extension("missing");
    assert!(LogFile::at_rest(&missing, NEVER, MODE).unwrap().is_file_open() && missing.exists());
    assert!(LogFile::at_rest(path.parent().unwrap(), NEVER, MODE).is_err());
}

#[test]
fn a_file_whose_disk_is_away_is_opened_for_the_first_byte_after_it_is_back() {
    let (folder, _) = folder();
    let disk = folder.path().join("disk");
    let mut file = LogFile::at_rest(&disk.join("log"), NEVER, MODE).unwrap();
    assert!(matches!(file.write(b"early").end, End::Failed(_)));
    fs::create_dir(&disk).unwrap();
    put(&mut file, b"late");
    assert_eq!(fs::read_to_string(disk.join("log")).unwrap(), "late");
}
