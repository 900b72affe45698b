//! The words of the house: names, states, events, faults, specs. Every other crate speaks them.
//!
//! Pure data and total functions on it: no I/O, no clock, no policy. Start with [`spec`] (what a
//! configuration asks for) and [`state`] (what clients see).

pub mod audit;
pub mod child;
pub mod event;
pub mod exit;
pub mod fault;
pub mod info;
pub mod keeping;
pub mod language;
pub mod level;
pub mod listener;
pub mod name;
pub mod outside;
pub mod past;
pub mod python;
pub mod role;
pub mod signal;
pub mod spawn;
pub mod spec;
pub mod state;
pub mod time;
pub mod usage;
#[cfg(feature = "serde")]
mod written;
