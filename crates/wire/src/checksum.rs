//! The checksum of everything that is written to outlive its writer.

/// The polynomial of IEEE 802.3, its bits in reverse.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// What each byte does to the checksum.
const TABLE: [u32; 256] = table();

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "done by the compiler")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut entry = 0;
    let mut byte = 0_u32;
    while entry < table.len() {
        let mut value = byte;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        table[entry] = value;
        entry += 1;
        byte += 1;
    }
    table
}

/// The CRC-32 of these bytes, as zip and Ethernet have it: for accidents, not for enemies.
pub fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        let [low, ..] = sum.to_le_bytes();
        TABLE.get(usize::from(low ^ byte)).map_or(sum, |it| it ^ (sum >> 8))
    };
    !bytes.iter().fold(u32::MAX, step)
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
}
