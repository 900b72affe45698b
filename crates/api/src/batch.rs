//! The calls of a `system.multicall`, made one after the other.

use model::fault::{Fault, FaultCode};
use wire::value::{Members, MethodCall, Value};

use crate::call::{self, Refusal};

/// How many calls one multicall may hold.
pub(crate) const CALLS_MAX: usize = 4096;

/// How much memory the answers may take together before the calls left are refused: one whole log.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What a value takes beside its text: about the size of [`Value`] and of its tags.
const VALUE_BYTES: usize = 64;

/// Calls to be made, and the answers so far.
#[derive(Debug)]
pub(crate) struct Batch {
    left: std::vec::IntoIter<Members>,
    answers: Vec<Value>,
    bytes: usize,
}

impl Batch {
    pub(crate) fn new(calls: Vec<Members>) -> Self {
        Self { left: calls.into_iter(), answers: Vec::new(), bytes: 0 }
    }

    /// The next call, or why it is not to be made.
    pub(crate) fn pull(&mut self) -> Option<Result<MethodCall, Refusal>> {
        let call = self.left.next()?;
        if self.bytes > ANSWER_BYTES_MAX {
            let reason = format!("the answers together have more than {ANSWER_BYTES_MAX} bytes");
            return Some(Err(Fault::about(FaultCode::Failed, reason).into()));
        }
        Some(parse(call))
    }

    /// Takes the answer to the call pulled last, as it stands: unlike XML-RPC's convention, the original
    /// does not put it into an array of one, and its clients rely on that.
    pub(crate) fn record(&mut self, result: Result<Value, Refusal>) {
        let answer = match result {
            Ok(value) => value,
            Err(Refusal::Fault(fault)) => shown(&fault),
            Err(Refusal::Internal(reason)) => shown(&Fault::about(FaultCode::Failed, reason)),
        };
        self.bytes = self.bytes.saturating_add(weight(&answer));
        self.answers.push(answer);
    }

    /// All answers.
    pub(crate) fn finish(&mut self) -> Value {
        Value::Array(std::mem::take(&mut self.answers))
    }
}

fn parse(mut call: Members) -> Result<MethodCall, Refusal> {
    let wrong = |extra: &str| Refusal::from(Fault::about(FaultCode::IncorrectParameters, extra));
    let name = match call.remove("methodName") {
        Some(Value::String(name)) if name == "system.multicall" => {
            return Err(wrong("Recursive system.multicall forbidden"));
        }
        Some(Value::String(name)) => name,
        None | Some(Value::Nil) => return Err(wrong("No methodName")),
        Some(other) => return Err(Refusal::lacks(&other, "split")),
    };
    match call.remove("params") {
        None => Ok(MethodCall { name, params: Vec::new() }),
        Some(params) => match listed(params) {
            Some(params) => Ok(MethodCall { name, params }),
            None => Err(Fault::from(FaultCode::IncorrectParameters).into()),
        },
    }
}

/// The parameters in whatever can be taken for a list of them: the original takes what its language can
/// go through.
fn listed(params: Value) -> Option<Vec<Value>> {
    match params {
        Value::Array(items) => Some(items),
        Value::Struct(members) => Some(members.into_keys().map(Value::String).collect()),
        Value::String(text) => Some(text.chars().map(|it| Value::String(it.into())).collect()),
        Value::Int(_) | Value::Bool(_) | Value::Double(_) | Value::DateTime(_) | Value::Nil => None,
    }
}

/// A fault among answers.
fn shown(fault: &Fault) -> Value {
    let remote = call::remote(fault);
    Value::Struct(Members::from([
        ("faultCode", Value::Int(remote.code)),
        ("faultString", Value::String(remote.text)),
    ]))
}

/// About how much memory a value takes.
fn weight(value: &Value) -> usize {
    let more = match value {
        Value::Int(_) | Value::Bool(_) | Value::Double(_) | Value::Nil => 0,
        Value::String(text) | Value::DateTime(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Struct(members) => members.iter().map(|(name, it)| name.len() + weight(it)).sum(),
    };
    VALUE_BYTES + more
}
