//! The files of the whole machine under `/proc`, as bytes to numbers (proc(5)).

use model::usage::{DiskUsage, NetworkUsage};

use crate::parse::{field, number, words};

/// Time of all processors together since the machine was started, in ticks of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cpu {
    /// When they had something to do.
    pub busy_ticks: u64,
    /// All of it.
    pub all_ticks: u64,
    /// How many processors there are.
    pub processors: u32,
}

/// Reads `/proc/stat`. Time that a guest had is part of the time of its host, and is not counted twice.
pub fn cpu(bytes: &[u8]) -> Option<Cpu> {
    let mut lines = bytes.split(|it| *it == b'\n');
    let first = lines.next()?.strip_prefix(b"cpu ")?;
    let mut fields = words(first).map(number::<u64>);
    let mut next = || fields.next().flatten();
    // user, nice, system; then idle and iowait, which are rest; then irq, softirq, steal.
    let (user, nice, system, idle) = (next()?, next()?, next()?, next()?);
    let (waiting, irq, softirq, steal) = (next(), next(), next(), next());
    let busy = [user, nice, system, irq.unwrap_or(0), softirq.unwrap_or(0), steal.unwrap_or(0)];
    let busy_ticks = busy.iter().fold(0_u64, |sum, it| sum.saturating_add(*it));
    let all_ticks = busy_ticks.saturating_add(idle).saturating_add(waiting.unwrap_or(0));
    let processors = lines.filter(|it| it.strip_prefix(b"cpu").is_some()).count();
    Some(Cpu { busy_ticks, all_ticks, processors: u32::try_from(processors).unwrap_or(u32::MAX) })
}

/// Memory and swap space, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// RAM.
    pub total: u64,
    /// RAM that programs could still have.
    pub available: u64,
    /// Swap space.
    pub swap: u64,
    /// Swap space in use.
    pub swapped: u64,
}

/// Reads `/proc/meminfo`.
pub fn memory(bytes: &[u8]) -> Option<Memory> {
    let kib = |name| field(bytes, name)?.checked_mul(1024);
    let swap = kib(b"SwapTotal").unwrap_or(0);
    let free = kib(b"SwapFree").unwrap_or(0);
    // Kernels before 3.14 do not say what is available.
    let available = kib(b"MemAvailable").or_else(|| kib(b"MemFree"))?;
    Some(Memory { total: kib(b"MemTotal")?, available, swap, swapped: swap.saturating_sub(free) })
}

/// Reads `/proc/loadavg`.
pub fn load(bytes: &[u8]) -> Option<[f64; 3]> {
    let mut fields = words(bytes).map(decimal);
    let mut next = || fields.next().flatten();
    Some([next()?, next()?, next()?])
}

/// Reads the seconds out of `/proc/uptime`.
pub fn uptime(bytes: &[u8]) -> Option<u64> {
    let word = words(bytes).next()?;
    number(word.split(|it| *it == b'.').next()?)
}

fn decimal(word: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// The size of a sector in `/proc/diskstats`, whatever that of the disk is.
const SECTOR_BYTES: u64 = 512;

/// Reads `/proc/diskstats`: whatever `is_disk` takes for a disk, as opposed to a part of one.
pub fn disks(bytes: &[u8], is_disk: impl Fn(&str) -> bool) -> Vec<DiskUsage> {
    let lines = bytes.split(|it| *it == b'\n');
    let disk = |line| {
        let mut fields = words(line).skip(2);
        let name = std::str::from_utf8(fields.next()?).ok().filter(|it| is_disk(it))?;
        let mut numbers = fields.map(number::<u64>);
        let mut nth = |skip| numbers.nth(skip).flatten();
        // reads, merged, sectors, ms; writes, merged, sectors, ms; in flight, ms busy.
        let (read, written, busy_ms) = (nth(2)?, nth(3)?, nth(2)?);
        Some(DiskUsage {
            name: name.to_owned(),
            read_bytes: read.saturating_mul(SECTOR_BYTES),
            written_bytes: written.saturating_mul(SECTOR_BYTES),
            busy_ms,
        })
    };
    lines.filter_map(disk).collect()
}

/// How many network interfaces are told of at most: a host of containers has one for each.
const NETWORKS_MAX: usize = 32;

/// Reads `/proc/net/dev`, without the loopback.
pub fn networks(bytes: &[u8]) -> Vec<NetworkUsage> {
    let lines = bytes.split(|it| *it == b'\n');
    let network = |line: &[u8]| {
        let colon = line.iter().position(|it| *it == b':')?;
        let name = std::str::from_utf8(line.get(..colon)?).ok()?.trim();
        let mut numbers = words(line.get(colon + 1..)?).map(number::<u64>);
        let mut nth = |skip| numbers.nth(skip).flatten();
        let (received_bytes, sent_bytes) = (nth(0)?, nth(7)?);
        (name != "lo").then(|| NetworkUsage { name: name.to_owned(), received_bytes, sent_bytes })
    };
    lines.filter_map(network).take(NETWORKS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_files_of_a_machine_are_read() {
        let stat = b"cpu  100 20 30 1000 50 6 7 8 9 10\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\nbtime 1\n";
        assert_eq!(cpu(stat), Some(Cpu { busy_ticks: 171, all_ticks: 1221, processors: 2 }));
        let meminfo =
            b"MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n";
        let wanted = Memory { total: 1_024_000, available: 614_400, swap: 51_200, swapped: 30_720 };
        assert_eq!(memory(meminfo), Some(wanted));
        assert_eq!(load(b"0.10 1.25 9.00 1/200 4711\n"), Some([0.1, 1.25, 9.0]));
        assert_eq!(uptime(b"4711.25 9000.00\n"), Some(4711));
        let diskstats = b"   8       0 sda 10 1 200 5 20 2 400 6 0 77 9 0 0 0 0\n   8       1 sda1 1 1 1 1 1 1 1 1 1 1 1\n";
        let wanted =
            DiskUsage { name: "sda".to_owned(), read_bytes: 102_400, written_bytes: 204_800, busy_ms: 77 };
        assert_eq!(disks(diskstats, |it| it == "sda"), [wanted]);
        let dev = b"Inter-|   Receive  |  Transmit\n face |bytes packets|bytes packets\n    lo: 1 2 3 4 5 6 7 8 9 0 0\n  \
            eth0: 100 2 0 0 0 0 0 0 200 3 0 0 0 0 0 0\n";
        let wanted = NetworkUsage { name: "eth0".to_owned(), received_bytes: 100, sent_bytes: 200 };
        assert_eq!(networks(dev), [wanted]);
    }

    #[test]
    fn what_is_not_told_is_nothing() {
        assert_eq!(cpu(b"cpu 1 2 3\n"), None);
        assert_eq!(cpu(b""), None);
        assert_eq!(memory(b"MemFree: 1 kB\n"), None);
        assert_eq!(load(b"0.1 nan 3"), None);
        assert_eq!(uptime(b"-1.0 2"), None);
        assert!(disks(b"8 0 sda 1 2\n\n", |_| true).is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = (cpu(&bytes), memory(&bytes), load(&bytes), uptime(&bytes));
            let _ = (disks(&bytes, |_| true), networks(&bytes));
        }
    }
}
