//! Variables, once quoted, are read as themselves, and no key is there twice.
#![no_main]

use std::collections::BTreeSet;

use config::environment::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(variables) = parse(text) else { return };
    let keys: BTreeSet<&str> = variables.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys.len(), variables.len());
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let pairs: Vec<String> =
        variables.iter().map(|(key, value)| format!("{}={}", quoted(key), quoted(value))).collect();
    assert_eq!(parse(&pairs.join(",")), Ok(variables));
});
