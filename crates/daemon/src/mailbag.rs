//! Events on their way to listeners: whether one was sent is known even when the daemon that sent it is dead.
//!
//! A letter that was sent twice would be answered twice, and from then on each answer would be taken for that to another
//! letter. So it goes by way of a file in memory that outlives the daemon, and the keeper, too, if it has a name
//! ([`lasting`](crate::lasting)): the kernel moves it from there to the pipe (`splice(2)`) and notes in the same call, in
//! that very file, how far it came ([`Mark`]). A daemon that dies leaves behind which letters it was about to send, and how
//! much of them it has sent.
//!
//! The file begins with the mark. Then comes the list of the letters, and then the letters. They are put in from behind:
//!
//! | | step | who dies before it has left |
//! |-|------|-----------------------------|
//! | 1 | The letters are written behind all that were. | The list of before, and the mark behind its last. |
//! | 2 | The mark is set to where the first of them begins. | The same: nothing says that there are others. |
//! | 3 | The list is written, in one write within one page. | The same; the mark is no further than it was, or behind all. |
//! | 4 | The kernel moves a letter and the mark, in one call. | A list with letters that are before the mark, and were sent, and others, which were not. |
//! | 5 | Of which only a piece was sent is written into the list. | As much of it sent as the mark has passed. |

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use model::child::ChildId;
use os::mark::{MARK_BYTES, Mark};
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create};
use rustix::pipe::{fcntl_getpipe_size, fcntl_setpipe_size};

/// What the file is kept under. Another format needs another name.
pub(crate) const KEY: &[u8] = b"letters";

/// A page of its own says which letters there are, so that one write changes it as a whole.
const PAGE_BYTES: usize = 4096;
const LIST_AT: u64 = 4096;
const LETTERS_AT: u64 = 8192;

const ENTRY_BYTES: usize = 32;
const ENTRIES_MAX: usize = PAGE_BYTES / ENTRY_BYTES - 1;

/// How much lies behind before its memory is given back.
const GIVE_BACK_BYTES: u64 = 256 * 1024;

/// The largest pipe of an unprivileged user. A letter that fits is sent whole.
const PIPE_BYTES_MAX: usize = 1024 * 1024;

/// One letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    child: u64,
    serial: u64,
    begin: u64,
    bytes: u64,
}

impl Entry {
    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        let words = [self.child, self.serial, self.begin, self.bytes];
        bytes.as_chunks_mut().0.copy_from_slice(&words.map(u64::to_le_bytes));
        bytes
    }
}

/// The letters of the present step.
#[derive(Debug)]
pub(crate) struct Mailbag {
    /// Made for the first letter.
    file: Option<(File, Mark)>,
    entries: Vec<Entry>,
    /// Whether it is written down elsewhere that they were sent.
    is_settled: bool,
    /// Where the last letter ends.
    end: u64,
    given_back: u64,
    /// Letters of the daemon before, and how much of each was sent.
    inherited: Vec<(Entry, u64)>,
}

impl Mailbag {
    /// An empty one, or what another daemon has left.
    pub(crate) fn new(keepsake: Option<OwnedFd>) -> Self {
        let inherited = keepsake.map(File::from).and_then(|file| {
            let letters = read(&file).ok()?;
            Some((file, letters))
        });
        let (file, inherited) = inherited.map_or((None, Vec::new()), |(file, letters)| (Some(file), letters));
        let end = file.as_ref().and_then(|it| it.metadata().ok()).map_or(0, |it| it.len()).max(LETTERS_AT);
        let entries = inherited.iter().map(|(entry, _)| *entry).collect();
        let file = file.and_then(|it| marked(it).ok());
        Self { file, entries, is_settled: true, end, given_back: LETTERS_AT, inherited }
    }

    /// Makes the file if there is none, by `make` if it can, and returns it then, to be kept. Where the kernel has no such
    /// files, letters are sent as they are.
    pub(crate) fn open(&mut self, make: impl FnOnce() -> Option<OwnedFd>) -> Option<BorrowedFd<'_>> {
        if self.file.is_some() {
            return None;
        }
        let without_a_name = || memfd_create("menshen-letters", MemfdFlags::CLOEXEC).ok().map(File::from);
        let file = make().map(File::from).or_else(without_a_name)?;
        (self.end, self.given_back) = (LETTERS_AT, LETTERS_AT);
        // So that there is memory for it.
        file.write_all_at(&[0; MARK_BYTES], 0).ok()?;
        self.file = marked(file).ok();
        self.file.as_ref().map(|it| it.0.as_fd())
    }

    /// How many bytes of a letter the daemon before has sent, if it was about to.
    pub(crate) fn sent_before(&mut self, child: ChildId, serial: u64) -> Option<usize> {
        let is_it = |(it, _): &(Entry, u64)| it.child == child.0 && it.serial == serial;
        let place = self.inherited.iter().position(is_it)?;
        let (_, sent) = self.inherited.swap_remove(place);
        usize::try_from(sent).ok()
    }

    /// From now on a letter is a new one, even if it has the number of another.
    pub(crate) fn forget_inherited(&mut self) {
        self.inherited.clear();
    }

    /// It is written down that all letters so far were sent.
    pub(crate) const fn settle(&mut self) {
        self.is_settled = true;
    }

    /// Whether so many letters wait to be settled that no more should be sent before they are.
    pub(crate) const fn is_half_full(&self) -> bool {
        !self.is_settled && self.entries.len() > ENTRIES_MAX / 2
    }

    /// From now on a letter may be sent once more to whom it was sent before, and is another one then.
    pub(crate) fn wipe(&mut self) {
        if self.is_settled && !self.entries.is_empty() {
            self.entries.clear();
            // What cannot be written to memory would not be read from there either.
            let _ = self.write_list();
        }
    }

    /// Puts letters in, in the order in which they are then to be [sent](Self::send): which of all letters the first of
    /// them is. `None` when it cannot be done this way.
    pub(crate) fn pack<'a>(
        &mut self,
        letters: impl Iterator<Item = (ChildId, u64, &'a [u8])>,
    ) -> Option<usize> {
        if std::mem::take(&mut self.is_settled) {
            self.entries.clear();
        }
        let (first, begin, mut bytes) = (self.entries.len(), self.end, Vec::new());
        for (child, serial, letter) in letters {
            let begin = begin + widened(bytes.len());
            self.entries.push(Entry { child: child.0, serial, begin, bytes: widened(letter.len()) });
            bytes.extend_from_slice(letter);
        }
        if self.entries.len() > ENTRIES_MAX || self.put_in(begin, &bytes).is_err() {
            self.entries.truncate(first);
            return None;
        }
        Some(first)
    }

    /// Sends a letter that was put in into a pipe, as much of it as fits: how many bytes those are.
    ///
    /// # Errors
    /// When nobody reads the pipe any more, or it cannot be done this way.
    pub(crate) fn send(&mut self, pipe: BorrowedFd<'_>, place: usize) -> io::Result<usize> {
        let unsupported = || io::Error::from(io::ErrorKind::Unsupported);
        let Entry { begin, bytes, .. } = *self.entries.get(place).ok_or_else(unsupported)?;
        let (file, mark) = self.file.as_mut().ok_or_else(unsupported)?;
        stand_at(mark, begin);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        make_room(pipe, bytes);
        let mut sent = 0;
        let end = loop {
            if sent == bytes {
                break Ok(());
            }
            match mark.splice(file.as_fd(), pipe, bytes - sent) {
                Ok(0) => break Ok(()),
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break Err(error),
                Err(_) if sent == 0 => break Err(unsupported()),
                Err(_) => break Ok(()),
            }
        };
        os::failpoint::pass("daemon.letter");
        if sent < bytes {
            self.note_piece(place, sent)?;
        }
        end?;
        Ok(sent)
    }

    /// Of this letter only a piece was sent: the file will not stand there any longer to say so.
    fn note_piece(&mut self, place: usize, sent: usize) -> io::Result<()> {
        if let Some(entry) = self.entries.get_mut(place) {
            entry.bytes = widened(sent);
        }
        self.write_list()
    }

    /// The letters first, then where they begin, then that there are some.
    fn put_in(&mut self, begin: u64, letters: &[u8]) -> io::Result<()> {
        let (file, mark) = self.file.as_mut().ok_or(io::ErrorKind::Unsupported)?;
        file.write_all_at(letters, begin)?;
        self.end = begin + widened(letters.len());
        stand_at(mark, begin);
        self.write_list()
    }

    fn write_list(&self) -> io::Result<()> {
        let (file, _) = self.file.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let mut page = [0; PAGE_BYTES];
        // Of one of which nothing was sent there is nothing to say.
        let entries = self.entries.iter().filter(|it| it.bytes > 0).map(|it| it.to_bytes());
        let mut count = 0;
        for (place, entry) in page.as_chunks_mut().0.iter_mut().zip(entries) {
            *place = entry;
            count += 1;
        }
        // With one of zeros, the end of the list.
        file.write_all_at(page.get(..(count + 1) * ENTRY_BYTES).unwrap_or(&page), LIST_AT)
    }

    /// Gives back the memory of what was sent.
    pub(crate) fn give_back(&mut self) {
        let behind = self.end & !(widened(PAGE_BYTES) - 1);
        let Some((file, _)) = self.file.as_ref().filter(|_| behind - self.given_back >= GIVE_BACK_BYTES)
        else {
            return;
        };
        // What cannot be given back is given back some day. Pipes keep what they have.
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let _ = fallocate(file, flags, self.given_back, behind - self.given_back);
        self.given_back = behind;
    }
}

/// Has a pipe hold a letter of so many bytes, page by page, if it may.
fn make_room(pipe: BorrowedFd<'_>, bytes: usize) {
    let needed = (bytes / PAGE_BYTES + 2) * PAGE_BYTES;
    if needed > PAGE_BYTES * 2 && fcntl_getpipe_size(pipe).is_ok_and(|it| it < needed) {
        // Refused to those who have too many: the letter then goes in pieces.
        let _ = fcntl_setpipe_size(pipe, needed.next_power_of_two().min(PIPE_BYTES_MAX));
    }
}

/// A file with its mark.
fn marked(file: File) -> io::Result<(File, Mark)> {
    let mark = Mark::map(file.as_fd())?;
    Ok((file, mark))
}

/// Mostly it stands there already, behind the last letter.
fn stand_at(mark: &mut Mark, place: u64) {
    if mark.place() != place {
        mark.set(place);
    }
}

/// The letters of a file, and how much of each was sent.
fn read(file: &File) -> io::Result<Vec<(Entry, u64)>> {
    let mut page = [0; PAGE_BYTES];
    let there = file.read_at(&mut page, LIST_AT)?;
    let mut mark = [0; MARK_BYTES];
    file.read_exact_at(&mut mark, 0)?;
    let stands_at = u64::from_ne_bytes(mark);
    let entries = page.get(..there).unwrap_or_default().chunks_exact(ENTRY_BYTES).map(|it| {
        let mut words = it.chunks_exact(8).map(|it| it.try_into().map_or(0, u64::from_le_bytes));
        let mut next = || words.next().unwrap_or(0);
        Entry { child: next(), serial: next(), begin: next(), bytes: next() }
    });
    let listed = entries.take_while(|it| it.bytes > 0);
    Ok(listed.map(|it| (it, stands_at.saturating_sub(it.begin).min(it.bytes))).collect())
}

fn widened(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn pipe() -> (File, OwnedFd) {
        let (theirs, ours) = os::fd::pipe().unwrap();
        os::fd::set_nonblocking(&theirs).unwrap();
        os::fd::set_nonblocking(&ours).unwrap();
        (theirs.into(), ours)
    }

    /// Another daemon's view of the same opening.
    fn heir(bag: &Mailbag) -> Mailbag {
        Mailbag::new(Some(os::fd::duplicate(&bag.file.as_ref().unwrap().0).unwrap()))
    }

    fn opened() -> Mailbag {
        let mut bag = Mailbag::new(None);
        assert!(bag.open(|| None).is_some() && bag.open(|| None).is_none());
        bag
    }

    fn send(bag: &mut Mailbag, ours: &OwnedFd, child: u64, serial: u64, letter: &[u8]) -> io::Result<usize> {
        let place = bag.pack(std::iter::once((ChildId(child), serial, letter))).unwrap();
        bag.send(ours.as_fd(), place)
    }

    fn received(theirs: &mut File) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = theirs.read_to_end(&mut bytes);
        bytes
    }

    #[test]
    fn the_next_daemon_knows_what_was_sent_and_how_much_of_it() {
        let (mut theirs, ours) = pipe();
        let mut bag = opened();
        assert_eq!(heir(&bag).sent_before(ChildId(1), 7), None);
        assert_eq!(send(&mut bag, &ours, 1, 7, b"one").unwrap(), 3);
        assert_eq!(send(&mut bag, &ours, 2, 7, b"two!").unwrap(), 4);
        let mut next = heir(&bag);
        assert_eq!(next.sent_before(ChildId(1), 7), Some(3));
        assert_eq!(next.sent_before(ChildId(1), 7), None, "once: the next letter of that number is another");
        assert_eq!(next.sent_before(ChildId(1), 8), None);
        next.forget_inherited();
        assert_eq!(next.sent_before(ChildId(2), 7), None);
        assert_eq!(received(&mut theirs), b"onetwo!");
        // The heir goes on behind what is there, and its letters are the only ones.
        assert_eq!(send(&mut next, &ours, 3, 8, b"three").unwrap(), 5);
        assert_eq!(received(&mut theirs), b"three");
        assert_eq!(heir(&next).sent_before(ChildId(2), 7), None);
        assert_eq!(heir(&next).sent_before(ChildId(3), 8), Some(5));
    }

    #[test]
    fn a_letter_that_was_not_sent_is_known_not_to_have_been() {
        let (theirs, ours) = pipe();
        let mut bag = opened();
        bag.pack(std::iter::once((ChildId(1), 7, &b"one"[..]))).unwrap();
        assert_eq!(heir(&bag).sent_before(ChildId(1), 7), Some(0), "it died before the first byte");
        drop(theirs);
        assert!(send(&mut bag, &ours, 1, 8, b"two").is_err());
        assert_eq!(heir(&bag).sent_before(ChildId(1), 8), None);
    }

    #[test]
    fn a_large_letter_is_sent_whole_and_what_is_too_large_for_any_pipe_as_far_as_it_goes() {
        let (mut theirs, ours) = pipe();
        let mut bag = opened();
        let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).take(300_000).collect();
        assert_eq!(send(&mut bag, &ours, 1, 1, &large).unwrap(), large.len());
        bag.settle();
        let huge = vec![7; 3 * PIPE_BYTES_MAX];
        assert_eq!(received(&mut theirs), large, "what is given back is in the pipe all the same");
        let sent = send(&mut bag, &ours, 1, 2, &huge).unwrap();
        assert!(sent > 0 && sent < huge.len());
        assert_eq!(heir(&bag).sent_before(ChildId(1), 2), Some(sent));
    }

    #[test]
    fn of_letters_that_were_packed_together_each_is_known_for_itself() {
        let pipes = [pipe(), pipe(), pipe()];
        let (mut bag, huge) = (opened(), vec![7; 3 * PIPE_BYTES_MAX]);
        let letters = [&b"one"[..], &huge, b"three"];
        let numbered = (1..).map(ChildId).zip(letters);
        let first = bag.pack(numbered.map(|(child, letter)| (child, 7, letter))).unwrap();
        let known = |bag: &Mailbag| [1, 2, 3].map(|it| heir(bag).sent_before(ChildId(it), 7));
        assert_eq!(known(&bag), [Some(0); 3]);
        assert_eq!(bag.send(pipes[0].1.as_fd(), first).unwrap(), 3);
        assert_eq!(known(&bag), [Some(3), Some(0), Some(0)]);
        let piece = bag.send(pipes[1].1.as_fd(), first + 1).unwrap();
        assert_eq!(known(&bag), [Some(3), Some(piece), Some(0)]);
        assert_eq!(bag.send(pipes[2].1.as_fd(), first + 2).unwrap(), 5);
        assert_eq!(known(&bag), [Some(3), Some(piece), Some(5)]);
    }

    #[test]
    fn a_letter_that_is_sent_once_more_is_another_one() {
        let (_theirs, ours) = pipe();
        let mut bag = opened();
        send(&mut bag, &ours, 1, 7, b"one").unwrap();
        bag.wipe();
        assert_eq!(heir(&bag).sent_before(ChildId(1), 7), Some(3), "it is not written down that it was sent");
        bag.settle();
        bag.wipe();
        assert_eq!(heir(&bag).sent_before(ChildId(1), 7), None);
    }

    #[test]
    fn what_makes_no_sense_is_nothing() {
        let file = memfd_create("odd", MemfdFlags::CLOEXEC).unwrap();
        os::fd::write_at(&file, &[0xFF; 5000], 0).unwrap();
        let mut bag = Mailbag::new(Some(file));
        assert_eq!(bag.sent_before(ChildId(1), 1), None);
        let (_theirs, ours) = pipe();
        assert_eq!(send(&mut bag, &ours, 1, 1, b"x").unwrap(), 1);
    }
}
