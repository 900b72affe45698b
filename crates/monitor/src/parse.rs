//! The files of one process under `/proc`, as bytes to numbers (proc(5)).
//!
//! Every function is total: a file that is cut off, foreign or nonsense is `None`, never a wrong number.

/// What is wanted of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// The process that made it, or that took it over.
    pub parent: u32,
    /// Whether it has ended and waits to be reaped.
    pub is_zombie: bool,
    /// Time on processors, in ticks of the clock: its own, and that of children it has reaped.
    pub cpu_ticks: u64,
    /// How many threads it has.
    pub threads: u32,
    /// When it began, in ticks since the machine did. Together with the pid it names one process for ever.
    pub started_ticks: u64,
    /// Memory in RAM, in pages.
    pub resident_pages: u64,
}

/// Reads `/proc/PID/stat`. The name in it may hold anything, brackets and line ends included, so what counts begins
/// after the last bracket.
pub fn stat(bytes: &[u8]) -> Option<Stat> {
    let end = bytes.iter().rposition(|it| *it == b')')?;
    let mut fields = words(bytes.get(end + 1..)?);
    let state = fields.next()?;
    let parent = number(fields.next()?)?;
    // The numbers of the fields are those of the manual page: utime is 14, the parent was 4.
    let mut fields = fields.skip(9);
    let mut ticks = 0_u64;
    for _ in 14..=17 {
        ticks = ticks.saturating_add(signed(fields.next()?)?);
    }
    let mut fields = fields.skip(2);
    let threads = number(fields.next()?)?;
    let mut fields = fields.skip(1);
    let started_ticks = number(fields.next()?)?;
    let mut fields = fields.skip(1);
    let resident_pages = signed(fields.next()?)?;
    let is_zombie = matches!(state, b"Z" | b"X");
    Some(Stat { parent, is_zombie, cpu_ticks: ticks, threads, started_ticks, resident_pages })
}

/// Bytes read from and written to disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Io {
    /// Read.
    pub read_bytes: u64,
    /// Written.
    pub written_bytes: u64,
}

/// Reads `/proc/PID/io`.
pub fn io(bytes: &[u8]) -> Option<Io> {
    Some(Io { read_bytes: field(bytes, b"read_bytes")?, written_bytes: field(bytes, b"write_bytes")? })
}

/// Reads the proportional size out of `/proc/PID/smaps_rollup`, in bytes.
pub fn proportional(bytes: &[u8]) -> Option<u64> {
    field(bytes, b"Pss")?.checked_mul(1024)
}

/// The first number after `name:` at the beginning of a line.
pub(crate) fn field(bytes: &[u8], name: &[u8]) -> Option<u64> {
    let line = bytes.split(|it| *it == b'\n').find_map(|it| it.strip_prefix(name)?.strip_prefix(b":"))?;
    number(words(line).next()?)
}

/// What stands between blanks.
pub(crate) fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(u8::is_ascii_whitespace).filter(|it| !it.is_empty())
}

/// A number without a sign.
pub(crate) fn number<T: TryFrom<u64>>(word: &[u8]) -> Option<T> {
    if word.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    for byte in word {
        let digit = byte.checked_sub(b'0').filter(|it| *it < 10)?;
        value = value.checked_mul(10)?.checked_add(digit.into())?;
    }
    value.try_into().ok()
}

/// A number the kernel prints with a sign although it has none; a negative one (it happens for a moment) is 0.
fn signed(word: &[u8]) -> Option<u64> {
    match word.strip_prefix(b"-") {
        Some(rest) => number::<u64>(rest).map(|_| 0),
        None => number(word),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAT: &[u8] =
        b"4711 (a) (b) S\n) S 12 4711 4711 0 -1 4194560 100 200 3 4 50 60 7 8 20 0 3 0 123456 \
        9961472 1500 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n";

    #[test]
    fn a_stat_is_read_after_the_last_bracket() {
        let wanted = Stat {
            parent: 12,
            is_zombie: false,
            cpu_ticks: 125,
            threads: 3,
            started_ticks: 123_456,
            resident_pages: 1500,
        };
        assert_eq!(stat(STAT), Some(wanted));
        let zombie = STAT.to_vec();
        let zombie = String::from_utf8(zombie).unwrap().replace(") S 12", ") Z 12").replace("1500", "-1");
        let read = stat(zombie.as_bytes()).unwrap();
        assert!(read.is_zombie);
        assert_eq!(read.resident_pages, 0);
    }

    #[test]
    fn a_file_that_is_cut_off_is_nothing() {
        for bytes in [&b""[..], b"1 (a", b"1 (a)", b"1 (a) S", b"1 (a) S 1 2 3", b"1 (a) S x 1"] {
            assert_eq!(stat(bytes), None, "{bytes:?}");
        }
        let io_file = b"rchar: 1\nwchar: 2\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n";
        assert_eq!(io(io_file), Some(Io { read_bytes: 4096, written_bytes: 8192 }));
        assert_eq!(io(b"read_bytes: 4096\n"), None);
        assert_eq!(proportional(b"5555 ---p [rollup]\nRss:  200 kB\nPss:   100 kB\n"), Some(102_400));
        assert_eq!(proportional(b"Pss_Anon: 5 kB\n"), None);
        assert_eq!(proportional(b"Pss: 18446744073709551615 kB\n"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = (stat(&bytes), io(&bytes), proportional(&bytes));
        }

        #[test]
        fn what_was_written_is_read(name in ".{0,20}", parent: u32, ticks in 0_u64..1 << 40, threads in 0_u32..9999) {
            let text = format!("7 ({name}) R {parent} 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 {threads} 0 5 0 6 0");
            let read = stat(text.as_bytes()).unwrap();
            prop_assert_eq!((read.parent, read.cpu_ticks, read.threads), (parent, ticks, threads));
        }
    }
}
