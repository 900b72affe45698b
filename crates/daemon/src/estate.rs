//! What a keeper inherits that is not the first: written by the launcher that has found children of a dead
//! supervisor, and by a daemon whose keeper has died.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use config::settings::Orphans;
use os::process::keep_across_exec;
use recover::Found;
use wire::keeper::Limit;
use wire::keeper::handover::{self, Child, Handover, Kept};

/// All that goes from one keeper to the next.
#[derive(Debug, Default)]
pub(crate) struct Estate {
    pub(crate) boot_id: [u8; 16],
    /// Whether a daemon has been up, so that one that ends is no refusal to start.
    pub(crate) ready: bool,
    /// The limits children and daemons are to find, if this process has raised its own.
    pub(crate) nofile: Option<Limit>,
    pub(crate) lock: Option<OwnedFd>,
    pub(crate) journal: Option<OwnedFd>,
    pub(crate) kept: Vec<Keepsake>,
    pub(crate) children: Vec<Found>,
    /// What becomes of children when the keeper or its daemon dies.
    pub(crate) orphans: Orphans,
}

/// Something that is kept for the daemon.
#[derive(Debug)]
pub(crate) struct Keepsake {
    pub(crate) key: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) file: OwnedFd,
}

impl Estate {
    /// As a file the next image of this process inherits, with every descriptor it names.
    fn to_file(&self) -> io::Result<OwnedFd> {
        let number = |fd: &Option<OwnedFd>| fd.as_ref().map(keep_across_exec).transpose();
        let kept = self.kept.iter().map(|it| {
            let file = Some(keep_across_exec(&it.file)?);
            Ok(Kept { key: it.key.clone(), bytes: it.bytes.clone(), file })
        });
        let children = self.children.iter().map(|Found { child, pipes, pidfd }| {
            let [stdin, stdout, stderr] = pipes.each_ref().map(number);
            Ok(Child { pipes: [stdin?, stdout?, stderr?], pidfd: number(pidfd)?, ..child.clone() })
        });
        let all = Handover {
            boot_id: self.boot_id,
            nofile: self.nofile,
            ready: self.ready,
            lock: number(&self.lock)?,
            journal: number(&self.journal)?,
            kept: kept.collect::<io::Result<_>>()?,
            children: children.collect::<io::Result<_>>()?,
            ..Handover::default()
        };
        os::fd::sealed(c"handover", &handover::encode(&all))
    }
}

/// Becomes a keeper that inherits `estate`, and whose daemon has the arguments `daemon`. `pipe` is where whoever
/// waits for the launch is told how it went. Returns only on failure.
pub(crate) fn become_keeper(
    program: &Path,
    daemon: Vec<CString>,
    estate: &Estate,
    pipe: Option<&OwnedFd>,
) -> io::Result<Infallible> {
    let file = estate.to_file()?;
    let mut words = vec!["menshen-keeper".to_owned()];
    if let Some(pipe) = pipe {
        words.extend(["--launch-fd".to_owned(), keep_across_exec(pipe)?.to_string()]);
    }
    let promise = match estate.orphans {
        Orphans::Adopt => "--outlive",
        Orphans::Kill => "--kill-orphans",
    };
    words.push(promise.to_owned());
    words.extend(["--handover-fd".to_owned(), keep_across_exec(&file)?.to_string(), "--".to_owned()]);
    let own: Result<Vec<_>, _> = words.into_iter().map(CString::new).collect();
    let mut argv = own.map_err(io::Error::other)?;
    argv.extend(daemon);
    let program = CString::new(program.as_os_str().as_bytes()).map_err(io::Error::other)?;
    os::process::exec(&program, &argv)
}

/// The arguments of this process.
pub(crate) fn own_arguments() -> Vec<CString> {
    // None of them can hold a NUL: they were arguments.
    std::env::args_os().filter_map(|it: OsString| CString::new(it.into_vec()).ok()).collect()
}
