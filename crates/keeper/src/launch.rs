//! From the keeper's arguments to the keeper.

use std::ffi::{CString, OsString};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

/// The exit status for arguments that make no sense.
const USAGE: u8 = 2;

/// What the keeper is started with.
#[derive(Debug)]
pub struct Launch {
    /// The file to execute for the daemon: this very program. By its name, so that a daemon started
    /// anew after an upgrade is the new one.
    pub program: CString,
    /// The daemon's arguments, the first being its name.
    pub daemon_argv: Vec<CString>,
    /// The daemon's environment, each entry `KEY=value`.
    pub env: Vec<CString>,
    /// Where one byte goes when it is known how the launch went: the exit status for whoever waits
    /// for it, 0 when the daemon is up.
    pub launch_pipe: Option<OwnedFd>,
}

/// Runs the keeper with the arguments of this process: `menshen-keeper [--launch-fd N] -- DAEMON...`,
/// the words after `--` being those of the daemon, its name first.
pub fn main() -> ExitCode {
    match from_arguments(std::env::args_os()) {
        Ok(launch) => crate::run::run(launch),
        Err(reason) => {
            // When even standard error is gone, the exit status still tells.
            let _ = writeln!(io::stderr(), "keeper: {reason}");
            ExitCode::from(USAGE)
        }
    }
}

fn from_arguments(words: impl Iterator<Item = OsString>) -> Result<Launch, String> {
    let mut words = words.skip(1);
    let mut launch_pipe = None;
    loop {
        let word = words.next();
        match word.as_deref().and_then(|it| it.to_str()) {
            Some("--") => break,
            Some("--launch-fd") => {
                let number = words.next().and_then(|it| it.to_str()?.parse().ok());
                let number = number.ok_or("--launch-fd takes the number of a descriptor")?;
                let pipe = os::fd::inherited(number)
                    .map_err(|error| format!("cannot use descriptor {number}: {error}"))?;
                launch_pipe = Some(pipe);
            }
            Some(_) | None => {
                return Err("this name is for Menshen's own use; run `menshen` instead".to_owned());
            }
        }
    }
    let daemon_argv: Vec<_> = words.filter_map(|it| CString::new(it.into_vec()).ok()).collect();
    if daemon_argv.is_empty() {
        return Err("there is no daemon to start".to_owned());
    }
    let program = os::process::own_program()
        .map_err(|error| format!("cannot find this program's own file: {error}"))?;
    let program = CString::new(program.into_os_string().into_vec())
        .map_err(|_| "the path of this program's own file has a NUL in it".to_owned())?;
    Ok(Launch { program, daemon_argv, env: environment(), launch_pipe })
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
        from_arguments(words.iter().map(OsString::from))
    }

    #[test]
    fn the_words_after_the_dashes_are_the_daemons() {
        let launch = launch(&["menshen-keeper", "--", "menshen-daemon", "--", "-n"]).unwrap();
        assert_eq!(launch.daemon_argv, [c"menshen-daemon", c"--", c"-n"].map(CString::from));
        assert!(launch.launch_pipe.is_none());
    }

    #[test]
    fn nonsense_is_refused() {
        for words in [
            &["menshen-keeper"][..],
            &["menshen-keeper", "--"],
            &["menshen-keeper", "--help"],
            &["menshen-keeper", "--launch-fd"],
            &["menshen-keeper", "--launch-fd", "x", "--", "d"],
            &["menshen-keeper", "--launch-fd", "-1", "--", "d"],
            &["menshen-keeper", "--launch-fd", "999999", "--", "d"],
        ] {
            assert!(launch(words).is_err(), "{words:?}");
        }
    }
}
