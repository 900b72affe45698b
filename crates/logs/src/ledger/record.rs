//! The fixed parts of the ledger, to and from bytes. All numbers are little-endian; a reader ignores what
//! is behind the fields it knows.

use model::child::{Channel, ChildId};

use super::Owner;
use crate::file::Place;

/// What the file begins with. A change that an older daemon would misread changes the number at its end.
const MAGIC: [u8; 8] = *b"MENLOG01";

/// How large the record is: well within a page, so that a write of it is whole or has not happened.
pub(super) const RECORD_BYTES: usize = 128;

/// How large an entry of the table is.
pub(super) const SLOT_BYTES: usize = 64;

/// Where output is about to be written, if it is to a regular file.
pub(super) type Intent = Option<Place>;

/// What is remembered of one pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Slot {
    pub(super) number: u32,
    /// Which of the two states is the present one.
    pub(super) side: bool,
    /// How many bytes the state has.
    pub(super) state: u32,
    /// Where in its place the output begins, and how many bytes it has.
    pub(super) output_from: u64,
    pub(super) output: u32,
    /// Whether it is in the table.
    pub(super) listed: bool,
}

impl Slot {
    /// Whether there is nothing to remember.
    pub(super) const fn is_empty(&self) -> bool {
        self.state == 0 && self.output == 0
    }

    pub(super) fn bytes(&self, owner: Owner) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        put(&mut bytes, 0, &[1, channel_number(owner.channel), u8::from(self.side)]);
        put(&mut bytes, 8, &owner.child.0.to_le_bytes());
        put(&mut bytes, 16, &self.state.to_le_bytes());
        put(&mut bytes, 20, &self.output.to_le_bytes());
        put(&mut bytes, 24, &self.output_from.to_le_bytes());
        bytes
    }

    /// The entry of that number, if it is in use.
    pub(super) fn read(bytes: &[u8], number: u32) -> Option<(Owner, Self)> {
        let [1, channel, side] = *array::<3>(bytes, 0)? else { return None };
        let slot = Self {
            number,
            side: side != 0,
            state: u32::from_le_bytes(*array(bytes, 16)?),
            output: u32::from_le_bytes(*array(bytes, 20)?),
            output_from: u64::from_le_bytes(*array(bytes, 24)?),
            listed: true,
        };
        let child = ChildId(u64::from_le_bytes(*array(bytes, 8)?));
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
    pub(super) intent: Intent,
    /// How many entries the table has had at most.
    pub(super) slots_used: u32,
}

impl Record {
    pub(super) fn new(desk: u64) -> Self {
        Self { owner: None, slot: Slot::default(), desk, intent: None, slots_used: 0 }
    }

    pub(super) fn bytes(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 8, &self.desk.to_le_bytes());
        put(&mut bytes, 16, &self.slots_used.to_le_bytes());
        put(&mut bytes, 20, &self.slot.number.to_le_bytes());
        if let Some(owner) = self.owner {
            put(&mut bytes, 64, &self.slot.bytes(owner));
        }
        if let Some(place) = self.intent {
            put(&mut bytes, 24, &[1]);
            put(&mut bytes, 32, &place.device.to_le_bytes());
            put(&mut bytes, 40, &place.inode.to_le_bytes());
            put(&mut bytes, 48, &place.at.to_le_bytes());
        }
        // Whether its entry is also in the table.
        put(&mut bytes, 25, &[u8::from(self.slot.listed)]);
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if *array::<8>(bytes, 0)? != MAGIC {
            return None;
        }
        let number = |at| array::<8>(bytes, at).map(|it| u64::from_le_bytes(*it));
        let [intends, listed] = *array::<2>(bytes, 24)?;
        let place = Place { device: number(32)?, inode: number(40)?, at: number(48)? };
        let slot_number = u32::from_le_bytes(*array(bytes, 20)?);
        let found = Slot::read(bytes.get(64..)?, slot_number);
        let slot = found.map_or_else(Slot::default, |it| Slot { listed: listed != 0, ..it.1 });
        Some(Self {
            owner: found.map(|it| it.0),
            slot,
            desk: number(8)?,
            intent: (intends != 0).then_some(place),
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

    #[test]
    fn what_is_written_is_read_back_and_what_is_no_record_is_refused() {
        let owner = Owner { child: ChildId(7), channel: Channel::Stderr };
        let slot = Slot { number: 3, side: true, state: 5, output_from: 9, output: 11, listed: true };
        let place = Place { device: 1, inode: 2, at: 3 };
        let record = Record { owner: Some(owner), slot, desk: 1 << 60, intent: Some(place), slots_used: 4 };
        assert_eq!(Record::read(&record.bytes()), Some(record));
        assert_eq!(Record::read(&Record::new(5).bytes()), Some(Record::new(5)));
        assert_eq!(Slot::read(&slot.bytes(owner), 3), Some((owner, slot)));
        assert_eq!(Slot::read(&[0; SLOT_BYTES], 0), None);
        assert_eq!(Record::read(b""), None);
        assert_eq!(Record::read(&[0; RECORD_BYTES]), None);
    }
}
