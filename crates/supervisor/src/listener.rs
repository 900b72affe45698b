//! One listener: what its words mean in each of its states (`dispatchers.py`,
//! `PEventListenerDispatcher`).

use std::fmt;

use model::listener::{Letter, Said};
use model::name::{FullName, ProcessName};
use model::spec::DEFAULT_RESULT_HANDLER;

use crate::deadline::TimerKey;
use crate::effect::Effects;
use crate::event_note::EventNote;
use crate::memory::{self, ListenerMemory, Talk};

/// The answer of a listener that has dealt with an event (`dispatchers.py`, `default_handler`).
const OK: &[u8] = b"OK";

/// Where the conversation with a listener stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ListenerState {
    /// It has just begun, or has answered; it has yet to ask for an event.
    #[default]
    Acknowledged,
    /// It waits for an event.
    Ready,
    /// It waits for an event but does not read: it has closed its standard input.
    Deaf,
    /// It has an event and has not answered yet.
    Busy(Letter),
    /// It has broken the protocol, so that nobody knows what it will say next. Only a new child mends
    /// that.
    Unknown,
}

impl ListenerState {
    /// The original's word for it.
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Ready | Self::Deaf => "READY",
            Self::Busy(_) => "BUSY",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for ListenerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The answer of one that has not.
const FAIL: &[u8] = b"FAIL";

/// Who judges the answers of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judge {
    /// The rule of the original: `OK` or nothing.
    Default,
    /// A function in Python, which we do not have. What it would say to an answer that is not `FAIL` nobody
    /// knows; to reject the event again and again would help nobody.
    Absent,
}

impl Judge {
    /// The one with this name.
    pub(crate) fn named(result_handler: &str) -> Self {
        if result_handler == DEFAULT_RESULT_HANDLER { Self::Default } else { Self::Absent }
    }

    fn accepts(self, answer: &[u8]) -> bool {
        match self {
            Self::Default => answer == OK,
            Self::Absent => answer != FAIL,
        }
    }
}

/// What follows from something a listener said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Nothing,
    /// It will not have this event.
    Rejected(Letter),
    /// It has broken the protocol, with this event in its hands if it had one.
    Broken(Option<Letter>),
}

/// One child of a listener pool.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) name: FullName,
    pub(crate) state: ListenerState,
    /// Whether it has broken the protocol and nobody has decided yet what to do about it.
    pub(crate) to_mend: bool,
    /// Set while it is not known whether it has said something that nobody heard.
    pub(crate) silence: Option<TimerKey>,
}

impl Listener {
    pub(crate) fn new(name: FullName) -> Self {
        Self { name, state: ListenerState::default(), to_mend: false, silence: None }
    }

    /// What is to be remembered of it beside its event.
    pub(crate) fn memory(&self) -> memory::ListenerState {
        let talk = match self.state {
            ListenerState::Acknowledged => Talk::Acknowledged,
            ListenerState::Ready => Talk::Ready,
            ListenerState::Deaf => Talk::Deaf,
            ListenerState::Busy(_) => Talk::Busy,
            ListenerState::Unknown => Talk::Unknown,
        };
        memory::ListenerState { name: self.name.clone(), talk, to_mend: self.to_mend }
    }

    /// One that is remembered. One that was busy with an event nobody has any more has yet to ask for one.
    pub(crate) fn resume(memory: ListenerMemory) -> Self {
        let ListenerMemory { state: memory::ListenerState { name, talk, to_mend }, letter } = memory;
        let state = match (talk, letter) {
            (Talk::Busy, Some(letter)) => ListenerState::Busy(letter),
            (Talk::Acknowledged | Talk::Busy, _) => ListenerState::Acknowledged,
            (Talk::Ready, _) => ListenerState::Ready,
            (Talk::Deaf, _) => ListenerState::Deaf,
            (Talk::Unknown, _) => ListenerState::Unknown,
        };
        Self { name, state, to_mend, silence: None }
    }

    /// Whether it is its turn to speak.
    pub(crate) const fn is_to_speak(&self) -> bool {
        match self.state {
            ListenerState::Acknowledged | ListenerState::Busy(_) => true,
            ListenerState::Ready | ListenerState::Deaf | ListenerState::Unknown => false,
        }
    }

    /// The event it has in its hands.
    pub(crate) const fn held(&self) -> Option<&Letter> {
        match &self.state {
            ListenerState::Busy(letter) => Some(letter),
            ListenerState::Acknowledged
            | ListenerState::Ready
            | ListenerState::Deaf
            | ListenerState::Unknown => None,
        }
    }

    fn called(&self) -> ProcessName {
        self.name.process.clone()
    }

    /// Who it is, and where the talk with it stands.
    pub(crate) fn talk(&self) -> (ProcessName, &'static str) {
        (self.called(), self.state.as_str())
    }

    /// Takes what it said. The words of the log are the original's, in its order.
    pub(crate) fn hear(&mut self, said: Said, judge: Judge, fx: &mut Effects) -> Verdict {
        match std::mem::take(&mut self.state) {
            ListenerState::Unknown => {
                self.state = ListenerState::Unknown;
                Verdict::Nothing
            }
            old @ ListenerState::Acknowledged => match said {
                Said::Ready => {
                    self.enter(&old, ListenerState::Ready, fx);
                    Verdict::Nothing
                }
                said @ (Said::Begun(_) | Said::Answer(_) | Said::BadResult(_) | Said::Nonsense(_)) => {
                    self.break_off(&old, said, fx)
                }
            },
            old @ (ListenerState::Ready | ListenerState::Deaf) => self.break_off(&old, said, fx),
            ListenerState::Busy(letter) => self.hear_busy(letter, said, judge, fx),
        }
    }

    fn hear_busy(&mut self, letter: Letter, said: Said, judge: Judge, fx: &mut Effects) -> Verdict {
        match said {
            Said::Begun(_) => {
                self.state = ListenerState::Busy(letter);
                Verdict::Nothing
            }
            Said::Answer(answer) => {
                let is_good = judge.accepts(&answer);
                let process = self.called();
                let note = if is_good {
                    EventNote::EventProcessed { process }
                } else {
                    EventNote::EventRejected { process }
                };
                fx.note(note);
                let old = ListenerState::Busy(letter.clone());
                self.enter(&old, ListenerState::Acknowledged, fx);
                if is_good { Verdict::Nothing } else { Verdict::Rejected(letter) }
            }
            Said::BadResult(line) => {
                fx.note(EventNote::BadResult { process: self.called(), line });
                self.enter(&ListenerState::Busy(letter.clone()), ListenerState::Unknown, fx);
                self.to_mend = true;
                Verdict::Broken(Some(letter))
            }
            said @ (Said::Ready | Said::Nonsense(_)) => {
                self.break_off(&ListenerState::Busy(letter.clone()), said, fx);
                Verdict::Broken(Some(letter))
            }
        }
    }

    /// It has said what is not to be said now. The original does not tell what that was, and leaves
    /// people to guess.
    fn break_off(&mut self, old: &ListenerState, said: Said, fx: &mut Effects) -> Verdict {
        let bytes = match said {
            Said::Ready => b"READY\n".to_vec(),
            Said::Begun(bytes) | Said::Answer(bytes) | Said::BadResult(bytes) | Said::Nonsense(bytes) => {
                bytes
            }
        };
        fx.note(EventNote::SpokeOutOfTurn { process: self.called(), state: old.to_string(), bytes });
        self.enter(old, ListenerState::Unknown, fx);
        self.to_mend = true;
        Verdict::Broken(None)
    }

    /// Goes where its words have brought it, with a line in the log. That it is sent an event is told in
    /// another line, as in the original.
    fn enter(&mut self, old: &ListenerState, new: ListenerState, fx: &mut Effects) {
        let (process, from, to) = (self.called(), old.to_string(), new.to_string());
        let is_lost = new == ListenerState::Unknown;
        self.state = new;
        fx.note(EventNote::ListenerMoved { process: process.clone(), from, to });
        if is_lost {
            fx.note(EventNote::ListenerLost { process });
        }
    }
}
