//! Passwords as configurations keep them, and whether one is right.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha1::{Digest, Sha1};
use subtle::{Choice, ConstantTimeEq};

use crate::digest::hexadecimal;

/// What new passwords are hashed with: 19 MiB of memory, twice, in one lane: the first choice of the OWASP
/// "Password Storage Cheat Sheet" for Argon2id.
const COST: Cost = Cost { memory_kib: 19 << 10, rounds: 2, lanes: 1 };

/// How much a configured hash may cost: one check must not take the memory of the machine, nor minutes.
const MEMORY_KIB_MAX: u32 = 256 << 10;
const ROUNDS_MAX: u32 = 16;
const LANES_MAX: u32 = 16;

/// How many bytes a password may have; more is not looked at.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// What begins a hash of Argon2id in the form of the "PHC string format".
const PREFIX: &str = "$argon2id$";

/// How dear it is to try one password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    rounds: u32,
    lanes: u32,
}

/// A hash of Argon2id and what it was made with.
#[derive(Clone, PartialEq, Eq)]
pub struct Hashed {
    cost: Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// A password as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// The password itself.
    Plain(String),
    /// Its SHA-1, in lower-case hexadecimal digits: what Supervisor's `{SHA}` means.
    Sha1(String),
    /// Its Argon2id.
    Argon2(Hashed),
}

impl std::fmt::Debug for Password {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain(…)",
            Self::Sha1(_) => "Sha1(…)",
            Self::Argon2(_) => "Argon2(…)",
        })
    }
}

/// What is wrong with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongHash {
    /// It has not the form `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`.
    Form,
    /// To try it would take more than 256 MiB, 16 rounds or 16 lanes.
    Dear,
}

impl Password {
    /// Reads what a configuration says.
    ///
    /// # Errors
    /// When it begins like a hash of Argon2id and is none that can be used.
    pub fn parse(text: &str) -> Result<Self, WrongHash> {
        if let Some(digits) = text.strip_prefix("{SHA}") {
            return Ok(Self::Sha1(digits.to_owned()));
        }
        match text.strip_prefix(PREFIX) {
            Some(rest) => Hashed::parse(rest).map(Self::Argon2),
            None => Ok(Self::Plain(text.to_owned())),
        }
    }

    /// Whether this is the password. With [`Password::Argon2`] it takes the memory and the time it was made
    /// to take: not for a thread that others wait for.
    pub fn is(&self, given: &str) -> bool {
        bool::from(match self {
            Self::Plain(right) => equal(given.as_bytes(), right.as_bytes()),
            Self::Sha1(right) => equal(hexadecimal(&Sha1::digest(given)).as_bytes(), right.as_bytes()),
            Self::Argon2(right) => right.matches(given),
        })
    }
}

impl Hashed {
    /// Hashes a new password. `salt` is random.
    pub fn new(password: &str, salt: [u8; 16]) -> Self {
        let mut hash = vec![0; 32];
        COST.hash(password.as_bytes(), &salt, &mut hash);
        Self { cost: COST, salt: salt.to_vec(), hash }
    }

    /// One of the same cost that no password opens: whoever tries it takes as long as with a real one.
    #[must_use]
    pub fn decoy(&self) -> Self {
        Self { hash: Vec::new(), ..self.clone() }
    }

    fn parse(rest: &str) -> Result<Self, WrongHash> {
        let parts: Vec<_> = rest.split('$').collect();
        let [version, cost, salt, hash] = parts.as_slice() else { return Err(WrongHash::Form) };
        let decoded = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| WrongHash::Form);
        let (salt, hash) = (decoded(salt)?, decoded(hash)?);
        let cost = Cost::parse(cost).ok_or(WrongHash::Form)?;
        if *version != "v=19" || !(8..=64).contains(&salt.len()) || !(16..=64).contains(&hash.len()) {
            return Err(WrongHash::Form);
        }
        if cost.memory_kib > MEMORY_KIB_MAX || cost.rounds > ROUNDS_MAX || cost.lanes > LANES_MAX {
            return Err(WrongHash::Dear);
        }
        cost.params(hash.len()).ok_or(WrongHash::Form)?;
        Ok(Self { cost, salt, hash })
    }

    fn matches(&self, given: &str) -> Choice {
        let mut hash = vec![0; self.hash.len().max(32)];
        self.cost.hash(given.as_bytes(), &self.salt, &mut hash);
        hash.ct_eq(&self.hash)
    }
}

impl std::fmt::Display for Hashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Cost { memory_kib, rounds, lanes } = self.cost;
        let (salt, hash) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.hash));
        write!(f, "{PREFIX}v=19$m={memory_kib},t={rounds},p={lanes}${salt}${hash}")
    }
}

impl Cost {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let mut number = |name: &str| parts.next()?.strip_prefix(name)?.parse().ok();
        let cost = Self { memory_kib: number("m=")?, rounds: number("t=")?, lanes: number("p=")? };
        parts.next().is_none().then_some(cost)
    }

    fn params(self, hash_bytes: usize) -> Option<Params> {
        Params::new(self.memory_kib, self.rounds, self.lanes, Some(hash_bytes)).ok()
    }

    /// Fills `hash`; leaves it as it is when it cannot be made, which [`Hashed::parse`] has ruled out.
    fn hash(self, password: &[u8], salt: &[u8], hash: &mut [u8]) {
        if let Some(params) = self.params(hash.len()) {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let _ = argon2.hash_password_into(password, salt, hash);
        }
    }
}

/// Whether two texts are the same. Digests are compared so that not even the length of the right one
/// shows in the time it takes, and nobody can choose both texts, which is what a collision needs.
fn equal(given: &[u8], right: &[u8]) -> Choice {
    Sha1::digest(given).as_slice().ct_eq(Sha1::digest(right).as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that costs next to nothing.
    fn cheap(password: &str) -> Hashed {
        let cost = Cost { memory_kib: 32, rounds: 1, lanes: 1 };
        let mut hash = vec![0; 32];
        cost.hash(password.as_bytes(), b"saltsaltsalt", &mut hash);
        Hashed { cost, salt: b"saltsaltsalt".to_vec(), hash }
    }

    #[test]
    fn only_the_right_password_opens() {
        let sha = "{SHA}516b9783fca517eecbd1d064da2d165310b19759"; // of `p`
        let argon = cheap("p").to_string();
        for kept in ["p", sha, &argon] {
            let password = Password::parse(kept).unwrap();
            assert!(password.is("p"), "{kept}");
            for wrong in ["", "P", "p ", "pp", kept].into_iter().filter(|it| *it != "p") {
                assert!(!password.is(wrong), "{wrong} opens {kept}");
            }
        }
        assert!(!Password::parse(&sha.to_uppercase()).unwrap().is("p"));
        assert!(!Password::Argon2(cheap("p").decoy()).is("p"));
    }

    #[test]
    fn a_hash_is_written_as_it_is_read_and_as_others_write_it() {
        let text = cheap("p").to_string();
        assert_eq!(Password::parse(&text), Ok(Password::Argon2(cheap("p"))));
        // Of the reference implementation (phc-winner-argon2, `test.c`).
        let reference = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$\
                         nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let password = Password::parse(reference).unwrap();
        assert!(password.is("password") && !password.is("Password"));
        let new = Hashed::new("p", [7; 16]).to_string();
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
        assert!(Password::parse(&new).unwrap().is("p"));
    }

    #[test]
    fn a_hash_that_cannot_be_used_is_refused() {
        let with = |cost: &str| format!("$argon2id$v=19${cost}$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA");
        assert!(Password::parse(&with("m=32,t=1,p=1")).is_ok());
        for dear in ["m=1048576,t=1,p=1", "m=32,t=17,p=1", "m=1024,t=1,p=17"] {
            assert_eq!(Password::parse(&with(dear)), Err(WrongHash::Dear), "{dear}");
        }
        for wrong in ["m=1,t=1,p=1", "t=1,m=32,p=1", "m=32,t=1", "m=32,t=1,p=1,x=1", "m=x,t=1,p=1", ""] {
            assert_eq!(Password::parse(&with(wrong)), Err(WrongHash::Form), "{wrong}");
        }
        for wrong in [
            "$argon2id$",
            "$argon2id$v=16$m=32,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=32,t=1,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=32,t=1,p=1$c2FsdHNhbHRzYWx0$AAAA",
            "$argon2id$v=19$m=32,t=1,p=1$c2FsdHNhbHRzYWx0$!",
            "$argon2id$v=19$m=32,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA$",
        ] {
            assert_eq!(Password::parse(wrong), Err(WrongHash::Form), "{wrong}");
        }
    }
}
