//! Becoming another program: the keeper first, which tries it, and then this daemon by leaving for the next.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use api::call::Outcome;
use model::fault::{Fault, FaultCode};
use model::level::Level;
use wire::keeper::Order;

use crate::state::{Daemon, End};

/// A refusal with its reason.
fn refused(reason: impl Into<String>) -> Fault {
    Fault::about(FaultCode::Failed, reason.into())
}

impl Daemon {
    /// Asks the keeper to become the program at `path`. What comes of it is told later.
    pub(crate) fn begin_upgrade(&mut self, path: &Path) -> Result<(), Fault> {
        if self.upgrading.is_some() {
            return Err(refused("an upgrade is under way"));
        }
        if !path.is_absolute() {
            return Err(refused(format!("{} is no absolute path", path.display())));
        }
        let cannot = |error| refused(format!("cannot open {}: {error}", path.display()));
        let file = File::open(path).map_err(cannot)?;
        if !file.metadata().map_err(cannot)?.is_file() {
            return Err(refused(format!("{} is not a file", path.display())));
        }
        self.note(Level::Warn, &format!("trying {} as the new program", path.display()));
        let order = Order::Upgrade { program: path.as_os_str().as_bytes().to_vec() };
        if let Err(error) = self.link.send_with(&order, Some(file.into())) {
            self.lose(&error.to_string());
        }
        Ok(())
    }

    /// The keeper is the new program. The next daemon will be, too.
    pub(crate) fn upgraded(&mut self) {
        os::failpoint::pass("daemon.upgraded");
        self.note(
            Level::Warn,
            "the keeper is the new program; another daemon takes over, the programs run on",
        );
        self.answer_upgrade(Outcome::Done);
        self.end = Some(End::Succeeded);
    }

    /// The keeper is still, or again, what it was.
    pub(crate) fn upgrade_failed(&mut self, errno: i32) {
        let reason = match errno {
            0 => "the new program failed, and the old one is back".to_owned(),
            errno => format!("the new program cannot be executed: {}", os::errno::text(errno)),
        };
        self.note(Level::Error, &reason);
        self.answer_upgrade(Outcome::Failed(refused(reason)));
    }

    fn answer_upgrade(&mut self, outcome: Outcome) {
        if let Some(mut call) = self.upgrading.take() {
            call.session.settle(outcome);
            self.advance(call);
        }
    }
}
