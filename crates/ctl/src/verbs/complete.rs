//! `complete`: what the word being typed may become. The scripts that `completions` prints ask this at
//! every press of the key, so that they know what runs now, and nothing of our verbs themselves.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use clap::{Arg, Command, ValueEnum};
use model::outside::Outside;

use crate::args::{self, Global};
use crate::client::Client;
use crate::remote::RemoteProcess;
use crate::verbs::{DONE, Trouble, reach};

/// How long a person who presses a key waits for a server. One that needs longer is not asked any more.
const SERVER_WAIT: Duration = Duration::from_secs(2);

/// The shells there are scripts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

/// `completions SHELL`.
pub(crate) fn completions(shell: Shell, out: &mut dyn Write) -> Result<u8, Trouble> {
    let script = match shell {
        Shell::Bash => include_str!("completions/menshen.bash"),
        Shell::Zsh => include_str!("completions/menshen.zsh"),
        Shell::Fish => include_str!("completions/menshen.fish"),
    };
    out.write_all(script.as_bytes())?;
    Ok(DONE)
}

/// `complete -- WORD...`: the words of a command line as far as it has been typed, the program's name first,
/// the one being typed last. Prints a line for each word it may become: the word, a tab, and what it is.
pub(crate) fn complete(words: &[String], outside: &dyn Outside, out: &mut dyn Write) -> Result<u8, Trouble> {
    let [name, before @ .., current] = words else { return Ok(DONE) };
    let mut table = args::table();
    table.build();
    let Some(line) = Line::read(&table, before) else { return Ok(DONE) };
    for (word, help) in line.offers(current, &|what| fetch(what, &line.global, name, outside)) {
        // Neither may hold what parts them.
        let help = help.replace(['\t', '\n'], " ");
        writeln!(out, "{word}\t{help}")?;
    }
    Ok(DONE)
}

/// A word, and what it is.
type Offer = (String, String);

/// What only a server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Processes, and where several may be named, groups as a whole.
    Processes { several: bool },
    /// Groups that are active.
    Groups,
    /// Groups of the configuration that are not.
    Addable,
}

/// Asks the server the line is about. One that does not answer knows no names.
fn fetch(wanted: Wanted, global: &Global, argv0: &str, outside: &dyn Outside) -> Vec<Offer> {
    let Ok(reach) = reach::find(global, argv0, outside) else { return Vec::new() };
    let (sender, answer) = mpsc::channel();
    // The thread of a server that does not answer ends with this program.
    std::thread::spawn(move || {
        let mut client = Client::new(reach.target);
        let offers = match wanted {
            Wanted::Processes { several } => client.processes().map(|it| processes(&it, several)),
            Wanted::Groups => client.processes().map(|it| groups(&it)),
            Wanted::Addable => client.configured().map(|list| {
                let idle = list.into_iter().filter(|it| !it.in_use);
                let group = |name: String| name.split(':').next().unwrap_or_default().to_owned();
                let mut names: Vec<_> = idle.map(|it| (group(it.name), "not active".to_owned())).collect();
                names.dedup();
                names
            }),
        };
        // Nobody may wait for it any more.
        let _ = sender.send(offers.unwrap_or_default());
    });
    answer.recv_timeout(SERVER_WAIT).unwrap_or_default()
}

fn processes(all: &[RemoteProcess], several: bool) -> Vec<Offer> {
    let mut offers = Vec::new();
    for process in all {
        let is_first = |name: &str| !offers.iter().any(|(it, _): &Offer| it == name);
        let whole = format!("{}:*", process.group);
        if several && process.name != process.group && is_first(&whole) {
            offers.push((whole, "the whole group".to_owned()));
        }
        offers.push((process.full_name(), format!("{} {}", process.state_name, process.description)));
    }
    if several && !all.is_empty() {
        offers.push(("all".to_owned(), "every process".to_owned()));
    }
    offers
}

fn groups(all: &[RemoteProcess]) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    for process in all {
        if offers.last().is_none_or(|(name, _)| *name != process.group) {
            offers.push((process.group.clone(), "group".to_owned()));
        }
    }
    offers
}

/// A command line as far as it has been typed, but for its last word.
struct Line<'c> {
    /// The verb, or the program where none has been typed yet.
    command: &'c Command,
    has_verb: bool,
    /// What was typed of what has no dashes.
    places: Vec<String>,
    /// The option whose value comes next.
    pending: Option<&'c Arg>,
    /// Whether everything from here on is a value, whatever it looks like.
    flags_ended: bool,
    /// Which server it is about.
    global: Global,
}

impl<'c> Line<'c> {
    /// Reads a line; `None` when no word can follow that would mean anything.
    fn read(table: &'c Command, words: &[String]) -> Option<Self> {
        let global = Global { config: None, server: None, username: None, password: None, no_color: false };
        let places = Vec::new();
        let mut line =
            Line { command: table, has_verb: false, places, pending: None, flags_ended: false, global };
        words.iter().try_for_each(|it| line.take(it))?;
        Some(line)
    }

    fn take(&mut self, word: &str) -> Option<()> {
        if let Some(arg) = self.pending.take() {
            self.set(arg, word);
        } else if self.flags_ended || !word.starts_with('-') || word == "-" {
            if self.has_verb {
                self.places.push(word.to_owned());
            } else {
                self.command = self.command.find_subcommand(word)?;
                self.has_verb = true;
            }
        } else if word == "--" {
            self.flags_ended = true;
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(it, value)| (it, Some(value)));
            self.option(self.find(|it| is_called(it, name)), value);
        } else {
            for (at, letter) in word.char_indices().skip(1) {
                let rest = word.get(at + letter.len_utf8()..).filter(|it| !it.is_empty());
                let arg = self.find(|it| it.get_short() == Some(letter));
                if arg.is_some_and(takes_value) {
                    self.option(arg, rest);
                    break;
                }
            }
        }
        Some(())
    }

    fn find(&self, is_it: impl Fn(&&'c Arg) -> bool) -> Option<&'c Arg> {
        self.command.get_arguments().find(is_it)
    }

    fn option(&mut self, arg: Option<&'c Arg>, value: Option<&str>) {
        match (arg.filter(|it| takes_value(it)), value) {
            (Some(arg), Some(value)) => self.set(arg, value),
            (arg, _) => self.pending = arg,
        }
    }

    fn set(&mut self, arg: &Arg, value: &str) {
        let value = value.to_owned();
        match arg.get_id().as_str() {
            "config" => self.global.config = Some(value.into()),
            "server" => self.global.server = Some(value),
            "username" => self.global.username = Some(value),
            "password" => self.global.password = Some(value),
            _ => {}
        }
    }

    /// What `current` may become.
    fn offers(&self, current: &str, fetch: &dyn Fn(Wanted) -> Vec<Offer>) -> Vec<Offer> {
        let (lead, typed, offers) = if let Some(arg) = self.pending {
            ("", current, values(arg, current, false, fetch))
        } else if let Some((name, value)) = current.strip_prefix("--").and_then(|it| it.split_once('=')) {
            let lead = current.get(..current.len() - value.len()).unwrap_or_default();
            let arg = self.find(|it| is_called(it, name));
            (lead, value, arg.map(|it| values(it, value, false, fetch)).unwrap_or_default())
        } else if current.starts_with('-') && !self.flags_ended {
            ("", current, self.flags())
        } else if self.has_verb {
            ("", current, self.place(current, fetch))
        } else {
            ("", current, verbs(self.command))
        };
        let fits = offers.into_iter().filter(|(word, _)| word.starts_with(typed));
        let new = fits.filter(|(word, _)| !self.places.contains(word));
        new.map(|(word, help)| (format!("{lead}{word}"), help)).collect()
    }

    fn flags(&self) -> Vec<Offer> {
        let shown = self.command.get_arguments().filter(|it| !it.is_hide_set());
        let long = |it: &Arg| Some((format!("--{}", it.get_long()?), help_of(it)));
        shown.filter_map(long).collect()
    }

    /// What may stand where the word is.
    fn place(&self, current: &str, fetch: &dyn Fn(Wanted) -> Vec<Offer>) -> Vec<Offer> {
        let places: Vec<_> = self.command.get_positionals().collect();
        let Some(arg) = places.get(self.places.len()).or(places.last().filter(|it| is_many(it))) else {
            return Vec::new();
        };
        if self.command.get_name() == "help" {
            return help_topics();
        }
        if self.command.get_name() == "add" {
            return fetch(Wanted::Addable);
        }
        values(arg, current, true, fetch)
    }
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn is_called(arg: &Arg, name: &str) -> bool {
    let aliases = arg.get_all_aliases().unwrap_or_default();
    arg.get_long() == Some(name) || aliases.contains(&name)
}

/// Whether it takes any number of words.
fn is_many(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|it| it.max_values() > 1)
        || matches!(arg.get_action(), clap::ArgAction::Append)
}

fn help_of(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}

fn verbs(table: &Command) -> Vec<Offer> {
    let shown = table.get_subcommands().filter(|it| !it.is_hide_set());
    let about = |it: &Command| it.get_about().map(ToString::to_string).unwrap_or_default();
    shown.map(|it| (it.get_name().to_owned(), about(it))).collect()
}

fn help_topics() -> Vec<Offer> {
    let mut topics = verbs(&args::table());
    topics.push(("options".to_owned(), "what a configuration may say".to_owned()));
    topics
}

/// What the value of an argument may be; `place` when it has no dashes.
fn values(arg: &Arg, typed: &str, place: bool, fetch: &dyn Fn(Wanted) -> Vec<Offer>) -> Vec<Offer> {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        let help = |it: &clap::builder::PossibleValue| it.get_help().map(ToString::to_string);
        return possible.iter().map(|it| (it.get_name().to_owned(), help(it).unwrap_or_default())).collect();
    }
    let named = arg.get_value_names().and_then(|it| it.first()).map(ToString::to_string);
    match named.unwrap_or_else(|| arg.get_id().as_str().to_uppercase()).as_str() {
        "FILE" => files(typed),
        "GROUP" if place => fetch(Wanted::Groups),
        "NAME" if place => fetch(Wanted::Processes { several: is_many(arg) }),
        "SIGNAL" => SIGNALS.iter().map(|it| ((*it).to_owned(), String::new())).collect(),
        _ => Vec::new(),
    }
}

/// Those that people send.
const SIGNALS: [&str; 12] =
    ["HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "CONT", "STOP", "TSTP", "WINCH", "ALRM"];

/// The files that begin like this; folders end with a slash, and hidden ones are found by their dot.
fn files(typed: &str) -> Vec<Offer> {
    let (folder, name) = typed.rsplit_once('/').map_or(("", typed), |(folder, name)| (folder, name));
    let lead = typed.get(..typed.len() - name.len()).unwrap_or_default();
    let place = match (lead, folder) {
        ("", _) => Path::new("."),
        (_, "") => Path::new("/"),
        (_, folder) => Path::new(folder),
    };
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let mut offers: Vec<Offer> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let slash = if entry.path().is_dir() { "/" } else { "" };
            Some((format!("{lead}{name}{slash}"), String::new()))
        })
        .filter(|(word, _)| name.starts_with('.') || !word[lead.len()..].starts_with('.'))
        .collect();
    offers.sort();
    offers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(wanted: Wanted) -> Vec<Offer> {
        let process = |group: &str, name: &str| RemoteProcess {
            group: group.to_owned(),
            name: name.to_owned(),
            ..RemoteProcess::default()
        };
        let all = [process("cat", "cat"), process("web", "web_00"), process("web", "web_01")];
        match wanted {
            Wanted::Processes { several } => processes(&all, several),
            Wanted::Groups => groups(&all),
            Wanted::Addable => vec![("new".to_owned(), String::new())],
        }
    }

    /// What a line may become; its last word is the one being typed.
    fn offered(line: &str) -> String {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let mut table = args::table();
        table.build();
        let (current, before) = words[1..].split_last().unwrap();
        let Some(line) = Line::read(&table, before) else { return "nothing".to_owned() };
        let offers = line.offers(current, &known);
        offers.into_iter().map(|(word, _)| word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_word_is_completed_by_what_stands_before_it() {
        let cases = [
            ("menshen sta", "status start"),
            ("menshen start ", "cat web:* web:web_00 web:web_01 all"),
            ("menshen stop cat web:", "web:* web:web_00 web:web_01"),
            ("menshen stop cat c", ""),
            ("menshen fg ", "cat web:web_00 web:web_01"),
            ("menshen tail -f -n 5 w", "web:web_00 web:web_01"),
            ("menshen tail cat ", "stdout stderr"),
            ("menshen signal H", "HUP"),
            ("menshen signal HUP ca", "cat"),
            ("menshen update ", "cat web"),
            ("menshen add ", "new"),
            ("menshen wait cat --until ", "running stopped exited"),
            ("menshen wait cat --until=e", "--until=exited"),
            ("menshen wait --timeout 3 ca", "cat"),
            ("menshen help st", "status start stop"),
            ("menshen status --js", "--json"),
            ("menshen completions ", "bash zsh fish"),
            ("menshen nonsense ", "nothing"),
            ("menshen version ", ""),
            ("menshen stop -- --", ""),
        ];
        for (line, expected) in cases {
            assert_eq!(offered(line), expected, "{line}");
        }
    }

    #[test]
    fn the_server_is_the_one_the_line_names() {
        let mut table = args::table();
        table.build();
        let words = ["-c", "a.conf", "stop", "--serverurl=unix:///s", "-ume", "--no-color", "-p", "x"]
            .map(str::to_owned);
        let global = Line::read(&table, &words).unwrap().global;
        assert_eq!(global.config.unwrap().to_str(), Some("a.conf"));
        let said = [global.server, global.username, global.password];
        assert_eq!(said.map(Option::unwrap), ["unix:///s", "me", "x"]);
    }

    #[test]
    fn files_are_offered_where_files_are_meant() {
        let room = tempfile::tempdir().unwrap();
        std::fs::write(room.path().join("a.conf"), "").unwrap();
        std::fs::write(room.path().join(".hidden"), "").unwrap();
        std::fs::create_dir(room.path().join("conf.d")).unwrap();
        let here = room.path().display();
        let line = format!("menshen -c {here}/");
        assert_eq!(offered(&line), format!("{here}/a.conf {here}/conf.d/"));
        assert_eq!(offered(&format!("menshen stop --config={here}/a")), format!("--config={here}/a.conf"));
    }
}
