//! `pid`, `avail`, `reread`, `version`: what is, in columns or as JSON.

use model::fault::FaultCode;
use serde_json::{Value, json};

use crate::args::Format;
use crate::client::CallError;
use crate::remote::RemoteConfig;
use crate::render;
use crate::verbs::{DONE, Desk, Trouble, targets};

/// `pid`: a process that does not run has none, which is said and is no failure.
pub(crate) fn pid(desk: &mut Desk<'_>, names: &[String], format: Format) -> Result<u8, Trouble> {
    if names.is_empty() {
        let pid = desk.client.server_pid()?;
        if format.json {
            desk.print_json(&json!({ "pid": pid }))?;
        } else {
            desk.say(pid.to_string())?;
        }
        return Ok(DONE);
    }
    let all = desk.client.processes()?;
    let shown = targets::select(&mut desk.client, names, &all)?;
    if format.json {
        let pids = shown.iter().map(|it| (it.full_name(), json!((it.pid != 0).then_some(it.pid))));
        desk.print_json(&Value::Object(pids.collect()))?;
        return Ok(DONE);
    }
    for process in shown {
        desk.say(process.pid.to_string())?;
    }
    Ok(DONE)
}

/// `avail`.
pub(crate) fn avail(desk: &mut Desk<'_>, format: Format) -> Result<u8, Trouble> {
    let list = desk.client.configured()?;
    if format.json {
        let list = list.iter().map(|it| {
            json!({
                "name": it.name,
                "active": it.in_use,
                "autostart": it.autostart,
                "group_priority": it.group_priority,
                "process_priority": it.process_priority,
            })
        });
        desk.print_json(&Value::Array(list.collect()))?;
        return Ok(DONE);
    }
    list.iter().map(RemoteConfig::line).try_for_each(|it| desk.say(it))?;
    Ok(DONE)
}

/// `reread`.
pub(crate) fn reread(desk: &mut Desk<'_>, format: Format) -> Result<u8, Trouble> {
    let changes = desk.client.reread().map_err(explain)?;
    if format.json {
        desk.print_json(&json!({
            "added": changes.added,
            "changed": changes.changed,
            "removed": changes.removed,
        }))?;
        return Ok(DONE);
    }
    render::change_lines(&changes).into_iter().try_for_each(|it| desk.say(it))?;
    Ok(DONE)
}

/// A configuration the server cannot read is a mistake in the configuration, and the way to see all
/// of it is another verb.
pub(crate) fn explain(error: CallError) -> Trouble {
    if error.fault() != Some(FaultCode::CantReread) {
        return error.into();
    }
    let text = error.to_string();
    let reason = text.strip_prefix("CANT_REREAD: ").unwrap_or(&text);
    Trouble::Usage(format!(
        "the server cannot read its configuration: {reason}\n  To see all that is wrong with it: menshen check"
    ))
}

/// `version`: ours is told even when the server's cannot be.
pub(crate) fn version(desk: &mut Desk<'_>, format: Format) -> Result<u8, Trouble> {
    let own = env!("CARGO_PKG_VERSION");
    let server = desk.client.server_version();
    if format.json {
        desk.print_json(&json!({ "menshen": own, "server": server.as_ref().ok() }))?;
    } else {
        desk.say(format!("menshen {own}"))?;
        if let Ok(version) = &server {
            let line = format!("server {version} at {}", desk.client.target().url);
            desk.say(line)?;
        }
    }
    server?;
    Ok(DONE)
}
