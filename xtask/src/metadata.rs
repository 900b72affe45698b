//! What `cargo metadata` says, reduced to the few facts the chores ask for.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::place;

/// A package as its manifest declares it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    /// The name in its manifest.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// The folder of its manifest.
    pub(crate) folder: PathBuf,
    /// Its SPDX expression, if it has one.
    pub(crate) license: Option<String>,
    /// Where it came from; `None` for a folder of ours.
    pub(crate) source: Option<String>,
    /// The names of its normal and build dependencies: what ends up in a program or makes it.
    pub(crate) uses: Vec<String>,
}

/// The members of the workspace, without their dependencies.
pub(crate) fn members() -> Result<Vec<Package>> {
    packages(&["metadata", "--no-deps", "--format-version", "1"])
}

/// Every package of the lock file that this machine's kind of target would build.
pub(crate) fn everything() -> Result<Vec<Package>> {
    let platform = host()?;
    let all = metadata(&["metadata", "--format-version", "1", "--filter-platform", &platform])?;
    let resolved: Vec<&str> =
        array(&all["resolve"], "nodes").filter_map(|node| node["id"].as_str()).collect();
    let built = |package: &&Value| package["id"].as_str().is_some_and(|id| resolved.contains(&id));
    array(&all, "packages").filter(built).map(package).collect()
}

fn packages(words: &[&str]) -> Result<Vec<Package>> {
    let all = metadata(words)?;
    array(&all, "packages").map(package).collect()
}

fn metadata(words: &[&str]) -> Result<Value> {
    let text = place::output(&mut place::cargo(words))?;
    serde_json::from_slice(&text).context("cargo metadata printed no JSON")
}

fn host() -> Result<String> {
    let text = place::output(&mut place::cargo(&["-vV"]))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).context("cargo -vV names no host")
}

fn package(value: &Value) -> Result<Package> {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let manifest = text("manifest_path").context("a package without a manifest")?;
    let uses = array(value, "dependencies")
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned));
    Ok(Package {
        name: text("name").context("a package without a name")?,
        version: text("version").unwrap_or_default(),
        folder: Path::new(&manifest).parent().map(Path::to_path_buf).unwrap_or_default(),
        license: text("license"),
        source: text("source"),
        uses: uses.collect(),
    })
}

fn array<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}
