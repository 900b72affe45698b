//! What is kept from one daemon to the next. The keeper never looks into it.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use wire::keeper::{KEPT_BYTES_MAX, KEY_BYTES_MAX, KEYS_MAX};

/// What is kept under one key.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) bytes: Vec<u8>,
    pub(crate) file: Option<OwnedFd>,
}

/// All that is kept.
#[derive(Debug, Default)]
pub(crate) struct Store {
    kept: BTreeMap<Vec<u8>, Kept>,
}

impl Store {
    /// Keeps this instead of what was kept under the same key. Says whether it is within the limits.
    pub(crate) fn keep(&mut self, key: Vec<u8>, kept: Kept) -> bool {
        let fits = key.len() <= KEY_BYTES_MAX && kept.bytes.len() <= KEPT_BYTES_MAX;
        let has_room = self.kept.len() < KEYS_MAX || self.kept.contains_key(&key);
        if fits && has_room {
            self.kept.insert(key, kept);
        }
        fits && has_room
    }

    pub(crate) fn drop(&mut self, key: &[u8]) {
        self.kept.remove(key);
    }

    pub(crate) fn file(&self, key: &[u8]) -> Option<BorrowedFd<'_>> {
        self.kept.get(key)?.file.as_ref().map(AsFd::as_fd)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &Kept)> {
        self.kept.iter().map(|(key, kept)| (key.as_slice(), kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: usize) -> Kept {
        Kept { bytes: vec![7; bytes], file: None }
    }

    #[test]
    fn there_are_limits_to_what_is_kept() {
        let mut store = Store::default();
        assert!(!store.keep(vec![0; KEY_BYTES_MAX + 1], of(0)));
        assert!(!store.keep(vec![0; KEY_BYTES_MAX], of(KEPT_BYTES_MAX + 1)));
        for number in 0..KEYS_MAX {
            assert!(store.keep(number.to_le_bytes().to_vec(), of(KEPT_BYTES_MAX)));
        }
        assert!(!store.keep(b"one more".to_vec(), of(0)));
        let first = 0_usize.to_le_bytes();
        assert!(store.keep(first.to_vec(), of(1)), "one takes the place of another");
        assert_eq!(store.iter().next().map(|(_, it)| it.bytes.len()), Some(1));
        store.drop(&first);
        assert!(store.keep(b"one more".to_vec(), of(0)));
        assert_eq!(store.iter().count(), KEYS_MAX);
    }
}
