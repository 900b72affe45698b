//! One process: what each thing that happens to it means in each of its phases.
//!
//! Every function here is total: it has an answer for every phase. Phases change only in
//! [`Process::enter`], which publishes the change, settles the timers and tells those who wait.

use std::sync::Arc;
use std::time::Duration;

use model::child::ChildId;
use model::event::Event;
use model::exit::{EndCause, ExitStatus};
use model::name::{FullName, ProcessName};
use model::signal::Signal;
use model::spawn::{SetupFailure, SpawnFailure};
use model::spec::ProcessSpec;
use model::state::ProcessState;
use model::time::Mono;

use crate::deadline::{Reason, TimerKey, Timers};
use crate::effect::{Effect, Scope};
use crate::memory::Tape;
use crate::note::Note;
use crate::phase::Phase;
use crate::record::Record;
use crate::retry;
use crate::turn::{Cause, News, Turn, What};
use crate::update::Fate;

/// The least time between two kills of a child that does not die. It matters for `stopwaitsecs=0`,
/// which asks for the first kill at once but not for a busy loop of them.
const KILL_PERIOD_MIN: Duration = Duration::from_secs(1);

/// How often the log says that somebody waits for a process to stop (`process.py`, `stop_report`).
const STOP_REPORT_PERIOD: Duration = Duration::from_secs(2);

/// What the original says of a child that ended before it was up.
const ENDED_EARLY: &str = "Exited too quickly (process log may have details)";

/// How a child ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    /// When it was noticed.
    pub(crate) at: Mono,
    pub(crate) setup: Option<SetupFailure>,
    /// Those who were to be ended with it and are still there.
    pub(crate) survivors: Vec<u32>,
}

/// One process of an active group.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: FullName,
    pub(crate) spec: Arc<ProcessSpec>,
    /// Where the spec comes from.
    pub(crate) tape: Tape,
    pub(crate) phase: Phase,
    pub(crate) record: Record,
    /// What is due when it has no child any more.
    pub(crate) fate: Option<Fate>,
    phase_timer: Option<TimerKey>,
    report_timer: Option<TimerKey>,
}

impl Process {
    pub(crate) fn new(name: FullName, spec: Arc<ProcessSpec>, tape: Tape) -> Self {
        let (phase, record) = (Phase::Stopped, Record::default());
        Self { name, spec, tape, phase, record, fate: None, phase_timer: None, report_timer: None }
    }

    /// What clients see.
    pub(crate) const fn state(&self) -> ProcessState {
        self.phase.state()
    }

    /// Its bare name, as logs tell it.
    pub(crate) fn called(&self) -> ProcessName {
        self.name.process.clone()
    }

    /// Orders a child. Refused with a line in the log where there is one already.
    pub(crate) fn start(&mut self, turn: &mut Turn<'_>) {
        let failures = match self.phase {
            Phase::Backoff { failures, .. } => failures,
            Phase::Stopped | Phase::Exited { .. } | Phase::Fatal => 0,
            Phase::Spawning { .. }
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Unknown { .. }
            | Phase::Doubt { .. } => return turn.note(Note::AlreadyRunning { process: self.called() }),
        };
        self.record.starts += 1;
        self.order_child(failures, turn);
    }

    /// Orders a child, for the first time or again.
    pub(crate) fn order_child(&mut self, failures: u32, turn: &mut Turn<'_>) {
        let child = turn.number_child(&self.name);
        self.record.ordered(turn.now);
        self.enter(Phase::Spawning { child, failures }, Cause::Course, turn);
        turn.fx.push(Effect::Spawn { child, name: self.name.clone(), spec: self.spec.clone() });
    }

    /// Its child exists since `at`.
    pub(crate) fn spawned(&mut self, child: ChildId, pid: u32, at: Mono, turn: &mut Turn<'_>) {
        match &mut self.phase {
            Phase::Spawning { child: ours, failures } if *ours == child => {
                let (up_at, failures) = (at + self.spec.start_time(), *failures);
                self.enter(Phase::Starting { child, pid, up_at, failures }, Cause::Course, turn);
            }
            // A stop, or a signal that failed, overtook the report.
            Phase::Stopping { child: ours, pid: unknown @ None, .. }
            | Phase::Unknown { child: ours, pid: unknown @ None, .. }
                if *ours == child =>
            {
                *unknown = Some(pid);
                turn.books.ledger.process(&self.name);
            }
            Phase::Stopped
            | Phase::Spawning { .. }
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. }
            | Phase::Exited { .. }
            | Phase::Fatal
            | Phase::Unknown { .. }
            | Phase::Doubt { .. } => return, // A report about an earlier child, or told twice.
        }
        turn.note(Note::Spawned { process: self.called(), pid });
        turn.books.news.push(News { name: self.name.clone(), what: What::Spawned });
        if self.spec.start_time().is_zero() {
            self.promote(turn);
        }
    }

    /// There will be no child.
    pub(crate) fn spawn_failed(&mut self, child: ChildId, failure: SpawnFailure, turn: &mut Turn<'_>) {
        let next = match self.phase {
            Phase::Spawning { child: ours, failures } if ours == child => self.backoff(failures, turn),
            Phase::Stopping { child: ours, pid: None, .. }
            | Phase::Unknown { child: ours, pid: None, .. }
                if ours == child =>
            {
                Phase::Stopped
            }
            Phase::Stopped
            | Phase::Spawning { .. }
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Backoff { .. }
            | Phase::Stopping { .. }
            | Phase::Exited { .. }
            | Phase::Fatal
            | Phase::Unknown { .. }
            | Phase::Doubt { .. } => return, // A report about an earlier child, or against an earlier one.
        };
        turn.books.children.remove(&child);
        let text = failure.to_string();
        self.record.spawn_error = Some(text.clone());
        turn.note(Note::SpawnError { text });
        self.enter(next, Cause::SpawnFailed(failure), turn);
        self.give_up_if_spent(turn);
    }

    /// Its child has ended.
    pub(crate) fn exited(&mut self, child: ChildId, mut end: End, turn: &mut Turn<'_>) {
        if self.phase.child().map(|(ours, _)| ours) != Some(child) {
            return; // A child of an earlier life.
        }
        turn.books.children.remove(&child);
        if let Some(failure) = end.setup.take() {
            turn.note(Note::SetupFailed { process: self.called(), failure });
        }
        match self.phase {
            Phase::Spawning { failures, .. } => self.ended_early(failures, &end, turn),
            Phase::Starting { pid, up_at, failures, .. } => {
                if self.was_up(up_at, end.at) {
                    self.enter(Phase::Running { child, pid }, Cause::Course, turn);
                    self.ended(&end, turn);
                } else {
                    self.ended_early(failures, &end, turn);
                }
            }
            Phase::Running { .. } | Phase::Unknown { stopping: false, .. } | Phase::Doubt { .. } => {
                self.ended(&end, turn);
            }
            Phase::Stopping { .. } | Phase::Unknown { stopping: true, .. } => self.stopped(&end, turn),
            Phase::Stopped | Phase::Backoff { .. } | Phase::Exited { .. } | Phase::Fatal => {}
        }
    }

    /// Whether a child that ended at `at`, before its promotion was told, was up all the same: when it
    /// was due to be promoted, or when `startsecs` had passed since it was ordered, which is how the
    /// original counts (`process.py`, `finish`).
    ///
    /// A program that runs for exactly `startsecs` (`sleep 1`) ends within milliseconds of its promotion,
    /// and which of the two is told first is chance; it has been up either way.
    fn was_up(&self, up_at: Mono, at: Mono) -> bool {
        let age = self.record.started.map_or(Duration::ZERO, |it| at - it.mono);
        at >= up_at || age >= self.spec.start_time()
    }

    /// It ended before it was up.
    fn ended_early(&mut self, failures: u32, end: &End, turn: &mut Turn<'_>) {
        let status = end.status;
        self.record.spawn_error = Some(ENDED_EARLY.to_owned());
        self.record.ended(status, EndCause::TooEarly, turn.now.wall_at(end.at));
        let next = self.backoff(failures, turn);
        self.enter(next, Cause::EndedEarly, turn);
        turn.note(Note::Exited { process: self.called(), status, expected: false });
        self.give_up_if_spent(turn);
    }

    /// It ended after it had been up.
    fn ended(&mut self, end: &End, turn: &mut Turn<'_>) {
        let status = end.status;
        let expected = self.spec.exitcodes.expects(status);
        self.record.exit = Some(status);
        self.record.ended(status, EndCause::of_itself(expected), turn.now.wall_at(end.at));
        if !expected {
            self.record.spawn_error = Some(bad_exit(status));
        }
        let restarts = !turn.books.leaving && retry::restarts(&self.spec, expected);
        let earliest = self.record.started.map_or(turn.mono(), |it| it.mono + retry::RESTART_PERIOD);
        let restart_at = restarts.then_some(earliest);
        self.enter(Phase::Exited { expected, restart_at }, Cause::Course, turn);
        turn.note(Note::Exited { process: self.called(), status, expected });
        if restart_at.is_some_and(|at| at <= turn.mono()) {
            self.start_again(turn);
        }
    }

    /// It ended as it was asked to.
    fn stopped(&mut self, end: &End, turn: &mut Turn<'_>) {
        let status = end.status;
        let expected = self.spec.exitcodes.expects(status);
        self.record.exit = Some(status);
        let cause = EndCause::of_stop(status, self.spec.stopsignal);
        self.record.ended(status, cause, turn.now.wall_at(end.at));
        let mut course = Cause::Course;
        if !end.survivors.is_empty() {
            let note = Note::Survived { process: self.called(), pids: end.survivors.clone() };
            course = Cause::Survived(note.to_string());
            turn.note(note);
        }
        self.enter(Phase::Stopped, course, turn);
        turn.note(Note::Stopped { process: self.called(), status, expected });
    }

    /// The phase after one more failed start. Whether that was the last is decided once it has been
    /// told: clients and listeners see BACKOFF before FATAL.
    fn backoff(&self, failures: u32, turn: &Turn<'_>) -> Phase {
        let failures = failures.saturating_add(1);
        let wait = retry::wait_after(self.spec.startretries, failures).unwrap_or(Duration::ZERO);
        Phase::Backoff { retry_at: turn.mono() + wait, failures }
    }

    fn give_up_if_spent(&mut self, turn: &mut Turn<'_>) {
        if let Phase::Backoff { failures, .. } = self.phase
            && retry::wait_after(self.spec.startretries, failures).is_none()
        {
            self.give_up(turn);
            turn.note(Note::GaveUp { process: self.called() });
        }
    }

    /// Stops trying to start it.
    pub(crate) fn give_up(&mut self, turn: &mut Turn<'_>) {
        if let Phase::Backoff { .. } = self.phase {
            self.enter(Phase::Fatal, Cause::Course, turn);
        }
    }

    /// It has been up long enough.
    pub(crate) fn promote(&mut self, turn: &mut Turn<'_>) {
        if let Phase::Starting { child, pid, .. } = self.phase {
            self.enter(Phase::Running { child, pid }, Cause::Course, turn);
            turn.note(Note::Success { process: self.called(), startsecs: self.spec.startsecs });
        }
    }

    /// It is time to try again, or to start it again.
    pub(crate) fn retry(&mut self, turn: &mut Turn<'_>) {
        if matches!(self.phase, Phase::Backoff { .. } | Phase::Exited { .. }) && !turn.books.leaving {
            self.start_again(turn);
        }
    }

    /// Starts it although nobody has asked for it now.
    fn start_again(&mut self, turn: &mut Turn<'_>) {
        self.record.restarts += 1;
        self.start(turn);
    }

    /// Whether it runs, will be started by itself, or makes room for itself.
    pub(crate) fn is_wanted_up(&self) -> bool {
        let restarts = matches!(self.phase, Phase::Exited { restart_at: Some(_), .. });
        let returns = matches!(self.fate, Some(Fate::Replace { start: true, .. }));
        self.state().is_running() || restarts || returns
    }

    /// Arms the timer of its phase.
    pub(crate) fn arm(&mut self, timers: &mut Timers) {
        let deadline = self.phase.deadline(&self.name);
        self.phase_timer = deadline.map(|(at, reason)| timers.arm(at, reason));
    }

    /// Asks it to stop because something else is to take its place, which the log says.
    pub(crate) fn make_room(&mut self, turn: &mut Turn<'_>) {
        let was_stopping = self.state() == ProcessState::Stopping;
        self.stop(turn);
        if !was_stopping {
            self.report_stopping(turn);
        }
    }

    /// Asks it to stop.
    pub(crate) fn stop(&mut self, turn: &mut Turn<'_>) {
        match self.phase {
            Phase::Spawning { child, .. } => self.begin_stop(child, None, turn),
            Phase::Starting { child, pid, .. } | Phase::Running { child, pid } => {
                self.begin_stop(child, Some(pid), turn);
            }
            Phase::Backoff { .. } => {
                turn.note(Note::StoppedWhileWaiting { process: self.called() });
                self.enter(Phase::Stopped, Cause::Course, turn);
            }
            Phase::Exited { expected, .. } => {
                // It does not run, but it must not come back after somebody wanted it stopped.
                self.enter(Phase::Exited { expected, restart_at: None }, Cause::Course, turn);
            }
            Phase::Stopped
            | Phase::Stopping { .. }
            | Phase::Fatal
            | Phase::Unknown { .. }
            | Phase::Doubt { .. } => {}
        }
    }

    fn begin_stop(&mut self, child: ChildId, pid: Option<u32>, turn: &mut Turn<'_>) {
        let kill_at = turn.mono() + self.spec.stop_time();
        let scope = Scope::of_stop(&self.spec);
        self.note_killing(scope, self.spec.stopsignal, turn);
        self.enter(Phase::Stopping { child, pid, kill_at }, Cause::Course, turn);
        turn.send(child, self.spec.stopsignal, scope);
    }

    fn note_killing(&self, scope: Scope, signal: Signal, turn: &mut Turn<'_>) {
        turn.note(Note::Killing { process: self.called(), pid: self.phase.pid(), scope, signal });
    }

    /// It has had its time to stop.
    pub(crate) fn kill(&mut self, turn: &mut Turn<'_>) {
        let Phase::Stopping { child, pid, .. } = self.phase else { return };
        turn.note(Note::KillingHard { process: self.called(), pid: self.phase.pid() });
        let scope = Scope::of_kill(&self.spec);
        self.note_killing(scope, Signal::KILL, turn);
        let kill_at = turn.mono() + self.spec.stop_time().max(KILL_PERIOD_MIN);
        self.enter(Phase::Stopping { child, pid, kill_at }, Cause::Course, turn);
        turn.send(child, Signal::KILL, scope);
    }

    /// Sends it a signal for whatever purpose; never to its process group, as the original.
    pub(crate) fn signal(&mut self, signal: Signal, turn: &mut Turn<'_>) {
        if let Some((child, _)) = self.phase.child() {
            turn.note(Note::Sending { process: self.called(), pid: self.phase.pid(), signal });
            turn.fx.push(Effect::Signal { child, signal, scope: Scope::Process });
        }
    }

    /// A signal could not be sent.
    pub(crate) fn signal_failed(&mut self, child: ChildId, gone: bool, reason: String, turn: &mut Turn<'_>) {
        if self.phase.child().map(|(ours, _)| ours) != Some(child) {
            return; // It has ended meanwhile, so nothing was lost.
        }
        let (process, pid) = (self.called(), self.phase.pid());
        let stopping = match self.phase {
            Phase::Stopping { .. } | Phase::Unknown { stopping: true, .. } => true,
            Phase::Spawning { .. }
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Unknown { stopping: false, .. } => false,
            Phase::Stopped
            | Phase::Backoff { .. }
            | Phase::Exited { .. }
            | Phase::Fatal
            | Phase::Doubt { .. } => return,
        };
        let note = match (gone, stopping) {
            // Its end is on the way and will be dealt with when it is told.
            (true, true) => return turn.note(Note::KilledTooLate { process, pid, reason }),
            (true, false) => return turn.note(Note::SignaledTooLate { process, pid, reason }),
            (false, true) => Note::KillFailed { process, pid, reason },
            (false, false) => Note::SignalFailed { process, pid, reason },
        };
        let cause = Cause::SignalFailed(note.to_string());
        turn.note(note);
        let pid = self.phase.child().and_then(|(_, pid)| pid);
        self.enter(Phase::Unknown { child, pid, stopping }, cause, turn);
    }

    /// Says in the log that somebody waits for it to stop: now, and then every two seconds.
    pub(crate) fn report_stopping(&mut self, turn: &mut Turn<'_>) {
        if let Phase::Stopping { .. } = self.phase {
            turn.note(Note::WaitingToStop { process: self.called() });
            let at = turn.mono() + STOP_REPORT_PERIOD;
            self.report_timer = Some(turn.books.timers.arm(at, Reason::StopReport(self.name.clone())));
        }
    }

    /// Says no more.
    pub(crate) fn end_reports(&mut self, turn: &mut Turn<'_>) {
        if let Some(key) = self.report_timer.take() {
            turn.books.timers.disarm(key);
        }
    }

    /// Lets go of its timers; it is about to be forgotten.
    pub(crate) fn close(&mut self, turn: &mut Turn<'_>) {
        self.end_reports(turn);
        if let Some(key) = self.phase_timer.take() {
            turn.books.timers.disarm(key);
        }
    }

    /// The only door between phases: no change of state without its event.
    pub(crate) fn enter(&mut self, next: Phase, cause: Cause, turn: &mut Turn<'_>) {
        turn.books.ledger.process(&self.name);
        let (from, to) = (self.phase.state(), next.state());
        let detail = next.detail(&self.phase);
        self.phase = next;
        if let Some(key) = self.phase_timer.take() {
            turn.books.timers.disarm(key);
        }
        self.arm(&mut turn.books.timers);
        if from == to {
            return; // Clients see no change: an ordered child exists, or a kill is repeated.
        }
        self.end_reports(turn);
        turn.publish(Event::ProcessState { name: self.name.clone(), from, to, detail });
        turn.books.news.push(News { name: self.name.clone(), what: What::Entered(to, cause) });
    }
}

/// What clients are told about an ending that was not expected.
fn bad_exit(status: ExitStatus) -> String {
    match status {
        ExitStatus::Exited(_) | ExitStatus::Signaled { .. } | ExitStatus::Other(_) => {
            format!("Bad exit code {}", status.code())
        }
        ExitStatus::Unknown => "exit status unknown".to_owned(),
    }
}
