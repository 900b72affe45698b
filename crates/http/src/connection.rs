//! One connection: its socket, and what it is doing at the moment.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use hyper::rt::ReadBufCursor;
use model::audit::Door;
use tokio::time::Instant;

use crate::limits::Limits;
use crate::seat::Seat;
use crate::socket::Socket;

/// How much is read at once.
const READ_BYTES: usize = 8 << 10;

/// How many bytes a client may send while it follows a log. The original's sends two, an empty line.
const AHEAD_BYTES: usize = 1 << 10;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waiting for a request.
    Idle { since: Instant },
    /// In the middle of a request's header.
    Reading { since: Instant },
    /// In the middle of a request's body.
    Receiving { since: Instant },
    /// Working on a request.
    Busy,
    /// Showing what comes bit by bit.
    Following(Patience),
}

/// Whether a client may refuse for ever to take the next bytes of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It may: it holds one chunk, and nothing is made for it meanwhile.
    Endless,
    /// It is cut off after `write_time`, like those that get any other answer.
    Limited,
}

/// Why a connection must end although it has not ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A header took too long.
    Late,
    /// The client does not take its answer.
    Stuck,
    /// The client has left.
    Gone,
    /// Another needs its room.
    PushedOut,
    /// Whoever is shown a stream may not see it any more.
    Over,
}

/// Ends when a client may not see any more what it is shown bit by bit.
pub(crate) struct Lease(pub(crate) Pin<Box<dyn Future<Output = ()>>>);

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}

/// What a connection has to say for itself when another wants its room. The least goes first, among equals
/// the oldest: whoever comes to stay and says nothing makes room for whoever comes to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claim {
    /// It has never finished a request that we were willing to answer.
    Untried(Instant),
    /// It rests after an answer. Event listeners do, for days.
    Resting(Instant),
    /// It has had answers, and is in the middle of the next request or of taking an answer.
    Asking(Instant),
}

/// One connection, shared by its task, the framing and the answer being sent.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    /// Where its client comes from.
    door: Door,
    limits: Limits,
    begun: Instant,
    phase: Cell<Phase>,
    stuck_since: Cell<Option<Instant>>,
    pushed_out: Cell<bool>,
    /// Whether it has asked something we were willing to answer.
    tried: Cell<bool>,
    /// For how long it may be shown what it is shown, where that has an end.
    lease: RefCell<Option<Lease>>,
    /// Whether that end has come.
    is_over: Cell<bool>,
    /// What its answer has of what all have together, until it has been taken.
    owed: RefCell<Option<Seat>>,
    /// Read while looking whether the client is still there, and not yet handed on.
    ahead: RefCell<Vec<u8>>,
    waker: RefCell<Option<Waker>>,
}

impl Connection {
    pub(crate) fn new(socket: Socket, door: Door, limits: Limits) -> Self {
        Self {
            socket,
            door,
            limits,
            begun: Instant::now(),
            phase: Cell::new(Phase::Idle { since: Instant::now() }),
            stuck_since: Cell::new(None),
            pushed_out: Cell::new(false),
            tried: Cell::new(false),
            lease: RefCell::new(None),
            is_over: Cell::new(false),
            owed: RefCell::new(None),
            ahead: RefCell::new(Vec::new()),
            waker: RefCell::new(None),
        }
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Where its client comes from.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// A request is dealt with.
    pub(crate) fn works(&self) {
        self.phase.set(Phase::Busy);
    }

    /// Its body is waited for.
    pub(crate) fn receives(&self) {
        self.phase.set(Phase::Receiving { since: Instant::now() });
    }

    /// Its answer is large.
    pub(crate) fn owes(&self, seat: Seat) {
        *self.owed.borrow_mut() = Some(seat);
    }

    /// All that was to be sent has been taken, which means an answer once that has been handed over.
    fn is_even(&self) {
        if let Phase::Idle { .. } = self.phase.get() {
            *self.owed.borrow_mut() = None;
        }
    }

    /// It has asked something we are willing to answer.
    pub(crate) fn is_welcome(&self) {
        self.tried.set(true);
    }

    pub(crate) fn follows(&self, patience: Patience) {
        self.phase.set(Phase::Following(patience));
    }

    /// What it is about to be shown it may see for so long.
    pub(crate) fn may_see(&self, lease: Option<Lease>) {
        *self.lease.borrow_mut() = lease;
        self.is_over.set(false);
    }

    /// Waits until it may not be shown any more what it is shown.
    pub(crate) fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        let is_over = self.is_over.get()
            || self.lease.borrow_mut().as_mut().is_some_and(|it| it.0.as_mut().poll(cx).is_ready());
        self.is_over.set(is_over);
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(crate) fn rests(&self) {
        self.may_see(None);
        self.phase.set(Phase::Idle { since: Instant::now() });
    }

    /// What it has to say for itself; `None` when it must not be pushed out.
    pub(crate) fn claim(&self) -> Option<Claim> {
        match (self.phase.get(), self.tried.get()) {
            (Phase::Busy | Phase::Following(_), _) => None,
            (Phase::Idle { since } | Phase::Reading { since } | Phase::Receiving { since }, false) => {
                Some(Claim::Untried(since))
            }
            (Phase::Idle { since }, true) => match self.stuck_since.get() {
                None => Some(Claim::Resting(since)),
                Some(since) => Some(Claim::Asking(since)),
            },
            (Phase::Reading { since } | Phase::Receiving { since }, true) => Some(Claim::Asking(since)),
        }
    }

    /// Whether there is something of it that has not been read.
    pub(crate) fn is_unheard(&self) -> bool {
        matches!(self.phase.get(), Phase::Idle { .. }) && self.socket.has_unread()
    }

    /// Whether it is in the middle of a request that will not be answered when it is pushed out.
    pub(crate) fn is_asking(&self) -> bool {
        matches!(self.phase.get(), Phase::Reading { .. } | Phase::Receiving { .. })
    }

    /// Makes it end at once.
    pub(crate) fn push_out(&self) {
        self.pushed_out.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Waits until it is pushed out.
    pub(crate) fn poll_pushed_out(&self, cx: &mut Context<'_>) -> Poll<()> {
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        if self.pushed_out.get() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Why it must end now, if it must. The moment at which time alone can change the answer is
    /// [`Connection::deadline`].
    pub(crate) fn poll_cut(&self, cx: &mut Context<'_>) -> Poll<Cut> {
        if self.poll_pushed_out(cx).is_ready() {
            return Poll::Ready(Cut::PushedOut);
        }
        if self.poll_over(cx).is_ready() {
            // The framing comes first: it would have ended the stream if its client took what it is sent.
            return Poll::Ready(Cut::Over);
        }
        match self.deadline() {
            Some((at, cut)) if at <= Instant::now() => Poll::Ready(cut),
            Some(_) | None => self.poll_gone(cx),
        }
    }

    /// When time will be up, and for what.
    pub(crate) fn deadline(&self) -> Option<(Instant, Cut)> {
        if self.socket.is_greeting() {
            return Some((self.begun + self.limits.greeting_time, Cut::Stuck));
        }
        match (self.phase.get(), self.stuck_since.get()) {
            // Whoever reads a body has a clock of its own.
            (Phase::Following(Patience::Endless), _)
            | (
                Phase::Idle { .. }
                | Phase::Busy
                | Phase::Receiving { .. }
                | Phase::Following(Patience::Limited),
                None,
            ) => None,
            (Phase::Reading { since }, None) => Some((since + self.limits.header_time, Cut::Late)),
            (
                Phase::Idle { .. }
                | Phase::Reading { .. }
                | Phase::Receiving { .. }
                | Phase::Busy
                | Phase::Following(Patience::Limited),
                Some(since),
            ) => Some((since + self.limits.write_time, Cut::Stuck)),
        }
    }

    /// Whether a client that follows a log has left. The framing does not notice that by itself when
    /// something is left in its buffer, such as the empty line the original's client sends.
    fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<Cut> {
        let Phase::Following(_) = self.phase.get() else { return Poll::Pending };
        loop {
            let mut room = [0; AHEAD_BYTES];
            match ready!(self.socket.poll_read(cx, &mut room)) {
                Ok(0) | Err(_) => return Poll::Ready(Cut::Gone),
                Ok(count) => {
                    let mut ahead = self.ahead.borrow_mut();
                    if ahead.len() + count > AHEAD_BYTES {
                        return Poll::Ready(Cut::Gone);
                    }
                    ahead.extend(room.iter().take(count));
                }
            }
        }
    }

    /// Takes note of bytes that arrive. Empty lines between requests begin none (RFC 9112, 2.2).
    fn heard(&self, bytes: &[u8]) {
        let is_silence = bytes.iter().all(|it| matches!(it, b'\r' | b'\n'));
        if let Phase::Idle { .. } = self.phase.get()
            && !is_silence
        {
            self.phase.set(Phase::Reading { since: Instant::now() });
        }
    }

    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let mut ahead = self.ahead.borrow_mut();
        if !ahead.is_empty() {
            let count = ahead.len().min(buffer.remaining());
            let bytes: Vec<u8> = ahead.drain(..count).collect();
            self.heard(&bytes);
            buffer.put_slice(&bytes);
            return Poll::Ready(Ok(()));
        }
        let mut room = [0; READ_BYTES];
        let wanted = room.len().min(buffer.remaining());
        let Some(room) = room.get_mut(..wanted) else { return Poll::Ready(Ok(())) };
        let count = ready!(self.socket.poll_read(cx, room))?;
        let bytes = room.get(..count).unwrap_or_default();
        self.heard(bytes);
        buffer.put_slice(bytes);
        Poll::Ready(Ok(()))
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let result = self.socket.poll_write(cx, parts);
        self.note_stuck(result.is_pending());
        result
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = self.socket.poll_flush(cx);
        self.note_stuck(result.is_pending());
        result
    }

    /// Takes note of whether the client takes what it is sent.
    fn note_stuck(&self, is_stuck: bool) {
        let since = is_stuck.then(|| self.stuck_since.get().unwrap_or_else(Instant::now));
        self.stuck_since.set(since);
    }
}

/// A connection as the framing wants it.
pub(crate) struct Framed(pub(crate) Rc<Connection>);

impl hyper::rt::Read for Framed {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read(cx, &mut buffer)
    }
}

impl hyper::rt::Write for Framed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, &[IoSlice::new(bytes)])
    }

    /// The framing flushes when it has written all it had.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = self.0.poll_flush(cx);
        if result.is_ready() {
            self.0.is_even();
        }
        result
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.socket.finish_writing();
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, parts)
    }
}
