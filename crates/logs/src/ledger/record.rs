//! The fixed parts of the ledger, to and from bytes. All numbers are little-endian; each part ends with a digest of what is
//! before it, so that nothing is done with what is damaged; between the two, a reader ignores what is behind the fields it
//! knows.

use model::child::{Channel, ChildId};

use super::Owner;
use crate::file::Place;

/// What the file begins with. A change that an older daemon would misread changes the number at its end.
const MAGIC: [u8; 8] = *b"MENLOG02";

/// How large the record is: well within a page, so that a write of it is whole or has not happened.
pub(super) const RECORD_BYTES: usize = SLOT_AT + SLOT_BYTES + 8 * DIGEST_BYTES;

/// Where in it the slot of its owner is.
const SLOT_AT: usize = 64;

/// How large an entry of the table is: a part of a page, so that none is in two.
pub(super) const SLOT_BYTES: usize = 128;

/// How large a digest is.
const DIGEST_BYTES: usize = 8;

/// FNV-1a.
fn digest(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Puts the digest at the end.
fn seal<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    if let Some((rest, end)) = bytes.split_last_chunk_mut::<DIGEST_BYTES>() {
        *end = digest(rest).to_le_bytes();
    }
    bytes
}

fn is_sealed(bytes: &[u8]) -> bool {
    bytes.split_last_chunk().is_some_and(|(rest, end)| *end == digest(rest).to_le_bytes())
}

/// What is remembered of one pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Slot {
    pub(super) number: u32,
    /// Which of the two states is the present one.
    pub(super) side: bool,
    /// How many bytes the state has.
    pub(super) state: u32,
    /// Whether the output is on the tray; else it is in its own place.
    pub(super) is_on_tray: bool,
    /// Where there the output begins that is still to be written, and how many bytes it has.
    pub(super) output_from: u64,
    pub(super) output: u32,
    /// Where it is about to be written, or may have been, if that is a regular file.
    pub(super) place: Option<Place>,
    /// What was on the desk when somebody else's turn came, and has not been looked at: where it is, and how many bytes.
    pub(super) desk_from: u64,
    pub(super) desk: u32,
    /// Whether it is in the table.
    pub(super) is_listed: bool,
    /// How much waits behind the output for which there was no memory. Only its own pump knows that.
    pub(super) missing: u64,
}

impl Slot {
    /// Whether there is nothing to remember.
    pub(super) const fn is_empty(&self) -> bool {
        self.state == 0 && self.output == 0 && self.desk == 0
    }

    /// Of all that waits, the last `left` bytes are still to be written.
    pub(super) fn leave(&mut self, left: u64) {
        let output = u32::try_from(left.saturating_sub(self.missing)).unwrap_or(u32::MAX).min(self.output);
        self.output_from += u64::from(self.output - output);
        self.missing = left - u64::from(output);
        self.output = output;
    }

    pub(super) fn bytes(&self, owner: Owner) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        let flags = [self.side, self.is_on_tray].map(u8::from);
        put(&mut bytes, 0, &[1, channel_number(owner.channel), flags[0], flags[1]]);
        put(&mut bytes, 8, &owner.child.0.to_le_bytes());
        put(&mut bytes, 16, &self.state.to_le_bytes());
        put(&mut bytes, 20, &self.output.to_le_bytes());
        put(&mut bytes, 24, &self.output_from.to_le_bytes());
        put(&mut bytes, 32, &self.desk_from.to_le_bytes());
        put(&mut bytes, 40, &self.desk.to_le_bytes());
        if let Some(place) = self.place {
            put(&mut bytes, 4, &[1]);
            put(&mut bytes, 48, &place.device.to_le_bytes());
            put(&mut bytes, 56, &place.inode.to_le_bytes());
            put(&mut bytes, 64, &place.at.to_le_bytes());
        }
        seal(bytes)
    }

    /// The entry of that number, if it is in use.
    pub(super) fn read(bytes: &[u8], number: u32) -> Option<(Owner, Self)> {
        let [1, channel, side, tray, places] = *array::<5>(bytes, 0)? else { return None };
        if !is_sealed(bytes.get(..SLOT_BYTES)?) {
            return None;
        }
        let number_at = |at| array::<8>(bytes, at).map(|it| u64::from_le_bytes(*it));
        let place = Place { device: number_at(48)?, inode: number_at(56)?, at: number_at(64)? };
        let slot = Self {
            number,
            side: side != 0,
            state: u32::from_le_bytes(*array(bytes, 16)?),
            output: u32::from_le_bytes(*array(bytes, 20)?),
            is_on_tray: tray != 0,
            output_from: number_at(24)?,
            place: (places != 0).then_some(place),
            desk_from: number_at(32)?,
            desk: u32::from_le_bytes(*array(bytes, 40)?),
            is_listed: true,
            missing: 0,
        };
        let child = ChildId(number_at(8)?);
        Some((Owner { child, channel: channel_of(channel) }, slot))
    }
}

/// What is true of the present owner and of the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) owner: Option<Owner>,
    pub(super) slot: Slot,
    /// Where the desk begins: what was before it is used up.
    pub(super) desk: u64,
    /// How many entries the table has had at most.
    pub(super) slots_used: u32,
}

impl Record {
    pub(super) fn new(desk: u64) -> Self {
        Self { owner: None, slot: Slot::default(), desk, slots_used: 0 }
    }

    pub(super) fn bytes(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 8, &self.desk.to_le_bytes());
        put(&mut bytes, 16, &self.slots_used.to_le_bytes());
        put(&mut bytes, 20, &self.slot.number.to_le_bytes());
        if let Some(owner) = self.owner {
            put(&mut bytes, SLOT_AT, &self.slot.bytes(owner));
        }
        // Whether its entry is also in the table.
        put(&mut bytes, 24, &[u8::from(self.slot.is_listed)]);
        seal(bytes)
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if *array::<8>(bytes, 0)? != MAGIC || !is_sealed(bytes) {
            return None;
        }
        let [listed] = *array::<1>(bytes, 24)?;
        let slot_number = u32::from_le_bytes(*array(bytes, 20)?);
        let found = Slot::read(bytes.get(SLOT_AT..)?, slot_number);
        let slot = found.map_or_else(Slot::default, |it| Slot { is_listed: listed != 0, ..it.1 });
        Some(Self {
            owner: found.map(|it| it.0),
            slot,
            desk: u64::from_le_bytes(*array(bytes, 8)?),
            slots_used: u32::from_le_bytes(*array(bytes, 16)?),
        })
    }
}

const fn channel_number(channel: Channel) -> u8 {
    match channel {
        Channel::Stdout => 1,
        Channel::Stderr => 2,
    }
}

const fn channel_of(number: u8) -> Channel {
    if number == 2 { Channel::Stderr } else { Channel::Stdout }
}

fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    if let Some(room) = bytes.get_mut(at..at + field.len()) {
        room.copy_from_slice(field);
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner { child: ChildId(7), channel: Channel::Stderr };

    fn slot() -> Slot {
        Slot {
            number: 3,
            side: true,
            state: 5,
            is_on_tray: true,
            output_from: 9,
            output: 11,
            place: Some(Place { device: 0x11, inode: 0x22, at: 0x33 }),
            desk_from: 1 << 60,
            desk: 13,
            is_listed: true,
            missing: 0,
        }
    }

    fn hex(bytes: &[u8]) -> String {
        let digit = |it: u8| char::from_digit(it.into(), 16).unwrap();
        bytes.iter().flat_map(|it| [digit(it >> 4), digit(it & 15)]).collect()
    }

    #[test]
    fn what_is_written_is_read_back_and_what_is_no_record_is_refused() {
        let slot = slot();
        let record = Record { owner: Some(OWNER), slot, desk: 1 << 60, slots_used: 4 };
        assert_eq!(Record::read(&record.bytes()), Some(record));
        assert_eq!(Record::read(&Record::new(5).bytes()), Some(Record::new(5)));
        assert_eq!(Slot::read(&slot.bytes(OWNER), 3), Some((OWNER, slot)));
        assert_eq!(Slot::read(&[0; SLOT_BYTES], 0), None);
        assert_eq!(Record::read(b""), None);
        assert_eq!(Record::read(&[0; RECORD_BYTES]), None);
    }

    /// What another version of this program reads: a change of these is a change of [`MAGIC`].
    #[test]
    fn the_bytes_stay_what_they_are() {
        let record = Record { owner: Some(OWNER), slot: slot(), desk: 0x44, slots_used: 0x55 };
        let hex: Vec<_> = record.bytes().chunks(16).map(hex).collect();
        let wanted = [
            "4d454e4c4f4730324400000000000000",
            "55000000030000000100000000000000",
            "00000000000000000000000000000000",
            "00000000000000000000000000000000",
            "01020101010000000700000000000000",
            "050000000b0000000900000000000000",
            "00000000000000100d00000000000000",
            "11000000000000002200000000000000",
            "33000000000000000000000000000000",
            "00000000000000000000000000000000",
            "00000000000000000000000000000000",
            "0000000000000000ec5226d658820c22",
            "00000000000000000000000000000000",
            "00000000000000000000000000000000",
            "00000000000000000000000000000000",
            "0000000000000000f5145cf5b2c6f955",
        ];
        assert_eq!(hex, wanted);
    }

    #[test]
    fn what_is_damaged_is_not_believed() {
        let record = Record { owner: Some(OWNER), slot: slot(), desk: 0x44, slots_used: 0x55 };
        for at in 0..RECORD_BYTES {
            let mut bytes = record.bytes();
            bytes[at] ^= 0x10;
            assert_eq!(Record::read(&bytes), None, "{at}");
        }
        for at in 0..SLOT_BYTES {
            let mut bytes = slot().bytes(OWNER);
            bytes[at] ^= 0x10;
            assert_eq!(Slot::read(&bytes, 3), None, "{at}");
        }
    }

    #[test]
    fn of_what_waits_the_first_bytes_are_written_first() {
        let cases = [
            // Output, missing, left; then where it begins, output, missing.
            ((10, 0, 0), (10, 0, 0)),
            ((10, 0, 4), (6, 4, 0)),
            ((10, 5, 15), (0, 10, 5)),
            ((10, 5, 7), (8, 2, 5)),
            ((10, 5, 3), (10, 0, 3)),
            ((0, 5, 3), (0, 0, 3)),
        ];
        for ((output, missing, left), wanted) in cases {
            let mut slot = Slot { output, missing, ..Slot::default() };
            slot.leave(left);
            assert_eq!((slot.output_from, slot.output, slot.missing), wanted, "{output} {missing} {left}");
        }
    }
}
