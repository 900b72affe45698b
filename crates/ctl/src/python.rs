//! The original is a Python program, and its notation shows through its messages: `repr` of texts,
//! what counts as a number, the names of its exceptions.

use std::io;

pub(crate) use model::python::repr;

use crate::client::CallError;
use crate::framing::FrameError;
use crate::transport::TransportError;

/// The largest number XML-RPC knows.
const INT_MAX: i64 = 0x7fff_ffff;

/// `int` of a string: blanks around it, a sign, and underscores between digits are allowed. A number
/// beyond 64 bits is the largest of them, which no log is as long as.
pub(crate) fn int(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut value: i64 = 0;
    for part in digits.split('_') {
        if part.is_empty() {
            return None;
        }
        for digit in part.chars() {
            value = value.saturating_mul(10).saturating_add(i64::from(digit.to_digit(10)?));
        }
    }
    Some(if negative { -value } else { value })
}

/// Whether a number can be sent.
pub(crate) const fn fits(number: i64) -> bool {
    number >= -INT_MAX - 1 && number <= INT_MAX
}

/// What the original prints of an exception: its class and its text. It adds the file and the line
/// of its own source, which have no counterpart here.
pub(crate) fn exception(error: &CallError) -> String {
    match error {
        CallError::Place(error) => format!("<class 'ValueError'>, {error}"),
        CallError::Fault { code, text } => {
            format!("<class 'xmlrpc.client.Fault'>, {}", fault(*code, text))
        }
        CallError::Unreadable(reason) => format!("<class 'xml.parsers.expat.ExpatError'>, {reason}"),
        CallError::Shape(_) => format!("<class 'TypeError'>, {error}"),
        CallError::Transport(error) => transport(error),
    }
}

/// `str` of a fault.
pub(crate) fn fault(code: i64, text: &str) -> String {
    format!("<Fault {code}: {}>", repr(text))
}

fn transport(error: &TransportError) -> String {
    match error {
        TransportError::Connect(error) | TransportError::Broken(error) => system(error),
        TransportError::Host(reason) => {
            // The number of EAI_NONAME, by far the most common of its kind.
            format!("<class 'socket.gaierror'>, [Errno -2] {reason}")
        }
        TransportError::Secret(reason) => format!("<class 'ssl.SSLError'>, {reason}"),
        TransportError::NoAnswer => {
            "<class 'http.client.RemoteDisconnected'>, Remote end closed connection without response"
                .to_owned()
        }
        TransportError::CutOff => format!("<class 'http.client.IncompleteRead'>, {error}"),
        TransportError::Frame(FrameError::NotHttp(line)) => {
            format!("<class 'http.client.BadStatusLine'>, {line}")
        }
        TransportError::Frame(_) => format!("<class 'http.client.HTTPException'>, {error}"),
        TransportError::Status { code, reason } => format!(
            "<class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: {code} {reason}>"
        ),
        TransportError::Interrupted => "<class 'KeyboardInterrupt'>, ".to_owned(),
    }
}

/// The classes of PEP 3151 that have to do with what a client does; all others are plain `OSError`.
const CLASSES: [(io::ErrorKind, &str); 9] = [
    (io::ErrorKind::ConnectionRefused, "ConnectionRefusedError"),
    (io::ErrorKind::ConnectionReset, "ConnectionResetError"),
    (io::ErrorKind::ConnectionAborted, "ConnectionAbortedError"),
    (io::ErrorKind::BrokenPipe, "BrokenPipeError"),
    (io::ErrorKind::NotFound, "FileNotFoundError"),
    (io::ErrorKind::PermissionDenied, "PermissionError"),
    (io::ErrorKind::NotADirectory, "NotADirectoryError"),
    (io::ErrorKind::TimedOut, "TimeoutError"),
    (io::ErrorKind::WouldBlock, "BlockingIOError"),
];

/// The class Python gives an error of the system, and its text.
fn system(error: &io::Error) -> String {
    let class = CLASSES.iter().find(|(kind, _)| *kind == error.kind()).map_or("OSError", |(_, it)| it);
    match error.raw_os_error() {
        // Of all we do with names, only this can be too long.
        _ if error.kind() == io::ErrorKind::InvalidFilename => {
            "<class 'OSError'>, AF_UNIX path too long".to_owned()
        }
        Some(number) => format!("<class '{class}'>, [Errno {number}] {}", words(error)),
        None => format!("<class '{class}'>, {error}"),
    }
}

/// The words of an error of the system, without the number the standard library appends.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_python_does() {
        let cases = [
            ("foo", "'foo'"),
            ("it's", "\"it's\""),
            ("both ' and \"", "'both \\' and \"'"),
            ("tab\tbell\u{7}\\", "'tab\\tbell\\x07\\\\'"),
            ("门神", "'门神'"),
        ];
        for (text, quoted) in cases {
            assert_eq!(repr(text), quoted);
        }
    }

    #[test]
    fn numbers_are_what_python_takes_for_them() {
        let cases = [
            ("100", Some(100)),
            ("-5", Some(-5)),
            ("+5", Some(5)),
            ("1_000", Some(1000)),
            ("", None),
            ("1__0", None),
            ("_1", None),
            ("1.5", None),
            ("f", None),
            ("99999999999999999999", Some(i64::MAX)),
        ];
        for (text, number) in cases {
            assert_eq!(int(text), number, "{text}");
        }
        assert!(fits(-INT_MAX - 1) && fits(INT_MAX) && !fits(INT_MAX + 1) && !fits(i64::MIN));
    }

    #[test]
    fn errors_read_as_the_originals_exceptions() {
        let refused = TransportError::Connect(io::Error::from_raw_os_error(111));
        let cases: [(CallError, &str); 4] = [
            (
                CallError::Fault { code: 6, text: "SHUTDOWN_STATE".to_owned() },
                "<class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>",
            ),
            (refused.into(), "<class 'ConnectionRefusedError'>, [Errno 111] Connection refused"),
            (
                TransportError::Status { code: 401, reason: "Unauthorized".to_owned() }.into(),
                "<class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 401 Unauthorized>",
            ),
            (
                TransportError::NoAnswer.into(),
                "<class 'http.client.RemoteDisconnected'>, Remote end closed connection without response",
            ),
        ];
        for (error, text) in cases {
            assert_eq!(exception(&error), text);
        }
    }
}
