//! Who is let in, and how often a stranger may try.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use gate::digest::Digest;
use gate::recent::Recent;
use gate::session::Sessions;
use gate::throttle::{Source, Throttle};
use gate::user::{Trial, User, Users};
use model::audit::{Asker, Door, Outcome, Record, Who, shown};
use model::role::Role;
use model::time::Mono;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{Instant, timeout};

use crate::reply::Reply;
use crate::routes::busy;
use crate::seat::Seat;

/// How many dear passwords are checked at once, over all sockets. Each takes 19 MiB while it is.
const CHECKS_MAX: usize = 2;

/// How many may wait for that; one more is answered with 503.
const CHECKS_WAITING_MAX: usize = 16;

/// How much stack the check of a password needs, with room to spare: its memory is on the heap.
const CHECK_STACK_BYTES: usize = 256 << 10;

/// What the porters of all sockets share.
pub(crate) struct Lodge {
    throttle: RefCell<Throttle>,
    checks: Arc<Semaphore>,
    waiting: Rc<Cell<usize>>,
    /// When time began.
    origin: Instant,
}

impl Lodge {
    pub(crate) fn new() -> Self {
        Self {
            throttle: RefCell::default(),
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
            waiting: Rc::default(),
            origin: Instant::now(),
        }
    }

    fn now(&self) -> Mono {
        Mono(self.origin.elapsed())
    }

    /// Finds out whether a password is right, elsewhere if that takes long.
    async fn is_right(&self, trial: Trial) -> Result<bool, Reply> {
        if !trial.is_dear() {
            return Ok(trial.is_right());
        }
        let _seat = Seat::take(&self.waiting, CHECKS_WAITING_MAX).ok_or_else(busy)?;
        let turn = Arc::clone(&self.checks).acquire_owned().await.map_err(|_| busy())?;
        let (slot, answer) = oneshot::channel();
        let check = move || {
            // Whoever asked may have left; the turn is over when the memory is free again.
            let _ = slot.send(trial.is_right());
            drop(turn);
        };
        let thread = std::thread::Builder::new().name("password".to_owned()).stack_size(CHECK_STACK_BYTES);
        thread.spawn(check).map_err(|_| busy())?;
        answer.await.map_err(|_| busy())
    }
}

/// Why somebody is not let in.
#[derive(Debug)]
pub(crate) enum Barred {
    /// They have not said who they are, or not rightly.
    Stranger,
    /// They have tried too often: how many seconds there are to wait.
    TooOften(u64),
    /// They could not be listened to.
    Reply(Reply),
}

/// Whoever is let in.
pub(crate) struct Guest {
    pub(crate) asker: Rc<Asker>,
    /// What names their session, if they have one.
    pub(crate) session: Option<Digest>,
}

/// Who stands at one socket.
pub(crate) struct Porter {
    users: Users,
    lodge: Rc<Lodge>,
    recent: RefCell<Recent>,
    sessions: RefCell<Sessions>,
    /// Told when a session may have been ended before its time.
    ended: Notify,
}

impl Porter {
    pub(crate) fn new(users: Users, lodge: Rc<Lodge>) -> Self {
        let recent = RefCell::new(Recent::new(random()));
        Self { users, lodge, recent, sessions: RefCell::default(), ended: Notify::new() }
    }

    /// Whether anybody is asked who they are.
    pub(crate) fn asks(&self) -> bool {
        !self.users.is_empty()
    }

    /// Lets in whom nobody asks.
    pub(crate) fn anybody(door: &Door) -> Guest {
        let who = match door {
            Door::Unix { uid: Some(uid), .. } => Who::Uid(*uid),
            Door::Unix { uid: None, .. } | Door::Inet(_) => Who::Anybody,
        };
        Guest { asker: Rc::new(Asker { who, role: Role::Admin, door: door.clone() }), session: None }
    }

    /// Lets in who has a token.
    pub(crate) fn with_token(&self, token: &str, door: &Door) -> Result<Guest, Barred> {
        self.users.with_token(token).map(|it| guest(it, door, None)).ok_or(Barred::Stranger)
    }

    /// Lets in who has a session.
    pub(crate) fn with_session(&self, proof: &str, door: &Door) -> Option<Guest> {
        let (name, session) = self.sessions.borrow_mut().find(proof, self.lodge.now())?;
        Some(guest(self.users.find(&name)?, door, Some(session)))
    }

    /// Lets in who knows the password. Cancel-safe: a try that nobody waits for any more has failed.
    pub(crate) async fn with_password(
        &self,
        name: &str,
        password: &str,
        door: &Door,
    ) -> Result<Guest, Barred> {
        let seen = self.recent.borrow().find(name, password, self.lodge.now());
        if let Some(user) = seen.and_then(|it| self.users.find(&it)) {
            return Ok(guest(user, door, None));
        }
        let source = Source::of(door);
        if !is_master(source) {
            let begun = self.lodge.throttle.borrow_mut().begin(source, self.lodge.now());
            begun.map_err(|pause| Barred::TooOften(pause.as_secs() + 1))?;
        }
        let trial = self.users.trial(name, password.to_owned());
        let is_right = self.lodge.is_right(trial).await.map_err(Barred::Reply)?;
        let Some(user) = self.users.find(name).filter(|_| is_right) else { return Err(Barred::Stranger) };
        let now = self.lodge.now();
        self.lodge.throttle.borrow_mut().succeeded(source, now);
        self.recent.borrow_mut().remember(name, password, now);
        Ok(guest(user, door, None))
    }

    /// Begins a session for a guest; what is returned proves it.
    pub(crate) fn begin_session(&self, guest: &Guest) -> Option<String> {
        let Who::User(name) = &guest.asker.who else { return None };
        let proof = self.sessions.borrow_mut().begin(name, random(), self.lodge.now());
        // It may have taken the place of another.
        self.ended.notify_waiters();
        Some(proof)
    }

    /// Ends a session.
    pub(crate) fn end_session(&self, session: &Digest) {
        self.sessions.borrow_mut().end(session);
        self.ended.notify_waiters();
    }

    /// Ends the session that this proves, if it proves one.
    pub(crate) fn end_proven(&self, proof: &str) {
        let found = self.sessions.borrow_mut().find(proof, self.lodge.now());
        if let Some((_, session)) = found {
            self.end_session(&session);
        }
    }

    /// Waits until a session is over, however it ends.
    pub(crate) async fn session_over(&self, session: &Digest) {
        loop {
            // Made before the look, so that no end in between is missed.
            let ended = self.ended.notified();
            let until = self.sessions.borrow().lasts_until(session);
            let Some(until) = until.filter(|it| *it > self.lodge.now()) else { return };
            // Whichever comes first: the session may last longer by then, or not at all.
            let _ = timeout(until - self.lodge.now(), ended).await;
        }
    }

    /// What to write down of somebody who said this name and was not let in. A name that is not ours may be a
    /// password that went into the wrong field.
    pub(crate) fn refusal(&self, name: &str, door: &Door) -> Record {
        let about = if self.users.find(name).is_some() { shown(name) } else { "(unknown user)".to_owned() };
        let outcome = Outcome::Denied("wrong name or password".to_owned());
        record(Who::Anybody, door, "login", about, outcome)
    }
}

/// Whether this is somebody whom no password keeps out: root, and whoever we run as. To hold them back would only be in
/// the way.
fn is_master(source: Source) -> bool {
    match source {
        Source::Uid(Some(uid)) => uid == 0 || uid == os::user::own_uid(),
        Source::Uid(None) | Source::V4(_) | Source::V6(_) => false,
    }
}

/// What to write down of a guest.
pub(crate) fn passage(asker: &Asker, what: &str, outcome: Outcome) -> Record {
    record(asker.who.clone(), &asker.door, what, String::new(), outcome)
}

fn record(who: Who, door: &Door, what: &str, about: String, outcome: Outcome) -> Record {
    Record { at: os::clock::wall(), who, door: door.clone(), what: what.to_owned(), about, outcome }
}

fn guest(user: &User, door: &Door, session: Option<Digest>) -> Guest {
    let asker = Asker { who: Who::User(Arc::clone(&user.name)), role: user.role, door: door.clone() };
    Guest { asker: Rc::new(asker), session }
}

/// What nobody can guess.
pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    // Anything else would let strangers in.
    assert_eq!(filled, Ok(bytes.len()), "the kernel fills so few bytes whole, and always (getrandom(2))");
    bytes
}
