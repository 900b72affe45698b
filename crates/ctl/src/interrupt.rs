//! Ctrl-C as something that can be waited for.

use std::io;
use std::rc::Rc;

use os::signals::{self, Signals};

use crate::transport::Interrupt;

/// From now on SIGINT makes the descriptor readable instead of ending the process.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn watch() -> io::Result<Interrupt> {
    Ok(Rc::new(Signals::collect(&[signals::INT])?))
}

/// Takes note of an interrupt, so that the next wait is not ended by it as well.
pub(crate) fn acknowledge(interrupt: &Interrupt) {
    // It was readable, and several of them say no more than one.
    let _ = rustix::io::read(interrupt.as_fd(), &mut [0_u8; 128]);
}
