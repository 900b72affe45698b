//! What the sources themselves must not do: `unsafe` outside `os`, and the outer world in pure crates.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::metadata::Package;
use crate::rust_text::{code_only, without_tests, words};

/// Crates that read no clock, file, socket or environment; what they must know is handed to them.
const PURE_CRATES: &[&str] = &["model", "supervisor", "config", "wire", "web", "api"];

/// Crates that may be unsafe: the one that speaks to the C library, and two that are never shipped: one measures what
/// the bare system call costs, the other speaks to valgrind.
const UNSAFE_CRATES: &[&str] = &["os", "bench", "micro"];

/// The doors to the outer world that a pure crate keeps shut.
const OUTER_WORLD: &[&str] =
    &["std::fs", "std::net", "std::env", "std::process", "std::thread", "Instant::now", "SystemTime::now"];

/// Every source file that breaks a rule, one sentence each; empty when all is well.
pub(crate) fn violations(members: &[Package]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for member in members {
        let sources = sources(&member.folder)?;
        let tests: BTreeSet<&str> = sources.iter().flat_map(|source| test_modules(&source.code)).collect();
        for source in &sources {
            found.extend(violations_in(&member.name, source, &tests));
        }
    }
    Ok(found)
}

/// A file of Rust, by its path in the workspace, without comments and texts.
struct Source {
    file: PathBuf,
    code: String,
}

fn sources(folder: &Path) -> Result<Vec<Source>> {
    let read = |path: PathBuf| {
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = path.strip_prefix(crate::place::root()).map(Path::to_path_buf).unwrap_or(path);
        Ok(Source { file, code: code_only(&text) })
    };
    rust_files(folder)?.into_iter().map(read).collect()
}

fn violations_in(member: &str, source: &Source, tests: &BTreeSet<&str>) -> Vec<String> {
    let file = source.file.display();
    let mut found = Vec::new();
    if !UNSAFE_CRATES.contains(&member) && words(&source.code).any(|word| word == "unsafe") {
        found.push(format!("{file}: `unsafe` belongs to crate `os` alone"));
    }
    if PURE_CRATES.contains(&member) && ships(&source.file, tests) {
        let shipped = without_tests(&source.code);
        let doors = OUTER_WORLD.iter().filter(|door| shipped.contains(*door));
        found.extend(doors.map(|door| format!("{file}: `{door}` in a pure crate")));
    }
    found
}

/// Whether a source file is part of the crate and not one of its test modules.
fn ships(file: &Path, tests: &BTreeSet<&str>) -> bool {
    let is_test = |part: &OsStr| {
        Path::new(part).file_stem().and_then(OsStr::to_str).is_some_and(|it| tests.contains(it))
    };
    file.iter().any(|part| part == "src") && !file.iter().any(is_test)
}

/// The names of the modules that `code` declares for tests only.
fn test_modules(code: &str) -> impl Iterator<Item = &str> {
    let declared = code.split("#[cfg(test)]").skip(1).map(words);
    declared.filter_map(|mut words| words.next().filter(|word| *word == "mod").and_then(|_| words.next()))
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(member: &str, file: &str, text: &str) -> Vec<String> {
        let source = Source { file: file.into(), code: code_only(text) };
        violations_in(member, &source, &BTreeSet::from(["properties"]))
    }

    #[test]
    fn unsafe_is_seen_in_code_and_only_there() {
        let file = "crates/logs/src/file.rs";
        assert_eq!(found("logs", file, "// unsafe\n#![deny(unsafe_code)]"), [""; 0]);
        assert_eq!(
            found("logs", file, "fn f() { unsafe { g() } }"),
            ["crates/logs/src/file.rs: `unsafe` belongs to crate `os` alone"]
        );
        assert_eq!(found("os", file, "fn f() { unsafe { g() } }"), [""; 0]);
    }

    #[test]
    fn a_pure_crate_may_touch_the_world_in_its_tests_only() {
        let file = "crates/wire/src/value.rs";
        let clock = "fn f() { std::time::Instant::now(); }";
        assert_eq!(found("wire", file, clock), ["crates/wire/src/value.rs: `Instant::now` in a pure crate"]);
        assert_eq!(found("wire", file, &format!("#[cfg(test)]\nmod tests {{ {clock} }}")), [""; 0]);
        assert_eq!(found("wire", "crates/wire/src/properties.rs", clock), [""; 0]);
        assert_eq!(found("wire", "crates/wire/src/properties/more.rs", clock), [""; 0]);
        assert_eq!(found("daemon", file, clock), [""; 0]);
    }

    #[test]
    fn modules_for_tests_are_known_by_their_declaration() {
        let code = "mod a;\n#[cfg(test)]\nmod b;\n#[cfg(test)] mod c { }\n#[cfg(test)] use d;";
        assert_eq!(test_modules(code).collect::<Vec<_>>(), ["b", "c"]);
    }
}
