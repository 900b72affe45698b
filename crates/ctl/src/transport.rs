//! A small blocking HTTP/1.1 client over a unix socket or TCP: one connection, kept open between
//! requests and opened anew once when the server has closed it meanwhile.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::framing::{self, BODY_BYTES_MAX, Body, FrameError, Head};
use crate::place::Place;
use crate::tls::{self, Secret};

/// How long a server may take to accept a connection.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// How long a server may take to accept bytes of a request. There is no such limit on its answer:
/// a waiting call is answered when the process is up or down, and only the server knows when.
const SEND_WAIT: Duration = Duration::from_secs(10);

/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    /// There is no connection.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// The host has no address.
    #[error("cannot find the host: {0}")]
    Host(String),
    /// It cannot be spoken to in secret, or is not who it should be.
    #[error("cannot speak in secret: {0}")]
    Secret(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    /// The server closed the connection and said nothing.
    #[error("the server closed the connection without an answer")]
    NoAnswer,
    /// The server closed the connection in the middle of its answer.
    #[error("the server closed the connection in the middle of its answer")]
    CutOff,
    /// The answer is not HTTP as we know it.
    #[error("the server's answer {0}")]
    Frame(#[from] FrameError),
    /// The answer is not 200.
    #[error("the server answered {code} {reason}")]
    Status {
        /// The status code.
        code: u16,
        /// Its words.
        reason: String,
    },
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// Who.
    pub username: String,
    /// The password, in the clear.
    pub password: String,
}

/// A descriptor that becomes readable when the user wants to interrupt.
pub(crate) type Interrupt = Rc<dyn AsFd>;

/// The way to one server.
pub(crate) struct Transport {
    place: Place,
    credentials: Option<Credentials>,
    interrupt: Option<Interrupt>,
    idle: Option<Socket>,
}

enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<Secret>),
}

impl Transport {
    /// A way to `place`; nothing is opened yet.
    pub(crate) const fn new(
        place: Place,
        credentials: Option<Credentials>,
        interrupt: Option<Interrupt>,
    ) -> Self {
        Self { place, credentials, interrupt, idle: None }
    }

    /// Posts XML to `path` and returns the body of the answer.
    ///
    /// # Errors
    /// When there is no answer, or one other than 200.
    pub(crate) fn post(&mut self, path: &str, body: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\n{}User-Agent: menshen\r\nAccept: text/xml\r\n\
             Content-Type: text/xml\r\nContent-Length: {}\r\n\r\n",
            self.host(),
            self.authorization(),
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        // A server closes idle connections as it likes. Once the request is out it may have been
        // taken, and is never sent twice.
        if let Some(mut socket) = self.idle.take().filter(is_fresh)
            && socket.write_all(&request).and_then(|()| socket.flush()).is_ok()
        {
            return self.answer(socket);
        }
        let mut socket = open(&self.place)?;
        socket.write_all(&request).and_then(|()| socket.flush()).map_err(TransportError::Broken)?;
        self.answer(socket)
    }

    /// Asks for `path` and follows the answer for as long as the server speaks.
    ///
    /// # Errors
    /// When there is no answer, or one other than 200.
    pub(crate) fn follow(&self, path: &str) -> Result<Follow, TransportError> {
        let mut socket = open(&self.place)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\n{}User-Agent: menshen\r\nAccept: */*\r\n\r\n",
            self.host(),
            self.authorization()
        );
        let sent = socket.write_all(request.as_bytes()).and_then(|()| socket.flush());
        sent.map_err(TransportError::Broken)?;
        let (head, rest) = self.read_head(&mut socket)?;
        accept(&head)?;
        let mut body = Body::new(head.framing);
        let mut first = Vec::new();
        body.feed(&rest, &mut first)?;
        Ok(Follow { socket, body, first })
    }

    /// Waits until the server closes the connection that is kept; at once when none is.
    ///
    /// # Errors
    /// When the user interrupts.
    pub(crate) fn wait_closed(&mut self) -> Result<(), TransportError> {
        let Some(mut socket) = self.idle.take() else {
            return Ok(());
        };
        // Nothing is asked, so whatever comes is the end; a broken connection is one, too.
        match self.read(&mut socket, &mut [0; 64]) {
            Err(TransportError::Interrupted) => Err(TransportError::Interrupted),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn answer(&mut self, mut socket: Socket) -> Result<Vec<u8>, TransportError> {
        let (head, rest) = self.read_head(&mut socket)?;
        accept(&head)?;
        let mut body = Body::new(head.framing);
        let mut answer = Vec::new();
        body.feed(&rest, &mut answer)?;
        let mut buffer = vec![0; READ_BYTES];
        while !body.is_done() {
            let count = self.read(&mut socket, &mut buffer)?;
            if count == 0 && body.may_end() {
                return Ok(answer);
            }
            if count == 0 {
                return Err(TransportError::CutOff);
            }
            body.feed(buffer.get(..count).unwrap_or_default(), &mut answer)?;
            if u64::try_from(answer.len()).unwrap_or(u64::MAX) > BODY_BYTES_MAX {
                return Err(FrameError::BodyTooLarge.into());
            }
        }
        if head.keeps_open {
            self.idle = Some(socket);
        }
        Ok(answer)
    }

    /// Reads the head of the answer, and whatever of the body came along.
    fn read_head(&self, socket: &mut Socket) -> Result<(Head, Vec<u8>), TransportError> {
        let mut seen = Vec::new();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = match self.read(socket, &mut buffer) {
                Ok(0) if seen.is_empty() => return Err(TransportError::NoAnswer),
                Ok(0) => return Err(TransportError::CutOff),
                Err(TransportError::Broken(_)) if !seen.is_empty() => return Err(TransportError::CutOff),
                Err(error) => return Err(error),
                Ok(count) => count,
            };
            seen.extend_from_slice(buffer.get(..count).unwrap_or_default());
            while let Some((head, used)) = framing::head(&seen)? {
                seen.drain(..used);
                // An interim answer announces the real one.
                if head.status / 100 != 1 {
                    return Ok((head, seen));
                }
            }
        }
    }

    /// Waits for bytes or an interrupt, whichever comes first.
    fn read(&self, socket: &mut Socket, buffer: &mut [u8]) -> Result<usize, TransportError> {
        if let Some(interrupt) = &self.interrupt {
            let [interrupted, _] =
                wait_readable([interrupt.as_fd(), socket.as_fd()], None).map_err(TransportError::Broken)?;
            if interrupted {
                return Err(TransportError::Interrupted);
            }
        }
        loop {
            match socket.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map_err(TransportError::Broken),
            }
        }
    }

    fn host(&self) -> String {
        match &self.place {
            // A path is no host name, and the original's clients say this.
            Place::Unix(_) => "localhost".to_owned(),
            Place::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Place::Tcp { host, port, .. } => format!("{host}:{port}"),
        }
    }

    fn authorization(&self) -> String {
        self.credentials.as_ref().map_or_else(String::new, |it| {
            let pair = format!("{}:{}", it.username, it.password);
            format!("Authorization: Basic {}\r\n", base64::engine::general_purpose::STANDARD.encode(pair))
        })
    }
}

/// Whether a kept connection is still good: one that has something to say unasked is at its end.
fn is_fresh(socket: &Socket) -> bool {
    matches!(wait_readable([socket.as_fd()], Some(Duration::ZERO)), Ok([false]))
}

fn accept(head: &Head) -> Result<(), TransportError> {
    if head.status == 200 {
        return Ok(());
    }
    Err(TransportError::Status { code: head.status, reason: head.reason.clone() })
}

/// An answer without a foreseeable end.
pub(crate) struct Follow {
    socket: Socket,
    body: Body,
    /// What came along with the head.
    first: Vec<u8>,
}

impl Follow {
    /// What has come already, without asking the socket.
    pub(crate) fn take_first(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.first)
    }

    /// Waits for more and appends it to `out`; `false` when there will be none.
    ///
    /// # Errors
    /// When the connection breaks or what comes is no body.
    pub(crate) fn read(&mut self, out: &mut Vec<u8>) -> Result<bool, TransportError> {
        if self.body.is_done() {
            return Ok(false);
        }
        let mut buffer = vec![0; READ_BYTES];
        match self.socket.read(&mut buffer) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.body.feed(buffer.get(..count).unwrap_or_default(), out)?;
                Ok(!self.body.is_done())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(TransportError::Broken(error)),
        }
    }
}

impl AsFd for Follow {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Waits until one of the descriptors is readable, or at its end, and says which are. When
/// `patience` passes first, none is.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn wait_readable<const N: usize>(
    fds: [BorrowedFd<'_>; N],
    patience: Option<Duration>,
) -> io::Result<[bool; N]> {
    let timeout = patience.and_then(|it| it.try_into().ok());
    loop {
        let mut list = fds.map(|it| PollFd::from_borrowed_fd(it, PollFlags::IN));
        match poll(&mut list, timeout.as_ref()) {
            Ok(_) => return Ok(list.map(|it| !it.revents().is_empty())),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The same for who prints what comes, however long that takes: over as soon as nobody reads standard output any more.
/// Without this it would end only when it has something to print, which in a quiet log may be never.
///
/// # Errors
/// `BrokenPipe` when nobody reads any more; when the kernel refuses.
pub(crate) fn wait_readable_while_heard<const N: usize>(fds: [BorrowedFd<'_>; N]) -> io::Result<[bool; N]> {
    let mut list: Vec<_> = fds.iter().map(|it| PollFd::from_borrowed_fd(*it, PollFlags::IN)).collect();
    // Of an error or a hang-up the kernel tells without being asked.
    list.push(PollFd::from_borrowed_fd(rustix::stdio::stdout(), PollFlags::empty()));
    while let Err(error) = poll(&mut list, None) {
        if error != rustix::io::Errno::INTR {
            return Err(error.into());
        }
    }
    let is_unheard = list.pop().is_some_and(|it| it.revents().intersects(PollFlags::ERR | PollFlags::HUP));
    let mut ready = [false; N];
    for (ready, it) in ready.iter_mut().zip(&list) {
        *ready = !it.revents().is_empty();
    }
    if is_unheard { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(ready) }
}

fn open(place: &Place) -> Result<Socket, TransportError> {
    match place {
        Place::Unix(path) => open_unix(path).map(Socket::Unix).map_err(TransportError::Connect),
        Place::Tcp { host, port, is_secure: false } => open_tcp(host, *port).map(Socket::Tcp),
        Place::Tcp { host, port, is_secure: true } => {
            let secret = tls::greet(open_tcp(host, *port)?, host).map_err(TransportError::Secret)?;
            Ok(Socket::Tls(Box::new(secret)))
        }
    }
}

fn open_unix(path: &std::path::Path) -> io::Result<UnixStream> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // On a unix socket the time-out for sending covers connecting, too (`unix(7)`).
    sockopt::set_socket_timeout(&socket, Timeout::Send, Some(CONNECT_WAIT))?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}

fn open_tcp(host: &str, port: u16) -> Result<TcpStream, TransportError> {
    let addresses = (host, port).to_socket_addrs().map_err(|it| {
        let text = it.to_string();
        TransportError::Host(text.rsplit(": ").next().unwrap_or(&text).to_owned())
    })?;
    let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_WAIT) {
            Ok(socket) => {
                // None of these is worth a failure; they make a lost peer and small requests cheaper.
                let _ = socket.set_nodelay(true);
                let _ = socket.set_write_timeout(Some(SEND_WAIT));
                let _ = sockopt::set_socket_keepalive(&socket, true);
                return Ok(socket);
            }
            Err(error) => refused = error,
        }
    }
    Err(TransportError::Connect(refused))
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(it) => it.read(buffer),
            Self::Tcp(it) => it.read(buffer),
            Self::Tls(it) => it.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(it) => it.write(bytes),
            Self::Tcp(it) => it.write(bytes),
            Self::Tls(it) => it.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Unix(_) | Self::Tcp(_) => Ok(()),
            Self::Tls(it) => it.flush(),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(it) => it.as_fd(),
            Self::Tcp(it) => it.as_fd(),
            Self::Tls(it) => it.socket().as_fd(),
        }
    }
}
