//! What a process has in memory and does not need: what its start has used, and the rest of its life will not.

use std::ffi::c_void;
use std::fs;
use std::time::Duration;

/// How long nothing happens when a start is over.
const QUIET: Duration = Duration::from_millis(250);

/// When it is over in any case: something may happen all the time.
const OVER: Duration = Duration::from_secs(10);

/// A start that is not over. Times are those of the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// When to look whether it is.
    due: Duration,
    /// When something happened for the last time.
    busy: Duration,
    limit: Duration,
}

impl Start {
    /// It begins now.
    pub const fn new(now: Duration) -> Self {
        Self { due: now.saturating_add(QUIET), busy: now, limit: now.saturating_add(OVER) }
    }

    /// When to come round although nothing happens.
    pub const fn deadline(&self) -> Duration {
        self.due
    }

    /// The loop has come round. When that was for nothing else, the start is over: what only it needed is
    /// [given back](give_back), and there is no more to come round for.
    pub fn turn(self, now: Duration) -> Option<Self> {
        let next = self.next(now);
        if next.is_none() {
            give_back();
        }
        next
    }

    fn next(self, now: Duration) -> Option<Self> {
        if now < self.due {
            return Some(Self { busy: now, ..self });
        }
        let over = now >= self.limit || now.saturating_sub(self.busy) >= QUIET;
        (!over).then(|| Self { due: self.busy.saturating_add(QUIET).min(self.limit), ..self })
    }
}

/// Gives back to the kernel what only the start of this process has needed: memory that was allocated and is free
/// again, and the places of code that ran once. Of the code nothing is lost: it is in the file the program came from,
/// nobody has written to it, and what runs again is found again, most often without a disk.
///
/// Meant for a process that stays, once, when it has begun to rest. Does nothing where `/proc` is missing.
pub fn give_back() {
    trim();
    for (start, length) in code(&fs::read_to_string("/proc/self/maps").unwrap_or_default()) {
        // SAFETY: the range is one mapping of a file, private, executable and not writable, so that its pages hold
        // what the file holds, and are read from it again when they are asked for (`madvise(2)`, MADV_DONTNEED).
        // Nothing writes to it or unmaps it meanwhile: no library is ever unloaded here.
        unsafe {
            libc::madvise(
                std::ptr::with_exposed_provenance_mut::<c_void>(start),
                length,
                libc::MADV_DONTNEED,
            );
        }
    }
}

/// Returns free memory between blocks in use, as far as it is whole pages.
fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number, and works on what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The mappings of `/proc/PID/maps` that are code from files: where each begins, and its length in bytes.
fn code(maps: &str) -> impl Iterator<Item = (usize, usize)> {
    maps.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (range, rights, path) = (fields.next()?, fields.next()?, fields.nth(3)?);
        let (start, end) = range.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let (start, end) = (number(start)?, number(end)?);
        // Private, never writable, and of a file: what the kernel maps there itself has a name in brackets.
        (rights == "r-xp" && path.starts_with('/')).then_some((start, end.checked_sub(start)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_over_when_nothing_has_happened_for_a_while() {
        let at = Duration::from_millis;
        let busy = Start::new(at(0)).next(at(100)).and_then(|it| it.next(at(250))).unwrap();
        assert_eq!(busy.deadline(), at(350));
        assert_eq!(busy.next(at(350)), None);
    }

    #[test]
    fn a_start_during_which_something_happens_all_the_time_is_over_too() {
        let mut start = Some(Start::new(Duration::ZERO));
        let turns = (1..).map(|it| Duration::from_millis(100 * it));
        let over = turns.take_while(|now| {
            start = start.and_then(|it| it.next(*now));
            start.is_some()
        });
        assert_eq!(over.count(), 99);
    }

    #[test]
    fn only_code_from_files_is_given_back() {
        let maps = "\
55d0-55e0 r--p 00000000 fe:00 1 /usr/bin/menshen
55e000-560000 r-xp 00010000 fe:00 1 /usr/bin/menshen
560000-570000 rw-p 00020000 fe:00 1 /usr/bin/menshen
570000-580000 r-xp 00000000 00:00 0
7ffc1000-7ffc3000 r-xp 00000000 00:00 0 [vdso]
nonsense
";
        assert_eq!(code(maps).collect::<Vec<_>>(), [(0x55_e000, 0x2000)]);
    }

    #[test]
    fn a_process_goes_on_after_it_and_its_resident_code_is_less() {
        let resident = || {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|it| it.strip_prefix("RssFile:")).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        // Run something first, so that there is code to be given back.
        assert!(format!("{:?}", std::env::vars()).len() > 1);
        let before = resident();
        give_back();
        let after = resident();
        assert!(after < before, "{after} kB of {before} kB");
        assert!(format!("{:?}", std::env::vars()).len() > 1);
    }
}
