//! `status`, `pid`, `avail`, `reread`, `version`: what is, in columns or as JSON.

use model::fault::FaultCode;
use model::state::ProcessState;
use serde_json::{Value, json};

use crate::args::Format;
use crate::client::CallError;
use crate::remote::{RemoteConfig, RemoteProcess};
use crate::render;
use crate::verbs::paint::{Paint, tone_of};
use crate::verbs::{DONE, Desk, FAILED, Trouble, targets};

/// `status`.
pub(crate) fn status(
    desk: &mut Desk<'_>,
    names: &[String],
    check: bool,
    format: Format,
) -> Result<u8, Trouble> {
    let all = desk.client.processes()?;
    let shown = targets::select(&mut desk.client, names, &all)?;
    if format.json {
        let list = shown.iter().map(|it| process_json(it)).collect();
        desk.print_json(&Value::Array(list))?;
    } else {
        for line in status_lines(&shown, desk.paint) {
            desk.say(line)?;
        }
    }
    let all_run = shown.iter().all(|it| it.known_state() == Some(ProcessState::Running));
    Ok(if check && !all_run { FAILED } else { DONE })
}

/// The original's columns, with colors, and how a process ended.
fn status_lines(processes: &[&RemoteProcess], paint: Paint) -> Vec<String> {
    let names: Vec<_> = processes.iter().map(|it| it.full_name()).collect();
    let width = render::name_width(names.iter().map(String::as_str));
    let lines = names.iter().zip(processes).map(|(name, it)| {
        let tone = tone_of(it.known_state(), it.exit_status);
        // Padded before it is painted: colors have no width.
        let state = paint.text(tone, &format!("{:10}", it.state_name));
        let line = format!("{name:width$}{state}{}{}", it.description, ending(it));
        line.trim_end().to_owned()
    });
    lines.collect()
}

fn ending(process: &RemoteProcess) -> String {
    match (process.known_state(), process.exit_status) {
        (Some(ProcessState::Exited), -1) => ", ended by a signal".to_owned(),
        (Some(ProcessState::Exited), code) => format!(", exit status {code}"),
        _ => String::new(),
    }
}

fn process_json(process: &RemoteProcess) -> Value {
    let some = |number: i64| (number != 0).then_some(number);
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let ended = process.known_state() == Some(ProcessState::Exited);
    json!({
        "name": process.full_name(),
        "group": process.group,
        "process": process.name,
        "state": process.state_name,
        "description": process.description,
        "pid": some(process.pid),
        "exit_status": ended.then_some(process.exit_status),
        "spawn_error": text(&process.spawn_error),
        "started_at": some(process.start),
        "stopped_at": some(process.stop),
        "now": some(process.now),
        "stdout_logfile": text(&process.stdout_logfile),
        "stderr_logfile": text(&process.stderr_logfile),
    })
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn process(state: ProcessState, exit_status: i64, description: &str) -> RemoteProcess {
        RemoteProcess {
            group: "web".to_owned(),
            name: "web".to_owned(),
            state: i64::from(state.code()),
            state_name: state.as_str().to_owned(),
            description: description.to_owned(),
            exit_status,
            ..RemoteProcess::default()
        }
    }

    #[test]
    fn a_process_that_ended_says_how() {
        let cases = [
            (process(ProcessState::Exited, 3, "Nov 20 11:34 PM"), "EXITED    Nov 20 11:34 PM, exit status 3"),
            (
                process(ProcessState::Exited, -1, "Nov 20 11:34 PM"),
                "EXITED    Nov 20 11:34 PM, ended by a signal",
            ),
            (process(ProcessState::Stopped, 0, "Not started"), "STOPPED   Not started"),
            (process(ProcessState::Starting, 0, ""), "STARTING"),
        ];
        for (process, line) in cases {
            assert_eq!(status_lines(&[&process], Paint::Plain), [format!("{:33}{line}", "web")]);
        }
    }

    #[test]
    fn colors_do_not_move_columns() {
        let process = process(ProcessState::Running, 0, "pid 1");
        assert_eq!(
            status_lines(&[&process], Paint::Colors),
            [format!("{:33}\u{1b}[32mRUNNING   \u{1b}[0mpid 1", "web")]
        );
    }
}
