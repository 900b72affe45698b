//! What the keeper says. It has no log of its own.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;

/// Facility `daemon`, severity `critical` (RFC 5424, 6.2.1).
const CRITICAL: u8 = 26;

/// Says a line on standard error. Where that is gone, nobody listens.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "keeper: {line}");
}

/// Says what someone should be woken for: to the log of the machine too, as standard error may be `/dev/null`.
pub(crate) fn cry(line: &str) {
    say(line);
    let message = format!("<{CRITICAL}>menshen-keeper[{}]: {line}", os::process::own_pid());
    let told = UnixDatagram::unbound().and_then(|socket| {
        // A log that does not read must not hold up the keeper.
        socket.set_nonblocking(true)?;
        socket.send_to(message.as_bytes(), "/dev/log")
    });
    // Many machines have no such log.
    drop(told);
}

/// How somebody ended, to complete "the daemon ...".
pub(crate) fn ending(wait: i32) -> String {
    let [low, code, ..] = wait.to_le_bytes();
    match low & 0x7f {
        0 => format!("has exited with status {code}"),
        signal => format!("was killed by signal {signal}"),
    }
}

/// The status to exit with for one who ended so; 128 and its number for a signal, as shells have it.
pub(crate) fn exit_status(wait: i32) -> u8 {
    let [low, code, ..] = wait.to_le_bytes();
    match low & 0x7f {
        0 => code,
        signal => signal | 0x80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_status_becomes_an_exit_status_and_words() {
        let cases = [
            (0x0000, 0, "has exited with status 0"),
            (0x0200, 2, "has exited with status 2"),
            (0x0009, 137, "was killed by signal 9"),
            (0x008b, 139, "was killed by signal 11"),
        ];
        for (wait, status, words) in cases {
            assert_eq!((exit_status(wait), ending(wait).as_str()), (status, words));
        }
    }
}
