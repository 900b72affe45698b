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
    /// The directory of what outlives a daemon; `None` where no place could be found for it.
    pub runtime: Option<PathBuf>,
    /// The name of this launch, which no other has: what is remembered under another name is of an earlier one.
    pub launch: String,
    /// What it has to say, each a line for the log: `critical: ...` for what somebody should look at, and else
    /// for example `Increased RLIMIT_NOFILE limit to 1024`.
    pub notices: Vec<String>,
    /// The name it was called by.
    pub called: String,
    /// Its own arguments: the flags of `supervisord`.
    pub arguments: Vec<String>,
}

/// What begins a notice that somebody should look at.
pub(crate) const CRITICAL: &str = "critical: ";

/// What marks the end of the launcher's own words.
const SEPARATOR: &str = "--";

impl Handover {
    /// As the arguments of the daemon, the first being its name.
    ///
    /// # Errors
    /// When one holds a NUL, which no argument can.
    pub fn to_arguments(&self, name: &str) -> Result<Vec<CString>, std::ffi::NulError> {
        let runtime = self.runtime.as_deref().unwrap_or(Path::new(""));
        let paths = [&self.config, runtime].map(|it| it.to_string_lossy().into_owned());
        let mut words = vec![name.to_owned()];
        words.extend(paths);
        words.push(self.launch.clone());
        words.extend(self.notices.iter().cloned());
        words.push(SEPARATOR.to_owned());
        words.push(self.called.clone());
        words.extend(self.arguments.iter().cloned());
        words.into_iter().map(CString::new).collect()
    }

    /// Reads what [`Handover::to_arguments`] wrote, less the name; `None` for anything else.
    pub fn from_arguments(words: &[String]) -> Option<Self> {
        let end = words.iter().position(|it| it == SEPARATOR)?;
        let (own, rest) = words.split_at(end);
        let ([config, runtime, launch], notices) = own.split_first_chunk()?;
        let (called, arguments) = rest.get(1..)?.split_first()?;
        Some(Self {
            config: Path::new(config).to_owned(),
            runtime: Some(PathBuf::from(runtime)).filter(|it| !it.as_os_str().is_empty()),
            launch: launch.clone(),
            notices: notices.to_vec(),
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
        let mut sent = Handover {
            config: PathBuf::from("/etc/supervisord.conf"),
            runtime: Some(PathBuf::from("/run/menshen/x")),
            launch: "17.4".to_owned(),
            notices: vec!["Increased RLIMIT_NOFILE limit to 1024".to_owned()],
            called: "supervisord".to_owned(),
            arguments: vec!["-n".to_owned(), "--".to_owned()],
        };
        for runtime in [sent.runtime.clone(), None] {
            sent.runtime = runtime;
            let words = sent.to_arguments("menshen-daemon").unwrap();
            let words: Vec<String> = words.into_iter().map(|it| it.into_string().unwrap()).collect();
            assert_eq!(words.first().map(String::as_str), Some("menshen-daemon"));
            assert_eq!(Handover::from_arguments(&words[1..]), Some(sent.clone()));
        }
        assert_eq!(Handover::from_arguments(&[]), None);
        assert_eq!(Handover::from_arguments(&["/c".to_owned(), "--".to_owned()]), None);
    }
}
