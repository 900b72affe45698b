//! What the pump does beside moving bytes: rotated files are made smaller, and what lags catches up.

use model::keeping::Compression;

use super::{Pump, Report, Trouble};
use crate::file::{Rotation, reason};
use crate::outlet::Outlet;

impl Pump {
    /// Notes that a log may have rotated files that are to be made smaller.
    pub(super) fn want_press(&mut self, key: u64) {
        let Some(stream) = self.streams.get(&key) else { return };
        if stream.options.path.is_some() && stream.options.upkeep.compress != Compression::None {
            self.to_press.insert(key);
            self.feed_press();
        }
    }

    /// Takes what is done, and hands over what is next.
    pub(super) fn tend_press(&mut self) {
        while let Some(pressed) = self.press.take() {
            let key = pressed.stream;
            let Some(stream) = self.streams.get(&key) else {
                let _ = std::fs::remove_file(&pressed.copy);
                continue;
            };
            let Some(path) = stream.options.path.clone() else { continue };
            let rotation = Rotation { maxbytes: stream.options.maxbytes, backups: stream.options.backups };
            match stream.options.upkeep.put_pressed(&path, rotation, pressed) {
                // Perhaps there is another.
                Ok(()) => self.want_press(key),
                // Said once for each rotation, and tried again with the next.
                Err(error) => {
                    let trouble = Trouble::NotPressed { path, reason: reason(&error) };
                    self.reports.push(Report::Trouble { stream: stream.id.clone(), trouble });
                }
            }
        }
        self.feed_press();
    }

    fn feed_press(&mut self) {
        while !self.press.is_busy()
            && let Some(key) = self.to_press.pop_first()
        {
            let Some(stream) = self.streams.get(&key) else { continue };
            let Some(path) = &stream.options.path else { continue };
            let upkeep = stream.options.upkeep;
            let Some(file) = upkeep.to_press(path) else { continue };
            if let Err(error) = self.press.begin(key, path, &file, upkeep.compress) {
                let trouble = Trouble::NotPressed { path: path.clone(), reason: reason(&error) };
                self.reports.push(Report::Trouble { stream: stream.id.clone(), trouble });
            }
        }
    }

    /// Notes what a stream has come to lag in, and what was rotated.
    pub(super) fn look_after(&mut self, key: u64) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let was_rotated = stream.sink.outlet_mut().is_some_and(|it| it.file().take_rotated());
        let lags = stream.sink.outlet().is_some_and(Outlet::is_dropping) || stream.sink.has_copies_waiting();
        if lags && !self.lagging.contains(&key) {
            self.arm();
            self.lagging.insert(key);
        }
        if was_rotated {
            self.want_press(key);
        }
    }

    /// Tries again what a stream lags in.
    pub(super) fn catch_up(&mut self, key: u64) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        stream.sink.resume_copies();
        if let Some(outlet) = stream.sink.outlet_mut() {
            outlet.try_again();
        }
        self.look_after(key);
    }
}
