//! A long configuration.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use config::Overrides;
use model::spec::GroupSpec;
use os::outside::Machine;

use crate::Work;

/// A file with so many programs, each with a few options of its own.
struct File {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl File {
    fn of(count: usize, more: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("micro").tempdir()?;
        let path = folder.path().join("supervisord.conf");
        let programs = (0..count).map(|number| {
            format!(
                "[program:p{number:05}]\ncommand=/bin/sleep {number} ; a comment\ndirectory=/tmp\nautorestart=true\n\
                 environment=A=\"1\",B=\"%(program_name)s\"\nstdout_logfile=NONE\nredirect_stderr=true\n"
            )
        });
        let text = format!("[supervisord]\nnodaemon=true\n{more}{}", programs.collect::<String>());
        std::fs::write(&path, text)?;
        Ok(Self { path, _folder: folder })
    }

    fn load(&self) -> Option<Vec<Arc<GroupSpec>>> {
        config::load(&self.path, &Overrides::default(), &Machine).config.map(|it| it.groups)
    }
}

/// Reads and resolves 10,000 programs.
pub(crate) fn resolve() -> Result<Work> {
    let file = File::of(10_000, "")?;
    Ok(Box::new(move || {
        let count = file.load().map_or(0, |it| it.len());
        assert_eq!(count, 10_000, "the file is not what it was meant to be");
        count
    }))
}

/// The groups of so many programs, for who needs some.
pub(crate) fn groups(count: usize, more: &str) -> Result<Vec<Arc<GroupSpec>>> {
    File::of(count, more)?.load().context("the file is not what it was meant to be")
}
