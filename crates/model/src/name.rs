//! Names: parsed once, then never bare strings.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Why a text is no name.
///
/// The wording is Supervisor's (`datatypes.py`, `process_or_group_name`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid name: '{name}' because of character: '{character}'")]
pub struct NameError {
    /// The text, with blanks around it removed.
    pub name: String,
    /// The first of blank, `:` and `/` (in that order of search) found in it.
    pub character: char,
}

fn check(text: &str) -> Result<Arc<str>, NameError> {
    let name = text.trim();
    match [' ', ':', '/'].into_iter().find(|it| name.contains(*it)) {
        Some(character) => Err(NameError { name: name.to_owned(), character }),
        None => Ok(name.into()),
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text with blanks around it removed.
            ///
            /// # Errors
            /// When it holds a blank, `:` or `/`.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check(text).map(Self)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type! {
    /// The name of a `[program:x]`, `[fcgi-program:x]` or `[eventlistener:x]` section.
    ProgramName
}
name_type! {
    /// The name of a group: of a `[group:x]` section, or of the program that forms its own group.
    GroupName
}
name_type! {
    /// The name of one process within its group: the expanded `process_name`.
    ProcessName
}

impl ProcessName {
    /// Takes an expanded `process_name` as it stands.
    ///
    /// Supervisor checks the template and not its expansion (`options.py`,
    /// `processes_from_section`), so an expanded name may hold any character.
    pub fn expanded(text: &str) -> Self {
        Self(text.into())
    }
}

/// The full name of a process: its group and its own name. Shown as clients see it: `group:name`,
/// or just `name` when both are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FullName {
    /// The group it belongs to.
    pub group: GroupName,
    /// Its name within the group.
    pub process: ProcessName,
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.as_str() == self.process.as_str() {
            f.pad(self.process.as_str())
        } else {
            f.pad(&format!("{}:{}", self.group.as_str(), self.process.as_str()))
        }
    }
}

/// What a client writes to name a process or a group: `name`, `group:name`, `group:*` or `group:`.
///
/// It borrows the text and checks nothing: whether such a process exists is the machine's to say.
/// Rule of `options.py`, `split_namespec`: split at the first colon; without one, the name stands
/// for both; an empty name or `*` means the whole group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Namespec<'a> {
    /// The part before the colon.
    pub group: &'a str,
    /// The part after it, `None` for the whole group.
    pub process: Option<&'a str>,
}

impl<'a> Namespec<'a> {
    /// Splits `text`; every text is a namespec.
    pub fn parse(text: &'a str) -> Self {
        match text.split_once(':') {
            None => Self { group: text, process: Some(text) },
            Some((group, "" | "*")) => Self { group, process: None },
            Some((group, process)) => Self { group, process: Some(process) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_stripped_and_refuses_the_first_bad_character() {
        assert_eq!(GroupName::parse("  web ").unwrap().as_str(), "web");
        let cases = [("a b:c", ' '), ("a:b/c", ':'), ("a/b", '/')];
        for (text, character) in cases {
            assert_eq!(GroupName::parse(text).unwrap_err().character, character, "{text}");
        }
        assert_eq!(
            GroupName::parse("a/b").unwrap_err().to_string(),
            "Invalid name: 'a/b' because of character: '/'"
        );
    }

    #[test]
    fn a_full_name_collapses_when_both_halves_agree() {
        let full = |g: &str, p: &str| {
            FullName { group: GroupName::parse(g).unwrap(), process: ProcessName::expanded(p) }.to_string()
        };
        assert_eq!(full("web", "web"), "web");
        assert_eq!(full("web", "web_00"), "web:web_00");
    }

    #[test]
    fn a_namespec_splits_at_the_first_colon() {
        let cases = [
            ("cat", "cat", Some("cat")),
            ("g:cat", "g", Some("cat")),
            ("g:a:b", "g", Some("a:b")),
            ("g:*", "g", None),
            ("g:", "g", None),
            ("", "", Some("")),
        ];
        for (text, group, process) in cases {
            assert_eq!(Namespec::parse(text), Namespec { group, process }, "{text}");
        }
    }
}
