//! Any request for the JSON interface is a call with parameters its method takes, or a sentence that says why not.
#![no_main]

use api::method;
use api::rest::{Found, Verb, call, find};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let (path, query, body) = (lines.next(), lines.next(), lines.next());
    let parts: Vec<String> =
        path.unwrap_or_default().trim_start_matches('/').split('/').map(str::to_owned).collect();
    let pairs = query.unwrap_or_default().split('&').filter(|it| !it.is_empty());
    let query: Vec<(String, String)> =
        pairs.map(|it| it.split_once('=').unwrap_or((it, ""))).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    for verb in [Verb::Get, Verb::Post] {
        let Found::Method(entry, captured) = find(verb, &parts) else { continue };
        match call(entry, &captured, &query, body.unwrap_or_default().as_bytes()) {
            Ok(call) => {
                let entry = method::find(&call.name).expect("a route names a method");
                assert!(entry.takes(call.params.len()), "{text:?}");
            }
            Err(sentence) => assert!(!sentence.is_empty()),
        }
    }
});
