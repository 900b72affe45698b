//! Writing down who there is, for a next keeper to find when this one and the daemon are both dead.
//!
//! A child is written down before it is made, and again as soon as its pid is known, so that none can live unrecorded.
//! Nothing is ever synced to a disk: what the kernel has taken survives every death but that of the machine, which
//! leaves no children to be found.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use wire::keeper::journal::{self, Entry, Place, RECORD_BYTES};

use crate::voice::say;

/// The journal, or none: then both deaths at once lose the children.
#[derive(Debug)]
pub(crate) struct Journal {
    file: Option<OwnedFd>,
    /// Where each child's record is.
    places: BTreeMap<u64, u32>,
    /// Places below `next` that are free.
    free: BTreeSet<u32>,
    next: u32,
    /// Whether the last write failed, which has been told then.
    failed: bool,
}

impl Journal {
    /// The journal in `file`. Records of children that are known from before stay in their places; all others are
    /// freed. One that is no journal of this boot begins anew.
    pub(crate) fn open(file: Option<OwnedFd>, boot_id: &[u8; 16], known: &BTreeSet<u64>) -> Self {
        let mut journal =
            Self { file, places: BTreeMap::new(), free: BTreeSet::new(), next: 0, failed: false };
        if let Some(file) = &journal.file {
            if let Some(before) = read(file).and_then(|it| journal::decode(&it, boot_id)) {
                journal.take_over(before, known);
            } else {
                let begun = begin(file, boot_id);
                journal.tell(&begun);
            }
        }
        journal
    }

    fn take_over(&mut self, before: Vec<Place>, known: &BTreeSet<u64>) {
        for (number, place) in (0_u32..).zip(before) {
            self.next = number.saturating_add(1);
            let child = match &place {
                Place::Taken(entry) | Place::Damaged(Some(entry)) => Some(entry.child),
                Place::Free | Place::Damaged(None) => None,
            };
            if let Some(child) = child.filter(|it| known.contains(it) && !self.places.contains_key(it)) {
                self.places.insert(child, number);
                continue;
            }
            self.free.insert(number);
            if place != Place::Free {
                self.write(number, None);
            }
        }
    }

    /// Writes a child down, in its place if it has one.
    pub(crate) fn record(&mut self, entry: &Entry) {
        if self.file.is_none() {
            return;
        }
        let place = self.places.get(&entry.child).copied().unwrap_or_else(|| self.claim(entry.child));
        self.write(place, Some(entry));
    }

    /// Frees the place of a child.
    pub(crate) fn free(&mut self, child: u64) {
        if let Some(place) = self.places.remove(&child) {
            self.write(place, None);
            self.free.insert(place);
        }
    }

    pub(crate) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd)
    }

    fn claim(&mut self, child: u64) -> u32 {
        let place = self.free.pop_first().unwrap_or_else(|| {
            let place = self.next;
            self.next = self.next.saturating_add(1);
            place
        });
        self.places.insert(child, place);
        place
    }

    fn write(&mut self, place: u32, entry: Option<&Entry>) {
        if let Some(file) = &self.file {
            let written = os::fd::write_at(file, &journal::encode(entry), journal::offset(place));
            self.tell(&written);
        }
    }

    /// A journal that cannot be written is no reason to leave programs unguarded, but one for a word.
    fn tell(&mut self, written: &io::Result<()>) {
        if let Err(error) = written
            && !self.failed
        {
            say(&format!(
                "cannot write the journal: {error}; if keeper and daemon die at once, what is started from here on will \
                 not be found again"
            ));
        }
        self.failed = written.is_err();
    }
}

/// The most children a journal is read for.
const RECORDS_MAX: usize = 100_000;

fn read(file: &OwnedFd) -> Option<Vec<u8>> {
    os::fd::read_whole(file, RECORDS_MAX.saturating_mul(RECORD_BYTES)).ok()
}

fn begin(file: &OwnedFd, boot_id: &[u8; 16]) -> io::Result<()> {
    os::fd::truncate(file, 0)?;
    os::fd::write_at(file, &journal::encode_head(boot_id), 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::keeper::journal::Stage;
    use wire::keeper::{Scope, Will};

    const BOOT: [u8; 16] = [7; 16];

    fn entry(child: u64) -> Entry {
        let (stop_scope, kill_scope) = (Scope::Process, Scope::Process);
        Entry {
            child,
            slot: format!("a:{child}").into_bytes(),
            memo: vec![],
            will: Will { signal: 15, wait_ms: 10, stop_scope, kill_scope, priority: 999 },
            started_us: 0,
            pipes: [0; 3],
            stage: Stage::Intended,
        }
    }

    fn empty() -> OwnedFd {
        tempfile::tempfile().unwrap().into()
    }

    /// The places that are taken, by whom, and who lives.
    fn children(file: &OwnedFd) -> Vec<(u32, u64, bool)> {
        let places = journal::decode(&read(file).unwrap(), &BOOT).unwrap();
        let taken = (0..).zip(places).filter_map(|(place, it)| match it {
            Place::Taken(it) => Some((place, it.child, it.stage != Stage::Intended)),
            Place::Free => None,
            Place::Damaged(_) => panic!("{place}"),
        });
        taken.collect()
    }

    fn open(file: &OwnedFd, known: &[u64]) -> Journal {
        Journal::open(Some(file.try_clone().unwrap()), &BOOT, &known.iter().copied().collect())
    }

    #[test]
    fn places_are_used_again_and_survive_their_keeper() {
        let file = empty();
        let lives = |child| Entry { stage: Stage::Living { pid: 5, start_ticks: 6 }, ..entry(child) };
        let mut journal = open(&file, &[]);
        for child in [10, 11, 12] {
            journal.record(&entry(child));
        }
        journal.record(&lives(11));
        assert_eq!(children(&file), [(0, 10, false), (1, 11, true), (2, 12, false)]);
        journal.free(10);
        journal.free(4242);
        assert_eq!(children(&file), [(1, 11, true), (2, 12, false)]);

        let mut journal = open(&file, &[12, 13]);
        assert_eq!(children(&file), [(2, 12, false)], "who is not known is freed");
        journal.record(&lives(12));
        for child in [13, 14, 15] {
            journal.record(&entry(child));
        }
        let expected = [(0, 13, false), (1, 14, false), (2, 12, true), (3, 15, false)];
        assert_eq!(children(&file), expected);
    }

    #[test]
    fn what_is_no_journal_of_this_boot_begins_anew() {
        let file = empty();
        let other = [8; 16];
        Journal::open(Some(file.try_clone().unwrap()), &other, &BTreeSet::new()).record(&entry(1));
        open(&file, &[1]);
        assert_eq!(children(&file), []);
        os::fd::write_at(&file, b"nonsense", 0).unwrap();
        open(&file, &[1]).record(&entry(2));
        assert_eq!(children(&file), [(0, 2, false)]);
    }

    #[test]
    fn a_damaged_place_is_used_again_when_nobody_is_in_it() {
        let file = empty();
        open(&file, &[]).record(&entry(1));
        os::fd::write_at(&file, b"x", journal::offset(0) + 20).unwrap();
        open(&file, &[]).record(&entry(2));
        assert_eq!(children(&file), [(0, 2, false)]);
    }

    #[test]
    fn without_a_file_nothing_is_written() {
        let mut journal = Journal::open(None, &BOOT, &BTreeSet::new());
        journal.record(&entry(1));
        journal.free(1);
        assert!(journal.file().is_none());
    }
}
