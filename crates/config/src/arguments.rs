//! The command line of supervisord (`options.py`, `Options.realize`).

use std::fmt;
use std::path::PathBuf;

use model::outside::Outside;

use crate::diagnostic::Wrong;
use crate::getopt::{Given, Known, getopt};
use crate::machine::Machine;
use crate::python;
use crate::settings::Overrides;
use crate::value::{self, ValueError};

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one of it per process")]
pub enum Invocation {
    /// To print the usage.
    Help,
    /// To print the version.
    Version,
    /// To run.
    Run {
        /// The configuration file, unless it is to be looked for.
        config: Option<PathBuf>,
        /// What goes over the file.
        overrides: Overrides,
    },
}

/// Why a command line makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    /// The original's words, to be printed after `Error: `.
    pub message: String,
}

impl UsageError {
    fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string() }
    }
}

/// A row of the table of flags.
struct Flag {
    known: Known,
    /// What the usage calls its argument.
    argument: &'static str,
    doc: &'static str,
    effect: Effect,
}

/// What a flag does. It may check its argument but never acts on it.
enum Effect {
    Config,
    Help,
    Version,
    /// Sets a value; fails in the words of the value's type.
    Set(fn(&mut Overrides, &str, &Machine<'_>) -> Result<(), ValueError>),
    /// Accepted and without effect: there is no Python profiler in here.
    Ignored,
}

macro_rules! flag {
    ($short:expr, $long:literal, $argument:literal, $doc:literal, $effect:expr) => {
        Flag {
            known: Known { short: $short, long: $long, argument: !$argument.is_empty() },
            argument: $argument,
            doc: $doc,
            effect: $effect,
        }
    };
}

/// Every flag, in the order in which the usage shows them.
static FLAGS: [Flag; 21] = [
    flag!(
        Some('c'),
        "configuration",
        "FILENAME",
        "read FILENAME instead of searching for a configuration",
        Effect::Config
    ),
    flag!(
        Some('n'),
        "nodaemon",
        "",
        "stay in the foreground",
        Effect::Set(|over, _, _| {
            over.nodaemon = true;
            Ok(())
        })
    ),
    flag!(
        Some('s'),
        "silent",
        "",
        "keep the log off standard output while in the foreground",
        Effect::Set(|over, _, _| {
            over.silent = true;
            Ok(())
        })
    ),
    flag!(Some('h'), "help", "", "print this text and leave", Effect::Help),
    flag!(Some('?'), "", "", "the same", Effect::Help),
    flag!(Some('v'), "version", "", "print the version and leave", Effect::Version),
    flag!(
        Some('u'),
        "user",
        "USER",
        "become USER, given by name or number",
        Effect::Set(|over, text, _| {
            over.user = Some(text.to_owned());
            Ok(())
        })
    ),
    flag!(
        Some('m'),
        "umask",
        "UMASK",
        "use this octal umask in the background (default 022)",
        Effect::Set(|over, text, _| value::octal(text).map(|it| over.umask = Some(it)))
    ),
    flag!(
        Some('d'),
        "directory",
        "DIRECTORY",
        "go to DIRECTORY in the background",
        Effect::Set(|over, text, machine| {
            machine.existing_directory(text).map(|it| over.directory = Some(it))
        })
    ),
    flag!(
        Some('l'),
        "logfile",
        "FILENAME",
        "use FILENAME as the log of the daemon itself",
        Effect::Set(|over, text, machine| {
            machine.existing_dirpath(text).map(|it| over.logfile = Some(it))
        })
    ),
    flag!(
        Some('y'),
        "logfile_maxbytes",
        "BYTES",
        "rotate that log at this size, for example 50MB",
        Effect::Set(|over, text, _| value::byte_size(text).map(|it| over.logfile_maxbytes = Some(it)))
    ),
    flag!(
        Some('z'),
        "logfile_backups",
        "NUM",
        "keep NUM rotated logs",
        Effect::Set(|over, text, _| value::integer(text).map(|it| over.logfile_backups = Some(it)))
    ),
    flag!(
        Some('e'),
        "loglevel",
        "LEVEL",
        "log this much: critical, error, warn, info, debug, trace or blather",
        Effect::Set(|over, text, _| value::level(text).map(|it| over.loglevel = Some(it)))
    ),
    flag!(
        Some('j'),
        "pidfile",
        "FILENAME",
        "write the process id to FILENAME",
        Effect::Set(|over, text, machine| {
            machine.existing_dirpath(text).map(|it| over.pidfile = Some(it))
        })
    ),
    flag!(
        Some('i'),
        "identifier",
        "STR",
        "call this instance STR",
        Effect::Set(|over, text, _| {
            over.identifier = Some(text.to_owned());
            Ok(())
        })
    ),
    flag!(
        Some('q'),
        "childlogdir",
        "DIRECTORY",
        "put automatic child logs into DIRECTORY",
        Effect::Set(|over, text, machine| {
            machine.existing_directory(text).map(|it| over.childlogdir = Some(it))
        })
    ),
    flag!(
        Some('k'),
        "nocleanup",
        "",
        "keep automatic child logs of an earlier run",
        Effect::Set(|over, _, _| {
            over.nocleanup = true;
            Ok(())
        })
    ),
    flag!(
        Some('a'),
        "minfds",
        "NUM",
        "refuse to start with fewer than NUM file descriptors",
        Effect::Set(|over, text, _| value::integer(text).map(|it| over.minfds = Some(it)))
    ),
    flag!(
        Some('t'),
        "strip_ansi",
        "",
        "take colour codes out of child logs",
        Effect::Set(|over, _, _| {
            over.strip_ansi = true;
            Ok(())
        })
    ),
    flag!(
        None,
        "minprocs",
        "NUM",
        "refuse to start with fewer than NUM processes",
        Effect::Set(|over, text, _| value::integer(text).map(|it| over.minprocs = Some(it)))
    ),
    flag!(None, "profile_options", "LIST", "accepted for compatibility, without effect", Effect::Ignored),
];

/// Reads the arguments after the program's name.
///
/// # Errors
/// In the original's words, to be followed by `For help, use <argv0> -h`.
pub fn supervisord_arguments(args: &[String], outside: &dyn Outside) -> Result<Invocation, UsageError> {
    let known: Vec<Known> = FLAGS.iter().map(|it| it.known).collect();
    let (given, rest) = getopt(&known, args).map_err(UsageError::new)?;
    if !rest.is_empty() {
        let rest = python::repr_list(rest);
        return Err(UsageError::new(format_args!("positional arguments are not supported: {rest}")));
    }
    let machine = Machine::new(outside);
    let mut overrides = Overrides::default();
    let mut config = None;
    let mut seen: Vec<&'static str> = Vec::new();
    for option in &given {
        let Some(flag) = flag_named(&option.name) else { continue };
        match flag.effect {
            Effect::Help => return Ok(Invocation::Help),
            Effect::Version => return Ok(Invocation::Version),
            Effect::Config | Effect::Set(_) | Effect::Ignored => {}
        }
        apply(flag, &mut overrides, option, &machine)?;
        if seen.contains(&flag.known.long) {
            let name = python::repr(&option.name);
            return Err(UsageError::new(format_args!("conflicting command line option {name}")));
        }
        seen.push(flag.known.long);
        if matches!(flag.effect, Effect::Config) {
            config = Some(PathBuf::from(&option.argument));
        }
    }
    Ok(Invocation::Run { config, overrides })
}

fn flag_named(name: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| match name.strip_prefix("--") {
        Some(long) => flag.known.long == long,
        None => flag.known.short.is_some_and(|it| name == format!("-{it}")),
    })
}

fn apply(
    flag: &Flag,
    overrides: &mut Overrides,
    option: &Given,
    machine: &Machine<'_>,
) -> Result<(), UsageError> {
    let Effect::Set(set) = flag.effect else { return Ok(()) };
    set(overrides, &option.argument, machine).map_err(|error| {
        let value = python::repr(&option.argument);
        let reason = Wrong::from(error).original;
        UsageError::new(format_args!("invalid value for {} {value}: {reason}", option.name))
    })
}

/// What `supervisord -h` prints, for a program called as `argv0`.
pub fn supervisord_usage(argv0: &str) -> String {
    let mut text = format!(
        "supervisord -- run a set of applications as daemons.\n\nUsage: {argv0} [options]\n\nOptions:\n"
    );
    for flag in &FLAGS {
        let short = flag.known.short.map(|it| format!("-{it}"));
        let long = Some(flag.known.long).filter(|it| !it.is_empty()).map(|it| format!("--{it}"));
        let names: Vec<String> = [short, long].into_iter().flatten().collect();
        let argument = if flag.argument.is_empty() { String::new() } else { format!(" {}", flag.argument) };
        text.extend([&names.join("/"), argument.as_str(), " -- ", flag.doc, "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretend::Pretend;

    fn read(line: &str) -> Result<Invocation, String> {
        let args: Vec<String> = line.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect();
        supervisord_arguments(&args, &Pretend::new(&[])).map_err(|it| it.message)
    }

    #[test]
    fn mistakes_are_told_in_the_original_words() {
        let cases = [
            ("foo", "positional arguments are not supported: ['foo']"),
            ("-n a b'c", "positional arguments are not supported: ['a', \"b'c\"]"),
            ("-Z", "option -Z not recognized"),
            ("--bogus", "option --bogus not recognized"),
            ("-i", "option -i requires argument"),
            ("--nodaemon=1", "option --nodaemon must not have an argument"),
            ("--log", "option --log not a unique prefix"),
            ("-n --nodaemon", "conflicting command line option '--nodaemon'"),
            ("-n -n", "conflicting command line option '-n'"),
            ("-c a -c b", "conflicting command line option '-c'"),
            ("-z x", "invalid value for -z 'x': invalid literal for int() with base 10: 'x'"),
            ("--umask=9", "invalid value for --umask '9': 9 can not be converted to an octal type"),
            ("-e loud", "invalid value for -e 'loud': bad logging level name 'loud'"),
            ("-d /nowhere", "invalid value for -d '/nowhere': /nowhere is not an existing directory"),
            (
                "-l /nowhere/x",
                "invalid value for -l '/nowhere/x': The directory named as part of the path /nowhere/x does not exist",
            ),
            ("-z 1 -z x", "invalid value for -z 'x': invalid literal for int() with base 10: 'x'"),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), Err(expected.to_owned()), "{line}");
        }
    }

    #[test]
    fn the_first_that_ends_it_counts() {
        assert_eq!(read("-n -h -z x"), Ok(Invocation::Help));
        assert_eq!(read("-v -h"), Ok(Invocation::Version));
        assert!(read("-z x -h").is_err());
        assert!(read("-h foo").is_err());
    }

    #[test]
    fn values_are_typed() {
        let expected = Overrides {
            nodaemon: true,
            umask: Some(0o27),
            logfile: Some("/home/me/x.log".to_owned()),
            logfile_maxbytes: Some(1 << 20),
            loglevel: Some(model::level::Level::Debug),
            minprocs: Some(5),
            ..Overrides::default()
        };
        let line = "-nc x.conf -m 027 -l ~/x.log --logfile_max 1MB -e DEBUG --minp=5 --profile_options=calls";
        assert_eq!(read(line), Ok(Invocation::Run { config: Some("x.conf".into()), overrides: expected }));
    }

    #[test]
    fn the_usage_has_the_lines_that_scripts_look_for() {
        let usage = supervisord_usage("supervisord");
        assert!(usage.starts_with("supervisord -- run a set of applications as daemons.\n"));
        assert!(usage.contains("-l/--logfile FILENAME -- use FILENAME as"));
        assert_eq!(usage.lines().filter(|it| it.contains(" -- ")).count(), 1 + FLAGS.len());
    }
}
