//! Calls of clients on their way: each is a [`Session`] that asks the machine, has chores done, and
//! ends with one reply. Nothing waits here; a session that needs the machine's answer lies in a map
//! until the answer comes.

use std::collections::BTreeMap;

use api::call::{Context, Outcome, Refusal};
use api::session::{Next, Session};
use http::ask::Slot;
use model::fault::{Fault, FaultCode};
use os::clock::LocalZone;
use supervisor::effect::Answer;
use supervisor::input::{Departure, Input, Request, RequestId};
use wire::value::Value;

use crate::birth;
use crate::state::Daemon;

/// The sessions that wait for the machine.
#[derive(Default)]
pub(crate) struct Calls {
    waiting: BTreeMap<RequestId, Call>,
    last: u64,
}

/// A session and where its answer goes.
pub(crate) struct Call {
    pub(crate) session: Session,
    pub(crate) slot: Slot<Result<Value, Refusal>>,
}

impl Calls {
    fn wait(&mut self, call: Call) -> RequestId {
        self.last += 1;
        let id = RequestId(self.last);
        self.waiting.insert(id, call);
        id
    }
}

impl Daemon {
    /// Takes a call as far as it goes without waiting.
    pub(crate) fn advance(&mut self, mut call: Call) {
        loop {
            let context = Context {
                supervisor: &self.supervisor,
                now: os::clock::now(),
                zone: &LocalZone,
                identity: &self.identity,
                files: &self.streams,
            };
            match call.session.advance(&context) {
                // A client that has gone does not want it any more.
                Next::Done(result) => return drop(call.slot.send(result)),
                Next::Chore(chore) => {
                    let outcome = self.chore(chore);
                    call.session.settle(outcome);
                }
                Next::Ask(request) => match self.prepare(request) {
                    Ok(request) => {
                        let id = self.calls.wait(call);
                        return self.feed(Input::Request { id, request });
                    }
                    Err(fault) => call.session.settle(Outcome::Failed(fault)),
                },
            }
        }
    }

    /// Adds to a request what only a look at the world can tell.
    fn prepare(&mut self, request: Request) -> Result<Request, Fault> {
        match request {
            Request::Start { name, named, wait, obstacle: _ } => {
                let spec = self.supervisor.spec(&name);
                let obstacle = spec.and_then(|it| birth::program(it, &self.inheritance).err());
                Ok(Request::Start { name, named, wait, obstacle })
            }
            Request::Update { names, configured: _ } => {
                let configured = self.preview().map_err(|it| Fault::about(FaultCode::CantReread, it))?;
                Ok(Request::Update { names, configured })
            }
            Request::Leave(Departure::Restart) => {
                self.check_restart()?;
                Ok(request)
            }
            Request::Leave(Departure::Shutdown)
            | Request::StartMany { .. }
            | Request::Stop { .. }
            | Request::StopMany { .. }
            | Request::Signal { .. }
            | Request::SignalMany { .. }
            | Request::AddGroup { .. }
            | Request::RemoveGroup { .. } => Ok(request),
        }
    }

    /// The machine has answered: the call goes on.
    pub(crate) fn answered(&mut self, id: RequestId, answer: Result<Answer, Fault>) {
        if let Some(mut call) = self.calls.waiting.remove(&id) {
            call.session.settle(Outcome::Answered(answer));
            self.advance(call);
        }
    }
}
