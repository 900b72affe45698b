//! How an outcome becomes an answer.

use model::fault::{Fault, FaultCode};
use supervisor::effect::{Answer, Settled, Updated};
use supervisor::input::Request;
use supervisor::plan::Planned;
use wire::value::{Members, Value};

use crate::call::{Context, Outcome, Refusal};
use crate::{logs, past};

/// What kind of answer a call waits for.
#[derive(Debug)]
pub(crate) enum Shape {
    /// True, when done.
    True,
    /// A struct for each process.
    Results,
    /// Text of a log.
    Text,
    /// The end of a log.
    Tail,
    /// None of its own: this is asked for next, and answered by a struct for each process.
    First(Box<Request>),
    /// True or the fault of the one process the client named so.
    One(String),
    /// The names of the groups that differ.
    Changes,
    /// What an update of these groups would do.
    Plan(Option<Vec<String>>),
    /// What an update has done.
    Updated,
    /// What was.
    Past,
    /// What the machine used.
    MachineFigures,
}

impl Shape {
    /// The answer, when the outcome is of the kind that was asked for.
    pub(crate) fn answer(self, outcome: Outcome, context: &Context<'_>) -> Result<Value, Refusal> {
        match (self, outcome) {
            (Self::One(named), Outcome::Failed(fault) | Outcome::Answered(Err(fault))) => {
                Err(about(fault, named))
            }
            (_, Outcome::Failed(fault) | Outcome::Answered(Err(fault))) => Err(fault.into()),
            (Self::True | Self::One(_), Outcome::Done | Outcome::Answered(Ok(Answer::Done))) => {
                Ok(Value::Bool(true))
            }
            (Self::One(named), Outcome::Settled(list)) => {
                match list.into_iter().find_map(|it| it.outcome.err()) {
                    None => Ok(Value::Bool(true)),
                    Some(fault) => Err(about(fault, named)),
                }
            }
            (Self::Results, Outcome::Settled(list) | Outcome::Answered(Ok(Answer::Many(list)))) => {
                Ok(Value::Array(list.iter().map(result).collect()))
            }
            (Self::Text, Outcome::Bytes { bytes, start }) => Ok(Value::String(logs::text(&bytes, start))),
            (Self::Tail, Outcome::Tail { bytes, start, size, overflow }) => {
                Ok(tail(logs::text(&bytes, start), size, overflow))
            }
            (Self::Changes, Outcome::Reread(Ok(groups))) => {
                let changes = context.supervisor.changes(&groups);
                let names = [changes.added, changes.changed, changes.removed]
                    .map(|list| Value::Array(list.iter().map(|it| Value::String(it.to_string())).collect()));
                Ok(Value::Array(vec![Value::Array(names.into())]))
            }
            (Self::Plan(names), Outcome::Reread(Ok(groups))) => {
                let planned = context.supervisor.plan(&groups, names.as_deref())?;
                Ok(Value::Array(planned.iter().map(|it| Value::Struct(plan(it))).collect()))
            }
            (Self::Updated, Outcome::Answered(Ok(Answer::Updated(list)))) => {
                Ok(Value::Array(list.iter().map(updated).collect()))
            }
            (Self::Past, Outcome::Past(it)) => Ok(past::value(&it, false)),
            (Self::MachineFigures, Outcome::Past(it)) => Ok(past::value(&it, true)),
            (Self::Changes | Self::Plan(_), Outcome::Reread(Err(reason))) => {
                Err(Fault::about(FaultCode::CantReread, reason).into())
            }
            (shape, outcome) => Err(Refusal::Internal(format!("{outcome:?} does not settle {shape:?}"))),
        }
    }
}

/// `[text, size, overflow]`.
pub(crate) fn tail(text: String, size: u64, overflow: bool) -> Value {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    Value::Array(vec![Value::String(text), Value::Int(size), Value::Bool(overflow)])
}

/// What became of one process of many.
pub(crate) fn result(settled: &Settled) -> Value {
    let mut members = Members::from([
        ("name", Value::String(settled.name.process.to_string())),
        ("group", Value::String(settled.name.group.to_string())),
    ]);
    members.extend(verdict(&settled.outcome));
    Value::Struct(members)
}

/// One part of a plan.
fn plan(planned: &Planned) -> Members {
    let name = planned.process.as_ref().map(ToString::to_string).unwrap_or_default();
    let options = planned.options.iter().map(|it| Value::String((*it).to_owned())).collect();
    Members::from([
        ("group", Value::String(planned.group.to_string())),
        ("name", Value::String(name)),
        ("action", Value::String(planned.action.as_str().to_owned())),
        ("options", Value::Array(options)),
    ])
}

/// One part of an update.
fn updated(updated: &Updated) -> Value {
    let mut members = plan(&updated.planned);
    members.extend(verdict(&updated.outcome));
    Value::Struct(members)
}

/// How something came out: the number of a fault, and words.
fn verdict(outcome: &Result<(), Fault>) -> [(&'static str, Value); 2] {
    let (code, description) = match outcome {
        Ok(()) => (FaultCode::Success, "OK".to_owned()),
        Err(fault) => (fault.code, fault.to_string()),
    };
    [("status", Value::Int(code.code().into())), ("description", Value::String(description))]
}

/// A fault that says no more than its kind is about what the client named.
fn about(fault: Fault, named: String) -> Refusal {
    Refusal::Fault(Fault { code: fault.code, extra: fault.extra.or(Some(named)) })
}
