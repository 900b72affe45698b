//! The mood of the supervisor: supervising, or stopping everything in order to leave.

use std::collections::BTreeSet;
use std::time::Duration;

use model::event::Event;
use model::name::FullName;
use model::state::{ProcessState, SupervisorState};

use crate::deadline::Reason;
use crate::effect::Effect;
use crate::group::Group;
use crate::input::Departure;
use crate::note::Note;
use crate::order;
use crate::supervisor::Supervisor;
use crate::turn::{Books, News, Step, What};

/// How often the log says what is left to stop (`supervisord.py`, `shutdown_report`).
pub(crate) const REPORT_PERIOD: Duration = Duration::from_secs(3);

/// How long listeners that are about to be stopped may go on reading of what was stopped before them, in
/// all. Nothing else waits then, and those that have heard everything are stopped at once. (The original
/// looks at the world once a second, which gives them as much.)
pub(crate) const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

/// What the supervisor is about.
#[derive(Debug)]
pub(crate) enum Mood {
    /// Supervising.
    Running,
    /// Stopping everything.
    Leaving(Leaving),
    /// All is stopped, and the shell knows.
    Left(Departure),
}

/// How far the stopping of everything has come.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) departure: Departure,
    /// What is still to be asked to stop, the next stage last.
    pub(crate) stages: Vec<Vec<FullName>>,
    /// Those of the present stage that have not stopped yet.
    pub(crate) unstopped: BTreeSet<FullName>,
    /// Whether listeners may still be told.
    pub(crate) last_words: LastWords,
}

/// Where the time stands that listeners have to hear of the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastWords {
    /// It has not begun.
    Untold,
    /// It runs.
    Running,
    /// It is over.
    Over,
}

impl Leaving {
    /// At its beginning.
    pub(crate) const fn new(departure: Departure, stages: Vec<Vec<FullName>>) -> Self {
        Self { departure, stages, unstopped: BTreeSet::new(), last_words: LastWords::Untold }
    }
}

impl Mood {
    /// What clients see.
    pub(crate) const fn state(&self) -> SupervisorState {
        match self {
            Self::Running => SupervisorState::Running,
            Self::Leaving(Leaving { departure, .. }) | Self::Left(departure) => match departure {
                Departure::Shutdown => SupervisorState::Shutdown,
                Departure::Restart => SupervisorState::Restarting,
            },
        }
    }

    /// Takes note of what happened to a process.
    pub(crate) fn hear(&mut self, news: &News) {
        if let Self::Leaving(leaving) = self
            && let What::Entered(state, _) = &news.what
            && state.is_stopped()
        {
            leaving.unstopped.remove(&news.name);
        }
    }

    /// Listeners have had their time.
    pub(crate) const fn end_last_words(&mut self) {
        if let Self::Leaving(leaving) = self {
            leaving.last_words = LastWords::Over;
        }
    }
}

impl Supervisor {
    /// Begins to stop everything. A wish to leave for good wins over one to begin again.
    pub(crate) fn leave(&mut self, departure: Departure, step: &mut Step<'_>) {
        match &mut self.mood {
            Mood::Running => {}
            Mood::Leaving(leaving) => {
                if departure == Departure::Shutdown {
                    leaving.departure = departure;
                }
                return;
            }
            Mood::Left(_) => return,
        }
        self.books.leaving = true;
        let stages = order::stop_stages(&self.groups);
        self.mood = Mood::Leaving(Leaving::new(departure, stages));
        self.publish(Event::SupervisorStateChange(self.mood.state()), step);
        self.stop_on(step);
        self.report_shutdown(step);
    }

    /// Takes the next stages of leaving, if the present one is done. Says whether it did anything.
    ///
    /// Stages in which nothing runs are taken in one go.
    pub(crate) fn stop_on(&mut self, step: &mut Step<'_>) -> bool {
        loop {
            let Mood::Leaving(leaving) = &mut self.mood else { return false };
            if !leaving.unstopped.is_empty() || awaits_last_words(leaving, &mut self.books, step) {
                return false;
            }
            let Some(stage) = leaving.stages.pop() else {
                let departure = leaving.departure;
                self.mood = Mood::Left(departure);
                self.waiting.close(step.fx);
                self.updates.close(step.fx);
                self.books.timers.clear();
                step.fx.push(Effect::Quit(departure));
                return true;
            };
            let unstopped: BTreeSet<_> =
                stage.into_iter().filter(|name| self.stop_to_leave(name, step)).collect();
            let done = unstopped.is_empty();
            if let Mood::Leaving(leaving) = &mut self.mood {
                leaving.unstopped = unstopped;
            }
            if !done {
                return true;
            }
        }
    }

    /// Stops one process in order to leave. Says whether it has yet to stop.
    fn stop_to_leave(&mut self, name: &FullName, step: &mut Step<'_>) -> bool {
        let unstopped = self.with_process(name, step, |process, turn| {
            match process.state() {
                ProcessState::Running | ProcessState::Starting => process.stop(turn),
                ProcessState::Backoff => process.give_up(turn),
                ProcessState::Stopped
                | ProcessState::Stopping
                | ProcessState::Exited
                | ProcessState::Fatal
                | ProcessState::Unknown => {}
            }
            !process.state().is_stopped()
        });
        unstopped.unwrap_or(false)
    }

    /// Says in the log what is left to stop: now, and then every three seconds.
    ///
    /// It looks at all processes, which is right for a line that names all that are left.
    pub(crate) fn report_shutdown(&mut self, step: &mut Step<'_>) {
        if !matches!(self.mood, Mood::Leaving(_)) {
            return;
        }
        let mut groups: Vec<_> = self.groups.values().collect();
        groups.sort_by_key(|it| it.rank);
        let unstopped: Vec<_> = groups
            .into_iter()
            .flat_map(Group::in_start_order)
            .filter(|it| !it.state().is_stopped())
            .map(|it| (it.name.process.clone(), it.state()))
            .collect();
        if unstopped.is_empty() {
            return;
        }
        let processes = unstopped.iter().map(|(process, _)| process.clone()).collect();
        step.fx.push(Effect::Note(Note::WaitingToDie { processes }));
        for (process, state) in unstopped {
            step.fx.push(Effect::Note(Note::StateOf { process, state }));
        }
        self.books.timers.arm(step.now.mono + REPORT_PERIOD, Reason::ShutdownReport);
    }
}

/// Whether the next stage has listeners in it that can still be told what happened. Then they are not
/// stopped yet, unless their time is over.
fn awaits_last_words(leaving: &mut Leaving, books: &mut Books, step: &Step<'_>) -> bool {
    let stage = leaving.stages.last().map(Vec::as_slice).unwrap_or_default();
    if leaving.last_words == LastWords::Over || !stage.iter().any(|it| books.bus.is_talking(it)) {
        return false;
    }
    if leaving.last_words == LastWords::Untold {
        leaving.last_words = LastWords::Running;
        books.timers.arm(step.now.mono + LAST_WORDS_MAX, Reason::LastWords);
    }
    true
}
