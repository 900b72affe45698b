//! The system log, as `syslog(3)` speaks to it.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use model::time::{Wall, Zone};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, send, socket_with,
};

/// Where the system log listens.
pub const SOCKET: &str = "/dev/log";

/// What we call ourselves there: the original's program name, which filters know.
pub const IDENT: &str = "supervisord";

/// `LOG_USER | LOG_INFO`, what `syslog()` uses when nobody says otherwise.
const PRIORITY: u8 = (1 << 3) | 6;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A line whose end has not come yet is sent in pieces of this size: the system log takes no longer
/// messages, and a program that never ends its line must not fill our memory.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// The way to the system log. Messages are datagrams that are sent or dropped, never waited for.
#[derive(Debug)]
pub struct Syslog {
    path: PathBuf,
    ident: &'static str,
    socket: Option<OwnedFd>,
    /// Whether the last message was dropped.
    failing: bool,
}

impl Syslog {
    /// The system log that listens at `path`, normally [`SOCKET`], under the name `ident`, normally
    /// [`IDENT`]. It is looked for at the first message.
    pub fn new(path: impl Into<PathBuf>, ident: &'static str) -> Self {
        Self { path: path.into(), ident, socket: None, failing: false }
    }

    /// Sends one line.
    ///
    /// # Errors
    /// For the first of several messages in a row that are dropped: why. The rest are dropped
    /// silently, since a machine without a system log would otherwise hear of little else.
    pub fn send(&mut self, wall: Wall, zone: &dyn Zone, line: &[u8]) -> io::Result<()> {
        let mut message = header(wall, zone, self.ident).into_bytes();
        message.extend_from_slice(line);
        let sent = self.transmit(&message);
        let was_failing = std::mem::replace(&mut self.failing, sent.is_err());
        match sent {
            Err(errno) if !was_failing => Err(errno.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn transmit(&mut self, message: &[u8]) -> Result<(), Errno> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        if let Some(socket) = &self.socket {
            match send(socket, message, flags) {
                Ok(_) => return Ok(()),
                Err(errno @ (Errno::AGAIN | Errno::MSGSIZE | Errno::NOBUFS | Errno::INTR)) => {
                    return Err(errno);
                }
                // Its daemon has been restarted: there is a new socket under the old name.
                Err(_) => self.socket = None,
            }
        }
        let flags_of_socket = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags_of_socket, None)?;
        connect(&socket, &SocketAddrUnix::new(&self.path)?)?;
        let sent = send(&socket, message, flags);
        self.socket = Some(socket);
        sent.map(drop)
    }
}

/// `<14>Nov 21 03:05:01 supervisord: `, in local time as the C library writes it.
fn header(wall: Wall, zone: &dyn Zone, ident: &str) -> String {
    let civil = zone.civil(wall);
    let month = MONTHS.get(usize::from(civil.month.saturating_sub(1))).unwrap_or(&"Jan");
    format!(
        "<{PRIORITY}>{month} {:2} {:02}:{:02}:{:02} {ident}: ",
        civil.day, civil.hour, civil.minute, civil.second
    )
}

/// Cuts one stream into the lines that become messages.
///
/// The original sends whatever one read brought, so that a line may arrive in pieces; here a line is
/// held until it ends, the stream ends or it is too long.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Calls `send` with each line that `bytes` completes.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut send: impl FnMut(&[u8])) {
        for part in bytes.split_inclusive(|it| *it == b'\n') {
            let (part, ended) = part.strip_suffix(b"\n").map_or((part, false), |it| (it, true));
            if ended && self.begun.is_empty() && part.len() <= LINE_BYTES_MAX {
                send(part);
                continue;
            }
            self.begun.extend_from_slice(part);
            while self.begun.len() > LINE_BYTES_MAX {
                let rest = self.begun.split_off(LINE_BYTES_MAX);
                send(&std::mem::replace(&mut self.begun, rest));
            }
            if ended {
                send(&std::mem::take(&mut self.begun));
            }
        }
    }

    /// The line that the end of the stream completes.
    pub(crate) fn finish(&mut self, mut send: impl FnMut(&[u8])) {
        if !self.begun.is_empty() {
            send(&std::mem::take(&mut self.begun));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use model::time::Utc;

    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut room = [0; 256];
        let count = socket.recv(&mut room).unwrap();
        String::from_utf8_lossy(&room[..count]).into_owned()
    }

    #[test]
    fn a_message_looks_as_the_c_library_writes_it() {
        assert_eq!(header(Wall::from_seconds(951_782_399), &Utc, "x"), "<14>Feb 28 23:59:59 x: ");
        assert_eq!(header(Wall::from_seconds(951_826_000), &Utc, "x"), "<14>Feb 29 12:06:40 x: ");
        assert_eq!(header(Wall::from_seconds(0), &Utc, "x"), "<14>Jan  1 00:00:00 x: ");
    }

    #[test]
    fn a_system_log_that_comes_goes_and_comes_back_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut syslog = Syslog::new(&path, "x");
        let mut send = |line: &str| syslog.send(Wall::from_seconds(0), &Utc, line.as_bytes());

        assert_eq!(send("nobody there").unwrap_err().kind(), io::ErrorKind::NotFound);
        send("still nobody").expect("said once");

        let socket = UnixDatagram::bind(&path).unwrap();
        send("one").unwrap();
        assert_eq!(received(&socket), "<14>Jan  1 00:00:00 x: one");

        drop(socket);
        assert!(send("between").is_err(), "a new absence is said again");
        std::fs::remove_file(&path).unwrap();
        let socket = UnixDatagram::bind(&path).unwrap();
        send("two").unwrap();
        assert_eq!(received(&socket), "<14>Jan  1 00:00:00 x: two");
    }

    #[test]
    fn a_system_log_that_does_not_read_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let socket = UnixDatagram::bind(&path).unwrap();
        let mut syslog = Syslog::new(&path, "x");
        while syslog.send(Wall::default(), &Utc, b"line").is_ok() {}
        assert!(received(&socket).ends_with("x: line"));
    }

    #[test]
    fn lines_are_whole_wherever_the_stream_is_cut() {
        let whole = b"one\n\ntwo\nthree";
        for at in 0..=whole.len() {
            let (mut lines, mut sent) = (Lines::default(), Vec::new());
            let (one, other) = whole.split_at(at);
            for bytes in [one, other] {
                lines.feed(bytes, |it| sent.push(it.to_owned()));
            }
            lines.finish(|it| sent.push(it.to_owned()));
            assert_eq!(sent, [b"one".as_slice(), b"", b"two", b"three"], "cut at {at}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_comes_in_pieces() {
        for cut in [1, 1000, LINE_BYTES_MAX, 100_000] {
            let (mut lines, mut sent) = (Lines::default(), Vec::new());
            let whole = [vec![b'x'; 2 * LINE_BYTES_MAX + 1], b"\nend\n".to_vec()].concat();
            for bytes in whole.chunks(cut) {
                lines.feed(bytes, |it| sent.push(it.len()));
            }
            assert_eq!(sent, [LINE_BYTES_MAX, LINE_BYTES_MAX, 1, 3], "in chunks of {cut}");
        }
    }
}
