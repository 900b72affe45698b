//! Listening sockets, opened the way the original opens them (`http.py`, `make_http_servers`).

use std::io::{self, Read, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// As many as the kernel allows: it cuts the number down (`listen(2)`).
const BACKLOG_MAX: i32 = i32::MAX;

/// How long an unknown owner of a socket gets to answer before it counts as alive but busy.
const PROBE_WAIT: Duration = Duration::from_secs(2);

/// A path in a socket address has at most this many bytes (`sun_path` less its NUL).
pub const UNIX_PATH_BYTES_MAX: usize = 107;

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Someone else does already.
    #[error("another program is already listening on {0}")]
    InUse(String),
    /// The path does not fit into a socket address.
    #[error("the socket path {} has {bytes} bytes, more than the {UNIX_PATH_BYTES_MAX} a socket address holds", path.display())]
    TooLong {
        /// The path, with the suffix it is first bound under.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// The host name means nothing here.
    #[error("cannot find the address of host {host:?}: {source}")]
    Host {
        /// As written.
        host: String,
        /// The resolver's reason.
        source: io::Error,
    },
    /// The owner could not be changed.
    #[error("not permitted to change the owner of {}: {source}", path.display())]
    Owner {
        /// The socket.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// Anything else.
    #[error("cannot listen on {place}: {source}")]
    Other {
        /// The address or path.
        place: String,
        /// The kernel's reason.
        source: io::Error,
    },
}

/// What the file system knows of a unix socket.
#[derive(Debug, Clone, Copy)]
pub struct UnixAttributes {
    /// Its permission bits.
    pub mode: u32,
    /// Its owner; `None`: leave it.
    pub owner: Option<u32>,
    /// Its group; `None`: leave it.
    pub group: Option<u32>,
}

/// Listens on a path. The socket appears under its name only when its permissions are right:
/// it is bound under `<path>.<pid>` and linked. A socket that nobody answers on is removed, and
/// `stale` is told.
///
/// # Errors
/// When someone answers on it, or the kernel refuses.
pub fn unix(
    path: &Path,
    attributes: UnixAttributes,
    stale: &mut dyn FnMut(&Path),
) -> Result<UnixListener, ListenError> {
    let other = |source| ListenError::Other { place: path.display().to_string(), source };
    let mut first = path.as_os_str().to_owned();
    first.push(format!(".{}", std::process::id()));
    let first = PathBuf::from(first);
    let bytes = first.as_os_str().len();
    if bytes > UNIX_PATH_BYTES_MAX {
        return Err(ListenError::TooLong { path: first, bytes });
    }
    let _ = std::fs::remove_file(&first); // Left by an earlier process of the same number.
    let listener = UnixListener::bind(&first).map_err(other)?;
    let placed = place(&first, path, attributes, stale);
    let _ = std::fs::remove_file(&first);
    placed?;
    rustix::net::listen(&listener, BACKLOG).map_err(|it| other(it.into()))?;
    listener.set_nonblocking(true).map_err(other)?;
    Ok(listener)
}

/// Gives the socket at `first` its attributes and then its name.
fn place(
    first: &Path,
    path: &Path,
    attributes: UnixAttributes,
    stale: &mut dyn FnMut(&Path),
) -> Result<(), ListenError> {
    let other = |source| ListenError::Other { place: path.display().to_string(), source };
    dress(first, path, attributes)?;
    // A second try follows the removal of a stale socket; a third would follow a race with another
    // starter, which has then won.
    for _ in 0..2 {
        match std::fs::hard_link(first, path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => clear(path, stale)?,
            // Some file systems have no hard links; a rename is as atomic, but replaces blindly.
            Err(_) if !path.exists() => return std::fs::rename(first, path).map_err(other),
            Err(error) => return Err(other(error)),
        }
    }
    Err(ListenError::InUse(path.display().to_string()))
}

/// Gives the socket at `at`, which is or will be known as `path`, its mode and its owner.
fn dress(at: &Path, path: &Path, attributes: UnixAttributes) -> Result<(), ListenError> {
    let UnixAttributes { mode, owner, group } = attributes;
    std::fs::set_permissions(at, std::fs::Permissions::from_mode(mode))
        .map_err(|source| ListenError::Other { place: path.display().to_string(), source })?;
    if owner.is_some() || group.is_some() {
        std::os::unix::fs::chown(at, owner, group)
            .map_err(|source| ListenError::Owner { path: path.to_owned(), source })?;
    }
    Ok(())
}

/// Removes what is at `path` if it is a socket nobody answers on.
fn clear(path: &Path, stale: &mut dyn FnMut(&Path)) -> Result<(), ListenError> {
    let other = |source| ListenError::Other { place: path.display().to_string(), source };
    let about = std::fs::symlink_metadata(path).map_err(other)?;
    if about.is_dir() {
        return Err(other(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    if answers(path) {
        return Err(ListenError::InUse(path.display().to_string()));
    }
    stale(path);
    std::fs::remove_file(path).map_err(other)
}

/// Whether a server lives behind the socket: whoever accepts and stays silent counts as alive.
fn answers(path: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(path) else {
        return false;
    };
    let ready = stream.set_read_timeout(Some(PROBE_WAIT)).is_ok()
        && stream.write_all(b"GET / HTTP/1.0\r\n\r\n").is_ok();
    if !ready {
        return true;
    }
    match stream.read(&mut [0]) {
        Ok(count) => count > 0,
        Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
    }
}

/// Listens on a TCP port. An empty host means all addresses; a literal in brackets is IPv6.
///
/// # Errors
/// When the host is unknown, the port is taken, or the kernel refuses.
pub fn tcp(host: &str, port: u16) -> Result<TcpListener, ListenError> {
    let place = format!("{}:{port}", if host.is_empty() { "*" } else { host });
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    let name = if bare.is_empty() { "0.0.0.0" } else { bare };
    let addresses: Vec<_> = (name, port)
        .to_socket_addrs()
        .map_err(|source| ListenError::Host { host: host.to_owned(), source })?
        .collect();
    // A name such as localhost may stand for an IPv6 and an IPv4 address; the original knows only
    // the latter, and so do its clients.
    let address = addresses.iter().find(|it| it.is_ipv4()).or(addresses.first());
    let address = *address.ok_or_else(|| ListenError::Host {
        host: host.to_owned(),
        source: io::Error::from(io::ErrorKind::NotFound),
    })?;
    let listener = TcpListener::bind(address).map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            ListenError::InUse(place.clone())
        } else {
            ListenError::Other { place: place.clone(), source }
        }
    })?;
    let other = |source| ListenError::Other { place: place.clone(), source };
    rustix::net::listen(&listener, BACKLOG).map_err(|it| other(it.into()))?;
    listener.set_nonblocking(true).map_err(other)?;
    Ok(listener)
}

/// Listens on a path for a FastCGI program: whatever is there is replaced, and accepting waits, as such
/// a program expects of its descriptor 0 (`socket_manager.py`, `datatypes.py`).
///
/// # Errors
/// When the path is too long, or the kernel refuses; nothing is left at the path then.
pub fn unix_for_program(
    path: &Path,
    attributes: UnixAttributes,
    backlog: Option<u16>,
) -> Result<OwnedFd, ListenError> {
    let other = |source| ListenError::Other { place: path.display().to_string(), source };
    let bytes = path.as_os_str().len();
    if bytes > UNIX_PATH_BYTES_MAX {
        return Err(ListenError::TooLong { path: path.to_owned(), bytes });
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(other(error)),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(other)?;
    let dressed = dress(path, path, attributes).and_then(|()| {
        let backlog = backlog.map_or(BACKLOG_MAX, i32::from);
        rustix::net::listen(&listener, backlog).map_err(|it| other(it.into()))
    });
    if let Err(error) = dressed {
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    Ok(listener.into())
}

/// Listens on a TCP port for a FastCGI program; accepting waits.
///
/// # Errors
/// As [`tcp`].
pub fn tcp_for_program(host: &str, port: u16, backlog: Option<u16>) -> Result<OwnedFd, ListenError> {
    let listener = tcp(host, port)?;
    let other = |source| ListenError::Other { place: format!("{host}:{port}"), source };
    listener.set_nonblocking(false).map_err(other)?;
    let backlog = backlog.map_or(BACKLOG_MAX, i32::from);
    rustix::net::listen(&listener, backlog).map_err(|it| other(it.into()))?;
    Ok(listener.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: UnixAttributes = UnixAttributes { mode: 0o700, owner: None, group: None };

    #[test]
    fn a_socket_has_its_mode_before_it_has_its_name_and_leaves_nothing_else() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("s");
        let _listener = unix(&path, UnixAttributes { mode: 0o640, ..OPEN }, &mut |_| {}).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(room.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_living_one_is_not() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("s");
        drop(unix(&path, OPEN, &mut |_| {}).unwrap());
        let mut removed = 0;
        let listener = unix(&path, OPEN, &mut |_| removed += 1).unwrap();
        assert_eq!(removed, 1);
        listener.set_nonblocking(false).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"H").unwrap();
        });
        let refused = unix(&path, OPEN, &mut |_| {});
        assert!(matches!(refused, Err(ListenError::InUse(_))), "{refused:?}");
        server.join().unwrap();
    }

    #[test]
    fn a_directory_and_a_long_path_are_named() {
        let room = tempfile::tempdir().unwrap();
        assert!(matches!(unix(room.path(), OPEN, &mut |_| {}), Err(ListenError::Other { .. })));
        let long = room.path().join("x".repeat(200));
        assert!(matches!(unix(&long, OPEN, &mut |_| {}), Err(ListenError::TooLong { .. })));
    }

    #[test]
    fn a_taken_port_is_said_to_be_taken() {
        let first = tcp("127.0.0.1", 0).unwrap();
        let port = first.local_addr().unwrap().port();
        assert!(matches!(tcp("127.0.0.1", port), Err(ListenError::InUse(_))));
        assert!(tcp("[::1]", 0).is_ok_and(|it| it.local_addr().unwrap().is_ipv6()));
    }

    #[test]
    fn a_socket_for_a_program_replaces_what_is_there_and_waits() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("fcgi");
        std::fs::write(&path, "not a socket").unwrap();
        let socket = unix_for_program(&path, OPEN, Some(5)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let flags = rustix::fs::fcntl_getfl(&socket).unwrap();
        assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK), "{flags:?}");
        let refused = unix_for_program(room.path(), OPEN, None);
        assert!(matches!(refused, Err(ListenError::Other { .. })), "{refused:?}");
        assert!(UnixStream::connect(&path).is_ok());
    }
}
