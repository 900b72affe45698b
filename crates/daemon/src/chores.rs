//! What calls need done in the world: logs read and cleared, the configuration read again, bytes sent.

use std::path::Path;
use std::sync::Arc;

use api::call::{Chore, Outcome};
use logs::main_log::ClearFault;
use logs::tail::{Part, ReadFault, Tail};
use model::fault::{Fault, FaultCode};
use model::level::Level;
use model::name::FullName;
use model::spec::GroupSpec;
use os::clock::LocalZone;
use supervisor::effect::Settled;
use supervisor::input::Input;
use supervisor::memory::Tape;

use crate::servers::check_certificate;
use crate::state::{Daemon, End};
use crate::stdin::Unsent;
use crate::streams::CHANNELS;
use crate::tapes::{self, Reading};

impl Daemon {
    /// Does a chore.
    pub(crate) fn chore(&mut self, chore: Chore) -> Outcome {
        // It may be about the log.
        self.flush_log();
        match chore {
            Chore::ReadMainLog { offset, length } => match self.main_log_path() {
                Some(path) => read(&path, offset, length),
                // It goes to the system log alone, whose name stands where that of a file would.
                None => Outcome::Failed(Fault::about(FaultCode::NoFile, "syslog")),
            },
            Chore::ClearMainLog => self.clear_main_log(),
            Chore::ReadLog { path, offset, length } => read(&path, offset, length),
            Chore::TailLog { path, offset, length } => tail(&path, offset, length),
            Chore::ClearLogs { names } => {
                Outcome::Settled(names.into_iter().map(|name| self.clear_logs(name)).collect())
            }
            Chore::RotateLogs { names } => {
                Outcome::Settled(names.into_iter().map(|name| self.rotate_logs(name)).collect())
            }
            Chore::Reread => Outcome::Reread(self.reread()),
            Chore::Preview => Outcome::Reread(self.preview()),
            Chore::Succeed => match self.check_restart() {
                Ok(()) => self.succeed(),
                Err(fault) => Outcome::Failed(fault),
            },
            // They take longer than a turn of the loop, and are begun by who can wait.
            Chore::Upgrade { .. } | Chore::Remember(_) => Outcome::Failed(FaultCode::Failed.into()),
            Chore::SendStdin { child, bytes, .. } => match self.inputs.send(child, &bytes) {
                Ok(()) => Outcome::Done,
                Err(Unsent::Closed) => Outcome::Failed(FaultCode::NoFile.into()),
                Err(Unsent::Full) => Outcome::Failed(FaultCode::Failed.into()),
            },
            Chore::Publish(event) => {
                // With what else is said in this turn.
                self.inbox.push_back(Input::Publish(event));
                Outcome::Done
            }
        }
    }
}

/// Reads a part of a log (`options.py`, `readFile`).
fn read(path: &Path, offset: i64, length: i64) -> Outcome {
    match logs::tail::read(path, offset, length) {
        Ok(Part { bytes, start }) => Outcome::Bytes { bytes, start },
        Err(ReadFault::BadArguments) => Outcome::Failed(FaultCode::BadArguments.into()),
        Err(ReadFault::Failed) => Outcome::Failed(FaultCode::Failed.into()),
        Err(ReadFault::NoFile) => {
            Outcome::Failed(Fault::about(FaultCode::NoFile, path.display().to_string()))
        }
    }
}

/// Reads the end of a log (`options.py`, `tailFile`).
fn tail(path: &Path, offset: i64, length: i64) -> Outcome {
    let Tail { bytes, start, size, overflow } = logs::tail::tail(path, offset, length);
    Outcome::Tail { bytes, start, size: u64::try_from(size).unwrap_or(0), overflow }
}

impl Daemon {
    fn clear_main_log(&mut self) -> Outcome {
        let cleared = self.log.borrow_mut().clear(os::clock::wall(), &LocalZone);
        match cleared {
            Ok(()) => Outcome::Done,
            Err(ClearFault::NoFile) => Outcome::Failed(FaultCode::NoFile.into()),
            Err(ClearFault::Failed) => Outcome::Failed(FaultCode::Failed.into()),
        }
    }

    /// Empties both logs of a process, whether it runs or not.
    fn clear_logs(&mut self, name: FullName) -> Settled {
        let mut outcome = Ok(());
        for channel in CHANNELS {
            if let Err(error) = self.streams.clear(&name, channel) {
                let text = format!("cannot clear the {channel} log of '{name}': {error}");
                self.note(Level::Error, &text);
                outcome = Err(Fault::about(FaultCode::Failed, name.to_string()));
            }
        }
        Settled { name, outcome }
    }

    /// Rotates both logs of a process; one that has not run has none to rotate.
    fn rotate_logs(&mut self, name: FullName) -> Settled {
        let mut outcome = Ok(());
        for channel in CHANNELS {
            if let Err(error) = self.streams.rotate(&name, channel) {
                let text = format!("cannot rotate the {channel} log of '{name}': {error}");
                self.note(Level::Error, &text);
                outcome = Err(Fault::about(FaultCode::Failed, name.to_string()));
            }
        }
        Settled { name, outcome }
    }

    /// Leaves for another daemon.
    fn succeed(&mut self) -> Outcome {
        if let Err(error) = self.announce_succession() {
            let text = format!("the next daemon could not be told what to do: {error}");
            return Outcome::Failed(Fault::about(FaultCode::Failed, text));
        }
        self.note(Level::Warn, "another daemon takes over; the programs run on");
        self.end = Some(End::Succeeded);
        Outcome::Done
    }

    /// Reads the configuration again and tells the machine.
    fn reread(&mut self) -> Result<Vec<Arc<GroupSpec>>, String> {
        let Reading { config, tape, .. } = tapes::read(&self.handover).map_err(|it| it.original)?;
        let (groups, tape) = (config.groups, self.keep_tape(&tape));
        self.tell(Input::Reread { groups: groups.clone(), tape });
        Ok(groups)
    }

    /// Reads the configuration again and tells nobody; the first error with its place in the files.
    fn preview(&self) -> Result<Vec<Arc<GroupSpec>>, String> {
        tapes::read(&self.handover).map(|it| it.config.groups).map_err(|it| it.placed)
    }

    /// The configuration as it is on disk now, to be put in force.
    pub(crate) fn take_configuration(&mut self) -> Result<(Vec<Arc<GroupSpec>>, Tape), String> {
        let Reading { config, tape, .. } = tapes::read(&self.handover).map_err(|it| it.placed)?;
        Ok((config.groups, self.keep_tape(&tape)))
    }

    /// Keeps a configuration for as long as something is made from it.
    fn keep_tape(&mut self, tape: &crate::tape::Tape) -> Tape {
        self.tapes.keep(tape).unwrap_or_else(|error| {
            self.note(Level::Error, &format!("cannot keep the configuration for the next daemon: {error}"));
            self.tapes.unkept()
        })
    }

    /// Whether a restart would find a configuration it can use. Nothing is stopped for one that
    /// would not come back.
    pub(crate) fn check_restart(&self) -> Result<(), Fault> {
        match tapes::read(&self.handover) {
            // A certificate that cannot be shown would keep the next daemon from starting.
            Ok(reading) => match reading.config.servers.iter().find_map(|it| check_certificate(it).err()) {
                Some(reason) => Err(Fault::about(FaultCode::CantReread, reason)),
                None => Ok(()),
            },
            Err(mistake) => Err(Fault::about(FaultCode::CantReread, mistake.original)),
        }
    }

    /// Lets go of all log files and opens them by their names again (`USR2`).
    pub(crate) fn reopen_logs(&mut self) {
        self.note(Level::Info, "supervisord logreopen");
        let reopened = self.log.borrow_mut().reopen();
        if let Err(error) = reopened {
            self.note(Level::Error, &format!("cannot reopen the log: {error}"));
        }
        self.streams.pump.reopen_all();
        self.hear_pump();
    }
}
