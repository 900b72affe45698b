//! The logs of processes, opened and closed as the machine says; and those without a name of their own, which the
//! next daemon has to find again.

use std::sync::Arc;

use logs::pump::{Report, StreamId};
use model::level::Level;
use model::name::{FullName, GroupName};
use model::spec::{GroupSpec, LogTarget, ProcessSpec};

use crate::state::Daemon;
use crate::streams::{self, CHANNELS};

impl Daemon {
    pub(crate) fn open_group_logs(&mut self, group: &Arc<GroupSpec>) {
        for spec in &group.processes {
            let name = FullName { group: group.name.clone(), process: spec.name.clone() };
            self.open_logs(&name, spec);
        }
    }

    /// Names the files of a process, and makes those with a name of their own, unless an earlier daemon has made
    /// them for it.
    pub(crate) fn open_logs(&mut self, name: &FullName, spec: &ProcessSpec) {
        for channel in CHANNELS {
            let stream = StreamId { name: name.clone(), channel };
            let is_auto = streams::place(spec, channel) == Some(&LogTarget::Auto);
            let made = self.diary.file(&stream).filter(|_| is_auto).cloned();
            if let Some(path) = made {
                self.streams.keep_file(stream, path);
                continue;
            }
            if let Err(trouble) = self.streams.assign(name, spec, channel) {
                self.note(Level::Error, &trouble);
            }
            self.note_auto_log(&stream, is_auto);
        }
    }

    /// Obeys other options. What cannot be done is told; the stream then goes where it went.
    pub(crate) fn change_logs(&mut self, name: &FullName, old: &ProcessSpec, new: &ProcessSpec) {
        let is_listener = self.supervisor.is_listener(name);
        for trouble in self.streams.change_process(name, old, new, is_listener) {
            self.note(Level::Error, &trouble);
        }
        for channel in CHANNELS {
            let is_auto = streams::place(new, channel) == Some(&LogTarget::Auto);
            self.note_auto_log(&StreamId { name: name.clone(), channel }, is_auto);
        }
    }

    fn note_auto_log(&mut self, stream: &StreamId, is_auto: bool) {
        match self.streams.file(stream).filter(|_| is_auto) {
            Some(path) if self.diary.file(stream) != Some(path) => {
                let path = path.clone();
                self.diary.note_file(stream, path);
            }
            Some(_) => {}
            None => self.diary.forget_file(stream),
        }
    }

    pub(crate) fn close_logs(&mut self, name: &FullName) {
        self.streams.close_process(name);
        for channel in CHANNELS {
            self.diary.forget_file(&StreamId { name: name.clone(), channel });
        }
    }

    pub(crate) fn close_group_logs(&mut self, group: &GroupName) {
        for stream in self.streams.close_group(group) {
            self.diary.forget_file(&stream);
        }
    }
}

/// What the log says of a report of the pump; nothing for what is not meant for people.
pub(crate) fn line(report: &Report) -> (Level, String) {
    match report {
        Report::Stalled { stream, path, reason } => {
            let what = format!("the {} of '{}' to {}", stream.channel, stream.name, path.display());
            (Level::Error, format!("cannot write {what}: {reason}; it waits until that works again"))
        }
        Report::Recovered { stream, path } => {
            let what = format!("the {} of '{}'", stream.channel, stream.name);
            (Level::Info, format!("{what} goes to {} again; nothing was lost", path.display()))
        }
        Report::Dropping { stream, path, reason } => {
            let what = format!("the {} of '{}' to {}", stream.channel, stream.name, path.display());
            (Level::Error, format!("cannot write {what}: {reason}; it is dropped until that works again"))
        }
        Report::Dropped { stream, path, bytes } => {
            let what = format!("the {} of '{}'", stream.channel, stream.name);
            (Level::Warn, format!("{what} goes to {} again; {bytes} bytes were dropped", path.display()))
        }
        Report::Trouble { stream, trouble } => {
            (Level::Warn, format!("the {} of '{}': {trouble}", stream.channel, stream.name))
        }
        Report::Saying { .. }
        | Report::Said { .. }
        | Report::Chunk { .. }
        | Report::Captured { .. }
        | Report::Ended { .. } => (Level::Trace, String::new()),
    }
}
