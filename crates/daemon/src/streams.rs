//! Where the output of each process goes: the files made for it, and the pump that fills them.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use api::call::LogPaths;
use config::settings::Settings;
use logs::file::OpenError;
use logs::pump::{Mirror, Pump, StreamId, StreamOptions};
use logs::upkeep::Upkeep;
use model::child::{Channel, ChildId};
use model::level::Level;
use model::name::{FullName, GroupName};
use model::spawn::SpawnFailure;
use model::spec::{LogTarget, ProcessSpec};

/// What the pump's keepsake is kept under.
pub(crate) const KEY: &[u8] = b"pump";

/// Both channels, in the order their logs are opened.
pub(crate) const CHANNELS: [Channel; 2] = [Channel::Stdout, Channel::Stderr];

/// The output of all processes.
pub(crate) struct Streams {
    pub(crate) pump: Pump,
    /// Every stream of every active group, with the file it goes to.
    files: BTreeMap<StreamId, Option<PathBuf>>,
    childlogdir: PathBuf,
    identifier: String,
    strip_ansi: bool,
    /// Whether every chunk is shown to the main log (`loglevel` debug or quieter).
    mirror: bool,
}

impl Streams {
    /// The pump, which goes on where the one that left `keepsake` ended, and what is wrong with that. Where there is none,
    /// `make` makes the file that the next one finds.
    pub(crate) fn new(
        settings: &Settings,
        keepsake: Option<OwnedFd>,
        make: impl FnOnce() -> Option<OwnedFd>,
    ) -> io::Result<(Self, Option<io::Error>)> {
        let (pump, inherited) = match keepsake {
            Some(keepsake) => Pump::resume_from(keepsake, make)?,
            None => (Pump::new(make())?, Ok(())),
        };
        let streams = Self {
            pump,
            files: BTreeMap::new(),
            childlogdir: settings.childlogdir.clone(),
            identifier: settings.identifier.clone(),
            strip_ansi: settings.strip_ansi,
            mirror: settings.loglevel >= Level::Debug,
        };
        Ok((streams, inherited.err()))
    }

    /// Goes on with the file an earlier daemon made.
    pub(crate) fn keep_file(&mut self, stream: StreamId, path: PathBuf) {
        self.files.insert(stream, Some(path));
    }

    /// Names the file of a stream, and makes it if it is to have a name of its own.
    pub(crate) fn assign(
        &mut self,
        name: &FullName,
        spec: &ProcessSpec,
        channel: Channel,
    ) -> Result<(), String> {
        let file = self.file_for(spec, channel);
        let (file, outcome) = match file {
            Ok(file) => (file, Ok(())),
            Err(trouble) => (None, Err(trouble)),
        };
        self.files.insert(StreamId { name: name.clone(), channel }, file);
        outcome
    }

    /// Obeys other options at once, whether the process runs or not: what is read from its pipes goes
    /// to the file they name, which is rotated as they say. A file with a name of its own is kept.
    /// Returns what could not be done; the stream then goes where it went.
    pub(crate) fn change_process(
        &mut self,
        name: &FullName,
        old: &ProcessSpec,
        new: &ProcessSpec,
        is_listener: bool,
    ) -> Vec<String> {
        let mut troubles = Vec::new();
        for channel in CHANNELS {
            if place(old, channel) != place(new, channel) {
                troubles.extend(self.assign(name, new, channel).err());
            }
            let stream = StreamId { name: name.clone(), channel };
            // One that has never run has nothing open, and its start will see to it; standard error
            // that goes where standard output goes has no stream of its own.
            if self.pump.has(&stream) && place(new, channel).is_some() {
                let options = self.options(&stream, new, is_listener);
                let opened = self.pump.open(stream, options);
                troubles.extend(opened.err().map(|error| {
                    format!("cannot send the {channel} of '{name}' where the configuration says: {error}")
                }));
            }
        }
        troubles
    }

    /// Forgets a process that is gone. Its files stay.
    pub(crate) fn close_process(&mut self, name: &FullName) {
        for channel in CHANNELS {
            let stream = StreamId { name: name.clone(), channel };
            self.files.remove(&stream);
            self.pump.close(&stream);
        }
    }

    fn file_for(&self, spec: &ProcessSpec, channel: Channel) -> Result<Option<PathBuf>, String> {
        match place(spec, channel) {
            None | Some(LogTarget::None) => Ok(None),
            Some(LogTarget::File(path)) => Ok(Some(path.clone())),
            Some(LogTarget::Auto) => {
                logs::auto::create(&self.childlogdir, spec.name.as_str(), channel, &self.identifier)
                    .map(Some)
                    .map_err(|error| {
                        format!("cannot make a log file in {}: {error}", self.childlogdir.display())
                    })
            }
        }
    }

    /// The file of a stream.
    pub(crate) fn file(&self, stream: &StreamId) -> Option<&PathBuf> {
        self.files.get(stream)?.as_ref()
    }

    /// Forgets a group that is gone, and returns its streams. Its files stay.
    pub(crate) fn close_group(&mut self, group: &GroupName) -> Vec<StreamId> {
        let (gone, kept) =
            std::mem::take(&mut self.files).into_iter().partition(|(it, _)| it.name.group == *group);
        self.files = kept;
        let gone: BTreeMap<StreamId, Option<PathBuf>> = gone;
        for stream in gone.keys() {
            self.pump.close(stream);
        }
        gone.into_keys().collect()
    }

    /// Opens the logs of a process that is about to start.
    pub(crate) fn prepare(
        &mut self,
        name: &FullName,
        spec: &ProcessSpec,
        is_listener: bool,
    ) -> Result<(), SpawnFailure> {
        self.open(name, spec, is_listener, Pump::open)
    }

    /// Goes on with the logs of a process that runs.
    pub(crate) fn take_over(
        &mut self,
        name: &FullName,
        spec: &ProcessSpec,
        is_listener: bool,
    ) -> Result<(), SpawnFailure> {
        self.open(name, spec, is_listener, Pump::take_over)
    }

    fn open(
        &mut self,
        name: &FullName,
        spec: &ProcessSpec,
        is_listener: bool,
        open: fn(&mut Pump, StreamId, StreamOptions) -> Result<(), OpenError>,
    ) -> Result<(), SpawnFailure> {
        for channel in CHANNELS {
            if channel == Channel::Stderr && spec.redirect_stderr {
                continue;
            }
            let stream = StreamId { name: name.clone(), channel };
            let options = self.options(&stream, spec, is_listener);
            open(&mut self.pump, stream, options).map_err(|error| SpawnFailure::Preparing {
                process: name.process.as_str().to_owned(),
                reason: error.to_string(),
            })?;
        }
        Ok(())
    }

    fn options(&self, stream: &StreamId, spec: &ProcessSpec, is_listener: bool) -> StreamOptions {
        let wanted = spec.stream(stream.channel);
        let mut options = StreamOptions {
            path: self.files.get(stream).cloned().flatten(),
            maxbytes: wanted.maxbytes,
            backups: wanted.backups,
            capture_maxbytes: wanted.capture_maxbytes,
            syslog: wanted.syslog,
            strip_ansi: self.strip_ansi,
            mirror: if self.mirror || wanted.events_enabled { Mirror::Shown } else { Mirror::Nothing },
            upkeep: Upkeep {
                when: wanted.keeping.rotate,
                compress: wanted.keeping.compress,
                total_maxbytes: wanted.keeping.total_maxbytes,
            },
            format: wanted.keeping.format,
            on_full: wanted.keeping.on_full,
            also: wanted.keeping.also.clone(),
        };
        if is_listener && stream.channel == Channel::Stdout {
            // It carries the protocol: what else could be done with it is accepted and ignored.
            options.capture_maxbytes = 0;
            options.syslog = false;
            options.mirror = Mirror::Raw;
        }
        options
    }

    /// Goes on with the pipes of a child. Where one is gone, the child with it mostly, what was taken from it may still have
    /// to be written: then that is all it has brought.
    pub(crate) fn adopt(&mut self, child: ChildId, name: &FullName, pipes: [Option<OwnedFd>; 2]) {
        for (channel, pipe) in CHANNELS.into_iter().zip(pipes) {
            let an_end =
                || if self.pump.owes(child, channel) { os::fd::pipe().ok().map(|it| it.0) } else { None };
            if let Some(pipe) = pipe.or_else(an_end) {
                self.pump.attach(child, StreamId { name: name.clone(), channel }, pipe);
            }
        }
    }

    /// Starts to read the pipes of a new child.
    pub(crate) fn attach(&mut self, child: ChildId, name: &FullName, pipes: Vec<(Channel, OwnedFd)>) {
        for (channel, pipe) in pipes {
            self.pump.attach(child, StreamId { name: name.clone(), channel }, pipe);
        }
    }

    /// Rotates the file of a stream.
    pub(crate) fn rotate(&mut self, name: &FullName, channel: Channel) -> io::Result<()> {
        self.pump.rotate(&StreamId { name: name.clone(), channel })
    }

    /// Empties the file of a stream; one that is not there is as empty as can be.
    pub(crate) fn clear(&mut self, name: &FullName, channel: Channel) -> io::Result<()> {
        let stream = StreamId { name: name.clone(), channel };
        if self.pump.has(&stream) {
            return self.pump.clear(&stream);
        }
        match self.files.get(&stream) {
            // It has not run yet: what is there is of an earlier life, and asked to go all the same.
            Some(Some(path)) => match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            },
            Some(None) | None => Ok(()),
        }
    }
}

/// Where a channel is wanted; `None`: it has no stream of its own.
pub(crate) fn place(spec: &ProcessSpec, channel: Channel) -> Option<&LogTarget> {
    let joined = channel == Channel::Stderr && spec.redirect_stderr;
    (!joined).then(|| &spec.stream(channel).target)
}

impl LogPaths for Streams {
    fn path(&self, name: &FullName, channel: Channel) -> Option<PathBuf> {
        self.files.get(&StreamId { name: name.clone(), channel })?.clone()
    }

    fn dropped_bytes(&self, name: &FullName, channel: Channel) -> u64 {
        self.pump.dropped_bytes(&StreamId { name: name.clone(), channel })
    }
}
