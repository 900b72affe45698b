//! What clients see of a process: a snapshot, made when asked for.

use std::path::PathBuf;

use crate::exit::{Ended, ExitStatus};
use crate::name::FullName;
use crate::state::ProcessState;
use crate::time::Wall;

/// One process as it is at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Who.
    pub name: FullName,
    /// Its state.
    pub state: ProcessState,
    /// When it was last started.
    pub started: Option<Wall>,
    /// When it last ended.
    pub stopped: Option<Wall>,
    /// The moment this was taken.
    pub now: Wall,
    /// Seconds it has been up, on the clock that cannot be set; zero unless running.
    pub uptime_secs: u64,
    /// Why it last failed to start.
    pub spawn_error: Option<String>,
    /// How it last ended after it had been up; forgotten at the next start.
    pub exit: Option<ExitStatus>,
    /// Its child, when there is one.
    pub pid: Option<u32>,
    /// How often it was started since its group became active.
    pub starts: u64,
    /// How many of these starts nobody asked for: it had ended or failed, and was to be up.
    pub restarts: u64,
    /// The end of its last child, which is remembered through later starts.
    pub ended: Option<Ended>,
    /// Where its standard output goes, once known.
    pub stdout_logfile: Option<PathBuf>,
    /// Where its standard error goes, once known.
    pub stderr_logfile: Option<PathBuf>,
}
