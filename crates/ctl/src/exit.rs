//! The exit codes of `supervisorctl` (§6.2 of the original's behaviour; they follow the LSB).

/// All is well.
pub(crate) const SUCCESS: u8 = 0;
/// Something failed.
pub(crate) const GENERIC: u8 = 1;
/// The arguments make no sense.
pub(crate) const INVALID_ARGS: u8 = 2;
/// The server does not speak the interface this program needs.
pub(crate) const UNIMPLEMENTED: u8 = 3;
/// The server refused the connection.
pub(crate) const REFUSED: u8 = 4;
/// The server speaks another version of the interface.
pub(crate) const OTHER_VERSION: u8 = 5;
/// The process or the server does not run.
pub(crate) const NOT_RUNNING: u8 = 7;
/// `status` found a process that does not run.
pub(crate) const STATUS_STOPPED: u8 = 3;
/// `status` could not tell.
pub(crate) const STATUS_UNKNOWN: u8 = 4;
