//! The calls that wait for the machine.

use std::collections::BTreeMap;

use api::call::Refusal;
use api::session::Session;
use http::ask::Slot;
use supervisor::input::RequestId;
use wire::value::Value;

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
    /// Keeps a call until its answer comes, under the number the answer will carry.
    pub(crate) fn wait(&mut self, call: Call) -> RequestId {
        self.last += 1;
        let id = RequestId(self.last);
        self.waiting.insert(id, call);
        id
    }

    /// The call an answer is for.
    pub(crate) fn take(&mut self, id: RequestId) -> Option<Call> {
        self.waiting.remove(&id)
    }
}
