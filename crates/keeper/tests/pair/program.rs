//! The two programs of a pair under test: the keeper as it is, and a daemon that lends its link to
//! the test and then does as it is told.
//!
//! The test talks to the daemon over descriptor 0, which both inherit.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;

use os::poll::{Interest, Poller};
use os::socket::SeqPacket;

fn main() -> ExitCode {
    let called = std::env::args_os().next().unwrap_or_default();
    match Path::new(&called).file_name().and_then(|it| it.to_str()) {
        Some("menshen-keeper") => keeper::main(),
        Some("menshen-daemon") => daemon().unwrap_or(ExitCode::from(99)),
        Some(_) | None => ExitCode::from(98),
    }
}

fn daemon() -> std::io::Result<ExitCode> {
    let (told, link) = (SeqPacket::inherited(0)?, SeqPacket::inherited(3)?);
    told.send(&std::process::id().to_le_bytes(), &[link.as_fd()])?;
    let mut link = Some(link);
    let poller = Poller::new()?;
    poller.add(&told, 0, Interest::Read)?;
    let mut ready = Vec::new();
    loop {
        poller.wait(&mut ready, None)?;
        match told.receive() {
            Ok(packet) => match packet.bytes.as_slice() {
                b"" => return Ok(ExitCode::SUCCESS), // The test is gone.
                b"close" => drop(link.take()),
                [b'e', code] => return Ok(ExitCode::from(*code)),
                _ => return Ok(ExitCode::from(97)),
            },
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
