//! What `menshen.getAllProcessInfo` tells of a process beyond what the original tells.

use std::collections::BTreeMap;

use model::child::Channel;
use model::info::ProcessInfo;
use supervisor::bus::PoolInfo;
use wire::value::Value;

use crate::call::Context;
use crate::facts::{self, count, structure, text};
use crate::process_info;

/// Every process, in the order of group and name.
pub(crate) fn all(context: &Context<'_>) -> Value {
    let pools: BTreeMap<_, _> =
        context.supervisor.pools().into_iter().map(|it| (it.name.clone(), it)).collect();
    let one = |info: &ProcessInfo| {
        let mut members = process_info::members(info, context);
        members.insert("starts", count(info.starts));
        members.insert("restarts", count(info.restarts));
        members
            .extend(info.ended.as_ref().map(|it| ("ended", facts::ended(it, Value::Int(it.at.seconds())))));
        for channel in [Channel::Stdout, Channel::Stderr] {
            let dropped = context.files.dropped_bytes(&info.name, channel);
            members.insert(format!("{channel}_bytes_dropped"), count(dropped));
        }
        let pool = pools.get(&info.name.group);
        members.extend(pool.map(|it| ("listener", listener(info, it))));
        Value::Struct(members)
    };
    Value::Array(context.supervisor.all_info(context.now).iter().map(one).collect())
}

/// How the conversation with a listener goes.
fn listener(info: &ProcessInfo, pool: &PoolInfo) -> Value {
    // One that runs and has said nothing has yet to ask for its first event.
    let silent = info.pid.map(|_| "ACKNOWLEDGED");
    let state = pool.talks.get(&info.name.process).copied().or(silent);
    structure(vec![
        ("state", state.map(text)),
        ("waiting", Some(count(pool.waiting))),
        ("size", Some(count(pool.size))),
        ("dropped", Some(count(pool.dropped))),
    ])
}
