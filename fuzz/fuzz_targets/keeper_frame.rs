//! What can be read of a frame is written again as it was, up to what a newer version has put behind.
//!
//! The first byte of the input is 0 before a whole frame, or the kind of a frame whose body follows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::keeper::{self, FRAME_BYTES_MAX, HEADER_BYTES, VERSION};

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else { return };
    let frame = if *kind == 0 { rest.to_vec() } else { framed(*kind, rest) };
    let sequence = keeper::sequence(&frame).unwrap_or_default();
    match keeper::decode_order(&frame) {
        Ok(order) => assert_begins(&frame, &keeper::encode_order(&order, sequence)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match keeper::decode_report(&frame) {
        Ok(report) => assert_begins(&frame, &keeper::encode_report(&report, sequence)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(Some(enclosed)) = keeper::decode_enclosed(&frame) {
        assert!(enclosed.bytes <= FRAME_BYTES_MAX);
        assert_begins(&frame, &keeper::encode_enclosed(enclosed, sequence));
    }
});

/// The body of the one begins with all of the body of the other.
fn assert_begins(frame: &[u8], again: &[u8]) {
    assert!(frame[HEADER_BYTES..].starts_with(&again[HEADER_BYTES..]), "{again:?}");
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("an input is short");
    let (version, kind) = (VERSION.to_le_bytes(), u16::from(kind).to_le_bytes());
    [b"MSHN", &version[..], &kind, &length.to_le_bytes(), &7_u32.to_le_bytes(), body].concat()
}
