//! `start`, `stop`, `restart`, `signal`, `clear`, `rotate`: a wish, and for each process whether it came true.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use model::fault::FaultCode;

use crate::client::{CallError, Client, Scope, Target};
use crate::remote::{Outcome, RemoteProcess};
use crate::verbs::paint::Tone;
use crate::verbs::targets::{self, Pick};
use crate::verbs::{DONE, Desk, FAILED, Trouble};

/// How many processes are asked for at once. Each waits on a connection of its own until its process
/// is up or down, so one after another would take as long as all of them together.
const AT_ONCE: usize = 16;

/// What is to become of processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// They run.
    Start,
    /// They do not.
    Stop,
    /// They run, anew.
    Restart,
    /// They got this signal.
    Signal(String),
    /// Their logs are empty.
    Clear,
    /// Their logs are rotated.
    Rotate,
}

/// What became of one process.
#[derive(Debug)]
enum Deed {
    /// As wished.
    Done,
    /// It was so already.
    Already,
    /// The server refused.
    Refused { code: Option<FaultCode>, text: String },
    /// The server was not understood, or not reached.
    Lost(CallError),
}

impl Wish {
    /// The words for a process for which it came true, and for one for which it was true already.
    const fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Start => ("started", "already running"),
            Self::Stop => ("stopped", "not running"),
            Self::Restart => ("restarted", "restarted"),
            Self::Signal(_) => ("signaled", "signaled"),
            Self::Clear => ("cleared", "cleared"),
            Self::Rotate => ("rotated", "rotated"),
        }
    }

    /// The refusal that means that it is true already.
    const fn fulfilled_by(&self) -> Option<FaultCode> {
        match self {
            Self::Start => Some(FaultCode::AlreadyStarted),
            Self::Stop => Some(FaultCode::NotRunning),
            Self::Restart | Self::Signal(_) | Self::Clear | Self::Rotate => None,
        }
    }

    fn judge(&self, result: Result<(), CallError>) -> Deed {
        match result {
            Ok(()) => Deed::Done,
            Err(error @ CallError::Fault { .. }) => self.judge_fault(error.fault(), error.to_string()),
            Err(error) => Deed::Lost(error),
        }
    }

    fn judge_fault(&self, code: Option<FaultCode>, text: String) -> Deed {
        if code.is_some() && code == self.fulfilled_by() {
            Deed::Already
        } else {
            Deed::Refused { code, text }
        }
    }

    fn one(&self, client: &mut Client, name: &str) -> Deed {
        let result = match self {
            Self::Start => client.start(name),
            Self::Stop => client.stop(name),
            Self::Signal(signal) => client.signal(name, signal),
            Self::Clear => client.clear(name),
            Self::Rotate => return self.rotate(client, name),
            Self::Restart => match Self::Stop.judge(client.stop(name)) {
                Deed::Done | Deed::Already => client.start(name),
                deed @ (Deed::Refused { .. } | Deed::Lost(_)) => return deed,
            },
        };
        self.judge(result)
    }

    /// The server rotates several or none, and says what became of each.
    fn rotate(&self, client: &mut Client, name: &str) -> Deed {
        match client.rotate(&[name]) {
            Ok(outcomes) => match outcomes
                .into_iter()
                .find(|it| FaultCode::from_code(it.status) != Some(FaultCode::Success))
            {
                Some(outcome) => self.judge_fault(FaultCode::from_code(outcome.status), outcome.description),
                None => Deed::Done,
            },
            Err(error) => self.judge(Err(error)),
        }
    }

    /// The same for all of a group, or all there are; the server keeps the order.
    fn many(&self, client: &mut Client, scope: Scope<'_>) -> Result<Vec<Outcome>, CallError> {
        match self {
            Self::Start => client.start_many(scope),
            Self::Stop => client.stop_many(scope),
            Self::Signal(signal) => client.signal_many(scope, signal),
            Self::Clear => client.clear_all(),
            Self::Rotate => match scope {
                Scope::All => {
                    let names: Vec<_> = client.processes()?.iter().map(RemoteProcess::full_name).collect();
                    client.rotate(&names.iter().map(String::as_str).collect::<Vec<_>>())
                }
                Scope::Group(group) => client.rotate(&[&format!("{group}:*")]),
            },
            Self::Restart => {
                client.stop_many(scope)?;
                client.start_many(scope)
            }
        }
    }
}

/// How many came to what.
#[derive(Debug, Default)]
struct Tally {
    done: usize,
    already: usize,
    failed: usize,
}

impl Tally {
    fn summary(&self, wish: &Wish) -> String {
        let (done, already) = wish.words();
        let parts = [(self.done, done), (self.already, already), (self.failed, "failed")];
        let parts: Vec<_> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
    }
}

/// Carries a wish out for these names, one line for each process, and a last one that sums up.
pub(crate) fn carry_out(desk: &mut Desk<'_>, wish: &Wish, names: &[String]) -> Result<u8, Trouble> {
    let processes = desk.client.processes()?;
    let picks = targets::pick(&mut desk.client, names, &processes).map_err(|trouble| match trouble {
        // Half a wish, with the other half misspelled, is better not granted at all.
        Trouble::Names(mut lines) if names.len() > 1 => {
            lines.push("nothing was done".to_owned());
            Trouble::Names(lines)
        }
        other @ (Trouble::Names(_)
        | Trouble::Call(_)
        | Trouble::Output(_)
        | Trouble::Usage(_)
        | Trouble::Interrupted) => other,
    })?;
    let mut tally = Tally::default();
    let mut ones = Vec::new();
    for pick in &picks {
        match (pick, wish) {
            (Pick::One(name), _) => ones.push(name.clone()),
            // The server has no word for this.
            (Pick::Group(_), Wish::Clear) => {
                ones.extend(processes.iter().filter(|it| pick.covers(it)).map(RemoteProcess::full_name));
            }
            (Pick::Group(group), _) => whole(desk, wish, Scope::Group(group), &processes, &mut tally)?,
            (Pick::All, _) => whole(desk, wish, Scope::All, &processes, &mut tally)?,
        }
    }
    each(desk, wish, &ones, &mut tally)?;
    if tally.done + tally.already + tally.failed != 1 {
        desk.say(tally.summary(wish))?;
    }
    Ok(if tally.failed == 0 { DONE } else { FAILED })
}

/// All of a group, or all there are, in one call. Processes the server does not mention were as
/// wished before.
fn whole(
    desk: &mut Desk<'_>,
    wish: &Wish,
    scope: Scope<'_>,
    processes: &[RemoteProcess],
    tally: &mut Tally,
) -> Result<(), Trouble> {
    let outcomes = wish.many(&mut desk.client, scope)?;
    for outcome in &outcomes {
        let code = FaultCode::from_code(outcome.status);
        let deed = match code {
            Some(FaultCode::Success) => Deed::Done,
            code => wish.judge_fault(code, outcome.description.clone()),
        };
        tell(desk, wish, &outcome.name, deed, tally)?;
    }
    let in_scope = processes.iter().filter(|it| match scope {
        Scope::All => true,
        Scope::Group(group) => it.group == group,
    });
    let unmentioned = in_scope.filter(|it| !outcomes.iter().any(|told| told.name == it.full_name())).count();
    match wish {
        Wish::Start | Wish::Stop => tally.already += unmentioned,
        // Those that do not run are not meant by a signal to all.
        Wish::Restart | Wish::Signal(_) | Wish::Clear | Wish::Rotate => {}
    }
    Ok(())
}

/// Several processes, one by one or side by side.
fn each(desk: &mut Desk<'_>, wish: &Wish, names: &[String], tally: &mut Tally) -> Result<(), Trouble> {
    if let [name] = names {
        let deed = wish.one(&mut desk.client, name);
        return tell(desk, wish, name, deed, tally);
    }
    let target = desk.client.target().clone();
    side_by_side(&target, wish, names, |name, deed| tell(desk, wish, name, deed, tally))
}

fn side_by_side(
    target: &Target,
    wish: &Wish,
    names: &[String],
    mut tell: impl FnMut(&str, Deed) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let next = AtomicUsize::new(0);
    let (results, told) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..names.len().min(AT_ONCE) {
            let (results, next) = (results.clone(), &next);
            scope.spawn(move || {
                let mut client = Client::new(target.clone());
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let deed = wish.one(&mut client, name);
                    if results.send((name, deed)).is_err() {
                        return; // There is nowhere to tell it to any more.
                    }
                }
            });
        }
        drop(results);
        told.into_iter().try_for_each(|(name, deed)| tell(name, deed))
    })
}

/// Prints what became of one process, and counts it.
fn tell(desk: &mut Desk<'_>, wish: &Wish, name: &str, deed: Deed, tally: &mut Tally) -> Result<(), Trouble> {
    let (done, already) = wish.words();
    let text = match deed {
        Deed::Done => {
            tally.done += 1;
            desk.paint.text(Tone::Good, done)
        }
        Deed::Already => {
            tally.already += 1;
            desk.paint.text(Tone::Quiet, already)
        }
        Deed::Refused { code, text } => {
            tally.failed += 1;
            let reason = reason(&mut desk.client, name, code, &text);
            format!("{}: {reason}", desk.paint.text(Tone::Bad, "failed"))
        }
        Deed::Lost(error) => return Err(error.into()),
    };
    desk.say(format!("{name}: {text}"))
}

/// Words for the faults an order can meet.
const REASONS: [(FaultCode, &str); 9] = [
    (FaultCode::BadName, "there is no such process any more"),
    (FaultCode::BadSignal, "there is no such signal"),
    (FaultCode::NotRunning, "it does not run"),
    (FaultCode::NoFile, "its command does not exist"),
    (FaultCode::NotExecutable, "its command cannot be executed"),
    (FaultCode::SpawnError, "it could not be started"),
    (FaultCode::AbnormalTermination, "it ended before it was up"),
    (FaultCode::ShutdownState, "the server is shutting down"),
    (FaultCode::AlreadyStarted, "someone else has started it"),
];

/// Why the server refused, and where to look.
pub(crate) fn reason(client: &mut Client, name: &str, code: Option<FaultCode>, text: &str) -> String {
    let Some((code, words)) = REASONS.into_iter().find(|(it, _)| Some(*it) == code) else {
        return match text.split_once(": ") {
            Some((_, extra)) => format!("the server could not do it: {extra}"),
            None => format!("the server could not do it: {text}"),
        };
    };
    if code == FaultCode::NoFile || code == FaultCode::NotExecutable {
        // Servers name the command, but for old ones, which repeat the name of the process.
        let told = text.split_once(": ").map(|(_, extra)| extra).filter(|it| *it != name);
        return told.unwrap_or(words).to_owned();
    }
    if code != FaultCode::SpawnError && code != FaultCode::AbnormalTermination {
        return words.to_owned();
    }
    // The server knows more about a start that failed, and the process may have said why.
    let known = client.process(name).map(|it| it.spawn_error).unwrap_or_default();
    let separator = if known.is_empty() { "" } else { ": " };
    format!("{words}{separator}{known}; see menshen tail {name} stderr")
}
