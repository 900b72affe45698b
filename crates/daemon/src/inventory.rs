//! What the keeper holds when a daemon begins: asked for once, and waited for, since nothing can be decided
//! before it is known.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::time::Duration;

use os::poll::{Interest, Poller};
use wire::keeper::{Listed, Order, Report};

use crate::keeper_link::{KeeperLink, LinkError, Received};

/// How long the keeper may take to say what it has. It has nothing else to do; when it does not answer, it is
/// stopped or gone.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// The keeper's answer to the first two orders of every daemon.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// The version of its language.
    pub(crate) version: u16,
    /// The boot of the machine.
    pub(crate) boot_id: [u8; 16],
    /// The lock on the runtime directory.
    pub(crate) lock: Option<OwnedFd>,
    /// Its journal of children.
    pub(crate) journal: Option<OwnedFd>,
    /// What earlier daemons gave it to keep.
    pub(crate) kept: BTreeMap<Vec<u8>, Kept>,
    /// The children that live, and those whose end nobody has recorded.
    pub(crate) children: Vec<Found>,
    /// What else it said meanwhile, to be heard when there is somebody to hear it.
    pub(crate) later: Vec<Received>,
}

/// What was kept under one key.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) bytes: Vec<u8>,
    pub(crate) file: Option<OwnedFd>,
}

/// A child, with the daemon's ends of its pipes.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) listed: Listed,
    pub(crate) pipes: [Option<OwnedFd>; 3],
}

impl Inventory {
    /// Greets the keeper and takes in all that it has.
    ///
    /// # Errors
    /// When the link fails, or the keeper does not answer.
    pub(crate) fn ask(link: &mut KeeperLink) -> Result<Self, LinkError> {
        let newest = wire::keeper::VERSION;
        link.send(&Order::Hello { oldest: newest.saturating_sub(1), newest })?;
        Self::gather(link)
    }

    /// Waits until the keeper has done all that it was sent, and returns what it has said meanwhile.
    ///
    /// # Errors
    /// When the link fails, or the keeper does not answer.
    pub(crate) fn synchronize(link: &mut KeeperLink) -> Result<Vec<Received>, LinkError> {
        Ok(Self::gather(link)?.later)
    }

    fn gather(link: &mut KeeperLink) -> Result<Self, LinkError> {
        link.send(&Order::List)?;
        let poller = Poller::new()?;
        poller.add(&*link, 0, Interest::Both)?;
        let mut inventory = Self::default();
        let give_up_at = os::clock::mono() + ANSWER_WAIT;
        loop {
            link.flush()?;
            if !link.is_backed_up() {
                poller.modify(&*link, 0, Interest::Read)?;
            }
            while let Some(received) = link.receive()? {
                if inventory.take(received, link)? {
                    return Ok(inventory);
                }
            }
            let left = give_up_at - os::clock::mono();
            if left.is_zero() {
                return Err(LinkError::Silent);
            }
            poller.wait(&mut Vec::new(), Some(left))?;
        }
    }

    /// Takes in one report. Says whether it was the last.
    fn take(&mut self, received: Received, link: &mut KeeperLink) -> Result<bool, LinkError> {
        let Received { report, fds } = received;
        let mut fds = fds.into_iter();
        let mut next = |there: bool| if there { fds.next() } else { None };
        match report {
            Report::Welcome { version, boot_id, files: [lock, journal], .. } => {
                (self.version, self.boot_id) = (version, boot_id);
                link.met(version);
                (self.lock, self.journal) = (next(lock), next(journal));
            }
            Report::Kept { key, bytes, file } => {
                drop(self.kept.insert(key, Kept { bytes, file: next(file) }));
            }
            Report::Listed(listed) => {
                let pipes = listed.pipes.map(next);
                self.children.push(Found { listed, pipes });
            }
            Report::ListEnd { .. } => return Ok(true),
            // An answer that is owed at once.
            Report::Ping { serial } => link.send(&Order::Pong { serial })?,
            Report::Spawned { .. }
            | Report::SpawnFailed { .. }
            | Report::Exited { .. }
            | Report::SignalFailed { .. }
            | Report::Survivors { .. }
            | Report::Asked { .. }
            | Report::Upgraded
            | Report::UpgradeFailed { .. } => self.later.push(Received { report, fds: fds.collect() }),
        }
        Ok(false)
    }
}
