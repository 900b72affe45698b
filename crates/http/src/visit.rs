//! One request on its way: the site it came to, and who sent it.

use std::ops::Deref;
use std::rc::Rc;

use api::call::{Interface, Refusal};
use gate::digest::Digest;
use hyper::StatusCode;
use model::audit::{Asker, Outcome, Who};
use model::fault::Fault;
use model::level::Level;
use model::role::Role;
use tokio::sync::{mpsc, oneshot};
use wire::value::{MethodCall, Value};

use crate::ask::{Ask, Note, Slot};
use crate::connection::Lease;
use crate::porter::{Guest, passage};
use crate::reply::Reply;
use crate::routes::{Site, busy};

/// One request on its way. What is asked of the daemon is asked in the name of who sent it.
pub(crate) struct Visit {
    site: Rc<Site>,
    pub(crate) asker: Rc<Asker>,
    /// What names the session it belongs to, if to one.
    pub(crate) session: Option<Digest>,
}

impl Deref for Visit {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

/// Why a call has no good answer.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The daemon refused.
    Fault(Fault),
    /// It could not even be asked.
    Reply(Reply),
}

impl Visit {
    pub(crate) fn new(site: Rc<Site>, guest: Guest) -> Self {
        Self { site, asker: guest.asker, session: guest.session }
    }

    /// The name of the user, where users are asked for one.
    pub(crate) fn user(&self) -> Option<&str> {
        match &self.asker.who {
            Who::User(name) => Some(name),
            Who::Uid(_) | Who::Anybody => None,
        }
    }

    /// What a form must bring back to be believed. It belongs to the session, or else to the user.
    pub(crate) fn form_token(&self) -> String {
        self.secret.token(self.user(), self.session)
    }

    /// For how long a stream may be seen: as long as the session it was asked for in, where there is one. Whoever
    /// comes with a password or a token is let in until the next reading of the users, which ends every connection.
    pub(crate) fn lease(&self) -> Option<Lease> {
        let (site, session) = (Rc::clone(&self.site), self.session?);
        Some(Lease(Box::pin(async move { site.porter.session_over(&session).await })))
    }

    /// Whether who sent this may see something that is no method.
    ///
    /// # Errors
    /// With the words for who may not; they are written down.
    pub(crate) fn check_role(&self, what: &str, needed: Role) -> Result<(), Fault> {
        let allowed = api::allowed::check(what, needed, &self.asker);
        if let Err(fault) = &allowed {
            let reason = fault.extra.clone().unwrap_or_default();
            self.write_down(passage(&self.asker, what, Outcome::Denied(reason)));
        }
        allowed
    }

    /// Has the daemon make a call, and waits for its answer.
    pub(crate) async fn make(
        &self,
        call: MethodCall,
        interface: Interface,
    ) -> Result<Result<Value, Refusal>, Reply> {
        let asker = Rc::clone(&self.asker);
        self.ask(|slot| Ask::Call { call, interface, asker, slot }).await
    }

    /// Makes a call for a page.
    pub(crate) async fn call(&self, name: &str, params: Vec<Value>) -> Result<Value, CallError> {
        self.caller().call(name, params).await
    }

    /// Asks the daemon and waits for its answer.
    pub(crate) async fn ask<T>(&self, question: impl FnOnce(Slot<T>) -> Ask) -> Result<T, Reply> {
        ask(&self.asks, &self.note, question).await
    }

    /// What makes calls, also when this is gone.
    pub(crate) fn caller(&self) -> Caller {
        let (asks, note) = (self.asks.clone(), Rc::clone(&self.note));
        Caller { asks, note, asker: Rc::clone(&self.asker) }
    }
}

/// Makes calls, and outlives the request they are for.
pub(crate) struct Caller {
    asks: mpsc::Sender<Ask>,
    note: Note,
    asker: Rc<Asker>,
}

impl Caller {
    /// Makes a call for a page.
    pub(crate) async fn call(&self, name: &str, params: Vec<Value>) -> Result<Value, CallError> {
        let call = MethodCall { name: name.to_owned(), params };
        let (interface, asker) = (Interface::Own, Rc::clone(&self.asker));
        match ask(&self.asks, &self.note, |slot| Ask::Call { call, interface, asker, slot }).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Refusal::Fault(fault))) => Err(CallError::Fault(fault)),
            Ok(Err(Refusal::Internal(reason))) => {
                (self.note)(Level::Critical, &format!("{name} failed: {reason}"));
                Err(CallError::Reply(Reply::error(StatusCode::INTERNAL_SERVER_ERROR)))
            }
            Err(reply) => Err(CallError::Reply(reply)),
        }
    }
}

async fn ask<T>(
    asks: &mpsc::Sender<Ask>,
    note: &Note,
    question: impl FnOnce(Slot<T>) -> Ask,
) -> Result<T, Reply> {
    let (slot, answer) = oneshot::channel();
    if asks.try_send(question(slot)).is_err() {
        return Err(busy());
    }
    answer.await.map_err(|_| {
        note(Level::Critical, "a request was dropped without an answer");
        Reply::error(StatusCode::INTERNAL_SERVER_ERROR)
    })
}
