//! Everything that can be said about the sources without running a test.

use anyhow::{Result, ensure};

use crate::steps::Steps;
use crate::{generate, layering as walls, licenses, metadata, place, purity};

/// The recipe: cheap steps first, so that a slip is told in a second.
pub(crate) fn all(steps: &mut Steps) -> Result<()> {
    steps.step("format", || place::run(&mut place::cargo(&["fmt", "--all", "--check"])))?;
    steps.step("layering", layering)?;
    steps.step("licenses", licenses::check)?;
    steps.step("clippy", || {
        place::run(&mut place::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    })?;
    steps.step("docs", || {
        let mut command =
            place::cargo(&["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
        place::run(command.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    steps.step("generated files", generate::check)
}

/// The walls between the crates, and what the sources of each must not do.
pub(crate) fn layering() -> Result<()> {
    let members = metadata::members()?;
    let mut found = walls::violations(&members);
    found.extend(purity::violations(&members)?);
    ensure!(found.is_empty(), "{} violations:\n  {}", found.len(), found.join("\n  "));
    println!("{} crates, every arrow allowed", members.len());
    Ok(())
}
