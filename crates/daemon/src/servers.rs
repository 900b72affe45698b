//! The sockets clients connect to. They outlive the daemon: while there is none, who connects waits in the
//! kernel's queue, and the next daemon serves him.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::net::{IpAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use config::settings::ServerSpec;
use http::server::{Endpoint, Listener};
use http::tls::Files;
use model::level::Level;
use os::listen::{ListenError, UnixAttributes};

use crate::estate::Keepsake;
use crate::inventory::Inventory;
use crate::keeper_link::{KeeperLink, LinkError, Received};
use crate::keepsakes::Keepsakes;
use crate::startup::StartError;
use crate::state::Daemon;

/// What begins the key of every socket the keeper keeps.
const PREFIX: &[u8] = b"server ";

/// The servers, open.
pub(crate) struct Servers {
    pub(crate) endpoints: Vec<Endpoint>,
    /// The paths to be removed at the end.
    pub(crate) paths: Vec<PathBuf>,
}

/// Removes what unix sockets leave in their folders.
pub(crate) fn remove(paths: &[PathBuf]) {
    for path in paths {
        // One that is gone already is as good.
        let _ = std::fs::remove_file(path);
    }
}

/// Opens all servers: inet first, then unix, as they come. One that is open already, because it was kept, goes
/// on as it is; one that was kept and is not wanted any more, or otherwise, is closed first.
pub(crate) fn open(
    specs: &[ServerSpec],
    keepsakes: &mut Keepsakes,
    link: &mut KeeperLink,
    later: &mut Vec<Received>,
) -> Result<Servers, StartError> {
    let wanted: Vec<_> = specs.iter().map(key).collect();
    close_others(&wanted, keepsakes, link, later)?;
    let mut servers = Servers { endpoints: Vec::new(), paths: Vec::new() };
    for (spec, key) in specs.iter().zip(&wanted) {
        let listener = match take(keepsakes, key, spec) {
            // It goes on, whatever has become of its certificate: that can be mended.
            Some(listener) => listener,
            None => begin(spec).map_err(|refusal| {
                servers.paths.iter().for_each(|path| drop(std::fs::remove_file(path)));
                StartError::Listen(refusal)
            })?,
        };
        let path = path(spec);
        let kept_path = path.map_or(&b""[..], |it| it.as_os_str().as_encoded_bytes());
        keepsakes.keep(link, key, kept_path, descriptor(&listener).map_err(LinkError::from)?)?;
        servers.paths.extend(path.cloned());
        let (ServerSpec::Unix { section, users, web_compat, .. }
        | ServerSpec::Inet { section, users, web_compat, .. }) = spec;
        let (section, users, tls) = (section.clone(), users.clone(), certificate(spec));
        servers.endpoints.push(Endpoint { section, listener, users, tls, web_compat: *web_compat });
    }
    Ok(servers)
}

/// Opens a server that is not open, if its clients could be shown a certificate.
fn begin(spec: &ServerSpec) -> Result<Listener, String> {
    check_certificate(spec)?;
    listen(spec).map_err(|error| refusal(spec, &error))
}

/// The files of the certificate of a server.
fn certificate(spec: &ServerSpec) -> Option<Files> {
    match spec {
        ServerSpec::Inet { tls: Some((certificates, key)), .. } => {
            Some(Files { certificates: certificates.clone(), key: key.clone() })
        }
        ServerSpec::Inet { tls: None, .. } | ServerSpec::Unix { .. } => None,
    }
}

/// Whether the clients of a server could be shown its certificate, if it has one; or why not.
pub(crate) fn check_certificate(spec: &ServerSpec) -> Result<(), String> {
    let (ServerSpec::Unix { section, .. } | ServerSpec::Inet { section, .. }) = spec;
    match certificate(spec).map(|it| http::tls::load(&it)) {
        Some(Err(error)) => Err(format!("Cannot open an HTTP server: [{section}] {error}")),
        Some(Ok(_)) | None => Ok(()),
    }
}

/// Everything that makes a socket what it is.
fn key(spec: &ServerSpec) -> Vec<u8> {
    match spec {
        ServerSpec::Unix { file, chmod, chown: (owner, group), .. } => {
            let text = format!("unix {} {chmod:o} {owner:?} {group:?}", file.display());
            [PREFIX, text.as_bytes()].concat()
        }
        ServerSpec::Inet { host, port, .. } => inet_key(host, *port),
    }
}

fn inet_key(host: &str, port: u16) -> Vec<u8> {
    [PREFIX, format!("inet {host} {port}").as_bytes()].concat()
}

fn path(spec: &ServerSpec) -> Option<&PathBuf> {
    match spec {
        ServerSpec::Unix { file, .. } => Some(file),
        ServerSpec::Inet { .. } => None,
    }
}

/// Closes what is kept and not wanted, everywhere: another socket may be wanted at the same address. That the
/// keeper has done so is known when it has answered another question.
fn close_others(
    wanted: &[Vec<u8>],
    keepsakes: &mut Keepsakes,
    link: &mut KeeperLink,
    later: &mut Vec<Received>,
) -> Result<(), LinkError> {
    let others = keepsakes.under(PREFIX).filter(|(key, _)| !wanted.iter().any(|it| it == key));
    let others: Vec<_> = others.map(|(key, path)| (key.to_vec(), path.to_vec())).collect();
    if others.is_empty() {
        return Ok(());
    }
    for (key, path) in others {
        if !path.is_empty() {
            let _ = std::fs::remove_file(Path::new(OsStr::from_bytes(&path)));
        }
        keepsakes.drop(link, &key)?;
    }
    later.extend(Inventory::synchronize(link)?);
    Ok(())
}

/// A socket of a server on TCP that is open before there is a daemon, as the keeper is given it.
pub(crate) fn keepsake(host: &str, port: u16, socket: TcpListener) -> Keepsake {
    Keepsake { key: inet_key(host, port), bytes: Vec::new(), file: socket.into() }
}

/// The kept socket of a server.
fn take(keepsakes: &Keepsakes, key: &[u8], spec: &ServerSpec) -> Option<Listener> {
    // For want of a descriptor there will be no other socket either, and that is told then.
    let socket: OwnedFd = keepsakes.copy(key).ok()??;
    Some(match spec {
        ServerSpec::Unix { file, .. } => Listener::Unix(UnixListener::from(socket), file.clone()),
        ServerSpec::Inet { .. } => Listener::Tcp(TcpListener::from(socket)),
    })
}

fn descriptor(listener: &Listener) -> io::Result<OwnedFd> {
    match listener {
        Listener::Unix(it, _) => os::fd::duplicate(it),
        Listener::Tcp(it) => os::fd::duplicate(it),
    }
}

fn listen(spec: &ServerSpec) -> Result<Listener, ListenError> {
    match spec {
        ServerSpec::Unix { file, chmod, chown: (owner, group), .. } => {
            let attributes = UnixAttributes { mode: *chmod, owner: *owner, group: *group };
            let mut say = |path: &Path| {
                let _ = writeln!(io::stderr(), "Unlinking stale socket {}", path.display());
            };
            os::listen::unix(file, attributes, &mut say).map(|it| Listener::Unix(it, file.clone()))
        }
        ServerSpec::Inet { host, port, .. } => os::listen::tcp(host, *port).map(Listener::Tcp),
    }
}

/// Why a server cannot be opened: the original's words where it has some, with the place it means.
fn refusal(spec: &ServerSpec, error: &ListenError) -> String {
    let (ServerSpec::Unix { section, .. } | ServerSpec::Inet { section, .. }) = spec;
    match error {
        ListenError::InUse(place) => format!(
            "Another program is already listening on a port that one of our HTTP servers is \
             configured to use.  Shut this program down first before starting supervisord. \
             ([{section}] {place})"
        ),
        ListenError::TooLong { .. }
        | ListenError::Host { .. }
        | ListenError::Owner { .. }
        | ListenError::Other { .. } => format!("Cannot open an HTTP server: [{section}] {error}"),
    }
}

/// Whether a server on this host is reached from this machine only.
fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    bare == "localhost" || bare.parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

/// Whether only the owner of its socket can reach a server: that needs no password, and no alarm.
const fn is_private(server: &ServerSpec) -> bool {
    match server {
        ServerSpec::Unix { chmod, .. } => *chmod & 0o022 == 0,
        ServerSpec::Inet { .. } => false,
    }
}

impl Daemon {
    pub(crate) fn introduce_server(&mut self, server: &ServerSpec) {
        self.note(Level::Info, "RPC interface 'supervisor' initialized");
        let (ServerSpec::Unix { section, users, .. } | ServerSpec::Inet { section, users, .. }) = server;
        if users.is_empty() && !is_private(server) {
            let text = format!("Server '{section}' running without any HTTP authentication checking");
            self.note(Level::Critical, &text);
            if let ServerSpec::Inet { host, port, .. } = server
                && !is_loopback(host)
            {
                let text = format!(
                    "Whoever can reach port {port} of this machine can start, stop and signal every \
                     program here. To close it, set username and password in [{section}], or write \
                     port=127.0.0.1:{port}."
                );
                self.note(Level::Critical, &text);
            }
        }
    }

    /// Closes the sockets of all servers for good: a client that comes from here on is refused.
    pub(crate) fn close_servers(&mut self) {
        let keys: Vec<_> = self.keepsakes.under(PREFIX).map(|(key, _)| key.to_vec()).collect();
        remove(&std::mem::take(&mut self.server_sockets));
        for key in keys {
            // A keeper that cannot be reached closes them with all it has.
            let _ = self.keepsakes.drop(&mut self.link, &key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_address_keeps_strangers_out() {
        for host in ["127.0.0.1", "localhost", "127.9.9.9", "[::1]", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "0.0.0.0", "[::]", "192.168.1.1", "example.org", "localhost.example.org"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
