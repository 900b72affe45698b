//! The arguments of a call, as generous as the original's language was.

use model::fault::{Fault, FaultCode};
use wire::value::Value;

use crate::call::Refusal;
use crate::python;

/// The arguments of a call whose number has been checked.
#[derive(Debug)]
pub(crate) struct Arguments(pub(crate) Vec<Value>);

impl Arguments {
    fn at(&self, index: usize) -> Result<&Value, Refusal> {
        self.0.get(index).ok_or_else(incorrect)
    }

    /// A word of ours: numbers and truths stand for their text; lists never name anything.
    pub(crate) fn text(&self, index: usize) -> Result<String, Refusal> {
        match self.at(index)? {
            Value::Array(_) | Value::Struct(_) | Value::Nil => Err(incorrect()),
            it @ (Value::Int(_)
            | Value::Bool(_)
            | Value::String(_)
            | Value::Double(_)
            | Value::DateTime(_)) => Ok(python::str(it)),
        }
    }

    /// The name of a process, with or without its group. The original splits it before it looks it up, so that what is
    /// no text is no fault but an error of the server (`options.py`, `split_namespec`).
    pub(crate) fn namespec(&self, index: usize) -> Result<String, Refusal> {
        self.needed_for(index, "split")
    }

    /// The name of a group, which the original only looks up: anything is one, but a list, and none has no name.
    pub(crate) fn group_name(&self, index: usize) -> Result<String, Refusal> {
        self.not_nil(index)?;
        self.text(index)
    }

    /// The name of a group that the original compares with those there are: even a list may be one.
    pub(crate) fn compared_name(&self, index: usize) -> Result<String, Refusal> {
        self.not_nil(index)?;
        self.shown(index)
    }

    fn not_nil(&self, index: usize) -> Result<(), Refusal> {
        if *self.at(index)? == Value::Nil { Err(Fault::from(FaultCode::BadName).into()) } else { Ok(()) }
    }

    /// A signal: a word, or a number of any kind (`datatypes.py`, `signal_number`).
    pub(crate) fn signal(&self, index: usize) -> Result<String, Refusal> {
        match self.at(index)? {
            Value::Double(number) if number.is_nan() => self.needed_for(index, "strip"),
            Value::Int(_) | Value::Bool(_) | Value::Double(_) => self.number(index).map(|it| it.to_string()),
            Value::String(_) | Value::DateTime(_) | Value::Array(_) | Value::Struct(_) | Value::Nil => {
                self.needed_for(index, "strip")
            }
        }
    }

    /// A text for the sake of a method that only texts have.
    fn needed_for(&self, index: usize, method: &str) -> Result<String, Refusal> {
        match self.at(index)? {
            Value::String(text) => Ok(text.clone()),
            it @ (Value::Int(_)
            | Value::Bool(_)
            | Value::Double(_)
            | Value::DateTime(_)
            | Value::Array(_)
            | Value::Struct(_)
            | Value::Nil) => Err(Refusal::lacks(it, method)),
        }
    }

    /// Anything, as Python would show it.
    pub(crate) fn shown(&self, index: usize) -> Result<String, Refusal> {
        self.at(index).map(python::str)
    }

    /// What goes to a process: text or bytes and nothing else.
    pub(crate) fn bytes(&self, index: usize) -> Result<Vec<u8>, Refusal> {
        match self.at(index)? {
            Value::String(text) => Ok(text.clone().into_bytes()),
            it @ (Value::Int(_)
            | Value::Bool(_)
            | Value::Double(_)
            | Value::DateTime(_)
            | Value::Array(_)
            | Value::Struct(_)) => Err(Fault::about(FaultCode::IncorrectParameters, python::str(it)).into()),
            Value::Nil => Err(incorrect()),
        }
    }

    /// A number, also as text. A text that is none is no fault but an error of the server, as in the
    /// original (`rpcinterface.py`, `readLog`).
    pub(crate) fn number(&self, index: usize) -> Result<i64, Refusal> {
        match self.at(index)? {
            Value::Int(number) => Ok(*number),
            Value::Bool(it) => Ok(i64::from(*it)),
            Value::Double(number) => parse(&format!("{:.0}", number.trunc())),
            Value::String(text) => parse(text),
            Value::DateTime(_) | Value::Array(_) | Value::Struct(_) | Value::Nil => Err(incorrect()),
        }
    }

    /// Whether there is one at a place.
    pub(crate) fn has(&self, index: usize) -> bool {
        index < self.0.len()
    }

    /// A number, or another one where none is given.
    pub(crate) fn number_or(&self, index: usize, otherwise: i64) -> Result<i64, Refusal> {
        if self.has(index) { self.number(index) } else { Ok(otherwise) }
    }

    /// Whether to wait: yes unless told otherwise, by anything that Python calls false.
    pub(crate) fn wait(&self, index: usize) -> bool {
        match self.0.get(index) {
            None | Some(Value::DateTime(_)) => true,
            Some(Value::Nil) => false,
            Some(Value::Bool(it)) => *it,
            Some(Value::Int(number)) => *number != 0,
            Some(Value::Double(number)) => *number != 0.0,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Struct(members)) => !members.is_empty(),
        }
    }

    /// Names: a list of texts, or one; `None` when left out or empty.
    pub(crate) fn names(&self, index: usize) -> Result<Option<Vec<String>>, Refusal> {
        let list = match self.0.get(index) {
            None => Vec::new(),
            Some(Value::Array(items)) => {
                let items = Self(items.clone());
                (0..items.0.len()).map(|at| items.text(at)).collect::<Result<_, _>>()?
            }
            Some(_) => vec![self.text(index)?],
        };
        Ok(Some(list).filter(|it| !it.is_empty()))
    }

    /// The calls of a multicall.
    pub(crate) fn calls(&self) -> Result<&[Value], Refusal> {
        match self.at(0)? {
            Value::Array(items) => Ok(items),
            Value::String(text) if text.is_empty() => Ok(&[]),
            // The original takes a text for a list of letters, and fails at the first.
            Value::String(_) => Err(Refusal::Internal("the calls are no array".to_owned())),
            Value::Int(_)
            | Value::Bool(_)
            | Value::Double(_)
            | Value::DateTime(_)
            | Value::Struct(_)
            | Value::Nil => Err(incorrect()),
        }
    }
}

fn parse(text: &str) -> Result<i64, Refusal> {
    let wrong = || {
        let shown = model::python::repr(text);
        Refusal::Internal(format!("<class 'ValueError'>:invalid literal for int() with base 10: {shown}"))
    };
    model::python::int(text).ok_or_else(wrong)
}

pub(crate) fn incorrect() -> Refusal {
    Fault::from(FaultCode::IncorrectParameters).into()
}
