//! Every method, through a real machine whose children obey at once.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the one answer it wants")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod calls;
mod extended;
mod logs;
mod multicall;
mod processes;
mod roles;
mod world;
