//! The keeper: parent of every process of the house, and the one whose pid is in the pidfile.
//!
//! It makes children as it is told, signals, reaps, holds descriptors and reports. It decides
//! nothing, reads no configuration, opens no log and never talks to a network, so that there is next
//! to nothing in it that could fail: no thread, no panicking path, no memory that grows beyond its
//! tables, and no wait but the one for the next event.
//!
//! The rules it keeps, whatever the daemon does:
//!
//! - a slot holds at most one live child, and is free again only when the daemon has said that it
//!   has recorded the end of the one before;
//! - a signal goes to a child that has not been reaped, or to a process that is held to be the one
//!   that was meant, hence never to a pid used again;
//! - an end is reported until it is recorded, and is none before all who were to be stopped with the
//!   child are gone, or named;
//! - doubt about a child blocks its slot, and never makes another;
//! - who there is is written down before it is there;
//! - when there is no daemon to say how, children are stopped as their last wills say.
//!
//! Start with `run.rs`.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used, clippy::unwrap_used)]

mod attention;
mod before;
mod birth;
mod hunt;
mod journal;
mod kin;
mod launch;
mod link;
#[cfg(test)]
mod model;
mod rebirth;
mod run;
mod store;
mod table;
mod voice;
mod will;

pub use launch::main;
