//! The keeper's journal: a file with a record for each child, written as it lives, so that whoever comes after the
//! death of the keeper knows whom to look for.
//!
//! The first record says to which boot of the machine all others belong. The others are places, used again when
//! their child is forgotten. A record is written at once and in one piece, and has a checksum: one that is not
//! whole says so. Nothing is ever synchronized to a disk, because what the kernel has been given outlives the
//! process that gave it, and after the death of the kernel there is nobody left to look for.

use super::frame::{FrameError, Reader, Writer};
use super::handover::End;
use super::{SLOT_BYTES_MAX, Will};
use crate::checksum::crc32;

/// How far the beginnings of two records are apart.
pub const RECORD_BYTES: usize = 1024;

/// The same, as a place in a file.
const RECORD_STEP: u64 = 1024;

const MAGIC: [u8; 4] = *b"MSHJ";

/// The length of what stands before each record's body: magic 4, version 2, length of the body 2, checksum 4.
const HEADER_BYTES: usize = 12;

/// No body is longer.
const BODY_BYTES_MAX: usize = RECORD_BYTES - HEADER_BYTES;

/// Where the record of the n-th place begins.
pub fn offset(place: u32) -> u64 {
    (u64::from(place) + 1) * RECORD_STEP
}

/// One child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub child: u64,
    /// The name of its slot.
    pub slot: Vec<u8>,
    /// What came with the order to make it.
    pub memo: Vec<u8>,
    /// How to stop it when there is no daemon to say so.
    pub will: Will,
    /// When it was ordered, on the monotonic clock, in microseconds.
    pub started_us: u64,
    /// The numbers of its pipes in the file system of pipes; 0 where it has none.
    pub pipes: [u64; 3],
    /// How far it has come.
    pub stage: Stage,
}

/// How far a child has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is about to be made.
    Intended,
    /// It lives.
    Living {
        /// Its pid.
        pid: u32,
        /// When it was made, in ticks of the machine.
        start_ticks: u64,
    },
    /// It has ended, and nobody has recorded that.
    Ended {
        /// What its pid was, to be told; it may be somebody else's by now. 0 when it was never known.
        pid: u32,
        /// How.
        end: End,
    },
}

/// What stands in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nothing.
    Free,
    /// A child.
    Taken(Box<Entry>),
    /// Something that is not whole. There may be a child, which this is as far as it can be read.
    Damaged(Option<Box<Entry>>),
}

/// The first record of a journal.
pub fn encode_head(boot_id: &[u8; 16]) -> Vec<u8> {
    let mut body = Writer::within();
    body.array(boot_id);
    seal(&body.into_bytes())
}

/// The record of a place with a child in it; of one without for `None`. Never longer than [`RECORD_BYTES`].
pub fn encode(entry: Option<&Entry>) -> Vec<u8> {
    let mut body = Writer::within();
    match entry {
        None => body.u8(0),
        Some(entry) => {
            body.u8(1);
            entry.put(&mut body);
        }
    }
    seal(&body.into_bytes())
}

/// A whole journal: what stands in each place.
///
/// `None` when it is empty, belongs to another boot of the machine, or is no journal of a version that is
/// understood here: then nothing in it means anything.
pub fn decode(bytes: &[u8], boot_id: &[u8; 16]) -> Option<Vec<Place>> {
    let mut records = bytes.chunks(RECORD_BYTES);
    let head = open(records.next()?)?;
    let boot: [u8; 16] = Reader::within(head).array("boot id").ok()?;
    (boot == *boot_id).then(|| records.map(place).collect())
}

/// Whether something is written that [`decode`] makes nothing of and should: no journal of an earlier boot, which has
/// nothing to say any more, but one that is damaged, or of a version that is not understood.
pub fn is_unreadable(bytes: &[u8]) -> bool {
    let Some(head) = bytes.chunks(RECORD_BYTES).next() else { return false };
    // What was never begun is no damage.
    head.iter().any(|it| *it != 0) && open(head).is_none()
}

fn place(record: &[u8]) -> Place {
    // A hole in the file: the place behind it was written first.
    if record.iter().all(|it| *it == 0) {
        return Place::Free;
    }
    let Some(body) = open(record) else { return Place::Damaged(salvaged(record)) };
    let mut from = Reader::within(body);
    match from.u8("place") {
        Ok(0) => Place::Free,
        Ok(1) => Entry::get(&mut from).map_or(Place::Damaged(None), |it| Place::Taken(Box::new(it))),
        Ok(_) | Err(_) => Place::Damaged(None),
    }
}

/// What a record that is not whole says all the same. Nothing may be done on its word, but something may be left
/// undone.
fn salvaged(record: &[u8]) -> Option<Box<Entry>> {
    let mut from = Reader::within(record.get(HEADER_BYTES..)?);
    let entry = from.u8("place").ok().filter(|it| *it == 1).and_then(|_| Entry::get(&mut from).ok())?;
    (entry.slot.len() <= SLOT_BYTES_MAX && std::str::from_utf8(&entry.slot).is_ok()).then(|| Box::new(entry))
}

/// A record around a body.
fn seal(body: &[u8]) -> Vec<u8> {
    let mut record = Writer::within();
    record.array(&MAGIC);
    record.u16(super::FORMAT);
    record.u16(u16::try_from(body.len()).unwrap_or(u16::MAX));
    record.u32(crc32(body));
    let mut record = record.into_bytes();
    record.extend(body);
    record
}

/// The body of a record, if it is whole.
fn open(record: &[u8]) -> Option<&[u8]> {
    let (header, rest) = record.split_at_checked(HEADER_BYTES)?;
    let mut header = Reader::within(header);
    let is_ours =
        header.array("magic").ok()? == MAGIC && super::is_near(header.u16("version").ok()?, super::FORMAT);
    let length = usize::from(header.u16("length").ok()?);
    let body = rest.get(..length).filter(|it| is_ours && it.len() <= BODY_BYTES_MAX)?;
    (crc32(body) == header.u32("checksum").ok()?).then_some(body)
}

impl Entry {
    fn put(&self, to: &mut Writer) {
        to.u64(self.child);
        to.bytes(self.slot.get(..SLOT_BYTES_MAX).unwrap_or(&self.slot));
        to.bytes(&self.memo);
        self.will.put(to);
        to.u64(self.started_us);
        for pipe in self.pipes {
            to.u64(pipe);
        }
        match &self.stage {
            Stage::Intended => to.u8(1),
            Stage::Living { pid, start_ticks } => {
                to.u8(2);
                to.u32(*pid);
                to.u64(*start_ticks);
            }
            Stage::Ended { pid, end } => {
                to.u8(3);
                end.put(to);
                to.u32(*pid);
            }
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self {
            child: from.u64("child")?,
            slot: from.bytes("slot")?,
            memo: from.bytes("memo")?,
            will: Will::get(from)?,
            started_us: from.u64("started")?,
            pipes: [from.u64("pipe")?, from.u64("pipe")?, from.u64("pipe")?],
            stage: match from.u8("stage")? {
                1 => Stage::Intended,
                2 => Stage::Living { pid: from.u32("pid")?, start_ticks: from.u64("ticks")? },
                3 => {
                    let end = End::get(from)?;
                    Stage::Ended { pid: from.u32("pid")?, end }
                }
                _ => return Err(FrameError::Field("stage")),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keeper::{MEMO_BYTES_MAX, Scope, Usage};

    const BOOT: [u8; 16] = [7; 16];

    fn entry(stage: Stage) -> Entry {
        let (stop_scope, kill_scope) = (Scope::Group, Scope::Process);
        Entry {
            child: 0x0102_0304_0506_0708,
            slot: b"web:one".to_vec(),
            memo: vec![0xaa, 0xbb],
            will: Will { signal: 15, wait_ms: 10_000, stop_scope, kill_scope, priority: -1 },
            started_us: 99,
            pipes: [0, 41, 42],
            stage,
        }
    }

    fn ended() -> Stage {
        let usage = Usage { user_us: 1, system_us: 2, peak_kib: 3 };
        let end = End { status: 256, known: true, at_us: 5, setup: Some((4, 2)), usage };
        Stage::Ended { pid: 77, end }
    }

    fn journal(places: &[Option<Entry>]) -> Vec<u8> {
        let mut bytes = encode_head(&BOOT);
        for (number, place) in places.iter().enumerate() {
            bytes.resize(usize::try_from(offset(u32::try_from(number).unwrap())).unwrap(), 0);
            bytes.extend(encode(place.as_ref()));
        }
        bytes
    }

    fn taken(entry: Entry) -> Place {
        Place::Taken(Box::new(entry))
    }

    #[test]
    fn what_is_written_is_read_in_its_place() {
        let entries = [Stage::Intended, Stage::Living { pid: 77, start_ticks: 123_456 }, ended()].map(entry);
        let mut places: Vec<_> = entries.iter().cloned().map(Some).collect();
        places.insert(1, None);
        let mut expected: Vec<_> = entries.into_iter().map(taken).collect();
        expected.insert(1, Place::Free);
        assert_eq!(decode(&journal(&places), &BOOT), Some(expected));
        assert_eq!(decode(&encode_head(&BOOT), &BOOT), Some(vec![]));
    }

    #[test]
    fn another_boot_and_what_is_no_journal_mean_nothing() {
        let bytes = journal(&[Some(entry(Stage::Intended))]);
        assert_eq!(decode(&bytes, &[8; 16]), None);
        for nonsense in [&b""[..], b"MSHJ", &[0; RECORD_BYTES], &[0xff; 3 * RECORD_BYTES]] {
            assert_eq!(decode(nonsense, &BOOT), None);
        }
    }

    #[test]
    fn the_longest_names_fit() {
        let mut long = entry(ended());
        (long.slot, long.memo) = (vec![b'x'; SLOT_BYTES_MAX], vec![1; MEMO_BYTES_MAX]);
        assert!(encode(Some(&long)).len() <= RECORD_BYTES);
        assert_eq!(decode(&journal(&[Some(long.clone())]), &BOOT), Some(vec![taken(long)]));
    }

    #[test]
    fn the_bytes_of_a_record_never_change() {
        let hex = |bytes: &[u8]| bytes.iter().map(|it| format!("{it:02x}")).collect::<Vec<_>>().concat();
        insta::assert_snapshot!(hex(&encode_head(&BOOT)), @"4d53484a01001000796c196007070707070707070707070707070707");
        insta::assert_snapshot!(hex(&encode(None)), @"4d53484a010001008def02d200");
        insta::assert_snapshot!(hex(&encode(Some(&entry(Stage::Living { pid: 77, start_ticks: 123_456 })))), @"4d53484a01005d0057c18fbd010807060504030201070000007765623a6f6e6502000000aabb0f00000010270000000000000201ffffffffffffffff6300000000000000000000000000000029000000000000002a00000000000000024d00000040e2010000000000");
        insta::assert_snapshot!(hex(&encode(Some(&entry(ended())))), @"4d53484a0100800009437da9010807060504030201070000007765623a6f6e6502000000aabb0f00000010270000000000000201ffffffffffffffff6300000000000000000000000000000029000000000000002a0000000000000003000100000105000000000000000104020000000100000000000000020000000000000003000000000000004d000000");
    }

    #[test]
    fn a_damaged_record_is_known_to_be_one_and_harms_no_other() {
        let two = [Some(entry(Stage::Living { pid: 77, start_ticks: 5 })), Some(entry(Stage::Intended))];
        let whole = journal(&two);
        let start = usize::try_from(offset(0)).unwrap();
        let length = encode(two[0].as_ref()).len();
        for bit in 0..length * 8 {
            let mut bytes = whole.clone();
            bytes[start + bit / 8] ^= 1 << (bit % 8);
            let places = decode(&bytes, &BOOT).unwrap();
            assert!(matches!(places[0], Place::Damaged(_)), "bit {bit}");
            assert_eq!(places[1], taken(entry(Stage::Intended)));
        }
        for cut in start + 1..start + length {
            assert_eq!(decode(&whole[..cut], &BOOT), Some(vec![Place::Damaged(None)]), "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_record_is_read_as_far_as_it_goes() {
        let entry = entry(Stage::Living { pid: 77, start_ticks: 5 });
        let mut bytes = journal(&[Some(entry.clone())]);
        bytes[RECORD_BYTES + 8] ^= 1; // The checksum itself.
        let salvaged = Place::Damaged(Some(Box::new(entry)));
        assert_eq!(decode(&bytes, &BOOT), Some(vec![salvaged]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(tail in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let mut bytes = encode_head(&BOOT);
            bytes.resize(RECORD_BYTES, 0);
            bytes.extend(tail);
            prop_assert!(decode(&bytes, &BOOT).is_some());
        }
    }
}
