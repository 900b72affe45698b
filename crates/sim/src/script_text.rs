//! Scripts as text: one fact per line, in words an operator knows.
//!
//! ```text
//! # A program that ignores its stop signal is killed.
//! group rock priority=10
//!   program rock stopwaitsecs=2
//!     life ignores
//! at 5 stop rock
//! at 7.5 expect rock STOPPED
//! ```

use std::collections::BTreeMap;

use std::fmt;
use std::str::{FromStr, SplitWhitespace};

use anyhow::{Context, Result, bail};
use model::name::{FullName, GroupName, Namespec, ProcessName};
use model::signal::Signal;
use model::spec::AutoRestart;
use model::state::ProcessState;
use supervisor::input::{Departure, Request, Selection};

use crate::disaster::{Death, Who};
use crate::script::{Act, End, Expectation, Group, Life, Program, Refusal, Script, Step};

impl FromStr for Script {
    type Err = anyhow::Error;

    /// # Errors
    /// When a line says something that is not known, with the number of the line.
    fn from_str(text: &str) -> Result<Self> {
        let mut script = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            script.take(line).with_context(|| format!("line {}: {line}", index + 1))?;
        }
        script.steps.sort_by_key(|it| it.at_ms);
        Ok(script)
    }
}

impl Script {
    fn take(&mut self, line: &str) -> Result<()> {
        if let Some(comment) = line.strip_prefix('#') {
            self.comments.push(comment.trim().to_owned());
            return Ok(());
        }
        let mut words = line.split_whitespace();
        match words.next() {
            None => {}
            Some("group") => self.groups.push(group(&mut words)?),
            Some("program") => {
                let group = self.groups.last_mut().context("a program before any group")?;
                group.programs.push(program(&mut words)?);
            }
            Some("life") => {
                let program = self.groups.last_mut().and_then(|it| it.programs.last_mut());
                program.context("a life before any program")?.lives.push(life(&mut words)?);
            }
            Some("at") => {
                let at_ms = millis(word(&mut words)?)?;
                let act = act(&mut words)?;
                self.steps.push(Step { at_ms, act });
            }
            Some(other) => bail!("`{other}` is not known"),
        }
        match words.next() {
            None => Ok(()),
            Some(rest) => bail!("`{rest}` is too much"),
        }
    }
}

pub(crate) fn word<'a>(words: &mut SplitWhitespace<'a>) -> Result<&'a str> {
    words.next().context("something is missing at the end")
}

/// Seconds with up to three decimals, as milliseconds.
pub(crate) fn millis(text: &str) -> Result<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 {
        bail!("`{text}` has more than three decimals");
    }
    let whole: u64 = whole.parse().with_context(|| format!("`{text}` is no time"))?;
    let part: u64 = format!("{part:0<3}").parse().with_context(|| format!("`{text}` is no time"))?;
    Ok(whole * 1000 + part)
}

pub(crate) fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn full_name(text: &str) -> Result<FullName> {
    let spec = Namespec::parse(text);
    let process = spec.process.context("a process is meant, not a group")?;
    Ok(FullName { group: GroupName::parse(spec.group)?, process: ProcessName::expanded(process) })
}

fn group(words: &mut SplitWhitespace<'_>) -> Result<Group> {
    let mut group =
        Group { name: word(words)?.to_owned(), priority: 999, later: false, programs: Vec::new() };
    for word in words {
        match word.split_once('=') {
            None if word == "later" => group.later = true,
            Some(("priority", value)) => group.priority = value.parse()?,
            _ => bail!("`{word}` is not known"),
        }
    }
    Ok(group)
}

fn program(words: &mut SplitWhitespace<'_>) -> Result<Program> {
    let mut program = Program::named(word(words)?);
    for word in words {
        let (option, value) = word.split_once('=').context("options are written as name=value")?;
        match option {
            "priority" => program.priority = value.parse()?,
            "autostart" => program.autostart = value.parse()?,
            "autorestart" => program.autorestart = autorestart(value)?,
            "startsecs" => program.startsecs = value.parse()?,
            "startretries" => program.startretries = value.parse()?,
            "stopwaitsecs" => program.stopwaitsecs = value.parse()?,
            other => bail!("`{other}` is not known"),
        }
    }
    Ok(program)
}

fn autorestart(text: &str) -> Result<AutoRestart> {
    Ok(match text {
        "false" => AutoRestart::Never,
        "unexpected" => AutoRestart::Unexpected,
        "true" => AutoRestart::Always,
        other => bail!("`{other}` is not known"),
    })
}

fn life(words: &mut SplitWhitespace<'_>) -> Result<Life> {
    let mut life = Life::default();
    while let Some(clause) = words.next() {
        match clause {
            "runs" => {}
            "refused" => {
                let reason = word(words)?;
                let found = Refusal::ALL.iter().find(|(_, it)| *it == reason);
                life.refused = Some(found.with_context(|| format!("`{reason}` is not known"))?.0);
            }
            "slow" => life.slow_ms = millis(word(words)?)?,
            "setup-fails" => life.setup_fails = true,
            "ends" => {
                let at = millis(word(words)?)?;
                let end = match word(words)? {
                    "code" => End::Code(word(words)?.parse()?),
                    "signal" => End::Signal(Signal::parse(word(words)?)?),
                    other => bail!("`{other}` is not known"),
                };
                life.ends = Some((at, end));
            }
            "ignores" => life.ignores = true,
            "stops" => life.stops_ms = millis(word(words)?)?,
            "untold" => life.untold_ms = millis(word(words)?)?,
            "denied" => life.denied = true,
            "doubtful" => life.doubtful = true,
            other => bail!("`{other}` is not known"),
        }
    }
    Ok(life)
}

/// Whether the client waits: it does unless it says `nowait`.
fn wait(words: &mut SplitWhitespace<'_>) -> Result<bool> {
    match words.next() {
        None => Ok(true),
        Some("nowait") => Ok(false),
        Some(other) => bail!("`{other}` is not known"),
    }
}

/// A group, names as `g:p,g:q`, or `all`.
fn selection(words: &mut SplitWhitespace<'_>) -> Result<Selection> {
    match word(words)? {
        "all" => Ok(Selection::All),
        list if list.contains(':') => {
            Ok(Selection::Named(list.split(',').map(full_name).collect::<Result<_>>()?))
        }
        name => Ok(Selection::Group(GroupName::parse(name)?)),
    }
}

fn departure(words: &mut SplitWhitespace<'_>) -> Result<Departure> {
    match word(words)? {
        "shutdown" => Ok(Departure::Shutdown),
        "restart" => Ok(Departure::Restart),
        other => bail!("`{other}` is not known"),
    }
}

fn act(words: &mut SplitWhitespace<'_>) -> Result<Act> {
    Ok(match word(words)? {
        "reread" => Act::Reread(words.map(str::to_owned).collect()),
        "update" => Act::Update(word(words)?.parse()?),
        "abandon" => Act::Abandon(word(words)?.parse()?),
        "leave" => Act::Leave(departure(words)?),
        "daemon-dies" => Act::Die(Death::parse(Who::Daemon, words)?),
        "keeper-dies" => Act::Die(Death::parse(Who::Keeper, words)?),
        "both-die" => Act::Die(Death::parse(Who::Both, words)?),
        "stall" => Act::Stall(millis(word(words)?)?),
        "jump-wall" => Act::JumpWall(word(words)?.parse()?),
        "expect" => Act::Expect(expectation(words)?),
        verb => Act::Ask(request(verb, words)?),
    })
}

fn request(verb: &str, words: &mut SplitWhitespace<'_>) -> Result<Request> {
    Ok(match verb {
        "start" => {
            let (name, named) = named(words)?;
            Request::Start { name, named, wait: wait(words)?, obstacle: None }
        }
        "stop" => {
            let (name, named) = named(words)?;
            Request::Stop { name, named, wait: wait(words)? }
        }
        "signal" => {
            let (name, named) = named(words)?;
            Request::Signal { name, named, signal: Signal::parse(word(words)?)? }
        }
        "start-many" => Request::StartMany {
            selection: selection(words)?,
            obstacles: BTreeMap::new(),
            wait: wait(words)?,
        },
        "stop-many" => Request::StopMany { selection: selection(words)?, wait: wait(words)? },
        "signal-many" => {
            Request::SignalMany { selection: selection(words)?, signal: Signal::parse(word(words)?)? }
        }
        "add" => Request::AddGroup { name: word(words)?.to_owned() },
        "remove" => Request::RemoveGroup { name: word(words)?.to_owned() },
        "adopt" => {
            let (name, named) = named(words)?;
            Request::Adopt { name, named }
        }
        "forget" => {
            let (name, named) = named(words)?;
            Request::Forget { name, named }
        }
        "ask-to-leave" => Request::Leave(departure(words)?),
        other => bail!("`{other}` is not known"),
    })
}

fn named(words: &mut SplitWhitespace<'_>) -> Result<(FullName, String)> {
    let text = word(words)?;
    Ok((full_name(text)?, text.to_owned()))
}

fn expectation(words: &mut SplitWhitespace<'_>) -> Result<Expectation> {
    Ok(match word(words)? {
        "quit" => Expectation::Quit,
        "answer" => {
            let number = word(words)?.parse()?;
            Expectation::Answer(number, words.collect::<Vec<_>>().join(" "))
        }
        name => Expectation::State(full_name(name)?, state(word(words)?)?),
    })
}

fn state(text: &str) -> Result<ProcessState> {
    let found = ProcessState::ALL.into_iter().find(|it| it.as_str() == text);
    found.with_context(|| format!("`{text}` is no state"))
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for comment in &self.comments {
            writeln!(f, "# {comment}")?;
        }
        for group in &self.groups {
            let later = if group.later { " later" } else { "" };
            writeln!(f, "group {} priority={}{later}", group.name, group.priority)?;
            for program in &group.programs {
                write!(f, "{program}")?;
            }
        }
        for step in &self.steps {
            writeln!(f, "at {} {}", seconds(step.at_ms), step.act)?;
        }
        Ok(())
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Self::named(&self.name);
        write!(f, "  program {}", self.name)?;
        let numbers = [
            ("priority", self.priority, usual.priority),
            ("startsecs", self.startsecs, usual.startsecs),
            ("startretries", self.startretries, usual.startretries),
            ("stopwaitsecs", self.stopwaitsecs, usual.stopwaitsecs),
        ];
        for (option, value, _) in numbers.into_iter().filter(|(_, value, usual)| value != usual) {
            write!(f, " {option}={value}")?;
        }
        if self.autostart != usual.autostart {
            write!(f, " autostart={}", self.autostart)?;
        }
        match self.autorestart {
            AutoRestart::Never => write!(f, " autorestart=false")?,
            AutoRestart::Unexpected => {}
            AutoRestart::Always => write!(f, " autorestart=true")?,
        }
        writeln!(f)?;
        for life in &self.lives {
            writeln!(f, "    life{life}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return write!(f, " runs");
        }
        if let Some(refused) = self.refused {
            let word = Refusal::ALL.iter().find(|(it, _)| *it == refused).map_or("missing", |(_, word)| word);
            write!(f, " refused {word}")?;
        }
        if self.slow_ms > 0 {
            write!(f, " slow {}", seconds(self.slow_ms))?;
        }
        if self.setup_fails {
            write!(f, " setup-fails")?;
        }
        match self.ends {
            None => {}
            Some((at, End::Code(code))) => write!(f, " ends {} code {code}", seconds(at))?,
            Some((at, End::Signal(signal))) => write!(f, " ends {} signal {signal}", seconds(at))?,
        }
        if self.ignores {
            write!(f, " ignores")?;
        }
        if self.stops_ms > 0 {
            write!(f, " stops {}", seconds(self.stops_ms))?;
        }
        if self.untold_ms > 0 {
            write!(f, " untold {}", seconds(self.untold_ms))?;
        }
        if self.denied {
            write!(f, " denied")?;
        }
        if self.doubtful {
            write!(f, " doubtful")?;
        }
        Ok(())
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(request) => f.write_str(&request_text(request)),
            Self::Die(death) => death.fmt(f),
            Self::Reread(groups) => write!(f, "reread {}", groups.join(" ")),
            Self::Update(seed) => write!(f, "update {seed}"),
            Self::Abandon(number) => write!(f, "abandon {number}"),
            Self::Leave(departure) => write!(f, "leave {}", how(*departure)),
            Self::Stall(ms) => write!(f, "stall {}", seconds(*ms)),
            Self::JumpWall(secs) => write!(f, "jump-wall {secs}"),
            Self::Expect(Expectation::State(name, state)) => write!(f, "expect {name} {state}"),
            Self::Expect(Expectation::Answer(number, text)) => write!(f, "expect answer {number} {text}"),
            Self::Expect(Expectation::Quit) => write!(f, "expect quit"),
        }
    }
}

fn request_text(request: &Request) -> String {
    let nowait = |wait: &bool| if *wait { "" } else { " nowait" };
    let whom = |selection: &Selection| match selection {
        Selection::All => "all".to_owned(),
        Selection::Group(name) => name.to_string(),
        Selection::Named(names) => {
            names.iter().map(|it| format!("{}:{}", it.group, it.process)).collect::<Vec<_>>().join(",")
        }
    };
    match request {
        Request::Start { named, wait, .. } => format!("start {named}{}", nowait(wait)),
        Request::Stop { named, wait, .. } => format!("stop {named}{}", nowait(wait)),
        Request::Signal { named, signal, .. } => format!("signal {named} {signal}"),
        Request::StartMany { selection, wait, .. } => {
            format!("start-many {}{}", whom(selection), nowait(wait))
        }
        Request::StopMany { selection, wait } => format!("stop-many {}{}", whom(selection), nowait(wait)),
        Request::SignalMany { selection, signal } => format!("signal-many {} {signal}", whom(selection)),
        Request::AddGroup { name } => format!("add {name}"),
        Request::RemoveGroup { name } => format!("remove {name}"),
        // Scripts ask for it by an act of its own, which has the configuration in it.
        Request::Update { .. } => "update 0".to_owned(),
        Request::Adopt { named, .. } => format!("adopt {named}"),
        Request::Forget { named, .. } => format!("forget {named}"),
        Request::Leave(departure) => format!("ask-to-leave {}", how(*departure)),
    }
}

const fn how(departure: Departure) -> &'static str {
    match departure {
        Departure::Shutdown => "shutdown",
        Departure::Restart => "restart",
    }
}
