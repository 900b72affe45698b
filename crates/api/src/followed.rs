//! Which file `/logtail/<name>/<channel>` follows.

use std::path::PathBuf;

use model::child::Channel;
use model::name::{FullName, Namespec};
use supervisor::supervisor::Found;

use crate::call::Context;

/// The process that a client named, if there is one.
pub fn process(context: &Context<'_>, named: &str) -> Option<FullName> {
    match context.supervisor.find(Namespec::parse(named)) {
        Found::Process(name) => Some(name),
        Found::Group(_) | Found::Nothing => None,
    }
}

/// The log that a client who wrote this name and this channel wants to follow, or `None` when there is
/// no such process, channel or log.
pub fn log(context: &Context<'_>, named: &str, channel: &str) -> Option<PathBuf> {
    let channel = [Channel::Stdout, Channel::Stderr].into_iter().find(|it| it.as_str() == channel)?;
    context.files.path(&process(context, named)?, channel)
}
