//! Why a process is as it is, in words a person can act on, from what is remembered of it.

use model::exit::{EndCause, ExitStatus};
use model::fault::{Fault, FaultCode};
use model::info::ProcessInfo;
use model::name::FullName;
use model::state::ProcessState;
use model::time::{Mono, Wall};
use model::usage::ExitRecord;
use supervisor::deadline::Reason;
use wire::value::Value;

use crate::call::{Context, Refusal};
use crate::facts::{self, bytes, moment, seconds, structure, text};
use crate::process_info::uptime;

/// The last ends of a process.
pub(crate) fn exits(name: &FullName, context: &Context<'_>) -> Value {
    Value::Array(context.usages.exits(name).iter().map(exit).collect())
}

/// One end, with what was found out about it.
pub fn exit(record: &ExitRecord) -> Value {
    let mut value = facts::ended(&record.ended, moment(record.ended.at));
    if let Value::Struct(members) = &mut value {
        let lines = record.last_lines.iter().map(|it| text(it)).collect();
        members.extend([
            ("cpu_seconds", seconds(record.cpu_ms)),
            ("peak_bytes", bytes(record.peak_kib.saturating_mul(1024))),
            ("out_of_memory", Value::Bool(record.out_of_memory)),
            ("last_lines", Value::Array(lines)),
        ]);
    }
    value
}

/// Why a process is as it is.
pub(crate) fn why(name: &FullName, context: &Context<'_>) -> Result<Value, Refusal> {
    let info = context.supervisor.info(name, context.now);
    let info = info.ok_or_else(|| Fault::about(FaultCode::BadName, name.to_string()))?;
    let exits = context.usages.exits(name);
    let next = context.supervisor.next_of(name).map(|(at, reason)| (wait(at, context.now.mono), reason));
    let autostart = context.supervisor.spec(name).is_none_or(|it| it.autostart);
    let sentences = sentences(&info, autostart, &exits, next.as_ref());
    let lines = exits.last().filter(|it| is_bad(it)).map(|it| it.last_lines.as_slice()).unwrap_or_default();
    Ok(structure(vec![
        ("name", Some(Value::String(name.to_string()))),
        ("state", Some(text(info.state.as_str()))),
        ("sentences", Some(Value::Array(sentences.into_iter().map(Value::String).collect()))),
        ("last_lines", Some(Value::Array(lines.iter().map(|it| text(it)).collect()))),
    ]))
}

/// Whole seconds until a moment, rounded up.
fn wait(at: Mono, now: Mono) -> u64 {
    let left = at - now;
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

/// Whether an end is one nobody wanted.
const fn is_bad(record: &ExitRecord) -> bool {
    match record.ended.cause {
        EndCause::Unexpected | EndCause::TooEarly | EndCause::Killed => true,
        EndCause::Expected | EndCause::Stopped => false,
    }
}

fn sentences(
    info: &ProcessInfo,
    autostart: bool,
    exits: &[ExitRecord],
    next: Option<&(u64, Reason)>,
) -> Vec<String> {
    let mut all = vec![standing(info, autostart, !exits.is_empty())];
    if let Some(last) = exits.last() {
        all.push(ending(last, info.now));
        all.extend(repetition(exits));
        if last.out_of_memory {
            all.push("The kernel killed it because memory had run out (its OOM killer did it).".to_owned());
        }
    }
    let has_no_child = info.exit.is_none() && exits.is_empty();
    if let Some(reason) = info.spawn_error.as_deref().filter(|it| has_no_child && !it.is_empty()) {
        all.push(format!("It could not be started: {reason}."));
    }
    all.extend(next.and_then(|(seconds, reason)| prospect(*seconds, reason)));
    if info.state == ProcessState::Fatal {
        all.push("It has been given up after too many failed starts; `start` tries again.".to_owned());
    }
    all
}

/// How it stands.
fn standing(info: &ProcessInfo, autostart: bool, had_children: bool) -> String {
    match info.state {
        ProcessState::Running => {
            format!("It is running, with pid {}, for {}.", info.pid.unwrap_or(0), uptime(info.uptime_secs))
        }
        ProcessState::Starting => "It is starting, and has yet to stay up for its startsecs.".to_owned(),
        ProcessState::Stopping => "It has been asked to stop and has not yet ended.".to_owned(),
        ProcessState::Stopped if info.started.is_none() && had_children => {
            "It has not been started since the supervisor began.".to_owned()
        }
        ProcessState::Stopped if info.started.is_none() && !autostart => {
            "It was never started: autostart is false, and nobody has asked for it.".to_owned()
        }
        ProcessState::Stopped if info.started.is_none() => "It was never started.".to_owned(),
        ProcessState::Stopped => "It is stopped, as somebody asked for.".to_owned(),
        ProcessState::Backoff => "It failed to start, and will be tried again.".to_owned(),
        ProcessState::Exited => "It ended by itself.".to_owned(),
        ProcessState::Fatal => "It does not run.".to_owned(),
        ProcessState::Unknown => "Nobody knows how it stands: a signal to it could not be sent.".to_owned(),
    }
}

/// How the last child ended.
fn ending(last: &ExitRecord, now: Wall) -> String {
    let ago = uptime(u64::try_from(now.seconds() - last.ended.at.seconds()).unwrap_or(0));
    let why = match last.ended.cause {
        EndCause::Expected => ", as its exitcodes expect",
        EndCause::Unexpected => ", which its exitcodes do not expect",
        EndCause::TooEarly => ", before it was up",
        EndCause::Stopped => ", as it was asked to",
        EndCause::Killed => ": it did not stop in time and was killed",
    };
    format!("Its last child ended {ago} ago: {}{why}.", last.ended.status)
}

/// How often it ended like that of late.
fn repetition(exits: &[ExitRecord]) -> Option<String> {
    let last = exits.last()?;
    let is_same =
        |it: &&ExitRecord| same(it.ended.status, last.ended.status) && it.ended.cause == last.ended.cause;
    let run: Vec<_> = exits.iter().rev().take_while(is_same).collect();
    let first = run.last().filter(|_| run.len() > 1 && is_bad(last))?;
    let span = last.ended.at.seconds() - first.ended.at.seconds();
    let span = uptime(u64::try_from(span).unwrap_or(0));
    Some(format!("It ended like that {} times in a row, within {span}.", run.len()))
}

/// Whether two endings are of one kind: a core file makes no difference.
fn same(a: ExitStatus, b: ExitStatus) -> bool {
    match (a, b) {
        (ExitStatus::Signaled { signal: a, .. }, ExitStatus::Signaled { signal: b, .. }) => a == b,
        (a, b) => a == b,
    }
}

/// What comes next.
fn prospect(seconds: u64, reason: &Reason) -> Option<String> {
    let what = match reason {
        Reason::Promote(_) => "it counts as running",
        Reason::Retry(_) => "the next try is",
        Reason::Restart(_) => "it is started again",
        Reason::Kill(_) => "it is killed, unless it has ended by then,",
        Reason::StopReport(_)
        | Reason::ShutdownReport
        | Reason::Tick(_)
        | Reason::Redeliver(_)
        | Reason::LastWords
        | Reason::Silence(_) => {
            return None;
        }
    };
    let mut text = format!("{what} in {seconds} s.");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use model::exit::Ended;
    use model::name::{GroupName, ProcessName};
    use model::signal::Signal;

    use super::*;

    fn name() -> FullName {
        FullName { group: GroupName::parse("g").unwrap(), process: ProcessName::expanded("p") }
    }

    fn info(state: ProcessState) -> ProcessInfo {
        ProcessInfo {
            name: name(),
            state,
            started: Some(Wall::from_seconds(1000)),
            stopped: None,
            now: Wall::from_seconds(2000),
            uptime_secs: 75,
            spawn_error: None,
            exit: None,
            pid: Some(7),
            starts: 1,
            restarts: 0,
            ended: None,
            stdout_logfile: None,
            stderr_logfile: None,
        }
    }

    fn killed(at: i64) -> ExitRecord {
        let status = ExitStatus::Signaled { signal: Signal::KILL, core: false };
        let ended = Ended { status, at: Wall::from_seconds(at), cause: EndCause::Unexpected };
        ExitRecord { ended, cpu_ms: 0, peak_kib: 0, out_of_memory: at == 1990, last_lines: vec![] }
    }

    #[test]
    fn a_crash_loop_is_told_with_its_reason_and_what_comes_next() {
        let exits = [killed(1950), killed(1970), killed(1990)];
        let next = (8, Reason::Retry(name()));
        assert_eq!(
            sentences(&info(ProcessState::Backoff), true, &exits, Some(&next)),
            [
                "It failed to start, and will be tried again.",
                "Its last child ended 0:00:10 ago: terminated by SIGKILL, which its exitcodes do not expect.",
                "It ended like that 3 times in a row, within 0:00:40.",
                "The kernel killed it because memory had run out (its OOM killer did it).",
                "The next try is in 8 s.",
            ]
        );
    }

    #[test]
    fn what_never_ran_and_what_runs_is_told_in_one_sentence() {
        let never = ProcessInfo { started: None, ..info(ProcessState::Stopped) };
        assert_eq!(
            sentences(&never, false, &[], None),
            ["It was never started: autostart is false, and nobody has asked for it."]
        );
        let earlier = sentences(&never, false, &[killed(1990)], None);
        assert_eq!(earlier[0], "It has not been started since the supervisor began.");
        let running = sentences(&info(ProcessState::Running), true, &[], None);
        assert_eq!(running, ["It is running, with pid 7, for 0:01:15."]);
        let missing = ProcessInfo {
            spawn_error: Some("can't find command '/no'".to_owned()),
            ..info(ProcessState::Fatal)
        };
        assert_eq!(
            sentences(&missing, true, &[], None)[1..],
            [
                "It could not be started: can't find command '/no'.",
                "It has been given up after too many failed starts; `start` tries again."
            ]
        );
    }
}
