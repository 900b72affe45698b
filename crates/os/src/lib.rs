//! The operating system, safely: small functions named after what they do, without policy.
//!
//! The only crate of the house that may hold `unsafe`: one operation per block, each with the rule
//! that makes it sound. It never logs, never decides and starts no threads.
#![expect(unsafe_code, reason = "this crate is where the house keeps it")]

pub mod births;
pub mod cgroup;
pub mod clock;
pub mod errno;
pub mod failpoint;
pub mod fd;
pub mod limits;
pub mod listen;
pub mod mark;
pub mod memory;
pub mod notify;
pub mod outside;
pub mod pidfd;
pub mod poll;
pub mod probe;
pub mod process;
pub mod procfs;
pub mod program;
mod raw;
pub mod signals;
pub mod socket;
pub mod spawn;
pub mod user;
pub mod wait;
pub mod watchdog;
