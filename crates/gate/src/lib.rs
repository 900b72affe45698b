//! Who may come in: passwords, tokens and sessions, and how often a stranger may guess.
//!
//! Pure: it is told the time and given what is random. It never says why somebody is refused, so that
//! nobody else can. Start with [`user::Users`] (who there is) and [`throttle::Throttle`] (how often they
//! may try).

pub mod digest;
pub mod password;
pub mod recent;
pub mod session;
pub mod throttle;
pub mod token;
pub mod user;
