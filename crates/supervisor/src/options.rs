//! A process is given other options.

use std::sync::Arc;

use model::spec::ProcessSpec;

use crate::effect::Effect;
use crate::memory::{Ordered, Tape};
use crate::note::Note;
use crate::phase::Phase;
use crate::process::Process;
use crate::turn::{Books, Turn};
use crate::update::Fate;

/// The options that say how a child is stopped when nobody is left to ask.
const WILL_OPTIONS: [&str; 6] =
    ["killasgroup", "priority", "stopasgroup", "stopastree", "stopsignal", "stopwaitsecs"];

impl Process {
    /// Gives it other options. They count from here on; a deadline that is set stays.
    pub(crate) fn become_what(&mut self, spec: &Arc<ProcessSpec>, tape: Tape, turn: &mut Turn<'_>) {
        let old = self.spec.clone();
        self.refer_to(spec, tape, turn.books);
        let options = old.differing_options(spec);
        let is_will_another = options.iter().any(|it| WILL_OPTIONS.contains(it));
        let (process, name) = (self.called(), self.name.clone());
        if !options.is_empty() {
            turn.note(Note::Changed { process, options });
        }
        turn.fx.push(Effect::ProcessChanged { name, old, new: spec.clone() });
        if is_will_another {
            self.amend(turn);
        }
    }

    /// Tells who would stop its child when nobody is left to ask how that is to be done now.
    pub(crate) fn amend(&self, turn: &mut Turn<'_>) {
        if let Some((child, _)) = self.phase.child()
            && !matches!(self.phase, Phase::Doubt { .. })
        {
            turn.books.ledger.order(Ordered::Amend { child });
            turn.fx.push(Effect::Amend { child, spec: self.spec.clone() });
        }
    }

    /// Has it know where its options are written now, be they the same or others.
    pub(crate) fn refer_to(&mut self, spec: &Arc<ProcessSpec>, tape: Tape, books: &mut Books) {
        self.spec = spec.clone();
        self.tape = tape;
        books.ledger.process(&self.name);
    }

    /// Lets what is due become of it once its child has ended, or nothing.
    pub(crate) fn await_fate(&mut self, fate: Option<Fate>, books: &mut Books) {
        self.fate = fate;
        books.ledger.process(&self.name);
    }
}
