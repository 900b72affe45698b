//! What the server asks the daemon.

use std::path::PathBuf;
use std::rc::Rc;

use api::call::{Interface, Refusal};
use model::audit::{Asker, Record};
use model::level::Level;
use tokio::sync::oneshot;
use wire::value::{MethodCall, Value};

/// Where an answer goes. A slot dropped without one makes the client see a status of 500; a slot whose
/// other end is closed belongs to a client that has left.
pub type Slot<T> = oneshot::Sender<T>;

/// A question, with a slot for its answer.
#[derive(Debug)]
pub enum Ask {
    /// Make this call.
    Call {
        /// The call.
        call: MethodCall,
        /// By which interface it came.
        interface: Interface,
        /// Who makes it.
        asker: Rc<Asker>,
        /// Its answer.
        slot: Slot<Result<Value, Refusal>>,
    },
    /// Which file does `/logtail/<name>/<channel>` follow?
    ProcessLog {
        /// The process, as the client wrote it.
        name: String,
        /// The channel, as the client wrote it.
        channel: String,
        /// The file, if there is one.
        slot: Slot<Option<PathBuf>>,
    },
    /// Which file does `/mainlogtail` follow?
    MainLog {
        /// The file, if there is one.
        slot: Slot<Option<PathBuf>>,
    },
    /// What are the figures, as text for those who collect them? Answered after a fresh look.
    Metrics {
        /// The text.
        slot: Slot<String>,
    },
    /// Which processes are not as they should be: to be up, and not?
    Unready {
        /// Their names; empty when all is well, `None` when everything is being stopped.
        slot: Slot<Option<Vec<String>>>,
    },
    /// Write down what somebody did that is no call: they came in, or could not.
    Audit(Record),
    /// Somebody begins to watch the feed: there may be more to do from now on.
    Watching,
}

/// Writes a line to the daemon's log.
pub type Note = Rc<dyn Fn(Level, &str)>;
