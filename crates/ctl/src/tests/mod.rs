//! The commands against a server that plays a part.

mod commands;
mod fake;
mod verbs;
mod wire;
