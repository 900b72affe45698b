//! Where a server is: the URL a user writes, taken apart once.

use std::fmt;
use std::path::PathBuf;

/// The port of a URL that names none (RFC 9110), as the original has it: not Supervisor's 9001.
const DEFAULT_PORT: u16 = 80;

/// The same where nobody may read along.
const DEFAULT_SECURE_PORT: u16 = 443;

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A port of a host.
    Tcp {
        /// A name, or a literal address without brackets.
        host: String,
        /// Its port.
        port: u16,
        /// Whether nobody may read along.
        is_secure: bool,
    },
}

/// Why a URL names no server. The wording is the original's (`xmlrpc.py`, `SupervisorTransport`,
/// and Python's `urllib.parse`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlaceError {
    /// Neither `http://`, `https://` nor `unix://`.
    #[error("Unknown protocol for serverurl {0}")]
    Scheme(String),
    /// The port is no number.
    #[error("Port could not be cast to integer value as '{0}'")]
    Port(String),
    /// The port is too large a number.
    #[error("Port out of range 0-65535")]
    PortRange,
}

impl Place {
    /// Reads `unix://PATH`, `http://[USER:PASSWORD@]HOST[:PORT][/…]` or the same with `https` (which the
    /// original does not know); a user, a password and a path in the latter mean nothing.
    ///
    /// # Errors
    /// When it is neither.
    pub(crate) fn parse(url: &str) -> Result<Self, PlaceError> {
        if let Some(path) = url.strip_prefix("unix://") {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let (rest, is_secure) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => return Err(PlaceError::Scheme(url.to_owned())),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let bare = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
        let (host, port) = match bare.strip_prefix('[').and_then(|it| it.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':').unwrap_or("")),
            None => bare.split_once(':').unwrap_or((bare, "")),
        };
        let default = if is_secure { DEFAULT_SECURE_PORT } else { DEFAULT_PORT };
        Ok(Self::Tcp { host: host.to_ascii_lowercase(), port: parse_port(port, default)?, is_secure })
    }
}

fn parse_port(text: &str, default: u16) -> Result<u16, PlaceError> {
    if text.is_empty() {
        return Ok(default);
    }
    if !text.bytes().all(|it| it.is_ascii_digit()) {
        return Err(PlaceError::Port(text.to_owned()));
    }
    text.parse().map_err(|_| PlaceError::PortRange)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port, is_secure } => {
                let scheme = if *is_secure { "https" } else { "http" };
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "{scheme}://{open}{host}{close}:{port}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_as_the_original_does() {
        let cases = [
            ("unix:///run/s.sock", "unix:///run/s.sock"),
            ("http://localhost:9001", "http://localhost:9001"),
            ("http://u:p@Host:1/path?x", "http://host:1"),
            ("http://host", "http://host:80"),
            ("https://host", "https://host:443"),
            ("https://[::1]:9001/x", "https://[::1]:9001"),
            ("http://[::1]:9001/", "http://[::1]:9001"),
            ("http://[::1]", "http://[::1]:80"),
        ];
        for (url, place) in cases {
            assert_eq!(Place::parse(url).unwrap().to_string(), place, "{url}");
        }
    }

    #[test]
    fn a_url_that_names_no_server_is_told_in_the_originals_words() {
        let said = |url: &str| Place::parse(url).unwrap_err().to_string();
        assert_eq!(said("ftp://x"), "Unknown protocol for serverurl ftp://x");
        assert_eq!(said("http://:abc"), "Port could not be cast to integer value as 'abc'");
        assert_eq!(said("http://h:99999"), "Port out of range 0-65535");
    }
}
