//! Tokens for machines: 256 random bits, so that a plain digest of one is all that must be kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::digest::Digest;

/// What begins a token, so that those who look for secrets in files recognize one.
const PREFIX: &str = "menshen_";

/// What begins the digest of one in a configuration.
const KIND: &str = "sha256:";

/// A new token. `bytes` are random.
pub fn fresh(bytes: [u8; 32]) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What a configuration keeps of a token.
pub fn kept(token: &str) -> String {
    format!("{KIND}{}", Digest::of_token(token).to_hex())
}

/// Reads what a configuration keeps of a token.
pub fn parse(kept: &str) -> Option<Digest> {
    Digest::from_hex(kept.strip_prefix(KIND)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_what_is_kept_of_it() {
        let token = fresh([0xfb; 32]);
        assert_eq!(token, "menshen_-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s");
        assert_eq!(parse(&kept(&token)), Some(Digest::of_token(&token)));
        assert_eq!(parse(&token), None);
        assert_eq!(parse("sha256:12"), None);
    }
}
