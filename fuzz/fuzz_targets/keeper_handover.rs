//! A handover that can be read says the same when it is written and read again.
//!
//! The input is a body; its header is made here, with the right checksum.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::checksum::crc32;
use wire::keeper::{FORMAT, handover};

fuzz_target!(|body: &[u8]| {
    let _ = handover::decode(body);
    let length = u32::try_from(body.len()).expect("an input is short").to_le_bytes();
    let (version, sum) = (FORMAT.to_le_bytes(), crc32(body).to_le_bytes());
    let bytes = [b"MSHH", &version[..], &[0; 2], &length, &sum, body].concat();
    match handover::decode(&bytes) {
        Ok(read) => assert_eq!(handover::decode(&handover::encode(&read)), Ok(read)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
