//! `history`: what happened, the oldest first, as far as it is remembered.

use std::fmt::Write;

use model::past::Kind;
use model::time::{Civil, Utc, Wall, Zone};
use os::clock::LocalZone;
use serde_json::{Value as Json, json};
use wire::value::Value;

use crate::args::Format;
use crate::client::CallError;
use crate::remote::{Fields, each, text, word};
use crate::verbs::paint::Tone;
use crate::verbs::{DONE, Desk, NO_SUCH, Trouble, targets};

const METHOD: &str = "menshen.getHistory";

/// How long after its state the end of a child may be told, in seconds: both say the same.
const SAME_MOMENT_SECS: f64 = 2.0;

/// What of the history is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub names: Vec<String>,
    pub kinds: Vec<Kind>,
    pub since: Option<Since>,
    pub most: u16,
}

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// So many seconds before now.
    Ago(i64),
    /// This second.
    At(i64),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
struct Happening {
    at: f64,
    name: String,
    kind: String,
    text: String,
    details: Json,
}

/// `history`.
pub(crate) fn history(desk: &mut Desk<'_>, wish: &Wish, format: Format) -> Result<u8, Trouble> {
    let mut all = Vec::new();
    for name in subjects(desk, &wish.names)? {
        all.extend(ask(desk, name.as_deref(), wish)?);
    }
    all.sort_by(|a, b| a.at.total_cmp(&b.at));
    all.drain(..all.len().saturating_sub(wish.most.into()));
    if format.json {
        let list = all.iter().map(|it| {
            let name = (!it.name.is_empty()).then_some(&it.name);
            json!({ "at": it.at, "name": name, "kind": it.kind, "text": it.text, "details": it.details })
        });
        desk.print_json(&list.collect())?;
        return Ok(DONE);
    }
    if all.is_empty() {
        writeln!(desk.err, "menshen: nothing that fits is remembered")?;
        return Ok(if wish.names.is_empty() { DONE } else { NO_SUCH });
    }
    let shown: Vec<_> = if wish.kinds.is_empty() { without_echoes(&all) } else { all.iter().collect() };
    let width = shown.iter().map(|it| it.name.chars().count()).max().unwrap_or(0);
    // Below what happened, and a little to the right.
    let indent = 36 + width;
    for it in shown {
        let line = line(it, width, desk);
        desk.say(line)?;
        for last in last_lines(it) {
            let last = desk.paint.text(Tone::Quiet, &harmless(&last));
            desk.say(format!("{:indent$}{last}", ""))?;
        }
    }
    Ok(DONE)
}

/// Whose history is asked for: of everybody for `None`. A name of nobody may be that of somebody who is gone.
fn subjects(desk: &mut Desk<'_>, named: &[String]) -> Result<Vec<Option<String>>, Trouble> {
    if named.is_empty() || named.iter().any(|it| it == "all") {
        return Ok(vec![None]);
    }
    let processes = desk.client.processes()?;
    let mut subjects = Vec::new();
    for name in named {
        match targets::select(&mut desk.client, std::slice::from_ref(name), &processes) {
            Ok(found) => subjects.extend(found.iter().map(|it| Some(it.full_name()))),
            Err(Trouble::Names(_)) => subjects.push(Some(name.clone())),
            Err(other) => return Err(other),
        }
    }
    subjects.sort();
    subjects.dedup();
    Ok(subjects)
}

fn ask(desk: &mut Desk<'_>, name: Option<&str>, wish: &Wish) -> Result<Vec<Happening>, Trouble> {
    let since = match wish.since {
        None => 0,
        Some(Since::Ago(seconds)) => -seconds,
        Some(Since::At(second)) => second,
    };
    let kinds = Value::Array(wish.kinds.iter().map(|it| text(it.as_str())).collect());
    let mut parameters = vec![kinds, Value::Int(since), Value::Int(0), Value::Int(wish.most.into())];
    parameters.extend(name.map(text));
    let answer = desk.client.call(METHOD, &parameters).map_err(explain)?;
    Ok(each(METHOD, answer, |it| happening(&it))?)
}

/// A server without a history says so, and what to do about it.
fn explain(error: CallError) -> Trouble {
    let text = error.to_string();
    match text.strip_prefix("NO_FILE: ") {
        Some(reason) => Trouble::Usage(reason.to_owned()),
        None => error.into(),
    }
}

fn happening(fields: &Fields) -> Option<Happening> {
    // A server may write a whole number without a point.
    let whole = |it| f64::from(u32::try_from(crate::remote::integer(it).unwrap_or(0)).unwrap_or(0));
    let at = fields.get("at")?;
    let at = if let Value::Double(at) = at { *at } else { whole(at) };
    Some(Happening {
        at,
        name: word(fields, "name").unwrap_or_default(),
        kind: word(fields, "kind")?,
        text: word(fields, "text")?,
        details: fields.get("details").map_or(Json::Null, json_of),
    })
}

/// Without the states that only say once more that a child has ended.
fn without_echoes(all: &[Happening]) -> Vec<&Happening> {
    let is_end =
        |it: &Happening| it.kind == "state" && matches!(text_of(&it.details, "to"), "EXITED" | "STOPPED");
    let is_echo = |it: &Happening| {
        let is_told = |other: &Happening| {
            other.kind == "exit" && other.name == it.name && (other.at - it.at).abs() <= SAME_MOMENT_SECS
        };
        is_end(it) && all.iter().any(is_told)
    };
    all.iter().filter(|it| !is_echo(it)).collect()
}

fn line(it: &Happening, width: usize, desk: &Desk<'_>) -> String {
    let time = desk.paint.text(Tone::Quiet, &moment(it.at));
    let kind = format!("{:10}", it.kind);
    let what = desk.paint.text(tone(it), &harmless(&it.text));
    format!("{time}  {:width$}  {kind} {what}", harmless(&it.name))
}

/// How bad it is.
fn tone(it: &Happening) -> Tone {
    match (it.kind.as_str(), text_of(&it.details, "cause"), text_of(&it.details, "to")) {
        ("exit", "unexpected" | "too early" | "killed", _) | (_, _, "FATAL" | "UNKNOWN") => Tone::Bad,
        (_, _, "BACKOFF" | "STARTING" | "STOPPING") => Tone::Passing,
        (_, _, "RUNNING") => Tone::Good,
        ("action", ..) if text_of(&it.details, "outcome") != "done" => Tone::Bad,
        _ => Tone::Quiet,
    }
}

/// What a child wrote last, if it ended badly.
fn last_lines(it: &Happening) -> Vec<String> {
    if it.kind != "exit" {
        return Vec::new();
    }
    let lines = it.details.get("last_lines").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    lines.iter().filter_map(Json::as_str).map(str::to_owned).collect()
}

fn text_of<'a>(details: &'a Json, name: &str) -> &'a str {
    details.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// A moment as the clock on the wall shows it.
fn moment(at: f64) -> String {
    let Civil { year, month, day, hour, minute, second, .. } = LocalZone.civil(wall(at));
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(text, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    text
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "it saturates, and is only shown"
)]
fn wall(at: f64) -> Wall {
    Wall::from_seconds(at.floor() as i64)
}

/// A text that must neither move the cursor nor color the rest of the screen.
fn harmless(text: &str) -> String {
    text.chars().map(|it| if it.is_control() && it != '\t' { '\u{fffd}' } else { it }).collect()
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Int(it) => json!(it),
        Value::Bool(it) => json!(it),
        Value::Double(it) => json!(it),
        Value::String(it) | Value::DateTime(it) => json!(it),
        Value::Nil => Json::Null,
        Value::Array(items) => items.iter().map(json_of).collect(),
        Value::Struct(members) => {
            Json::Object(members.iter().map(|(name, it)| (name.to_owned(), json_of(it))).collect())
        }
    }
}

/// Reads `--since`: `90s`, `30m`, `2h`, `3d`, `1w`, or a date, with a time if wanted, on the clock of this machine.
pub(crate) fn since(text: &str) -> Result<Since, String> {
    let remedy = || {
        format!(
            "`{text}` is neither a while, as `30m`, `2h` or `3d`, nor a date, as `2026-11-25` or `2026-11-25 14:30`"
        )
    };
    if let Some(unit) = text.chars().last().filter(char::is_ascii_alphabetic) {
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return Err(remedy()),
        };
        let count: u32 = text.strip_suffix(unit).and_then(|it| it.parse().ok()).ok_or_else(remedy)?;
        return Ok(Since::Ago(i64::from(count) * seconds));
    }
    let wanted = digits(text).ok_or_else(remedy)?;
    second_of(&wanted).map(Since::At).ok_or_else(remedy)
}

/// Year, month, day, hour, minute, second, of `2026-11-25 14:30:05` or as much of it as there is.
fn digits(text: &str) -> Option<[i64; 6]> {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "0:0"));
    let mut parts = [0; 6];
    let numbers = date.splitn(3, '-').chain(time.splitn(3, ':'));
    let is_whole = date.split('-').count() == 3 && (2..=3).contains(&time.split(':').count());
    for (part, number) in parts.iter_mut().zip(numbers) {
        *part = number.parse().ok().filter(|it: &i64| *it >= 0)?;
    }
    Some(parts).filter(|_| is_whole)
}

/// The second at which the clock on the wall shows this; `None` when it never does.
fn second_of(wanted: &[i64; 6]) -> Option<i64> {
    let shown = |zone: &dyn Zone, at: i64| {
        let it = zone.civil(Wall::from_seconds(at));
        [it.year.into(), it.month.into(), it.day.into(), it.hour.into(), it.minute.into(), it.second.into()]
    };
    // In the order of time, so that the second can be found by halving.
    let (mut low, mut high) = (0_i64, 1_i64 << 33);
    while low < high {
        let middle = low + (high - low) / 2;
        if shown(&Utc, middle) < *wanted { low = middle + 1 } else { high = middle }
    }
    // No zone is farther away than this, and they differ by quarters of an hour.
    let quarters = (-64..=64).map(|it| low + it * 900);
    (shown(&Utc, low) == *wanted).then_some(())?;
    quarters.into_iter().find(|at| shown(&LocalZone, *at) == *wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_while_and_a_date_are_understood_and_nothing_else() {
        assert_eq!(since("90s"), Ok(Since::Ago(90)));
        assert_eq!(since("2h"), Ok(Since::Ago(7200)));
        assert_eq!(since("1w"), Ok(Since::Ago(604_800)));
        let Ok(Since::At(day)) = since("2026-11-25") else { panic!("a day") };
        assert_eq!(since("2026-11-25 14:30"), Ok(Since::At(day + 14 * 3600 + 30 * 60)));
        assert_eq!(since("2026-11-25T14:30:05"), Ok(Since::At(day + 14 * 3600 + 30 * 60 + 5)));
        assert_eq!(moment(f64::from(u32::try_from(day).unwrap())), "2026-11-25 00:00:00");
        for wrong in
            ["", "2", "h", "2y", "-2h", "2026-13-01", "2026-02-30", "2026-11", "25:00", "2026-11-25 14"]
        {
            assert!(since(wrong).unwrap_err().contains("`30m`"), "{wrong}");
        }
    }

    fn happened(at: f64, name: &str, kind: &str, to: &str) -> Happening {
        let (name, kind) = (name.to_owned(), kind.to_owned());
        Happening { at, name, kind, text: String::new(), details: json!({ "to": to }) }
    }

    #[test]
    fn an_end_is_told_once() {
        let all = [
            happened(1.0, "a", "exit", ""),
            happened(1.1, "a", "state", "EXITED"),
            happened(1.1, "b", "state", "EXITED"),
            happened(9.0, "a", "state", "STOPPED"),
            happened(1.2, "a", "state", "RUNNING"),
        ];
        let left: Vec<_> = without_echoes(&all).iter().map(|it| (it.at, it.name.as_str())).collect();
        assert_eq!(left, [(1.0, "a"), (1.1, "b"), (9.0, "a"), (1.2, "a")]);
    }
}
