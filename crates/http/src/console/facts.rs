//! What answers to calls mean for the pages. What is missing or strange is left out: a page that shows
//! most of it is better than none.

use model::exit::ExitStatus;
use model::language::Language;
use model::signal::Signal;
use model::state::ProcessState;
use web::feeds::{Change, Machine, Pool};
use web::overview::{Row, Usage};
use web::process::Options;
use wire::value::Value;

/// A member of a struct.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Struct(members) => members.get(name),
        Value::Int(_)
        | Value::Bool(_)
        | Value::String(_)
        | Value::Double(_)
        | Value::DateTime(_)
        | Value::Array(_)
        | Value::Nil => None,
    }
}

pub(super) fn items(value: &Value) -> &[Value] {
    if let Value::Array(items) = value { items } else { &[] }
}

/// A value as people read it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) | Value::DateTime(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Struct(_) | Value::Nil => String::new(),
    }
}

pub(super) fn text(value: &Value, name: &str) -> String {
    member(value, name).map(shown).unwrap_or_default()
}

fn count(value: &Value, name: &str) -> Option<u64> {
    if let Value::Int(number) = member(value, name)? { u64::try_from(*number).ok() } else { None }
}

fn number(value: &Value, name: &str) -> Option<f64> {
    if let Value::Double(number) = member(value, name)? { Some(*number) } else { None }
}

/// A number of bytes, which travels as one that can be greater than the integers of XML-RPC.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and nothing here has more than petabytes"
)]
fn size(value: &Value, name: &str) -> Option<u64> {
    number(value, name).map(|it| it as u64)
}

fn list(value: &Value, name: &str) -> Vec<String> {
    member(value, name).map(items).unwrap_or_default().iter().map(shown).collect()
}

/// One struct of `menshen.getProcesses`.
pub(super) fn row(value: &Value, language: Language) -> Option<Row> {
    let state = text(value, "state");
    let ended = member(value, "ended");
    let usage = member(value, "usage");
    Some(Row {
        name: text(value, "name"),
        group: text(value, "group"),
        process: text(value, "process"),
        state: ProcessState::ALL.into_iter().find(|it| it.as_str() == state)?,
        description: text(value, "description"),
        pid: count(value, "pid").and_then(|it| u32::try_from(it).ok()),
        uptime_secs: count(value, "uptime").unwrap_or(0),
        restarts: count(value, "restarts").unwrap_or(0),
        ended: ended.map(|it| ending(it, language)),
        has_failed: ended.is_some_and(|it| matches!(text(it, "cause").as_str(), "unexpected" | "too early")),
        usage: usage.and_then(|it| {
            let memory_bytes = size(it, "memory_bytes")?;
            Some(Usage { cpu_percent: number(it, "cpu_percent").unwrap_or(0.0), memory_bytes })
        }),
    })
}

/// How a child ended. What is neither a code nor a signal stays in the words it came in.
fn ending(value: &Value, language: Language) -> String {
    let exited = count(value, "code").and_then(|it| u8::try_from(it).ok()).map(ExitStatus::Exited);
    let signaled = || {
        let core = matches!(member(value, "core"), Some(Value::Bool(true)));
        Some(ExitStatus::Signaled { signal: Signal::parse(&text(value, "signal")).ok()?, core })
    };
    let status = exited.or_else(signaled);
    status.map_or_else(|| text(value, "description"), |it| it.in_words(language))
}

/// The struct of `menshen.getProcessOptions`.
pub(super) fn options(value: &Value) -> Options {
    let origin = member(value, "origin");
    let origin = origin.map(|it| format!("{}:{}", text(it, "file"), text(it, "line")));
    let values = match member(value, "options") {
        Some(Value::Struct(members)) => {
            members.iter().map(|(name, it)| (name.to_owned(), option(name, it))).collect()
        }
        Some(_) | None => Vec::new(),
    };
    let variable = |it: &Value| (text(it, "name"), member(it, "value").map(shown));
    Options {
        origin: origin.unwrap_or_default(),
        section: text(value, "section"),
        values,
        environment: member(value, "environment")
            .map(items)
            .unwrap_or_default()
            .iter()
            .map(variable)
            .collect(),
    }
}

/// One struct of `menshen.getListeners`.
pub(super) fn pool(value: &Value) -> Pool {
    Pool {
        name: text(value, "name"),
        events: list(value, "events"),
        waiting: count(value, "waiting").unwrap_or(0),
        dropped: count(value, "dropped").unwrap_or(0),
        processes: list(value, "processes"),
        running: count(value, "running").unwrap_or(0),
    }
}

/// The struct of `menshen.getMachine`; `None` when nobody has looked.
pub(super) fn machine(value: &Value) -> Option<Machine> {
    let memory = size(value, "memory_bytes")?;
    let load = member(value, "load").map(items).unwrap_or_default();
    Some(Machine {
        uptime_secs: count(value, "uptime").unwrap_or(0),
        processors: count(value, "processors").unwrap_or(0),
        cpu_percent: number(value, "cpu_percent"),
        load: load
            .iter()
            .filter_map(|it| if let Value::Double(it) = it { Some(*it) } else { None })
            .collect(),
        memory_bytes: (memory, memory.saturating_sub(size(value, "available_bytes").unwrap_or(0))),
        swap_bytes: (size(value, "swap_bytes").unwrap_or(0), size(value, "swapped_bytes").unwrap_or(0)),
    })
}

/// One struct of `menshen.plan`.
pub(super) fn change(value: &Value) -> Change {
    let (group, name) = (text(value, "group"), text(value, "name"));
    Change {
        name: if name.is_empty() || name == group { group } else { format!("{group}:{name}") },
        action: text(value, "action"),
        options: list(value, "options"),
    }
}

/// The value of an option as people know it: a signal by its name, a size with its unit beside the exact number.
fn option(name: &str, value: &Value) -> String {
    let number = if let Value::Int(number) = value { *number } else { 0 };
    match name {
        "stopsignal" => Signal::parse(&shown(value)).map_or_else(|_| shown(value), |it| it.to_string()),
        _ if name.ends_with("_maxbytes") && number >= 1024 => {
            let size = web::show::bytes(u64::try_from(number).unwrap_or(0));
            format!("{number} ({size})")
        }
        _ => shown(value),
    }
}

/// What came of an order for several: how many it was done for, and what is wrong with the others.
pub(super) fn outcomes(value: &Value) -> (usize, Vec<String>) {
    /// The status of who did as it was told (`xmlrpc.py`, `Faults.SUCCESS`).
    const SUCCESS: u64 = 80;
    let mut failures = Vec::new();
    let all = items(value);
    for it in all.iter().filter(|it| count(it, "status") != Some(SUCCESS)) {
        let named = change(it).name;
        failures.push(format!("{named}: {}", text(it, "description")));
    }
    (all.len() - failures.len(), failures)
}

/// Why a process is as it is, as far as that is not on its page anyway.
pub(super) fn why(value: &Value, language: Language) -> String {
    let Value::Struct(members) = value else { return String::new() };
    let sentences: Vec<_> =
        members.get("sentences").map(items).unwrap_or_default().iter().map(shown).collect();
    // That it runs, with which pid and for how long, is.
    let is_running = text(value, "state") == "RUNNING";
    sentences.get(usize::from(is_running)..).unwrap_or_default().join(language.gap())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(members: &[(&'static str, Value)]) -> Value {
        Value::Struct(members.iter().cloned().collect())
    }

    fn string(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    #[test]
    fn a_row_needs_a_state_and_nothing_else() {
        assert_eq!(row(&string("nonsense"), Language::English), None);
        assert_eq!(row(&structure(&[("name", string("a"))]), Language::English), None);
        let it = row(&structure(&[("name", string("a")), ("state", string("EXITED"))]), Language::English)
            .unwrap();
        assert_eq!((it.name.as_str(), it.state, it.has_failed), ("a", ProcessState::Exited, false));
    }

    #[test]
    fn numbers_of_bytes_are_read_as_they_travel() {
        let usage = structure(&[("cpu_percent", Value::Double(1.5)), ("memory_bytes", Value::Double(5e9))]);
        let it =
            row(&structure(&[("state", string("RUNNING")), ("usage", usage)]), Language::English).unwrap();
        assert_eq!(it.usage, Some(Usage { cpu_percent: 1.5, memory_bytes: 5_000_000_000 }));
        let bytes = |name, it| (name, Value::Double(it));
        let it = machine(&structure(&[bytes("memory_bytes", 8e9), bytes("available_bytes", 6e9)])).unwrap();
        assert_eq!((it.memory_bytes, it.swap_bytes), ((8_000_000_000, 2_000_000_000), (0, 0)));
        assert_eq!(machine(&structure(&[])), None);
    }

    #[test]
    fn an_ending_that_nobody_wanted_has_failed() {
        let failed = |cause| {
            let ended = structure(&[("cause", string(cause)), ("code", Value::Int(3))]);
            row(&structure(&[("state", string("EXITED")), ("ended", ended)]), Language::English)
                .unwrap()
                .has_failed
        };
        assert!(failed("unexpected") && failed("too early"));
        assert!(!failed("expected") && !failed("stopped"));
    }

    #[test]
    fn an_ending_is_told_in_the_language_of_the_reader() {
        let told = |members: &[(&'static str, Value)], language| ending(&structure(members), language);
        let left = [("code", Value::Int(3)), ("description", string("exit status 3"))];
        assert_eq!(told(&left, Language::English), "exit status 3");
        assert_eq!(told(&left, Language::Chinese), "退出码 3");
        let ended = [("core", Value::Bool(true)), ("signal", string("SIGSEGV"))];
        assert_eq!(told(&ended, Language::English), "terminated by SIGSEGV (core dumped)");
        assert_eq!(told(&ended, Language::Chinese), "被 SIGSEGV 终止（已转储核心）");
        assert_eq!(
            told(&[("description", string("exit status unknown"))], Language::Chinese),
            "exit status unknown"
        );
    }

    #[test]
    fn an_option_is_shown_as_people_know_it() {
        let cases = [
            ("stopsignal", 15, "SIGTERM"),
            ("stopsignal", 63, "63"),
            ("stdout_logfile_maxbytes", 52_428_800, "52428800 (50 MB)"),
            ("stdout_capture_maxbytes", 0, "0"),
            ("startretries", 3000, "3000"),
        ];
        for (name, number, wanted) in cases {
            assert_eq!(option(name, &Value::Int(number)), wanted);
        }
    }

    #[test]
    fn failures_are_told_by_name() {
        let one = |name: &str, status| {
            structure(&[
                ("group", string("g")),
                ("name", string(name)),
                ("status", Value::Int(status)),
                ("description", string("NO_FILE")),
            ])
        };
        let all = Value::Array(vec![one("a", 80), one("b", 20)]);
        assert_eq!(outcomes(&all), (1, vec!["g:b: NO_FILE".to_owned()]));
    }
}
