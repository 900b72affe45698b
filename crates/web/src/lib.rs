//! Pages for people: functions from what clients may know to HTML. Nothing here asks, reads or sends.
//!
//! Every page is whole without a script: it can be read, filtered and acted with. The script, the style
//! and the pictures are part of the program, see [`assets`]; no page asks for anything that is not ours,
//! and none holds a script or a style of its own, so that the policy it is served with can forbid both.
//! Start with [`overview::overview`].

pub mod assets;
pub mod feeds;
pub mod frame;
pub mod html;
pub mod overview;
pub mod plain;
pub mod process;
pub mod show;
pub mod words;
