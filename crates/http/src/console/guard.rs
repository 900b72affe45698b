//! Who may change something: only a form that we made, in a page that was ours.
//!
//! A browser sends along whatever lets its user in, whoever wrote the page that makes it. So each form
//! brings a token that a page of another origin cannot read, and the request must not say that it comes
//! from elsewhere. Where nobody has to log in, the name under which we were called counts, too: else
//! any page could give a name of its own our address, and be of our origin (DNS rebinding).

use std::net::IpAddr;

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

/// What tokens are made of. It lives as long as the daemon.
pub(crate) struct Secret([u8; 32]);

impl Secret {
    /// A new one.
    pub(crate) fn new() -> Self {
        let mut bytes = [0; 32];
        // The kernel fills so few bytes whole once it has any (getrandom(2)).
        let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
        Self(bytes)
    }

    /// The token for this user. It is no secret from them, and tells nobody anything of ours.
    pub(super) fn token(&self, user: Option<&str>) -> String {
        let mut digest = Sha1::new();
        digest.update(self.0);
        digest.update(user.unwrap_or_default());
        digest.update(self.0);
        crate::auth::hexadecimal(&digest.finalize())
    }

    /// Whether a form brought back what we gave this user.
    pub(super) fn knows(&self, token: &str, user: Option<&str>) -> bool {
        self.token(user).as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// Whether `host` can only be a name of this machine that its users gave it. `own` is what the machine
/// calls itself.
pub(super) fn is_local_name(host: &str, own: &str) -> bool {
    let bare = match host.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let bare = bare.trim_end_matches('.').to_ascii_lowercase();
    let own = own.to_ascii_lowercase();
    bare.parse::<IpAddr>().is_ok()
        || !bare.contains('.')
        || bare.ends_with(".localhost")
        || bare == own
        || bare.strip_prefix(&own).is_some_and(|it| it.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_stranger_could_have_made_is_not_ours() {
        for host in [
            "127.0.0.1:9001",
            "[::1]:9001",
            "localhost",
            "a.localhost:1",
            "box:9001",
            "box.example.org",
            "BOX.",
            "",
        ] {
            assert!(is_local_name(host, "box"), "{host}");
        }
        for host in ["evil.example.org:9001", "boxes.example.org", "127.0.0.1.evil.org", "localhost.evil.org"]
        {
            assert!(!is_local_name(host, "box"), "{host}");
        }
    }

    #[test]
    fn a_token_belongs_to_its_user_and_its_daemon() {
        let (one, other) = (Secret([1; 32]), Secret([2; 32]));
        let token = one.token(Some("me"));
        assert!(one.knows(&token, Some("me")));
        assert!(!one.knows(&token, Some("you")) && !one.knows(&token, None) && !one.knows("", Some("me")));
        assert!(!other.knows(&token, Some("me")));
    }
}
