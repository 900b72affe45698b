//! The project's own chores, run as `cargo xtask <chore>`.
//!
//! It must never be needed by anything shipped, and never know more about a crate than its manifest, its sources
//! and the program it builds. Start at [`chore`]: each arm is one chore, and `check` and `test` are lists of the
//! others.

#![expect(clippy::print_stdout, reason = "a build tool talks to the person who started it")]

mod bench;
mod check;
mod counts;
mod fuzz;
mod generate;
mod layering;
mod licenses;
mod metadata;
mod pictures;
mod place;
mod provision;
mod purity;
mod rust_text;
mod spdx;
mod steps;
mod test;
mod torture;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::steps::Steps;

const USAGE: &str = "\
usage: cargo xtask <chore>

  check               everything but the tests: format, layering, licenses, clippy, docs, generated files
  test                installs what the tests need, then runs check and every test there is
  layering            who uses whom, against the table in xtask/src/layering.rs
  fuzz [--seconds N] [TARGET]
                      random bytes for every parser, 60 seconds each; see fuzz/
  bench [--peers] [--with NAME,...] [--only ROW,...] [--quick] [--json FILE]
                      ours beside its peers, in one run; see docs/performance.md
  torture [--short] [--seed N] [--seconds N] [--kills N] [--only CASE]
                      a real supervisor under everything that machines and people do to one; see tests/torture
  counts [--accept]   instructions of what everything goes through, against benches/micro/baseline.txt
  licenses            licenses, sources, bans and duplicates of the dependencies, against deny.toml
  generate [--check]  writes docs/ and the sample configuration from the program's own tables
  pictures            takes the pictures in README anew, with a real browser";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match chore(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn chore(words: &[&str]) -> Result<()> {
    match words {
        ["check"] => Steps::run("check", check::all),
        ["test"] => Steps::run("test", test::all),
        ["layering"] => Steps::run("layering", |steps| steps.step("layering", check::layering)),
        ["fuzz", words @ ..] => fuzz::chore(words),
        ["bench", words @ ..] => bench::chore(words),
        ["torture", words @ ..] => torture::chore(words),
        ["counts", words @ ..] => counts::chore(words),
        ["licenses"] => Steps::run("licenses", |steps| steps.step("licenses", licenses::check)),
        ["generate"] => Steps::run("generate", |steps| steps.step("generate", generate::write)),
        ["pictures"] => Steps::run("pictures", |steps| steps.step("pictures", pictures::take)),
        ["generate", "--check"] => Steps::run("generate", |steps| steps.step("generate", generate::check)),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => bail!("which chore?\n{USAGE}"),
        unknown => bail!("there is no chore `{}`\n{USAGE}", unknown.join(" ")),
    }
}
