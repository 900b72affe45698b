//! Listening, and the life of each connection.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use gate::user::Users;
use hyper::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use model::audit::Door;
use model::level::Level;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep_until, timeout};

use crate::ask::{Ask, Note};
use crate::connection::{Connection, Cut, Framed};
use crate::console::Secret;
use crate::feed::Feed;
use crate::limits::{ACCEPT_PAUSE, LINGER_BYTES, LINGER_TIME, Limits};
use crate::porter::{Lodge, Porter};
use crate::reply::Reply;
use crate::routes::{Site, answer};
use crate::seat::Seats;
use crate::socket::{Socket, Tls};
use crate::tls::{Certificate, Files, News};

/// A listening socket, not yet known to the runtime. It must not block.
#[derive(Debug)]
pub enum Listener {
    /// At this path.
    Unix(UnixListener, PathBuf),
    /// At an address, of either family.
    Tcp(TcpListener),
}

/// A listening socket, and who may ask there.
#[derive(Debug)]
pub struct Endpoint {
    /// The section of the configuration it comes from, for the log.
    pub section: String,
    /// The socket.
    pub listener: Listener,
    /// Who may come in; nobody is asked when there is nobody.
    pub users: Users,
    /// The certificate to show, where nobody may read along.
    pub tls: Option<Files>,
    /// Whether the addresses of the original's page do what they always did: change things by a mere look.
    pub web_compat: bool,
}

/// What the server needs of the daemon.
#[derive(Clone)]
pub struct Daemon {
    /// Takes its questions. When it is full, clients are told to come back.
    pub asks: mpsc::Sender<Ask>,
    /// Writes to the log.
    pub note: Note,
    /// What happens.
    pub feed: Rc<Feed>,
    /// The `identifier` of the configuration: the page for strangers says whose it is.
    pub identifier: String,
    /// Where it sees how many clients follow logs.
    pub followers: Rc<Cell<usize>>,
    /// Set when nobody more is to be let in: whoever connects then waits for the next daemon.
    pub is_leaving: Rc<Cell<bool>>,
}

/// Serves all endpoints until dropped; then every connection is closed. It must run inside a
/// [`LocalSet`](tokio::task::LocalSet), with timers.
///
/// # Errors
/// When a socket cannot be handed to the runtime.
pub async fn serve(endpoints: Vec<Endpoint>, daemon: Daemon, limits: Limits) -> io::Result<()> {
    let seats = Seats { followers: Rc::clone(&daemon.followers), ..Seats::default() };
    let (secret, lodge) = (Rc::new(Secret::new()), Rc::new(Lodge::new()));
    let mut listening = JoinSet::new();
    for endpoint in endpoints {
        let has_names = matches!(endpoint.listener, Listener::Tcp(_));
        let is_secure = endpoint.tls.is_some();
        let cookie = cookie_of(&endpoint.listener, is_secure);
        let acceptor = Acceptor::new(endpoint.listener, Rc::clone(&daemon.is_leaving))?;
        let certificate = endpoint.tls.map(|files| {
            let (certificate, news) = Certificate::new(files);
            tell(&daemon.note, &endpoint.section, news);
            certificate
        });
        let site = Site {
            asks: daemon.asks.clone(),
            porter: Porter::new(endpoint.users, Rc::clone(&lodge)),
            cookie,
            identifier: daemon.identifier.clone(),
            is_secure,
            limits,
            note: Rc::clone(&daemon.note),
            feed: Rc::clone(&daemon.feed),
            seats: seats.clone(),
            secret: Rc::clone(&secret),
            has_compat: endpoint.web_compat,
            has_names,
        };
        listening.spawn_local(listen(acceptor, certificate, Rc::new(site), endpoint.section));
    }
    while listening.join_next().await.is_some() {}
    Ok(())
}

/// What the cookie of a session is called. Cookies belong to a machine and not to a port (RFC 6265, 8.5), so
/// that two supervisors of one machine would otherwise take theirs from each other.
fn cookie_of(listener: &Listener, is_secure: bool) -> String {
    let port = match listener {
        Listener::Tcp(it) => it.local_addr().ok().map(|it| it.port()),
        Listener::Unix(..) => None,
    };
    // Of such a name, browsers take no cookie that was not sent in secret (RFC 6265bis, 4.1.3.2).
    let prefix = if is_secure { "__Host-" } else { "" };
    let port = port.map_or_else(String::new, |it| format!("_{it}"));
    format!("{prefix}menshen_session{port}")
}

/// Lets connections in, as long as anybody is to be let in.
struct Acceptor {
    queue: Queue,
    is_leaving: Rc<Cell<bool>>,
}

impl Acceptor {
    fn new(listener: Listener, is_leaving: Rc<Cell<bool>>) -> io::Result<Self> {
        Ok(Self { queue: Queue::new(listener)?, is_leaving })
    }

    /// The next connection. Cancel-safe.
    async fn accept(&self) -> io::Result<(Socket, Door)> {
        let mut next = pin!(self.queue.next());
        // Looked at whenever it could go on, so that not one more is taken from the queue: it is left to the next daemon.
        poll_fn(|cx| if self.is_leaving.get() { Poll::Pending } else { next.as_mut().poll(cx) }).await
    }
}

/// Connections that the kernel has made and nobody has taken.
enum Queue {
    Unix(tokio::net::UnixListener, Arc<str>),
    Tcp(tokio::net::TcpListener),
}

impl Queue {
    fn new(listener: Listener) -> io::Result<Self> {
        match listener {
            Listener::Unix(it, path) => {
                let path = path.to_string_lossy().into();
                tokio::net::UnixListener::from_std(it).map(|it| Self::Unix(it, path))
            }
            Listener::Tcp(it) => tokio::net::TcpListener::from_std(it).map(Self::Tcp),
        }
    }

    /// The next one. Cancel-safe.
    async fn next(&self) -> io::Result<(Socket, Door)> {
        match self {
            Self::Unix(it, path) => {
                let (socket, _) = it.accept().await?;
                let uid = socket.peer_cred().ok().map(|it| it.uid());
                Ok((Socket::Unix(socket), Door::Unix { path: Arc::clone(path), uid }))
            }
            Self::Tcp(it) => {
                let (socket, peer) = it.accept().await?;
                // Answers are small and written at once: to hold them back would only delay them.
                socket.set_nodelay(true)?;
                Ok((Socket::Tcp(socket), Door::Inet(peer.ip().to_canonical())))
            }
        }
    }
}

/// Accepts connections for ever.
async fn listen(acceptor: Acceptor, certificate: Option<Certificate>, site: Rc<Site>, section: String) {
    let roster = Rc::new(Roster::default());
    let mut serving = JoinSet::new();
    let mut was_told = false;
    loop {
        tokio::select! {
            // A connection whose task panicked has ended like any other: nothing else is touched.
            Some(_) = serving.join_next() => {}
            accepted = acceptor.accept() => match accepted {
                Ok((socket, door)) => {
                    was_told = false;
                    let Some(socket) = cover(socket, certificate.as_ref(), &site.note, &section) else { continue };
                    let connection = Rc::new(Connection::new(socket, door, site.limits));
                    if roster.make_room(&site.limits) {
                        let place = roster.enter(Rc::clone(&connection));
                        serving.spawn_local(live(Rc::clone(&site), connection, place));
                    } else {
                        send_last(&connection, StatusCode::SERVICE_UNAVAILABLE);
                    }
                }
                Err(error) if is_about_one(&error) => {}
                // Somebody has a descriptor to spare.
                Err(error) if is_about_room(&error) && roster.push_one_out() => {
                    tokio::task::yield_now().await;
                }
                Err(error) => {
                    // Told once, since it will be so ten times a second until it is over.
                    if !std::mem::replace(&mut was_told, true) {
                        let text = format!("cannot accept a connection for {section}: {error}");
                        (site.note)(Level::Error, &text);
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

/// A new connection as it is used: with a certificate, nobody reads along. `None` where there is none that could be shown.
fn cover(socket: Socket, certificate: Option<&Certificate>, note: &Note, section: &str) -> Option<Socket> {
    match (socket, certificate) {
        (Socket::Tcp(socket), Some(certificate)) => {
            let (side, news) = certificate.accept();
            tell(note, section, news);
            side.map(|side| Socket::Tls(Box::new(Tls::new(socket, side))))
        }
        (socket @ (Socket::Unix(_) | Socket::Tcp(_) | Socket::Tls(_)), _) => Some(socket),
    }
}

/// Says what is new about a certificate.
fn tell(note: &Note, section: &str, news: News) {
    if let Some((is_good, text)) = news {
        let level = if is_good { Level::Info } else { Level::Warn };
        note(level, &format!("[{section}] {text}"));
    }
}

/// Whether an error of accept(2) is about the one connection that was to be accepted.
fn is_about_one(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::NotConnected
            | io::ErrorKind::Interrupted
            | io::ErrorKind::InvalidInput
    )
}

/// Whether an error of accept(2) says that there are too many descriptors, here or on the whole machine.
fn is_about_room(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// The connections of one socket.
#[derive(Default)]
struct Roster {
    members: RefCell<BTreeMap<u64, Rc<Connection>>>,
    next: Cell<u64>,
}

/// A place in a roster; given back when dropped.
struct Place {
    roster: Rc<Roster>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.roster.members.borrow_mut().remove(&self.number);
    }
}

impl Roster {
    fn enter(self: &Rc<Self>, connection: Rc<Connection>) -> Place {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        self.members.borrow_mut().insert(number, connection);
        Place { roster: Rc::clone(self), number }
    }

    /// Whether there is room for one more, if need be by pushing another out.
    fn make_room(&self, limits: &Limits) -> bool {
        self.members.borrow().len() < limits.connections || self.push_one_out()
    }

    /// Pushes out the one with the least claim to its room. It looks at all, of which there are few.
    ///
    /// Whoever has asked may not have been heard yet, where many come at once: they stay as long as there are others.
    fn push_one_out(&self) -> bool {
        let mut members = self.members.borrow_mut();
        let claims = members.iter().filter_map(|(number, it)| it.claim().map(|claim| (claim, *number)));
        let mut claims: Vec<_> = claims.collect();
        claims.sort_unstable();
        let is_silent = |number: &u64| members.get(number).is_some_and(|it| !it.is_unheard());
        let silent = claims.iter().find(|(_, number)| is_silent(number));
        let Some((_, number)) = silent.or(claims.first()).copied() else { return false };
        if let Some(connection) = members.remove(&number) {
            connection.push_out();
        }
        true
    }
}

/// The whole life of a connection.
async fn live(site: Rc<Site>, connection: Rc<Connection>, _place: Place) {
    let service = service_fn(|request| answer(Rc::clone(&site), Rc::clone(&connection), request));
    let framing = http1::Builder::new()
        .title_case_headers(true)
        // A client that asks and hangs up has asked all the same: the original does what it was told
        // and finds out only when it answers.
        .half_close(true)
        .header_read_timeout(None)
        .max_buf_size(site.limits.header_bytes.max(8 << 10))
        .max_header_size(site.limits.header_bytes)
        .serve_connection(Framed(Rc::clone(&connection)), service);
    let cut = {
        let mut framing = pin!(framing);
        let mut alarm = pin!(None::<Sleep>);
        poll_fn(|cx| {
            // The framing first: what it does now decides what there is to wait for.
            if framing.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(cut) = connection.poll_cut(cx) {
                return Poll::Ready(Some(cut));
            }
            let Some((at, cut)) = connection.deadline() else {
                alarm.set(None);
                return Poll::Pending;
            };
            if alarm.as_ref().as_pin_ref().is_none_or(|it| it.deadline() != at) {
                alarm.set(Some(sleep_until(at)));
            }
            let rings = alarm.as_mut().as_pin_mut().is_some_and(|it| it.poll(cx).is_ready());
            if rings { Poll::Ready(Some(cut)) } else { Poll::Pending }
        })
        .await
    };
    match cut {
        Some(Cut::Late) => send_last(&connection, StatusCode::REQUEST_TIMEOUT),
        // Whoever takes its room has it at once, so this one is not even waited for.
        Some(Cut::PushedOut) if connection.is_asking() => {
            return send_last(&connection, StatusCode::SERVICE_UNAVAILABLE);
        }
        Some(Cut::Stuck | Cut::Gone | Cut::PushedOut | Cut::Over) => return,
        None => connection.socket().finish_writing(),
    }
    connection.rests();
    linger(&connection).await;
}

/// Sends an error where no request could be read, if it goes out at once, and says goodbye.
fn send_last(connection: &Connection, status: StatusCode) {
    let bytes = Reply::last_error(status).into_bytes();
    // Who does not even take this gets nothing.
    let _ = connection.socket().try_write(&[IoSlice::new(&bytes)]);
    connection.socket().finish_writing();
}

/// Reads what the client still sends, within limits, so that it gets to read the last answer; unless its
/// room is needed.
async fn linger(connection: &Connection) {
    let mut room = [0; 4096];
    let mut left = LINGER_BYTES;
    let drain = async {
        while left > 0 {
            match poll_fn(|cx| connection.socket().poll_read(cx, &mut room)).await {
                Ok(0) | Err(_) => return,
                Ok(count) => left = left.saturating_sub(count),
            }
        }
    };
    // However it ends, the connection is closed now.
    tokio::select! {
        _ = timeout(LINGER_TIME, drain) => {}
        () = poll_fn(|cx| connection.poll_pushed_out(cx)) => {}
    }
}
