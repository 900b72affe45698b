//! Python's `%` formatting of one conversion (`unicodeobject.c`, `PyUnicode_Format`), for the only
//! values a configuration has: text and whole numbers.

use crate::expand::Value;
use crate::python;

/// The widest field one conversion may ask for. Python would take any width and the memory for it.
pub(crate) const FIELD_CHARS_MAX: usize = 65_536;

/// Digits after the point when none are asked for.
const FLOAT_DIGITS: usize = 6;

/// What is wrong with a conversion, in Python's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    #[error("incomplete format")]
    Incomplete,
    #[error("incomplete format key")]
    IncompleteKey,
    #[error("not enough arguments for format string")]
    NotEnough,
    #[error("* wants int")]
    Star,
    #[error("width too big")]
    Width,
    #[error("precision too big")]
    Precision,
    #[error("unsupported format character '{shown}' (0x{code:x}) at index {index}")]
    Unsupported { shown: char, code: u32, index: usize },
    #[error("%{conversion} format: {wanted} is required, not {given}")]
    Type { conversion: char, wanted: &'static str, given: &'static str },
    #[error("must be real number, not {0}")]
    Float(&'static str),
    #[error("%c requires int or char")]
    Char,
    #[error("%c arg not in range(0x110000)")]
    CharRange,
}

/// A text with conversions in it, read from the left.
pub(crate) struct Template<'t> {
    rest: &'t str,
    /// How many characters have been read.
    index: usize,
    /// Whether a conversion has been met, after which one without a name finds nothing to format.
    exhausted: bool,
}

/// One conversion, for example `%(process_num)02d`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conversion<'t> {
    /// The name in parentheses.
    pub(crate) name: Option<&'t str>,
    exhausted: bool,
    spec: Result<Spec<'t>, FormatError>,
}

/// What follows the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spec<'t> {
    flags: &'t str,
    width: usize,
    precision: Option<usize>,
    letter: char,
    /// Where the letter is.
    index: usize,
}

impl<'t> Template<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { rest: text, index: 0, exhausted: false }
    }

    /// Copies plain text to `out` up to the next conversion and reads that.
    pub(crate) fn next_conversion(
        &mut self,
        out: &mut String,
    ) -> Result<Option<Conversion<'t>>, FormatError> {
        while let Some((plain, rest)) = self.rest.split_once('%') {
            out.push_str(plain);
            self.index += plain.chars().count() + 1;
            self.rest = rest;
            if self.rest.starts_with('%') {
                out.push('%');
                self.take(1);
                continue;
            }
            let name = self.name()?;
            let spec = self.spec();
            let conversion = Conversion { name, exhausted: self.exhausted && name.is_none(), spec };
            self.exhausted = true;
            return Ok(Some(conversion));
        }
        out.push_str(std::mem::take(&mut self.rest));
        Ok(None)
    }

    /// Takes `bytes` bytes.
    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.index += taken.chars().count();
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        self.take(self.rest.find(|it| !wanted(it)).unwrap_or(self.rest.len()))
    }

    /// A name in balanced parentheses.
    fn name(&mut self) -> Result<Option<&'t str>, FormatError> {
        let Some(inner) = self.rest.strip_prefix('(') else { return Ok(None) };
        let mut depth = 1;
        for (at, character) in inner.char_indices() {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.take(at + 2);
                return Ok(Some(&inner[..at]));
            }
        }
        Err(FormatError::IncompleteKey)
    }

    fn spec(&mut self) -> Result<Spec<'t>, FormatError> {
        let flags = self.take_while(|it| "-+ #0".contains(it));
        let width = self.number(FormatError::Width)?.unwrap_or(0);
        let mut precision = None;
        if self.rest.starts_with('.') {
            self.take(1);
            precision = Some(self.number(FormatError::Precision)?.unwrap_or(0));
        }
        if self.rest.starts_with(['h', 'l', 'L']) {
            self.take(1);
        }
        let letter = self.rest.chars().next().ok_or(FormatError::Incomplete)?;
        let index = self.index;
        self.take(letter.len_utf8());
        Ok(Spec { flags, width, precision, letter, index })
    }

    fn number(&mut self, too_big: FormatError) -> Result<Option<usize>, FormatError> {
        if self.rest.starts_with('*') {
            return Err(FormatError::Star);
        }
        match self.take_while(|it| it.is_ascii_digit()) {
            "" => Ok(None),
            digits => match digits.parse() {
                Ok(number) if number <= FIELD_CHARS_MAX => Ok(Some(number)),
                _ => Err(too_big),
            },
        }
    }
}

impl<'t> Conversion<'t> {
    /// What follows the name, if it is well-formed. To be asked after the name has been looked up,
    /// as Python does.
    pub(crate) fn checked(&self, value: Option<&Value>) -> Result<Spec<'t>, FormatError> {
        let spec = match &self.spec {
            Err(FormatError::Star) if self.exhausted || matches!(value, Some(Value::Number(_))) => {
                return Err(FormatError::NotEnough);
            }
            Err(error) => return Err(error.clone()),
            Ok(spec) => *spec,
        };
        if self.exhausted { Err(FormatError::NotEnough) } else { Ok(spec) }
    }
}

impl Spec<'_> {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    /// Writes `value` as asked. No value stands for the whole mapping, which Python would write
    /// out with every variable of the environment; that is refused.
    pub(crate) fn write(&self, value: Option<&Value>, out: &mut String) -> Result<(), FormatError> {
        match self.letter {
            's' | 'r' | 'a' => {
                let text = self.text(value.ok_or(FormatError::NotEnough)?);
                let kept: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
                self.pad("", &kept, ' ', out);
            }
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' => self.write_integer(self.number(value)?, out),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => match value {
                Some(Value::Number(number)) => self.write_float(*number, out),
                other => return Err(FormatError::Float(type_name(other))),
            },
            'c' => self.pad("", &character(value)?.to_string(), ' ', out),
            other => {
                let shown = if ('\u{1f}'..'\u{7f}').contains(&other) { other } else { '?' };
                return Err(FormatError::Unsupported { shown, code: other.into(), index: self.index });
            }
        }
        Ok(())
    }

    fn text(&self, value: &Value) -> String {
        match (value, self.letter) {
            (Value::Number(number), _) => number.to_string(),
            (Value::Text(text), 'r') => python::repr(text),
            (Value::Text(text), 'a') => python::ascii(text),
            (Value::Text(text), _) => text.clone(),
        }
    }

    fn number(&self, value: Option<&Value>) -> Result<i64, FormatError> {
        let wanted = match self.letter {
            'o' | 'x' | 'X' => "an integer",
            _ => "a real number",
        };
        match value {
            Some(Value::Number(number)) => Ok(*number),
            other => Err(FormatError::Type { conversion: self.letter, wanted, given: type_name(other) }),
        }
    }

    fn write_integer(&self, number: i64, out: &mut String) {
        let size = number.unsigned_abs();
        let (prefix, digits) = match self.letter {
            'o' => ("0o", format!("{size:o}")),
            'x' => ("0x", format!("{size:x}")),
            'X' => ("0X", format!("{size:X}")),
            _ => ("", size.to_string()),
        };
        let digits = format!("{digits:0>width$}", width = self.precision.unwrap_or(0));
        let prefix = if self.has('#') { prefix } else { "" };
        self.write_signed(number < 0, prefix, &digits, out);
    }

    fn write_float(&self, number: i64, out: &mut String) {
        // The standard library has no exact conversion of a long number, but it reads one.
        let size: f64 = number.unsigned_abs().to_string().parse().unwrap_or(f64::MAX);
        let precision = self.precision.unwrap_or(FLOAT_DIGITS);
        let all_digits = self.has('#');
        let text = match self.letter.to_ascii_lowercase() {
            'f' => with_point(&format!("{size:.precision$}"), all_digits),
            'e' => exponential(size, precision, all_digits),
            _ => general(size, precision.max(1), all_digits),
        };
        let text = if self.letter.is_ascii_uppercase() { text.to_uppercase() } else { text };
        self.write_signed(number < 0, "", &text, out);
    }

    fn write_signed(&self, negative: bool, prefix: &str, digits: &str, out: &mut String) {
        let sign = match negative {
            true => "-",
            false if self.has('+') => "+",
            false if self.has(' ') => " ",
            false => "",
        };
        let fill = if self.has('0') { '0' } else { ' ' };
        self.pad(&format!("{sign}{prefix}"), digits, fill, out);
    }

    /// Writes `head` and `body` at the asked width. Zeros go between them, blanks around them.
    fn pad(&self, head: &str, body: &str, fill: char, out: &mut String) {
        let missing = self.width.saturating_sub(head.chars().count() + body.chars().count());
        let padding = |fill| std::iter::repeat_n(fill, missing);
        if self.has('-') {
            out.extend([head, body]);
            out.extend(padding(' '));
        } else if fill == '0' {
            out.push_str(head);
            out.extend(padding('0'));
            out.push_str(body);
        } else {
            out.extend(padding(' '));
            out.extend([head, body]);
        }
    }
}

fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "dict",
        Some(Value::Text(_)) => "str",
        Some(Value::Number(_)) => "int",
    }
}

fn character(value: Option<&Value>) -> Result<char, FormatError> {
    match value {
        Some(Value::Number(number)) => {
            u32::try_from(*number).ok().and_then(char::from_u32).ok_or(FormatError::CharRange)
        }
        Some(Value::Text(text)) => {
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(FormatError::Char),
            }
        }
        None => Err(FormatError::Char),
    }
}

/// `digits`, ending in a point if it is asked for and not there.
fn with_point(digits: &str, wanted: bool) -> String {
    format!("{digits}{}", if wanted && !digits.contains('.') { "." } else { "" })
}

/// `%e`: an exponent of at least two digits.
fn exponential(size: f64, precision: usize, all_digits: bool) -> String {
    let text = format!("{size:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e+{exponent:0>2}", with_point(mantissa, all_digits))
}

/// `%g` of a number that is zero or at least one.
fn general(size: f64, precision: usize, all_digits: bool) -> String {
    let text = exponential(size, precision - 1, all_digits);
    let (mantissa, exponent) = text.split_once("e+").unwrap_or((&text, "0"));
    let shortened = |text: &str| {
        if text.contains('.') && !all_digits {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            with_point(text, all_digits)
        }
    };
    match exponent.parse::<usize>() {
        Ok(exponent) if exponent < precision => {
            shortened(&format!("{size:.decimals$}", decimals = precision - 1 - exponent))
        }
        _ => format!("{}e+{exponent}", shortened(mantissa)),
    }
}
