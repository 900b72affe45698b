//! Requests that an event will settle.
//!
//! A request is kept here from the step that could not answer it to the step that can. Whatever
//! happens to a process is told here once; who waits for that is found by the name of the process.

use std::collections::BTreeMap;

use model::fault::{Fault, FaultCode};
use model::name::FullName;
use model::spawn::SpawnFailure;
use model::state::ProcessState;

use crate::effect::{Answer, Effect, Effects, Settled};
use crate::input::RequestId;
use crate::turn::{Cause, News, What};

/// What a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// That there is a child.
    Spawned,
    /// That the process is RUNNING.
    Up,
    /// That the process has stopped.
    Down,
}

/// All requests that wait.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pending: BTreeMap<RequestId, Pending>,
    waits: BTreeMap<FullName, Vec<Wait>>,
}

/// One request that waits.
#[derive(Debug)]
enum Pending {
    /// For one process, which the client named so.
    One { named: String },
    /// For several; what is settled already, and how many are not.
    Many { settled: Vec<Settled>, left: usize },
}

#[derive(Debug, Clone, Copy)]
struct Wait {
    id: RequestId,
    aim: Aim,
}

impl Waiting {
    /// Keeps a request about one process until the process gets where the request aims.
    pub(crate) fn wait_for_one(&mut self, id: RequestId, name: FullName, named: String, aim: Aim) {
        self.pending.insert(id, Pending::One { named });
        self.waits.entry(name).or_default().push(Wait { id, aim });
    }

    /// Keeps a request about many processes until each of `awaited` gets where the request aims.
    pub(crate) fn wait_for_many(
        &mut self,
        id: RequestId,
        settled: Vec<Settled>,
        awaited: Vec<FullName>,
        aim: Aim,
    ) {
        self.pending.insert(id, Pending::Many { settled, left: awaited.len() });
        for name in awaited {
            self.waits.entry(name).or_default().push(Wait { id, aim });
        }
    }

    /// Whether anybody waits.
    #[cfg(test)]
    pub(crate) fn waits_for_any(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether somebody waits for `name` to stop.
    pub(crate) fn waits_for_stop(&self, name: &FullName) -> bool {
        self.waits.get(name).is_some_and(|waits| waits.iter().any(|it| it.aim == Aim::Down))
    }

    /// Drops a request whose answer nobody will read.
    ///
    /// It looks at all that is waited for; a client that leaves is rare, and so are those that wait.
    pub(crate) fn abandon(&mut self, id: RequestId) {
        if self.pending.remove(&id).is_some() {
            self.waits.retain(|_, waits| {
                waits.retain(|it| it.id != id);
                !waits.is_empty()
            });
        }
    }

    /// Takes note of what happened to a process, and answers those it was the answer for.
    pub(crate) fn hear(&mut self, news: &News, fx: &mut Effects) {
        let Some(waits) = self.waits.get_mut(&news.name) else { return };
        let mut verdicts = Vec::new();
        waits.retain(|wait| match verdict(wait.aim, &news.what) {
            Some(verdict) => {
                verdicts.push((wait.id, verdict));
                false
            }
            None => true,
        });
        if waits.is_empty() {
            self.waits.remove(&news.name);
        }
        for (id, verdict) in verdicts {
            self.settle(id, &news.name, verdict, fx);
        }
    }

    fn settle(&mut self, id: RequestId, name: &FullName, verdict: Verdict, fx: &mut Effects) {
        let answer = match self.pending.get_mut(&id) {
            None => return,
            Some(Pending::One { named }) => verdict.for_one(named).map(|()| Answer::Done),
            Some(Pending::Many { settled, left }) => {
                settled.push(Settled { name: name.clone(), outcome: verdict.for_many(name) });
                *left -= 1;
                if *left > 0 {
                    return;
                }
                Ok(Answer::Many(std::mem::take(settled)))
            }
        };
        self.pending.remove(&id);
        fx.push(Effect::Answer { id, answer });
    }

    /// Answers whatever still waits: nothing more will happen.
    ///
    /// Nothing should wait by then, since every wait is for a process that starts or stops, and all
    /// have stopped; but a client must not wait for ever because of a mistake here.
    pub(crate) fn close(&mut self, fx: &mut Effects) {
        self.waits.clear();
        for (id, _) in std::mem::take(&mut self.pending) {
            fx.push(Effect::Answer { id, answer: Err(FaultCode::ShutdownState.into()) });
        }
    }
}

/// What a request has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fulfilled,
    /// There was no child.
    NoChild(SpawnFailure),
    /// The child ended before it was up.
    EndedEarly,
    /// The process went another way.
    Elsewhere,
    /// A signal could not be sent; the text says why.
    SignalFailed(String),
    /// Some of those who were to be ended are still there; the text names them.
    Survived(String),
}

impl Verdict {
    /// The answer to who asked about one process (`rpcinterface.py`, `startProcess`, `stopProcess`).
    fn for_one(self, named: &str) -> Result<(), Fault> {
        match self {
            Self::Fulfilled => Ok(()),
            Self::NoChild(_) | Self::EndedEarly => Err(Fault::about(FaultCode::SpawnError, named)),
            Self::Elsewhere => Err(Fault::about(FaultCode::AbnormalTermination, named)),
            Self::SignalFailed(text) | Self::Survived(text) => Err(Fault::about(FaultCode::Failed, text)),
        }
    }

    /// The answer to who asked about many. Nobody has looked at the program file beforehand, as is
    /// done for one, so what is wrong with it is told here, in the same words.
    pub(crate) fn for_many(self, name: &FullName) -> Result<(), Fault> {
        match self {
            Self::NoChild(failure) if failure.is_about_the_program() => Err(obstacle_fault(&failure)),
            Self::NoChild(_)
            | Self::Fulfilled
            | Self::EndedEarly
            | Self::Elsewhere
            | Self::SignalFailed(_)
            | Self::Survived(_) => self.for_one(&name.to_string()),
        }
    }
}

/// What a client is told about a program file that cannot be started.
pub(crate) fn obstacle_fault(obstacle: &SpawnFailure) -> Fault {
    let code = if obstacle.is_missing() { FaultCode::NoFile } else { FaultCode::NotExecutable };
    Fault::about(code, obstacle.to_string())
}

/// What `what` means to a request with this aim; `None` when it has to wait on.
pub(crate) fn verdict(aim: Aim, what: &What) -> Option<Verdict> {
    match (aim, what) {
        (Aim::Spawned, What::Spawned) => Some(Verdict::Fulfilled),
        (Aim::Up | Aim::Down, What::Spawned) => None,
        (Aim::Spawned | Aim::Up, What::Entered(state, cause)) => start_verdict(*state, cause),
        (Aim::Down, What::Entered(state, cause)) => stop_verdict(*state, cause),
    }
}

fn start_verdict(state: ProcessState, cause: &Cause) -> Option<Verdict> {
    match state {
        ProcessState::Starting => None,
        ProcessState::Running => Some(Verdict::Fulfilled),
        ProcessState::Stopped
        | ProcessState::Backoff
        | ProcessState::Stopping
        | ProcessState::Exited
        | ProcessState::Fatal
        | ProcessState::Unknown => Some(match cause {
            Cause::SpawnFailed(failure) => Verdict::NoChild(failure.clone()),
            Cause::EndedEarly => Verdict::EndedEarly,
            Cause::Course | Cause::SignalFailed(_) | Cause::Survived(_) => Verdict::Elsewhere,
        }),
    }
}

fn stop_verdict(state: ProcessState, cause: &Cause) -> Option<Verdict> {
    match (state, cause) {
        (ProcessState::Unknown, Cause::SignalFailed(text)) => Some(Verdict::SignalFailed(text.clone())),
        (ProcessState::Stopped, Cause::Survived(text)) => Some(Verdict::Survived(text.clone())),
        (
            ProcessState::Stopped | ProcessState::Exited | ProcessState::Fatal | ProcessState::Unknown,
            Cause::Course
            | Cause::SpawnFailed(_)
            | Cause::EndedEarly
            | Cause::SignalFailed(_)
            | Cause::Survived(_),
        ) => Some(Verdict::Fulfilled),
        (
            ProcessState::Starting | ProcessState::Running | ProcessState::Backoff | ProcessState::Stopping,
            _,
        ) => None,
    }
}
