//! Words to valgrind, as its manual has them (`valgrind.h`, "client requests"): an order of instructions that does
//! nothing on a processor and that valgrind looks for.

#![expect(unsafe_code, reason = "the words are instructions")]

use std::ffi::CString;

const RUNNING_ON_VALGRIND: usize = 0x1001;
/// `'C' 'T'` in the upper bytes, then the number of the request.
const CALLGRIND_ZERO_STATS: usize = 0x4354_0001;
const CALLGRIND_DUMP_STATS_AT: usize = 0x4354_0003;

/// Whether valgrind runs this process.
pub(crate) fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, 0) != 0
}

/// Has what `work` does counted, and the counts written down under `name`.
pub(crate) fn count(name: &str, work: impl FnOnce()) {
    let Ok(name) = CString::new(name) else { return };
    request(CALLGRIND_ZERO_STATS, 0);
    work();
    request(CALLGRIND_DUMP_STATS_AT, name.as_ptr().addr());
}

#[cfg(target_arch = "x86_64")]
fn request(number: usize, argument: usize) -> usize {
    let words = [number, argument, 0, 0, 0, 0];
    let answer;
    // SAFETY: four rotations that together turn `rdi` once around, and an exchange of `rbx` with itself: no effect on
    // a processor. Under valgrind the words are read and `rdx` is set, and that is all.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            inout("rdx") 0_usize => answer,
            in("rax") words.as_ptr(),
            out("rdi") _,
        );
    }
    answer
}

#[cfg(not(target_arch = "x86_64"))]
fn request(_: usize, _: usize) -> usize {
    0
}
