//! Signals: names, numbers, and what a configuration may write for them.

use std::fmt;

/// The signals Linux names on x86 and ARM, with the name Python's `signal` module gives each.
const NAMES: [(i32, &str); 33] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (10, "SIGUSR1"),
    (11, "SIGSEGV"),
    (12, "SIGUSR2"),
    (13, "SIGPIPE"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
    (16, "SIGSTKFLT"),
    (17, "SIGCHLD"),
    (18, "SIGCONT"),
    (19, "SIGSTOP"),
    (20, "SIGTSTP"),
    (21, "SIGTTIN"),
    (22, "SIGTTOU"),
    (23, "SIGURG"),
    (24, "SIGXCPU"),
    (25, "SIGXFSZ"),
    (26, "SIGVTALRM"),
    (27, "SIGPROF"),
    (28, "SIGWINCH"),
    (29, "SIGIO"),
    (30, "SIGPWR"),
    (31, "SIGSYS"),
    (34, "SIGRTMIN"),
    (64, "SIGRTMAX"),
];

/// Second names of signals that have two, as Python knows them.
const ALIASES: [(i32, &str); 3] = [(6, "SIGIOT"), (17, "SIGCLD"), (29, "SIGPOLL")];

/// A signal by number. Zero is allowed, as the original does: it tests whether a process is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(i32);

/// Why a text is no signal. The wording is Supervisor's (`datatypes.py`, `signal_number`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// A word that names none.
    #[error("value '{0}' is not a valid signal name")]
    Name(String),
    /// A number that is none.
    #[error("value '{0}' is not a valid signal number")]
    Number(String),
}

impl Signal {
    /// Hang-up: reload.
    pub const HUP: Self = Self(1);
    /// Interrupt: Ctrl-C.
    pub const INT: Self = Self(2);
    /// Quit.
    pub const QUIT: Self = Self(3);
    /// The one no process can refuse.
    pub const KILL: Self = Self(9);
    /// Reopen the logs.
    pub const USR2: Self = Self(12);
    /// Please stop.
    pub const TERM: Self = Self(15);

    /// A signal the kernel reported.
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// Reads a name or a number in any case, with or without `SIG`.
    ///
    /// # Errors
    /// When it is neither one of the names above nor one of their numbers nor zero.
    pub fn parse(text: &str) -> Result<Self, SignalError> {
        let word = text.trim();
        if let Ok(number) = word.parse::<i32>() {
            let known = number == 0 || NAMES.iter().any(|(it, _)| *it == number);
            return if known { Ok(Self(number)) } else { Err(SignalError::Number(text.to_owned())) };
        }
        let upper = word.to_ascii_uppercase();
        let name = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
        let found = NAMES.iter().chain(&ALIASES).find(|(_, it)| *it == name);
        found.map(|(number, _)| Self(*number)).ok_or_else(|| SignalError::Name(text.to_owned()))
    }

    /// Its number.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Its name with `SIG`, where it has one.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_may_be_written_in_many_ways() {
        for text in ["TERM", "term", "SIGTERM", "sigterm", "15", " 15 "] {
            assert_eq!(Signal::parse(text), Ok(Signal::TERM), "{text}");
        }
        assert_eq!(Signal::parse("SIGCLD").unwrap().number(), 17);
        assert_eq!(Signal::parse("0").unwrap().number(), 0);
        assert_eq!(Signal::parse("64").unwrap().to_string(), "SIGRTMAX");
    }

    #[test]
    fn a_wrong_signal_is_named_in_the_original_words() {
        let said = |text: &str| Signal::parse(text).unwrap_err().to_string();
        assert_eq!(said("FOO"), "value 'FOO' is not a valid signal name");
        assert_eq!(said("99"), "value '99' is not a valid signal number");
        assert_eq!(said("-1"), "value '-1' is not a valid signal number");
    }
}
