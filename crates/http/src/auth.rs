//! What an `Authorization` header says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What an `Authorization` header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Nothing, or nothing we know.
    None,
    /// A name and a password (RFC 7617).
    Basic {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer(String),
    /// It cannot be read.
    Malformed,
}

impl Claim {
    /// Reads a header.
    pub(crate) fn read(header: Option<&[u8]>) -> Self {
        let Some(header) = header else { return Self::None };
        let Ok(header) = std::str::from_utf8(header) else { return Self::Malformed };
        let Some((scheme, rest)) = header.split_once(' ') else { return Self::None };
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::Bearer(rest.trim().to_owned());
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Self::None;
        }
        let pair = STANDARD.decode(rest.trim()).ok().and_then(|it| String::from_utf8(it).ok());
        match pair.as_deref().and_then(|it| it.split_once(':')) {
            Some((name, password)) => Self::Basic { name: name.to_owned(), password: password.to_owned() },
            None => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_taken_apart() {
        let basic = |name: &str, password: &str| Claim::Basic {
            name: name.to_owned(),
            password: password.to_owned(),
        };
        let pair = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        let cases = [
            (pair("u:p"), basic("u", "p")),
            (pair("u:a:b"), basic("u", "a:b")),
            (pair("ü:"), basic("ü", "")),
            (pair(":"), basic("", "")),
            (pair("u"), Claim::Malformed),
            ("basic dTpw".to_owned(), basic("u", "p")),
            ("Basic %%%".to_owned(), Claim::Malformed),
            ("Basic dTpw=".to_owned(), Claim::Malformed),
            ("Basic /////w==".to_owned(), Claim::Malformed),
            ("Digest dTpw".to_owned(), Claim::None),
            ("Basic".to_owned(), Claim::None),
            (String::new(), Claim::None),
            ("bearer  x ".to_owned(), Claim::Bearer("x".to_owned())),
        ];
        for (header, wanted) in cases {
            assert_eq!(Claim::read(Some(header.as_bytes())), wanted, "{header}");
        }
        assert_eq!(Claim::read(None), Claim::None);
        assert_eq!(Claim::read(Some(b"Basic \xff")), Claim::Malformed);
    }
}
