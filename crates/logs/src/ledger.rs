//! What has been taken from pipes and is not yet where it belongs, kept where it outlives us.
//!
//! A stream whose bytes go to a regular file as they are needs no memory: the kernel moves them from the
//! pipe to the file, and each is in one of the two. Where bytes are changed on the way (tokens,
//! sequences, formats), or go to what is no regular file, there is a moment at which they are in
//! neither. The ledger bridges it: a file in memory whose descriptor somebody else keeps, so that the next
//! daemon goes on where this one ended, whichever instruction was its last.
//!
//! One gulp goes through these steps, and a death between any two of them loses and doubles nothing:
//!
//! 1. The record names the owner of the *desk*, the end of the file.
//! 2. The kernel moves the pipe's bytes to the desk. How many there are is the size of the file.
//! 3. What becomes of them is written beside it: the output, and the state of the [stage](crate::sink::Stage)
//!    after it.
//! 4. The record says, in one write within one page: so many bytes of the desk are used up, this is the
//!    state, this is the output, and it goes to that place of that file.
//! 5. The output is written to that place. To do it twice is to do it once.
//! 6. The record says that it is done.
//!
//! What a full disk does not take stays in the ledger as output that waits.

mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use model::child::{Channel, ChildId};
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, fstat, memfd_create};
use rustix::io::{Errno, pread, pwrite};
use rustix::pipe::{SpliceFlags, splice};

use self::record::{Intent, RECORD_BYTES, Record, SLOT_BYTES, Slot};
use crate::failpoint;
use crate::file::Place;

/// Where the table of slots is.
const TABLE_AT: u64 = 4096;

/// Where the areas of the slots begin. The file has holes between: only what is written takes memory.
const AREAS_AT: u64 = 1 << 40;

/// How far one area is from the next.
const AREA_BYTES: u64 = 1 << 36;

/// Where in its area the other state is, and the output.
const OTHER_SIDE_AT: u64 = 1 << 34;
const OUTPUT_AT: u64 = 1 << 35;

/// Where the desk begins.
const DESK_AT: u64 = 1 << 60;

/// How many slots there are at most: more than pipes can be.
const SLOTS_MAX: u32 = 1 << 20;

/// How much of the desk is used up before its memory is given back.
const GIVE_BACK_BYTES: u64 = 512 * 1024;

/// Whose bytes: those of one pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) child: ChildId,
    pub(crate) channel: Channel,
}

/// What an earlier pump left of one pipe.
#[derive(Debug, Default)]
pub(crate) struct Leftover {
    /// The state of the stage.
    pub(crate) state: Vec<u8>,
    /// What is to be written.
    pub(crate) output: Vec<u8>,
    /// Where some of it may have been written already.
    pub(crate) place: Option<Place>,
    /// What was taken from the pipe and not looked at.
    pub(crate) desk: Vec<u8>,
}

/// The file. All but [`Self::inherit`] go on when the kernel has no memory for it: then a death may lose
/// what was under way.
#[derive(Debug)]
pub(crate) struct Ledger {
    fd: OwnedFd,
    /// As it is, or is about to be, in the file.
    record: Record,
    /// The slots of all owners but the one in the record.
    slots: BTreeMap<Owner, Slot>,
    taken: BTreeSet<u32>,
    /// Up to here the memory of the desk was given back.
    given_back: u64,
}

impl Ledger {
    /// An empty one.
    ///
    /// # Errors
    /// When the kernel has no such files, or no descriptor is left.
    pub(crate) fn new() -> io::Result<Self> {
        let fd = memfd_create("menshen-logs", MemfdFlags::CLOEXEC)?;
        let ledger = Self::with(fd, Record::new(DESK_AT));
        ledger.save()?;
        Ok(ledger)
    }

    /// What an earlier one left behind `fd`.
    ///
    /// # Errors
    /// When it cannot be read, or is no ledger that this version understands.
    pub(crate) fn inherit(fd: OwnedFd) -> io::Result<Self> {
        let mut bytes = [0; RECORD_BYTES];
        read_all(&fd, &mut bytes, 0)?;
        let record = Record::read(&bytes).ok_or(io::ErrorKind::InvalidData)?;
        let mut ledger = Self::with(fd, record);
        for number in 0..ledger.record.slots_used.min(SLOTS_MAX) {
            let mut bytes = [0; SLOT_BYTES];
            // A hole at the end of the file is as good as an empty slot.
            if read_all(&ledger.fd, &mut bytes, slot_at(number)).is_err() {
                continue;
            }
            if let Some((owner, slot)) = Slot::read(&bytes, number).filter(|it| Some(it.0) != record.owner) {
                ledger.taken.insert(number);
                ledger.slots.insert(owner, slot);
            }
        }
        Ok(ledger)
    }

    fn with(fd: OwnedFd, record: Record) -> Self {
        let taken = record.owner.map(|_| record.slot.number).into_iter().collect();
        Self { fd, record, slots: BTreeMap::new(), taken, given_back: record.desk }
    }

    /// Takes what is in `pipe`, as much as `room` holds: how many bytes those are; none at its end.
    pub(crate) fn take(
        &mut self,
        owner: Owner,
        pipe: BorrowedFd<'_>,
        room: &mut [u8],
    ) -> Result<usize, Errno> {
        self.aim(owner);
        failpoint::pass();
        let count =
            splice(pipe, None, &self.fd, Some(&mut { self.record.desk }), room.len(), SpliceFlags::NONBLOCK)?;
        failpoint::pass();
        read_all(&self.fd, room.get_mut(..count).unwrap_or_default(), self.record.desk)?;
        Ok(count)
    }

    /// Notes what became of `used` bytes of the desk: the state after them, and the output, which is
    /// about to be written to `place`.
    pub(crate) fn commit(&mut self, owner: Owner, used: usize, made: (&[u8], &[u8]), place: Option<Place>) {
        let (state, output) = made;
        self.aim(owner);
        let area = area_at(self.record.slot.number);
        let side = !self.record.slot.side;
        // Whatever fails here fails for lack of memory. To go on without a net is better than to stop.
        let _ = write_all(&self.fd, state, area + if side { OTHER_SIDE_AT } else { 0 });
        failpoint::pass();
        let _ = write_all(&self.fd, output, area + OUTPUT_AT);
        failpoint::pass();
        let slot = &mut self.record.slot;
        (slot.side, slot.state, slot.output_from, slot.output) = (side, length(state), 0, length(output));
        self.record.desk += widened(used);
        self.intend(place.filter(|_| !output.is_empty()));
        self.give_back();
    }

    /// Notes that all but `left` bytes of the output are written.
    pub(crate) fn written(&mut self, owner: Owner, left: usize) {
        failpoint::pass();
        self.aim(owner);
        let slot = &mut self.record.slot;
        let left = u32::try_from(left).unwrap_or(u32::MAX).min(slot.output);
        slot.output_from += u64::from(slot.output - left);
        slot.output = left;
        self.intend(None);
    }

    /// Notes that the output that waits is about to be written to `place`.
    pub(crate) fn attempt(&mut self, owner: Owner, place: Option<Place>) {
        self.aim(owner);
        self.intend(place);
    }

    /// Adds to the output that waits.
    pub(crate) fn append(&mut self, owner: Owner, bytes: &[u8]) {
        self.aim(owner);
        let slot = &mut self.record.slot;
        let at = area_at(slot.number) + OUTPUT_AT + slot.output_from + u64::from(slot.output);
        slot.output = slot.output.saturating_add(length(bytes));
        let _ = write_all(&self.fd, bytes, at);
        let _ = self.save();
    }

    /// Whether there is anything of an owner.
    pub(crate) fn has(&self, owner: Owner) -> bool {
        self.slots.contains_key(&owner)
            || (self.record.owner == Some(owner) && (!self.record.slot.is_empty() || self.desk_bytes() > 0))
    }

    /// What there is of an owner. It stays until it is noted to be done with.
    pub(crate) fn leftover(&self, owner: Owner) -> Leftover {
        let current = self.record.owner == Some(owner);
        let slot = if current { Some(&self.record.slot) } else { self.slots.get(&owner) };
        let Some(slot) = slot else { return Leftover::default() };
        let area = area_at(slot.number);
        let side = if slot.side { OTHER_SIDE_AT } else { 0 };
        Leftover {
            state: self.read(u64::from(slot.state), area + side),
            output: self.read(u64::from(slot.output), area + OUTPUT_AT + slot.output_from),
            place: if current { self.record.intent } else { None },
            desk: if current { self.read(self.desk_bytes(), self.record.desk) } else { Vec::new() },
        }
    }

    /// Forgets an owner.
    pub(crate) fn forget(&mut self, owner: Owner) {
        if self.record.owner == Some(owner) {
            self.record.desk += self.desk_bytes();
            let slot = &mut self.record.slot;
            (slot.state, slot.output) = (0, 0);
            self.intend(None);
        } else if let Some(slot) = self.slots.remove(&owner) {
            self.free(&slot);
        }
    }

    /// How many bytes are on the desk.
    fn desk_bytes(&self) -> u64 {
        let size = fstat(&self.fd).map_or(0, |it| u64::try_from(it.st_size).unwrap_or(0));
        size.saturating_sub(self.record.desk)
    }

    fn read(&self, bytes: u64, at: u64) -> Vec<u8> {
        let mut room = vec![0; usize::try_from(bytes).unwrap_or(0)];
        match read_all(&self.fd, &mut room, at) {
            Ok(()) => room,
            Err(_) => Vec::new(),
        }
    }

    /// Makes the record that of `owner`.
    fn aim(&mut self, owner: Owner) {
        if self.record.owner == Some(owner) {
            return;
        }
        if let Some(before) = self.record.owner {
            let slot = self.record.slot;
            if slot.is_empty() {
                self.free(&slot);
            } else {
                let slot = Slot { listed: true, ..slot };
                let _ = write_all(&self.fd, &slot.bytes(before), slot_at(slot.number));
                self.slots.insert(before, slot);
            }
            failpoint::pass();
        }
        // What is on the desk of one who has not come back by now is nobody's.
        self.record.desk += self.desk_bytes();
        self.record.slot = self.slots.remove(&owner).unwrap_or_else(|| self.free_slot());
        self.record.slots_used = self.record.slots_used.max(self.record.slot.number + 1);
        self.record.owner = Some(owner);
        self.intend(None);
    }

    fn free_slot(&mut self) -> Slot {
        let number = (0..SLOTS_MAX).find(|it| !self.taken.contains(it)).unwrap_or(SLOTS_MAX);
        self.taken.insert(number);
        Slot { number, ..Slot::default() }
    }

    fn free(&mut self, slot: &Slot) {
        self.taken.remove(&slot.number);
        if slot.listed {
            let _ = write_all(&self.fd, &[0; SLOT_BYTES], slot_at(slot.number));
            self.punch(area_at(slot.number), AREA_BYTES);
        }
    }

    fn intend(&mut self, intent: Intent) {
        self.record.intent = intent;
        let _ = self.save();
        failpoint::pass();
    }

    /// One write within one page: it is there or it is not.
    fn save(&self) -> Result<(), Errno> {
        write_all(&self.fd, &self.record.bytes(), 0)
    }

    fn give_back(&mut self) {
        let used = self.record.desk & !(TABLE_AT - 1);
        if used.saturating_sub(self.given_back) >= GIVE_BACK_BYTES {
            self.punch(self.given_back, used - self.given_back);
            self.given_back = used;
        }
    }

    fn punch(&self, at: u64, bytes: u64) {
        // What cannot be given back is overwritten some day.
        let _ = fallocate(&self.fd, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, at, bytes);
    }
}

impl AsFd for Ledger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn slot_at(number: u32) -> u64 {
    TABLE_AT + u64::from(number) * widened(SLOT_BYTES)
}

fn area_at(number: u32) -> u64 {
    AREAS_AT + u64::from(number) * AREA_BYTES
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn widened(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn write_all(fd: &OwnedFd, mut bytes: &[u8], mut at: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match pwrite(fd, bytes, at) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => {
                bytes = bytes.get(count..).unwrap_or_default();
                at += widened(count);
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn read_all(fd: &OwnedFd, mut room: &mut [u8], mut at: u64) -> Result<(), Errno> {
    while !room.is_empty() {
        match pread(fd, &mut *room, at) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => {
                room = room.get_mut(count..).unwrap_or_default();
                at += widened(count);
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
