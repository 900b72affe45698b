//! A short stand-in for something long: FNV-1a with 64 bits. Nobody gains by a collision here; it is only to tell
//! apart what was not meant to look alike.

/// Bytes on their way to eight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes in `bytes`, and that they end here: two words are not the same as one.
    pub(crate) fn word(self, bytes: &[u8]) -> Self {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let length = length.to_le_bytes();
        let all = bytes.iter().chain(&length);
        Self(all.fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn words_are_told_apart_by_what_they_are_and_where_they_end() {
        let of =
            |words: &[&str]| words.iter().fold(Digest::new(), |it, word| it.word(word.as_bytes())).number();
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        let all = [of(&[]), of(&[""]), of(&["a", "b"]), of(&["b", "a"]), of(&["ab"]), of(&["ab", ""])];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one));
        }
    }
}
