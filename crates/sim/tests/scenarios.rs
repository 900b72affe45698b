//! The worlds an operator can read: one per file in `tests/scenarios`.

use std::str::FromStr;

use sim::script::Script;
use sim::{swarm, world};

#[test]
fn every_scenario_goes_as_written() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "the scenarios are not where they should be");
    for file in files {
        let name = file.display();
        let script = Script::from_str(&std::fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        if let Some(trouble) = swarm::trouble(&script) {
            panic!("{name}: {trouble}\n\n{}", world::run(&script).journal.join("\n"));
        }
    }
}
