//! The shell around the machine: it reads the configuration, listens, writes logs, and does what
//! the machine decides. It decides nothing about a process itself.
//!
//! Three images of one binary follow each other. The [`launch`]er reads the command line and the
//! configuration, takes the user and the limits it is to have, and becomes the keeper; the keeper
//! starts the daemon proper ([`run`]), whose loop feeds the machine with what happens.

pub mod demonstration;
pub mod handover;
pub mod launch;
pub mod run;

mod birth;
mod calls;
mod chores;
mod events;
mod figures;
mod keeper_link;
mod pending;
mod perform;
mod sampling;
mod sockets;
mod startup;
mod state;
mod stdin;
mod streams;
mod watching;
