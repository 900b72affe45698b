//! Lives of processes, told as an operator would see them.

mod bench;
mod death;
mod events;
mod groups;
mod leaving;
mod life;
mod memory;
mod requests;
mod update;
#[cfg(feature = "serde")]
mod written;
