//! What clients see of a process, made when asked for.

use model::info::ProcessInfo;
use model::time::Stamp;

use crate::phase::Phase;
use crate::process::Process;

/// One process as it is now.
pub(crate) fn info(process: &Process, now: Stamp) -> ProcessInfo {
    let record = &process.record;
    let up_since = match process.phase {
        Phase::Running { .. } => record.started,
        Phase::Stopped
        | Phase::Spawning { .. }
        | Phase::Starting { .. }
        | Phase::Backoff { .. }
        | Phase::Stopping { .. }
        | Phase::Exited { .. }
        | Phase::Fatal
        | Phase::Unknown { .. }
        | Phase::Doubt { .. } => None,
    };
    ProcessInfo {
        name: process.name.clone(),
        state: process.state(),
        started: record.started.map(|it| it.wall),
        stopped: record.stopped,
        now: now.wall,
        uptime_secs: up_since.map_or(0, |it| (now.mono - it.mono).as_secs()),
        spawn_error: record.spawn_error.clone(),
        exit: record.exit,
        pid: process.phase.child().and_then(|(_, pid)| pid),
        starts: record.starts,
        restarts: record.restarts,
        ended: record.ended,
        stdout_logfile: None,
        stderr_logfile: None,
    }
}
