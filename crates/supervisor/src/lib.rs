//! The machine that decides: what to start, when to try again, when to give up, whom to answer.
//!
//! It reads no clock, file, socket or environment and cannot fail: it is told what happened
//! ([`input`]), says what is to be done ([`effect`]), and an effect's failure comes back as an input.
//! Start with [`supervisor::Supervisor::step`].

pub mod effect;
pub mod input;
pub mod supervisor;
pub mod note;
