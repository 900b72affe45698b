//! The keeper is dead: its daemon becomes the next one.
//!
//! Everything the daemon has of its children, it has from the keeper: it is not their parent, and does not become
//! it. But it knows who they are, from the keeper's own journal, and holds their pipes; so it makes sure of each,
//! and then executes the keeper's program in its own place, which begins with all of them and starts a daemon
//! anew. That daemon remembers what this one has written down.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use std::time::Duration;

use config::settings::Orphans;
use model::child::Channel;
use model::level::Level;
use os::pidfd::Pidfd;
use os::poll::{Interest, Poller};
use recover::{Pipes, Recovered};
use wire::keeper::journal;

use crate::estate::{self, Estate, Keepsake};
use crate::state::Daemon;
use crate::substitute;

/// A journal is not longer than this: 60,000 children.
const JOURNAL_BYTES_MAX: u64 = 64 << 20;

/// Why the keeper's place cannot be taken.
#[derive(Debug, thiserror::Error)]
enum TakeOverError {
    #[error("there is no journal of its children")]
    NoJournal,
    #[error("the journal of its children makes no sense")]
    BadJournal,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How long a keeper that is dying may take to be dead: its descriptors are closed a moment before its children are
/// given to another parent. One that lives kills the daemon it has broken with in that time.
const DYING_WAIT: Duration = Duration::from_secs(5);

/// Whether the keeper, whose end of the link is closed, is dead.
fn is_gone(keeper: u32) -> bool {
    let is_orphan = || os::process::parent_pid() != keeper;
    let (Ok(process), Ok(poller)) = (Pidfd::open(keeper), Poller::new()) else { return is_orphan() };
    let mut ready = Vec::new();
    // What cannot be waited for is looked at.
    let _ = poller.add(&process, 0, Interest::Read).and_then(|()| poller.wait(&mut ready, Some(DYING_WAIT)));
    is_orphan()
}

impl Daemon {
    /// Takes the place of the keeper, if it is dead; returns when it is not, or when that fails.
    pub(crate) fn take_over(mut self) -> ExitCode {
        if !is_gone(self.identity.pid) {
            // It has only broken with this daemon, and makes another one.
            return ExitCode::FAILURE;
        }
        if self.settings.orphans == Orphans::Kill {
            self.note(Level::Critical, "the keeper is dead, and every program with it (orphans=kill)");
            self.clean_up();
            return ExitCode::FAILURE;
        }
        self.note(Level::Warn, "the keeper is dead; this daemon takes its place");
        let error = match self.try_take_over() {
            Ok(never) => match never {},
            Err(error) => error,
        };
        self.note(
            Level::Critical,
            &format!("cannot take the place of the keeper: {error}; the programs run on without supervision"),
        );
        ExitCode::FAILURE
    }

    fn try_take_over(&mut self) -> Result<std::convert::Infallible, TakeOverError> {
        let journal = self.journal.take().ok_or(TakeOverError::NoJournal)?;
        let places = journal::decode(&read(&journal)?, &self.boot_id).ok_or(TakeOverError::BadJournal)?;
        let Recovered { found, damaged } = recover::children(places, self.held_pipes()?);
        if damaged > 0 {
            let text = format!(
                "{damaged} records of the keeper's journal are damaged; their programs run on unseen"
            );
            self.note(Level::Critical, &text);
        }
        let kept = self.keepsakes.iter().map(|(key, bytes, file)| {
            Ok(Keepsake { key: key.to_vec(), bytes: bytes.to_vec(), file: os::fd::duplicate(file)? })
        });
        let estate = Estate {
            boot_id: self.boot_id,
            ready: true,
            nofile: Some(self.inheritance.nofile),
            lock: self.lock.take(),
            journal: Some(journal),
            kept: kept.collect::<io::Result<_>>()?,
            children: found,
            orphans: self.settings.orphans,
        };
        let program = os::process::own_program()?;
        if let Some(Err(error)) =
            self.handover.runtime.as_deref().map(|it| substitute::announce(it, self.starter))
        {
            let text = format!("whoever starts the keeper again will find its place taken: {error}");
            self.note(Level::Warn, &text);
        }
        // Nothing is dropped where a process becomes another program.
        self.flush_log();
        Ok(estate::become_keeper(&program, estate::own_arguments(), &estate, None)?)
    }

    /// Our ends of the pipes of all children.
    fn held_pipes(&mut self) -> io::Result<BTreeMap<u64, Pipes>> {
        let mut held: BTreeMap<u64, Pipes> = BTreeMap::new();
        for (child, pipes) in std::mem::take(&mut self.found) {
            held.insert(child.0, pipes);
        }
        for (child, pipe) in self.inputs.pipes() {
            held.entry(child.0).or_default()[0] = Some(os::fd::duplicate(pipe)?);
        }
        for (child, channel, pipe) in self.streams.pump.pipes() {
            let place = match channel {
                Channel::Stdout => 1,
                Channel::Stderr => 2,
            };
            held.entry(child.0).or_default()[place] = Some(os::fd::duplicate(pipe)?);
        }
        Ok(held)
    }
}

/// The bytes of a journal.
///
/// # Errors
/// When it cannot be read, or is longer than any journal.
pub(crate) fn read(journal: &OwnedFd) -> io::Result<Vec<u8>> {
    let file = File::from(journal.as_fd().try_clone_to_owned()?);
    let length = file.metadata()?.len();
    if length > JOURNAL_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
