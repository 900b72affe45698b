//! Words of a command line and tokens of `environment=`: Python's `shlex` in POSIX mode.

/// Why a text cannot be split. The words are those of `shlex`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShellWordsError {
    /// A quote is never closed.
    #[error("No closing quotation")]
    Quote,
    /// A backslash is the last character.
    #[error("No escaped character")]
    Escape,
}

/// Splits a command as a POSIX shell splits words, without any expansion (`shlex.split`).
///
/// # Errors
/// When a quote or a backslash is left open.
pub fn split(text: &str) -> Result<Vec<String>, ShellWordsError> {
    tokens(text, &Rules { comments: false, is_word: |_| true })
}

/// What differs between the uses of the lexer.
pub(crate) struct Rules {
    /// Whether `#` starts a comment.
    pub(crate) comments: bool,
    /// Whether an unquoted character that is no blank and no quote belongs to a word; else it is a
    /// token of its own.
    pub(crate) is_word: fn(char) -> bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Word,
    Quote(char),
    /// After a backslash; then it goes on in a word or inside double quotes.
    Escape {
        quoted: bool,
    },
}

/// All tokens of a text.
pub(crate) fn tokens(text: &str, rules: &Rules) -> Result<Vec<String>, ShellWordsError> {
    let mut lexer = Lexer { state: State::Between, token: String::new(), quoted: false, done: Vec::new() };
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if lexer.accept(character, rules) {
            // The comment takes the line feed with it.
            rest.by_ref().take_while(|it| *it != '\n').for_each(drop);
        }
    }
    lexer.end()
}

struct Lexer {
    state: State,
    token: String,
    /// Whether the token has a quoted part, and so exists even when it is empty.
    quoted: bool,
    done: Vec<String>,
}

impl Lexer {
    /// Takes one character; says whether it starts a comment.
    fn accept(&mut self, character: char, rules: &Rules) -> bool {
        match self.state {
            State::Between | State::Word => return self.accept_plain(character, rules),
            State::Quote(quote) if character == quote => self.state = State::Word,
            State::Quote('"') if character == '\\' => self.state = State::Escape { quoted: true },
            State::Quote(_) => self.token.push(character),
            State::Escape { quoted } => {
                // Between quotes a backslash escapes only the quote and itself.
                if quoted && !matches!(character, '"' | '\\') {
                    self.token.push('\\');
                }
                self.token.push(character);
                self.state = if quoted { State::Quote('"') } else { State::Word };
            }
        }
        false
    }

    fn accept_plain(&mut self, character: char, rules: &Rules) -> bool {
        match character {
            ' ' | '\t' | '\r' | '\n' => self.finish_token(),
            '#' if rules.comments => {
                self.finish_token();
                return true;
            }
            '\'' | '"' => {
                self.quoted = true;
                self.state = State::Quote(character);
            }
            '\\' => self.state = State::Escape { quoted: false },
            it if (rules.is_word)(it) => {
                self.token.push(it);
                self.state = State::Word;
            }
            it => {
                self.finish_token();
                self.done.push(it.to_string());
            }
        }
        false
    }

    fn finish_token(&mut self) {
        if !self.token.is_empty() || self.quoted {
            self.done.push(std::mem::take(&mut self.token));
        }
        self.quoted = false;
        self.state = State::Between;
    }

    fn end(mut self) -> Result<Vec<String>, ShellWordsError> {
        match self.state {
            State::Quote(_) => Err(ShellWordsError::Quote),
            State::Escape { .. } => Err(ShellWordsError::Escape),
            State::Between | State::Word => {
                self.finish_token();
                Ok(self.done)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_split_as_in_shlex() {
        let cases: [(&str, &[&str]); 12] = [
            ("", &[]),
            ("a b\tc\nd", &["a", "b", "c", "d"]),
            ("a 'b c' \"d e\"", &["a", "b c", "d e"]),
            ("a'b'\"c\"d", &["abcd"]),
            ("a '' \"\"", &["a", "", ""]),
            ("a\\ b", &["a b"]),
            ("\"a\\\"b\\\\c\\d\"", &["a\"b\\c\\d"]),
            ("'a\\'b", &["a\\b"]),
            ("a #b", &["a", "#b"]),
            ("a;b&&c|d", &["a;b&&c|d"]),
            ("é\u{a0}x", &["é\u{a0}x"]),
            ("a\\\nb", &["a\nb"]),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_left_open_is_told_in_the_words_of_shlex() {
        assert_eq!(split("a 'b").unwrap_err().to_string(), "No closing quotation");
        assert_eq!(split("a \\").unwrap_err().to_string(), "No escaped character");
        assert_eq!(split("\"a\\").unwrap_err().to_string(), "No escaped character");
    }
}
