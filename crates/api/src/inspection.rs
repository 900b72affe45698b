//! What `menshen.getAllProcessInfo` tells of a process beyond what the original tells.

use std::collections::BTreeMap;

use model::exit::{Ended, ExitStatus};
use model::info::ProcessInfo;
use supervisor::bus::PoolInfo;
use wire::value::Value;

use crate::call::Context;
use crate::process_info;

/// Every process, in the order of group and name.
pub(crate) fn all(context: &Context<'_>) -> Value {
    let pools: BTreeMap<_, _> =
        context.supervisor.pools().into_iter().map(|it| (it.name.clone(), it)).collect();
    let one = |info: &ProcessInfo| {
        let mut members = process_info::members(info, context);
        members.insert("starts".to_owned(), count(info.starts));
        members.insert("restarts".to_owned(), count(info.restarts));
        members.extend(info.ended.as_ref().map(|it| ("ended".to_owned(), ended(it))));
        let pool = pools.get(&info.name.group);
        members.extend(pool.map(|it| ("listener".to_owned(), listener(info, it))));
        Value::Struct(members)
    };
    Value::Array(context.supervisor.all_info(context.now).iter().map(one).collect())
}

/// The last end of a process.
fn ended(ended: &Ended) -> Value {
    let mut members = vec![
        ("at", Value::Int(ended.at.seconds())),
        ("cause", text(ended.cause.as_str())),
        ("description", Value::String(ended.status.to_string())),
    ];
    match ended.status {
        ExitStatus::Exited(code) => members.push(("code", Value::Int(code.into()))),
        ExitStatus::Signaled { signal, core } => {
            members.push(("signal", Value::String(signal.to_string())));
            members.push(("core", Value::Bool(core)));
        }
        ExitStatus::Other(_) => {}
    }
    structure(members)
}

/// How the conversation with a listener goes.
fn listener(info: &ProcessInfo, pool: &PoolInfo) -> Value {
    // One that runs and has said nothing has yet to ask for its first event.
    let silent = info.pid.map(|_| "ACKNOWLEDGED");
    let state = pool.talks.get(&info.name.process).copied().or(silent);
    let mut members =
        vec![("waiting", count(pool.waiting)), ("size", count(pool.size)), ("dropped", count(pool.dropped))];
    members.extend(state.map(|it| ("state", text(it))));
    structure(members)
}

fn structure(members: Vec<(&str, Value)>) -> Value {
    Value::Struct(members.into_iter().map(|(name, it)| (name.to_owned(), it)).collect())
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn count(number: impl TryInto<i64>) -> Value {
    Value::Int(number.try_into().unwrap_or(i64::MAX))
}
