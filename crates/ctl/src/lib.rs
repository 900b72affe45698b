//! The client: `supervisorctl` as it always was, the verbs of `menshen`, and two small programs that
//! came with Supervisor.
//!
//! It knows the server's contract (XML-RPC, the log streams) and nothing of the server: it works
//! against the original just as well, and must never use the crates that run processes. It prints
//! only through the writers it is given.
//!
//! Start with [`supervisorctl()`] and [`menshen`].

pub mod args;

mod client;
mod command;
mod echo;
mod exit;
mod framing;
mod input;
mod interrupt;
mod pane;
mod pidproxy;
mod place;
mod python;
mod remote;
mod render;
mod session;
mod shell;
mod supervisorctl;
#[cfg(test)]
mod tests;
mod tls;
mod transport;
mod verbs;

pub use echo::echo_supervisord_conf;
pub use pidproxy::pidproxy;
pub use supervisorctl::supervisorctl;
pub use verbs::{demo_socket, menshen};
