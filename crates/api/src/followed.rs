//! Which file `/logtail/<name>/<channel>` follows.

use std::path::PathBuf;

use model::child::Channel;
use model::name::Namespec;
use supervisor::supervisor::Found;

use crate::call::Context;

/// The log that a client who wrote this name and this channel wants to follow, or `None` when there is
/// no such process, channel or log.
pub fn log(context: &Context<'_>, named: &str, channel: &str) -> Option<PathBuf> {
    let channel = [Channel::Stdout, Channel::Stderr].into_iter().find(|it| it.as_str() == channel)?;
    match context.supervisor.find(Namespec::parse(named)) {
        Found::Process(name) => context.files.path(&name, channel),
        Found::Group(_) | Found::Nothing => None,
    }
}
