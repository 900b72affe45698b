//! The keeper as a process: real children, real pipes, real signals; the test is its daemon.
#![expect(clippy::unwrap_used, reason = "in a test, what goes wrong is to be seen at once")]

mod adopt;
mod children;
mod daemons;
mod outlive;
mod pair;
mod stop;
mod upgrade;
