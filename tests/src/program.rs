//! The two implementations, and where their programs are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Whose programs a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// Ours.
    Menshen,
    /// Supervisor 4.3.0, in Python.
    Original,
}

impl Make {
    /// The make under test: ours, unless `MENSHEN_E2E_MAKE=original` asks whether a test says the truth about both.
    pub fn under_test() -> Self {
        let named = std::env::var("MENSHEN_E2E_MAKE").unwrap_or_default();
        if named == "original" { Self::Original } else { Self::Menshen }
    }

    /// Whether the original is under test: then a test about what only ours promises has nothing to see.
    pub fn is_original() -> bool {
        Self::under_test() == Self::Original
    }

    /// The folder that holds `supervisord` and `supervisorctl` of this make; ours are made in `links`.
    pub fn folder(self, links: &Path) -> PathBuf {
        match self {
            Self::Menshen => {
                link_names(links);
                links.to_path_buf()
            }
            Self::Original => original().to_path_buf(),
        }
    }
}

/// The names under which our one binary behaves like the programs it replaces.
const NAMES: &[&str] = &["menshen", "supervisord", "supervisorctl", "echo_supervisord_conf", "pidproxy"];

fn link_names(folder: &Path) {
    std::fs::create_dir_all(folder).expect("cannot make the folder of the links");
    for name in NAMES {
        let link = folder.join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(menshen(), &link).expect("cannot link a name to the program");
        }
    }
}

/// Our program: the one that `MENSHEN_BIN` names, or the one that cargo builds now.
pub fn menshen() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| std::env::var_os("MENSHEN_BIN").map_or_else(built, PathBuf::from))
}

/// Built every time, so that a test never looks at the program of yesterday; cargo knows when there is nothing to do.
fn built() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status =
        Command::new(cargo).args(["build", "--quiet", "--package", "menshen"]).current_dir(root()).status();
    assert!(status.expect("cannot run cargo").success(), "the program does not build");
    target().join("debug/menshen")
}

fn original() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder =
            std::env::var_os("SUPERVISOR_BIN").map_or_else(|| target().join("venv/bin"), PathBuf::from);
        assert!(
            folder.join("supervisord").is_file(),
            "the original Supervisor is not in {}: `cargo xtask test` installs it",
            folder.display()
        );
        folder
    })
}

/// The Python that can import the original's client code.
pub fn original_python() -> PathBuf {
    original().join("python3")
}

/// The folder where `cargo xtask test` puts Ansible: its programs in `venv/bin`, and one module.
pub fn ansible() -> PathBuf {
    let folder = target().join("ansible");
    assert!(
        folder.join("complete").is_file(),
        "Ansible is not in {}: `cargo xtask test` installs it",
        folder.display()
    );
    folder
}

/// A program of the original's folder: an event listener of superlance, for one.
pub fn original_program(name: &str) -> PathBuf {
    original().join(name)
}

/// Fails where there is no program whose name begins with `name`, as those of several versions do.
#[track_caller]
pub fn assert_installed(name: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(Into::into));
    let has_it = |folder: &PathBuf| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).any(|it| it.to_string_lossy().starts_with(name))
    };
    let found = folders.into_iter().any(|folder| has_it(&folder));
    assert!(found, "{name} is not installed: `cargo xtask test` as root installs it");
}

/// The folder that holds the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the workspace")
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |named| root().join(named))
}
