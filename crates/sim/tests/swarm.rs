//! Many worlds, each from a seed. More of them with `MENSHEN_SWARM_SEEDS=100000`, one of them with
//! `MENSHEN_SWARM_SEED=17`.

use std::str::FromStr;

use sim::script::Script;
use sim::{swarm, world};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn whatever_happens_the_oracle_has_nothing_to_say() {
    let seeds = match number("MENSHEN_SWARM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MENSHEN_SWARM_SEEDS").unwrap_or(300),
    };
    for seed in seeds {
        let script = swarm::script(seed);
        if swarm::trouble(&script).is_some() {
            let script = swarm::shrunk(&script);
            let trouble = swarm::trouble(&script).unwrap_or_default();
            let journal = world::run(&script).journal.join("\n");
            panic!("seed {seed}: {trouble}\n\n{script}\n{journal}");
        }
    }
}

#[test]
fn a_script_survives_being_written_and_read() {
    for seed in 0..100 {
        let script = swarm::script(seed);
        assert_eq!(Script::from_str(&script.to_string()).unwrap(), script, "{script}");
    }
}

#[test]
fn the_same_script_has_the_same_run() {
    for seed in 0..20 {
        let script = swarm::script(seed);
        assert_eq!(world::run(&script).journal, world::run(&script).journal, "{script}");
    }
}

#[test]
fn a_line_that_makes_no_sense_is_named() {
    let cases = [
        ("group a\n  program p tries=3", "line 2: program p tries=3: `tries` is not known"),
        ("at 1.2345 stop p", "line 1: at 1.2345 stop p: `1.2345` has more than three decimals"),
        ("at 1 stop", "line 1: at 1 stop: something is missing at the end"),
        ("  life runs", "line 1: life runs: a life before any program"),
        ("at 1 expect p UP", "line 1: at 1 expect p UP: `UP` is no state"),
        ("at 1 stop p:*", "line 1: at 1 stop p:*: a process is meant, not a group"),
    ];
    for (text, said) in cases {
        assert_eq!(format!("{:#}", Script::from_str(text).unwrap_err()), said);
    }
}
