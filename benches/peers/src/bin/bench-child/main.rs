//! The program that every contender is given to look after: it notes its first instruction, does what its first
//! argument says, and costs as little as a process can.
//!
//! A note is 24 bytes at the end of a file: a number, the pid, and the monotonic clock in nanoseconds. Linked as
//! `cargo xtask bench` does, it is made by the very first instructions of the process, before the C library begins: that
//! looks at the processor first, which in a virtual machine can take longer than all that a supervisor does. What is
//! measured is who started it.

#![no_main]
#![expect(unsafe_code, reason = "the first instruction of a program is before everything safe")]

use std::ffi::{CStr, c_char, c_int};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::time::Duration;

/// How long one write of [`lines`] is: small, as most log lines are.
const LINE_BYTES: usize = 64;

#[cfg(target_arch = "x86_64")]
mod bare;

/// The entry that the C library calls.
#[unsafe(no_mangle)]
pub extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    let began = now();
    let words: Vec<&str> = (0..usize::try_from(count).unwrap_or(0)).map(|at| word(arguments, at)).collect();
    let number = |at: usize| words.get(at).and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
    let Some(file) = words.get(2).and_then(|it| File::options().append(true).create(true).open(it).ok())
    else {
        return 2;
    };
    let note = |id: u64, at: u64| write_note(&file, id, at);
    note(number(3), began);
    match words.get(1).copied() {
        Some("note") => drop(file),
        Some("flood") => {
            flood(number(4), usize::try_from(number(5)).unwrap_or(1).max(1));
            note(number(3), now());
        }
        Some("lines") => lines(number(3), number(4), number(5)),
        Some("listen") => return listen(&file),
        Some("exit") => return c_int::try_from(number(4)).unwrap_or(0),
        Some(_) | None => return 2,
    }
    loop {
        // SAFETY: waits for a signal and touches no memory.
        unsafe { libc::pause() };
    }
}

fn word<'a>(arguments: *const *const c_char, at: usize) -> &'a str {
    // SAFETY: the C library hands over as many pointers as it says; this is one of them.
    let entry = unsafe { arguments.add(at) };
    // SAFETY: as above.
    let text = unsafe { *entry };
    // SAFETY: each points to a text that ends with a NUL and lives as long as the process.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("")
}

fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

fn write_note(mut file: &File, id: u64, at: u64) {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&id.to_le_bytes());
    bytes[8..16].copy_from_slice(&u64::from(std::process::id()).to_le_bytes());
    bytes[16..].copy_from_slice(&at.to_le_bytes());
    // A note that is not there fails the row that waits for it.
    let _ = file.write_all(&bytes);
}

/// Writes `total` bytes in pieces of `chunk`, as fast as somebody takes them. Each piece is a line, and every byte
/// but the last of a line says where in the flood it is, so that a hole shows.
fn flood(total: u64, chunk: usize) {
    let mut piece: Vec<u8> = (b'a'..=b'z').cycle().take(chunk).collect();
    if let Some(last) = piece.last_mut() {
        *last = b'\n';
    }
    let mut left = total;
    let mut out = std::io::stdout().lock();
    while left > 0 {
        let size = usize::try_from(left).unwrap_or(chunk).min(chunk);
        // Unbuffered, by writing straight to the descriptor: one system call for each piece.
        if rustix::io::write(&out, &piece[..size]).is_err() {
            return;
        }
        left -= u64::try_from(size).unwrap_or(0);
    }
    let _ = out.flush();
}

/// Writes `count` lines, `rate` a second, each with its author, its number and its time.
fn lines(id: u64, count: u64, rate: u64) {
    let began = now();
    let out = std::io::stdout();
    for number in 0..count {
        let due = began + number * 1_000_000_000 / rate.max(1);
        let wait = due.saturating_sub(now());
        if wait > 0 {
            std::thread::sleep(Duration::from_nanos(wait));
        }
        let text = format!("{id:04} {number:08} {:020} ", now());
        let line = format!("{text:.<width$}\n", width = LINE_BYTES - 1);
        if rustix::io::write(&out, line.as_bytes()).is_err() {
            return;
        }
    }
}

/// An event listener: notes each event and is ready for the next.
fn listen(file: &File) -> c_int {
    let mut input = BufReader::new(std::io::stdin().lock());
    let out = std::io::stdout();
    let (mut header, mut payload, mut count) = (String::new(), Vec::new(), 0);
    let mut answer: &[u8] = b"READY\n";
    loop {
        if rustix::io::write(&out, answer).is_err() {
            return 1;
        }
        answer = b"RESULT 2\nOKREADY\n";
        header.clear();
        if input.read_line(&mut header).unwrap_or(0) == 0 {
            return 0;
        }
        let length = header.trim_end().rsplit("len:").next().and_then(|it| it.parse().ok()).unwrap_or(0);
        payload.resize(length, 0);
        if input.read_exact(&mut payload).is_err() {
            return 0;
        }
        count += 1;
        write_note(file, count, now());
    }
}
