//! What gets a copy of what a log gets.

use crate::file::LogFile;
use crate::format::WholeLines;
use crate::outlet::Outlet;
use crate::target::is_shared_by_lines;

/// How much waits for a copy that takes nothing, a terminal that was stopped, say.
const PENDING_BYTES_MAX: usize = 256 * 1024;

/// One copy. It is a courtesy: what it does not take in time is dropped, so that nobody waits for it.
#[derive(Debug)]
pub(crate) struct Copy {
    outlet: Outlet,
    /// For one that others write to as well.
    lines: Option<WholeLines>,
}

impl Copy {
    pub(crate) fn new(file: LogFile) -> Self {
        let lines = is_shared_by_lines(file.path()).then(WholeLines::default);
        Self { outlet: Outlet::new(file), lines }
    }

    /// Writes `bytes`, and what waited before.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        match &mut self.lines {
            Some(lines) => {
                let whole = lines.feed(bytes);
                self.put(&whole);
            }
            None => self.put(bytes),
        }
    }

    /// Writes what has come of a line that will not be ended.
    pub(crate) fn finish(&mut self) {
        let rest = self.lines.as_mut().map(WholeLines::finish).unwrap_or_default();
        self.put(&rest);
    }

    fn put(&mut self, bytes: &[u8]) {
        let unheard = &mut Vec::new();
        self.outlet.resume(unheard);
        if !self.outlet.is_held() || self.outlet.pending_bytes() + bytes.len() <= PENDING_BYTES_MAX {
            self.outlet.write(bytes, unheard);
            self.outlet.make_room(unheard);
        }
    }

    /// Whether bytes wait.
    pub(crate) const fn is_held(&self) -> bool {
        self.outlet.is_held()
    }

    pub(crate) const fn file(&mut self) -> &mut LogFile {
        self.outlet.file()
    }
}
