//! The oracle's account of one process: what it is told to be, and what may become of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use model::child::ChildId;
use model::exit::ExitStatus;
use model::name::FullName;
use model::spec::{AutoRestart, ProcessSpec};
use model::state::ProcessState;
use model::time::Mono;
use supervisor::input::Request;

const SECOND: Duration = Duration::from_secs(1);

/// The account of one process.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) spec: Arc<ProcessSpec>,
    pub(crate) group_priority: i64,
    pub(crate) state: ProcessState,
    pub(crate) since: Mono,
    /// Its child, from the order to make it until its end was told.
    pub(crate) child: Option<Child>,
    /// When its last child was ordered.
    pub(crate) ordered: Mono,
    /// How its last child ended.
    pub(crate) ended: Option<ExitStatus>,
    /// Starts in a row, each but the last a failure.
    pub(crate) streak: i64,
    /// When it was last killed since it was asked to stop.
    pub(crate) killed: Option<Mono>,
    /// Somebody wanted it stopped while it was down.
    pub(crate) left_down: bool,
    /// The state it had when a new machine was told what there is.
    pub(crate) before: Option<ProcessState>,
    /// The states it entered in this step.
    pub(crate) entered: Vec<ProcessState>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Child {
    pub(crate) id: ChildId,
    /// When the machine was told that it exists.
    pub(crate) known: Option<Mono>,
    /// Its end was told in this step; when it was noticed.
    pub(crate) ending: Option<Mono>,
}

impl Watch {
    /// Of a process whose group has just become active.
    pub(crate) fn new(spec: Arc<ProcessSpec>, group_priority: i64, now: Mono) -> Self {
        Self {
            spec,
            group_priority,
            state: ProcessState::Stopped,
            since: now,
            child: None,
            ordered: now,
            ended: None,
            streak: 0,
            killed: None,
            left_down: false,
            before: None,
            entered: Vec::new(),
        }
    }

    /// It says that it is up: is it?
    pub(crate) fn check_is_up(&self, name: &FullName, now: Mono) -> Result<()> {
        let child = self.child.with_context(|| format!("{name} is up without a child"))?;
        let known = child.known.with_context(|| format!("{name} is up before there is a child"))?;
        let up_at = known + self.spec.start_time();
        if let Some(ended) = child.ending {
            let lived = ended - self.ordered >= self.spec.start_time() || ended >= up_at;
            ensure!(lived, "{name} is said to have been up, but it ended before");
        } else {
            ensure!(now >= up_at, "{name} is said to be up before its time");
        }
        Ok(())
    }

    /// When it must have left the state it is in, if nothing else happens.
    pub(crate) fn due(&self, leaving: bool) -> Option<Mono> {
        match self.state {
            ProcessState::Starting => Some(self.child?.known? + self.spec.start_time()),
            ProcessState::Backoff if leaving => None,
            ProcessState::Backoff => {
                Some(self.since + Duration::from_secs(u64::try_from(self.streak).unwrap_or(0)))
            }
            ProcessState::Stopping => Some(match self.killed {
                None => self.since + self.spec.stop_time(),
                Some(killed) => killed + self.spec.stop_time().max(SECOND),
            }),
            ProcessState::Exited => {
                let expected = self.ended.is_some_and(|it| self.spec.exitcodes.expects(it));
                let restarts = match self.spec.autorestart {
                    AutoRestart::Never => false,
                    AutoRestart::Unexpected => !expected,
                    AutoRestart::Always => true,
                };
                let wanted = restarts && !leaving && !self.left_down;
                wanted.then(|| self.since.max(self.ordered + SECOND))
            }
            ProcessState::Stopped | ProcessState::Running | ProcessState::Fatal | ProcessState::Unknown => {
                None
            }
        }
    }

    /// Whether something may yet happen to it that settles a request.
    pub(crate) fn may_settle(&self, request: &Request) -> bool {
        match request {
            Request::Start { wait, .. } | Request::StartMany { wait, .. } => {
                let unknown = self.child.is_some_and(|it| it.known.is_none());
                self.state == ProcessState::Starting && (*wait || unknown)
            }
            Request::Stop { .. } | Request::StopMany { .. } => self.state == ProcessState::Stopping,
            // What it sets out goes on by itself, for as long as a process is on its way.
            Request::Update { .. } => {
                matches!(self.state, ProcessState::Starting | ProcessState::Stopping)
            }
            Request::Signal { .. }
            | Request::SignalMany { .. }
            | Request::Adopt { .. }
            | Request::Forget { .. }
            | Request::AddGroup { .. }
            | Request::RemoveGroup { .. }
            | Request::Leave(_) => false,
        }
    }
}

/// The edges between states (`process.py`, and where that would crash, what we do instead).
pub(crate) const fn is_legal(from: ProcessState, to: ProcessState) -> bool {
    use ProcessState::{Backoff, Exited, Fatal, Running, Starting, Stopped, Stopping, Unknown};
    match from {
        Stopped => matches!(to, Starting | Unknown),
        Exited | Fatal => matches!(to, Starting),
        Starting => matches!(to, Running | Backoff | Stopping | Unknown),
        Running => matches!(to, Stopping | Exited | Unknown),
        Backoff => matches!(to, Starting | Fatal | Stopped),
        Stopping => matches!(to, Stopped | Unknown),
        Unknown => matches!(to, Stopped | Exited | Starting),
    }
}
