//! Those who may come in by one door.

use std::sync::Arc;

use model::role::Role;
use subtle::ConstantTimeEq;

use crate::digest::Digest;
use crate::password::{PASSWORD_BYTES_MAX, Password};

/// Somebody who may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their name; no two of a door have the same.
    pub name: Arc<str>,
    /// What they may do.
    pub role: Role,
    /// Their password; without one they need a token.
    pub password: Option<Password>,
    /// The digests of their tokens.
    pub tokens: Vec<Digest>,
}

/// What in a name keeps it from being one: a user has one name in a section, in a list, and in HTTP, where a colon
/// ends it (RFC 7617).
pub fn misfit(name: &str) -> Option<char> {
    name.chars().find(|it| matches!(it, ':' | ',' | '*' | ']') || it.is_control() || it.is_whitespace())
}

/// All who may come in by one door. With nobody in it, nobody is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Users(Vec<User>);

/// A password to be tried. To try it may take long: it can be carried to another thread.
#[derive(Debug)]
pub struct Trial {
    given: String,
    right: Option<Password>,
    /// Tried as well when it fails, so that it takes the time of the dearest.
    decoy: Option<Password>,
}

impl Users {
    /// These.
    pub fn new(users: Vec<User>) -> Self {
        Self(users)
    }

    /// Whether nobody is asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The one of this name.
    pub fn find(&self, name: &str) -> Option<&User> {
        self.0.iter().find(|it| &*it.name == name)
    }

    /// Whose token this is.
    pub fn with_token(&self, token: &str) -> Option<&User> {
        let digest = Digest::of_token(token);
        self.0.iter().find(|user| {
            let is_it = |it: &Digest| bool::from(it.0.ct_eq(&digest.0));
            user.tokens.iter().any(is_it)
        })
    }

    /// What it takes to find out whether this is the password of the user of this name. That there is no
    /// such user takes as long to find out.
    pub fn trial(&self, name: &str, password: String) -> Trial {
        let hashed = self.0.iter().find_map(|it| match &it.password {
            Some(Password::Argon2(hashed)) => Some(hashed),
            Some(Password::Plain(_) | Password::Sha1(_)) | None => None,
        });
        let right = self.find(name).and_then(|it| it.password.clone());
        let decoy = hashed.map(|it| Password::Argon2(it.decoy()));
        Trial { given: password, right, decoy }
    }
}

impl Trial {
    /// Whether finding out takes long enough to be done elsewhere.
    pub const fn is_dear(&self) -> bool {
        self.decoy.is_some()
    }

    /// Whether it is the password.
    pub fn is_right(self) -> bool {
        if self.given.len() > PASSWORD_BYTES_MAX {
            return false;
        }
        let is_hashed = matches!(self.right, Some(Password::Argon2(_)));
        if self.right.is_some_and(|it| it.is(&self.given)) {
            return true;
        }
        // One dear check has been made if theirs is a dear one; otherwise it is made now.
        if !is_hashed && let Some(decoy) = self.decoy {
            decoy.is(&self.given);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, password: Option<&str>, token: Option<&str>) -> User {
        User {
            name: name.into(),
            role: Role::Viewer,
            password: password.map(|it| Password::parse(it).unwrap()),
            tokens: token.map(Digest::of_token).into_iter().collect(),
        }
    }

    const CHEAP: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    #[test]
    fn each_comes_in_with_their_own() {
        let users = Users::new(vec![
            user("a", Some("one"), None),
            user("b", Some(CHEAP), Some("t")),
            user("c", None, Some("u")),
        ]);
        for (name, password, wanted) in [
            ("a", "one", true),
            ("a", "password", false),
            ("b", "password", true),
            ("b", "one", false),
            ("c", "", false),
            ("c", "u", false),
            ("d", "one", false),
            ("", "", false),
        ] {
            let trial = users.trial(name, password.to_owned());
            assert!(trial.is_dear());
            assert_eq!(trial.is_right(), wanted, "{name} {password}");
        }
        assert!(!Users::new(vec![user("a", Some("x"), None)]).trial("a", "y".to_owned()).is_dear());
        assert_eq!(users.with_token("t").map(|it| &*it.name), Some("b"));
        assert_eq!(users.with_token("u").map(|it| &*it.name), Some("c"));
        assert_eq!(users.with_token("one"), None);
    }
}
