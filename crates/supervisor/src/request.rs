//! What clients ask for: whether it can be, and what is done about it.
//!
//! The rules and the texts of the faults are those of `rpcinterface.py`. What cannot be answered at
//! once is handed to [`Waiting`](crate::waiting::Waiting).

use model::event::Event;
use model::fault::{Fault, FaultCode};
use model::name::{FullName, GroupName};
use model::signal::Signal;
use model::state::ProcessState;

use crate::doubt;
use crate::effect::{Answer, Effect, Settled};
use crate::group::Group;
use crate::input::{Request, RequestId, Selection};
use crate::order;
use crate::phase::Phase;
use crate::process::Process;
use crate::supervisor::{Configuration, Supervisor};
use crate::turn::{Step, Turn};
use crate::waiting::{self, Aim};

/// What came of a wish at first.
enum Begun {
    /// It is fulfilled, or nothing more will come of it.
    Done,
    /// It is on its way.
    Underway,
}

/// A request about one process.
struct Wish {
    id: RequestId,
    name: FullName,
    named: String,
}

impl Supervisor {
    /// Takes a request. It is answered now or later, but once.
    pub(crate) fn request(&mut self, id: RequestId, request: Request, step: &mut Step<'_>) {
        if self.books.leaving {
            return step.answer(id, Err(FaultCode::ShutdownState.into()));
        }
        match request {
            Request::Start { name, named, wait, obstacle } => {
                self.one(Wish { id, name, named }, start_aim(wait), step, |process, named, turn| {
                    match &obstacle {
                        Some(obstacle) => Err(waiting::obstacle_fault(obstacle)),
                        None => start(process, named, wait, turn),
                    }
                });
            }
            Request::StartMany { selection, obstacles, wait } => {
                self.many(id, &selection, start_aim(wait), step, |process, turn| {
                    let idle = !process.state().is_running();
                    idle.then(|| match obstacles.get(&process.name) {
                        Some(obstacle) => Err(waiting::obstacle_fault(obstacle)),
                        None => start(process, &process.name.to_string(), wait, turn),
                    })
                });
            }
            Request::Stop { name, named, wait } => {
                self.one(Wish { id, name, named }, Aim::Down, step, |process, named, turn| {
                    stop(process, named, wait, turn)
                });
            }
            Request::StopMany { selection, wait } => {
                self.many(id, &selection, Aim::Down, step, |process, turn| {
                    let running = process.state().is_running();
                    let begun = stop(process, &process.name.to_string(), wait, turn);
                    running.then_some(begun)
                });
            }
            Request::Signal { name, named, signal: number } => {
                self.one(Wish { id, name, named }, Aim::Down, step, |process, named, turn| {
                    signal(process, named, number, turn)
                });
            }
            Request::SignalMany { selection, signal: number } => {
                self.many(id, &selection, Aim::Down, step, |process, turn| {
                    let reachable = process.state().is_signallable();
                    reachable.then(|| signal(process, &process.name.to_string(), number, turn))
                });
            }
            Request::AddGroup { name } => {
                let answer = self.add_group(&name, step).map(|()| Answer::Done);
                step.answer(id, answer);
            }
            Request::RemoveGroup { name } => {
                let answer = self.remove_group(&name, step).map(|()| Answer::Done);
                step.answer(id, answer);
            }
            Request::Update { names, configured: groups, tape } => {
                let wanted = Configuration { groups, tape: Some(tape) };
                self.update(id, wanted, names.as_deref(), step);
            }
            Request::Adopt { name, named } => {
                let answer = self.adopt(&name, &named, step).map(|()| Answer::Done);
                step.answer(id, answer);
            }
            Request::Forget { name, named } => {
                let answer = self.forget(&name, &named, step).map(|()| Answer::Done);
                step.answer(id, answer);
            }
            Request::Leave(departure) => {
                step.answer(id, Ok(Answer::Done));
                self.leave(departure, step);
            }
        }
    }

    /// Does something to one process, and answers or waits.
    fn one(
        &mut self,
        wish: Wish,
        aim: Aim,
        step: &mut Step<'_>,
        act: impl FnOnce(&mut Process, &str, &mut Turn<'_>) -> Result<Begun, Fault>,
    ) {
        let Wish { id, name, named } = wish;
        let begun = self.with_process(&name, step, |process, turn| act(process, &named, turn));
        match begun {
            Some(Ok(Begun::Underway)) => self.waiting.wait_for_one(id, name, named, aim),
            Some(Ok(Begun::Done)) => step.answer(id, Ok(Answer::Done)),
            Some(Err(fault)) => step.answer(id, Err(fault)),
            None => step.answer(id, Err(Fault::about(FaultCode::BadName, named))),
        }
    }

    /// Does something to each process of a selection, in order of priority, and answers or waits.
    /// `act` says what came of it, or `None` where the request is not about this process.
    fn many(
        &mut self,
        id: RequestId,
        selection: &Selection,
        aim: Aim,
        step: &mut Step<'_>,
        mut act: impl FnMut(&mut Process, &mut Turn<'_>) -> Option<Result<Begun, Fault>>,
    ) {
        let names = match self.select(selection) {
            Ok(names) => names,
            Err(fault) => return step.answer(id, Err(fault)),
        };
        let (mut settled, mut awaited) = (Vec::new(), Vec::new());
        for name in names {
            match self.with_process(&name, step, &mut act).flatten() {
                None => {}
                Some(Ok(Begun::Underway)) => awaited.push(name),
                Some(Ok(Begun::Done)) => settled.push(Settled { name, outcome: Ok(()) }),
                Some(Err(fault)) => settled.push(Settled { name, outcome: Err(fault) }),
            }
        }
        if awaited.is_empty() {
            step.answer(id, Ok(Answer::Many(settled)));
        } else {
            self.waiting.wait_for_many(id, settled, awaited, aim);
        }
    }

    fn select(&self, selection: &Selection) -> Result<Vec<FullName>, Fault> {
        let groups = match selection {
            Selection::All | Selection::Named(_) => order::groups_by_priority(&self.groups),
            Selection::Group(name) => match self.groups.get(name) {
                Some(group) => vec![group],
                None => return Err(Fault::about(FaultCode::BadName, name.as_str())),
            },
        };
        let processes = groups.into_iter().flat_map(Group::in_start_order);
        Ok(processes.map(|it| it.name.clone()).filter(|it| selection.holds(it)).collect())
    }

    fn add_group(&mut self, name: &str, step: &mut Step<'_>) -> Result<(), Fault> {
        let configured = self.configured.groups.iter().find(|it| it.name.as_str() == name);
        let group = configured.ok_or_else(|| Fault::about(FaultCode::BadName, name))?.clone();
        if self.groups.contains_key(name) {
            return Err(Fault::about(FaultCode::AlreadyAdded, name));
        }
        self.open_group(&group, self.configured.tape(), step);
        self.autostart(&group.name, step);
        Ok(())
    }

    fn remove_group(&mut self, name: &str, step: &mut Step<'_>) -> Result<(), Fault> {
        let group = self.groups.get(name).ok_or_else(|| Fault::about(FaultCode::BadName, name))?;
        if group.is_alive() {
            return Err(Fault::about(FaultCode::StillRunning, name));
        }
        let name: GroupName = group.spec.name.clone();
        self.close_group(&name, step);
        Ok(())
    }

    /// Makes a group inactive.
    pub(crate) fn close_group(&mut self, name: &GroupName, step: &mut Step<'_>) {
        if let Some(mut group) = self.groups.remove(name) {
            self.books.ledger.group(name);
            for process in group.processes.values_mut() {
                self.books.ledger.process(&process.name);
                process.close(&mut step.turn(&mut self.books));
            }
        }
        step.fx.push(Effect::GroupClosed(name.clone()));
        self.books.bus.close(name, step.now, &mut self.books.timers);
        self.publish(Event::GroupRemoved(name.clone()), step);
    }
}

/// What a start aims at.
const fn start_aim(wait: bool) -> Aim {
    if wait { Aim::Up } else { Aim::Spawned }
}

/// Starts a process that does not run.
fn start(process: &mut Process, named: &str, wait: bool, turn: &mut Turn<'_>) -> Result<Begun, Fault> {
    match process.state() {
        ProcessState::Starting | ProcessState::Running | ProcessState::Backoff => {
            Err(Fault::about(FaultCode::AlreadyStarted, named))
        }
        ProcessState::Unknown => Err(doubt::barred(process, named)),
        // The original's answer to who does not wait is a success although nothing will be started.
        // It is kept: a refusal would be more honest, but clients that restart a process this way
        // would see errors they never saw. The log tells the truth.
        ProcessState::Stopping => {
            process.start(turn);
            if wait { Err(Fault::about(FaultCode::AbnormalTermination, named)) } else { Ok(Begun::Done) }
        }
        ProcessState::Stopped | ProcessState::Exited | ProcessState::Fatal => {
            process.start(turn);
            Ok(Begun::Underway)
        }
    }
}

/// Stops a process that runs.
fn stop(process: &mut Process, named: &str, wait: bool, turn: &mut Turn<'_>) -> Result<Begun, Fault> {
    if let Phase::Doubt { .. } = process.phase {
        return Err(doubt::barred(process, named));
    }
    let running = process.state().is_running();
    // Also where it does not run: one that is about to be started again must not be.
    process.stop(turn);
    if !running {
        return Err(Fault::about(FaultCode::NotRunning, named));
    }
    if !wait || process.state().is_stopped() {
        return Ok(Begun::Done);
    }
    process.report_stopping(turn);
    Ok(Begun::Underway)
}

/// Sends a signal to a process. Whether it arrived is not known yet; if not, the process will be in
/// state UNKNOWN.
fn signal(process: &mut Process, named: &str, signal: Signal, turn: &mut Turn<'_>) -> Result<Begun, Fault> {
    if let Phase::Doubt { .. } = process.phase {
        return Err(doubt::barred(process, named));
    }
    if !process.state().is_signallable() {
        return Err(Fault::about(FaultCode::NotRunning, named));
    }
    process.signal(signal, turn);
    Ok(Begun::Done)
}
