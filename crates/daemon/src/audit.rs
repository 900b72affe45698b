//! Who changed what: each entry passes here, once, whoever made it.

use model::audit::{Outcome, Record};
use model::level::Level;

use crate::state::Daemon;

impl Daemon {
    /// Writes an entry down: in the log, and for those who ask later.
    ///
    /// Where nobody has a name of their own the line is for those who look closely: a log is then what the original's
    /// is, to which programs that read it are used.
    pub(crate) fn audit(&mut self, record: Record) {
        let level = match &record.outcome {
            Outcome::Done | Outcome::Failed(_) if self.has_users => Level::Info,
            Outcome::Done | Outcome::Failed(_) => Level::Debug,
            // Somebody tries what they may not.
            Outcome::Denied(_) => Level::Warn,
        };
        self.note(level, &record.to_string());
        self.keep_action(&record);
        self.audit_book.push(record);
    }
}
