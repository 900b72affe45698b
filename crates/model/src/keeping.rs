//! What may be done with a log beyond writing and rotating it: new options, all off unless written.

use std::path::PathBuf;

/// When a log is rotated although it is not full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RotateWhen {
    /// Never.
    #[default]
    Never,
    /// With the first line after the hour, in local time.
    Hourly,
    /// With the first line after midnight, in local time.
    Daily,
    /// With the first line of each such number of seconds, counted from 1970-01-01 00:00:00 UTC.
    Every(u32),
}

/// How a rotated log is made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// It is not.
    #[default]
    None,
    /// To `NAME.1.gz`.
    Gzip,
    /// To `NAME.1.zst`.
    Zstd,
}

/// What a line looks like in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// As the program wrote it, byte for byte.
    #[default]
    Raw,
    /// With the time and the names of the process and the stream before it.
    Prefix,
    /// As an object of JSON.
    Json,
}

/// What becomes of output that the log does not take: its disk is full, say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFull {
    /// It waits, in the end in the program: nothing is lost, and the program may have to wait.
    #[default]
    Block,
    /// It is dropped and counted: the program never waits.
    Drop,
}

/// What may be done with a log beyond writing and rotating it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogKeeping {
    /// When it is rotated although it is not full.
    pub rotate: RotateWhen,
    /// How rotated logs are made smaller.
    pub compress: Compression,
    /// How many bytes it and its rotated logs may have in all; zero or less: any number.
    pub total_maxbytes: i64,
    /// What a line looks like in it.
    pub format: LogFormat,
    /// What becomes of output that it does not take.
    pub on_full: OnFull,
    /// Where a copy of each line goes as well.
    pub also: Vec<PathBuf>,
}
