//! How much a log line matters.

/// The levels of Supervisor's log, from the loudest to the quietest (`loggers.py`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Someone must act now.
    Critical,
    /// Something failed.
    Error,
    /// Something to look at tomorrow.
    Warn,
    /// What changed.
    Info,
    /// How it came about.
    Debug,
    /// The protocol, line by line.
    Trace,
    /// Everything.
    Blather,
}

impl Level {
    /// Every level, the loudest first.
    pub const ALL: [Self; 7] =
        [Self::Critical, Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace, Self::Blather];

    /// The word a configuration uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
            Self::Blather => "blather",
        }
    }

    /// The four letters in the log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Critical => "CRIT",
            Self::Error => "ERRO",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBG",
            Self::Trace => "TRAC",
            Self::Blather => "BLAT",
        }
    }

    /// The level with this word, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str().eq_ignore_ascii_case(word))
    }
}
