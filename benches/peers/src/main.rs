//! Menshen and its peers, side by side: the same programs to look after, in one run on one machine.
//!
//! Start at [`rows`]: a row is one number of the published table, with what it must be; a scene is what is played to
//! get the numbers of one or more rows. Contenders take turns, so that what else the machine does meanwhile falls on
//! all of them. Every scene also asserts that nothing was lost and that every program is in the right state: a
//! number that was had by losing something is none.
//!
//! It uses no crate of ours: it meets the program as its users do. Run it by `cargo xtask bench`, which builds what
//! it needs and installs the peers.

#![expect(clippy::print_stdout, reason = "a benchmark talks to the person who started it")]

mod arguments;
mod client;
mod contender;
mod fleet;
mod procs;
mod records;
mod rows;
mod scenes;
mod sheet;
mod stats;
mod table;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::arguments::Arguments;
use crate::sheet::Sheet;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = run(&words);
    fleet::tidy();
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Plays all scenes. A row that misses its goal is told, not failed: a busy machine is no defect. What fails is a
/// scene in which something was lost.
fn run(words: &[String]) -> Result<bool> {
    let arguments = Arguments::read(words)?;
    procs::adopt_orphans()?;
    let contenders = contender::all(&arguments);
    let began = Instant::now();
    let mut sheet = Sheet::new(contender::versions(&contenders));
    for scene in scenes::all(&arguments) {
        println!("{:6.0}s  {}", began.elapsed().as_secs_f64(), scene.title());
        scene.play(&contenders, &arguments, &mut sheet);
    }
    println!("{:6.0}s  done\n", began.elapsed().as_secs_f64());
    print!("{}", table::text(&sheet));
    if let Some(file) = &arguments.json {
        std::fs::write(file, sheet.json().to_string())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(sheet.failures.is_empty())
}
