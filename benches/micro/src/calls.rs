//! What a client that asks for everything costs.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use api::audit::Book;
use api::call::{Context, Identity, LogPaths, Usages};
use model::child::Channel;
use model::name::FullName;
use model::time::Utc;
use model::usage::{MachineUsage, ProcessUsage};
use wire::value::Value;
use wire::{xmlrpc_read, xmlrpc_write};

use crate::Work;
use crate::machine::World;

const PROCESSES: usize = 1000;

/// Logs that everybody has.
struct Logs;

impl LogPaths for Logs {
    fn path(&self, name: &FullName, channel: Channel) -> Option<PathBuf> {
        Some(format!("/var/log/supervisor/{}-{channel}.log", name.process).into())
    }

    fn dropped_bytes(&self, _: &FullName, _: Channel) -> u64 {
        0
    }
}

/// Nobody's.
struct Nothing;

impl Usages for Nothing {
    fn process(&self, _: &FullName) -> Option<ProcessUsage> {
        None
    }

    fn machine(&self) -> Option<&MachineUsage> {
        None
    }
}

fn everything(world: &World) -> Value {
    let identity = Identity {
        version: "1".to_owned(),
        identifier: "supervisor".to_owned(),
        pid: 1,
        has_supervisor_namespace: true,
    };
    let context = Context {
        supervisor: &world.machine,
        now: world.now(),
        zone: &Utc,
        identity: &identity,
        files: &Logs,
        usages: &Nothing,
        audit: &Book::default(),
    };
    let all = world.machine.all_info(world.now());
    Value::Array(all.iter().map(|it| api::process_info::structure(it, &context)).collect())
}

/// From the machine to what the answer says.
pub(crate) fn info() -> Result<Work> {
    let world = World::running(PROCESSES, "")?;
    Ok(Box::new(move || if let Value::Array(all) = everything(&world) { all.len() } else { 0 }))
}

/// From what the answer says to its bytes.
pub(crate) fn write() -> Result<Work> {
    let all = everything(&World::running(PROCESSES, "")?);
    Ok(Box::new(move || xmlrpc_write::response(&all).len()))
}

/// And back, as our own client does.
pub(crate) fn read() -> Result<Work> {
    let text = xmlrpc_write::response(&everything(&World::running(PROCESSES, "")?));
    ensure!(
        xmlrpc_read::response(text.as_bytes(), xmlrpc_read::Limits::RESPONSE).is_ok_and(|it| it.is_ok()),
        "it cannot be read"
    );
    Ok(Box::new(move || {
        let limits = xmlrpc_read::Limits::RESPONSE;
        usize::from(xmlrpc_read::response(text.as_bytes(), limits).is_ok_and(|it| it.is_ok()))
    }))
}
