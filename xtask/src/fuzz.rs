//! The parsers under random bytes: `fuzz/` has a target for each, `fuzz/seeds` what they begin with.
//!
//! The package stands outside the workspace, so none of the other chores builds it; this one does. Without a
//! sanitizer, cargo-fuzz runs on a stable compiler; in safe code the assertions find what there is to find.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::place;
use crate::steps::Steps;

/// How long each target runs unless told otherwise.
const SECONDS: u64 = 60;

/// The targets that strangers and programs can reach; the proof runs them in the CI.
const ON_CI: &[&str] = &["xmlrpc_call", "http_edge", "namespec", "listener", "capture"];

/// How long all of them may take there: each has its share, so that another target makes the proof no longer.
const ON_CI_SECONDS: u64 = 180;

/// What one run is to do.
struct Plan {
    seconds: u64,
    targets: Vec<String>,
}

/// The chore: `[--seconds N] [TARGET]`.
pub(crate) fn chore(words: &[&str]) -> Result<()> {
    let plan = plan(words, &targets()?)?;
    Steps::run("fuzz", |steps| {
        steps.step("cargo-fuzz", install)?;
        steps.step("build", || build(&plan))?;
        plan.targets.iter().try_for_each(|target| steps.step(target, || run(target, plan.seconds)))
    })
}

/// The step of the whole proof: only where a machine does it, since it takes minutes.
pub(crate) fn on_ci() -> Result<()> {
    if std::env::var_os("CI").is_none_or(|it| it != "true") {
        println!("skipped: CI is not `true`; `cargo xtask fuzz` does it here");
        return Ok(());
    }
    let targets: Vec<String> = ON_CI.iter().map(|it| (*it).to_owned()).collect();
    let count = u64::try_from(targets.len()).context("there are a few")?;
    let plan = Plan { seconds: ON_CI_SECONDS / count.max(1), targets };
    install()?;
    build(&plan)?;
    plan.targets.iter().try_for_each(|target| run(target, plan.seconds))
}

fn plan(words: &[&str], all: &[String]) -> Result<Plan> {
    let (seconds, rest) = match words {
        ["--seconds", number, rest @ ..] => {
            (number.parse().with_context(|| format!("{number:?} is no number of seconds"))?, rest)
        }
        rest => (SECONDS, rest),
    };
    ensure!(seconds > 0, "0 seconds would never end");
    let targets = match rest {
        [] => all.to_vec(),
        [one] if all.iter().any(|it| it == one) => vec![(*one).to_owned()],
        unknown => bail!("there is no target `{}`; there are {}", unknown.join(" "), all.join(", ")),
    };
    Ok(Plan { seconds, targets })
}

/// All targets, by name: one file each.
fn targets() -> Result<Vec<String>> {
    let folder = folder().join("fuzz_targets");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        names.extend(path.file_stem().map(|it| it.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn folder() -> PathBuf {
    place::root().join("fuzz")
}

fn tool() -> PathBuf {
    place::target().join("tools/bin/cargo-fuzz")
}

/// Where the targets are built: apart from the rest, whose flags differ.
fn built() -> PathBuf {
    place::target().join("fuzz")
}

/// Puts cargo-fuzz into `target/tools`, unless it is there.
fn install() -> Result<()> {
    if tool().is_file() {
        println!("cargo-fuzz: {}", tool().display());
        return Ok(());
    }
    let mut command = place::cargo(&["install", "cargo-fuzz", "--locked", "--root"]);
    place::run(command.arg(place::target().join("tools")))
        .context("fuzzing needs cargo-fuzz, which `cargo install` could not get from crates.io")
}

fn build(plan: &Plan) -> Result<()> {
    // Either the one that is wanted, or all at once: cargo builds what they share only once.
    match plan.targets.as_slice() {
        [one] => place::run(fuzz("build").arg(one)),
        _ => place::run(&mut fuzz("build")),
    }
}

fn run(target: &str, seconds: u64) -> Result<()> {
    let (corpus, seeds) = (folder().join("corpus").join(target), folder().join("seeds").join(target));
    let artifacts = folder().join("artifacts").join(target);
    for folder in [&corpus, &artifacts] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut command = fuzz("run");
    command.arg(target).args([&corpus, &seeds]).arg("--");
    command.args([
        "-verbosity=0",
        "-print_final_stats=1",
        "-timeout=20",
        &format!("-max_total_time={seconds}"),
    ]);
    let began = Instant::now();
    let outcome = place::run(&mut command);
    println!("{target}: {:.1}s", began.elapsed().as_secs_f64());
    outcome.with_context(|| crash(target, &artifacts))
}

/// What to do about a crash: the newest input that makes one, and how to see it again.
fn crash(target: &str, artifacts: &Path) -> String {
    let entries = std::fs::read_dir(artifacts).into_iter().flatten().flatten();
    let newest = entries.map(|it| it.path()).max_by_key(|it| it.metadata().and_then(|it| it.modified()).ok());
    match newest {
        None => format!("target `{target}` failed and left no input"),
        Some(file) => {
            let program = tool();
            format!(
                "target `{target}` failed on the input {file}\nsee it again with:  {program} fuzz run -s none \
                 --target-dir {built} {target} {file}",
                file = file.display(),
                program = program.display(),
                built = built().display(),
            )
        }
    }
}

/// `cargo fuzz <verb>`, with all that makes it run on a stable compiler.
fn fuzz(verb: &str) -> Command {
    let mut command = Command::new(tool());
    command.args(["fuzz", verb, "-s", "none", "--target-dir"]).arg(built()).current_dir(place::root());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_takes_a_time_and_a_target_that_exists() {
        let all = ["a".to_owned(), "b".to_owned()];
        let planned = |words: &[&str]| plan(words, &all).ok().map(|it| (it.seconds, it.targets.join(" ")));
        assert_eq!(planned(&[]), Some((SECONDS, "a b".to_owned())));
        assert_eq!(planned(&["--seconds", "5", "b"]), Some((5, "b".to_owned())));
        for words in [&["c"][..], &["a", "b"], &["--seconds", "x"], &["--seconds", "0"], &["--seconds"]] {
            assert_eq!(planned(words), None, "{words:?}");
        }
    }

    #[test]
    fn every_target_of_the_ci_exists_and_every_target_has_seeds() {
        let all = targets().expect("fuzz/fuzz_targets");
        assert!(ON_CI.iter().all(|it| all.iter().any(|name| name == it)));
        for target in all {
            assert!(folder().join("seeds").join(&target).is_dir(), "{target}");
        }
    }
}
