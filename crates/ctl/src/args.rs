//! The command line of `menshen`: one table of verbs, from which help, completions and the manual
//! page are made as well.

use std::path::PathBuf;

use crate::verbs::complete::Shell;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use model::past::Kind;
use model::role::Role;

use crate::verbs::history;
use crate::verbs::wait::{Patience, Until};

/// What a command line of `menshen` asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Invocation {
    /// To be `supervisord`, with these words: a name for it, then its own flags.
    Daemon {
        /// The name and the flags.
        words: Vec<String>,
    },
    /// To run in the foreground: this configuration, else the one found, else the demonstration.
    Foreground {
        /// The whole command line.
        words: Vec<String>,
        /// The configuration named.
        config: Option<PathBuf>,
    },
    /// Nothing more: it has been done, and this is the exit code.
    Exit(u8),
}

const EXIT_CODES: &str = "Exit codes:
  0  the wish is fulfilled: what was to run runs, what was to stop is down
  1  something failed
  2  the command line or the configuration is wrong
  3  the server cannot be reached, or does not let you in
  4  there is no such process or group

Names of processes:
  web            a process, or every process of the group of that name
  web:web_00     one process of a group
  web:*          every process of a group
  'web-*'        every process or group whose name matches (* and ?)
  all            every process";

const STATUS_KEYS: &str =
    "With --json, a list with an object for each process. Every key is always there, and null \
where nothing is known (a Supervisor knows less than a server of ours):
  name, group, process      group:process, and its parts
  state, description, pid   as in the columns
  uptime_seconds            of one that is RUNNING
  starts, restarts          how often it was started, and how often by itself after an end or a failure
  exit_code, exit_signal    how its last child ended: one of the two
  exit_reason               expected, unexpected, too early, stopped (as asked), killed (did not stop in time)
  core_dumped               whether that left a core file
  spawn_error               why it did not start, or what was wrong with its end
  started_at, stopped_at    when it was last started, and when it last ended; now is the server's clock
  stdout_logfile, stderr_logfile
  output_bytes_dropped      what its logs did not get because they did not take it (stdout_logfile_on_full=drop)
  listener                  of an event listener: state, events_waiting, events_waiting_max, events_dropped";

/// Guards processes, as Supervisor does.
///
/// Without a verb it runs in the foreground: the configuration given or found, else a demonstration.
#[derive(Debug, Parser)]
#[command(
    name = "menshen",
    version,
    disable_help_subcommand = true,
    after_help = EXIT_CODES,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What every verb understands.
/// Help tells them after those of the verb itself.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The configuration file; without it, the first one found where Supervisor looks
    #[arg(
        short,
        long,
        global = true,
        display_order = 100,
        value_name = "FILE",
        visible_alias = "configuration"
    )]
    pub config: Option<PathBuf>,
    /// The server, `http://HOST:PORT`, `https://…` or `unix:///PATH`; no configuration is read then
    #[arg(short, long, global = true, display_order = 101, value_name = "URL", visible_alias = "serverurl")]
    pub server: Option<String>,
    /// The user to log in as
    #[arg(short, long, global = true, display_order = 102, value_name = "NAME")]
    pub username: Option<String>,
    /// That user's password
    #[arg(short, long, global = true, display_order = 103, value_name = "PASSWORD")]
    pub password: Option<String>,
    /// Print without colors, as the variable `NO_COLOR` does
    #[arg(long, global = true, display_order = 104)]
    pub no_color: bool,
}

/// For verbs that print facts.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Format {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Processes that must be named.
#[derive(Debug, Clone, Args)]
pub(crate) struct Names {
    /// Processes, groups, patterns, or all
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// An output of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Standard output
    Stdout,
    /// Standard error
    Stderr,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Be supervisord, with its flags: see `menshen daemon --help`
    #[command(disable_help_flag = true)]
    Daemon {
        /// The flags of supervisord
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAG")]
        flags: Vec<String>,
    },
    /// Say everything that is wrong with a configuration, without touching anything
    Check {
        /// Also tell how much of it does here what it does in Supervisor, and what replaces Python plug-ins
        #[arg(long)]
        compat: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Say which promises hold on this machine, which do not, and what to do about it
    #[command(after_help = "Exit codes:\n  0  every promise holds, be it in a lesser form\n  \
                            1  one does not\n  2  the configuration is wrong")]
    Doctor {
        #[command(flatten)]
        format: Format,
    },
    #[command(flatten)]
    Order(Order),
    /// Explain a verb, or what a configuration may say
    #[command(after_help = "menshen help options            every option of every section\n\
                            menshen help options program    those of one section\n\
                            menshen help options user       one option")]
    Help {
        /// A verb, or the word options
        topic: Option<String>,
        /// After options: a section, or an option
        pattern: Option<String>,
    },
    /// Ask for a password and print the lines by which a configuration knows it
    #[command(after_help = "A person types it twice, unseen; a pipe gives one line.\n\
                            menshen passwd ann --role operator >> users.conf")]
    Passwd {
        /// The user: a whole section is printed then
        #[arg(value_parser = user_name)]
        name: Option<String>,
        /// What the user may do: viewer, operator or admin
        #[arg(long, default_value = "viewer", value_parser = role)]
        role: Role,
    },
    /// Make a token for a program and print it, and the line by which a configuration knows it
    Token,
    /// Print completions for a shell: verbs, options, and the names of what runs
    Completions {
        /// Which
        shell: Shell,
    },
    /// Print what a word may become, for the scripts of `completions`
    #[command(hide = true)]
    Complete {
        /// The words typed so far, the program first and the one being typed last
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
    /// Print a configuration to start from
    SampleConfig,
}

/// The verbs that need a server.
#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    /// Show what processes are doing and how they ended last
    #[command(after_help = STATUS_KEYS)]
    Status {
        /// Only these; every one when none is named
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Fail with 1 unless everything shown is RUNNING
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Start processes and wait until they are up
    Start {
        #[command(flatten)]
        names: Names,
        #[command(flatten)]
        patience: Patience,
    },
    /// Stop processes and wait until they are down
    Stop {
        #[command(flatten)]
        names: Names,
        #[command(flatten)]
        patience: Patience,
    },
    /// Stop processes and start them again
    Restart {
        #[command(flatten)]
        names: Names,
        #[command(flatten)]
        patience: Patience,
    },
    /// Wait until processes are up, down, or have ended
    Wait {
        #[command(flatten)]
        names: Names,
        /// What to wait for
        #[arg(long, value_enum, default_value_t = Until::Running)]
        until: Until,
        /// Wait no longer than this
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
    },
    /// Send a signal to processes
    Signal {
        /// Its name or number, for example HUP
        signal: String,
        #[command(flatten)]
        names: Names,
    },
    /// Show the end of a process's log, or of the server's own when none is named
    ///
    /// On a terminal, colors are shown; all else that would steer the terminal is shown as \x1b.
    Tail {
        /// Go on showing what is added, until Ctrl-C
        #[arg(short, long)]
        follow: bool,
        /// How much to show
        #[arg(short = 'n', long, value_name = "BYTES", default_value_t = 1600)]
        bytes: u32,
        /// The process
        name: Option<String>,
        /// Which of its outputs
        #[arg(value_enum, default_value_t = Output::Stdout)]
        output: Output,
    },
    /// Show what several processes write, each line with the name in front
    ///
    /// On a terminal, colors are shown; all else that would steer the terminal is shown as \x1b.
    Logs {
        /// Go on showing what is added, until Ctrl-C
        #[arg(short, long)]
        follow: bool,
        /// How much of each to show at first, unless it is followed
        #[arg(short = 'n', long, value_name = "BYTES", default_value_t = 1600)]
        bytes: u32,
        /// Only these; every one when none is named
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Empty the logs of processes
    Clear(Names),
    /// Rotate the logs of processes, full or not
    Rotate(Names),
    /// Say why processes are as they are: how they ended, how often, what comes next
    Why {
        /// Processes, groups, patterns, or all
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Show what happened, as far as it is remembered: starts, exits and why, orders, changes
    History {
        /// Processes, groups, patterns, or the name of one that is gone; everything when none is named
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Only since then: 30m, 2h, 3d, or a date, as `2026-11-25` or `2026-11-25 14:30`
        #[arg(long, value_name = "WHEN", value_parser = history::since)]
        since: Option<history::Since>,
        /// Only of these kinds
        #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = kinds())]
        kinds: Vec<Kind>,
        /// The last so many
        #[arg(short = 'n', long = "lines", value_name = "COUNT", default_value_t = 100,
            value_parser = clap::value_parser!(u16).range(1..=1000))]
        most: u16,
        #[command(flatten)]
        format: Format,
    },
    /// Show who changed what: the last thousand changes, and those that were refused
    Audit {
        #[command(flatten)]
        format: Format,
    },
    /// Show the pid of the server, or of processes
    Pid {
        /// Processes, groups, patterns, or all
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Show every process the configuration has, active or not
    Avail {
        #[command(flatten)]
        format: Format,
    },
    /// Read the configuration again and show which groups it would change
    Reread {
        #[command(flatten)]
        format: Format,
    },
    /// Read the configuration again and show what an update would do to which process
    Plan {
        /// Only these groups
        #[arg(value_name = "GROUP")]
        groups: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Read the configuration again and change what it changes, restarting no process without need
    Update {
        /// Only these groups
        #[arg(value_name = "GROUP")]
        groups: Vec<String>,
        /// Only show what would be done, as plan does
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Make groups of the configuration active
    Add {
        /// The groups
        #[arg(required = true, value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// Make stopped groups inactive
    Remove {
        /// The groups
        #[arg(required = true, value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// Stop everything and start the server anew
    Reload {
        /// Let all programs run on: only the server is another, with the configuration as it is now
        #[arg(long)]
        keep: bool,
    },
    /// Make the server another version of this program, while everything runs on
    Upgrade {
        /// The new program; without it, the one that is running this very command
        #[arg(value_name = "PROGRAM")]
        program: Option<PathBuf>,
    },
    /// Take a process that is in doubt for ours: it runs, and is looked after again
    Adopt(Names),
    /// Leave a process that is in doubt alone, so that another one can be started in its place
    Forget(Names),
    /// Stop everything and end the server
    Shutdown {
        /// Do not wait until it has ended
        #[arg(long)]
        no_wait: bool,
    },
    /// Show the versions of this program and of the server
    Version {
        #[command(flatten)]
        format: Format,
    },
    /// Connect the terminal to a process
    Fg {
        /// The process
        name: String,
    },
    /// Type commands, as in supervisorctl
    Shell,
    /// Watch what runs, on the whole screen, and act on it
    Top,
}

/// The kinds of happenings, by their words.
fn kinds() -> impl TypedValueParser<Value = Kind> {
    let words = PossibleValuesParser::new(Kind::ALL.map(Kind::as_str));
    words.try_map(|it| Kind::parse(&it).ok_or("no such kind"))
}

/// A name a user can have.
fn user_name(text: &str) -> Result<String, String> {
    match gate::user::misfit(text) {
        Some(letter) => Err(format!("a name of a user cannot have `{}` in it", letter.escape_default())),
        None if text.is_empty() => Err("a user needs a name".to_owned()),
        None => Ok(text.to_owned()),
    }
}

/// A role by its word.
fn role(text: &str) -> Result<Role, String> {
    Role::of_word(text).ok_or_else(|| "write viewer, operator or admin".to_owned())
}

/// The whole table.
pub(crate) fn table() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_together() {
        table().debug_assert();
    }
}
