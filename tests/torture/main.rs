//! The torture suite: a real supervisor with a real load, to which everything is done that machines and people do.
//!
//! `cargo xtask torture` runs it; with `--short` it is part of the CI. It looks from outside: the programs under the
//! supervisor write their own lives into a ledger, and number their lines; see `actor`. `cases` holds what is done,
//! `field` what is looked at, `table` what is printed in the end.
#![expect(clippy::print_stdout, reason = "a table is what it is run for")]

mod actor;
mod cases;
mod chance;
mod changes;
mod deaths;
mod field;
mod ledger;
mod lines;
mod table;
mod trees;

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cases::{CASES, Case, Limits};
use chance::Chance;
use table::Row;

const USAGE: &str = "\
usage: cargo xtask torture [--short] [--seed N] [--seconds N] [--kills N] [--only CASE[,CASE...]]

  --short      a few seconds a case, as the CI runs it
  --seed N     the same faults at the same moments, as far as the machine allows; by default, another each time
  --seconds N  how long each case lasts; 30 by default
  --kills N    how many faults a case does at most
  --only CASE  only these";

/// What is wanted.
struct Wish {
    seed: u64,
    limits: Limits,
    only: Vec<String>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["play", part @ ..] = &words[..] {
        return match actor::play(part) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                // An actor that cannot play is seen by what is missing in the ledger.
                let _ = writeln!(std::io::stderr(), "{part:?}: {error}");
                ExitCode::FAILURE
            }
        };
    }
    match parse(&words) {
        Ok(wish) => torture(&wish),
        Err(mistake) => {
            println!("{mistake}\n{USAGE}\n\ncases:");
            for Case { name, about, .. } in CASES {
                println!("  {name:12} {about}");
            }
            ExitCode::from(2)
        }
    }
}

fn parse(words: &[&str]) -> Result<Wish, String> {
    let mut wish = Wish {
        seed: u64::from(std::process::id()),
        limits: Limits { time: Duration::from_secs(30), faults: usize::MAX },
        only: Vec::new(),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64, String> {
            let value = words.next().ok_or(format!("{word} takes a number"))?;
            value.parse().map_err(|_| format!("{word}: `{value}` is no number"))
        };
        match *word {
            "--short" => wish.limits.time = Duration::from_secs(5),
            "--seed" => wish.seed = number()?,
            "--seconds" => wish.limits.time = Duration::from_secs(number()?),
            "--kills" => wish.limits.faults = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--only" => {
                let names = words.next().ok_or("--only takes the name of a case")?;
                wish.only.extend(names.split(',').map(str::to_owned));
            }
            other => return Err(format!("`{other}` is not understood")),
        }
    }
    match wish.only.iter().find(|name| !CASES.iter().any(|it| it.name == *name)) {
        Some(unknown) => Err(format!("there is no case `{unknown}`")),
        None => Ok(wish),
    }
}

fn torture(wish: &Wish) -> ExitCode {
    println!("seed {}", wish.seed);
    let wanted = |case: &&Case| wish.only.is_empty() || wish.only.iter().any(|it| it == case.name);
    let mut rows = Vec::new();
    for case in CASES.iter().filter(wanted) {
        let began = Instant::now();
        // By its name, so that a case does the same alone as among the others.
        let salt =
            case.name.bytes().fold(wish.seed, |sum, it| sum.wrapping_mul(31).wrapping_add(u64::from(it)));
        let row = one(case, &mut Chance::new(salt), wish.limits);
        let took = began.elapsed().as_secs_f64();
        match &row {
            None => println!("{:12} NOT TESTED: this machine, or this user, does not allow it", case.name),
            Some(row) => {
                let verdict = if row.is_clean() { "ok" } else { "FAILED" };
                println!("{:12} {verdict} in {took:.0}s", case.name);
            }
        }
        rows.extend(row);
    }
    let clean = rows.iter().all(Row::is_clean);
    println!("\n{}", table::print(&rows));
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one case. What the harness waits for in vain is a complaint, and no reason not to run the next.
fn one(case: &Case, chance: &mut Chance, limits: Limits) -> Option<Row> {
    let acted = AssertUnwindSafe(|| (case.act)(case, chance, limits).map(field::Field::judged));
    match std::panic::catch_unwind(acted) {
        Ok(row) => row,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            let complaint = text.unwrap_or_else(|| "the harness failed".to_owned());
            Some(Row { case: case.name, complaints: vec![complaint], ..Row::default() })
        }
    }
}
