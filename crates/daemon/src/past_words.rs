//! What the history says of things that happen, to people and to programs, and how an end is read back from it.

use std::collections::BTreeMap;

use model::audit::{Outcome, Record};
use model::event::{Event, StateDetail};
use model::exit::{EndCause, Ended, ExitStatus};
use model::past::{Happening, Kind};
use model::signal::Signal;
use model::state::ProcessState;
use model::usage::ExitRecord;
use serde_json::{Value as Json, json};
use supervisor::supervisor::Supervisor;

use crate::recall::Origin;

/// How many lines, and how long ones, are read back of what a child said last: no more than were written.
const LINES_MAX: usize = 10;

/// How this daemon has come to be.
pub(crate) const fn beginning(origin: Origin) -> &'static str {
    match origin {
        Origin::Fresh => "it has begun",
        Origin::Heir => "the daemon was replaced after its death; the programs run on",
        Origin::Successor => "another daemon has taken over; the programs run on",
        Origin::Finder => "it has begun, and found programs that run on",
    }
}

/// What to keep of an event: its kind, to which process, in words, and as JSON. Output and ticks are none of it, and
/// what clients say to listeners neither.
pub(crate) fn event(event: &Event, supervisor: &Supervisor) -> Option<(Kind, String, String, String)> {
    match event {
        Event::ProcessState { name, from, to, detail } => {
            let is_failure = matches!(to, ProcessState::Backoff | ProcessState::Fatal);
            let error = supervisor.info(name, os::clock::now()).and_then(|it| it.spawn_error);
            let error = error.filter(|it| is_failure && !it.is_empty());
            let kind = if *to == ProcessState::Starting { Kind::Start } else { Kind::State };
            let mut details = BTreeMap::from([("from", json!(from.as_str())), ("to", json!(to.as_str()))]);
            let mut text = to.as_str().to_owned();
            match *detail {
                StateDetail::Tries(tries) => {
                    details.insert("tries", json!(tries));
                    if tries > 0 {
                        let starts = if tries == 1 { " failed start" } else { " failed starts" };
                        text.extend([" after ", &tries.to_string(), starts]);
                    }
                }
                StateDetail::Pid(pid) | StateDetail::Ended { pid, .. } if pid != 0 => {
                    details.insert("pid", json!(pid));
                    text.extend([", pid ", &pid.to_string()]);
                }
                StateDetail::Pid(_) | StateDetail::Ended { .. } | StateDetail::None => {}
            }
            if let Some(error) = error {
                text.extend([": ", &error]);
                details.insert("error", json!(error));
            }
            Some((kind, name.to_string(), text, json!(details).to_string()))
        }
        Event::GroupAdded(name) => {
            let text = format!("group {name} is active");
            Some((Kind::Config, String::new(), text, json!({ "added": name.as_str() }).to_string()))
        }
        Event::GroupRemoved(name) => {
            let text = format!("group {name} is gone");
            Some((Kind::Config, String::new(), text, json!({ "removed": name.as_str() }).to_string()))
        }
        Event::SupervisorStateChange(state) => {
            let details = json!({ "state": state.as_str() }).to_string();
            Some((Kind::Supervisor, String::new(), state.as_str().to_owned(), details))
        }
        Event::ProcessLog { .. }
        | Event::ProcessCommunication { .. }
        | Event::RemoteCommunication { .. }
        | Event::Tick { .. } => None,
    }
}

/// The end of a child, in words.
pub(crate) fn exit(record: &ExitRecord) -> String {
    let how = match record.ended.cause {
        EndCause::Expected => "as expected",
        EndCause::Unexpected => "which its exitcodes do not expect",
        EndCause::TooEarly => "before it was up",
        EndCause::Stopped => "as it was asked to",
        EndCause::Killed => "as it did not stop when it was asked to",
    };
    let memory = if record.out_of_memory { "; memory had run out" } else { "" };
    format!("{}, {how}{memory}", record.ended.status)
}

/// An order in words. `is_named` tells that the process is told beside it.
pub(crate) fn order(record: &Record, is_named: bool) -> String {
    let what = record.what.split_once('.').map_or(record.what.as_str(), |it| it.1);
    let about =
        if is_named || record.about.is_empty() { String::new() } else { format!(" {}", record.about) };
    let outcome = match &record.outcome {
        Outcome::Done => String::new(),
        Outcome::Failed(reason) => format!(": failed, {reason}"),
        Outcome::Denied(reason) => format!(": denied, {reason}"),
    };
    format!("{what}{about} by {} from {}{outcome}", record.who, record.door)
}

/// An order for programs.
pub(crate) fn order_details(record: &Record) -> String {
    let mut details = BTreeMap::from([
        ("who", record.who.to_string()),
        ("from", record.door.to_string()),
        ("what", record.what.clone()),
        ("about", record.about.clone()),
        ("outcome", record.outcome.as_str().to_owned()),
    ]);
    details.extend(record.outcome.reason().map(|it| ("reason", it.to_owned())));
    json!(details).to_string()
}

/// The end of a child as it was written down.
pub(crate) fn exit_of(happening: &Happening) -> Option<ExitRecord> {
    let details: Json = serde_json::from_str(&happening.details).ok()?;
    let text = |name: &str| details.get(name).and_then(Json::as_str);
    let number = |name: &str| details.get(name).and_then(Json::as_f64).unwrap_or(0.0);
    let truth = |name: &str| details.get(name).and_then(Json::as_bool).unwrap_or(false);
    let code = details.get("code").and_then(Json::as_u64).and_then(|it| u8::try_from(it).ok());
    let status = match (code, text("signal").map(Signal::parse)) {
        (Some(code), _) => ExitStatus::Exited(code),
        (None, Some(Ok(signal))) => ExitStatus::Signaled { signal, core: truth("core") },
        (None, Some(Err(_)) | None) => ExitStatus::Unknown,
    };
    let cause = text("cause")?;
    let cause = EndCause::ALL.into_iter().find(|it| it.as_str() == cause)?;
    let lines = details.get("last_lines").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let lines = lines.iter().filter_map(Json::as_str).take(LINES_MAX).map(str::to_owned);
    Some(ExitRecord {
        ended: Ended { status, at: happening.at, cause },
        cpu_ms: whole(number("cpu_seconds") * 1000.0),
        peak_kib: whole(number("peak_bytes") / 1024.0),
        out_of_memory: truth("out_of_memory"),
        last_lines: lines.collect(),
    })
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a conversion that saturates is what is wanted of a number somebody else may have written"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use model::audit::{Door, Who};
    use model::time::Wall;

    use super::*;

    #[test]
    fn an_end_is_read_back_as_it_was_written() {
        let signal = Signal::parse("SEGV").unwrap();
        let cases = [
            (ExitStatus::Exited(3), EndCause::Unexpected),
            (ExitStatus::Signaled { signal, core: true }, EndCause::TooEarly),
            (ExitStatus::Signaled { signal: Signal::KILL, core: false }, EndCause::Killed),
            (ExitStatus::Unknown, EndCause::Stopped),
            (ExitStatus::Exited(0), EndCause::Expected),
        ];
        for (status, cause) in cases {
            let record = ExitRecord {
                ended: Ended { status, at: Wall::from_seconds(7), cause },
                cpu_ms: 1234,
                peak_kib: 5678,
                out_of_memory: cause == EndCause::Killed,
                last_lines: vec!["it's \"over\"".to_owned(), "\u{fffd}\u{1b}[31m".to_owned()],
            };
            let happening = Happening {
                at: record.ended.at,
                name: "a".to_owned(),
                kind: Kind::Exit,
                text: exit(&record),
                details: api::json::text(&api::why::exit(&record)),
            };
            assert_eq!(exit_of(&happening), Some(record), "{}", happening.text);
            assert_eq!(exit_of(&Happening { details: "{}".to_owned(), ..happening }), None);
        }
    }

    #[test]
    fn an_order_is_told_with_who_gave_it() {
        let record = Record {
            at: Wall::default(),
            who: Who::User("alice".into()),
            door: Door::Inet([10, 0, 0, 7].into()),
            what: "supervisor.stopProcess".to_owned(),
            about: "web".to_owned(),
            outcome: Outcome::Failed("NOT_RUNNING: web".to_owned()),
        };
        assert_eq!(order(&record, true), "stopProcess by alice from 10.0.0.7: failed, NOT_RUNNING: web");
        assert_eq!(
            order(&Record { outcome: Outcome::Done, ..record.clone() }, false),
            "stopProcess web by alice from 10.0.0.7"
        );
        assert!(order_details(&record).contains("\"reason\":\"NOT_RUNNING: web\""));
    }
}
