//! Points as few bytes: 11 for one of a process, whatever it used.
//!
//! A point is a number for each measure in two or three hexadecimal digits. A number is a mantissa and an exponent, as a
//! floating point number has them, but whole and never negative: three digits are exact up to 127 and to a part of 256
//! after that, up to a hundred billion; two are exact up to 15 and to a thirtieth after that, up to half a million. No
//! chart shows more, and each digit more is 4 MB in a month of 1,000 processes. All bits set say that nothing is known.

use model::past::{MEASURES_MAX, Values, measures};

use crate::thin::merged;

/// How the number of a measure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// How many hexadecimal digits.
    pub(crate) digits: u32,
    /// How many bits of it are the mantissa.
    pub(crate) mantissa_bits: u32,
}

const NARROW: Form = Form { digits: 2, mantissa_bits: 4 };
const WIDE: Form = Form { digits: 3, mantissa_bits: 7 };

/// How the points of a row follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// In the order in which they were added, each with a byte before it that says which place in the row is its own.
    Placed,
    /// Each at its place: where there are as many as there are places, these need not be said.
    Full,
}

/// The place that no point has, and what stands where there is no point.
const NOWHERE: u8 = u8::MAX;

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
}

impl Layout {
    /// How many bytes of a point are its place.
    pub(crate) const fn place_bytes(self) -> usize {
        match self {
            Self::Placed => 1,
            Self::Full => 0,
        }
    }
}

/// How many bytes a point of a subject has without its place.
pub(crate) fn point_bytes(subject: &str) -> usize {
    measures(subject)
        .iter()
        .fold(0_usize, |sum, it| sum + usize::from(Form::of(it.name).digits == 3) + 2)
        .div_ceil(2)
}

/// Adds a point at a place.
pub(crate) fn push(bytes: &mut Vec<u8>, subject: &str, place: u8, values: &Values) {
    bytes.push(place);
    bytes.extend(packed(subject, values));
}

fn packed(subject: &str, values: &Values) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(point_bytes(subject));
    let mut half = None;
    for (measure, value) in measures(subject).iter().zip(values) {
        let form = Form::of(measure.name);
        let number = form.encode(*value);
        for at in (0..form.digits).rev() {
            let digit = u8::try_from(number >> (4 * at) & 0xf).unwrap_or(0xf);
            match half.take() {
                None => half = Some(digit << 4),
                Some(high) => bytes.push(high | digit),
            }
        }
    }
    bytes.extend(half.map(|high| high | 0xf));
    bytes
}

/// What [`packed`] packed; `None` where there is no point.
fn unpacked(subject: &str, bytes: &[u8]) -> Option<Values> {
    if bytes.iter().all(|it| *it == NOWHERE) {
        return None;
    }
    let mut digits = bytes.iter().flat_map(|it| [it >> 4, it & 0xf]);
    let mut values: Values = [None; MEASURES_MAX];
    for (measure, value) in measures(subject).iter().zip(&mut values) {
        let form = Form::of(measure.name);
        let number = (0..form.digits).filter_map(|_| digits.next());
        *value = form.decode(number.fold(0, |sum, digit| sum << 4 | u64::from(digit)));
    }
    Some(values)
}

/// The points of a row, each with its place.
pub(crate) fn points<'a>(
    bytes: &'a [u8],
    subject: &'a str,
    layout: Layout,
) -> impl Iterator<Item = (u8, Values)> + 'a {
    let places = layout.place_bytes();
    let whole = bytes.chunks_exact(places + point_bytes(subject));
    whole.zip(0..NOWHERE).filter_map(move |(it, number)| {
        let (place, point) = it.split_at_checked(places)?;
        Some((place.first().copied().unwrap_or(number), unpacked(subject, point)?))
    })
}

/// The points of a row that has room for more, and further ones, which were pushed, in one row that has room for `count`.
pub(crate) fn join(row: &[u8], more: &[u8], subject: &str, layout: Layout, count: usize) -> Vec<u8> {
    let size = layout.place_bytes() + point_bytes(subject);
    let mut joined = row.to_vec();
    match layout {
        Layout::Placed => {
            joined.truncate(points(row, subject, layout).count() * size);
            joined.extend_from_slice(more);
        }
        Layout::Full => {
            joined.resize(joined.len().max(count * size), NOWHERE);
            for (place, values) in points(more, subject, Layout::Placed) {
                let from = usize::from(place) * size;
                let Some(there) = joined.get_mut(from..from + size) else { continue };
                // Somebody before us may have known a part of that time.
                let before = unpacked(subject, there);
                let values = before.map_or(values, |it| merged(subject, &[it, values]));
                there.copy_from_slice(&packed(subject, &values));
            }
        }
    }
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
        for (form, exact, part, greatest) in [(NARROW, 15, 30, 1 << 19), (WIDE, 127, 256, 1_u64 << 37)] {
            assert_eq!(form.decode(form.encode(None)), None);
            let mut value = 0;
            while value < greatest - greatest / 50 {
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

    /// What comes back as it was.
    const EXACT: Values =
        [Some(1000), Some(2032), Some(1 << 20), Some(127 << 9), Some(0), None, Some(12), Some(64), None];

    #[test]
    fn a_point_of_a_process_has_eleven_bytes_and_comes_back() {
        let mut bytes = Vec::new();
        push(&mut bytes, "a", 0, &EXACT);
        push(&mut bytes, "a", 239, &EXACT);
        assert_eq!((point_bytes("a"), point_bytes(MACHINE), bytes.len()), (11, 14, 24));
        let row = join(&[], &bytes, "a", Layout::Placed, 48);
        assert_eq!(row.len(), 48 * 12);
        let row = join(&row, &bytes, "a", Layout::Placed, 48);
        assert_eq!(row.len(), 48 * 12);
        let read: Vec<_> = points(&row, "a", Layout::Placed).collect();
        assert_eq!(read.iter().map(|it| it.0).collect::<Vec<_>>(), [0, 239, 0, 239]);
        assert!(read.iter().all(|it| it.1 == EXACT), "{read:?}");
        assert_eq!(join(&row, &bytes, "a", Layout::Placed, 4).len(), 6 * 12);
        assert_eq!(points(b"\x01\x02", MACHINE, Layout::Full).count(), 0, "half a point is none");
    }

    #[test]
    fn a_point_whose_place_is_known_is_kept_there_and_joined_with_what_was_known_of_it() {
        let mut later = EXACT;
        later[..4].copy_from_slice(&[Some(500), Some(64), Some(2 << 20), None]);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        push(&mut first, "a", 71, &EXACT);
        push(&mut second, "a", 71, &later);
        push(&mut second, "a", 3, &later);
        // Where it came from, no row is so long.
        push(&mut second, "a", 200, &later);
        let row = join(&[], &first, "a", Layout::Full, 72);
        let row = join(&row, &second, "a", Layout::Full, 72);
        assert_eq!(row.len(), 72 * 11);
        let read: Vec<_> = points(&row, "a", Layout::Full).collect();
        let mut both = EXACT;
        both[..4].copy_from_slice(&[Some(752), Some(2032), Some(2 << 20), Some(127 << 9)]);
        assert_eq!(read, [(3, later), (71, both)]);
    }
}
