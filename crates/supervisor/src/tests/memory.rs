//! What is remembered of a process, for those who ask later.

use model::exit::EndCause;
use model::signal::Signal;
use model::spec::{AutoRestart, ProcessSpec};

use super::bench::{Bench, alone, exit, killed_by, named, process};

/// Starts, restarts, and the last end, as text.
fn remembered(bench: &Bench) -> String {
    let info = bench.machine.info(&named("p", "p"), bench.stamp()).unwrap();
    let ended = info.ended.map(|it| format!("{} ({}) at {}", it.status, it.cause.as_str(), it.at.seconds()));
    format!("{} starts, {} restarts, {}", info.starts, info.restarts, ended.unwrap_or_default())
}

fn bench(spec: ProcessSpec) -> Bench {
    let mut bench = Bench::begun(vec![alone(spec)]);
    bench.spawned(1);
    bench
}

#[test]
fn a_start_does_not_forget_the_end_before_it() {
    let mut bench = bench(ProcessSpec { autorestart: AutoRestart::Always, ..process("p") });
    assert_eq!(remembered(&bench), "1 starts, 0 restarts, ");
    bench.until(5.0).exited(1, killed_by(Signal::KILL)).spawned(2).until(10.0);
    assert!(remembered(&bench).starts_with("2 starts, 1 restarts, terminated by SIGKILL (unexpected)"));
    bench.exited(2, exit(0)).spawned(3);
    assert!(remembered(&bench).starts_with("3 starts, 2 restarts, exit status 0 (expected)"));
}

#[test]
fn what_somebody_asked_for_is_no_restart() {
    let mut bench = bench(process("p"));
    bench.until(5.0).stop("p", false).exited(1, killed_by(Signal::TERM));
    assert!(remembered(&bench).starts_with("1 starts, 0 restarts, terminated by SIGTERM (stopped)"));
    bench.start("p", false).spawned(2);
    assert!(remembered(&bench).starts_with("2 starts, 0 restarts"));
}

#[test]
fn an_end_too_early_and_a_kill_are_called_so() {
    let mut bench = bench(process("p"));
    bench.until(0.2).exited(1, exit(3)).until(1.2).spawned(2).until(3.0);
    assert!(remembered(&bench).starts_with("2 starts, 1 restarts, exit status 3 (too early)"));
    bench.stop("p", false).until(20.0).exited(2, killed_by(Signal::KILL));
    assert!(remembered(&bench).contains("terminated by SIGKILL (killed)"));
    // Where SIGKILL is how it is asked, it has done as it was asked.
    assert_eq!(EndCause::of_stop(killed_by(Signal::KILL), Signal::KILL), EndCause::Stopped);
}
