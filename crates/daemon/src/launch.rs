//! The first image: from a command line to a keeper.
//!
//! Everything that can be refused is refused here, in the foreground, with the original's two lines
//! on standard error and exit status 2 (`options.py`, `Options.usage`).

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use config::settings::{Orphans, Settings};
use config::{Invocation, supervisord_arguments, supervisord_usage};
use model::outside::Outside;
use os::limits::Raised;
use os::outside::Machine;
use os::process::{Side, UserError};
use recover::Recovered;
use wire::keeper::journal;

use crate::estate::{Estate, Keepsake};
use crate::handover::{CRITICAL, Handover};
use crate::lasting::{self, Shelf};
use crate::runtime::{self, Runtime, RuntimeError};
use crate::{estate, mailbag, streams, substitute, takeover};

/// The exit status for everything the user can mend (`options.py`, `usage`).
const USAGE: u8 = 2;

/// The version that clients and `supervisord --version` are told: that of the original whose behavior
/// this is, and then our own, in the form Python calls a local version (PEP 440). Scripts compare the
/// first part with what they need.
pub const VERSION: &str = concat!("4.3.0+menshen.", env!("CARGO_PKG_VERSION"));

/// Why there will be no daemon.
#[derive(Debug)]
struct Refusal {
    /// What the original says after `Error: `.
    message: String,
    /// Every problem of the configuration, with its place and what to write instead.
    problems: Vec<String>,
}

impl Refusal {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), problems: Vec::new() }
    }
}

/// What the keeper is given.
struct Outfit {
    handover: Handover,
    runtime: Option<Runtime>,
    orphans: Orphans,
    /// Sockets that are open already.
    sockets: Vec<Keepsake>,
}

/// How a launch ends without an error.
enum Launched {
    /// There was only something to say.
    Said(String),
    /// Another process carries on; this one leaves with what it reported.
    Left(u8),
}

/// Runs `supervisord` with these arguments, of which the first is the name it was called by.
/// Returns only when there is nothing to run, or when the daemon has been started elsewhere.
pub fn supervisord(words: &[String]) -> ExitCode {
    supervise(words, Vec::new())
}

/// The same, with sockets of its servers that are open already.
fn supervise(words: &[String], sockets: Vec<Keepsake>) -> ExitCode {
    let called = words.first().map_or("supervisord", String::as_str);
    match launch(called, words.get(1..).unwrap_or_default(), sockets) {
        Ok(Launched::Said(text)) => {
            let said = io::stdout().write_all(text.as_bytes());
            ExitCode::from(u8::from(said.is_err()))
        }
        Ok(Launched::Left(status)) => ExitCode::from(status),
        Err(refusal) => refuse(called, &refusal),
    }
}

/// Says why, and with which exit status. Called as the original: its two lines, word for word. By
/// another name: everything that is wrong, and where.
fn refuse(called: &str, refusal: &Refusal) -> ExitCode {
    let original = Path::new(called).file_name().is_some_and(|it| it == "supervisord");
    let text = if original || refusal.problems.is_empty() {
        format!("Error: {}\nFor help, use {called} -h\n", refusal.message)
    } else {
        refusal.problems.join("\n") + "\n"
    };
    // When even standard error is gone, the exit status still tells.
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(USAGE)
}

fn launch(called: &str, arguments: &[String], sockets: Vec<Keepsake>) -> Result<Launched, Refusal> {
    let invocation = supervisord_arguments(arguments, &Machine).map_err(|it| Refusal::new(it.message))?;
    let (path, overrides) = match invocation {
        Invocation::Help => return Ok(Launched::Said(supervisord_usage(called))),
        Invocation::Version => return Ok(Launched::Said(format!("{VERSION}\n"))),
        Invocation::Run { config: Some(path), overrides } => (path, overrides),
        Invocation::Run { config: None, overrides } => (find_config(called)?, overrides),
    };
    // By the name it was given, which is the one that mistakes are told with.
    let loaded = config::load(&path, &overrides, &Machine);
    let path = Machine.current_dir().join(path);
    if let Some(message) = loaded.first_error() {
        let problems = loaded.diagnostics.iter().map(ToString::to_string).collect();
        return Err(Refusal { message: message.to_owned(), problems });
    }
    let Some(config) = loaded.config else {
        return Err(Refusal::new(format!("could not read config file {}", path.display())));
    };
    take_user(&config.settings)?;
    let mut notices = raise_limits(&config.settings)?;
    let runtime = claim_runtime(&path, &config.settings, &mut notices)?;
    let handover = Handover {
        config: path,
        runtime: runtime.as_ref().map(|it| it.path.clone()),
        launch: launch_name(),
        notices,
        called: called.to_owned(),
        arguments: arguments.to_vec(),
    };
    let outfit = Outfit { handover, runtime, orphans: config.settings.orphans, sockets };
    if config.settings.nodaemon { become_keeper(outfit, None) } else { detach(outfit) }
}

/// A name no other launch has: when it was, on the clock that begins with the machine, and who it was.
fn launch_name() -> String {
    format!("{}.{}", os::clock::mono().0.as_nanos(), os::process::own_pid())
}

/// Claims the directory of what outlives a daemon. Without a place for it everything works but that, which is
/// worth a loud word; but a place that is named must do, and one that is taken means that there is a supervisor
/// already.
fn claim_runtime(
    config: &Path,
    settings: &Settings,
    notices: &mut Vec<String>,
) -> Result<Option<Runtime>, Refusal> {
    let wanted = settings.runtime_directory.as_deref();
    let claimed = match Runtime::claim(config, wanted) {
        Err(RuntimeError::Taken(lock)) => match substitute::dismiss(&substitute::directory_of(&lock)) {
            Some(pid) => {
                notices
                    .push(format!("took the place of pid {pid}, which stood in for a keeper that had died"));
                Runtime::claim(config, wanted)
            }
            None => Err(RuntimeError::Taken(lock)),
        },
        claimed => claimed,
    };
    match claimed {
        Ok(runtime) => Ok(Some(runtime)),
        Err(error @ RuntimeError::Taken(_)) => Err(Refusal::new(format!(
            "Another program is already listening on a port that one of our HTTP servers is configured to \
             use.  Shut this program down first before starting supervisord. ({error})"
        ))),
        Err(error) if wanted.is_some() => {
            Err(Refusal::new(format!("cannot use the runtime directory of [supervisord]: {error}")))
        }
        Err(error) => {
            notices.push(format!(
                "{CRITICAL}there is no place for what must outlive the daemon ({error}): should it be killed, \
                 programs that were stopped by hand are started again; set runtime_directory in [supervisord]"
            ));
            Ok(None)
        }
    }
}

/// Looks for a configuration where the original does. As root that includes directories others may
/// write to, which is worth a word.
fn find_config(called: &str) -> Result<PathBuf, Refusal> {
    let path = config::discover(called, &Machine).map_err(Refusal::new)?;
    if os::user::own_uid() == 0 {
        let _ = writeln!(io::stderr(), "{called}: UserWarning: {}", config::ROOT_SEARCH_WARNING);
    }
    Ok(path)
}

/// Becomes the user of the configuration (`options.py`, `set_uid_or_exit`).
fn take_user(settings: &Settings) -> Result<(), Refusal> {
    let Some(user) = settings.user.as_ref().map(|it| &it.user) else {
        return Ok(());
    };
    let own = os::user::own_uid();
    if own == user.uid {
        return Ok(());
    }
    if own != 0 {
        return Err(Refusal::new("Can't drop privilege as nonroot user"));
    }
    os::process::become_user(user.uid, user.gid, &os::user::groups_of(user)).map_err(|error| {
        Refusal::new(match error {
            UserError::Groups(_) => "Could not set groups of effective user".to_owned(),
            UserError::Group(_) => "Could not set group id of effective user".to_owned(),
            UserError::User(_) => format!("Could not set user id of effective user: {error}"),
        })
    })
}

/// Sees to it that there are as many descriptors and processes as the configuration wants, and
/// returns what to log about it (`options.py`, `set_rlimits_or_exit`).
fn raise_limits(settings: &Settings) -> Result<Vec<String>, Refusal> {
    let wanted = |count: i64| u64::try_from(count).unwrap_or(0);
    let mut lines = Vec::new();
    match os::limits::at_least_nofile(wanted(settings.minfds)) {
        Raised::Enough => {}
        Raised::Raised => lines.push(format!("Increased RLIMIT_NOFILE limit to {}", settings.minfds)),
        Raised::Refused(most) => {
            return Err(Refusal::new(format!(
                "The minimum number of file descriptors required to run this process is {} as per \
                 the \"minfds\" command-line argument or config file setting. The current environment \
                 will only allow you to open {most} file descriptors.  Either raise the number of \
                 usable file descriptors in your environment (see README.rst) or lower the minfds \
                 setting in the config file to allow the process to start.",
                settings.minfds
            )));
        }
    }
    match os::limits::at_least_nproc(wanted(settings.minprocs)) {
        Raised::Enough => {}
        Raised::Raised => lines.push(format!("Increased RLIMIT_NPROC limit to {}", settings.minprocs)),
        Raised::Refused(most) => {
            return Err(Refusal::new(format!(
                "The minimum number of available processes required to run this program is {} as per \
                 the \"minprocs\" command-line argument or config file setting. The current \
                 environment will only allow you to open {most} processes.  Either raise the number \
                 of usable processes in your environment (see README.rst) or lower the minprocs \
                 setting in the config file to allow the program to start.",
                settings.minprocs
            )));
        }
    }
    Ok(lines)
}

/// Leaves the terminal: a child becomes the keeper, and this process waits for its first word,
/// which is the exit status to leave with. So a port that is taken is still an error the caller sees.
fn detach(outfit: Outfit) -> Result<Launched, Refusal> {
    let cannot = |what: &str, error: &io::Error| Refusal::new(format!("cannot {what}: {error}"));
    let (mut theirs, ours) = io::pipe().map_err(|it| cannot("make a pipe", &it))?;
    match os::process::fork_alone().map_err(|it| cannot("fork", &it))? {
        Side::Parent => {
            drop(ours);
            let mut status = [1];
            // End of file without a word: the keeper died before it could say why.
            let _ = theirs.read_exact(&mut status);
            Ok(Launched::Left(status[0]))
        }
        Side::Child => {
            drop(theirs);
            os::process::new_session().map_err(|it| cannot("leave the session", &it))?;
            become_keeper(outfit, Some(&ours.into()))
        }
    }
}

/// Becomes the keeper. Returns only on failure.
fn become_keeper(outfit: Outfit, pipe: Option<&OwnedFd>) -> Result<Launched, Refusal> {
    let program = os::process::own_program()
        .map_err(|it| Refusal::new(format!("cannot find this program's own file: {it}")))?;
    let Outfit { mut handover, runtime, orphans, sockets } = outfit;
    let mut estate = runtime.map_or_else(Estate::default, |it| inherit(it, &mut handover.notices));
    estate.orphans = orphans;
    estate.kept.extend(sockets);
    let become_keeper = || {
        let daemon = handover.to_arguments("menshen-daemon").map_err(io::Error::other)?;
        estate::become_keeper(&program, daemon, &estate, pipe)
    };
    match become_keeper() {
        Ok(never) => match never {},
        Err(error) => Err(Refusal::new(format!("cannot execute {}: {error}", program.display()))),
    }
}

/// What the supervisor that was here before has left, should it have died: its children are looked for.
fn inherit(runtime: Runtime, notices: &mut Vec<String>) -> Estate {
    let boot_id = os::procfs::boot_id();
    let mut estate =
        Estate { boot_id, kept: find_lasting(&runtime.path, boot_id, notices), ..Estate::default() };
    let journal = runtime::private_file(&runtime.journal()).map(OwnedFd::from);
    estate.lock = Some(runtime.lock);
    // Of one that is dead: this keeper is the first of its line.
    let _ = std::fs::remove_file(runtime.path.join(substitute::FILE));
    match journal.and_then(|it| Ok((takeover::read(&it)?, it))) {
        Ok((bytes, file)) => {
            if journal::is_unreadable(&bytes) {
                notices.push(format!(
                    "{CRITICAL}{} is damaged, or of a version that is not understood: which programs of an earlier \
                     supervisor run on is known only as far as it was remembered elsewhere",
                    runtime.path.join(runtime::JOURNAL).display()
                ));
            }
            let places = journal::decode(&bytes, &boot_id).unwrap_or_default();
            let Recovered { found, damaged } = recover::children(places, BTreeMap::new());
            if damaged > 0 {
                notices.push(format!(
                    "{CRITICAL}{damaged} records of {} are damaged: programs of an earlier supervisor may run on \
                     unseen",
                    runtime.path.join(runtime::JOURNAL).display()
                ));
            }
            estate.children = found;
            estate.journal = Some(file);
        }
        Err(error) => notices.push(format!(
            "{CRITICAL}cannot use {}: {error}; should the keeper be killed, its programs are not found again",
            runtime.path.join(runtime::JOURNAL).display()
        )),
    }
    estate
}

/// What the one before had under way, where that outlives everybody.
fn find_lasting(runtime: &Path, boot_id: [u8; 16], notices: &mut Vec<String>) -> Vec<Keepsake> {
    lasting::prune();
    let shelf = Shelf::at(runtime, boot_id);
    let names = [(streams::KEY, lasting::PUMP), (mailbag::KEY, lasting::MAILBAG)];
    let found = names.into_iter().filter_map(|(key, name)| match shelf.find(name) {
        Ok(file) => Some(Keepsake { key: key.to_vec(), bytes: Vec::new(), file: file? }),
        Err(error) => {
            notices.push(format!(
                "{CRITICAL}cannot read the {name} under way: {error}; output may be missing, and events come twice"
            ));
            None
        }
    });
    found.collect()
}

/// Runs in the foreground: the configuration that is found, or else the demonstration.
pub fn foreground(words: &[String], config: Option<PathBuf>) -> ExitCode {
    let called = words.first().map_or("menshen", String::as_str).to_owned();
    let flags = |path: PathBuf| {
        vec![called.clone(), "-n".to_owned(), "-c".to_owned(), path.to_string_lossy().into_owned()]
    };
    if let Some(path) = config.or_else(|| config::discover(&called, &Machine).ok()) {
        return supervisord(&flags(path));
    }
    match crate::demonstration::prepare(&called) {
        Ok(demonstration) => {
            let _ = io::stdout().write_all(demonstration.greeting.as_bytes());
            supervise(&flags(demonstration.config), vec![demonstration.socket])
        }
        Err(error) => refuse(&called, &Refusal::new(format!("cannot prepare the demonstration: {error}"))),
    }
}
