//! The programs on the stage: what the supervisor under torture has to look after. Each writes its own life into the
//! ledger, so that what really happened is known without asking the supervisor.
//!
//! An actor works in the folder of the house: `ledger` is the common book, `locks/SLOT` is held by the one living copy
//! of a slot, so that a second one finds it taken; the file `quit` tells writers to stop in the midst of nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

/// How many lines a writer writes before it looks whether it is to stop.
const LINES_PER_LOOK: u64 = 16;

/// What makes a line longer than its numbers, so that a gulp often ends in the midst of one.
pub(crate) const PADDING: &str = "the quick brown fox jumps over the lazy dog";

/// Plays the part that `words` name: `writer SLOT LINES_PER_SECOND`, `looper SLOT`, `idle SLOT`,
/// `tree SLOT`, `branch SLOT KIND`, `ear`.
pub(crate) fn play(words: &[&str]) -> io::Result<u8> {
    match words {
        ["ear"] => listen(),
        ["branch", slot, kind] => crate::trees::grow(slot, kind),
        ["tree", slot] => {
            let _actor = Actor::enter(slot)?;
            crate::trees::grow(slot, "all")
        }
        ["writer", slot, rate] => write_lines(&mut Actor::enter(slot)?, rate.parse().unwrap_or(100)),
        ["looper", slot] => {
            let mut actor = Actor::enter(slot)?;
            std::thread::sleep(Duration::from_millis(20 + u64::from(actor.pid % 60)));
            actor.note("exit", "3")?;
            Ok(3)
        }
        ["idle", slot] => {
            let _actor = Actor::enter(slot)?;
            rest()
        }
        _ => Err(io::Error::other("no such part")),
    }
}

/// For ever.
fn rest() -> ! {
    loop {
        std::thread::park();
    }
}

struct Actor {
    slot: String,
    pid: u32,
    ledger: File,
    /// Held for life.
    _lock: File,
}

impl Actor {
    fn enter(slot: &str) -> io::Result<Self> {
        let inherited = inherited()?;
        let open = |path: &Path| OpenOptions::new().create(true).append(true).open(path);
        let mut ledger = open(Path::new("ledger"))?;
        let lock = open(&Path::new("locks").join(slot))?;
        let pid = std::process::id();
        let mut note = |word: &str, about: &str| write_note(&mut ledger, word, slot, pid, about);
        // A copy tells, and stays: one of the two is one too many, whichever it is.
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            note("copy", "-")?;
        }
        if inherited != 3 {
            note("inherited", &inherited.to_string())?;
        }
        note("start", "-")?;
        Ok(Self { slot: slot.to_owned(), pid, ledger, _lock: lock })
    }

    fn note(&mut self, word: &str, about: &str) -> io::Result<()> {
        write_note(&mut self.ledger, word, &self.slot, self.pid, about)
    }
}

/// How many descriptors this process was born with.
fn inherited() -> io::Result<usize> {
    // One of them is that of the folder itself.
    Ok(std::fs::read_dir("/proc/self/fd")?.count() - 1)
}

/// One line, in one write: several write at once.
fn write_note(ledger: &mut File, word: &str, slot: &str, pid: u32, about: &str) -> io::Result<()> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
    ledger.write_all(format!("{word} {slot} {pid} {micros} {about}\n").as_bytes())
}

fn write_lines(actor: &mut Actor, rate: u64) -> io::Result<u8> {
    let out = rustix::stdio::stdout();
    let (mut number, pause) = (0_u64, Duration::from_micros(1_000_000 * LINES_PER_LOOK / rate.max(1)));
    loop {
        for _ in 0..LINES_PER_LOOK {
            let line = format!("{} {} {:010} {PADDING}\n", actor.slot, actor.pid, number + 1);
            match rustix::io::write(out, line.as_bytes()) {
                Ok(count) if count == line.len() => number += 1,
                Ok(count) => actor.note("partly", &format!("{count}"))?,
                Err(error) => {
                    actor.note("broken", &format!("{number}:{error}").replace(' ', "_"))?;
                    return Ok(9);
                }
            }
        }
        if Path::new("quit").exists() {
            actor.note("end", &number.to_string())?;
            rest();
        }
        std::thread::sleep(pause);
    }
}

/// A listener that writes down each event on a line of its own: serial, name, payload.
fn listen() -> io::Result<u8> {
    let mut heard = OpenOptions::new().create(true).append(true).open("heard")?;
    let mut events = io::stdin().lock();
    let mut out = io::stdout();
    loop {
        out.write_all(b"READY\n")?;
        out.flush()?;
        let mut header = String::new();
        if events.read_line(&mut header)? == 0 {
            return Ok(0);
        }
        let value = |key: &str| {
            header.split_whitespace().find_map(|it| it.strip_prefix(key)).unwrap_or("").to_owned()
        };
        let mut payload = vec![0; value("len:").parse().unwrap_or(0)];
        events.read_exact(&mut payload)?;
        let payload = String::from_utf8_lossy(&payload).replace('\n', " ");
        heard.write_all(format!("{} {} {payload}\n", value("serial:"), value("eventname:")).as_bytes())?;
        out.write_all(b"RESULT 2\nOK")?;
    }
}
