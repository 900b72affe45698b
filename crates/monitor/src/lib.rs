//! What processes and the machine use, read from `/proc`.
//!
//! Pure are the parsers ([`parse`], [`machine`]) and the sums over trees of processes (`tree`); [`sampler`] opens
//! files and knows what it saw before. It never decides when to look, and keeps no more than the last look.
//! Files of `/proc` may make their reader wait, so whoever uses this does so where nobody waits for it.

pub mod machine;
pub mod parse;
pub mod sampler;
mod tree;
