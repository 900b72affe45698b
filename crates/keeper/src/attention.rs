//! Whether the daemon pays attention. Pure: time comes in, what is to be done goes out.
//!
//! It is asked along with what it is told anyway, so that nothing is asked and no clock runs while nothing happens.

use std::time::Duration;

/// How long an answer may take. The daemon answers before it does anything else, so that this is far more than a busy
/// machine needs, and less than a person waits for a web page.
pub(crate) const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// How long a new daemon may take to greet: it reads its configuration and its memory first.
pub(crate) const GREETING_WAIT: Duration = Duration::from_mins(1);

/// How long a daemon that does not answer may take to die of `SIGABRT`, and to leave a core file.
const ABORT_WAIT: Duration = Duration::from_secs(5);

/// What is owed by the daemon.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    serial: u64,
    owed: Option<Owed>,
}

#[derive(Debug, Clone, Copy)]
struct Owed {
    due: Duration,
    /// Whether it was aborted already, and is killed next.
    aborted: bool,
}

/// What to do to a daemon that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    /// `SIGABRT`: it may want to leave a core file.
    Abort,
    /// `SIGKILL`.
    Kill,
}

impl Attention {
    /// A greeting is owed by a daemon that was just made.
    pub(crate) fn await_greeting(now: Duration) -> Self {
        Self { serial: 0, owed: Some(Owed { due: now.saturating_add(GREETING_WAIT), aborted: false }) }
    }

    /// It has greeted.
    pub(crate) fn greeted(&mut self) {
        self.owed = self.owed.filter(|it| it.aborted);
    }

    /// The number to ask it with; `None` while it owes an answer.
    pub(crate) fn ask(&mut self, now: Duration) -> Option<u64> {
        if self.owed.is_some() {
            return None;
        }
        self.serial = self.serial.wrapping_add(1);
        self.owed = Some(Owed { due: now.saturating_add(ANSWER_WAIT), aborted: false });
        Some(self.serial)
    }

    /// It has answered the question with this number.
    pub(crate) fn answered(&mut self, serial: u64) {
        if serial == self.serial {
            self.owed = self.owed.filter(|it| it.aborted);
        }
    }

    /// When to look again.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.owed.map(|it| it.due)
    }

    /// What is due.
    pub(crate) fn turn(&mut self, now: Duration) -> Option<Blow> {
        let owed = self.owed.as_mut().filter(|it| it.due <= now)?;
        if owed.aborted {
            self.owed = None;
            return Some(Blow::Kill);
        }
        *owed = Owed { due: now.saturating_add(ABORT_WAIT), aborted: true };
        Some(Blow::Abort)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn one_question_at_a_time_and_no_clock_without_one() {
        let mut attention = Attention::default();
        assert_eq!(attention.deadline(), None);
        assert_eq!(attention.ask(S(1)), Some(1));
        assert_eq!((attention.ask(S(2)), attention.deadline()), (None, Some(S(11))));
        attention.answered(7);
        assert_eq!(attention.deadline(), Some(S(11)), "that was another question");
        attention.answered(1);
        assert_eq!((attention.deadline(), attention.turn(S(99))), (None, None));
        assert_eq!(attention.ask(S(3)), Some(2));
    }

    #[test]
    fn who_does_not_answer_is_aborted_and_then_killed() {
        let mut attention = Attention::default();
        attention.ask(S(1));
        assert_eq!(attention.turn(S(10)), None);
        assert_eq!(attention.turn(S(11)), Some(Blow::Abort));
        attention.answered(1);
        assert_eq!(attention.deadline(), Some(S(16)), "too late");
        assert_eq!((attention.turn(S(15)), attention.turn(S(16))), (None, Some(Blow::Kill)));
        assert_eq!((attention.deadline(), attention.turn(S(99))), (None, None));
    }

    #[test]
    fn a_new_daemon_owes_a_greeting() {
        let mut attention = Attention::await_greeting(S(1));
        assert_eq!((attention.ask(S(2)), attention.deadline()), (None, Some(S(61))));
        attention.greeted();
        assert_eq!((attention.deadline(), attention.ask(S(2))), (None, Some(1)));
    }
}
