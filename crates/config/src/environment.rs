//! The language of `environment=`: `KEY=value,KEY="value, with comma"`.

use crate::shell_words::{Rules, ShellWordsError, tokens};

/// Why a text is no list of variables. The words are the original's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// Its tokens are not all of the form `key = value separator`.
    #[error("Unexpected end of key/value pairs in value '{0}'")]
    Pairs(String),
    /// It cannot be split into tokens.
    #[error(transparent)]
    Tokens(#[from] ShellWordsError),
}

/// Reads variables in the order in which their keys first appear; the last value of a key stands.
///
/// The rule is that of `datatypes.py`, `dict_of_key_value_pairs`, in its newest form: tokens are
/// taken four at a time, and what stands at the place of the comma is not looked at.
///
/// # Errors
/// When it cannot be split into tokens, or they are no pairs.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, EnvironmentError> {
    let tokens = tokens(text, &Rules { comments: true, is_word })?;
    let mut variables: Vec<(String, String)> = Vec::new();
    for group in tokens.chunks(4) {
        match group {
            [key, equals, value, ..] if equals == "=" => variables.push((key.clone(), value.clone())),
            _ => return Err(EnvironmentError::Pairs(text.to_owned())),
        }
    }
    Ok(last_of_each(variables))
}

/// The characters `shlex` takes for parts of words, and those the original adds.
fn is_word(character: char) -> bool {
    matches!(character,
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_'
        | '/' | '.' | '+' | '-' | '(' | ')' | ':'
        | 'ß'..='ö' | 'ø'..='ÿ' | 'À'..='Ö' | 'Ø'..='Þ')
}

fn last_of_each(variables: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut places = std::collections::BTreeMap::new();
    let mut kept: Vec<(String, String)> = Vec::with_capacity(variables.len());
    for (key, value) in variables {
        if let Some(at) = places.get(&key) {
            kept[*at] = (key, value);
        } else {
            places.insert(key.clone(), kept.len());
            kept.push((key, value));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let pairs = parse(text).map_err(|it| it.to_string())?;
        Ok(pairs.into_iter().map(|(key, value)| format!("{key}<{value}>")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn variables_are_read_as_the_original_reads_them() {
        let cases = [
            ("", ""),
            ("  \n ", ""),
            ("A=1,B=\"2\"", "A<1> B<2>"),
            ("A=\"1,2\",B=3", "A<1,2> B<3>"),
            ("A = 1 , B = 2", "A<1> B<2>"),
            ("A=1,\n  B=2", "A<1> B<2>"),
            ("A=1,", "A<1>"),
            ("A=1;B=2", "A<1> B<2>"),
            ("A=x y", "A<x>"),
            ("A=http://x/y?z=1", "A<http://x/y> z<1>"),
            ("A=$HOME", "A<$>"),
            ("A=~x", "A<~>"),
            ("A=a#b", "A<a>"),
            ("A=a#b,C=1\n,B=2", "A<a> B<2>"),
            ("A=\"\",B=1", "A<> B<1>"),
            ("K=v,K=w", "K<w>"),
            ("A=\"x\"y", "A<xy>"),
            ("A=\"a\\\"b\"", "A<a\"b>"),
            ("A=a\\,b", "A<a,b>"),
            ("'a b'=1,1A=2,A-B=3", "a b<1> 1A<2> A-B<3>"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_are_no_variables_is_refused_in_the_original_words() {
        for text in ["A=a@b", "A=1,,B=2", ",A=1", "A", "A=", "A=,B=1", "A=1 B=2", "A=1=2"] {
            let expected = format!("Unexpected end of key/value pairs in value '{text}'");
            assert_eq!(read(text), Err(expected));
        }
        assert_eq!(read("A=\"x").unwrap_err(), "No closing quotation");
        assert_eq!(read("A=don't").unwrap_err(), "No closing quotation");
    }
}
