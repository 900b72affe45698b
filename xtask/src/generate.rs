//! Files that are printed by the program itself, so that no fact is written down twice.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::place;

/// Each generated file, and the words that make `menshen` print it.
const GENERATED: &[(&str, &[&str])] = &[
    ("docs/supervisord.conf", &["sample-config"]),
    ("docs/menshen.1", &["man"]),
    ("docs/options.txt", &["help", "options"]),
];

/// The same for what no program prints, since its client knows no more of the methods than the server tells it: each
/// file, and the example of `api` that prints it.
const PRINTED_BY_API: &[(&str, &str)] = &[("docs/methods.txt", "methods"), ("docs/openapi.json", "openapi")];

/// Writes every generated file.
pub(crate) fn write() -> Result<()> {
    for (path, text) in printed()? {
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Fails when a generated file is not what the program prints today.
pub(crate) fn check() -> Result<()> {
    let differs = |(path, text): &(PathBuf, Vec<u8>)| std::fs::read(path).ok().as_ref() != Some(text);
    let old: Vec<String> =
        printed()?.iter().filter(|it| differs(it)).map(|(path, _)| path.display().to_string()).collect();
    ensure!(old.is_empty(), "out of date, run `cargo xtask generate`:\n  {}", old.join("\n  "));
    println!("{} generated files, unchanged", GENERATED.len() + PRINTED_BY_API.len());
    Ok(())
}

fn printed() -> Result<Vec<(PathBuf, Vec<u8>)>> {
    place::run(&mut place::cargo(&["build", "--quiet", "--package", "menshen"]))?;
    let print = |(path, words): &(&str, &[&str])| {
        let text = place::output(Command::new(place::menshen("debug")).args(*words))?;
        Ok((place::root().join(path), text))
    };
    let mut printed = GENERATED.iter().map(print).collect::<Result<Vec<_>>>()?;
    for (path, example) in PRINTED_BY_API {
        let words = ["run", "--quiet", "--package", "api", "--example", example];
        printed.push((place::root().join(path), place::output(&mut place::cargo(&words))?));
    }
    Ok(printed)
}
