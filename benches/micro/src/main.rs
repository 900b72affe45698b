//! The functions that every start, every call and every line of a log goes through, one by one.
//!
//! Run as it is, it prints how long each takes. Run under callgrind, as `cargo xtask counts` does, it has the
//! instructions of each counted apart, which do not depend on what else the machine does. Start at [`PIECES`].

#![expect(clippy::print_stdout, reason = "a benchmark talks to the person who started it")]

mod calls;
mod configuration;
mod machine;
mod output;
mod valgrind;

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;

/// What is measured, after it has been made ready. It can be done again and again.
type Work = Box<dyn FnMut() -> usize>;

/// One piece: its name, and what makes it ready.
struct Piece {
    name: &'static str,
    prepare: fn() -> Result<Work>,
}

const fn piece(name: &'static str, prepare: fn() -> Result<Work>) -> Piece {
    Piece { name, prepare }
}

/// All pieces.
const PIECES: &[Piece] = &[
    piece("config-10000", configuration::resolve),
    piece("step-start-exit", machine::lives),
    piece("snapshot-1000", machine::snapshot),
    piece("event-fan-out", machine::fan_out),
    piece("info-1000", calls::info),
    piece("xmlrpc-write", calls::write),
    piece("xmlrpc-read", calls::read),
    piece("log-pump", output::pump),
];

/// How long each is repeated for its time.
const WINDOW: Duration = Duration::from_millis(500);

fn main() -> Result<()> {
    for piece in PIECES {
        let mut work = (piece.prepare)()?;
        if valgrind::is_running() {
            valgrind::count(piece.name, || {
                black_box(work());
            });
        } else {
            println!("{:16} {:>12.1} us", piece.name, time_of(&mut work));
        }
    }
    Ok(())
}

/// The shortest of many runs, in microseconds: what else the machine does only ever adds.
fn time_of(work: &mut Work) -> f64 {
    let began = Instant::now();
    let mut least = Duration::MAX;
    while began.elapsed() < WINDOW {
        let start = Instant::now();
        black_box(work());
        least = least.min(start.elapsed());
    }
    least.as_secs_f64() * 1e6
}
