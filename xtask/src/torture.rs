//! The torture suite: everything that machines and people do to a supervisor, done to the real one. See
//! `tests/torture`.

use anyhow::Result;

use crate::place;
use crate::steps::Steps;

/// The chore: builds the program and the suite, and hands the words on.
pub(crate) fn chore(words: &[&str]) -> Result<()> {
    Steps::run("torture", |steps| {
        steps.step("build", build)?;
        steps.step("torture", || run(words))
    })
}

/// The step of the whole proof: only where a machine does it, since it takes minutes.
pub(crate) fn on_ci() -> Result<()> {
    if std::env::var_os("CI").is_none_or(|it| it != "true") {
        println!("skipped: CI is not `true`; `cargo xtask torture --short` does it here");
        return Ok(());
    }
    build()?;
    run(&["--short"])
}

fn build() -> Result<()> {
    place::run(&mut place::cargo(&["build", "--package", "menshen"]))?;
    place::run(&mut place::cargo(&["build", "--package", "e2e", "--bin", "torture"]))
}

fn run(words: &[&str]) -> Result<()> {
    let mut command = std::process::Command::new(place::target().join("debug/torture"));
    place::run(command.args(words).env("MENSHEN_BIN", place::menshen("debug")))
}
