//! Points as few bytes: 13 for one of a process, whatever it used.
//!
//! A point is its place in its row, in units of its level, and a number for each measure in one byte or two, the
//! high one first. A number is a mantissa and an exponent, as a floating point number has them, but whole and
//! never negative: two bytes are exact up to 2,047 and to a four-thousandth after that, up to four trillion; one byte
//! is exact up to 15 and to a thirtieth after that, up to half a million. All bits set say that nothing is known.

use model::past::{MEASURES_MAX, Values, measures};

/// How the number of a measure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// How many hexadecimal digits, 2 or 4.
    pub(crate) digits: u32,
    /// How many bits of it are the mantissa.
    pub(crate) mantissa_bits: u32,
}

const NARROW: Form = Form { digits: 2, mantissa_bits: 4 };
const WIDE: Form = Form { digits: 4, mantissa_bits: 11 };

/// The place that no point has: here a row ends that is not full.
pub(crate) const NOWHERE: u8 = u8::MAX;

impl Form {
    /// The form of a measure by its name: what is counted in few gets one byte.
    pub(crate) fn of(measure: &str) -> Self {
        if matches!(measure, "threads" | "descriptors") { NARROW } else { WIDE }
    }

    /// The number that says that nothing is known.
    pub(crate) const fn nothing(self) -> u64 {
        (1 << (self.digits * 4)) - 1
    }

    /// A value as a number of this form; the greatest there is for one that is too great.
    fn encode(self, value: Option<u64>) -> u64 {
        let Some(value) = value else { return self.nothing() };
        let one = 1_u64 << self.mantissa_bits;
        if value < one {
            return value;
        }
        let shift = value.ilog2() - self.mantissa_bits;
        let half = if shift == 0 { 0 } else { 1 << (shift - 1) };
        let rounded = value.saturating_add(half) >> shift;
        // What is rounded up to twice the mantissa is carried into the exponent.
        let number = (u64::from(shift + 1) << self.mantissa_bits) + (rounded - one);
        number.min(self.nothing() - 1)
    }

    /// The value of a number.
    fn decode(self, number: u64) -> Option<u64> {
        if number == self.nothing() {
            return None;
        }
        let one = 1_u64 << self.mantissa_bits;
        let exponent = number >> self.mantissa_bits;
        let mantissa = number & (one - 1);
        if exponent == 0 {
            Some(mantissa)
        } else {
            (one + mantissa).checked_shl(u32::try_from(exponent - 1).ok()?)
        }
    }

    const fn bytes(self) -> usize {
        if self.digits == 2 { 1 } else { 2 }
    }
}

/// How many bytes a point of a subject has.
pub(crate) fn point_bytes(subject: &str) -> usize {
    1 + measures(subject).iter().map(|it| Form::of(it.name).bytes()).sum::<usize>()
}

/// Adds a point at a place.
pub(crate) fn push(bytes: &mut Vec<u8>, subject: &str, place: u8, values: &Values) {
    bytes.push(place);
    for (measure, value) in measures(subject).iter().zip(values) {
        let form = Form::of(measure.name);
        let [.., high, low] = form.encode(*value).to_be_bytes();
        if form.bytes() == 2 {
            bytes.push(high);
        }
        bytes.push(low);
    }
}

/// The points of a row, in the order in which they were added.
pub(crate) fn points<'a>(bytes: &'a [u8], subject: &'a str) -> impl Iterator<Item = (u8, Values)> + 'a {
    let whole = bytes.chunks_exact(point_bytes(subject));
    let there = whole.filter_map(|it| it.split_first()).take_while(|(place, _)| **place != NOWHERE);
    there.map(move |(place, mut rest)| {
        let mut values: Values = [None; MEASURES_MAX];
        for (measure, value) in measures(subject).iter().zip(&mut values) {
            let form = Form::of(measure.name);
            let (number, left) = rest.split_at_checked(form.bytes()).unwrap_or_default();
            rest = left;
            *value = form.decode(number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
        }
        (*place, values)
    })
}

/// The points of a row that has room for more, and further ones, in one row that has room for `count`.
pub(crate) fn join(row: &[u8], more: &[u8], subject: &str, count: usize) -> Vec<u8> {
    let size = point_bytes(subject);
    let used = points(row, subject).count() * size;
    let mut joined = row.get(..used).unwrap_or(row).to_vec();
    joined.extend_from_slice(more);
    // A row that grew would leave holes all over the file.
    joined.resize(joined.len().max(count * size), NOWHERE);
    joined
}

#[cfg(test)]
mod tests {
    use model::past::MACHINE;

    use super::*;

    #[test]
    fn numbers_are_as_exact_as_is_said() {
        for (form, exact, part, greatest) in [(NARROW, 15, 30, 1 << 19), (WIDE, 2047, 4000, 1_u64 << 42)] {
            assert_eq!(form.decode(form.encode(None)), None);
            let mut value = 0;
            while value < greatest - greatest / 100 {
                let read = form.decode(form.encode(Some(value))).unwrap();
                assert!(
                    read.abs_diff(value) <= if value <= exact { 0 } else { value / part },
                    "{read} for {value}"
                );
                value += 1 + value / 7;
            }
            let most = form.decode(form.encode(Some(u64::MAX))).unwrap();
            assert!(most >= greatest - greatest / 10, "{most}");
        }
    }

    #[test]
    fn a_point_of_a_process_has_thirteen_bytes_and_comes_back() {
        let mut bytes = Vec::new();
        let values: Values =
            [Some(1000), Some(2047), Some(1 << 20), Some(0), None, Some(12), Some(64), None, None];
        push(&mut bytes, "a", 0, &values);
        push(&mut bytes, "a", 239, &values);
        assert_eq!(bytes.len(), 26);
        let row = join(&[], &bytes, "a", 48);
        assert_eq!(row.len(), 48 * 13);
        let row = join(&row, &bytes, "a", 48);
        assert_eq!(row.len(), 48 * 13);
        let read: Vec<_> = points(&row, "a").collect();
        assert_eq!(read.iter().map(|it| it.0).collect::<Vec<_>>(), [0, 239, 0, 239]);
        assert!(read.iter().all(|it| it.1 == values), "{read:?}");
        assert_eq!(join(&row, &bytes, "a", 4).len(), 6 * 13);
        assert_eq!(points(b"\x01\x02", MACHINE).count(), 0, "half a point is none");
    }
}
