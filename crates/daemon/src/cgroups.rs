//! Control groups for programs that are to be stopped with all that descends from them: where they are made, and that
//! none is left behind.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::settings::Cgroups as Wish;
use model::child::ChildId;
use model::level::Level;

/// The beginning of the name of each; what follows is the number of the child. The keeper knows its own by it.
const PREFIX: &str = "menshen-";

/// An empty group of this age was left behind. One that is younger may be about to be entered.
const LEFT_BEHIND_AFTER: Duration = Duration::from_mins(1);

/// Where groups are made.
#[derive(Debug)]
pub(crate) struct Cgroups {
    wish: Wish,
    /// Looked for when the first is wanted; an error when there is none.
    base: Option<io::Result<PathBuf>>,
}

impl Cgroups {
    pub(crate) const fn new(wish: Wish) -> Self {
        Self { wish, base: None }
    }

    /// The group for a child, and what the log is to say when this is the first that is asked for.
    pub(crate) fn of(&mut self, child: ChildId) -> (Option<PathBuf>, Option<(Level, String)>) {
        if self.wish == Wish::Off {
            return (None, None);
        }
        let mut news = None;
        let base = self.base.get_or_insert_with(|| {
            let found = find();
            news = Some(said(&found));
            found.inspect(|it| sweep(it))
        });
        (base.as_ref().ok().map(|it| it.join(format!("{PREFIX}{}", child.0))), news)
    }
}

/// Where groups can be made: in our own.
///
/// # Errors
/// Why they cannot.
pub(crate) fn find() -> io::Result<PathBuf> {
    let none = || io::Error::new(io::ErrorKind::NotFound, "there is no cgroup v2 here");
    let own = os::cgroup::own().ok_or_else(none)?;
    let in_place = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", own.display()));
    os::cgroup::probe(&own).map_err(in_place)?;
    Ok(own)
}

fn said(found: &io::Result<PathBuf>) -> (Level, String) {
    match found {
        Ok(place) => {
            let text = format!("programs with stopastree get control groups in {}", place.display());
            (Level::Info, text)
        }
        Err(error) => {
            let text =
                format!("no control groups ({error}); the trees of programs are found by their family");
            (Level::Info, text)
        }
    }
}

/// Removes groups that were left behind. Of one with somebody in it the kernel says so.
fn sweep(base: &Path) {
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|it| it.starts_with(PREFIX));
        let age = entry.metadata().and_then(|it| it.modified()).ok().and_then(|it| it.elapsed().ok());
        if is_ours && age.is_some_and(|it| it > LEFT_BEHIND_AFTER) {
            let _ = os::cgroup::remove(&entry.path());
        }
    }
}
