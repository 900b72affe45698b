//! Whatever `/proc` says, it is a number of the right size or nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monitor::{machine, parse};

fuzz_target!(|bytes: &[u8]| {
    if let Some(stat) = parse::stat(bytes) {
        assert!(bytes.contains(&b')'));
        // What stands before the last bracket does not count.
        let end = bytes.iter().rposition(|it| *it == b')').unwrap_or(0);
        let mut other = b"1 (x".to_vec();
        other.extend_from_slice(&bytes[end..]);
        assert_eq!(parse::stat(&other), Some(stat));
    }
    let _ = (parse::io(bytes), parse::proportional(bytes), machine::uptime(bytes));
    if let Some(cpu) = machine::cpu(bytes) {
        assert!(cpu.busy_ticks <= cpu.all_ticks);
    }
    if let Some(memory) = machine::memory(bytes) {
        assert!(memory.swapped <= memory.swap);
    }
    assert!(machine::load(bytes).is_none_or(|it| it.iter().all(|it| it.is_finite())));
    assert!(machine::disks(bytes, |it| it.starts_with("sd")).iter().all(|it| it.name.starts_with("sd")));
    assert!(machine::networks(bytes).iter().all(|it| it.name != "lo"));
});
