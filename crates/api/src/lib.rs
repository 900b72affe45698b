//! What clients can call: the methods, their arguments, faults and answers, without any I/O.
//!
//! A [`session::Session`] takes one call from its first byte of meaning to its answer. It never waits:
//! what it needs from the machine or from the disk it says as a [`session::Next`], and is told the
//! [`call::Outcome`]. Start with [`method::ENTRIES`] (what there is) and [`session::Session::advance`].

pub mod allowed;
mod arguments;
pub mod audit;
mod batch;
mod begin;
pub mod call;
mod config_info;
pub mod facts;
pub mod followed;
mod inspection;
pub mod json;
pub mod logs;
pub mod method;
pub mod metrics;
pub mod openapi;
mod options;
mod past;
pub mod process_info;
mod python;
pub mod recent;
pub mod rest;
pub mod session;
mod shape;
pub mod why;
