//! A frame that can be read is the only frame of what it says: writing it again gives the same bytes.
//!
//! The first byte of the input is 0 before a whole frame, or the kind of a frame whose body follows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::keeper::{self, FRAME_BYTES_MAX, Order, Report, VERSION};

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else { return };
    let frame = if *kind == 0 { rest.to_vec() } else { framed(*kind, rest) };
    let sequence = keeper::sequence(&frame).unwrap_or_default();
    match keeper::decode_order(&frame) {
        // Frozen: it may be of another version, and hold more than we write.
        Ok(order @ Order::Hello { .. }) => {
            assert_eq!(keeper::decode_order(&keeper::encode_order(&order, 1)), Ok(order));
        }
        Ok(order) => assert_eq!(keeper::encode_order(&order, sequence), frame),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match keeper::decode_report(&frame) {
        Ok(report @ Report::Welcome { .. }) => {
            assert_eq!(keeper::decode_report(&keeper::encode_report(&report, 1)), Ok(report));
        }
        Ok(report) => assert_eq!(keeper::encode_report(&report, sequence), frame),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(Some(enclosed)) = keeper::decode_enclosed(&frame) {
        assert!(enclosed.bytes <= FRAME_BYTES_MAX);
        assert_eq!(keeper::encode_enclosed(enclosed, sequence), frame);
    }
});

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("an input is short");
    let (version, kind) = (VERSION.to_le_bytes(), u16::from(kind).to_le_bytes());
    [b"MSHN", &version[..], &kind, &length.to_le_bytes(), &7_u32.to_le_bytes(), body].concat()
}
