//! A chore as a list of timed steps, with closing lines that a person and a CI both understand.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The steps of one chore, in the order in which they ran.
pub(crate) struct Steps {
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// Runs `chore`, then prints the time each step took and one line that says how it ended.
    pub(crate) fn run(name: &str, chore: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let began = Instant::now();
        let mut steps = Self { done: Vec::new() };
        let outcome = chore(&mut steps);
        println!();
        for (name, took) in &steps.done {
            println!("{:8.1}s  {name}", took.as_secs_f64());
        }
        let (count, seconds) = (steps.done.len(), began.elapsed().as_secs_f64());
        let (verdict, failed) = if outcome.is_ok() { ("ok", 0) } else { ("FAILED", 1) };
        println!("xtask {name}: {verdict}. {count} steps passed; {failed} failed; finished in {seconds:.1}s");
        outcome
    }

    /// Runs one step; the first that fails ends the chore.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("\n==> {name}");
        let began = Instant::now();
        work().with_context(|| format!("step `{name}` failed"))?;
        self.done.push((name.to_owned(), began.elapsed()));
        Ok(())
    }
}
