//! The machine that decides: what to start, when to try again, when to give up, whom to answer.
//!
//! It reads no clock, file, socket or environment and cannot fail: it is told what happened
//! ([`input`]), says what is to be done ([`effect`]), and an effect's failure comes back as an input.
//! Start with [`supervisor::Supervisor::step`]; what one process goes through is in `phase.rs` and `process.rs`.
//! What outlives the daemon is in [`memory`], with the order in which a new machine is brought back to life.

pub mod bus;
pub mod deadline;
mod delivery;
mod doubt;
pub mod effect;
mod event_note;
mod group;
pub mod input;
mod ledger;
mod listener;
pub mod memory;
pub mod note;
mod options;
mod order;
pub mod phase;
pub mod plan;
mod pools;
mod process;
mod reconcile;
mod record;
pub mod reload;
mod remember;
mod replay;
mod request;
mod resume;
mod retry;
mod shutdown;
mod snapshot;
pub mod supervisor;
mod ticks;
mod turn;
mod update;
mod waiting;

#[cfg(test)]
mod tests;
