//! `status`: how every process is, in columns or as JSON.

use model::state::ProcessState;
use serde_json::{Value, json};

use crate::args::Format;
use crate::remote::{RemoteEnd, RemoteListener, RemoteProcess};
use crate::render;
use crate::verbs::paint::{Paint, Tone};
use crate::verbs::{DONE, Desk, FAILED, Trouble, targets};

/// `status`.
pub(crate) fn status(
    desk: &mut Desk<'_>,
    names: &[String],
    check: bool,
    format: Format,
) -> Result<u8, Trouble> {
    let all = desk.client.inspect()?;
    let shown = targets::select(&mut desk.client, names, &all)?;
    if format.json {
        let list = shown.iter().map(|it| in_json(it)).collect();
        desk.print_json(&Value::Array(list))?;
    } else {
        for line in lines(&shown, desk.paint) {
            desk.say(line)?;
        }
    }
    let all_run = shown.iter().all(|it| it.known_state() == Some(ProcessState::Running));
    Ok(if check && !all_run { FAILED } else { DONE })
}

/// The original's columns, with colors, and what else is known.
fn lines(processes: &[&RemoteProcess], paint: Paint) -> Vec<String> {
    let names: Vec<_> = processes.iter().map(|it| it.full_name()).collect();
    let width = render::name_width(names.iter().map(String::as_str));
    let lines = names.iter().zip(processes).map(|(name, it)| {
        // Padded before it is painted: colors have no width.
        let state = paint.text(tone_of(it), &format!("{:10}", it.state_name));
        let dropped = dropped(it).map(|it| paint.text(Tone::Bad, &it));
        let description = Some(it.description.clone()).filter(|it| !it.is_empty());
        let words: Vec<_> = [description, ending(it), restarts(it), dropped].into_iter().flatten().collect();
        let line = format!("{name:width$}{state}{}", words.join(", "));
        line.trim_end().to_owned()
    });
    lines.collect()
}

fn last_end(process: &RemoteProcess) -> Option<&RemoteEnd> {
    process.more.as_ref()?.ended.as_ref()
}

fn listener(process: &RemoteProcess) -> Option<&RemoteListener> {
    process.more.as_ref()?.listener.as_ref()
}

/// How it ended, where that is what a person asks next.
fn ending(process: &RemoteProcess) -> Option<String> {
    let state = process.known_state()?;
    let Some(end) = last_end(process) else {
        // Supervisor tells that much of those that have ended by themselves.
        return match (state, process.exit_status) {
            (ProcessState::Exited, -1) => Some("ended by a signal".to_owned()),
            (ProcessState::Exited, code) => Some(format!("exit status {code}")),
            _ => None,
        };
    };
    let told = match end.cause.as_str() {
        "unexpected" => format!("{} (not expected)", end.description),
        "killed" => format!("{} (it did not stop in time)", end.description),
        _ => end.description.clone(),
    };
    match state {
        ProcessState::Running | ProcessState::Starting | ProcessState::Stopping => {
            let is_of_interest = matches!(end.cause.as_str(), "unexpected" | "too early" | "killed");
            is_of_interest.then(|| format!("last end: {told}"))
        }
        ProcessState::Stopped
        | ProcessState::Backoff
        | ProcessState::Exited
        | ProcessState::Fatal
        | ProcessState::Unknown => Some(told),
    }
}

fn restarts(process: &RemoteProcess) -> Option<String> {
    match process.more.as_ref()?.restarts {
        0 => None,
        1 => Some("1 restart".to_owned()),
        many => Some(format!("{many} restarts")),
    }
}

fn dropped(process: &RemoteProcess) -> Option<String> {
    let events = match listener(process).map_or(0, |it| it.dropped) {
        0 => None,
        1 => Some("1 event dropped".to_owned()),
        many => Some(format!("{many} events dropped")),
    };
    let bytes = match process.more.as_ref()?.bytes_dropped {
        0 => None,
        many => Some(format!("{many} bytes of output dropped")),
    };
    let all: Vec<_> = events.into_iter().chain(bytes).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// What its state says about it.
fn tone_of(process: &RemoteProcess) -> Tone {
    let went_well = match last_end(process) {
        Some(end) => end.cause != "unexpected",
        None => process.exit_status == 0,
    };
    match process.known_state() {
        Some(ProcessState::Running) => Tone::Good,
        Some(ProcessState::Starting | ProcessState::Stopping | ProcessState::Backoff) => Tone::Passing,
        Some(ProcessState::Exited) if !went_well => Tone::Bad,
        Some(ProcessState::Stopped | ProcessState::Exited) => Tone::Quiet,
        Some(ProcessState::Fatal | ProcessState::Unknown) | None => Tone::Bad,
    }
}

/// Every key is there for every process; what is not known or makes no sense is null.
fn in_json(process: &RemoteProcess) -> Value {
    let some = |number: i64| (number != 0).then_some(number);
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let state = process.known_state();
    let more = process.more.as_ref();
    let end = last_end(process);
    // Of a Supervisor: what it tells of those that have ended by themselves.
    let told = (more.is_none() && state == Some(ProcessState::Exited)).then_some(process.exit_status);
    let is_up = state == Some(ProcessState::Running);
    json!({
        "name": process.full_name(),
        "group": process.group,
        "process": process.name,
        "state": process.state_name,
        "description": process.description,
        "pid": some(process.pid),
        "uptime_seconds": is_up.then(|| process.now.saturating_sub(process.start).max(0)),
        "starts": more.map(|it| it.starts),
        "restarts": more.map(|it| it.restarts),
        "exit_code": end.map_or(told, |it| it.code),
        "exit_signal": end.and_then(|it| it.signal.clone()),
        "exit_reason": end.map(|it| it.cause.clone()),
        "core_dumped": end.map(|it| it.core),
        "spawn_error": text(&process.spawn_error),
        "started_at": some(process.start),
        "stopped_at": some(process.stop),
        "now": some(process.now),
        "stdout_logfile": text(&process.stdout_logfile),
        "stderr_logfile": text(&process.stderr_logfile),
        "output_bytes_dropped": more.map(|it| it.bytes_dropped),
        "listener": listener(process).map(|it| json!({
            "state": it.state,
            "events_waiting": it.waiting,
            "events_waiting_max": it.size,
            "events_dropped": it.dropped,
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::More;

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

    /// One of a server that tells more: it ended like this, and was restarted so often.
    fn ended(state: ProcessState, description: &str, end: (&str, &str), restarts: i64) -> RemoteProcess {
        let (cause, how) = end;
        let ended =
            RemoteEnd { cause: cause.to_owned(), description: how.to_owned(), ..RemoteEnd::default() };
        let more = More { restarts, ended: Some(ended), ..More::default() };
        RemoteProcess { more: Some(more), ..process(state, 0, description) }
    }

    fn line(process: &RemoteProcess) -> String {
        lines(&[process], Paint::Plain).concat()
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
        for (process, expected) in cases {
            assert_eq!(line(&process), format!("{:33}{expected}", "web"));
        }
    }

    #[test]
    fn a_server_of_ours_tells_the_signal_and_the_restarts() {
        let cases = [
            (
                ended(ProcessState::Running, "pid 1", ("unexpected", "terminated by SIGSEGV"), 2),
                "RUNNING   pid 1, last end: terminated by SIGSEGV (not expected), 2 restarts",
            ),
            (ended(ProcessState::Running, "pid 1", ("stopped", "exit status 0"), 0), "RUNNING   pid 1"),
            (
                ended(ProcessState::Starting, "", ("too early", "exit status 1"), 1),
                "STARTING  last end: exit status 1, 1 restart",
            ),
            (
                ended(ProcessState::Stopped, "Nov 20", ("killed", "terminated by SIGKILL"), 0),
                "STOPPED   Nov 20, terminated by SIGKILL (it did not stop in time)",
            ),
            (
                ended(ProcessState::Exited, "Nov 20", ("expected", "exit status 0"), 0),
                "EXITED    Nov 20, exit status 0",
            ),
        ];
        for (process, expected) in cases {
            assert_eq!(line(&process), format!("{:33}{expected}", "web"));
        }
    }

    #[test]
    fn a_listener_that_lost_events_says_so() {
        let listener = RemoteListener { dropped: 7, size: 10, waiting: 10, state: None };
        let more = More { listener: Some(listener), ..More::default() };
        let process = RemoteProcess { more: Some(more), ..process(ProcessState::Running, 0, "pid 1") };
        assert_eq!(line(&process), format!("{:33}RUNNING   pid 1, 7 events dropped", "web"));
        assert_eq!(in_json(&process)["listener"]["events_dropped"], 7);
    }

    #[test]
    fn colors_do_not_move_columns() {
        let process = process(ProcessState::Running, 0, "pid 1");
        assert_eq!(
            lines(&[&process], Paint::Colors),
            [format!("{:33}\u{1b}[32mRUNNING   \u{1b}[0mpid 1", "web")]
        );
    }
}
