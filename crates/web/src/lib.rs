//! Pages for people: functions from what clients see to HTML. Nothing here asks, reads or sends.
//!
//! A page is one document: no script, no request for anything else, light or dark as the reader's
//! system is. Start with [`pages::status`].

mod html;
pub mod pages;
