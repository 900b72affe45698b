//! Who changed what: each entry passes here, once, whoever made it.

use model::audit::{Outcome, Record};
use model::level::Level;

use crate::state::Daemon;

impl Daemon {
    /// Writes an entry down: in the log, and for those who ask later.
    pub(crate) fn audit(&mut self, record: Record) {
        let level = match &record.outcome {
            Outcome::Done | Outcome::Failed(_) => Level::Info,
            // Somebody tries what they may not.
            Outcome::Denied(_) => Level::Warn,
        };
        self.note(level, &record.to_string());
        self.keep_action(&record);
        self.audit_book.push(record);
    }
}
