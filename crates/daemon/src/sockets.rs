//! The sockets of FastCGI groups: one for all processes of a group, open while any of them runs
//! (`socket_manager.py`).

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use model::child::ChildId;
use model::name::GroupName;
use model::spec::{GroupKind, GroupSpec, SocketSpec};
use os::listen::{ListenError, UnixAttributes};

/// The sockets of all active FastCGI groups.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    groups: BTreeMap<GroupName, Shared>,
    /// Whether a group has lost its last user since unused sockets were closed.
    may_close: bool,
}

#[derive(Debug)]
struct Shared {
    spec: SocketSpec,
    socket: Option<OwnedFd>,
    users: BTreeSet<ChildId>,
}

/// What was done to a socket, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) group: GroupName,
    pub(crate) deed: Deed,
    url: String,
}

/// Which of the two things that can be done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Creating,
    Closing,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.deed {
            Deed::Creating => write!(f, "Creating socket {}", self.url),
            Deed::Closing => write!(f, "Closing socket {}", self.url),
        }
    }
}

/// What the keeper keeps the socket of a group under.
pub(crate) fn key(group: &GroupName) -> Vec<u8> {
    [b"fcgi ", group.as_str().as_bytes()].concat()
}

impl Sockets {
    /// Takes note of a group that has become active, if it has a socket. `kept` is the socket itself, if an earlier daemon made it.
    pub(crate) fn open_group(&mut self, group: &Arc<GroupSpec>, kept: Option<OwnedFd>) {
        if let GroupKind::FastCgi(spec) = &group.kind {
            self.may_close |= kept.is_some();
            let shared = Shared { spec: spec.clone(), socket: kept, users: BTreeSet::new() };
            self.groups.insert(group.name.clone(), shared);
        }
    }

    /// Forgets a group that is gone.
    pub(crate) fn close_group(&mut self, group: &GroupName) {
        self.groups.remove(group);
    }

    /// The socket for a new child of `group`; `None` when the group has none. The first one makes it.
    ///
    /// # Errors
    /// When it cannot be made: then this child cannot start, and nobody else is touched.
    pub(crate) fn acquire(
        &mut self,
        group: &GroupName,
        child: ChildId,
        changes: &mut Vec<Change>,
    ) -> Result<Option<OwnedFd>, String> {
        let Some(shared) = self.groups.get_mut(group) else {
            return Ok(None);
        };
        let url = shared.spec.url();
        let failed = |reason: String| format!("Could not create FastCGI socket {url}: {reason}");
        if shared.socket.is_none() {
            changes.push(Change { group: group.clone(), deed: Deed::Creating, url: url.clone() });
            shared.socket = Some(listen(&shared.spec).map_err(|error| failed(error.to_string()))?);
        }
        let copy = shared.socket.as_ref().map(os::fd::duplicate).transpose();
        let copy = copy.map_err(|error| failed(error.to_string()))?;
        shared.users.insert(child);
        Ok(copy)
    }

    /// A child of an earlier daemon uses the socket of its group.
    pub(crate) fn adopt(&mut self, group: &GroupName, child: ChildId) {
        if let Some(shared) = self.groups.get_mut(group) {
            shared.users.insert(child);
        }
    }

    /// The socket of a group, if it is open.
    pub(crate) fn socket(&self, group: &GroupName) -> Option<BorrowedFd<'_>> {
        self.groups.get(group)?.socket.as_ref().map(AsFd::as_fd)
    }

    /// A child is gone, or was never made.
    pub(crate) fn release(&mut self, group: &GroupName, child: ChildId) {
        if let Some(shared) = self.groups.get_mut(group) {
            shared.users.remove(&child);
            self.may_close |= shared.users.is_empty();
        }
    }

    /// Closes the sockets nobody uses. To be called when all that follows from the end of a child has
    /// been done: a program that is started again at once finds its socket as it was, where the
    /// original refuses connections for a moment.
    pub(crate) fn close_unused(&mut self, changes: &mut Vec<Change>) {
        if !std::mem::take(&mut self.may_close) {
            return;
        }
        for (group, shared) in self.groups.iter_mut().filter(|(_, it)| it.users.is_empty()) {
            if shared.socket.take().is_some() {
                let (group, url) = (group.clone(), shared.spec.url());
                changes.push(Change { group, deed: Deed::Closing, url });
            }
        }
    }

    /// Opens and closes the socket of a group that has become active, so that one that cannot be made
    /// is told before anybody needs it, as the original does.
    pub(crate) fn try_out(&mut self, group: &GroupName, changes: &mut Vec<Change>) -> Result<(), String> {
        let nobody = ChildId(0);
        let made = self.acquire(group, nobody, changes);
        self.release(group, nobody);
        self.close_unused(changes);
        made.map(drop)
    }
}

fn listen(spec: &SocketSpec) -> Result<OwnedFd, ListenError> {
    match spec {
        SocketSpec::Tcp { host, port, backlog } => os::listen::tcp_for_program(host, *port, *backlog),
        SocketSpec::Unix { path, owner, mode, backlog } => {
            let (owner, group) = owner.map_or((None, None), |(owner, group)| (Some(owner), group));
            let attributes = UnixAttributes { mode: *mode, owner, group };
            os::listen::unix_for_program(path, attributes, *backlog)
        }
    }
}

#[cfg(test)]
mod tests {
    use model::spec::GroupSpec;

    use super::*;

    fn group(path: &std::path::Path) -> Arc<GroupSpec> {
        let kind = GroupKind::FastCgi(SocketSpec::Unix {
            path: path.to_owned(),
            owner: None,
            mode: 0o700,
            backlog: None,
        });
        Arc::new(GroupSpec {
            name: GroupName::parse("php").unwrap(),
            priority: 999,
            kind,
            processes: Vec::new(),
        })
    }

    #[test]
    fn the_first_child_opens_the_socket_and_the_last_one_closes_it() {
        let room = tempfile::tempdir().unwrap();
        let group = group(&room.path().join("s"));
        let (mut sockets, mut changes) = (Sockets::default(), Vec::new());
        sockets.open_group(&group, None);
        for child in [1, 2] {
            assert!(sockets.acquire(&group.name, ChildId(child), &mut changes).unwrap().is_some());
        }
        for child in [2, 2, 1] {
            sockets.release(&group.name, ChildId(child));
            sockets.close_unused(&mut changes);
        }
        let said: Vec<_> = changes.iter().map(ToString::to_string).collect();
        let url = format!("unix://{}", room.path().join("s").display());
        assert_eq!(said, [format!("Creating socket {url}"), format!("Closing socket {url}")]);
        assert!(std::os::unix::net::UnixStream::connect(room.path().join("s")).is_err());
    }

    #[test]
    fn a_child_that_follows_at_once_finds_the_same_socket() {
        let room = tempfile::tempdir().unwrap();
        let group = group(&room.path().join("s"));
        let (mut sockets, mut changes) = (Sockets::default(), Vec::new());
        sockets.open_group(&group, None);
        sockets.acquire(&group.name, ChildId(1), &mut changes).unwrap();
        sockets.release(&group.name, ChildId(1));
        sockets.acquire(&group.name, ChildId(2), &mut changes).unwrap();
        sockets.close_unused(&mut changes);
        assert_eq!(changes.len(), 1, "created once and not closed: {changes:?}");
    }

    #[test]
    fn a_socket_that_cannot_be_made_is_named() {
        let room = tempfile::tempdir().unwrap();
        let group = group(&room.path().join("none/s"));
        let (mut sockets, mut changes) = (Sockets::default(), Vec::new());
        sockets.open_group(&group, None);
        let error = sockets.acquire(&group.name, ChildId(1), &mut changes).unwrap_err();
        assert!(error.starts_with("Could not create FastCGI socket unix:///"), "{error}");
        assert!(error.contains("none/s"), "{error}");
        let plain = GroupName::parse("plain").unwrap();
        assert!(sockets.acquire(&plain, ChildId(1), &mut changes).unwrap().is_none());
    }
}
