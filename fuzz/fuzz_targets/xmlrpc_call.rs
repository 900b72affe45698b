//! A call that can be read can be written, and what was written reads the same for ever.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::value::Value;
use wire::xmlrpc_read::{self, DEPTH_MAX, Limits, ReadError};
use wire::xmlrpc_write;

const FEW: usize = 16;

fuzz_target!(|document: &[u8]| {
    let limits = Limits::CALL;
    if let Some(bytes_max) = document.len().checked_sub(1) {
        let refused = xmlrpc_read::call(document, Limits { bytes_max, ..limits });
        assert!(matches!(refused, Err(ReadError::TooLong { .. })), "the limit of bytes does not hold");
    }
    if let Ok(call) = xmlrpc_read::call(document, Limits { elements_max: FEW, ..limits }) {
        assert!(call.params.iter().map(count).sum::<usize>() <= FEW, "the limit of elements does not hold");
    }
    let Ok(call) = xmlrpc_read::call(document, limits) else { return };
    assert!(!call.name.is_empty());
    assert!(call.params.iter().all(|it| depth(it) <= DEPTH_MAX));
    // The writer names the type of a string, which takes one level more than a bare value.
    let once = match xmlrpc_read::call(xmlrpc_write::call(&call).as_bytes(), limits) {
        Err(ReadError::TooDeep) => return,
        other => other.expect("what we write can be read"),
    };
    // The first writing replaces what XML cannot carry; the second must find nothing more to replace.
    let document = xmlrpc_write::call(&once);
    let twice = xmlrpc_read::call(document.as_bytes(), limits).expect("what we write can be read");
    assert_eq!(xmlrpc_write::call(&twice), document);
});

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Struct(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn depth(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(depth).max().unwrap_or(0),
        Value::Struct(members) => members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
