//! What every process used at the last looks, as small lines beside names show it.

use std::collections::VecDeque;

use model::usage::ProcessUsage;
use wire::value::{Members, Value};

use crate::call::Context;
use crate::facts::Member;
use crate::method::Kind;

/// How many looks are remembered: five minutes, where it is looked every five seconds.
const LOOKS_MAX: usize = 60;

/// How many numbers of a kind are told of all processes together. Compressed, they are a part of what a page may weigh.
const NUMBERS_MAX: usize = 30_000;

/// The members of the answer.
pub(crate) const RECENT: &[Member] = &[
    ("looks", Kind::Int, "How many looks each number stands for: it is the greatest of theirs."),
    (
        "processes",
        Kind::Struct,
        "For each process that runs, by its name, `cpu_permille` and `memory_kib`: an array of numbers, the oldest first.",
    ),
];

/// What a process used at the last looks.
#[derive(Debug, Clone, Default)]
pub struct Recent(VecDeque<(i64, i64)>);

impl Recent {
    /// Adds one look; the oldest is forgotten for it.
    pub fn push(&mut self, usage: &ProcessUsage) {
        if self.0.len() == LOOKS_MAX {
            self.0.pop_front();
        }
        let memory_kib = i64::try_from(usage.resident_bytes / 1024).unwrap_or(i64::MAX);
        self.0.push_back((usage.cpu_permille.unwrap_or(0).into(), memory_kib));
    }

    /// The greatest of each `looks`, counted from the last.
    fn value(&self, looks: usize) -> Value {
        let of = |number: fn(&(i64, i64)) -> i64| {
            let all: Vec<_> = self.0.iter().map(number).collect();
            let mut few: Vec<_> =
                all.rchunks(looks).filter_map(|it| it.iter().max()).map(|it| Value::Int(*it)).collect();
            few.reverse();
            Value::Array(few)
        };
        Value::Struct(Members::from([("cpu_permille", of(|it| it.0)), ("memory_kib", of(|it| it.1))]))
    }
}

/// The answer.
pub(crate) fn all(context: &Context<'_>) -> Value {
    let known = context.usages.recent();
    let looks = (known.len() * LOOKS_MAX).div_ceil(NUMBERS_MAX).max(1);
    let processes = known.into_iter().map(|(name, it)| (name.to_string(), it.value(looks))).collect();
    let looks = Value::Int(i64::try_from(looks).unwrap_or(i64::MAX));
    Value::Struct(Members::from([("looks", looks), ("processes", Value::Struct(processes))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_looks_are_remembered_and_few_of_many_are_their_greatest() {
        let mut recent = Recent::default();
        for cpu in 0..=u32::try_from(LOOKS_MAX).unwrap() {
            recent.push(&ProcessUsage {
                cpu_permille: Some(cpu),
                resident_bytes: 4096,
                ..ProcessUsage::default()
            });
        }
        let cpu = |looks| {
            let Value::Struct(members) = recent.value(looks) else { panic!("no struct") };
            let Some(Value::Array(numbers)) = members.get("cpu_permille").cloned() else {
                panic!("no array")
            };
            numbers
        };
        let all = cpu(1);
        assert_eq!((all.len(), all.first(), all.last()), (60, Some(&Value::Int(1)), Some(&Value::Int(60))));
        let few = cpu(25);
        assert_eq!(few, [10, 35, 60].map(Value::Int));
    }
}
