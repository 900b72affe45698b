//! From the keeper's arguments to the keeper.

use std::ffi::{CString, OsString};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use os::limits::Pair;

use crate::before::Before;

/// The exit status for arguments that make no sense, and for a handover that cannot be read.
const USAGE: u8 = 2;

/// The exit status of a program that was tried and can read the handover. It must not be one that any other program may leave
/// with: `true` would be taken for a keeper, and would be gone the moment it took the keeper's place.
pub(crate) const PROBED: u8 = 85;

/// What the keeper is started with.
#[expect(clippy::struct_excessive_bools, reason = "each is a word that is there or not")]
#[derive(Debug)]
pub(crate) struct Launch {
    /// The file to execute for the daemon: this very program. By its name, so that a daemon started
    /// anew after an upgrade is the new one.
    pub(crate) program: CString,
    /// The daemon's arguments, the first being its name.
    pub(crate) daemon_argv: Vec<CString>,
    /// The daemon's environment, each entry `KEY=value`.
    pub(crate) env: Vec<CString>,
    /// The limits on descriptors the daemon is to find; `None`: those that are found here.
    pub(crate) nofile: Option<Pair>,
    /// Where one byte goes when it is known how the launch went: the exit status for whoever waits
    /// for it, 0 when the daemon is up.
    pub(crate) launcher: Option<OwnedFd>,
    /// What keeps other instances out, for as long as it is open here or in the daemon.
    pub(crate) lock: Option<OwnedFd>,
    /// Where children are written down.
    pub(crate) journal: Option<OwnedFd>,
    /// Whether the daemon is started again when it dies; otherwise its death is the end of all.
    pub(crate) outlive: bool,
    /// Whether children die with the keeper, instead of being taken over.
    pub(crate) kill_orphans: bool,
    /// Whether this program was replaced by a newer one, which has failed.
    pub(crate) back: bool,
    /// Whether this program has taken the place of an older one.
    pub(crate) new: bool,
    /// What another keeper has left.
    pub(crate) before: Option<Before>,
}

/// The words before `--`.
#[expect(clippy::struct_excessive_bools, reason = "each is a word that is there or not")]
#[derive(Debug, Default)]
struct Words {
    launch_pipe: Option<OwnedFd>,
    lock: Option<OwnedFd>,
    journal: Option<OwnedFd>,
    /// The handover, which stays open across another exec.
    handover: Option<i32>,
    /// The program to return to.
    old: Option<i32>,
    outlive: bool,
    kill_orphans: bool,
    back: bool,
    probe: bool,
    daemon_argv: Vec<CString>,
}

/// Runs the keeper with the arguments of this process:
///
/// ```text
/// menshen-keeper [OPTION...] [-- DAEMON...]
///   --launch-fd N    one byte is written here when it is known how the launch went
///   --lock-fd N      what keeps other instances out; held, and passed on to every daemon
///   --journal-fd N   where children are written down; the same
///   --handover-fd N  what another keeper has left (`wire::keeper::handover`)
///   --outlive        start the daemon again when it dies
///   --kill-orphans   children are killed when the keeper dies, however it dies
///   --old-fd N       the program to return to when the handover cannot be read
///   --back           a newer program was tried and has failed
///   --probe          only see whether the handover can be read; the exit status 85 says that it can
/// ```
///
/// The words after `--` are those of the daemon, its name first; without any, those of the handover.
pub fn main() -> ExitCode {
    let refuse = |reason: &str| {
        // When even standard error is gone, the exit status still tells.
        let _ = writeln!(io::stderr(), "keeper: {reason}");
        ExitCode::from(USAGE)
    };
    let words = match Words::of(std::env::args_os().skip(1)) {
        Ok(words) => words,
        Err(reason) => return refuse(&reason),
    };
    // Who has come back once has nowhere else to go.
    let old = words.old.filter(|_| !words.probe && !words.back);
    let probe = words.probe;
    match from_words(words) {
        Ok(_) if probe => ExitCode::from(PROBED),
        Ok(launch) => crate::run::run(launch),
        Err(reason) => {
            let status = refuse(&reason);
            // Everything is as the old program has left it, so that it can go on.
            old.map_or(status, |old| return_to(old, &reason))
        }
    }
}

/// Becomes the old program again.
fn return_to(old: i32, reason: &str) -> ExitCode {
    let words = std::env::args_os().map(|it| CString::new(it.into_vec()).unwrap_or_default());
    let mut argv: Vec<_> = words.collect();
    argv.insert(argv.len().min(1), c"--back".into());
    let error = match os::process::exec_file(old, &argv) {
        Ok(never) => match never {},
        Err(error) => error,
    };
    let _ = writeln!(io::stderr(), "keeper: {reason}, nor can the old program be executed: {error}");
    ExitCode::from(USAGE)
}

impl Words {
    fn of(words: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut words = words;
        let mut all = Self::default();
        while let Some(word) = words.next() {
            let name = word.to_str().unwrap_or_default();
            match name {
                "--" => {
                    all.daemon_argv = words.filter_map(|it| CString::new(it.into_vec()).ok()).collect();
                    break;
                }
                "--outlive" => all.outlive = true,
                "--kill-orphans" => all.kill_orphans = true,
                "--back" => all.back = true,
                "--probe" => all.probe = true,
                "--launch-fd" => all.launch_pipe = Some(inherited(name, words.next())?),
                "--lock-fd" => all.lock = Some(inherited(name, words.next())?),
                "--journal-fd" => all.journal = Some(inherited(name, words.next())?),
                "--handover-fd" => all.handover = Some(number(name, words.next())?),
                "--old-fd" => all.old = Some(number(name, words.next())?),
                _ => return Err("this name is for Menshen's own use; run `menshen` instead".to_owned()),
            }
        }
        Ok(all)
    }
}

fn number(name: &str, word: Option<OsString>) -> Result<i32, String> {
    let number = word.and_then(|it| it.to_str()?.parse().ok()).filter(|it| *it >= 0);
    number.ok_or_else(|| format!("{name} takes the number of a descriptor"))
}

fn inherited(name: &str, word: Option<OsString>) -> Result<OwnedFd, String> {
    let number = number(name, word)?;
    os::fd::inherited(number).map_err(|error| format!("cannot use descriptor {number}: {error}"))
}

fn from_words(words: Words) -> Result<Launch, String> {
    let own = [&words.launch_pipe, &words.lock, &words.journal].into_iter().flatten();
    let taken = own.map(AsRawFd::as_raw_fd).collect();
    let handover = words.handover.map(|it| crate::before::read(it, words.probe, taken)).transpose()?;
    let own_program = || {
        os::process::own_program()
            .map_err(|error| format!("cannot find this program's own file: {error}"))
            .and_then(|it| c_string(it.into_os_string().into_vec()))
    };
    let mut launch = Launch {
        program: CString::default(),
        daemon_argv: words.daemon_argv,
        env: environment(),
        nofile: None,
        launcher: words.launch_pipe,
        lock: words.lock,
        journal: words.journal,
        outlive: words.outlive,
        kill_orphans: words.kill_orphans,
        back: words.back,
        new: words.old.is_some() && !words.back,
        before: None,
    };
    if let Some(before) = handover {
        launch.take_over(before)?;
    }
    if words.back {
        // What has its name now may be the program that failed.
        launch.program = c"/proc/self/exe".into();
    } else if launch.program.is_empty() {
        launch.program = own_program()?;
    }
    if launch.daemon_argv.is_empty() && !words.probe {
        return Err("there is no daemon to start".to_owned());
    }
    Ok(launch)
}

impl Launch {
    fn take_over(&mut self, mut before: Before) -> Result<(), String> {
        let words = &mut before.words;
        self.program = c_string(std::mem::take(&mut words.program))?;
        if self.daemon_argv.is_empty() {
            let argv = std::mem::take(&mut words.daemon_argv);
            self.daemon_argv = argv.into_iter().map(c_string).collect::<Result<_, _>>()?;
        }
        if !words.env.is_empty() {
            self.env = std::mem::take(&mut words.env).into_iter().map(c_string).collect::<Result<_, _>>()?;
        }
        self.nofile = words.nofile;
        self.lock = self.lock.take().or_else(|| before.lock.take());
        self.journal = self.journal.take().or_else(|| before.journal.take());
        self.before = Some(before);
        Ok(())
    }
}

fn c_string(bytes: Vec<u8>) -> Result<CString, String> {
    CString::new(bytes).map_err(|_| "a word of the daemon has a NUL in it".to_owned())
}

fn environment() -> Vec<CString> {
    let entry = |(key, value): (OsString, OsString)| {
        let bytes = [key.into_vec(), vec![b'='], value.into_vec()].concat();
        CString::new(bytes).ok()
    };
    std::env::vars_os().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(words: &[&str]) -> Result<Launch, String> {
        from_words(Words::of(words.iter().map(OsString::from))?)
    }

    #[test]
    fn the_words_after_the_dashes_are_the_daemons() {
        let launch = launch(&["--outlive", "--", "menshen-daemon", "--", "-n"]).unwrap();
        assert_eq!(launch.daemon_argv, [c"menshen-daemon", c"--", c"-n"].map(CString::from));
        assert!(launch.launcher.is_none() && launch.outlive);
    }

    #[test]
    fn nonsense_is_refused() {
        for words in [
            &[][..],
            &["--"],
            &["--help"],
            &["--launch-fd"],
            &["--launch-fd", "x", "--", "d"],
            &["--launch-fd", "-1", "--", "d"],
            &["--launch-fd", "999999", "--", "d"],
            &["--handover-fd", "999999", "--", "d"],
        ] {
            assert!(launch(words).is_err(), "{words:?}");
        }
    }
}
