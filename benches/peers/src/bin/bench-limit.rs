//! What the kernel allows: programs that make the system calls of a supervisor and nothing else.
//!
//! `fleet COUNT FILE CHILD` starts so many children by fork and exec, each with a pipe for its output, starts anew the
//! ones that end, and at SIGTERM stops all of them. `copy BYTES TO COMMAND...` runs a command and writes what it says
//! to a file. `serve SOCKET BYTES` answers every HTTP request with the same reply.

#![expect(unsafe_code, reason = "a limit is the bare system call")]

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// How much [`copy`] reads at once: what a pipe holds.
const COPY_BYTES: usize = 64 * 1024;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["fleet", count, file, child] => fleet(count, file, child),
        ["copy", to, program, arguments @ ..] => copy(to, program, arguments),
        ["serve", socket, bytes] => serve(socket, bytes),
        _ => Err(anyhow::anyhow!("which limit?")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bench-limit: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One child's command, ready for `execv`.
struct Argv {
    words: Vec<CString>,
}

impl Argv {
    fn pointers(&self) -> Vec<*const c_char> {
        self.words.iter().map(|it| it.as_ptr()).chain([std::ptr::null()]).collect()
    }
}

fn fleet(count: &str, file: &str, child: &str) -> Result<()> {
    let count: usize = count.parse()?;
    let signals = block_signals()?;
    let mut children = HashMap::new();
    let mut pipes = Vec::new();
    for id in 0..count {
        let words = [child, "note", file, &id.to_string()].map(CString::new);
        let argv = Argv { words: words.into_iter().collect::<Result<_, _>>()? };
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        children.insert(spawn(&argv, &writer)?, id);
        pipes.push((argv, reader, writer));
    }
    loop {
        if next_signal(&signals)? != libc::SIGCHLD {
            stop(children.keys());
            return Ok(());
        }
        while let Some(pid) = reaped() {
            if let Some(id) = children.remove(&pid) {
                let (argv, _, writer) = &pipes[id];
                children.insert(spawn(argv, writer)?, id);
            }
        }
    }
}

/// The signals that matter, to be read instead of taken.
fn block_signals() -> Result<File> {
    // SAFETY: an all-zero set is a valid value of this type.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    for signal in [libc::SIGCHLD, libc::SIGTERM] {
        // SAFETY: the pointer is to a live set.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    // SAFETY: the pointer is to a live set, which the call only reads.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
    // SAFETY: as above.
    let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC) };
    ensure!(fd >= 0, "no signalfd");
    // SAFETY: the call above has made this descriptor, and nobody else has it.
    Ok(File::from(unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(fd) }))
}

fn next_signal(mut signals: &File) -> Result<c_int> {
    let mut info = [0; size_of::<libc::signalfd_siginfo>()];
    signals.read_exact(&mut info)?;
    let [a, b, c, d, ..] = info;
    Ok(c_int::from_ne_bytes([a, b, c, d]))
}

fn reaped() -> Option<c_int> {
    let mut status = 0;
    // SAFETY: the pointer is to a live number.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    (pid > 0).then_some(pid)
}

fn spawn(argv: &Argv, output: &OwnedFd) -> Result<c_int> {
    let (pointers, output) = (argv.pointers(), output.as_raw_fd());
    // SAFETY: this process has one thread, and the child makes system calls only.
    match unsafe { libc::fork() } {
        -1 => bail!("cannot fork: {}", std::io::Error::last_os_error()),
        0 => become_program(&pointers, output),
        pid => Ok(pid),
    }
}

fn become_program(argv: &[*const c_char], output: c_int) -> ! {
    // SAFETY: takes two numbers.
    unsafe { libc::dup2(output, 1) };
    // SAFETY: all-zero is a valid, empty set.
    let none: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live set.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) };
    // SAFETY: the list ends with a null pointer and its texts are alive.
    unsafe { libc::execv(argv[0], argv.as_ptr()) };
    // SAFETY: ends this process at once.
    unsafe { libc::_exit(127) }
}

fn stop<'a>(children: impl ExactSizeIterator<Item = &'a c_int>) {
    let mut left = children.len();
    for pid in children {
        // SAFETY: takes two numbers; the child has not been reaped, so that the pid is still its own.
        unsafe { libc::kill(*pid, libc::SIGTERM) };
    }
    let mut status = 0;
    while left > 0 {
        // SAFETY: the pointer is to a live number.
        if unsafe { libc::waitpid(-1, &raw mut status, 0) } <= 0 {
            break;
        }
        left -= 1;
    }
}

fn copy(to: &str, program: &str, arguments: &[&str]) -> Result<()> {
    let mut child = Command::new(program).args(arguments).stdout(Stdio::piped()).spawn()?;
    let mut from = child.stdout.take().context("no pipe")?;
    let mut to = File::create(to)?;
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            count => to.write_all(&buffer[..count])?,
        }
    }
}

/// One connection after the other: the client of the bench has one.
fn serve(socket: &str, bytes: &str) -> Result<()> {
    let body = vec![b'x'; bytes.parse()?];
    let mut reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    reply.extend_from_slice(&body);
    for stream in UnixListener::bind(socket)?.incoming() {
        answer(&stream?, &reply)?;
    }
    Ok(())
}

fn answer(mut stream: &UnixStream, reply: &[u8]) -> Result<()> {
    let mut room = [0; 4096];
    let mut held = Vec::new();
    loop {
        match stream.read(&mut room)? {
            0 => return Ok(()),
            count => held.extend_from_slice(&room[..count]),
        }
        // A request ends where its XML does.
        if held.ends_with(b"</methodCall>") {
            held.clear();
            stream.write_all(reply)?;
        }
    }
}
