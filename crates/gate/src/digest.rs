//! What stands for a secret without telling it.

use sha2::{Digest as _, Sha256};

/// The SHA-256 digest of something that cannot be guessed.
///
/// What is looked up by it may be compared in any time: nobody can choose a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of these parts, each with its length, so that no two lists have the same bytes.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }

    /// Of a token as a configuration has it: of its bytes alone, as `sha256sum` tells it.
    pub fn of_token(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// In lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        hexadecimal(&self.0)
    }

    /// From 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.chunks(2)) {
            let digit = |at: usize| pair.get(at).and_then(|it| char::from(*it).to_digit(16));
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        Some(Self(bytes))
    }
}

/// Digits in lower case.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |it: u8| char::from_digit(it.into(), 16).unwrap_or('?');
    bytes.iter().flat_map(|it| [digit(it >> 4), digit(it & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_of_a_token_is_the_one_everybody_knows() {
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of_token("abc").to_hex(), hex);
        assert_eq!(Digest::from_hex(hex), Some(Digest::of_token("abc")));
        assert_eq!(Digest::from_hex(&hex.to_uppercase()), Some(Digest::of_token("abc")));
        for wrong in ["", "ab", &hex[1..], &format!("{}g", &hex[1..]), &"é".repeat(32)] {
            assert_eq!(Digest::from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn two_lists_of_parts_have_two_digests() {
        assert_ne!(Digest::of(&[b"ab", b"c"]), Digest::of(&[b"a", b"bc"]));
        assert_ne!(Digest::of(&[b"ab"]), Digest::of(&[b"ab", b""]));
    }
}
