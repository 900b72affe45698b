//! What the launcher tells the daemon, through the keeper, as plain arguments.
//!
//! The daemon reads the configuration by itself, so that it can do so again at every reload; only
//! what the launcher alone can know travels here.

use std::ffi::CString;
use std::path::{Path, PathBuf};

/// What the launcher found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// The configuration file, absolute, so that a later change of directory does not lose it.
    pub config: PathBuf,
    /// The limits it had to raise, each as the line to log, for example
    /// `Increased RLIMIT_NOFILE limit to 1024`.
    pub raised: Vec<String>,
    /// The name it was called by.
    pub called: String,
    /// Its own arguments: the flags of `supervisord`.
    pub arguments: Vec<String>,
}

/// What marks the end of the launcher's own words.
const SEPARATOR: &str = "--";

impl Handover {
    /// As the arguments of the daemon, the first being its name.
    ///
    /// # Errors
    /// When one holds a NUL, which no argument can.
    pub fn to_arguments(&self, name: &str) -> Result<Vec<CString>, std::ffi::NulError> {
        let mut words = vec![name.to_owned(), self.config.to_string_lossy().into_owned()];
        words.extend(self.raised.iter().cloned());
        words.push(SEPARATOR.to_owned());
        words.push(self.called.clone());
        words.extend(self.arguments.iter().cloned());
        words.into_iter().map(CString::new).collect()
    }

    /// Reads what [`Handover::to_arguments`] wrote, less the name; `None` for anything else.
    pub fn from_arguments(words: &[String]) -> Option<Self> {
        let end = words.iter().position(|it| it == SEPARATOR)?;
        let (own, rest) = words.split_at(end);
        let (config, raised) = own.split_first()?;
        let (called, arguments) = rest.get(1..)?.split_first()?;
        Some(Self {
            config: Path::new(config).to_owned(),
            raised: raised.to_vec(),
            called: called.clone(),
            arguments: arguments.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_arrives() {
        let sent = Handover {
            config: PathBuf::from("/etc/supervisord.conf"),
            raised: vec!["Increased RLIMIT_NOFILE limit to 1024".to_owned()],
            called: "supervisord".to_owned(),
            arguments: vec!["-n".to_owned(), "--".to_owned()],
        };
        let words: Vec<String> = sent
            .to_arguments("menshen-daemon")
            .unwrap()
            .into_iter()
            .map(|it| it.into_string().unwrap())
            .collect();
        assert_eq!(words.first().map(String::as_str), Some("menshen-daemon"));
        assert_eq!(Handover::from_arguments(&words[1..]), Some(sent));
        assert_eq!(Handover::from_arguments(&[]), None);
        assert_eq!(Handover::from_arguments(&["/c".to_owned(), "--".to_owned()]), None);
    }
}
