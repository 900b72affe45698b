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
        let cases: [(usize, &[&[u8]], &[u8]); 7] = [
            (4, &[b"ab", b"cd"], b"abcd"),
            (4, &[b"abc", b"de"], b"bcde"),
            (4, &[b"abcdefgh"], b"efgh"),
            (4, &[b"ab", b"cdefgh"], b"efgh"),
            (4, &[b"abcd", b""], b"abcd"),
            (0, &[b"abcd"], b""),
            (4, &[], b""),
        ];
        for (limit, pushes, wanted) in cases {
            let mut ring = Ring::new(limit);
            for bytes in pushes {
                ring.push(bytes);
            }
            assert_eq!(ring.take(), wanted, "{limit} {pushes:?}");
            assert_eq!(ring.take(), b"", "it was taken");
        }
    }
}
