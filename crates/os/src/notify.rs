//! Telling a service manager how it goes: the `sd_notify(3)` protocol, whose messages are datagrams to the socket that
//! `NOTIFY_SOCKET` names.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The variables by which a service manager talks to the one process it means. Whoever else inherits them would speak
/// in that process's name, or wait for a watchdog that is not his.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// A way to the service manager, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
}

impl Notifier {
    /// The way that the environment names.
    pub fn from_environment() -> Self {
        let address = std::env::var_os("NOTIFY_SOCKET").and_then(|it| address(&it));
        let open = |address| {
            let socket = UnixDatagram::unbound().ok()?;
            // A manager that does not read must not hold up the sender.
            socket.set_nonblocking(true).ok()?;
            Some((socket, address))
        };
        Self { socket: address.and_then(open) }
    }

    /// Sends a message: lines of the form `NAME=value`. Whether it arrives is the manager's affair.
    pub fn tell(&self, message: &str) {
        if let Some((socket, address)) = &self.socket {
            let _ = socket.send_to_addr(message.as_bytes(), address);
        }
    }
}

/// The address of a path, or of a name that is no file when an `@` is in front.
fn address(name: &OsStr) -> Option<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
        [b'/', ..] => SocketAddr::from_pathname(name).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_is_found_by_a_path_or_a_name() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = |address| Notifier { socket: Some((UnixDatagram::unbound().unwrap(), address)) };
        notifier(address(path.as_os_str()).unwrap()).tell("READY=1");
        let mut room = [0; 64];
        let count = manager.recv(&mut room).unwrap();
        assert_eq!(&room[..count], b"READY=1");

        let name = format!("menshen-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        notifier(address(OsStr::new(&format!("@{name}"))).unwrap()).tell("STOPPING=1");
        let count = manager.recv(&mut room).unwrap();
        assert_eq!(&room[..count], b"STOPPING=1");
        assert!(address(OsStr::new("vsock:2:1234")).is_none(), "no other kind is known");
        Notifier::default().tell("nobody listens");
    }
}
