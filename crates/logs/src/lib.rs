//! Where output goes: from the pipes of children to files and the system log, and the daemon's own
//! log beside it.
//!
//! Bytes are never decoded on their way, and nothing here ever waits but the write to a regular
//! file: a terminal that is stopped, a pipe that nobody reads, a disk that is full hold up the one
//! stream they belong to. It knows nothing of processes and their states, and decides nothing.
//!
//! Start with [`pump`], which moves the bytes; [`mod@file`] is what it moves them to, [`main_log`] the
//! daemon's own log, [`tail`] the way back.

mod ansi;
pub mod auto;
pub mod capture;
mod copy;
mod failpoint;
pub mod file;
mod format;
mod ledger;
pub mod main_log;
mod outlet;
mod period;
mod press;
pub mod pump;
mod ring;
mod rotate;
mod sink;
pub mod syslog;
pub mod tail;
mod target;
pub mod upkeep;
