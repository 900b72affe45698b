//! Texts to values: numbers, sizes, booleans, signals and so on, each by the rule of the original's
//! `datatypes.py`.

use model::exit::ExitCodes;
use model::level::Level;
use model::name::NameError;
use model::role::Role;
use model::signal::Signal;
use model::spec::AutoRestart;

use crate::diagnostic::Wrong;
use crate::environment::EnvironmentError;
use crate::python;
use crate::settings::{Cgroups, Orphans};
use crate::shell_words::ShellWordsError;

/// How many characters of a number Python repeats in a message.
const QUOTED_CHARS_MAX: usize = 200;

/// What is wrong with a value. The words are the original's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what the variant is; the field is the value")]
pub enum ValueError {
    #[error("invalid literal for int() with base 10: {}", quoted(.0))]
    Integer(String),
    #[error(
        "Exceeds the limit ({max} digits) for integer string conversion: value has {0} digits; use \
         sys.set_int_max_str_digits() to increase the limit",
        max = python::DECIMAL_DIGITS_MAX
    )]
    Digits(usize),
    #[error("not a valid boolean value: {}", python::repr(.0))]
    Boolean(String),
    #[error("{0} can not be converted to an octal type")]
    Octal(String),
    #[error("bad logging level name {}", python::repr(.0))]
    Level(String),
    #[error("value {} is not a valid signal name", python::repr(.0))]
    SignalName(String),
    #[error("value {} is not a valid signal number", python::repr(.0))]
    SignalNumber(String),
    #[error("not a valid list of exit codes: {}", python::repr(.0))]
    ExitCodes(String),
    #[error("invalid 'autorestart' value {}", python::repr(.0))]
    AutoRestart(String),
    #[error("invalid 'orphans' value {}", python::repr(.0))]
    Orphans(String),
    #[error("invalid 'cgroups' value {}", python::repr(.0))]
    Cgroups(String),
    #[error("invalid 'role' value {}", python::repr(.0))]
    Role(String),
    #[error("{0} is not an existing directory")]
    Directory(String),
    #[error("The directory named as part of the path {0} does not exist")]
    ParentDirectory(String),
    #[error("Invalid user name {0}")]
    UserName(String),
    #[error("Invalid user id {0}")]
    UserId(String),
    #[error("Invalid user:group definition {0}")]
    Owner(String),
    #[error(
        "Invalid name: {} because of character: {}",
        python::repr(.text), python::repr(&.character.to_string())
    )]
    Name { text: String, character: char },
    #[error("{0} is below lower bound (1)")]
    PortTooLow(String),
    #[error("{0} is above upper bound (65535)")]
    PortTooHigh(String),
    #[error("not a valid port number: {} ", python::repr(.0))]
    Port(String),
    #[error("no port number specified in ''")]
    NoPort,
    #[error("value {} is not a URL", python::repr(.0))]
    Url(String),
}

fn quoted(text: &str) -> String {
    python::repr(text).chars().take(QUOTED_CHARS_MAX).collect()
}

impl From<ValueError> for Wrong {
    fn from(error: ValueError) -> Self {
        use ValueError as E;
        let original = error.to_string();
        let wrong = |text: String| Self::new(text, original.clone());
        match error {
            E::Integer(text) => not_a_number(&text, wrong(format!("`{text}` is not a whole number"))),
            E::Digits(count) => wrong(format!("a number of {count} digits is too long")),
            E::Boolean(text) => {
                wrong(format!("`{text}` is neither true nor false")).or_else_write("write `true` or `false`")
            }
            E::Octal(text) => wrong(format!("`{text}` is not an octal number"))
                .or_else_write("write octal digits, for example `022`"),
            E::Level(text) => {
                wrong(format!("`{text}` is not a log level")).or_else_write(level_remedy(&text))
            }
            E::SignalName(text) | E::SignalNumber(text) => wrong(format!("`{text}` is not a signal"))
                .or_else_write("write a name such as `TERM` or `HUP`"),
            E::ExitCodes(text) => wrong(format!("`{text}` is not a list of exit codes"))
                .or_else_write("write numbers from 0 to 255 with commas between them"),
            E::Orphans(text) => wrong(format!("`{text}` does not say what becomes of orphans"))
                .or_else_write("write `adopt` or `kill`"),
            E::Cgroups(text) => wrong(format!("`{text}` does not say when to use control groups"))
                .or_else_write("write `auto`, `off` or `require`"),
            E::Role(text) => wrong(format!("`{text}` is not a role"))
                .or_else_write("write `viewer`, `operator` or `admin`"),
            E::AutoRestart(text) => wrong(format!("`{text}` does not say when to restart"))
                .or_else_write("write `true`, `false` or `unexpected`"),
            E::Directory(text) => {
                wrong(format!("`{text}` is not a directory")).or_else_write("create it first")
            }
            E::ParentDirectory(text) => {
                wrong(format!("the directory of `{text}` does not exist")).or_else_write("create it first")
            }
            E::UserName(text) => wrong(format!("there is no user `{text}`")),
            E::UserId(text) => wrong(format!("there is no user with the number `{text}`")),
            E::Owner(text) => wrong(format!("`{text}` is not a user, nor a user and a group"))
                .or_else_write("write `user` or `user:group`"),
            E::Name { text, character } => {
                wrong(format!("`{text}` cannot be a name because of `{character}`"))
            }
            E::PortTooLow(text) | E::PortTooHigh(text) | E::Port(text) => {
                wrong(format!("`{text}` is not a port")).or_else_write("write a number from 1 to 65535")
            }
            E::NoPort => wrong("there is no port after the colon".to_owned()),
            E::Url(text) => {
                wrong(format!("`{text}` is not a URL")).or_else_write("write `http://…` or `unix://…`")
            }
        }
    }
}

fn not_a_number(text: &str, wrong: Wrong) -> Wrong {
    let size = text.chars().take_while(char::is_ascii_digit).count();
    match &text[..size] {
        "" => wrong,
        digits => wrong.or_else_write(format!("write `{digits}`")),
    }
}

fn level_remedy(text: &str) -> String {
    let words = Level::ALL.map(Level::as_str);
    match crate::suggest::nearest(&text.to_lowercase(), words) {
        Some(meant) => format!("write `{meant}`"),
        None if text.eq_ignore_ascii_case("warning") => "write `warn`".to_owned(),
        None => format!("write one of {}", words.join(", ")),
    }
}

impl From<EnvironmentError> for Wrong {
    fn from(error: EnvironmentError) -> Self {
        let original = error.to_string();
        match error {
            EnvironmentError::Pairs(_) => Self::new("it is not a list of KEY=value pairs", original)
                .or_else_write(
                    "write KEY=\"value\",KEY2=\"value2\" with quotes around all but the plainest values",
                ),
            EnvironmentError::Tokens(ShellWordsError::Quote) => {
                Self::new("a quotation mark in it is never closed", original)
                    .or_else_write("put values with quotation marks in them between quotes")
            }
            EnvironmentError::Tokens(ShellWordsError::Escape) => {
                Self::new("a backslash at its end escapes nothing", original)
            }
        }
    }
}

/// A whole number; one beyond 64 bits becomes the nearest that fits.
///
/// # Errors
/// When it is none.
pub fn integer(text: &str) -> Result<i64, ValueError> {
    match python::plain_integer(text) {
        Some(number) => Ok(number),
        None => whole(text).map(|it| it.clamped),
    }
}

fn whole(text: &str) -> Result<python::Integer, ValueError> {
    match python::integer(text, 10) {
        Some(number) if number.digits > python::DECIMAL_DIGITS_MAX => Err(ValueError::Digits(number.digits)),
        Some(number) => Ok(number),
        None => Err(ValueError::Integer(text.to_owned())),
    }
}

/// `yes true on 1` or `no false off 0`, in any case.
///
/// # Errors
/// When it is none of these.
pub fn boolean(text: &str) -> Result<bool, ValueError> {
    truth(text).ok_or_else(|| ValueError::Boolean(text.to_owned()))
}

fn truth(text: &str) -> Option<bool> {
    // No other letters become these when they are made small.
    let is_one_of = |words: [&str; 4]| words.iter().any(|it| text.eq_ignore_ascii_case(it));
    match text {
        _ if is_one_of(["true", "yes", "on", "1"]) => Some(true),
        _ if is_one_of(["false", "no", "off", "0"]) => Some(false),
        _ => None,
    }
}

/// When to restart: a boolean or `unexpected`.
///
/// # Errors
/// When it is neither.
pub fn auto_restart(text: &str) -> Result<AutoRestart, ValueError> {
    match truth(text) {
        Some(true) => Ok(AutoRestart::Always),
        Some(false) => Ok(AutoRestart::Never),
        None if text.to_lowercase() == "unexpected" => Ok(AutoRestart::Unexpected),
        None => Err(ValueError::AutoRestart(text.to_lowercase())),
    }
}

/// `viewer`, `operator` or `admin`.
///
/// # Errors
/// When it is none of them.
pub fn role(text: &str) -> Result<Role, ValueError> {
    Role::of_word(text).ok_or_else(|| ValueError::Role(text.to_owned()))
}

/// `adopt` or `kill`.
///
/// # Errors
/// When it is neither.
pub fn orphans(text: &str) -> Result<Orphans, ValueError> {
    match text {
        "adopt" => Ok(Orphans::Adopt),
        "kill" => Ok(Orphans::Kill),
        _ => Err(ValueError::Orphans(text.to_owned())),
    }
}

/// `auto`, `off` or `require`.
///
/// # Errors
/// When it is none of them.
pub fn cgroups(text: &str) -> Result<Cgroups, ValueError> {
    match text {
        "auto" => Ok(Cgroups::Auto),
        "off" => Ok(Cgroups::Off),
        "require" => Ok(Cgroups::Require),
        _ => Err(ValueError::Cgroups(text.to_owned())),
    }
}

/// A number of bytes, or of `KB`, `MB` or `GB` of 1024 each.
///
/// # Errors
/// When it is none.
pub fn byte_size(text: &str) -> Result<i64, ValueError> {
    const SUFFIXES: [(&str, i64); 3] = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];
    if let Some(number) = python::plain_integer(text) {
        return Ok(number);
    }
    let text = text.to_lowercase();
    for (suffix, factor) in SUFFIXES {
        if let Some(number) = text.strip_suffix(suffix) {
            return integer(number).map(|it| it.saturating_mul(factor));
        }
    }
    integer(&text)
}

/// Permission bits in octal; bits beyond the twelve there are do not count.
///
/// # Errors
/// When it is no octal number.
pub fn octal(text: &str) -> Result<u32, ValueError> {
    const PERMISSION_BITS: i64 = 0o7777;
    let number = python::integer(text, 8).ok_or_else(|| ValueError::Octal(text.to_owned()))?;
    Ok(u32::try_from(number.clamped & PERMISSION_BITS).unwrap_or(0))
}

/// A log level by its word.
///
/// # Errors
/// When it is none.
pub fn level(text: &str) -> Result<Level, ValueError> {
    Level::parse(text).ok_or_else(|| ValueError::Level(text.to_owned()))
}

/// A signal by name or number.
///
/// # Errors
/// When it is none.
pub fn signal(text: &str) -> Result<Signal, ValueError> {
    /// Names that are no signals, but that the original finds when it looks for one, by their numbers.
    const ODDITIES: [(&str, &str); 5] =
        [("_DFL", "0"), ("_IGN", "1"), ("_BLOCK", "0"), ("_UNBLOCK", "1"), ("_SETMASK", "2")];
    if let Some(number) = python::integer(text, 10) {
        return Signal::parse(&number.text).map_err(|_| ValueError::SignalNumber(text.to_owned()));
    }
    let upper = python::strip(text).to_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    let odd = ODDITIES.iter().find(|(name, _)| *name == bare).map(|(_, number)| *number);
    Signal::parse(odd.unwrap_or(&format!("SIG{bare}"))).map_err(|_| ValueError::SignalName(text.to_owned()))
}

/// Exit codes with commas between them; nothing is an empty list.
///
/// # Errors
/// When one of them is no number from 0 to 255.
pub fn exit_codes(text: &str) -> Result<ExitCodes, ValueError> {
    if text.is_empty() {
        return Ok(ExitCodes(Vec::new()));
    }
    let code = |it: &str| integer(it).ok().and_then(|number| u8::try_from(number).ok());
    let codes: Option<Vec<u8>> = text.split(',').map(code).collect();
    codes.map(ExitCodes).ok_or_else(|| ValueError::ExitCodes(text.to_owned()))
}

/// Texts with commas between them; nothing is an empty list.
pub fn list(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(python::strip).collect() }
}

/// A name of a program, group or process, without the blanks around it.
///
/// # Errors
/// When it holds a blank, `:` or `/`.
pub fn name(text: &str) -> Result<&str, ValueError> {
    let stripped = python::strip(text);
    match [' ', ':', '/'].into_iter().find(|it| stripped.contains(*it)) {
        Some(character) => Err(ValueError::Name { text: text.to_owned(), character }),
        None => Ok(stripped),
    }
}

impl From<NameError> for ValueError {
    fn from(error: NameError) -> Self {
        Self::Name { text: error.name, character: error.character }
    }
}

/// A port from 1 to 65535.
///
/// # Errors
/// When it is none.
pub fn port(text: &str) -> Result<u16, ValueError> {
    let number = whole(text)?;
    match u16::try_from(number.clamped) {
        Ok(port) if port > 0 => Ok(port),
        _ if number.clamped < 1 => Err(ValueError::PortTooLow(number.text)),
        _ => Err(ValueError::PortTooHigh(number.text)),
    }
}

/// `host:port`, `:port`, `*:port` or `port`. The host is in lower case, empty for all interfaces.
///
/// # Errors
/// When there is no port in it.
pub fn inet_address(text: &str) -> Result<(String, u16), ValueError> {
    let Some((host, digits)) = text.rsplit_once(':') else {
        return port(text).map(|it| (String::new(), it)).map_err(|_| ValueError::Port(text.to_owned()));
    };
    if digits.is_empty() {
        return Err(ValueError::NoPort);
    }
    let port = port(digits)?;
    let host = if host == "*" { String::new() } else { host.to_lowercase() };
    Ok((host, port))
}

/// A text with a scheme and something after it.
///
/// # Errors
/// When it has not both.
pub fn url(text: &str) -> Result<&str, ValueError> {
    if is_url(text) { Ok(text) } else { Err(ValueError::Url(text.to_owned())) }
}

/// Whether `urllib.parse.urlparse` finds a scheme and a host or a path.
fn is_url(text: &str) -> bool {
    let plain: String = text.chars().filter(|it| !matches!(it, '\t' | '\r' | '\n')).collect();
    let plain = plain.trim_start_matches(|it| it <= ' ');
    let Some((scheme, rest)) = plain.split_once(':') else { return false };
    let scheme_is_one = scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        && scheme.chars().all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it));
    let address = rest.strip_prefix("//").unwrap_or(rest);
    let empty = match rest.strip_prefix("//") {
        Some(_) => address.is_empty() || address.starts_with(['?', '#']),
        None => address.is_empty() || address.starts_with(['?', '#', ';']),
    };
    scheme_is_one && !empty
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<T: std::fmt::Debug>(result: Result<T, ValueError>) -> String {
        match result {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("! {error}"),
        }
    }

    #[test]
    fn numbers_and_sizes() {
        let sizes = [
            ("10", "10"),
            ("1KB", "1024"),
            ("10 MB", "10485760"),
            ("1gb", "1073741824"),
            ("-1mb", "-1048576"),
            ("1k", "! invalid literal for int() with base 10: '1k'"),
            ("1.5MB", "! invalid literal for int() with base 10: '1.5'"),
            ("", "! invalid literal for int() with base 10: ''"),
        ];
        for (text, expected) in sizes {
            assert_eq!(shown(byte_size(text)), expected, "{text}");
        }
        assert_eq!(shown(octal("0777777")), "4095");
        assert_eq!(shown(octal("-1")), "4095");
        assert_eq!(shown(octal("9")), "! 9 can not be converted to an octal type");
        assert!(shown(integer(&"x".repeat(500))).ends_with(&"x".repeat(199)));
        assert!(shown(integer(&"1".repeat(4301))).contains("value has 4301 digits"));
    }

    #[test]
    fn words() {
        let cases = [
            (shown(boolean("YES")), "true"),
            (shown(boolean("2")), "! not a valid boolean value: '2'"),
            (shown(auto_restart("Unexpected")), "Unexpected"),
            (shown(auto_restart("ON")), "Always"),
            (shown(auto_restart("Maybe")), "! invalid 'autorestart' value 'maybe'"),
            (shown(level("WARN")), "Warn"),
            (shown(level("warning")), "! bad logging level name 'warning'"),
            (shown(signal("sigterm")), "Signal(15)"),
            (shown(signal("1_5")), "Signal(15)"),
            (shown(signal("SIG_IGN")), "Signal(1)"),
            (shown(signal("_IGN")), "Signal(1)"),
            (shown(signal("99")), "! value '99' is not a valid signal number"),
            (shown(signal("it's")), "! value \"it's\" is not a valid signal name"),
            (shown(exit_codes("0, 2")), "ExitCodes([0, 2])"),
            (shown(exit_codes("")), "ExitCodes([])"),
            (shown(exit_codes("0,")), "! not a valid list of exit codes: '0,'"),
            (shown(exit_codes("256")), "! not a valid list of exit codes: '256'"),
        ];
        for (result, expected) in cases {
            assert_eq!(result, expected);
        }
        assert_eq!(list("a, b ,"), ["a", "b", ""]);
        assert!(list("").is_empty());
    }

    #[test]
    fn addresses() {
        let cases = [
            ("9001", r#"("", 9001)"#),
            ("*:9001", r#"("", 9001)"#),
            (":9001", r#"("", 9001)"#),
            ("LocalHost:1", r#"("localhost", 1)"#),
            ("[::1]:9001", r#"("[::1]", 9001)"#),
            ("x", "! not a valid port number: 'x' "),
            ("70000", "! not a valid port number: '70000' "),
            ("a:", "! no port number specified in ''"),
            ("a:0", "! 0 is below lower bound (1)"),
            ("a:070000", "! 70000 is above upper bound (65535)"),
            ("a:x", "! invalid literal for int() with base 10: 'x'"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(inet_address(text)), expected, "{text}");
        }
        for good in ["http://localhost:9001", "unix:///tmp/x", "a:b", "http:///x"] {
            assert!(is_url(good), "{good}");
        }
        for bad in ["foo", "", "http:", "http://", "1a:b", ":x", "http://?q"] {
            assert!(!is_url(bad), "{bad}");
        }
    }
}
