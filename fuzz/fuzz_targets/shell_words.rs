//! Words, once quoted, are split into themselves.
#![no_main]

use config::shell_words::split;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(words) = split(text) else { return };
    assert!(words.iter().map(String::len).sum::<usize>() <= text.len(), "nothing is added");
    let quoted: Vec<String> = words.iter().map(|it| format!("'{}'", it.replace('\'', "'\\''"))).collect();
    assert_eq!(split(&quoted.join(" ")), Ok(words));
});
