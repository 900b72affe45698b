//! Where a configuration file is looked for when none is named (`options.py`, `Options.__init__`).

use std::path::{Path, PathBuf};

use model::outside::Outside;

use crate::python;

/// What supervisord tells a superuser who lets it look for its configuration.
pub const ROOT_SEARCH_WARNING: &str = "Supervisord is running as root and it is searching for its \
    configuration file in default locations (including its current working directory); you probably want to \
    specify a \"-c\" argument specifying an absolute path to a configuration file for improved security.";

/// The places, the best first, for a program called as `argv0`.
pub fn search_paths(argv0: &str) -> [String; 6] {
    let above = python::dirname(python::dirname(argv0));
    [
        python::join(above, "etc/supervisord.conf"),
        python::join(above, "supervisord.conf"),
        "supervisord.conf".to_owned(),
        "etc/supervisord.conf".to_owned(),
        "/etc/supervisord.conf".to_owned(),
        "/etc/supervisor/supervisord.conf".to_owned(),
    ]
}

/// The first of the places where there is something.
///
/// # Errors
/// When there is nothing in any; the original's message.
pub fn discover(argv0: &str, outside: &dyn Outside) -> Result<PathBuf, String> {
    let paths = search_paths(argv0);
    match paths.iter().map(Path::new).find(|it| outside.exists(it)) {
        Some(path) => Ok(path.to_owned()),
        None => Err(format!(
            "No config file found at default paths ({}); use the -c option to specify a config file at a \
             different path",
            paths.join(", ")
        )),
    }
}
