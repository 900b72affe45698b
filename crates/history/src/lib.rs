//! What happened and how much was used, in a SQLite database that outlives the daemon and that anybody can open.
//!
//! It decides nothing and looks at no process. The [`book`] has a thread of its own, so that nobody waits for a disk:
//! what it is told goes into a bounded queue, which drops what it has no room for; what it is asked is answered
//! through a function. A disk that is full is tried again, a file that is no database is set aside and a new one
//! begun. `thin` makes few points of many, `pack` makes them small, `file` has the tables. Start with
//! [`book::Book::open`].

pub mod book;
mod clerk;
mod file;
mod pack;
mod thin;
mod views;
