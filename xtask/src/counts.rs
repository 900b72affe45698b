//! Instructions, counted: a gate that does not depend on what else the machine does.
//!
//! `benches/micro` does each of its pieces once under callgrind. Counted is only what our own program executes, which
//! holds all Rust code but not the C library: that has a `memcpy` for each kind of processor. Calls of the allocator are
//! counted beside it. The baseline is `benches/micro/baseline.txt`; `--accept` writes it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{place, provision};

/// How much more than the baseline is too much, in percent.
const MORE_MAX_PERCENT: u64 = 5;

/// The same where the baseline was taken with another compiler or for another kind of processor, which makes other
/// instructions of the same source. What doubles is still caught.
const MORE_MAX_PERCENT_ELSEWHERE: u64 = 25;

/// Functions of the C library that give memory.
const ALLOCATORS: [&str; 4] = ["malloc", "calloc", "realloc", "posix_memalign"];

/// What one piece costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cost {
    instructions: u64,
    allocations: u64,
}

/// All pieces, and what they were counted with.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    made_by: String,
    pieces: BTreeMap<String, Cost>,
}

/// The chore: `[--accept]`.
pub(crate) fn chore(words: &[&str]) -> Result<()> {
    match words {
        [] => gate(),
        ["--accept"] => {
            let text = count()?.text();
            std::fs::write(file(), &text).with_context(|| format!("cannot write {}", file().display()))?;
            println!("{text}");
            Ok(())
        }
        unknown => anyhow::bail!("`{}` is not understood; there is --accept", unknown.join(" ")),
    }
}

/// Fails with everything that costs more than it did.
pub(crate) fn gate() -> Result<()> {
    let text =
        std::fs::read_to_string(file()).with_context(|| format!("cannot read {}", file().display()))?;
    let (before, now) = (Counts::parse(&text)?, count()?);
    let (table, worse) = compare(&before, &now);
    println!("{table}");
    ensure!(
        worse.is_empty(),
        "{}\nmake it cheaper, or say why it has to cost that and run `cargo xtask counts --accept`",
        worse.join("\n")
    );
    Ok(())
}

fn file() -> PathBuf {
    place::root().join("benches/micro/baseline.txt")
}

fn count() -> Result<Counts> {
    provision::debian_package("valgrind", "valgrind", &[])?;
    place::run(&mut place::cargo(&["build", "--quiet", "--release", "--package", "micro"]))?;
    let folder = place::target().join("counts");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let program = place::target().join("release/micro");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet", "--compress-strings=no", "--compress-pos=no"]);
    command.arg(format!("--callgrind-out-file={}", folder.join("out").display())).arg(&program);
    place::run(&mut command)?;
    let mut pieces = BTreeMap::new();
    for entry in std::fs::read_dir(&folder)? {
        let text = std::fs::read_to_string(entry?.path())?;
        if let Some((name, cost)) = read(&text, &program) {
            pieces.insert(name, cost);
        }
    }
    ensure!(!pieces.is_empty(), "callgrind has counted nothing");
    Ok(Counts { made_by: made_by()?, pieces })
}

/// The compiler, and what decides which instructions it and the libraries choose.
fn made_by() -> Result<String> {
    let compiler = place::output(Command::new("rustc").arg("--version"))?;
    let features = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let wide = if features.split_whitespace().any(|it| it == "avx2") { "avx2" } else { "no avx2" };
    let compiler = String::from_utf8_lossy(&compiler).trim().to_owned();
    Ok(format!("{compiler}, {}, {wide}", std::env::consts::ARCH))
}

/// The piece one of callgrind's files is about, and its cost (manual, "Callgrind Format Specification").
///
/// Below `fn=` a line of numbers is what the function itself cost; the line after a `calls=` is what the called ones
/// did, and theirs to say.
fn read(text: &str, program: &Path) -> Option<(String, Cost)> {
    let name = text.lines().find_map(|it| it.strip_prefix("desc: Trigger: Client Request: "))?;
    let program = program.file_name()?.to_str()?;
    let (mut cost, mut is_ours, mut is_of_called, mut called) = (Cost::default(), false, false, "");
    for line in text.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            is_ours = object.ends_with(&format!("/{program}"));
        } else if let Some(function) = line.strip_prefix("cfn=") {
            called = function;
        } else if let Some(calls) = line.strip_prefix("calls=") {
            let times = calls.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(0);
            cost.allocations += if ALLOCATORS.contains(&called) && is_ours { times } else { 0 };
            is_of_called = true;
        } else if line.starts_with(|it: char| it.is_ascii_digit() || it == '+' || it == '-' || it == '*') {
            let own = line.split(' ').nth(1).and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
            cost.instructions += if is_ours && !is_of_called { own } else { 0 };
            is_of_called = false;
        }
    }
    Some((name.to_owned(), cost))
}

impl Counts {
    fn text(&self) -> String {
        let mut text = format!("# Written by `cargo xtask counts --accept`.\nmade by: {}\n", self.made_by);
        for (name, cost) in &self.pieces {
            let _ = writeln!(text, "{name} {} {}", cost.instructions, cost.allocations);
        }
        text
    }

    fn parse(text: &str) -> Result<Self> {
        let mut counts = Self::default();
        for line in text.lines().filter(|it| !it.starts_with('#')) {
            if let Some(made_by) = line.strip_prefix("made by: ") {
                made_by.clone_into(&mut counts.made_by);
                continue;
            }
            let words: Vec<&str> = line.split(' ').collect();
            let [name, instructions, allocations] = words[..] else {
                anyhow::bail!("{line:?} is not a piece with two numbers");
            };
            let cost = Cost { instructions: instructions.parse()?, allocations: allocations.parse()? };
            counts.pieces.insert(name.to_owned(), cost);
        }
        Ok(counts)
    }
}

/// A table for people, and what is worse: one sentence each.
fn compare(before: &Counts, now: &Counts) -> (String, Vec<String>) {
    let same = before.made_by == now.made_by;
    let more_max = if same { MORE_MAX_PERCENT } else { MORE_MAX_PERCENT_ELSEWHERE };
    let mut table =
        format!("{:16} {:>14} {:>14} {:>11} {:>11}\n", "", "baseline", "now", "allocations", "now");
    let mut worse = Vec::new();
    if !same {
        let _ = writeln!(
            table,
            "baseline made by {}, this by {}: up to {more_max} %",
            before.made_by, now.made_by
        );
    }
    for (name, cost) in &now.pieces {
        let Some(old) = before.pieces.get(name) else {
            worse.push(format!("{name} is not in the baseline"));
            continue;
        };
        let _ = writeln!(
            table,
            "{name:16} {:>14} {:>14} {:>11} {:>11}",
            old.instructions, cost.instructions, old.allocations, cost.allocations
        );
        for (what, was, is) in [
            ("instructions", old.instructions, cost.instructions),
            ("allocations", old.allocations, cost.allocations),
        ] {
            if is * 100 > was * (100 + more_max) + 100 * SLACK {
                worse.push(format!("{name}: {is} {what}, {was} before; the limit is {more_max} % more"));
            }
        }
    }
    worse.extend(
        before
            .pieces
            .keys()
            .filter(|it| !now.pieces.contains_key(*it))
            .map(|it| format!("{it} was not counted")),
    );
    (table, worse)
}

/// What a count may differ by whatever it is: the tables of the allocator and of the kernel are not the same twice.
const SLACK: u64 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: &str = "desc: Trigger: Client Request: piece\nob=/x/micro\nfn=a\n0 7\ncfn=b\ncalls=3 0\n0 100\n1 5\n\
                       cob=/lib/libc.so\ncfn=malloc\ncalls=4 0\n0 900\nob=/lib/libc.so\nfn=malloc\n0 900\n";

    #[test]
    fn counted_is_what_our_own_program_does_and_how_often_it_asks_for_memory() {
        let read = read(OUT, Path::new("/x/micro"));
        assert_eq!(read, Some(("piece".to_owned(), Cost { instructions: 12, allocations: 4 })));
        assert_eq!(super::read("desc: Trigger: Program termination\n", Path::new("/x/micro")), None);
    }

    fn counts(made_by: &str, instructions: u64) -> Counts {
        let cost = Cost { instructions, allocations: 100 };
        Counts { made_by: made_by.to_owned(), pieces: [("a".to_owned(), cost)].into() }
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let counts = counts("rustc 1, x86_64, avx2", 5000);
        assert_eq!(Counts::parse(&counts.text()).unwrap(), counts);
        assert!(Counts::parse("a b").is_err());
    }

    #[test]
    fn more_than_a_little_more_fails_here_and_much_more_everywhere() {
        let failed =
            |made_by: &str, now: u64| !compare(&counts("x", 100_000), &counts(made_by, now)).1.is_empty();
        assert!(!failed("x", 105_000) && failed("x", 106_000));
        assert!(!failed("y", 106_000) && failed("y", 126_000));
    }

    #[test]
    fn a_piece_that_is_new_or_gone_fails() {
        let (some, none) = (counts("x", 1), Counts { made_by: "x".to_owned(), ..Counts::default() });
        assert_eq!((compare(&some, &none).1.len(), compare(&none, &some).1.len()), (1, 1));
    }
}
