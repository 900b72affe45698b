//! A world for the machine to live in, made of nothing: virtual time, scripted programs, clients and
//! disasters. Never shipped.
//!
//! [`world::run`] plays a [`script::Script`] against a real [`supervisor::supervisor::Supervisor`], and
//! the [`oracle`] looks at every step. [`swarm`] makes scripts from seeds; one that fails is cut down to
//! what matters and printed in the form of the files in `tests/scenarios`, so that a bug found becomes
//! a regression file by copying.

mod afterlife;
pub mod clock;
mod death;
pub mod disaster;
mod journal;
mod keeper;
pub mod oracle;
pub mod script;
mod script_text;
pub mod swarm;
mod variant;
mod watch;
pub mod world;
