//! Licenses, sources, bans and duplicates of the dependencies, against `deny.toml`.
//!
//! `deny.toml` is cargo-deny's own file, so that whoever has cargo-deny gets the same verdict from it. This chore
//! reads the same lists because installing cargo-deny takes longer than all our tests together; what only
//! cargo-deny can do (the advisory database) it does when it is there. `fuzz/` has a lock file of its own and is not
//! looked at: nothing of it is ever shipped.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::metadata::{self, Package};
use crate::place;
use crate::spdx::is_satisfied;

/// Where a dependency may come from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The lists of `deny.toml` that are ours to apply.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lists {
    licenses: Vec<String>,
    banned: Vec<String>,
    duplicates: Vec<String>,
}

/// Fails with every dependency that breaks a rule.
pub(crate) fn check() -> Result<()> {
    let file = place::root().join("deny.toml");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let packages = metadata::everything()?;
    let found = violations(&packages, &lists(&text));
    ensure!(found.is_empty(), "{} violations of deny.toml:\n  {}", found.len(), found.join("\n  "));
    println!("{} packages, all within deny.toml", packages.len());
    if place::on_path("cargo-deny") {
        place::run(&mut place::cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"]))?;
    }
    Ok(())
}

fn lists(text: &str) -> Lists {
    Lists {
        licenses: list(text, "licenses", "allow"),
        banned: list(text, "bans", "deny"),
        duplicates: list(text, "bans", "skip"),
    }
}

/// The quoted strings of the array `key` in `[section]`: all of TOML that `deny.toml` needs.
fn list(text: &str, section: &str, key: &str) -> Vec<String> {
    let head = format!("[{section}]");
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let section = lines.skip_while(|line| *line != head).skip(1).take_while(|line| !line.starts_with('['));
    let from_key = section.skip_while(|line| line.split('=').next().map(str::trim) != Some(key));
    let mut strings = Vec::new();
    for line in from_key {
        let values = line.strip_prefix(key).unwrap_or(line);
        strings.extend(values.split('"').skip(1).step_by(2).map(str::to_owned));
        if line.ends_with(']') {
            break;
        }
    }
    strings
}

fn violations(packages: &[Package], lists: &Lists) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut found = Vec::new();
    for package in packages.iter().filter(|package| package.source.is_some()) {
        versions.entry(&package.name).or_default().push(&package.version);
        found.extend(violations_of(package, lists));
    }
    let twice = versions.iter().filter(|(name, versions)| {
        versions.len() > 1 && !lists.duplicates.iter().any(|skipped| skipped.as_str() == **name)
    });
    found.extend(twice.map(|(name, versions)| {
        format!("{name}: in the tree {} times ({})", versions.len(), versions.join(", "))
    }));
    found
}

fn violations_of(package: &Package, lists: &Lists) -> Vec<String> {
    let name = format!("{} {}", package.name, package.version);
    let mut found = Vec::new();
    match &package.license {
        Some(expression) if is_satisfied(expression, &lists.licenses) => {}
        Some(expression) => found.push(format!("{name}: its license `{expression}` is not allowed")),
        None => found.push(format!("{name}: it declares no license")),
    }
    if package.source.as_deref() != Some(CRATES_IO) {
        found.push(format!("{name}: it does not come from crates.io"));
    }
    if lists.banned.contains(&package.name) {
        found.push(format!("{name}: it is banned"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r#"
        [licenses]
        allow = ["MIT",
            "ISC", # short and clear
        ]
        [bans]
        multiple-versions = "deny"
        deny = ["openssl-sys"]
        skip = ["hashbrown"]
        [sources]
        allow = ["nothing of this"]
    "#;

    fn package(name: &str, version: &str, license: &str, source: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            license: Some(license.to_owned()),
            source: Some(source.to_owned()),
            ..Package::default()
        }
    }

    #[test]
    fn the_lists_are_read_from_their_own_sections() {
        let read = lists(DENY);
        assert_eq!(read.licenses, ["MIT", "ISC"]);
        assert_eq!(read.banned, ["openssl-sys"]);
        assert_eq!(read.duplicates, ["hashbrown"]);
    }

    #[test]
    fn each_kind_of_stranger_is_named() {
        let packages = [
            package("fine", "1.0.0", "MIT OR GPL-2.0-only", CRATES_IO),
            package("copyleft", "1.0.0", "GPL-2.0-only", CRATES_IO),
            package("elsewhere", "1.0.0", "MIT", "git+https://example.org/x"),
            package("openssl-sys", "0.9.0", "MIT", CRATES_IO),
            package("twice", "1.0.0", "MIT", CRATES_IO),
            package("twice", "2.0.0", "MIT", CRATES_IO),
            package("hashbrown", "0.14.0", "MIT", CRATES_IO),
            package("hashbrown", "0.15.0", "MIT", CRATES_IO),
        ];
        assert_eq!(
            violations(&packages, &lists(DENY)),
            [
                "copyleft 1.0.0: its license `GPL-2.0-only` is not allowed",
                "elsewhere 1.0.0: it does not come from crates.io",
                "openssl-sys 0.9.0: it is banned",
                "twice: in the tree 2 times (1.0.0, 2.0.0)",
            ]
        );
    }
}
