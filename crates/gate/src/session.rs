//! Who is logged in: in memory only, so that whoever restarts the daemon ends all sessions, and a changed
//! password leaves nobody inside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::time::Mono;

use crate::digest::Digest;

/// How long a session lasts without a request.
pub const IDLE_MAX: Duration = Duration::from_hours(12);

/// How long a session lasts in any case.
pub const AGE_MAX: Duration = Duration::from_hours(7 * 24);

/// How many sessions there are, of all users and of one; one more ends the one that has been silent longest.
const SESSIONS_MAX: usize = 256;
const OF_ONE_MAX: usize = 16;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Session {
    user: Arc<str>,
    begun: Mono,
    seen: Mono,
}

/// The sessions of one door.
#[derive(Debug, Default)]
pub struct Sessions {
    live: BTreeMap<Digest, Session>,
}

impl Sessions {
    /// Begins a session; what is returned proves it from now on. `bytes` are random.
    pub fn begin(&mut self, user: &str, bytes: [u8; 32], now: Mono) -> String {
        self.live.retain(|_, it| it.lasts(now));
        let of_one = self.live.values().filter(|it| &*it.user == user).count();
        if of_one >= OF_ONE_MAX {
            self.end_most_silent(|it| &*it.user == user);
        } else if self.live.len() >= SESSIONS_MAX {
            self.end_most_silent(|_| true);
        }
        let proof = URL_SAFE_NO_PAD.encode(bytes);
        self.live.insert(digest(&proof), Session { user: user.into(), begun: now, seen: now });
        proof
    }

    /// The user whose session this proves, who is seen now, and what names the session without proving it.
    pub fn find(&mut self, proof: &str, now: Mono) -> Option<(Arc<str>, Digest)> {
        let digest = digest(proof);
        let session = self.live.get_mut(&digest).filter(|it| it.lasts(now))?;
        session.seen = now;
        Some((Arc::clone(&session.user), digest))
    }

    /// When a session ends if nobody of it is seen any more; `None` when it has ended.
    pub fn lasts_until(&self, session: &Digest) -> Option<Mono> {
        self.live.get(session).map(Session::until)
    }

    /// Ends a session.
    pub fn end(&mut self, session: &Digest) {
        self.live.remove(session);
    }

    fn end_most_silent(&mut self, of: impl Fn(&Session) -> bool) {
        let silent = self.live.iter().filter(|(_, it)| of(it)).min_by_key(|(_, it)| it.seen);
        if let Some(digest) = silent.map(|(it, _)| *it) {
            self.live.remove(&digest);
        }
    }
}

impl Session {
    fn lasts(&self, now: Mono) -> bool {
        now < self.until()
    }

    fn until(&self) -> Mono {
        (self.seen + IDLE_MAX).min(self.begun + AGE_MAX)
    }
}

fn digest(proof: &str) -> Digest {
    Digest::of(&[b"session", proof.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u64) -> Mono {
        Mono(Duration::from_hours(hours))
    }

    #[test]
    fn a_session_ends_when_it_is_silent_or_old() {
        let mut sessions = Sessions::default();
        let proof = sessions.begin("a", [1; 32], at(0));
        assert_eq!(sessions.find(&proof, at(11)).unwrap().0.as_ref(), "a");
        assert!(sessions.find("", at(11)).is_none() && sessions.find(&proof[1..], at(11)).is_none());
        // Whoever is seen again and again stays, for a week.
        for hour in (22..7 * 24).step_by(11) {
            assert!(sessions.find(&proof, at(hour)).is_some(), "{hour}");
        }
        assert!(sessions.find(&proof, at(7 * 24)).is_none());
        let other = sessions.begin("a", [2; 32], at(200));
        let (_, digest) = sessions.find(&other, at(201)).unwrap();
        assert_eq!(sessions.lasts_until(&digest), Some(at(213)));
        assert!(sessions.find(&other, at(213)).is_none());
    }

    #[test]
    fn a_session_can_be_ended() {
        let mut sessions = Sessions::default();
        let proof = sessions.begin("a", [1; 32], at(0));
        let (_, digest) = sessions.find(&proof, at(0)).unwrap();
        sessions.end(&digest);
        assert!(sessions.find(&proof, at(0)).is_none());
        assert_eq!(sessions.lasts_until(&digest), None);
    }

    #[test]
    fn there_are_only_so_many_and_nobody_pushes_out_others() {
        let mut sessions = Sessions::default();
        let first = sessions.begin("a", [200; 32], at(0));
        for number in 0..100 {
            sessions.begin("b", [number; 32], at(1));
        }
        assert!(sessions.find(&first, at(1)).is_some());
        assert_eq!(sessions.live.len(), 1 + OF_ONE_MAX);
        for number in 0..=255_u8 {
            let mut bytes = [number; 32];
            bytes[0] = 254;
            sessions.begin(&number.to_string(), bytes, at(2));
        }
        assert_eq!(sessions.live.len(), SESSIONS_MAX);
        assert!(sessions.find(&first, at(2)).is_none(), "the most silent one went");
    }
}
