//! A history on a real disk, or on none.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use history::book::Book;
use model::past::{Happening, Kind, MACHINE, Past, Point, Query, Values};
use model::time::Wall;
use rusqlite::Connection;

type Told = Arc<Mutex<Vec<String>>>;

/// Longer than any end takes: it is waited for, not slept.
const PATIENCE: Duration = Duration::from_mins(1);

/// A second in November 2026, at the beginning of a row of every level.
const START: i64 = 41_000 * 43_200;

fn open(path: &Path) -> (Book, Told) {
    open_of(path, 100 << 20)
}

fn open_of(path: &Path, bytes_max: u64) -> (Book, Told) {
    let told = Told::default();
    let to = Arc::clone(&told);
    let tell = Box::new(move |_, text| to.lock().unwrap().push(text));
    (Book::open(path.to_owned(), bytes_max, tell).unwrap(), told)
}

fn happened(at: i64, name: &str, kind: Kind) -> Happening {
    let (text, details) = (format!("{name} did it"), "{\"code\":3}".to_owned());
    Happening { at: Wall::from_seconds(at), name: name.to_owned(), kind, text, details }
}

fn ask(book: &Book, query: Query) -> Past {
    let (sender, receiver) = channel();
    book.ask(query, Box::new(move |past| sender.send(past).unwrap()));
    receiver.recv().unwrap().unwrap()
}

fn last(name: Option<&str>, kinds: &[Kind], most: usize) -> Query {
    let (since, before) = (Wall::from_seconds(0), Wall::from_seconds(1 << 40));
    Query::Happenings { name: name.map(str::to_owned), kinds: kinds.to_vec(), since, before, most }
}

fn times(past: Past) -> Vec<i64> {
    match past {
        Past::Happenings(all) => all.iter().map(|it| it.at.seconds()).collect(),
        Past::Points(all) => all.iter().map(|it| it.at).collect(),
    }
}

fn points(book: &Book, subject: &str, since: i64, until: i64, most: usize) -> Vec<Point> {
    match ask(book, Query::Points { subject: subject.to_owned(), since, until, most }) {
        Past::Points(points) => points,
        Past::Happenings(_) => panic!("no points"),
    }
}

fn values(cpu: u64, memory: u64) -> Values {
    let mut values = Values::default();
    values[..4].copy_from_slice(&[Some(cpu), Some(cpu), Some(memory), None]);
    values
}

#[test]
fn what_happened_is_known_after_the_end() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("h.db");
    let (book, told) = open(&path);
    for (at, name, kind) in
        [(1, "a", Kind::Exit), (2, "b", Kind::Exit), (3, "a", Kind::State), (4, "a", Kind::Exit)]
    {
        book.happened(happened(at, name, kind));
    }
    assert_eq!(times(ask(&book, last(Some("a"), &[Kind::Exit], 10))), [1, 4]);
    book.close(PATIENCE);
    let (book, _) = open(&path);
    assert_eq!(times(ask(&book, last(None, &[], 3))), [2, 3, 4]);
    assert_eq!(times(ask(&book, last(Some("nope"), &[], 3))), [0; 0]);
    assert_eq!(times(ask(&book, Query::LastExits { each: 1 })), [2, 4]);
    let Past::Happenings(all) = ask(&book, last(Some("b"), &[], 9)) else { panic!("no happenings") };
    assert_eq!(all, [happened(2, "b", Kind::Exit)]);
    assert!(told.lock().unwrap().is_empty(), "{told:?}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600, "the last lines of programs are for their owner");
}

#[test]
fn figures_grow_coarser_and_outlive_the_end() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("h.db");
    let (book, _) = open(&path);
    for at in (START..START + 1300).step_by(5) {
        let busy = if at >= START + 1200 { 500 } else { 10 };
        book.measured(at, vec![("a".to_owned(), values(busy, 1000)), (MACHINE.to_owned(), values(900, 4))]);
    }
    let check = |book: &Book| {
        let hour = points(book, "a", START, START + 1300, 1000);
        assert_eq!((hour.len(), hour[259].at, hour[259].values[0]), (260, START + 1295, Some(500)));
        let few = points(book, "a", START, START + 1300, 14);
        assert!(few.len() <= 14 && few[0].values[..4] == values(10, 1000)[..4], "{few:?}");
        let day = points(book, "a", START - 80_000, START + 1300, 1000);
        assert_eq!((day.len(), day[0].seconds), (22, 60));
        let month = points(book, "a", START - 86_400 * 29, START + 1300, 1000);
        assert_eq!(
            month.iter().map(|it| (it.at - START, it.values[0])).collect::<Vec<_>>(),
            [(0, Some(10)), (600, Some(10)), (1200, Some(500))]
        );
        assert_eq!(points(book, MACHINE, START, START + 1300, 1000).len(), 260);
        assert_eq!(points(book, "nobody", START, START + 1300, 1000), []);
    };
    check(&book);
    book.close(PATIENCE);
    let (book, _) = open(&path);
    // The clock is that of who tells.
    book.measured(START + 1300, vec![]);
    check(&book);
}

#[test]
fn anybody_can_read_it_with_the_tools_they_have() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("h.db");
    let (book, _) = open(&path);
    book.happened(happened(START, "a", Kind::Exit));
    book.measured(
        START + 7,
        vec![("a".to_owned(), values(250, 1 << 20)), (MACHINE.to_owned(), values(7, 4))],
    );
    book.close(PATIENCE);
    let reader = Connection::open(&path).unwrap();
    let row = reader.query_row(
        "SELECT name, at, cpu_permille, memory_kib, read_bytes_per_second, threads FROM process_figures \
         WHERE seconds = 1",
        [],
        |row| {
            let whole: (String, i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((whole, row.get::<_, Option<i64>>(4)?, row.get::<_, Option<i64>>(5)?))
        },
    );
    assert_eq!(row.unwrap(), (("a".to_owned(), START + 7, 250, 1 << 20), None, None));
    let machine: i64 =
        reader.query_row("SELECT sum(cpu_permille) FROM machine_figures", [], |row| row.get(0)).unwrap();
    assert_eq!(machine, 21, "one point at each of three levels");
    let told: String = reader.query_row("SELECT text FROM timeline", [], |row| row.get(0)).unwrap();
    assert_eq!(told, "a did it");
}

#[test]
fn a_file_that_is_no_database_is_set_aside_and_said() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("h.db");
    let check = |what: &str| {
        let (book, told) = open(&path);
        book.happened(happened(1, "a", Kind::Exit));
        assert_eq!(times(ask(&book, last(None, &[], 3))), [1], "{what}");
        book.close(PATIENCE);
        let told = told.lock().unwrap().join("|");
        assert!(told.contains("is no history that can be read"), "{what}: {told}");
        let is_aside = |it: &std::fs::DirEntry| it.file_name().to_string_lossy().starts_with("h.db.broken-");
        let aside = std::fs::read_dir(room.path()).unwrap().map(Result::unwrap).find(is_aside);
        std::fs::remove_file(aside.unwrap().path()).unwrap();
        let (book, told) = open(&path);
        assert_eq!(times(ask(&book, last(None, &[], 3))), [1], "{what}");
        book.close(PATIENCE);
        assert_eq!(*told.lock().unwrap(), [""; 0], "{what}");
    };
    std::fs::write(&path, vec![b'x'; 8192]).unwrap();
    check("garbage");
    // Half of it overwritten, with its beginning as it was.
    let mut bytes = std::fs::read(&path).unwrap();
    let from = bytes.len() / 3;
    bytes[from..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    check("damaged");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    check("of the future");
}

#[test]
fn a_disk_that_cannot_be_written_is_remembered_for() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("not").join("h.db");
    let (book, told) = open(&path);
    book.happened(happened(1, "a", Kind::Exit));
    book.measured(START, vec![("a".to_owned(), values(1, 2))]);
    assert_eq!(times(ask(&book, last(None, &[], 3))), [1], "from memory");
    assert_eq!(points(&book, "a", START, START + 1, 9).len(), 1, "from memory");
    assert!(told.lock().unwrap().first().unwrap().contains("it is kept in memory"));
    std::fs::create_dir(room.path().join("not")).unwrap();
    book.close(PATIENCE);
    assert!(told.lock().unwrap().last().unwrap().ends_with("again"), "{told:?}");
    let (book, _) = open(&path);
    assert_eq!(times(ask(&book, last(None, &[], 3))), [1]);
}

#[test]
fn a_file_that_was_removed_is_begun_anew() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("h.db");
    let (book, told) = open(&path);
    book.happened(happened(1, "a", Kind::Exit));
    times(ask(&book, last(None, &[], 3)));
    std::fs::remove_file(&path).unwrap();
    book.happened(happened(2, "a", Kind::Exit));
    book.close(PATIENCE);
    assert!(told.lock().unwrap().join("|").contains("was removed"), "{told:?}");
    let (book, _) = open(&path);
    assert_eq!(times(ask(&book, last(None, &[], 3))).last(), Some(&2));
}

#[test]
fn a_burst_is_kept_whole_and_a_flood_is_counted() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("h.db");
    let (book, told) = open(&path);
    for at in 0..30_000 {
        book.happened(happened(at, &format!("p{}", at % 5000), Kind::Start));
    }
    book.close(PATIENCE);
    assert_eq!(*told.lock().unwrap(), [""; 0]);
    let count: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(DISTINCT at) FROM happenings", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 30_000);
    // Where nothing can be written, the last are kept, and that others are missing is said.
    let (book, told) = open(&room.path().join("not").join("h.db"));
    for at in 0..30_000 {
        book.happened(happened(at, "a", Kind::Start));
    }
    assert_eq!(times(ask(&book, last(None, &[], 10_000))).first(), Some(&20_000));
    std::fs::create_dir(room.path().join("not")).unwrap();
    book.close(PATIENCE);
    let told = told.lock().unwrap().join("|");
    assert!(told.contains(" records are missing"), "{told}");
}

#[test]
fn it_stays_within_its_size_and_loses_the_oldest() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("h.db");
    let (book, told) = open_of(&path, 1 << 20);
    for at in 0..10_000_i64 {
        let details = "x".repeat(1000);
        book.happened(Happening { details, ..happened(at, &format!("p{}", at % 7), Kind::Exit) });
        if at % 500 == 0 {
            // Waits for all that was told.
            times(ask(&book, last(None, &[], 1)));
        }
    }
    book.close(PATIENCE);
    let (book, _) = open(&path);
    let kept = times(ask(&book, last(None, &[], 10_000)));
    assert!(kept.len() > 300 && kept.last() == Some(&9999), "{} kept", kept.len());
    book.close(PATIENCE);
    // The last write may pass it by what was gathered.
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < (1 << 20) + (11 << 20), "{size}");
    assert_eq!(*told.lock().unwrap(), [""; 0]);
}
