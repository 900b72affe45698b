//! Tells what a look at 1,000 processes costs: `cargo run --release -p monitor --example cost`.
//!
//! The budget is 20 ms of processor time (ARCHITECTURE.md, "Looking").

use std::io::{self, Write};
use std::process::{Child, Command};

use monitor::sampler::{Sampler, Wanted};
use rustix::time::{ClockId, clock_gettime};

const PROCESSES: usize = 1000;
const LOOKS: u32 = 20;

fn main() -> io::Result<()> {
    let sleep = || Command::new("sleep").arg("600").spawn();
    let mut children: Vec<Child> = (0..PROCESSES).map(|_| sleep()).collect::<Result<_, _>>()?;
    let wanted: Vec<_> = children.iter().map(|it| Wanted { pid: it.id(), closely: false }).collect();
    let mut sampler = Sampler::open()?;
    let mut seen = sampler.processes(os::clock::now(), &wanted)?.len();
    let before = clock_gettime(ClockId::ThreadCPUTime);
    for _ in 0..LOOKS {
        seen = seen.min(sampler.processes(os::clock::now(), &wanted)?.len());
        sampler.machine(os::clock::now());
    }
    let after = clock_gettime(ClockId::ThreadCPUTime);
    let nanos = (after.tv_sec - before.tv_sec) * 1_000_000_000 + (after.tv_nsec - before.tv_nsec);
    let micros = nanos / 1000 / i64::from(LOOKS);
    for child in &mut children {
        child.kill()?;
        child.wait()?;
    }
    writeln!(io::stdout(), "{seen} processes: {micros} µs of processor time a look")
}
