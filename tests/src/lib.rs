//! End to end: the program as its users meet it, with real processes, real files and real time.
//!
//! A test builds a [`House`](house::House): a folder of its own with a configuration, a socket and logs; starts a
//! supervisor there, ours or the original; and looks from outside, through files, `/proc`, the two control
//! programs and plain HTTP. Nothing here uses a crate of ours: what is tested must not help to test itself.
//!
//! Nothing waits for time: [`until`](wait::until) waits for a truth, and a deadline only says when to give up. The
//! one exception is a test that must see that *nothing* happens; it watches for a window and says so.
//!
//! `MENSHEN_BIN` names the program to test; without it, it is built first. The original is looked for in
//! `target/venv`, where `cargo xtask test` puts it, or in the folder that `SUPERVISOR_BIN` names. With
//! `MENSHEN_E2E_MAKE=original` the tests run against it: most of what they say is true of both.

#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is how a test harness reports, in nearly every function"
)]

pub mod certificate;
pub mod disk;
pub mod house;
pub mod http;
pub mod pair;
pub mod plain;
pub mod proc;
pub mod program;
pub mod refused;
pub mod rpc;
pub mod said;
pub mod systemd;
pub mod terminal;
pub mod wait;
pub mod wall_clock;
