//! Resource limits of this process.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A soft and a hard limit; `None` is no limit.
pub type Pair = (Option<u64>, Option<u64>);

/// The limits on open descriptors.
pub fn nofile() -> Pair {
    let limit = getrlimit(Resource::Nofile);
    (limit.current, limit.maximum)
}

/// Raises the soft limit on open descriptors to the hard one.
///
/// # Errors
/// When the kernel refuses, which leaves the limit as it was.
pub fn raise_nofile_to_hard() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

/// What came of asking for at least so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raised {
    /// There were enough.
    Enough,
    /// The soft limit, and the hard one where needed, was raised.
    Raised,
    /// The kernel refused; the hard limit is this.
    Refused(u64),
}

/// Sees to it that at least `wanted` descriptors can be open.
pub fn at_least_nofile(wanted: u64) -> Raised {
    at_least(Resource::Nofile, wanted)
}

/// Sees to it that this user may have at least `wanted` processes.
pub fn at_least_nproc(wanted: u64) -> Raised {
    at_least(Resource::Nproc, wanted)
}

fn at_least(resource: Resource, wanted: u64) -> Raised {
    let limit = getrlimit(resource);
    let below = |it: Option<u64>| it.is_some_and(|it| it < wanted);
    if !below(limit.current) {
        return Raised::Enough;
    }
    let maximum = if below(limit.maximum) { Some(wanted) } else { limit.maximum };
    match setrlimit(resource, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => Raised::Raised,
        Err(_) => Raised::Refused(limit.maximum.unwrap_or(u64::MAX)),
    }
}
