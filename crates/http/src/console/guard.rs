//! Who may change something: only a form that we made, in a page that was ours.
//!
//! A browser sends along whatever lets its user in, whoever wrote the page that makes it. So each form
//! brings a token that a page of another origin cannot read, and the request must not say that it comes
//! from elsewhere. Where nobody has to log in, the name under which we were called counts, too: else
//! any page could give a name of its own our address, and be of our origin (DNS rebinding).

use std::net::IpAddr;

use gate::digest::Digest;

/// What tokens are made of. It lives as long as the daemon.
pub(crate) struct Secret([u8; 32]);

impl Secret {
    /// A new one.
    pub(crate) fn new() -> Self {
        Self(crate::porter::random())
    }

    /// The token for this session, or for this user where there is none. It is no secret from them, and tells
    /// nobody anything of ours.
    pub(crate) fn token(&self, user: Option<&str>, session: Option<Digest>) -> String {
        let user = user.unwrap_or_default().as_bytes();
        let session = session.map(|it| it.0);
        Digest::of(&[&self.0, user, session.as_ref().map_or(&[], |it| it.as_slice())]).to_hex()
    }
}

/// Whether `host` can only be a name of this machine that its users gave it. `own` is what the machine
/// calls itself.
pub(crate) fn is_local_name(host: &str, own: &str) -> bool {
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
    fn a_token_belongs_to_its_session_its_user_and_its_daemon() {
        let (one, other) = (Secret([1; 32]), Secret([2; 32]));
        let session = |it: u8| Some(Digest([it; 32]));
        let token = one.token(Some("me"), session(1));
        assert_eq!(one.token(Some("me"), session(1)), token);
        for (user, session) in
            [(Some("you"), session(1)), (Some("me"), session(2)), (Some("me"), None), (None, None)]
        {
            assert_ne!(one.token(user, session), token);
        }
        assert_ne!(other.token(Some("me"), session(1)), token);
    }
}
