//! Places where a process dies when somebody wants to see what happens then. In a shipped program there are none.
//!
//! The variable `MENSHEN_FAILPOINT` names a file. As long as it is there, it says where to die: the name of a place, and
//! at which passage. Whoever dies removes it first, so that the next to pass there lives.

/// Passes the place `name`, and dies there by SIGKILL if that is wanted.
#[inline]
pub fn pass(name: &str) {
    #[cfg(any(debug_assertions, feature = "failpoints"))]
    armed::pass(name);
    #[cfg(not(any(debug_assertions, feature = "failpoints")))]
    let _ = name;
}

/// Whether somebody who kills us all the time does not want to wait between deaths.
#[inline]
pub fn is_hurried() -> bool {
    cfg!(any(debug_assertions, feature = "failpoints")) && std::env::var_os("MENSHEN_FAILPOINT").is_some()
}

#[cfg(any(debug_assertions, feature = "failpoints"))]
mod armed {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    static PASSAGES: AtomicU32 = AtomicU32::new(0);

    pub(super) fn pass(name: &str) {
        let Some(file) = FILE.get_or_init(|| std::env::var_os("MENSHEN_FAILPOINT").map(PathBuf::from)) else {
            return;
        };
        let Ok(text) = std::fs::read_to_string(file) else {
            return PASSAGES.store(0, Ordering::Relaxed);
        };
        if is_wanted(&text, name, || PASSAGES.fetch_add(1, Ordering::Relaxed).saturating_add(1)) {
            // Whoever removes it dies: of two who pass at once, one.
            if std::fs::remove_file(file).is_ok() {
                let _ = crate::signals::send(std::process::id(), crate::signals::KILL);
            }
        }
    }

    /// Whether `text` means this passage of `name`.
    pub(super) fn is_wanted(text: &str, name: &str, passage: impl FnOnce() -> u32) -> bool {
        let mut words = text.split_whitespace();
        let is_here = words.next() == Some(name);
        let wanted = words.next().and_then(|it| it.parse().ok()).unwrap_or(1);
        is_here && passage() >= wanted
    }
}

#[cfg(all(test, any(debug_assertions, feature = "failpoints")))]
mod tests {
    use super::*;

    #[test]
    fn only_the_passage_that_is_meant_is_the_last() {
        let cases = [
            ("keeper.born 2", "keeper.born", 1, false),
            ("keeper.born 2\n", "keeper.born", 2, true),
            ("keeper.born", "keeper.born", 1, true),
            ("keeper.born 1", "keeper.sent", 1, false),
            ("", "keeper.sent", 1, false),
        ];
        for (text, name, passage, wanted) in cases {
            assert_eq!(armed::is_wanted(text, name, || passage), wanted, "{text} {name}");
        }
        pass("nowhere"); // Nobody has asked for it, so this test goes on.
    }
}
