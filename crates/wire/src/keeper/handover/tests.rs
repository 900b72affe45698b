use proptest::prelude::*;

use super::super::{Doubt, Scope};
use super::*;

fn hex(bytes: &[u8]) -> String {
    let line = |it: &[u8]| it.iter().map(|it| format!("{it:02x}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n")
}

fn child() -> Child {
    Child {
        child: 7,
        slot: b"a:b".to_vec(),
        memo: b"m".to_vec(),
        will: Will {
            signal: 15,
            wait_ms: 10_000,
            stop_scope: Scope::Process,
            kill_scope: Scope::Tree,
            priority: -1,
        },
        pid: 43,
        start_ticks: 4,
        started_us: 5,
        standing: Standing::Own,
        end: None,
        pipes: [Some(10), None, Some(12)],
        pidfd: None,
    }
}

fn handover() -> Handover {
    let usage = Usage { user_us: 1, system_us: 2, peak_kib: 3 };
    let end = End { status: 15, known: true, at_us: 6, setup: Some((7, 2)), usage };
    Handover {
        boot_id: [0xab; 16],
        program: b"/m".to_vec(),
        daemon_argv: vec![b"d".to_vec()],
        env: vec![b"A=b".to_vec()],
        nofile: Some((Some(1024), None)),
        ready: true,
        journal: Some(4),
        lock: None,
        daemon: Some(LivingDaemon { pid: 42, link: 5, ready: true }),
        old: Some(6),
        kept: vec![Kept { key: b"k".to_vec(), bytes: b"xy".to_vec(), file: Some(7) }],
        children: vec![
            child(),
            Child {
                standing: Standing::Doubt { reason: Doubt::Several.number() },
                end: Some(end),
                pidfd: Some(13),
                ..child()
            },
        ],
    }
}

#[test]
fn the_bytes_of_a_handover_never_change() {
    let bytes = encode(&handover());
    assert_eq!(decode(&bytes), Ok(handover()));
    insta::assert_snapshot!(hex(&bytes), @r"
    4d 53 48 48 01 00 00 00 3c 01 00 00 f2 bc 11 83
    ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab
    02 00 00 00 2f 6d 01 00 00 00 01 00 00 00 64 01
    00 00 00 03 00 00 00 41 3d 62 01 01 00 04 00 00
    00 00 00 00 00 01 04 00 00 00 ff ff ff ff 01 2a
    00 00 00 05 00 00 00 01 06 00 00 00 01 00 00 00
    0f 00 00 00 01 00 00 00 6b 02 00 00 00 78 79 07
    00 00 00 02 00 00 00 51 00 00 00 07 00 00 00 00
    00 00 00 03 00 00 00 61 3a 62 01 00 00 00 6d 0f
    00 00 00 10 27 00 00 00 00 00 00 01 03 ff ff ff
    ff ff ff ff ff 2b 00 00 00 04 00 00 00 00 00 00
    00 05 00 00 00 00 00 00 00 01 00 00 0a 00 00 00
    ff ff ff ff 0c 00 00 00 ff ff ff ff 7c 00 00 00
    07 00 00 00 00 00 00 00 03 00 00 00 61 3a 62 01
    00 00 00 6d 0f 00 00 00 10 27 00 00 00 00 00 00
    01 03 ff ff ff ff ff ff ff ff 2b 00 00 00 04 00
    00 00 00 00 00 00 05 00 00 00 00 00 00 00 03 03
    01 0f 00 00 00 01 06 00 00 00 00 00 00 00 01 07
    02 00 00 00 01 00 00 00 00 00 00 00 02 00 00 00
    00 00 00 00 03 00 00 00 00 00 00 00 0a 00 00 00
    ff ff ff ff 0c 00 00 00 0d 00 00 00
    ");
    let bare = Handover::default();
    assert_eq!(decode(&encode(&bare)), Ok(bare.clone()));
    insta::assert_snapshot!(hex(&encode(&bare)), @r"
    4d 53 48 48 01 00 00 00 33 00 00 00 34 58 d3 24
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 ff ff
    ff ff ff ff ff ff 00 ff ff ff ff 00 00 00 00 00
    00 00 00
    ");
}

/// The same with another body, as it would have been written.
fn with_body(body: &[u8], version: u16) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [b"MSHH", &version.to_le_bytes()[..], &[0; 2], &length, &crc32(body).to_le_bytes(), body].concat()
}

#[test]
fn what_the_next_version_writes_is_read_as_far_as_it_is_known() {
    let bytes = encode(&handover());
    let longer = [&bytes[HEADER_BYTES..], b"more"].concat();
    assert_eq!(decode(&with_body(&longer, 2)), Ok(handover()));

    // A longer child, the only one: its record is the last of the body, after its length.
    let one = Handover { children: vec![child()], ..Handover::default() };
    let mut body = encode(&one)[HEADER_BYTES..].to_vec();
    let mut to = Writer::within();
    child().put(&mut to);
    let length = to.into_bytes().len();
    let at = body.len() - length - 4;
    body[at..at + 4].copy_from_slice(&u32::try_from(length + 2).unwrap().to_le_bytes());
    body.extend(b"xy");
    assert_eq!(decode(&with_body(&body, 2)), Ok(one));
}

#[test]
fn every_kind_of_nonsense_has_its_name() {
    let bytes = encode(&handover());
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytes
    };
    let body = bytes.len() - HEADER_BYTES;
    let said = u32::try_from(body).unwrap();
    let cases = [
        (bytes[..15].to_vec(), HandoverError::Header { bytes: 15 }),
        (with(0, b'x'), HandoverError::Magic),
        (with(4, 3), HandoverError::Version { theirs: 3 }),
        (bytes[..bytes.len() - 1].to_vec(), HandoverError::Length { said, bytes: body - 1 }),
        (with(bytes.len() - 1, 7), HandoverError::Checksum),
        (with_body(b"", 1), HandoverError::Body(FrameError::Ends("boot id"))),
    ];
    for (bytes, error) in cases {
        assert_eq!(decode(&bytes), Err(error));
    }
}

proptest! {
    #[test]
    fn no_body_makes_the_decoder_panic(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let body = encode(&handover())[HEADER_BYTES..].to_vec();
        let mut damaged = body.clone();
        damaged[at.index(body.len())] = byte;
        let _ = decode(&with_body(&damaged, 1));
        prop_assert!(decode(&with_body(&body[..cut.index(body.len())], 1)).is_err());
    }

    #[test]
    fn a_handover_that_can_be_read_is_written_the_same(body in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(read) = decode(&with_body(&body, 1)) {
            prop_assert_eq!(decode(&encode(&read)), Ok(read));
        }
    }
}
