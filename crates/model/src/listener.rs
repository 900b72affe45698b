//! What passes between the supervisor and an event listener: letters to it, words from it.

use std::sync::Arc;

use crate::event::Event;
use crate::name::GroupName;

/// An event on its way to a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Letter {
    /// The number of the event, the same in all pools.
    pub serial: u64,
    /// The pool it waits in.
    pub pool: GroupName,
    /// Its number in that pool, which it keeps when it has to be sent again.
    pub pool_serial: u64,
    /// The event; shared by all pools that want it.
    pub event: Arc<Event>,
}

/// What a listener has said on its standard output, cut into pieces that mean something.
///
/// Whether it was the moment to say so is for the machine to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It is ready for an event: `READY`.
    Ready,
    /// It has begun to answer. These are the first bytes; what they come to is told later.
    Begun(Vec<u8>),
    /// It has answered: what followed the line `RESULT n`.
    Answer(Vec<u8>),
    /// This stands where the line `RESULT n` belongs. Nothing it says later can be understood.
    BadResult(Vec<u8>),
    /// This stands where `READY` belongs. Nothing it says later can be understood.
    Nonsense(Vec<u8>),
}
