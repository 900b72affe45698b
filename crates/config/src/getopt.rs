//! Command line options the way Python's `getopt` reads them: short ones in clusters, long ones by
//! any unique prefix, and an end at the first argument that is no option.

/// What is wrong with a command line. The words are Python's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetoptError {
    /// No such option; with its dashes.
    #[error("option {0} not recognized")]
    Unknown(String),
    /// Its argument is missing.
    #[error("option {0} requires argument")]
    NoArgument(String),
    /// It takes none.
    #[error("option {0} must not have an argument")]
    UnwantedArgument(String),
    /// Several long options start like this.
    #[error("option {0} not a unique prefix")]
    Ambiguous(String),
}

/// One option of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its full name with dashes, for example `-n` or `--nodaemon`.
    pub name: String,
    /// Its argument; empty when it takes none.
    pub argument: String,
}

/// An option that a program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its letter.
    pub short: Option<char>,
    /// Its long name without dashes; empty when it has none.
    pub long: &'static str,
    /// Whether it takes an argument.
    pub argument: bool,
}

/// Reads options up to the first argument that is none; returns them and the rest.
///
/// # Errors
/// When an option is unknown, ambiguous, or has no argument or one too many.
pub fn getopt<'a>(known: &[Known], args: &'a [String]) -> Result<(Vec<Given>, &'a [String]), GetoptError> {
    let mut given = Vec::new();
    let mut rest = args;
    while let [first, after @ ..] = rest {
        if first == "--" {
            return Ok((given, after));
        }
        rest = if let Some(long) = first.strip_prefix("--") {
            read_long(known, long, after, &mut given)?
        } else if let Some(letters) = first.strip_prefix('-').filter(|it| !it.is_empty()) {
            read_short(known, letters, after, &mut given)?
        } else {
            break;
        };
    }
    Ok((given, rest))
}

fn read_long<'a>(
    known: &[Known],
    text: &str,
    after: &'a [String],
    given: &mut Vec<Given>,
) -> Result<&'a [String], GetoptError> {
    let (prefix, attached) = match text.split_once('=') {
        Some((prefix, value)) => (prefix, Some(value)),
        None => (text, None),
    };
    let option = find_long(known, prefix)?;
    let name = format!("--{}", option.long);
    let (argument, rest) = match (option.argument, attached, after) {
        (true, Some(value), _) => (value, after),
        (true, None, [value, rest @ ..]) => (value.as_str(), rest),
        (true, None, []) => return Err(GetoptError::NoArgument(name)),
        (false, None, _) => ("", after),
        (false, Some(_), _) => return Err(GetoptError::UnwantedArgument(name)),
    };
    given.push(Given { name, argument: argument.to_owned() });
    Ok(rest)
}

fn find_long<'k>(known: &'k [Known], prefix: &str) -> Result<&'k Known, GetoptError> {
    let possible: Vec<&Known> =
        known.iter().filter(|it| !it.long.is_empty() && it.long.starts_with(prefix)).collect();
    match possible.as_slice() {
        [] => Err(GetoptError::Unknown(format!("--{prefix}"))),
        [only] => Ok(only),
        several => several
            .iter()
            .find(|it| it.long == prefix)
            .copied()
            .ok_or_else(|| GetoptError::Ambiguous(format!("--{prefix}"))),
    }
}

fn read_short<'a>(
    known: &[Known],
    letters: &str,
    after: &'a [String],
    given: &mut Vec<Given>,
) -> Result<&'a [String], GetoptError> {
    let mut rest = letters.chars();
    while let Some(letter) = rest.next() {
        let name = format!("-{letter}");
        let Some(option) = known.iter().find(|it| it.short == Some(letter)) else {
            return Err(GetoptError::Unknown(name));
        };
        if !option.argument {
            given.push(Given { name, argument: String::new() });
            continue;
        }
        let (argument, left) = match (rest.as_str(), after) {
            ("", [value, left @ ..]) => (value.as_str(), left),
            ("", []) => return Err(GetoptError::NoArgument(name)),
            (attached, _) => (attached, after),
        };
        given.push(Given { name, argument: argument.to_owned() });
        return Ok(left);
    }
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Known; 5] = [
        Known { short: Some('n'), long: "nodaemon", argument: false },
        Known { short: Some('l'), long: "logfile", argument: true },
        Known { short: None, long: "logfile_maxbytes", argument: true },
        Known { short: Some('?'), long: "", argument: false },
        Known { short: Some('s'), long: "silent", argument: false },
    ];

    fn read(line: &str) -> String {
        let args: Vec<String> = line.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect();
        match getopt(&KNOWN, &args) {
            Ok((given, rest)) => {
                let given: Vec<_> = given.iter().map(|it| format!("{}<{}>", it.name, it.argument)).collect();
                format!("{} | {}", given.join(" "), rest.join(" "))
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn options_are_read_as_getopt_reads_them() {
        let cases = [
            ("-n -s", "-n<> -s<> | "),
            ("-ns a -n", "-n<> -s<> | a -n"),
            ("-nlfile", "-n<> -l<file> | "),
            ("-l -n", "-l<-n> | "),
            ("--no --logfile=x=y", "--nodaemon<> --logfile<x=y> | "),
            ("--logfile x", "--logfile<x> | "),
            ("--logfile_m 5", "--logfile_maxbytes<5> | "),
            ("--logfile=", "--logfile<> | "),
            ("-n -- -s", "-n<> | -s"),
            ("-n - -s", "-n<> | - -s"),
            ("-?", "-?<> | "),
            ("-Z", "option -Z not recognized"),
            ("--bogus", "option --bogus not recognized"),
            ("-l", "option -l requires argument"),
            ("--logfile", "option --logfile requires argument"),
            ("--nodaemon=1", "option --nodaemon must not have an argument"),
            ("--log", "option --log not a unique prefix"),
            ("--=x", "option -- not a unique prefix"),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line}");
        }
    }
}
