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

mod audit;
mod begin;
mod birth;
mod calls;
mod cgroups;
mod chores;
mod digest;
mod early;
mod estate;
mod events;
mod exits;
mod figures;
mod inventory;
mod keeper_link;
mod keepsakes;
mod lasting;
mod mailbag;
mod memory_file;
mod outputs;
mod past;
mod past_figures;
mod past_words;
mod pending;
mod perform;
mod probes;
mod recall;
mod remember;
mod runtime;
mod sampling;
mod servers;
mod sockets;
mod startup;
mod state;
mod stdin;
mod streams;
mod substitute;
mod takeover;
mod tape;
mod tapes;
mod upgrade;
mod watching;
