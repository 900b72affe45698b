//! The last bytes of a stream, up to a limit.

use std::collections::VecDeque;

/// Keeps the last `limit` bytes that were put into it.
///
/// The original (`loggers.py`, `BoundIO`) forgets as many bytes as arrive and so keeps now more, now
/// fewer than its limit; this keeps exactly the limit.
#[derive(Debug)]
pub(crate) struct Ring {
    limit: usize,
    bytes: VecDeque<u8>,
}

impl Ring {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { limit, bytes: VecDeque::new() }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let kept = bytes.get(bytes.len().saturating_sub(self.limit)..).unwrap_or_default();
        let over = (self.bytes.len() + kept.len()).saturating_sub(self.limit);
        self.bytes.drain(..over.min(self.bytes.len()));
        self.bytes.extend(kept);
    }

    /// All that is kept, in its two parts.
    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        self.bytes.as_slices()
    }

    /// All that is kept, which it then forgets.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_stay_and_never_more_than_the_limit() {
        let cases = [
            (4, vec!["ab", "cd"], "abcd"),
            (4, vec!["abc", "de"], "bcde"),
            (4, vec!["abcdefgh"], "efgh"),
            (4, vec!["ab", "cdefgh"], "efgh"),
            (4, vec!["abcd", ""], "abcd"),
            (0, vec!["abcd"], ""),
            (4, vec![], ""),
        ];
        for (limit, pushes, wanted) in cases {
            let mut ring = Ring::new(limit);
            for bytes in &pushes {
                ring.push(bytes.as_bytes());
            }
            assert_eq!(ring.take(), wanted.as_bytes(), "{limit} {pushes:?}");
            assert_eq!(ring.take(), b"", "it was taken");
        }
    }
}
