//! One file per kind of section: fields to values.

pub(crate) mod fcgi;
pub(crate) mod group;
pub(crate) mod history;
pub(crate) mod keeping;
pub(crate) mod listener;
pub(crate) mod plugin;
pub(crate) mod program;
pub(crate) mod server;
pub(crate) mod stream;
pub(crate) mod supervisord;
pub(crate) mod user;

mod reader;

pub(crate) use reader::{Context, Reader, Suffix, note_read};
