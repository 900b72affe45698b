//! The struct of `getAllConfigInfo`: the options of one process.

use std::path::PathBuf;

use model::child::Channel;
use model::spec::{AutoRestart, GroupSpec, LogTarget, ProcessSpec, ServerUrl, StreamSpec};
use wire::value::{Members, Value};

use crate::process_info::shown;

/// The 30 members for one process. What the protocol has no type for is a word: `none`, `auto`,
/// `unexpected`. `logs` tells the file that stands for `AUTO`, where it is known.
pub(crate) fn members(
    group: &GroupSpec,
    process: &ProcessSpec,
    in_use: bool,
    logs: &dyn Fn(Channel) -> Option<PathBuf>,
) -> Members {
    let number = Value::Int;
    let truth = Value::Bool;
    let text = |it: &str| Value::String(it.to_owned());
    let mut members: Members = [
        ("autostart", truth(process.autostart)),
        ("autorestart", autorestart(process.autorestart)),
        ("directory", text(process.directory.as_deref().unwrap_or("none"))),
        ("uid", process.user.as_ref().map_or_else(|| text("none"), |it| number(it.uid.into()))),
        ("command", text(&process.command.text)),
        ("exitcodes", Value::Array(process.exitcodes.0.iter().map(|it| number((*it).into())).collect())),
        ("group", text(group.name.as_str())),
        ("group_prio", number(group.priority)),
        ("inuse", truth(in_use)),
        ("killasgroup", truth(process.killasgroup)),
        ("name", text(process.name.as_str())),
        ("process_prio", number(process.priority)),
        ("redirect_stderr", truth(process.redirect_stderr)),
        ("startretries", number(process.startretries)),
        ("startsecs", number(process.startsecs)),
        ("stopsignal", number(process.stopsignal.number().into())),
        ("stopwaitsecs", number(process.stopwaitsecs)),
        ("serverurl", serverurl(&process.serverurl)),
    ]
    .into_iter()
    .collect();
    members.extend(stream(Channel::Stdout, &process.stdout, logs));
    members.extend(stream(Channel::Stderr, &process.stderr, logs));
    members
}

fn stream(
    channel: Channel,
    spec: &StreamSpec,
    logs: &dyn Fn(Channel) -> Option<PathBuf>,
) -> [(String, Value); 6] {
    let logfile = match &spec.target {
        LogTarget::None => "none".to_owned(),
        LogTarget::Auto => logs(channel).as_deref().map_or_else(|| "auto".to_owned(), shown),
        LogTarget::File(path) => shown(path),
    };
    [
        ("capture_maxbytes", Value::Int(spec.capture_maxbytes)),
        ("events_enabled", Value::Bool(spec.events_enabled)),
        ("logfile", Value::String(logfile)),
        ("logfile_backups", Value::Int(spec.backups)),
        ("logfile_maxbytes", Value::Int(spec.maxbytes)),
        ("syslog", Value::Bool(spec.syslog)),
    ]
    .map(|(name, it)| (format!("{}_{name}", channel.as_str()), it))
}

fn autorestart(when: AutoRestart) -> Value {
    match when {
        AutoRestart::Never => Value::Bool(false),
        AutoRestart::Always => Value::Bool(true),
        AutoRestart::Unexpected => Value::String("unexpected".to_owned()),
    }
}

fn serverurl(url: &ServerUrl) -> Value {
    match url {
        ServerUrl::Auto => Value::String("none".to_owned()),
        ServerUrl::Text(text) => Value::String(text.clone()),
    }
}
