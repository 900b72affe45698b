//! What the keeper keeps for the next daemon: descriptors with a name. A second copy of each stays here, so that
//! they can be handed on when it is the keeper that dies.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use wire::keeper::Order;

use crate::inventory::Kept;
use crate::keeper_link::{KeeperLink, LinkError};

/// All that is kept, by key.
#[derive(Debug, Default)]
pub(crate) struct Keepsakes {
    kept: BTreeMap<Vec<u8>, Keepsake>,
}

#[derive(Debug)]
struct Keepsake {
    bytes: Vec<u8>,
    file: OwnedFd,
}

impl Keepsakes {
    /// What an earlier daemon gave the keeper. What came without its descriptor, for want of one, is none.
    pub(crate) fn inherit(kept: BTreeMap<Vec<u8>, Kept>) -> Self {
        let whole = kept.into_iter().filter_map(|(key, Kept { bytes, file })| {
            let file = file?;
            Some((key, Keepsake { bytes, file }))
        });
        Self { kept: whole.collect() }
    }

    /// A copy of what is kept under `key`, if anything is.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub(crate) fn copy(&self, key: &[u8]) -> io::Result<Option<OwnedFd>> {
        self.kept.get(key).map(|it| os::fd::duplicate(&it.file)).transpose()
    }

    /// The keys that begin with `prefix`, and the bytes kept with them.
    pub(crate) fn under(&self, prefix: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.kept.iter().filter(move |(key, _)| key.starts_with(prefix)).map(|(key, it)| (&**key, &*it.bytes))
    }

    /// Everything, to be handed on.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8], BorrowedFd<'_>)> {
        self.kept.iter().map(|(key, it)| (&**key, &*it.bytes, it.file.as_fd()))
    }

    /// Has a descriptor kept under `key`, in place of what was there.
    ///
    /// # Errors
    /// When no descriptor is left for the copies, or the link fails.
    pub(crate) fn keep(
        &mut self,
        link: &mut KeeperLink,
        key: &[u8],
        bytes: &[u8],
        file: impl AsFd,
    ) -> Result<(), LinkError> {
        let file = os::fd::duplicate(file)?;
        let order = Order::Keep { key: key.to_vec(), bytes: bytes.to_vec() };
        link.send_with(&order, Some(os::fd::duplicate(&file)?))?;
        self.kept.insert(key.to_vec(), Keepsake { bytes: bytes.to_vec(), file });
        Ok(())
    }

    /// Lets go of what is kept under `key`.
    ///
    /// # Errors
    /// When the link fails.
    pub(crate) fn drop(&mut self, link: &mut KeeperLink, key: &[u8]) -> Result<(), LinkError> {
        match self.kept.remove(key) {
            Some(_) => link.send(&Order::Drop { key: key.to_vec() }),
            None => Ok(()),
        }
    }
}
