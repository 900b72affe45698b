//! A month of 1,000 busy processes, in a few minutes: how large the file becomes, and what it costs.
//!
//! `cargo run --release -p history --example month -- /tmp/month.db [PROCESSES] [DAYS]`. No two figures are the same,
//! and each process dies once a week. Figures are told every minute, and every five seconds in the last two hours.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use history::book::Book;
use model::past::{Happening, Kind, Past, Query, Values};
use model::time::Wall;

/// Longer than any end takes.
const PATIENCE: Duration = Duration::from_mins(10);
const START: i64 = 41_000 * 43_200;
const DAY: i64 = 86_400;

fn main() -> io::Result<()> {
    let mut words = std::env::args().skip(1);
    let path = PathBuf::from(words.next().unwrap_or_else(|| "/tmp/month.db".to_owned()));
    let processes: u64 = words.next().and_then(|it| it.parse().ok()).unwrap_or(1000);
    let days: i64 = words.next().and_then(|it| it.parse().ok()).unwrap_or(30);
    let names: Vec<_> = (0..processes).map(|it| format!("fleet:worker_{it:04}")).collect();
    let end = START + days * DAY;
    let mut noise = 1_u64;
    let mut at = START;
    let began = Instant::now();
    while at < end {
        let book = open(&path)?;
        for tick in 0.. {
            let step = if end - at <= 7200 { 5 } else { 60 };
            book.measured(at, names.iter().map(|it| (it.clone(), values(&mut noise))).collect());
            for name in
                names.iter().skip(usize::try_from(at / 60 % (7 * 1440)).unwrap_or(0)).step_by(7 * 1440)
            {
                die(&book, at, name);
            }
            at += step;
            if tick % 50 == 0 {
                ask(&book, "", end);
            }
            if at % DAY == 0 {
                break;
            }
        }
        book.close(PATIENCE);
    }
    let mut out = io::stdout();
    writeln!(out, "{} of file after {:.0?}", size(&path), began.elapsed())?;
    let book = open(&path)?;
    for (what, seconds) in [("hour", 3600), ("day", DAY), ("month", 30 * DAY)] {
        book.measured(end, Vec::new());
        let began = Instant::now();
        let count = ask(&book, &names[0], end - seconds);
        writeln!(out, "a {what}: {count} points in {:.1?}", began.elapsed())?;
    }
    book.close(PATIENCE);
    writeln!(out, "{} at the end", size(&path))
}

fn open(path: &Path) -> io::Result<Book> {
    let tell = |_, text: String| drop(writeln!(io::stderr(), "{text}"));
    Book::open(path.to_owned(), 100 << 20, Box::new(tell))
}

/// A step of a linear congruential generator (Knuth's MMIX).
fn values(noise: &mut u64) -> Values {
    let mut next = |most: u64| {
        *noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some((*noise >> 33) % most)
    };
    let cpu = next(1000);
    [cpu, cpu, next(4 << 20), next(4 << 20), next(1 << 26), next(1 << 26), next(64), next(1024), None]
}

fn die(book: &Book, at: i64, name: &str) {
    let lines = "\"Traceback (most recent call last):\",".repeat(9) + "\"KeyError: 'no such key'\"";
    let details =
        format!("{{\"code\":1,\"cause\":\"unexpected\",\"cpu_seconds\":12.5,\"last_lines\":[{lines}]}}");
    let told = [
        (Kind::Exit, "exit status 1, which nobody expected", details.as_str()),
        (Kind::State, "EXITED", "{\"from\":\"RUNNING\",\"to\":\"EXITED\",\"pid\":12345}"),
        (Kind::Start, "STARTING", "{\"from\":\"EXITED\",\"to\":\"STARTING\",\"tries\":0}"),
        (Kind::State, "RUNNING with pid 12345", "{\"from\":\"STARTING\",\"to\":\"RUNNING\",\"pid\":12345}"),
    ];
    for (kind, text, details) in told {
        let (text, details) = (text.to_owned(), details.to_owned());
        book.happened(Happening { at: Wall::from_seconds(at), name: name.to_owned(), kind, text, details });
    }
}

/// Asks, which also waits until everything that was told is known.
fn ask(book: &Book, name: &str, since: i64) -> usize {
    let (sender, receiver) = channel();
    let query = Query::Points { subject: name.to_owned(), since, until: i64::MAX, most: 360 };
    book.ask(query, Box::new(move |past| drop(sender.send(past))));
    match receiver.recv() {
        Ok(Ok(Past::Points(points))) => points.len(),
        Ok(Ok(Past::Happenings(_)) | Err(_)) | Err(_) => 0,
    }
}

fn size(path: &Path) -> String {
    let ends =
        ["", "-wal"].map(|it| std::fs::metadata(format!("{}{it}", path.display())).map_or(0, |it| it.len()));
    format!(
        "{:.1} MB",
        f64::from(u32::try_from(ends.iter().sum::<u64>() / 1000).unwrap_or(u32::MAX)) / 1000.0
    )
}
