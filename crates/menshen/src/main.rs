//! One binary, many names: reads what it was called and becomes that program.
//!
//! `supervisord`, `supervisorctl`, `echo_supervisord_conf` and `pidproxy` behave as the originals
//! do; every other name is `menshen` with its verbs. Two more names are for its own use: the keeper
//! and the daemon, the two processes a running Menshen consists of.

use std::path::Path;
use std::process::ExitCode;

use ctl::args::Invocation;

fn main() -> ExitCode {
    // No argument of any of the programs needs bytes that are no text.
    let words: Vec<String> = std::env::args_os().map(|it| it.to_string_lossy().into_owned()).collect();
    let called = words.first().and_then(|it| Path::new(it).file_name()?.to_str());
    match called {
        Some("menshen-keeper") => keeper::main(),
        Some("menshen-daemon") => daemon::run::daemon(&words),
        Some("supervisord") => daemon::launch::supervisord(&words),
        Some("supervisorctl") => ExitCode::from(ctl::supervisorctl(&words)),
        Some("echo_supervisord_conf") => ExitCode::from(ctl::echo_supervisord_conf(&words)),
        Some("pidproxy") => ExitCode::from(ctl::pidproxy(&words)),
        Some(_) | None => match ctl::menshen(&words) {
            Invocation::Daemon { words } => daemon::launch::supervisord(&words),
            Invocation::Foreground { words, config } => daemon::launch::foreground(&words, config),
            Invocation::Exit(code) => ExitCode::from(code),
        },
    }
}
