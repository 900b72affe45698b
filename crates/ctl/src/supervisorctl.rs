//! `supervisorctl`: its command line.
//!
//! Output and exit codes are the original's, with these differences. Internal errors (`error: <class
//! ...`) lack the file and line of a Python program. A refused login is told once and the command is
//! not run again. A configuration that is no INI file is a usage error and no traceback. `fg` leaves
//! at once. `tail -f` passes bytes on as they are, whatever they encode. Plug-ins in Python are named
//! in a warning and not loaded.

use std::io::{self, Write};
use std::path::PathBuf;

use config::client;
use config::getopt::{Known, getopt};
use config::settings::Unhosted;
use model::outside::Outside;
use os::outside::Machine;

use crate::client::Target;
use crate::exit;
use crate::input::Input;
use crate::python;
use crate::session::{Session, Stop};
use crate::shell;
use crate::transport::Credentials;

/// The exit code of a program ended by Ctrl-C, as shells report it.
const INTERRUPTED: u8 = 130;

/// The exit code of every mistake in options or configuration.
const USAGE: u8 = 2;

const OPTIONS: [Known; 8] = [
    Known { short: Some('h'), long: "help", argument: false },
    Known { short: Some('?'), long: "", argument: false },
    Known { short: Some('c'), long: "configuration", argument: true },
    Known { short: Some('i'), long: "interactive", argument: false },
    Known { short: Some('s'), long: "serverurl", argument: true },
    Known { short: Some('u'), long: "username", argument: true },
    Known { short: Some('p'), long: "password", argument: true },
    Known { short: Some('r'), long: "history_file", argument: true },
];

/// What the options ask for.
#[derive(Debug, Default)]
struct Options {
    help: bool,
    config: Option<String>,
    interactive: Option<String>,
    url: Option<String>,
    username: Option<String>,
    password: Option<String>,
    /// Taken and ignored, as in the original: only the file's `history_file` counts.
    history: Option<String>,
    /// The command.
    words: Vec<String>,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self, String> {
        let (given, words) = getopt(&OPTIONS, args).map_err(|it| it.to_string())?;
        let mut options = Self { words: words.to_vec(), ..Self::default() };
        for it in given {
            let place = match it.name.as_str() {
                "-c" | "--configuration" => &mut options.config,
                "-i" | "--interactive" => &mut options.interactive,
                "-s" | "--serverurl" => {
                    check_url(&it.name, &it.argument)?;
                    &mut options.url
                }
                "-u" | "--username" => &mut options.username,
                "-p" | "--password" => &mut options.password,
                "-r" | "--history_file" => &mut options.history,
                // Help is given at once: what comes after it does not matter.
                _ => return Ok(Self { help: true, ..options }),
            };
            if place.is_some() {
                return Err(format!("conflicting command line option {}", python::repr(&it.name)));
            }
            *place = Some(it.argument);
        }
        Ok(options)
    }
}

/// The original's idea of a URL (`datatypes.py`, `url`): a scheme, and something after it.
fn check_url(option: &str, text: &str) -> Result<(), String> {
    let scheme_is_sound = |it: &str| {
        it.starts_with(|it: char| it.is_ascii_alphabetic())
            && it.chars().all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it))
    };
    let rest = text.split_once(':').filter(|(scheme, _)| scheme_is_sound(scheme)).map(|(_, rest)| rest);
    let place = rest.map(|it| it.strip_prefix("//").unwrap_or(it).split(['?', '#']).next().unwrap_or(""));
    let quoted = python::repr(text);
    let authority = place.and_then(|it| it.split('/').next()).unwrap_or("");
    if authority.contains('[') != authority.contains(']') {
        return Err(format!("invalid value for {option} {quoted}: Invalid IPv6 URL"));
    }
    if place.is_some_and(|it| !it.is_empty()) {
        return Ok(());
    }
    Err(format!("invalid value for {option} {quoted}: value {quoted} is not a URL"))
}

/// Runs `supervisorctl`; the first word is its own name. Returns the exit code.
pub fn supervisorctl(words: &[String]) -> u8 {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        input: &|settings| shell::input(settings.history.as_deref()),
    };
    run(words, &Machine, &mut streams)
}

/// The world of one run.
pub(crate) struct Streams<'a> {
    /// Where results go.
    pub out: &'a mut dyn Write,
    /// Where complaints go.
    pub err: &'a mut dyn Write,
    /// Makes the input, once the settings are known.
    pub input: &'a dyn Fn(&Settings) -> io::Result<Box<dyn Input>>,
}

/// What options and configuration come to.
pub(crate) struct Settings {
    /// The server.
    pub target: Target,
    /// What the shell's prompt says.
    pub prompt: String,
    /// Where the shell's history is kept.
    pub history: Option<PathBuf>,
    /// Plug-ins whose commands are missing.
    pub unhosted: Vec<Unhosted>,
}

/// Runs it with the streams given.
pub(crate) fn run(args: &[String], outside: &dyn Outside, streams: &mut Streams<'_>) -> u8 {
    let (argv0, rest) = args.split_first().map_or(("supervisorctl", args), |(it, rest)| (it.as_str(), rest));
    let found = Options::parse(rest).and_then(|options| {
        if options.help {
            return Ok(None);
        }
        let settings = settle(&options, argv0, outside)?;
        Ok(Some((options, settings)))
    });
    // What cannot be printed changes nothing about the exit code.
    match found {
        Ok(Some((options, settings))) => act(&options, &settings, streams),
        Ok(None) => {
            let _ = streams.out.write_all(usage(argv0).as_bytes());
            exit::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(streams.err, "Error: {error}\nFor help, use {argv0} -h");
            USAGE
        }
    }
}

/// Options over configuration over defaults.
fn settle(options: &Options, argv0: &str, outside: &dyn Outside) -> Result<Settings, String> {
    let file = match &options.config {
        Some(path) => Some(PathBuf::from(path)),
        None => config::discover(argv0, outside).ok(),
    };
    let settings = file.map(|it| client::load(&it, outside)).transpose()?;
    let file = settings.unwrap_or_default();
    let username = options.username.clone().or(file.username);
    let password = options.password.clone().or(file.password);
    let credentials = username.zip(password).map(|(username, password)| Credentials { username, password });
    let url = options.url.clone().unwrap_or(file.serverurl);
    Ok(Settings {
        target: Target { url, credentials },
        prompt: file.prompt,
        history: file.history_file,
        unhosted: file.unhosted,
    })
}

fn act(options: &Options, settings: &Settings, streams: &mut Streams<'_>) -> u8 {
    for Unhosted { section, plugin, .. } in &settings.unhosted {
        let _ = writeln!(streams.err, "Warning: [{section}]: {plugin} is written in Python and not loaded");
    }
    let mut input = match (streams.input)(settings) {
        Ok(input) => input,
        Err(error) => {
            let _ = writeln!(streams.err, "Error: cannot read standard input: {}", python::words(&error));
            return exit::GENERIC;
        }
    };
    let interactive = options.interactive.is_some() || options.words.is_empty();
    let mut session =
        Session::new(settings.target.clone(), streams.out, streams.err, input.as_mut(), interactive);
    let (result, code) = if options.words.is_empty() {
        // The original's shell always succeeds.
        (shell::run(&mut session, &format!("{}> ", settings.prompt)), exit::SUCCESS)
    } else {
        let result = session.run(&options.words.join(" ")).map(|_| ());
        (result, session.exit)
    };
    conclude(result, code, streams.err)
}

/// The exit code after the last line, or after whatever kept it from being run.
pub(crate) fn conclude(result: Result<(), Stop>, code: u8, err: &mut dyn Write) -> u8 {
    match result {
        Ok(()) => code,
        Err(Stop::Interrupted) => INTERRUPTED,
        // Whoever read our output has seen enough.
        Err(Stop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => code,
        Err(Stop::Output(error)) => {
            let _ = writeln!(err, "Error: {}", python::words(&error));
            exit::GENERIC
        }
    }
}

fn usage(argv0: &str) -> String {
    format!(
        "supervisorctl -- control applications run by supervisord from the cmd line.

Usage: {argv0} [options] [action [arguments]]

Options:
-c/--configuration FILENAME -- read this configuration file (default: the first one found)
-h/--help -- print this text and exit
-i/--interactive -- ask before doing what cannot be undone, even with an action given
-s/--serverurl URL -- the URL supervisord listens on: http://host:port or unix:///path
     (default \"http://localhost:9001\").
-u/--username USERNAME -- the user to log in as
-p/--password PASSWORD -- that user's password
-r/--history_file FILENAME -- accepted and ignored; set history_file in the configuration

action [arguments] -- one command and its arguments, for example \"status\" or \"tail web\"

Without an action a shell reads commands from the terminal, or from a pipe. The
action \"help\" lists them all.

"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let options = parse("-c x --user=me tail -f web").unwrap();
        assert_eq!(options.config.as_deref(), Some("x"));
        assert_eq!(options.username.as_deref(), Some("me"));
        assert_eq!(options.words, ["tail", "-f", "web"]);
        assert!(parse("-h -s nonsense").unwrap().help);
    }

    #[test]
    fn a_wrong_option_is_told_in_the_originals_words() {
        let cases = [
            ("-x", "option -x not recognized"),
            ("-c", "option -c requires argument"),
            ("-c a --configuration b", "conflicting command line option '--configuration'"),
            ("-i -i", "conflicting command line option '-i'"),
            ("-s foo", "invalid value for -s 'foo': value 'foo' is not a URL"),
            ("--serverurl http://", "invalid value for --serverurl 'http://': value 'http://' is not a URL"),
            ("-s http://[::1", "invalid value for -s 'http://[::1': Invalid IPv6 URL"),
            ("--help=x", "option --help must not have an argument"),
        ];
        for (line, error) in cases {
            assert_eq!(parse(line).unwrap_err(), error, "{line}");
        }
        for url in ["localhost:9001", "unix:///x", "http://h", "ftp://x"] {
            assert!(parse(&format!("-s {url}")).is_ok(), "{url}");
        }
    }
}
