//! Configuration files: text in, fully resolved specs and every problem out.
//!
//! The language is that of Supervisor's `supervisord.conf`, with its surprises. Nothing in here
//! touches the machine: files, users and variables come through [`model::outside::Outside`], so
//! that a configuration can be checked, tested and fuzzed without one.
//!
//! Start with [`load`]. Options are declared in [`option`] and read, section by section, in the
//! modules under `section`.

pub mod client;
pub mod compat;
pub mod diagnostic;
pub mod environment;
pub mod getopt;
pub mod option;
pub mod settings;
pub mod shell_words;
pub mod span;
pub mod value;

mod arguments;
mod discover;
mod expand;
mod format;
mod help;
mod ini;
mod lint;
mod machine;
#[cfg(test)]
mod pretend;
#[cfg(test)]
mod properties;
mod python;
mod resolve;
mod sample;
mod section;
mod source;
pub mod suggest;

pub use arguments::{Invocation, UsageError, supervisord_arguments, supervisord_usage};
pub use discover::{ROOT_SEARCH_WARNING, discover, search_paths};
pub use help::{options_help, options_markdown};
pub use resolve::{Loaded, load, load_with_compat};
pub use sample::sample;
pub use settings::{Config, MainLog, Overrides, ServerSpec, Settings};
pub use source::{FILE_BYTES_MAX, INCLUDED_FILES_MAX};
