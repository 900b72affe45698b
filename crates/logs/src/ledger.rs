//! What has been taken from pipes and is not yet where it belongs, kept where it outlives us.
//!
//! A stream whose bytes go to a regular file as they are needs no memory: the kernel moves them from the
//! pipe to the file, and each is in one of the two. Where bytes are changed on the way (tokens,
//! sequences, formats), or go to what is no regular file, there is a moment at which they are in
//! neither. The ledger bridges it: a file in memory which outlives us, because somebody else keeps its descriptor or
//! because it has a name, so that the next daemon goes on where this one ended, whichever instruction was its last.
//!
//! One gulp goes through these steps. The first three are only taken when the pipe is another than that of the gulp
//! before. Whoever dies has done some of them, from the first on; what the next one makes of that:
//!
//! | | step | who dies before it has left |
//! |-|------|-----------------------------|
//! | 1 | Output of the owner before that still waits is copied from the *tray* to a place of its own. | The owner before as the record has it, nothing of this one. |
//! | 2 | The entry of the owner before is written into the table, or erased. | The same: the record comes before the table, and says that the output is on the tray. |
//! | 3 | The record names the owner of the *desk*, the end of the file. | The same: the owner before has a record and an entry, and the record counts. |
//! | 4 | The kernel moves the pipe's bytes to the desk. How many there are is the size of the file. | An empty desk, and all bytes in the pipe. |
//! | 5 | The state of the [stage](crate::sink::Stage) after them is written beside the present one. | Bytes on the desk, and the state before them: they are looked at once more. |
//! | 6 | The output is written on the tray. | The same: nothing says that there is another state. |
//! | 7 | The record says, in one write within one page: so many bytes of the desk are used up, this is the state, this is the output, and it goes to that place of that file. | The same: the record says of the output that it has no bytes, so that half of one is never taken for a whole. |
//! | 8 | The output is written to that place. | An empty desk, and output with its place, which is written. |
//! | 9 | The record says that it is done. | The same. To write it twice to one place is to write it once. |
//!
//! What a full disk does not take stays in the ledger as output that waits; to add to it is to write the bytes behind
//! it (before: as it was), and then how many there are. A step that fails for lack of memory leaves the record with what is
//! there for certain, and we go on without a net: then only a death would lose something.
//!
//! In `pump/deaths.rs` somebody dies before every single write of these, and between them.

mod record;
mod sheet;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use model::child::{Channel, ChildId};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;

use self::record::{RECORD_BYTES, Record, SLOT_BYTES, Slot};
use self::sheet::{
    AREA_BYTES, DESK_AT, SLOTS_MAX, Sheet, TABLE_AT, TRAY_AT, area_at, output_at, slot_at, state_at, widened,
};
use crate::failpoint;
use crate::file::Place;

/// How much of the desk is used up before its memory is given back.
const GIVE_BACK_BYTES: u64 = 512 * 1024;

/// How much of the tray is kept for the next gulp: what all but a flood of empty lines needs.
const TRAY_BYTES_KEPT: u64 = 1024 * 1024;

/// Whose bytes: those of one pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) child: ChildId,
    pub(crate) channel: Channel,
}

/// What an earlier pump left of one pipe.
#[derive(Debug, Default, PartialEq, Eq)]
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

/// The file. All but [`Self::inherit`] go on when there is no memory for it: then a death may lose what was
/// under way.
#[derive(Debug)]
pub(crate) struct Ledger {
    sheet: Sheet,
    /// As it is, or is about to be, in the file.
    record: Record,
    /// The slots of all owners but the one in the record.
    slots: BTreeMap<Owner, Slot>,
    taken: BTreeSet<u32>,
    /// Up to here the memory of the desk was given back.
    given_back: u64,
    /// How much of the tray may have memory.
    tray_bytes: u64,
}

impl Ledger {
    /// An empty one, in an empty file in memory, or in one without a name.
    ///
    /// # Errors
    /// When the kernel has no such files, or no descriptor is left.
    pub(crate) fn new(file: Option<OwnedFd>) -> io::Result<Self> {
        if let Some(ledger) = file.map(|it| Self::with(it, Record::new(DESK_AT)))
            && ledger.save().is_ok()
        {
            return Ok(ledger);
        }
        let ledger = Self::with(memfd_create("menshen-logs", MemfdFlags::CLOEXEC)?, Record::new(DESK_AT));
        ledger.save()?;
        Ok(ledger)
    }

    /// What an earlier one left behind `fd`.
    ///
    /// # Errors
    /// When it cannot be read, or is no ledger that this version understands.
    pub(crate) fn inherit(fd: OwnedFd) -> io::Result<Self> {
        let mut bytes = [0; RECORD_BYTES];
        let mut ledger = Self::with(fd, Record::new(DESK_AT));
        if ledger.sheet.end() == 0 {
            // Whoever made it has died before the first word.
            ledger.save()?;
        }
        ledger.sheet.get(&mut bytes, 0)?;
        ledger.record = Record::read(&bytes).ok_or(io::ErrorKind::InvalidData)?;
        ledger.given_back = ledger.record.desk & !(TABLE_AT - 1);
        ledger.taken.extend(ledger.record.owner.map(|_| ledger.record.slot.number));
        for number in 0..ledger.record.slots_used.min(SLOTS_MAX) {
            let mut bytes = [0; SLOT_BYTES];
            // A hole at the end of the file is as good as an empty slot.
            if ledger.sheet.get(&mut bytes, slot_at(number)).is_err() {
                continue;
            }
            let Some((owner, slot)) = Slot::read(&bytes, number) else { continue };
            if Some(owner) == ledger.record.owner {
                // Whoever wrote the entry may have died before the record said that there is one.
                ledger.record.slot.is_listed = true;
            } else {
                ledger.taken.insert(number);
                ledger.slots.insert(owner, slot);
            }
        }
        Ok(ledger)
    }

    fn with(fd: OwnedFd, record: Record) -> Self {
        let (slots, taken) = (BTreeMap::new(), BTreeSet::new());
        Self { sheet: Sheet(fd), record, slots, taken, given_back: DESK_AT, tray_bytes: 0 }
    }

    /// Takes what is in `pipe`, as much as `room` holds: how many bytes those are; none at its end.
    pub(crate) fn take(
        &mut self,
        owner: Owner,
        pipe: BorrowedFd<'_>,
        room: &mut [u8],
    ) -> Result<usize, Errno> {
        self.aim(owner);
        let count = self.sheet.take(pipe, self.record.desk, room.len())?;
        self.sheet.get(room.get_mut(..count).unwrap_or_default(), self.record.desk)?;
        Ok(count)
    }

    /// Notes what became of `used` bytes of the desk: the state after them, and the output, which is
    /// about to be written to `place`.
    pub(crate) fn commit(&mut self, owner: Owner, used: usize, made: (&[u8], &[u8]), place: Option<Place>) {
        let (state, output) = made;
        self.aim(owner);
        let side = !self.record.slot.side;
        let state_there = self.kept(state, state_at(self.record.slot.number, side, widened(state.len())));
        let output_there = self.kept(output, TRAY_AT);
        self.tray_bytes = self.tray_bytes.max(widened(output.len()));
        let slot = &mut self.record.slot;
        (slot.side, slot.state) = (side, state_there);
        (slot.is_on_tray, slot.output_from, slot.output) = (true, 0, output_there);
        slot.missing = widened(output.len()) - u64::from(output_there);
        if slot.desk > 0 {
            slot.desk = 0;
        } else {
            self.record.desk += widened(used);
        }
        self.intend(place.filter(|_| output_there > 0));
        self.tidy();
    }

    /// Writes bytes that are to be kept: how many of them are there then, all or none. Whatever fails here fails for lack
    /// of memory. To go on without a net is better than to stop.
    fn kept(&self, bytes: &[u8], at: u64) -> u32 {
        if bytes.is_empty() || self.sheet.put(bytes, at).is_err() {
            return 0;
        }
        length(bytes)
    }

    /// Notes that all but `left` bytes of the output are written.
    pub(crate) fn written(&mut self, owner: Owner, left: usize) {
        failpoint::pass();
        self.aim(owner);
        let slot = &mut self.record.slot;
        let was_waiting = !slot.is_on_tray && slot.output > 0;
        slot.leave(widened(left));
        let (is_done, number) = (slot.output == 0, slot.number);
        self.intend(None);
        if is_done && was_waiting {
            self.sheet.give_back(output_at(number), AREA_BYTES - (output_at(number) - area_at(number)));
        }
    }

    /// Notes that the output that waits is about to be written to `place`.
    pub(crate) fn attempt(&mut self, owner: Owner, place: Option<Place>) {
        self.aim(owner);
        self.intend(place);
    }

    /// Adds to the output that waits.
    pub(crate) fn append(&mut self, owner: Owner, bytes: &[u8]) {
        self.aim(owner);
        let slot = self.record.slot;
        // Nothing goes behind what is not there.
        let at = output_of(&slot) + u64::from(slot.output);
        let there = if slot.missing > 0 { 0 } else { self.kept(bytes, at) };
        let slot = &mut self.record.slot;
        slot.output = slot.output.saturating_add(there);
        slot.missing += widened(bytes.len()) - u64::from(there);
        if slot.is_on_tray {
            self.tray_bytes = self.tray_bytes.max(slot.output_from + u64::from(slot.output));
        }
        let _ = self.save();
    }

    /// Whether there is anything of an owner.
    pub(crate) fn has(&self, owner: Owner) -> bool {
        self.slots.contains_key(&owner)
            || (self.record.owner == Some(owner) && (!self.record.slot.is_empty() || self.desk_bytes() > 0))
    }

    /// Of whom there is anything.
    pub(crate) fn owners(&self) -> impl Iterator<Item = Owner> {
        let present = self.record.owner.filter(|it| self.has(*it));
        self.slots.keys().copied().chain(present)
    }

    /// What there is of an owner. It stays until it is noted to be done with.
    pub(crate) fn leftover(&self, owner: Owner) -> Leftover {
        let is_present = self.record.owner == Some(owner);
        let slot = if is_present { Some(&self.record.slot) } else { self.slots.get(&owner) };
        let Some(slot) = slot else { return Leftover::default() };
        Leftover {
            state: self
                .sheet
                .read(u64::from(slot.state), state_at(slot.number, slot.side, u64::from(slot.state))),
            output: self.sheet.read(u64::from(slot.output), output_of(slot)),
            place: slot.place,
            desk: match slot.desk {
                0 if is_present => self.sheet.read(self.desk_bytes(), self.record.desk),
                bytes => self.sheet.read(u64::from(bytes), slot.desk_from),
            },
        }
    }

    /// Forgets an owner.
    pub(crate) fn forget(&mut self, owner: Owner) {
        if self.record.owner == Some(owner) {
            self.record.desk += self.desk_bytes();
            let slot = &mut self.record.slot;
            (slot.state, slot.output, slot.desk, slot.missing) = (0, 0, 0, 0);
            self.intend(None);
        } else if let Some(slot) = self.slots.remove(&owner) {
            self.free(&slot);
        }
    }

    /// How many bytes are on the desk.
    fn desk_bytes(&self) -> u64 {
        self.sheet.end().saturating_sub(self.record.desk)
    }

    /// Makes the record that of `owner`.
    fn aim(&mut self, owner: Owner) {
        if self.record.owner == Some(owner) {
            return;
        }
        let desk = self.desk_bytes();
        if let Some(before) = self.record.owner {
            let mut slot = self.record.slot;
            if let Ok(desk) = u32::try_from(desk)
                && desk > 0
                && slot.desk == 0
            {
                // It has not come back yet, and will look at it then.
                (slot.desk_from, slot.desk) = (self.record.desk, desk);
            }
            self.put_away(before, slot);
            failpoint::pass();
        }
        self.record.desk += desk;
        self.record.slot = self.slots.remove(&owner).unwrap_or_else(|| self.free_slot());
        self.record.slots_used = self.record.slots_used.max(self.record.slot.number + 1);
        self.record.owner = Some(owner);
        self.note();
    }

    /// Puts the slot of the record into the table, with all that is to be found there later.
    fn put_away(&mut self, owner: Owner, mut slot: Slot) {
        if slot.is_empty() {
            return self.free(&slot);
        }
        if slot.is_on_tray && slot.output > 0 {
            let has_room = self.sheet.has_room(u64::from(slot.output));
            let waiting =
                if has_room { self.sheet.read(u64::from(slot.output), output_of(&slot)) } else { Vec::new() };
            let there = self.kept(&waiting, output_at(slot.number));
            slot.missing += u64::from(slot.output - there);
            (slot.output_from, slot.output) = (0, there);
        }
        (slot.is_on_tray, slot.is_listed) = (false, true);
        let _ = self.sheet.put(&slot.bytes(owner), slot_at(slot.number));
        self.slots.insert(owner, slot);
    }

    fn free_slot(&mut self) -> Slot {
        let number = (0..SLOTS_MAX).find(|it| !self.taken.contains(it)).unwrap_or(SLOTS_MAX);
        self.taken.insert(number);
        Slot { number, ..Slot::default() }
    }

    fn free(&mut self, slot: &Slot) {
        self.taken.remove(&slot.number);
        if slot.is_listed {
            let _ = self.sheet.put(&[0; SLOT_BYTES], slot_at(slot.number));
            self.sheet.give_back(area_at(slot.number), AREA_BYTES);
        }
    }

    fn intend(&mut self, place: Option<Place>) {
        self.record.slot.place = place;
        self.note();
    }

    fn note(&self) {
        let _ = self.save();
        failpoint::pass();
    }

    /// One write within one page: it is there or it is not. That page has memory from the beginning.
    fn save(&self) -> Result<(), Errno> {
        self.sheet.put(&self.record.bytes(), 0)
    }

    /// Gives back the memory of what is used up, now and then.
    fn tidy(&mut self) {
        let used = self.record.desk & !(TABLE_AT - 1);
        if used.saturating_sub(self.given_back) < GIVE_BACK_BYTES || self.slots.values().any(|it| it.desk > 0)
        {
            return;
        }
        self.sheet.give_back(self.given_back, used - self.given_back);
        self.given_back = used;
        let slot = &self.record.slot;
        let needed = if slot.is_on_tray { slot.output_from + u64::from(slot.output) } else { 0 };
        if self.tray_bytes > TRAY_BYTES_KEPT && needed <= TRAY_BYTES_KEPT {
            self.sheet.give_back(TRAY_AT + TRAY_BYTES_KEPT, self.tray_bytes - TRAY_BYTES_KEPT);
            self.tray_bytes = TRAY_BYTES_KEPT;
        }
    }
}

impl AsFd for Ledger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sheet.as_fd()
    }
}

/// Where the output of a slot begins that is still to be written.
fn output_of(slot: &Slot) -> u64 {
    let base = if slot.is_on_tray { TRAY_AT } else { output_at(slot.number) };
    base + slot.output_from
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
