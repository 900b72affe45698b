//! The calls that wait: for the machine, or for their turn.

use std::collections::{BTreeMap, VecDeque};

use api::call::Refusal;
use api::session::Session;
use http::ask::Slot;
use supervisor::input::RequestId;
use wire::value::Value;

/// The sessions that wait.
#[derive(Default)]
pub(crate) struct Calls {
    /// For the machine.
    waiting: BTreeMap<RequestId, Call>,
    last: u64,
    /// For others to have their turn: a turn of the loop takes one step of one of them.
    paused: VecDeque<Call>,
}

/// A session and where its answer goes.
pub(crate) struct Call {
    pub(crate) session: Session,
    pub(crate) slot: Slot<Result<Value, Refusal>>,
}

impl Calls {
    /// Keeps a call until its answer comes, under the number the answer will carry.
    pub(crate) fn wait(&mut self, call: Call) -> RequestId {
        let id = self.nobody();
        self.waiting.insert(id, call);
        id
    }

    /// Keeps a call until it is its turn.
    pub(crate) fn pause(&mut self, call: Call) {
        self.paused.push_back(call);
    }

    /// Whether there is a call to go on with.
    pub(crate) fn has_paused(&self) -> bool {
        !self.paused.is_empty()
    }

    /// The call to go on with.
    pub(crate) fn resume(&mut self) -> Option<Call> {
        self.paused.pop_front()
    }

    /// A number for a request of nobody, whose answer nobody waits for.
    pub(crate) fn nobody(&mut self) -> RequestId {
        self.last += 1;
        RequestId(self.last)
    }

    /// The call an answer is for.
    pub(crate) fn take(&mut self, id: RequestId) -> Option<Call> {
        self.waiting.remove(&id)
    }
}
