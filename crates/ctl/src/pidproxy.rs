//! `pidproxy`: runs a command and passes signals on to the process its pidfile names.
//!
//! The original looks every five seconds whether the command has ended; this one is told.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use os::signals::{self, Signals};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::python;
use crate::transport::wait_readable;

/// The signals that are passed on, and after which of them the proxy leaves.
const PASSED: [(i32, bool); 6] = [
    (signals::TERM, true),
    (signals::HUP, false),
    (signals::INT, true),
    (rustix::process::Signal::USR1.as_raw(), false),
    (signals::USR2, false),
    (signals::QUIT, true),
];

/// What shells report for a command that cannot be run. The original says nothing and succeeds.
const CANNOT_RUN: u8 = 127;

/// Runs `pidproxy`; the first word is its own name. Returns the exit code: whatever becomes of
/// the command, 0, as ever.
pub fn pidproxy(words: &[String]) -> u8 {
    let [argv0, pidfile, command @ ..] = words else {
        return usage(words.first());
    };
    let Some((program, arguments)) = command.split_first() else {
        return usage(Some(argv0));
    };
    match proxy(Path::new(pidfile), program, arguments) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "pidproxy: cannot run {program}: {}", python::words(&error));
            CANNOT_RUN
        }
    }
}

fn usage(argv0: Option<&String>) -> u8 {
    let name = argv0.map_or("pidproxy", String::as_str);
    let _ = writeln!(
        io::stdout(),
        "pidproxy -- run a command and pass signals on to the process its pidfile names.\n\n\
         Usage: {name} <pidfile name> <command> [<cmdarg1> ...]\n\n\
         The command is a path: it is not searched for. TERM, HUP, INT, USR1, USR2 and QUIT go to\n\
         the process whose number the pidfile holds; after TERM, INT and QUIT pidproxy leaves."
    );
    1
}

fn proxy(pidfile: &Path, program: &str, arguments: &[String]) -> io::Result<u8> {
    let mut wanted: Vec<_> = PASSED.iter().map(|(signal, _)| *signal).collect();
    wanted.push(signals::CHLD);
    // Collected before there is a child, so that its end cannot be missed.
    let signals = Signals::collect(&wanted)?;
    let path = std::path::absolute(program)?;
    let mut child = Command::new(path).arg0(program).args(arguments).spawn()?;
    // A kernel without pidfds has told of the end by SIGCHLD; others tell by both.
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let end = id.and_then(|it| pidfd_open(it, PidfdFlags::empty()).ok());
    loop {
        let end = end.as_ref().map_or(signals.as_fd(), AsFd::as_fd);
        wait_readable([signals.as_fd(), end], None)?;
        if child.try_wait()?.is_some() {
            return Ok(0);
        }
        while let Some(signal) = signals.next() {
            if let Some(code) = react(signal, pidfile) {
                return Ok(code);
            }
        }
    }
}

/// What a signal means; an exit code when it is time to leave.
fn react(signal: i32, pidfile: &Path) -> Option<u8> {
    let (_, leaves) = PASSED.iter().find(|(it, _)| *it == signal)?;
    // What cannot be printed is no reason to stop.
    let Some(pid) = read_pid(pidfile) else {
        let _ = writeln!(io::stdout(), "Can't read child pidfile {}!", pidfile.display());
        return None;
    };
    match signals::send(pid, signal) {
        Ok(()) => leaves.then_some(0),
        Err(number) => {
            let error = io::Error::from_raw_os_error(number);
            let _ = writeln!(io::stdout(), "Can't signal process {pid}: {}", python::words(&error));
            leaves.then_some(1)
        }
    }
}

/// The number a pidfile holds. One that is not positive would mean a whole group of processes.
fn read_pid(pidfile: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(pidfile).ok()?;
    text.trim().parse().ok().filter(|it| *it > 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn run(words: &[&str]) -> u8 {
        pidproxy(&words.iter().map(|&it| it.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_proxy_ends_with_its_command_and_says_what_cannot_be_run() {
        assert_eq!(run(&["pidproxy", "/nonexistent", "/bin/sh", "-c", "exit 3"]), 0);
        assert_eq!(run(&["pidproxy", "/nonexistent", "/nonexistent/command"]), CANNOT_RUN);
        assert_eq!(run(&["pidproxy", "/nonexistent"]), 1);
        assert_eq!(run(&["pidproxy"]), 1);
    }

    #[test]
    fn a_signal_goes_to_the_process_the_pidfile_names() {
        let room = tempfile::tempdir().unwrap();
        let pidfile = room.path().join("pid");
        let mut child = Command::new("/bin/sleep").arg("1000").spawn().unwrap();
        // Nothing to read, no number, and a number that would mean a group: none is passed on.
        for text in [None, Some("x"), Some("0"), Some("-1")] {
            if let Some(text) = text {
                std::fs::write(&pidfile, text).unwrap();
            }
            assert_eq!(react(signals::TERM, &pidfile), None);
        }
        std::fs::write(&pidfile, format!("{}\n", child.id())).unwrap();
        assert_eq!(react(signals::HUP, &pidfile), None);
        assert_eq!(child.wait().unwrap().signal(), Some(signals::HUP));
        assert_eq!(react(signals::QUIT, &pidfile), Some(1));
    }

    #[test]
    fn the_proxy_leaves_after_a_signal_that_ends() {
        let room = tempfile::tempdir().unwrap();
        let pidfile = room.path().join("pid");
        let mut child = Command::new("/bin/sleep").arg("1000").spawn().unwrap();
        std::fs::write(&pidfile, child.id().to_string()).unwrap();
        assert_eq!(react(signals::TERM, &pidfile), Some(0));
        child.wait().unwrap();
    }
}
