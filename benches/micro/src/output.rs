//! From a pipe to a log.

use std::fs::File;
use std::io::Write;

use anyhow::Result;
use logs::pump::{Pump, StreamId, StreamOptions};
use model::child::{Channel, ChildId};
use model::name::{FullName, GroupName, ProcessName};

use crate::Work;

/// 250 pieces of 4,000 bytes, each read as soon as it is there: a turn may wait for more.
pub(crate) fn pump() -> Result<Work> {
    let folder = tempfile::tempdir()?;
    let mut pump = Pump::new(None)?;
    let process = ProcessName::expanded("p");
    let name =
        FullName { group: GroupName::parse("p").unwrap_or_else(|_| unreachable!("a good name")), process };
    let stream = StreamId { name, channel: Channel::Stdout };
    let path = Some(folder.path().join("log"));
    let options = StreamOptions { path, maxbytes: 50_000_000, backups: 1, ..StreamOptions::default() };
    pump.open(stream.clone(), options)?;
    let (reader, writer) = os::fd::pipe()?;
    pump.attach(ChildId(1), stream, reader);
    let (mut writer, piece) = (File::from(writer), [b'x'; 4000]);
    Ok(Box::new(move || {
        let _ = &folder;
        for _ in 0..250 {
            if writer.write_all(&piece).is_ok() {
                pump.drain(ChildId(1));
            }
        }
        250
    }))
}
