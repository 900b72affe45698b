//! What a process has in memory and does not need: what its start has used, and the rest of its life will not.

use std::ffi::c_void;
use std::fs;

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
