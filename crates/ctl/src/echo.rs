//! `echo_supervisord_conf`: a configuration to start from.

use std::io::{self, Write};

use crate::python;

/// Prints the sample configuration; its words mean nothing. Returns the exit code.
pub fn echo_supervisord_conf(_words: &[String]) -> u8 {
    print(&mut io::stdout(), &mut io::stderr())
}

/// Prints it to `out`.
pub(crate) fn print(out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    match out.write_all(config::sample().as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => 0,
        // Whoever read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            let _ = writeln!(err, "Error: {}", python::words(&error));
            1
        }
    }
}
