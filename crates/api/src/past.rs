//! What was: what clients may ask of the history, and what they are told.

use model::fault::{Fault, FaultCode};
use model::name::Namespec;
use model::past::{self, Happening, Kind as What, Past, Point, Query};
use model::role::Role;
use model::time::Wall;
use supervisor::supervisor::Found;
use wire::value::Value;

use crate::arguments::Arguments;
use crate::call::{Context, Refusal};
use crate::facts::{Member, bytes, count, moment, structure, text};
use crate::json;
use crate::method::Kind::{Double, Int, String as Text, Struct};

/// How many happenings are told unless more are asked for, and at most.
const HAPPENINGS: usize = 100;
const HAPPENINGS_MAX: usize = 1000;

/// How many points of a chart are told unless more are asked for, and at most.
const POINTS: usize = 360;
const POINTS_MAX: usize = 2000;

/// How far back figures are told unless it is said, in seconds.
const SPAN_SECS: i64 = 3600;

/// What `menshen.getHistory` tells of each.
pub(crate) const HAPPENING: &[Member] = &[
    ("at", Double, "When."),
    ("name", Text, "To which process; absent when to none."),
    ("kind", Text, "start, exit, state, action, config or supervisor."),
    ("text", Text, "In words."),
    (
        "details",
        Struct,
        "What is known of it: for an exit as in menshen.getExits, for a state `from` and `to`.",
    ),
];

/// What `menshen.getFigures` tells of each stretch of time.
#[rustfmt::skip]
pub(crate) const FIGURES: &[Member] = &[
    ("at", Double, "When it begins."),
    ("seconds", Int, "How long it is."),
    ("cpu_percent", Double, "Time on processors, in hundredths of one processor; for the machine, of all of them."),
    ("cpu_percent_max", Double, "The most of it."),
    ("memory_bytes", Double, "The most memory in RAM; for the machine, the memory that is in use."),
    ("proportional_bytes", Double, "The most memory in RAM with what is shared divided among all who share it."),
    ("read_bytes_per_second", Double, "Bytes read from disks."),
    ("written_bytes_per_second", Double, "Bytes written to disks."),
    ("threads", Int, "The most threads it had."),
    ("descriptors", Int, "The most descriptors it had open."),
    ("load", Double, "Of the machine: how many threads wanted a processor or a disk."),
    ("swapped_bytes", Double, "Of the machine: the most swap space in use."),
    ("received_bytes_per_second", Double, "Of the machine: bytes received from networks."),
    ("sent_bytes_per_second", Double, "Of the machine: bytes sent to networks."),
];

/// What a call of `menshen.getHistory` asks for.
pub(crate) fn happenings(arguments: &Arguments, context: &Context<'_>) -> Result<Query, Refusal> {
    let mut kinds = Vec::new();
    for word in arguments.names(0)?.unwrap_or_default() {
        let kind = What::parse(&word).ok_or_else(|| {
            let known: Vec<_> = What::ALL.iter().map(|it| it.as_str()).collect();
            Fault::about(FaultCode::BadArguments, format!("{word} is none of {}", known.join(", ")))
        })?;
        kinds.push(kind);
    }
    let before = match arguments.number_or(2, 0)? {
        0 => Wall { micros: i64::MAX },
        at => Wall::from_seconds(moment_of(at, context)),
    };
    Ok(Query::Happenings {
        name: name(arguments, 4, context)?,
        kinds,
        since: Wall::from_seconds(moment_of(arguments.number_or(1, 0)?, context)),
        before,
        most: most(arguments, 3, HAPPENINGS, HAPPENINGS_MAX)?,
    })
}

/// What a call of `menshen.getFigures` asks for.
pub(crate) fn figures(arguments: &Arguments, context: &Context<'_>) -> Result<Query, Refusal> {
    let since = match arguments.number_or(0, 0)? {
        0 => -SPAN_SECS,
        at => at,
    };
    let until = match arguments.number_or(1, 0)? {
        0 => i64::MAX,
        at => moment_of(at, context),
    };
    Ok(Query::Points {
        subject: name(arguments, 3, context)?.unwrap_or_else(|| past::MACHINE.to_owned()),
        since: moment_of(since, context),
        until,
        most: most(arguments, 2, POINTS, POINTS_MAX)?,
    })
}

/// What of a question is left for who has this role: who did what is for those who may know the audit.
pub(crate) fn veiled(query: Query, role: Role) -> Query {
    match query {
        Query::Happenings { name, mut kinds, since, before, most } if role < Role::Admin => {
            if kinds.is_empty() {
                kinds = What::ALL.to_vec();
            }
            kinds.retain(|it| *it != What::Action);
            // No kinds at all would mean all of them.
            let most = if kinds.is_empty() { 0 } else { most };
            Query::Happenings { name, kinds, since, before, most }
        }
        query @ (Query::Happenings { .. } | Query::LastExits { .. } | Query::Points { .. }) => query,
    }
}

/// A moment: seconds since the epoch, or, when negative, before now.
fn moment_of(seconds: i64, context: &Context<'_>) -> i64 {
    if seconds < 0 { context.now.wall.seconds().saturating_add(seconds) } else { seconds }
}

fn most(arguments: &Arguments, index: usize, usual: usize, limit: usize) -> Result<usize, Refusal> {
    let asked = usize::try_from(arguments.number_or(index, 0)?).unwrap_or(0);
    Ok(if asked == 0 { usual } else { asked.min(limit) })
}

/// The process somebody named, as the history knows it. It may be gone by now.
fn name(arguments: &Arguments, index: usize, context: &Context<'_>) -> Result<Option<String>, Refusal> {
    if !arguments.has(index) {
        return Ok(None);
    }
    let named = arguments.text(index)?;
    Ok(match context.supervisor.find(Namespec::parse(&named)) {
        Found::Process(name) => Some(name.to_string()),
        Found::Group(_) | Found::Nothing => Some(named),
    }
    .filter(|it| !it.is_empty()))
}

/// The answer to a question.
pub(crate) fn value(past: &Past, subject_is_machine: bool) -> Value {
    match past {
        Past::Happenings(all) => Value::Array(all.iter().map(happening).collect()),
        Past::Points(all) => {
            let measures: &[_] = if subject_is_machine { &past::OF_MACHINE } else { &past::OF_PROCESS };
            Value::Array(all.iter().map(|it| point(it, measures)).collect())
        }
    }
}

fn happening(it: &Happening) -> Value {
    structure(vec![
        ("at", Some(moment(it.at))),
        ("name", (!it.name.is_empty()).then(|| text(&it.name))),
        ("kind", Some(text(it.kind.as_str()))),
        ("text", Some(text(&it.text))),
        ("details", json::object(&it.details)),
    ])
}

fn point(point: &Point, measures: &'static [past::Measure]) -> Value {
    let mut members =
        vec![("at", Some(moment(Wall::from_seconds(point.at)))), ("seconds", Some(count(point.seconds)))];
    for (measure, value) in measures.iter().zip(point.values) {
        let Some(value) = value else { continue };
        members.push(match measure.name {
            "cpu_permille" => ("cpu_percent", Some(share(value, 10.0))),
            "cpu_permille_max" => ("cpu_percent_max", Some(share(value, 10.0))),
            "load_percent" => ("load", Some(share(value, 100.0))),
            "memory_kib" => ("memory_bytes", Some(bytes(value.saturating_mul(1024)))),
            "proportional_kib" => ("proportional_bytes", Some(bytes(value.saturating_mul(1024)))),
            "swapped_kib" => ("swapped_bytes", Some(bytes(value.saturating_mul(1024)))),
            "threads" | "descriptors" => (measure.name, Some(count(value))),
            other => (other, Some(bytes(value))),
        });
    }
    structure(members)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "nothing here reaches 2^53")]
fn share(value: u64, parts: f64) -> Value {
    Value::Double(value as f64 / parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_has_the_members_of_its_table() {
        let members = |value: Value| {
            let Value::Array(items) = value else { panic!("no array") };
            let Some(Value::Struct(members)) = items.first() else { panic!("no struct") };
            members.keys().map(str::to_owned).collect::<Vec<_>>()
        };
        let told = |past: &Past, is_machine, table: &[Member]| {
            let members = members(value(past, is_machine));
            assert!(members.iter().all(|it| table.iter().any(|(name, ..)| name == it)), "{members:?}");
            members.len()
        };
        let values = [Some(7); past::MEASURES_MAX];
        let points = Past::Points(vec![Point { at: 1, seconds: 60, values }]);
        assert_eq!(told(&points, false, FIGURES), 10);
        assert_eq!(told(&points, true, FIGURES), 11);
        let unknown = Past::Points(vec![Point { at: 1, seconds: 60, values: [None; past::MEASURES_MAX] }]);
        assert_eq!(told(&unknown, false, FIGURES), 2, "what is not known is left out");
        let it = Happening {
            at: Wall::from_seconds(1),
            name: "a".to_owned(),
            kind: What::Exit,
            text: "exit status 3".to_owned(),
            details: "{\"code\":3}".to_owned(),
        };
        let nobody = Happening { name: String::new(), details: "nonsense".to_owned(), ..it.clone() };
        assert_eq!(told(&Past::Happenings(vec![it]), false, HAPPENING), 5);
        assert_eq!(told(&Past::Happenings(vec![nobody]), false, HAPPENING), 3);
    }

    #[test]
    fn who_did_what_is_for_those_who_may_know() {
        let asked = |kinds: &[What], role| {
            let (since, before) = (Wall::default(), Wall::default());
            let query = Query::Happenings { name: None, kinds: kinds.to_vec(), since, before, most: 9 };
            let Query::Happenings { kinds, most, .. } = veiled(query, role) else {
                panic!("another question")
            };
            (kinds.len(), most)
        };
        assert_eq!(asked(&[], Role::Admin), (0, 9));
        assert_eq!(asked(&[], Role::Operator), (5, 9));
        assert_eq!(asked(&[What::Action, What::Exit], Role::Viewer), (1, 9));
        assert_eq!(asked(&[What::Action], Role::Viewer), (0, 0));
    }
}
