//! The HTTP server: bytes from sockets become questions to the daemon, and its answers become bytes.
//!
//! It decides nothing about processes and holds nothing of theirs. Each connection is one task that owns
//! its socket; a question travels over a bounded channel with a slot for the answer, and a full channel
//! is an answer too (503). Everything that waits for a stranger has a limit, see [`limits`]. Start with
//! [`server::serve`] and [`ask::Ask`].

pub mod ask;
mod auth;
mod body;
mod connection;
mod console;
mod date;
mod door;
pub mod feed;
mod follow;
pub mod limits;
mod porter;
mod probe;
mod reply;
mod rest;
mod routes;
mod seat;
pub mod server;
mod socket;
mod stream;
pub mod tls;
mod validity;
mod visit;
