//! Who may ask: HTTP basic authentication.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use subtle::{Choice, ConstantTimeEq};

/// The one user of a server.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Never empty.
    pub username: String,
    /// As configured: the password itself, or `{SHA}` and its SHA-1 in lower-case hexadecimal digits.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What an `Authorization` header proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the user.
    Welcome,
    /// It is not, or nobody said who it is.
    Stranger,
    /// It cannot be read.
    Malformed,
}

impl Credentials {
    /// Judges a header, in a time that tells nothing about the right answer.
    pub(crate) fn judge(&self, header: Option<&[u8]>) -> Verdict {
        let Some(header) = header else { return Verdict::Stranger };
        let Ok(header) = std::str::from_utf8(header) else { return Verdict::Malformed };
        let Some((scheme, cookie)) = header.split_once(' ') else { return Verdict::Stranger };
        if !scheme.eq_ignore_ascii_case("basic") {
            return Verdict::Stranger;
        }
        let Ok(pair) = STANDARD.decode(cookie.trim()) else { return Verdict::Malformed };
        let Ok(pair) = String::from_utf8(pair) else { return Verdict::Malformed };
        let Some((username, password)) = pair.split_once(':') else { return Verdict::Malformed };
        let known = equal(username.as_bytes(), self.username.as_bytes());
        if bool::from(known & self.opens(password)) { Verdict::Welcome } else { Verdict::Stranger }
    }

    fn opens(&self, password: &str) -> Choice {
        match self.password.strip_prefix("{SHA}") {
            Some(hash) => equal(hexadecimal(&Sha1::digest(password)).as_bytes(), hash.as_bytes()),
            None => equal(password.as_bytes(), self.password.as_bytes()),
        }
    }
}

/// Whether two texts are the same. Digests are compared so that not even
/// the length of the right one shows in the time it takes, and nobody can choose both texts, which is
/// what a collision needs.
fn equal(given: &[u8], right: &[u8]) -> Choice {
    Sha1::digest(given).as_slice().ct_eq(Sha1::digest(right).as_slice())
}

/// Digits in lower case.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |it: u8| char::from_digit(it.into(), 16).unwrap_or('?');
    bytes.iter().flat_map(|it| [digit(it >> 4), digit(it & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(password: &str, header: &str) -> Verdict {
        let it = Credentials { username: "u".to_owned(), password: password.to_owned() };
        it.judge(Some(header.as_bytes()))
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn only_the_right_pair_is_welcome() {
        let cases = [
            ("u:p", Verdict::Welcome),
            ("u:", Verdict::Stranger),
            ("u:P", Verdict::Stranger),
            (":p", Verdict::Stranger),
            (":", Verdict::Stranger),
            ("U:p", Verdict::Stranger),
            ("u:p:", Verdict::Stranger),
            ("u", Verdict::Malformed),
        ];
        for (pair, wanted) in cases {
            assert_eq!(judged("p", &basic(pair)), wanted, "{pair}");
        }
        assert_eq!(judged("a:b", &basic("u:a:b")), Verdict::Welcome);
        assert_eq!(judged("pä", &basic("u:pä")), Verdict::Welcome);
    }

    #[test]
    fn a_digest_stands_for_its_password_in_lower_case_only() {
        let digest = "{SHA}516b9783fca517eecbd1d064da2d165310b19759"; // of `p`
        assert_eq!(judged(digest, &basic("u:p")), Verdict::Welcome);
        assert_eq!(judged(digest, &basic("u:q")), Verdict::Stranger);
        assert_eq!(judged(digest, &basic(&format!("u:{digest}"))), Verdict::Stranger);
        assert_eq!(judged(&digest.to_uppercase(), &basic("u:p")), Verdict::Stranger);
    }

    #[test]
    fn a_header_that_is_no_basic_pair_is_told_apart() {
        let cases = [
            ("Basic %%%", Verdict::Malformed),
            ("Basic dTpw=", Verdict::Malformed),
            ("Basic /////w==", Verdict::Malformed),
            ("basic dTpw", Verdict::Welcome),
            ("Digest dTpw", Verdict::Stranger),
            ("Basic", Verdict::Stranger),
            ("", Verdict::Stranger),
        ];
        for (header, wanted) in cases {
            assert_eq!(judged("p", header), wanted, "{header}");
        }
        let it = Credentials { username: "u".to_owned(), password: "p".to_owned() };
        assert_eq!(it.judge(None), Verdict::Stranger);
    }
}
