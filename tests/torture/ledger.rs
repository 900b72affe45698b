//! What the actors and the listener wrote down, and what it proves.

use std::collections::{BTreeMap, BTreeSet};

/// One life of an actor.
pub(crate) type Life = (String, u32);

/// The common book.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// How often each life began: more than once when a pid was used again by the same slot.
    pub(crate) starts: BTreeMap<Life, usize>,
    /// Those of loopers that ended by themselves.
    pub(crate) exits: BTreeMap<Life, usize>,
    /// How many lines each writer had written when it was told to stop.
    pub(crate) ends: BTreeMap<Life, u64>,
    /// Slots of which two copies lived at once.
    pub(crate) copies: usize,
    /// Whatever else should not be: inherited descriptors, broken pipes.
    pub(crate) oddities: Vec<String>,
}

impl Ledger {
    pub(crate) fn read(text: &str) -> Self {
        let mut ledger = Self::default();
        for line in text.lines() {
            ledger.take(line);
        }
        ledger
    }

    fn take(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let [word, slot, pid, _at, about] = words[..] else {
            self.oddities.push(line.to_owned());
            return;
        };
        let who = (slot.to_owned(), pid.parse().unwrap_or(0));
        match word {
            "start" => *self.starts.entry(who).or_default() += 1,
            "exit" => *self.exits.entry(who).or_default() += 1,
            "end" => {
                self.ends.insert(who, about.parse().unwrap_or(0));
            }
            "copy" => self.copies += 1,
            _ => self.oddities.push(line.to_owned()),
        }
    }

    /// The slots of which somebody was ever alive.
    pub(crate) fn slots(&self) -> BTreeSet<&str> {
        self.starts.keys().map(|(slot, _)| slot.as_str()).collect()
    }
}

/// What the listener heard of the ends of lives.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// How often each life's end was told.
    pub(crate) ends: BTreeMap<Life, usize>,
    /// How often it was told that a life had ended by itself. Whoever was stopped may have been so before he had written
    /// down his start, and then another life of that pid would seem to have ended twice.
    pub(crate) exits: BTreeMap<Life, usize>,
    /// Letters that came again.
    pub(crate) repeated: usize,
}

impl Heard {
    /// Where letters `may_repeat`, one that came again counts for nothing.
    pub(crate) fn read(text: &str, may_repeat: bool) -> Self {
        let mut heard = Self::default();
        let letters: BTreeSet<&str> = text.lines().collect();
        heard.repeated = if may_repeat { 0 } else { text.lines().count() - letters.len() };
        for line in letters {
            let field = |key: &str| line.split(' ').find_map(|it| it.strip_prefix(key));
            let has_ended = line.contains("PROCESS_STATE_EXITED");
            let is_end = has_ended || line.contains("PROCESS_STATE_STOPPED");
            if let (true, Some(name), Some(pid)) = (is_end, field("processname:"), field("pid:")) {
                let life = (name.to_owned(), pid.parse().unwrap_or(0));
                *heard.exits.entry(life.clone()).or_default() += usize::from(has_ended);
                *heard.ends.entry(life).or_default() += 1;
            }
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_is_read_as_it_was_written() {
        let ledger = Ledger::read(
            "start w1 7 100 -\nstart w1 8 200 -\ncopy w1 8 200 -\nend w1 7 300 42\nbroken w1 8 1 5:EPIPE\n",
        );
        assert_eq!((ledger.starts.len(), ledger.copies, ledger.oddities.len()), (2, 1, 1));
        assert_eq!(ledger.ends[&("w1".to_owned(), 7)], 42);
        let text = "5 PROCESS_STATE_EXITED processname:l1 groupname:looper from_state:RUNNING expected:0 pid:9\n\
             5 PROCESS_STATE_EXITED processname:l1 groupname:looper from_state:RUNNING expected:0 pid:9\n\
             6 PROCESS_STATE_EXITED processname:l1 groupname:looper from_state:RUNNING expected:0 pid:9\n\
             7 PROCESS_STATE_STOPPED processname:l1 groupname:looper from_state:STOPPING pid:9\n";
        let life = ("l1".to_owned(), 9);
        for (may_repeat, repeated) in [(true, 0), (false, 1)] {
            let heard = Heard::read(text, may_repeat);
            assert_eq!((heard.ends[&life], heard.exits[&life], heard.repeated), (3, 2, repeated));
        }
    }
}
