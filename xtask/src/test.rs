//! The whole proof: what the tests need, the checks, the program, and every test there is.

use anyhow::{Context, Result, ensure};

use crate::steps::Steps;
use crate::{check, counts, fuzz, place, provision, torture};

/// The shipped program stays below this, or it is no longer what one copies into an image without a thought.
const PROGRAM_BYTES_MAX: u64 = 10_000_000;

/// The recipe. The tests come last, so that their summary is what one reads last.
pub(crate) fn all(steps: &mut Steps) -> Result<()> {
    steps.step("what the tests need", provision::all)?;
    check::all(steps)?;
    steps.step("program", || place::run(&mut place::cargo(&["build", "--package", "menshen"])))?;
    steps.step("program, as shipped", || {
        place::run(&mut place::cargo(&["build", "--package", "menshen", "--release"]))?;
        small_enough()
    })?;
    steps.step("instructions", counts::gate)?;
    steps.step("examples in the docs", || {
        place::run(&mut place::cargo(&["test", "--workspace", "--doc", "--quiet"]))
    })?;
    steps.step("fuzzing", fuzz::on_ci)?;
    steps.step("torture", torture::on_ci)?;
    steps.step("tests", tests)
}

fn tests() -> Result<()> {
    let words: &[&str] = if place::on_path("cargo-nextest") {
        &["nextest", "run", "--workspace"]
    } else {
        println!("cargo-nextest is not installed; `cargo test` does the same, one binary at a time");
        &["test", "--workspace", "--lib", "--bins", "--tests"]
    };
    // A snapshot that differs is a failure here, never a file beside the source.
    place::run(place::cargo(words).env("MENSHEN_BIN", place::menshen("debug")).env("INSTA_UPDATE", "no"))
}

fn small_enough() -> Result<()> {
    let program = place::menshen("release");
    let bytes =
        std::fs::metadata(&program).with_context(|| format!("cannot see {}", program.display()))?.len();
    println!("{}: {bytes} bytes, limit {PROGRAM_BYTES_MAX}", program.display());
    ensure!(
        bytes < PROGRAM_BYTES_MAX,
        "the program has {bytes} bytes, over the limit of {PROGRAM_BYTES_MAX}"
    );
    Ok(())
}
