//! What must never happen: the twenty complaints that users of supervisors have had for fifteen years, each as a
//! test that bears its number. Most of them fail against the original, or against one of its successors.
//!
//! `processes` holds what is about starting, stopping and dying; `output` what is about logs; `house` what is about
//! the program itself; `talk` what is about clients and listeners.

mod house;
mod output;
mod processes;
mod talk;
