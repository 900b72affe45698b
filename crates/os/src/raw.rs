//! System calls without the C library, for a child that shares its parent's memory.
//!
//! The library's functions leave their error in a variable of the thread, and such a child has no thread of its own:
//! the variable is that of its parent, which may be about to read it. These leave nothing anywhere.

use std::arch::asm;
use std::ffi::{c_int, c_long};

/// What the kernel calls an error: the highest numbers, negated (`errno(3)`).
const ERRNO_MAX: isize = 4095;

/// A system call of up to four arguments; its result, or the kernel's number of the error.
///
/// # Safety
/// That of the call: what its arguments point to must be alive, of the right type, and free to be written where the
/// kernel writes.
pub(crate) unsafe fn call(number: c_long, arguments: [usize; 4]) -> Result<usize, c_int> {
    let [a, b, c, d] = arguments;
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the kernel changes `rcx` and `r11` and keeps the rest; the memory is the caller's affair.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the kernel changes `x0` alone; the memory is the caller's affair.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") a => result,
            in("x1") b,
            in("x2") c,
            in("x3") d,
            options(nostack),
        );
    }
    if (-ERRNO_MAX..0).contains(&result) {
        return Err(c_int::try_from(-result).unwrap_or(0));
    }
    Ok(result.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_returns_its_result_or_its_error_and_leaves_errno_alone() {
        // SAFETY: takes nothing.
        let pid = unsafe { call(libc::SYS_getpid, [0; 4]) };
        assert_eq!(pid, Ok(usize::try_from(std::process::id()).unwrap()));
        // SAFETY: the C library keeps one for each thread.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: as above.
        unsafe { *errno = 7 };
        // SAFETY: takes a number that no descriptor has.
        assert_eq!(unsafe { call(libc::SYS_close, [9999, 0, 0, 0]) }, Err(libc::EBADF));
        // SAFETY: as above.
        assert_eq!(unsafe { *errno }, 7);
    }
}
