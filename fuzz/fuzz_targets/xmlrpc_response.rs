//! A response that can be read can be written, and what was written reads the same for ever.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::value::{RemoteFault, Value};
use wire::xmlrpc_read::{self, Limits, ReadError};
use wire::xmlrpc_write;

fuzz_target!(|document: &[u8]| {
    let limits = Limits::RESPONSE;
    if let Some(bytes_max) = document.len().checked_sub(1) {
        let refused = xmlrpc_read::response(document, Limits { bytes_max, ..limits });
        assert!(matches!(refused, Err(ReadError::TooLong { .. })), "the limit of bytes does not hold");
    }
    let Ok(answer) = xmlrpc_read::response(document, limits) else { return };
    let once = match xmlrpc_read::response(write(&answer).as_bytes(), limits) {
        // The writer names the type of a string, which takes one level more than a bare value.
        Err(ReadError::TooDeep) => return,
        other => other.expect("what we write can be read"),
    };
    assert_eq!(once.is_ok(), answer.is_ok(), "a fault stays a fault");
    let document = write(&once);
    let twice = xmlrpc_read::response(document.as_bytes(), limits).expect("what we write can be read");
    assert_eq!(write(&twice), document);
});

fn write(answer: &Result<Value, RemoteFault>) -> String {
    answer.as_ref().map_or_else(xmlrpc_write::fault, xmlrpc_write::response)
}
