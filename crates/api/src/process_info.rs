//! What clients see of a process, and the sentence that sums it up.

use std::path::Path;

use model::child::Channel;
use model::info::ProcessInfo;
use model::state::ProcessState;
use model::time::{Wall, Zone};
use wire::value::{Members, Value};

use crate::call::Context;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The struct of `getProcessInfo`.
pub fn structure(info: &ProcessInfo, context: &Context<'_>) -> Value {
    Value::Struct(members(info, context))
}

/// Its members.
pub(crate) fn members(info: &ProcessInfo, context: &Context<'_>) -> Members {
    let text = |it: &str| Value::String(it.to_owned());
    let seconds = |at: Option<Wall>| Value::Int(at.map_or(0, Wall::seconds));
    let log = |channel, known: Option<&Path>| match context.files.path(&info.name, channel) {
        Some(path) => path.into_os_string().into_string().unwrap_or_else(|it| shown(it.as_ref())),
        None => known.map_or_else(String::new, shown),
    };
    let stdout = log(Channel::Stdout, info.stdout_logfile.as_deref());
    // In order of their names: there are lists of ten thousand processes.
    Members::from([
        ("description", Value::String(description(info, context.zone))),
        ("exitstatus", Value::Int(info.exit.map_or(0, |it| it.code().into()))),
        ("group", text(info.name.group.as_str())),
        // A second name from the time when there was only one log.
        ("logfile", Value::String(stdout.clone())),
        ("name", text(info.name.process.as_str())),
        ("now", seconds(Some(info.now))),
        ("pid", Value::Int(info.pid.unwrap_or(0).into())),
        ("spawnerr", text(info.spawn_error.as_deref().unwrap_or_default())),
        ("start", seconds(info.started)),
        ("state", Value::Int(info.state.code().into())),
        ("statename", text(info.state.as_str())),
        ("stderr_logfile", Value::String(log(Channel::Stderr, info.stderr_logfile.as_deref()))),
        ("stdout_logfile", Value::String(stdout)),
        ("stop", seconds(info.stopped)),
    ])
}

/// A path as clients see it.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The sentence that sums a process up (`rpcinterface.py`, `_interpretProcessInfo`).
///
/// The uptime is taken from the clock that cannot be set, so that neither a change of the wall clock
/// nor the year 2038 shows in it.
pub fn description(info: &ProcessInfo, zone: &dyn Zone) -> String {
    match info.state {
        ProcessState::Running => {
            format!("pid {}, uptime {}", info.pid.unwrap_or(0), uptime(info.uptime_secs))
        }
        ProcessState::Fatal | ProcessState::Backoff => match info.spawn_error.as_deref() {
            None | Some("") => format!("unknown error (try \"tail {}\")", info.name.process),
            Some(reason) => reason.to_owned(),
        },
        ProcessState::Stopped | ProcessState::Exited => match info.started {
            Some(_) => short_time(info.stopped.unwrap_or_default(), zone),
            None => "Not started".to_owned(),
        },
        ProcessState::Starting | ProcessState::Stopping | ProcessState::Unknown => String::new(),
    }
}

/// A time span as Python shows one: `0:01:02`, `1 day, 0:00:00`, `10 days, 1:02:03`.
pub fn uptime(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0 => clock,
        1 => format!("1 day, {clock}"),
        _ => format!("{days} days, {clock}"),
    }
}

/// A time as `Nov 20 11:34 PM`.
fn short_time(at: Wall, zone: &dyn Zone) -> String {
    let civil = zone.civil(at);
    let month = MONTHS.get(usize::from(civil.month).saturating_sub(1)).copied().unwrap_or("?");
    let hour = match civil.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let half = if civil.hour < 12 { "AM" } else { "PM" };
    format!("{month} {:02} {hour:02}:{:02} {half}", civil.day, civil.minute)
}

#[cfg(test)]
pub(crate) mod tests {
    use model::name::{FullName, GroupName, ProcessName};
    use model::time::Utc;

    use super::*;

    pub(crate) fn info(state: ProcessState) -> ProcessInfo {
        ProcessInfo {
            name: FullName { group: GroupName::parse("g").unwrap(), process: ProcessName::expanded("p") },
            state,
            started: Some(Wall::from_seconds(1000)),
            stopped: Some(Wall::from_seconds(1_700_523_240)),
            now: Wall::from_seconds(2000),
            uptime_secs: 3_999,
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

    #[test]
    fn a_description_says_what_matters_in_each_state() {
        let cases = [
            (ProcessState::Running, "pid 7, uptime 1:06:39"),
            (ProcessState::Fatal, "unknown error (try \"tail p\")"),
            (ProcessState::Backoff, "unknown error (try \"tail p\")"),
            (ProcessState::Stopped, "Nov 20 11:34 PM"),
            (ProcessState::Exited, "Nov 20 11:34 PM"),
            (ProcessState::Starting, ""),
            (ProcessState::Stopping, ""),
            (ProcessState::Unknown, ""),
        ];
        for (state, wanted) in cases {
            assert_eq!(description(&info(state), &Utc), wanted, "{state}");
        }
        let never = ProcessInfo { started: None, ..info(ProcessState::Stopped) };
        assert_eq!(description(&never, &Utc), "Not started");
        let failed = ProcessInfo { spawn_error: Some("no".to_owned()), ..info(ProcessState::Fatal) };
        assert_eq!(description(&failed, &Utc), "no");
    }

    #[test]
    fn an_uptime_looks_as_in_python() {
        let cases = [
            (0, "0:00:00"),
            (32, "0:00:32"),
            (86_399, "23:59:59"),
            (86_400, "1 day, 0:00:00"),
            (867_723, "10 days, 1:02:03"),
        ];
        for (seconds, wanted) in cases {
            assert_eq!(uptime(seconds), wanted);
        }
    }

    #[test]
    fn noon_and_midnight_are_twelve() {
        let cases = [(0, "Jan 01 12:00 AM"), (43_200, "Jan 01 12:00 PM"), (46_860, "Jan 01 01:01 PM")];
        for (seconds, wanted) in cases {
            assert_eq!(short_time(Wall::from_seconds(seconds), &Utc), wanted);
        }
    }
}
