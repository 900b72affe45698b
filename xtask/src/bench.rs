//! `cargo xtask bench`: builds the program and the bench, installs the peers, and lets them run side by side.
//!
//! The bench itself is the crate in `benches/peers`; here is only what it needs to be there.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{place, provision};

/// The peers that Debian has, with the program each is known by.
const DEBIAN_PEERS: &[(&str, &str)] =
    &[("s6-svscan", "s6"), ("runsvdir", "runit"), ("svscan", "daemontools"), ("monit", "monit")];

/// What pip and npm have. Versions are fixed, so that two runs compare the same things.
const CIRCUS: &str = "circus==0.19.0";
const PM2: &str = "pm2@7.0.4";

/// The environment variable that names a folder with dinit's sources, where no package has it.
const DINIT_SOURCE: &str = "DINIT_SOURCE";

/// The chore: everything but `--peers` is the bench's own to understand.
pub(crate) fn chore(words: &[&str]) -> Result<()> {
    place::run(&mut place::cargo(&["build", "--release", "--package", "menshen"]))?;
    place::run(&mut place::cargo(&["build", "--release", "--package", "bench"]))?;
    let child = build_child()?;
    if words.contains(&"--peers") {
        peers()?;
    }
    let built = |name: &str| place::target().join("release").join(name);
    let mut command = Command::new(built("bench"));
    command.args(words).arg("--menshen").arg(place::menshen("release")).arg("--child").arg(child);
    command.arg("--limit").arg(built("bench-limit")).arg("--tools").arg(tools());
    place::run(&mut command)
}

/// The program that is looked after, linked statically: it must cost as little as a process can. Its first instruction
/// is its own where that has been written for the processor.
fn build_child() -> Result<PathBuf> {
    let folder = place::target().join("bench");
    let mut command = place::cargo(&["rustc", "--release", "--package", "bench", "--bin", "bench-child"]);
    command.arg("--target-dir").arg(&folder);
    command.args(["--", "-C", "target-feature=+crt-static", "-C", "relocation-model=static"]);
    if cfg!(target_arch = "x86_64") {
        command.args(["-C", "link-arg=-Wl,--entry=bench_start"]);
    }
    place::run(&mut command)?;
    Ok(folder.join("release/bench-child"))
}

/// Where peers go that are no packages of the system.
fn tools() -> PathBuf {
    place::target().join("peers")
}

/// Installs what can be had; what cannot is said, and the table does without.
fn peers() -> Result<()> {
    for (program, package) in DEBIAN_PEERS {
        without(package, provision::debian_package(program, package, &[]));
    }
    provision::original_supervisor()?;
    without("circus", circus());
    without("pm2", pm2());
    without("dinit", dinit());
    Ok(())
}

fn without(name: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        println!("{name}: left out: {error:#}");
    }
}

/// The original's environment is linked to, so that all Python programs are in one place.
fn circus() -> Result<()> {
    let venv = tools().join("venv");
    if !venv.join("bin/pip").is_file() {
        place::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    let original = place::target().join("venv/bin");
    for name in ["supervisord", "supervisorctl"] {
        let link = venv.join("bin").join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(original.join(name), &link)
                .with_context(|| format!("cannot link {}", link.display()))?;
        }
    }
    if venv.join("bin/circusd").is_file() {
        println!("circus: {}", venv.display());
        return Ok(());
    }
    place::run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", CIRCUS]))
}

fn pm2() -> Result<()> {
    if tools().join("node_modules/.bin/pm2").is_file() {
        println!("pm2: {}", tools().display());
        return Ok(());
    }
    provision::debian_package("npm", "npm", &[])?;
    std::fs::create_dir_all(tools())?;
    place::run(
        Command::new("npm").args(["install", "--silent", "--no-audit", "--prefix"]).arg(tools()).arg(PM2),
    )
}

/// From the system, from its package, or from its sources.
fn dinit() -> Result<()> {
    let (bin, name) = (tools().join("bin"), "dinit");
    if place::on_path(name) || bin.join(name).is_file() {
        println!("dinit: installed");
        return Ok(());
    }
    match std::env::var_os(DINIT_SOURCE) {
        Some(source) => build_dinit(Path::new(&source), &bin),
        None => provision::debian_package(name, name, &[]).with_context(|| {
            format!("put `dinit` on the path, or set {DINIT_SOURCE} to a folder with its sources")
        }),
    }
}

fn build_dinit(source: &Path, bin: &Path) -> Result<()> {
    let folder = tools().join("dinit");
    if !folder.is_dir() {
        std::fs::create_dir_all(tools())?;
        place::run(Command::new("cp").arg("-r").arg(source).arg(&folder))?;
    }
    place::run(Command::new("./configure").current_dir(&folder).arg("--quiet"))?;
    place::run(Command::new("make").current_dir(&folder).args(["-C", "build", "--quiet"]))?;
    place::run(Command::new("make").current_dir(&folder).args(["-C", "src", "--quiet", "all"]))?;
    std::fs::create_dir_all(bin)?;
    for name in ["dinit", "dinitctl"] {
        std::fs::copy(folder.join("src").join(name), bin.join(name))?;
    }
    ensure!(bin.join("dinit").is_file(), "dinit was built and is not there");
    Ok(())
}
