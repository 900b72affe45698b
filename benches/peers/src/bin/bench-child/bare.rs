//! The first instructions of the process, where there is neither a stack frame nor a C library yet.
//!
//! Linked with `--entry=bench_start`. A child that only waits never gets to the C library at all; every other goes on to
//! the library's own entry as if nothing had been.

use std::arch::{asm, global_asm};

// x86-64 System V ABI, 3.4: at the entry `rsp` points to the argument count, and `rdx` holds what to call at the exit.
global_asm!(
    ".globl bench_start",
    "bench_start:",
    "mov rbx, rsp",
    "mov r12, rdx",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {first}",
    "mov rsp, rbx",
    "mov rdx, r12",
    "jmp _start",
    first = sym first,
);

const WRITE: usize = 1;
const OPEN: usize = 2;
const CLOSE: usize = 3;
const PAUSE: usize = 34;
const GETPID: usize = 39;
const CLOCK_GETTIME: usize = 228;

/// `O_WRONLY | O_CREAT | O_APPEND`.
const APPEND: usize = 0o2101;

/// Makes the note of a child that only waits, and waits; returns for every other.
///
/// It may call nothing that the C library has several of (`memcmp` and its like): which one to take, that would find
/// out only later. So it looks at one byte at a time, in a way that no compiler takes for one of them.
extern "C" fn first(stack: *const usize) {
    let mut time = [0_u64; 2];
    call(CLOCK_GETTIME, 1, time.as_mut_ptr().addr(), 0);
    let waits =
        (0..).zip(*b"note\0").all(|(at, wanted)| argument(stack, 1).is_some_and(|it| byte(it, at) == wanted));
    let (Some(file), Some(id), true) = (argument(stack, 2), argument(stack, 3), waits) else { return };
    let pid = u64::try_from(call(GETPID, 0, 0, 0)).unwrap_or(0);
    let note = [number(id), pid, time[0] * 1_000_000_000 + time[1]];
    let file = call(OPEN, file.addr(), APPEND, 0o644).cast_unsigned();
    call(WRITE, file, note.as_ptr().addr(), size_of_val(&note));
    call(CLOSE, file, 0, 0);
    loop {
        call(PAUSE, 0, 0, 0);
    }
}

/// An argument of the process; `None` beyond the last.
fn argument(stack: *const usize, at: usize) -> Option<*const u8> {
    let place = stack.wrapping_add(1 + at);
    // SAFETY: the kernel has put the count there and then the arguments, with a null pointer at their end; nobody
    // asks for the one after an argument that is not there.
    let address = unsafe { place.read() };
    (address != 0).then(|| std::ptr::with_exposed_provenance(address))
}

fn byte(text: *const u8, at: usize) -> u8 {
    let place = text.wrapping_add(at);
    // SAFETY: within an argument or the NUL at its end, since nobody asks beyond that.
    unsafe { place.read_volatile() }
}

fn number(text: *const u8) -> u64 {
    let digits = (0..).map(|at| byte(text, at)).take_while(u8::is_ascii_digit);
    digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
}

/// A system call.
fn call(number: usize, a: usize, b: usize, c: usize) -> isize {
    let result;
    // SAFETY: the calls made here read and write only what their arguments point to, which is alive.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    result
}
