//! The checksum of everything that is written to outlive its writer.

/// The polynomial of IEEE 802.3, its bits in reverse.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// How many bytes are taken at once.
const STRIDE: usize = 8;

/// What a byte does to the checksum, by how many more bytes of its stride follow it.
const TABLES: [[u32; 256]; STRIDE] = tables();

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "done by the compiler")]
const fn tables() -> [[u32; 256]; STRIDE] {
    let mut tables = [[0; 256]; STRIDE];
    let mut entry = 0;
    let mut byte = 0_u32;
    while entry < 256 {
        let mut value = byte;
        let mut following = 0;
        while following < STRIDE {
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { (value >> 1) ^ POLYNOMIAL } else { value >> 1 };
                bit += 1;
            }
            tables[following][entry] = value;
            following += 1;
        }
        entry += 1;
        byte += 1;
    }
    tables
}

/// The CRC-32 of these bytes, as zip and Ethernet have it: for accidents, not for enemies.
///
/// Eight bytes at a time, each by a table of its own, so that none waits for the one before it (M. Kounavis and F. Berry,
/// "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation", 2008).
pub fn crc32(bytes: &[u8]) -> u32 {
    let (strides, rest) = bytes.as_chunks::<STRIDE>();
    let sum = strides.iter().fold(u32::MAX, |sum, stride| {
        let mut ahead = *stride;
        for (byte, of_sum) in ahead.iter_mut().zip(sum.to_le_bytes()) {
            *byte ^= of_sum;
        }
        ahead.iter().zip(TABLES.iter().rev()).fold(0, |all, (byte, table)| all ^ at(table, *byte))
    });
    let [last, ..] = &TABLES;
    !rest.iter().fold(sum, |sum, byte| {
        let [low, ..] = sum.to_le_bytes();
        at(last, low ^ byte) ^ (sum >> 8)
    })
}

/// The entry of a byte, of which a table has one for each.
#[inline]
fn at(table: &[u32; 256], byte: u8) -> u32 {
    table.get(usize::from(byte)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_one_everybody_knows() {
        assert_eq!(crc32(b""), 0);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"The quick brown fox jumps over the lazy dog"), 0x414f_a339);
    }

    #[test]
    fn strides_and_what_is_left_of_them_make_one_sum() {
        // By the definition: bit by bit.
        let slowly = |bytes: &[u8]| {
            !bytes.iter().fold(u32::MAX, |sum, byte| {
                (0..8).fold(sum ^ u32::from(*byte), |it, _| (it >> 1) ^ (POLYNOMIAL * (it & 1)))
            })
        };
        let bytes: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        for from in 0..9 {
            for to in [from, from + 1, from + 7, from + 8, from + 9, from + 64, bytes.len()] {
                let piece = &bytes[from..to];
                assert_eq!(crc32(piece), slowly(piece), "{from}..{to}");
            }
        }
    }
}
