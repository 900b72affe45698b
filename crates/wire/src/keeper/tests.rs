use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Hexadecimal, sixteen bytes to a line: the header is the first line.
fn hex(bytes: &[u8]) -> String {
    let line = |it: &[u8]| it.iter().map(|it| format!("{it:02x}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n")
}

fn spawn() -> SpawnOrder {
    SpawnOrder {
        child: 7,
        slot: b"a:b".to_vec(),
        memo: b"\x01\x02".to_vec(),
        path: b"/bin/cat".to_vec(),
        argv: vec![b"cat".to_vec(), b"-".to_vec()],
        env: vec![b"A=b".to_vec()],
        directory: Some(b"/".to_vec()),
        umask: Some(0o22),
        identity: Some(Identity { uid: 1, gid: 2, groups: vec![2, 3] }),
        nofile: Some((Some(1024), None)),
        stdin: Stdio::Pipe,
        stdout: Stdio::Null,
        stderr: Stdio::SameAsStdout,
        will: Will {
            signal: 15,
            wait_ms: 10_000,
            stop_scope: Scope::Process,
            kill_scope: Scope::Group,
            priority: -1,
        },
        cgroup: Some(b"/g".to_vec()),
    }
}

fn listed(standing: Standing) -> Listed {
    Listed {
        child: 7,
        slot: b"a:b".to_vec(),
        memo: b"\x01\x02".to_vec(),
        pid: 43,
        started_us: 5,
        start_ticks: 4,
        standing,
        ended: true,
        pipes: [true, false, true],
    }
}

fn order_hex(order: &Order) -> String {
    let frame = encode_order(order, 9);
    assert_eq!(decode_order(&frame).as_ref(), Ok(order));
    hex(&frame)
}

fn report_hex(report: &Report) -> String {
    let frame = encode_report(report, 9);
    assert_eq!(decode_report(&frame).as_ref(), Ok(report));
    hex(&frame)
}

#[test]
fn the_bytes_of_small_orders_never_change() {
    let all = [
        Order::Hello { oldest: 1, newest: 2 },
        Order::Signal { child: 7, signal: 15, scope: Scope::Group },
        Order::Forget { child: 7 },
        Order::List,
        Order::Ready { detach: true },
        Order::Restart,
        Order::Leave { grace_ms: 10_000 },
        Order::Amend { child: 7, will: spawn().will },
        Order::Keep { key: b"k".to_vec(), bytes: b"xy".to_vec() },
        Order::Drop { key: b"k".to_vec() },
        Order::Pong { serial: 3 },
        Order::Settle { child: 7, adopt: true },
        Order::Upgrade { program: b"/m".to_vec() },
    ];
    insta::assert_snapshot!(all.map(|it| order_hex(&it)).join("\n\n"), @r"
    4d 53 48 4e 02 00 01 00 04 00 00 00 09 00 00 00
    01 00 02 00

    4d 53 48 4e 02 00 03 00 0d 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 0f 00 00 00 02

    4d 53 48 4e 02 00 04 00 08 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00

    4d 53 48 4e 02 00 05 00 00 00 00 00 09 00 00 00

    4d 53 48 4e 02 00 06 00 01 00 00 00 09 00 00 00
    01

    4d 53 48 4e 02 00 07 00 00 00 00 00 09 00 00 00

    4d 53 48 4e 02 00 08 00 08 00 00 00 09 00 00 00
    10 27 00 00 00 00 00 00

    4d 53 48 4e 02 00 09 00 1e 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 0f 00 00 00 10 27 00 00
    00 00 00 00 01 02 ff ff ff ff ff ff ff ff

    4d 53 48 4e 02 00 0a 00 0b 00 00 00 09 00 00 00
    01 00 00 00 6b 02 00 00 00 78 79

    4d 53 48 4e 02 00 0b 00 05 00 00 00 09 00 00 00
    01 00 00 00 6b

    4d 53 48 4e 02 00 0c 00 08 00 00 00 09 00 00 00
    03 00 00 00 00 00 00 00

    4d 53 48 4e 02 00 0d 00 09 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 01

    4d 53 48 4e 02 00 0e 00 06 00 00 00 09 00 00 00
    02 00 00 00 2f 6d
    ");
}

#[test]
fn the_bytes_of_a_spawn_order_never_change() {
    insta::assert_snapshot!(order_hex(&Order::Spawn(spawn())), @r"
    4d 53 48 4e 02 00 02 00 87 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 03 00 00 00 61 3a 62 02
    00 00 00 01 02 08 00 00 00 2f 62 69 6e 2f 63 61
    74 02 00 00 00 03 00 00 00 63 61 74 01 00 00 00
    2d 01 00 00 00 03 00 00 00 41 3d 62 01 01 00 00
    00 2f 01 12 00 00 00 01 01 00 00 00 02 00 00 00
    02 00 00 00 02 00 00 00 03 00 00 00 01 01 00 04
    00 00 00 00 00 00 00 01 02 04 0f 00 00 00 10 27
    00 00 00 00 00 00 01 02 ff ff ff ff ff ff ff ff
    01 02 00 00 00 2f 67
    ");
    let bare = SpawnOrder {
        argv: vec![],
        env: vec![],
        directory: None,
        umask: None,
        identity: None,
        nofile: None,
        stdin: Stdio::Passed,
        cgroup: None,
        ..spawn()
    };
    insta::assert_snapshot!(order_hex(&Order::Spawn(bare)), @r"
    4d 53 48 4e 02 00 02 00 47 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 03 00 00 00 61 3a 62 02
    00 00 00 01 02 08 00 00 00 2f 62 69 6e 2f 63 61
    74 00 00 00 00 00 00 00 00 00 00 00 00 03 02 04
    0f 00 00 00 10 27 00 00 00 00 00 00 01 02 ff ff
    ff ff ff ff ff ff 00
    ");
}

#[test]
fn the_bytes_of_reports_never_change() {
    let usage = Usage { user_us: 1, system_us: 2, peak_kib: 3 };
    let all = [
        Report::Welcome {
            version: 1,
            keeper_pid: 42,
            boot_id: [0xab; 16],
            children: 3,
            files: [true, false],
        },
        Report::Spawned { child: 7, pid: 43 },
        Report::SpawnFailed { child: 7, stage: SpawnStage::Fork, errno: 11 },
        Report::Exited { child: 7, status: 0x7f00, known: true, at_us: 6, setup: Some((7, 2)), usage },
        Report::Exited { child: 7, status: 15, known: false, at_us: 6, setup: None, usage },
        Report::SignalFailed { child: 7, signal: 15, errno: 3 },
        Report::Listed(listed(Standing::Own)),
        Report::Listed(listed(Standing::Doubt { reason: Doubt::Damaged.number() })),
        Report::ListEnd { count: 1 },
        Report::Asked { signal: 1 },
        Report::Survivors { child: 7, pids: vec![43, 44] },
        Report::Kept { key: b"k".to_vec(), bytes: b"xy".to_vec(), file: true },
        Report::Ping { serial: 3 },
        Report::Upgraded,
        Report::UpgradeFailed { errno: 8 },
    ];
    insta::assert_snapshot!(all.map(|it| report_hex(&it)).join("\n\n"), @r"
    4d 53 48 4e 02 00 81 00 1c 00 00 00 09 00 00 00
    01 00 2a 00 00 00 ab ab ab ab ab ab ab ab ab ab
    ab ab ab ab ab ab 03 00 00 00 01 00

    4d 53 48 4e 02 00 82 00 0c 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 2b 00 00 00

    4d 53 48 4e 02 00 83 00 0d 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 04 0b 00 00 00

    4d 53 48 4e 02 00 84 00 33 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 00 7f 00 00 01 06 00 00
    00 00 00 00 00 01 07 02 00 00 00 01 00 00 00 00
    00 00 00 02 00 00 00 00 00 00 00 03 00 00 00 00
    00 00 00

    4d 53 48 4e 02 00 84 00 2e 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 0f 00 00 00 00 06 00 00
    00 00 00 00 00 00 01 00 00 00 00 00 00 00 02 00
    00 00 00 00 00 00 03 00 00 00 00 00 00 00

    4d 53 48 4e 02 00 85 00 10 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 0f 00 00 00 03 00 00 00

    4d 53 48 4e 02 00 86 00 2f 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 03 00 00 00 61 3a 62 02
    00 00 00 01 02 2b 00 00 00 05 00 00 00 00 00 00
    00 04 00 00 00 00 00 00 00 01 00 01 01 00 01

    4d 53 48 4e 02 00 86 00 2f 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 03 00 00 00 61 3a 62 02
    00 00 00 01 02 2b 00 00 00 05 00 00 00 00 00 00
    00 04 00 00 00 00 00 00 00 03 04 01 01 00 01

    4d 53 48 4e 02 00 87 00 04 00 00 00 09 00 00 00
    01 00 00 00

    4d 53 48 4e 02 00 88 00 04 00 00 00 09 00 00 00
    01 00 00 00

    4d 53 48 4e 02 00 89 00 14 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 02 00 00 00 2b 00 00 00
    2c 00 00 00

    4d 53 48 4e 02 00 8a 00 0c 00 00 00 09 00 00 00
    01 00 00 00 6b 02 00 00 00 78 79 01

    4d 53 48 4e 02 00 8b 00 08 00 00 00 09 00 00 00
    03 00 00 00 00 00 00 00

    4d 53 48 4e 02 00 8c 00 00 00 00 00 09 00 00 00

    4d 53 48 4e 02 00 8d 00 04 00 00 00 09 00 00 00
    08 00 00 00
    ");
}

#[test]
fn an_order_in_a_file_is_announced() {
    let enclosed = Enclosed { child: 7, bytes: 70_000 };
    let packet = encode_enclosed(enclosed, 9);
    insta::assert_snapshot!(hex(&packet), @r"
    4d 53 48 4e 02 00 40 00 0c 00 00 00 09 00 00 00
    07 00 00 00 00 00 00 00 70 11 01 00
    ");
    assert_eq!(decode_enclosed(&packet), Ok(Some(enclosed)));
    assert_eq!(sequence(&packet), Some(9));
    assert_eq!(decode_enclosed(&encode_order(&Order::List, 9)), Ok(None));
    assert_eq!(decode_enclosed(b""), Ok(None));
    let huge = Enclosed { child: 7, bytes: FRAME_BYTES_MAX + 1 };
    let oversize = FrameError::Oversize { bytes: FRAME_BYTES_MAX + 1 };
    assert_eq!(decode_enclosed(&encode_enclosed(huge, 9)), Err(oversize));
}

/// A frame with one of its bytes changed.
fn with(frame: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[at] = byte;
    frame
}

#[test]
fn every_kind_of_nonsense_has_its_name() {
    let forget = encode_order(&Order::Forget { child: 7 }, 9);
    let signal = encode_order(&Order::Signal { child: 7, signal: 15, scope: Scope::Group }, 9);
    let last = signal.len() - 1;
    let shorter = with(&forget[..forget.len() - 1], 8, 7);
    let cases = [
        (forget[..15].to_vec(), FrameError::Header { bytes: 15 }),
        (with(&forget, 0, b'x'), FrameError::Magic),
        (with(&forget, 4, 4), FrameError::Version { theirs: 4 }),
        (with(&forget, 4, 0), FrameError::Version { theirs: 0 }),
        (with(&forget, 6, 0x77), FrameError::Kind(0x77)),
        (with(&forget, 8, 9), FrameError::Length { said: 9, bytes: 8 }),
        (shorter, FrameError::Ends("child")),
        (with(&signal, last, 4), FrameError::Field("scope")),
        (vec![0; FRAME_BYTES_MAX + 1], FrameError::Oversize { bytes: FRAME_BYTES_MAX + 1 }),
    ];
    for (bytes, error) in cases {
        assert_eq!(decode_order(&bytes), Err(error));
    }
    assert_eq!(decode_report(&forget), Err(FrameError::Kind(4)), "an order is no report");
}

#[test]
fn the_two_greetings_are_understood_in_any_version_and_with_more_behind() {
    let hello = Order::Hello { oldest: 1, newest: 9 };
    let frame = with(&[encode_order(&hello, 1), vec![1, 2, 3]].concat(), 4, 9);
    assert_eq!(decode_order(&with(&frame, 8, 7)), Ok(hello));

    let welcome =
        Report::Welcome { version: 9, keeper_pid: 1, boot_id: [0; 16], children: 0, files: [false; 2] };
    let frame = with(&[encode_report(&welcome, 1), vec![1, 2, 3]].concat(), 4, 9);
    let length = frame[8] + 3;
    assert_eq!(decode_report(&with(&frame, 8, length)), Ok(welcome));
}

/// A frame as the next version may write it: with its number, and more behind.
fn of_the_next_version(frame: &[u8]) -> Vec<u8> {
    let body = u32::try_from(frame.len() - HEADER_BYTES + 3).unwrap();
    let next = u8::try_from(VERSION + 1).unwrap();
    let mut frame = with(&[frame, &[1, 2, 3]].concat(), 4, next);
    frame[8..12].copy_from_slice(&body.to_le_bytes());
    frame
}

#[test]
fn the_version_before_is_understood_and_is_not_sent_what_it_does_not_know() {
    let forget = encode_order(&Order::Forget { child: 7 }, 9);
    assert_eq!(decode_order(&with(&forget, 4, 1)), Ok(Order::Forget { child: 7 }));
    assert_eq!([1, VERSION, VERSION + 1].map(takes_packs), [false, true, true]);
}

#[test]
fn a_packet_is_read_frame_by_frame_to_its_last_byte() {
    let orders =
        [Order::Forget { child: 7 }, Order::List, Order::Signal { child: 9, signal: 15, scope: Scope::Tree }];
    let packet: Vec<u8> = (1..).zip(&orders).flat_map(|(at, it)| encode_order(it, at)).collect();
    let read = |packet: &[u8]| {
        let mut frames = Frames::of(packet.to_vec());
        let mut read = Vec::new();
        while let Some(frame) = frames.next_frame() {
            read.push(decode_order(frame));
        }
        assert!(frames.is_empty());
        read
    };
    assert_eq!(read(&packet), orders.clone().map(Ok));
    assert_eq!(read(&[]), []);
    // Whatever is cut off, or in the way: what came whole before it counts, and the rest is one error.
    for cut in 1..packet.len() {
        let (whole, last) = packet.split_at(cut);
        let found = read(whole);
        let good = found.iter().take_while(|it| it.is_ok()).count();
        assert!(
            found.len() - good <= 1 && found.iter().zip(&orders).take(good).all(|(a, b)| a.as_ref() == Ok(b))
        );
        let found = read(&[whole, b"nonsense", last].concat());
        assert!(found.iter().filter(|it| it.is_err()).count() >= 1, "{cut}: {found:?}");
    }
    assert_eq!(read(b"nonsense and more of it")[..], [Err(FrameError::Magic)]);
}

#[test]
fn a_child_cannot_be_given_what_makes_no_sense() {
    for (stdin, stdout, stderr, field) in [
        (Stdio::SameAsStdout, Stdio::Pipe, Stdio::Pipe, "stdin"),
        (Stdio::Pipe, Stdio::Passed, Stdio::Pipe, "stdout"),
        (Stdio::Pipe, Stdio::SameAsStdout, Stdio::Pipe, "stdout"),
        (Stdio::Pipe, Stdio::Pipe, Stdio::Passed, "stderr"),
    ] {
        let order = Order::Spawn(SpawnOrder { stdin, stdout, stderr, ..spawn() });
        assert_eq!(decode_order(&encode_order(&order, 1)), Err(FrameError::Field(field)));
    }
}

#[test]
fn a_count_takes_no_memory_that_the_items_do_not_back() {
    let bare = SpawnOrder { path: vec![], argv: vec![], ..spawn() };
    let frame = encode_order(&Order::Spawn(bare), 1);
    // The count of arguments follows the child and the length of the path.
    let at = HEADER_BYTES + 8 + 4;
    let mut frame = frame;
    frame[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(decode_order(&frame).is_err());
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![Just(Scope::Process), Just(Scope::Group), Just(Scope::Tree)]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..20)
}

fn will() -> impl Strategy<Value = Will> {
    (any::<i32>(), any::<u64>(), scope(), scope(), any::<i64>()).prop_map(
        |(signal, wait_ms, stop_scope, kill_scope, priority)| Will {
            signal,
            wait_ms,
            stop_scope,
            kill_scope,
            priority,
        },
    )
}

fn identity() -> impl Strategy<Value = Identity> {
    (any::<u32>(), any::<u32>(), vec(any::<u32>(), 0..5)).prop_map(|(uid, gid, groups)| Identity {
        uid,
        gid,
        groups,
    })
}

fn spawn_order() -> impl Strategy<Value = SpawnOrder> {
    let words = (any::<u64>(), text(), text(), text(), vec(text(), 0..5), vec(text(), 0..5));
    let place = (
        proptest::option::of(text()),
        proptest::option::of(any::<u32>()),
        proptest::option::of(identity()),
        any::<Option<Limit>>(),
        proptest::option::of(text()),
    );
    let streams = (
        prop_oneof![Just(Stdio::Pipe), Just(Stdio::Null), Just(Stdio::Passed)],
        prop_oneof![Just(Stdio::Pipe), Just(Stdio::Null)],
        prop_oneof![Just(Stdio::Pipe), Just(Stdio::Null), Just(Stdio::SameAsStdout)],
    );
    (words, place, streams, will()).prop_map(|(words, place, streams, will)| {
        let (child, slot, memo, path, argv, env) = words;
        let (directory, umask, identity, nofile, cgroup) = place;
        let (stdin, stdout, stderr) = streams;
        SpawnOrder {
            child,
            slot,
            memo,
            path,
            argv,
            env,
            directory,
            umask,
            identity,
            nofile,
            stdin,
            stdout,
            stderr,
            will,
            cgroup,
        }
    })
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![
        any::<(u16, u16)>().prop_map(|(oldest, newest)| Order::Hello { oldest, newest }),
        spawn_order().prop_map(Order::Spawn),
        (any::<u64>(), any::<i32>(), scope()).prop_map(|(child, signal, scope)| Order::Signal {
            child,
            signal,
            scope
        }),
        any::<u64>().prop_map(|child| Order::Forget { child }),
        Just(Order::List),
        any::<bool>().prop_map(|detach| Order::Ready { detach }),
        Just(Order::Restart),
        any::<u64>().prop_map(|grace_ms| Order::Leave { grace_ms }),
        (any::<u64>(), will()).prop_map(|(child, will)| Order::Amend { child, will }),
        (text(), text()).prop_map(|(key, bytes)| Order::Keep { key, bytes }),
        text().prop_map(|key| Order::Drop { key }),
        any::<u64>().prop_map(|serial| Order::Pong { serial }),
        any::<(u64, bool)>().prop_map(|(child, adopt)| Order::Settle { child, adopt }),
        text().prop_map(|program| Order::Upgrade { program }),
    ]
}

fn usage() -> impl Strategy<Value = Usage> {
    any::<(u64, u64, u64)>().prop_map(|(user_us, system_us, peak_kib)| Usage { user_us, system_us, peak_kib })
}

fn listed_child() -> impl Strategy<Value = Listed> {
    let standing = prop_oneof![
        Just(Standing::Own),
        Just(Standing::Adopted),
        any::<u8>().prop_map(|reason| Standing::Doubt { reason })
    ];
    (any::<(u64, u32, u64, u64)>(), text(), text(), standing, any::<(bool, [bool; 3])>()).prop_map(
        |((child, pid, started_us, start_ticks), slot, memo, standing, (ended, pipes))| Listed {
            child,
            slot,
            memo,
            pid,
            started_us,
            start_ticks,
            standing,
            ended,
            pipes,
        },
    )
}

fn report() -> impl Strategy<Value = Report> {
    let stage = prop_oneof![
        Just(SpawnStage::Order),
        Just(SpawnStage::Slot),
        Just(SpawnStage::Pipes),
        Just(SpawnStage::Fork)
    ];
    prop_oneof![
        any::<(u16, u32, [u8; 16], u32, [bool; 2])>().prop_map(
            |(version, keeper_pid, boot_id, children, files)| Report::Welcome {
                version,
                keeper_pid,
                boot_id,
                children,
                files,
            },
        ),
        any::<(u64, u32)>().prop_map(|(child, pid)| Report::Spawned { child, pid }),
        (any::<u64>(), stage, any::<i32>()).prop_map(|(child, stage, errno)| Report::SpawnFailed {
            child,
            stage,
            errno
        }),
        (any::<(u64, i32, bool, u64)>(), any::<Option<SetupError>>(), usage()).prop_map(
            |((child, status, known, at_us), setup, usage)| Report::Exited {
                child,
                status,
                known,
                at_us,
                setup,
                usage,
            },
        ),
        any::<(u64, i32, i32)>().prop_map(|(child, signal, errno)| Report::SignalFailed {
            child,
            signal,
            errno
        }),
        listed_child().prop_map(Report::Listed),
        any::<u32>().prop_map(|count| Report::ListEnd { count }),
        any::<i32>().prop_map(|signal| Report::Asked { signal }),
        (any::<u64>(), vec(any::<u32>(), 0..5)).prop_map(|(child, pids)| Report::Survivors { child, pids }),
        (text(), text(), any::<bool>()).prop_map(|(key, bytes, file)| Report::Kept { key, bytes, file }),
        any::<u64>().prop_map(|serial| Report::Ping { serial }),
        Just(Report::Upgraded),
        any::<i32>().prop_map(|errno| Report::UpgradeFailed { errno }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(order in order(), report in report(), number in any::<u32>()) {
        let (down, up) = (encode_order(&order, number), encode_report(&report, number));
        prop_assert_eq!((sequence(&down), sequence(&up)), (Some(number), Some(number)));
        prop_assert_eq!(decode_order(&down), Ok(order));
        prop_assert_eq!(decode_report(&up), Ok(report));
    }

    #[test]
    fn what_the_next_version_writes_is_read_as_far_as_it_is_known(order in order(), report in report()) {
        let down = of_the_next_version(&encode_order(&order, 1));
        let up = of_the_next_version(&encode_report(&report, 1));
        prop_assert_eq!(decode_order(&down), Ok(order));
        prop_assert_eq!(decode_report(&up), Ok(report));
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = (decode_order(&bytes), decode_report(&bytes), decode_enclosed(&bytes));
    }

    #[test]
    fn no_damage_makes_a_decoder_panic(
        order in order(), report in report(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        for frame in [encode_order(&order, 1), encode_report(&report, 1)] {
            let damaged = with(&frame, at.index(frame.len()), byte);
            let _ = (decode_order(&damaged), decode_report(&damaged), decode_enclosed(&damaged));
            // Cut anywhere, with a header that says so: the body ends within a field.
            let body = u8::try_from(cut.index(frame.len() - HEADER_BYTES + 1)).unwrap_or(0);
            let mut short = with(&frame[..HEADER_BYTES + usize::from(body)], 8, body);
            short[9..12].fill(0);
            if short.len() < frame.len() {
                let (down, up) = (decode_order(&short), decode_report(&short));
                prop_assert!(down.is_err() && up.is_err(), "{down:?} {up:?}");
            }
        }
    }
}
