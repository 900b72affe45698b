//! Passwords that were right a moment ago: clients that send theirs with each request need not wait for a
//! dear check each time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::time::Mono;

use crate::digest::Digest;

/// How long a right password is not checked again.
const KEPT: Duration = Duration::from_mins(5);

/// How many are kept.
const KEPT_MAX: usize = 64;

/// Names and passwords that were right, as digests that mean nothing without a key of this process.
#[derive(Debug)]
pub struct Recent {
    key: [u8; 32],
    seen: BTreeMap<Digest, (Arc<str>, Mono)>,
}

impl Recent {
    /// Nothing yet. `key` is random.
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key, seen: BTreeMap::new() }
    }

    /// The user, if this was right a moment ago.
    pub fn find(&self, name: &str, password: &str, now: Mono) -> Option<Arc<str>> {
        let (user, at) = self.seen.get(&self.digest(name, password))?;
        (now - *at < KEPT).then(|| Arc::clone(user))
    }

    /// This is right.
    pub fn remember(&mut self, name: &str, password: &str, now: Mono) {
        self.seen.retain(|_, (_, at)| now - *at < KEPT);
        if self.seen.len() >= KEPT_MAX
            && let Some(oldest) = self.seen.iter().min_by_key(|(_, (_, at))| *at).map(|(it, _)| *it)
        {
            self.seen.remove(&oldest);
        }
        self.seen.insert(self.digest(name, password), (name.into(), now));
    }

    fn digest(&self, name: &str, password: &str) -> Digest {
        Digest::of(&[&self.key, name.as_bytes(), password.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    #[test]
    fn what_was_right_is_known_for_a_while() {
        let mut recent = Recent::new([1; 32]);
        recent.remember("a", "p", at(10));
        assert_eq!(recent.find("a", "p", at(11)).as_deref(), Some("a"));
        assert_eq!(recent.find("a", "q", at(11)), None);
        assert_eq!(recent.find("ap", "", at(11)), None);
        assert_eq!(recent.find("a", "p", at(10 + KEPT.as_secs())), None);
        for number in 0..100 {
            recent.remember(&number.to_string(), "p", at(20 + number));
        }
        assert_eq!(recent.seen.len(), KEPT_MAX);
        assert!(recent.find("99", "p", at(120)).is_some() && recent.find("35", "p", at(120)).is_none());
    }
}
