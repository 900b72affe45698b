//! `%(name)s` in values: Python's `%` formatting with a mapping on its right side (`options.py`,
//! `expand`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Wrong;
use crate::format::{self, Conversion};
use crate::python;
use crate::suggest;

/// What stands for a variable of the environment.
const VARIABLE_PREFIX: &str = "ENV_";

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
}

/// The names that a value may use.
#[derive(Debug, Clone)]
pub(crate) struct Scope<'a> {
    variables: &'a BTreeMap<String, String>,
    own: BTreeMap<Cow<'static, str>, Value>,
}

impl<'a> Scope<'a> {
    /// `ENV_X` for each of these variables.
    pub(crate) fn new(variables: &'a BTreeMap<String, String>) -> Self {
        Self { variables, own: BTreeMap::new() }
    }

    /// The same with one more name.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.own.insert(Cow::Borrowed(name), Value::Text(value.to_owned()));
        self
    }

    /// Gives a name a number.
    pub(crate) fn set_number(&mut self, name: &'static str, number: i64) {
        self.own.insert(Cow::Borrowed(name), Value::Number(number));
    }

    /// Adds variables over those of the environment.
    pub(crate) fn add_variables(&mut self, variables: &[(String, String)]) {
        for (name, value) in variables {
            self.own.insert(Cow::Owned(format!("{VARIABLE_PREFIX}{name}")), Value::Text(value.clone()));
        }
    }

    /// Forgets added variables that the environment has too.
    ///
    /// The original keeps one mapping for all processes of a program and lays the environment
    /// over it before each, so what one process added stays visible to the next unless the
    /// environment has it.
    pub(crate) fn uncover_variables(&mut self) {
        let variables = self.variables;
        self.own.retain(|name, _| {
            name.strip_prefix(VARIABLE_PREFIX).is_none_or(|bare| !variables.contains_key(bare))
        });
    }

    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        if let Some(value) = self.own.get(name) {
            return Some(Cow::Borrowed(value));
        }
        let variable = self.variables.get(name.strip_prefix(VARIABLE_PREFIX)?)?;
        Some(Cow::Owned(Value::Text(variable.clone())))
    }

    fn names(&self) -> BTreeSet<String> {
        let variables = self.variables.keys().map(|it| format!("{VARIABLE_PREFIX}{it}"));
        self.own.keys().map(ToString::to_string).chain(variables).collect()
    }
}

/// Why a value cannot be expanded. The words are the original's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExpandError {
    #[error(
        "Format string {} for {} contains names ({}) which cannot be expanded. Available names: {}",
        python::repr(text), python::repr(place), python::repr(name),
        available.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    )]
    Unknown { text: String, place: String, name: String, available: BTreeSet<String> },
    #[error("Format string {} for {} is badly formatted: {reason}", python::repr(text), python::repr(place))]
    Bad { text: String, place: String, reason: String },
}

impl From<ExpandError> for Wrong {
    fn from(error: ExpandError) -> Self {
        let original = error.to_string();
        match error {
            ExpandError::Unknown { name, available, .. } => {
                let wrong = Self::new(format!("`%({name})s` stands for nothing here"), original);
                match suggest::nearest(&name, available.iter().map(String::as_str)) {
                    Some(meant) => wrong.or_else_write(format!("write `%({meant})s`")),
                    None if name.starts_with(VARIABLE_PREFIX) => wrong.or_else_write(format!(
                        "set {} in the environment or in [supervisord] environment",
                        &name[VARIABLE_PREFIX.len()..]
                    )),
                    None => {
                        let names = available.iter().filter(|it| !it.starts_with(VARIABLE_PREFIX));
                        let names: Vec<_> = names.map(|it| format!("`%({it})s`")).collect();
                        wrong.or_else_write(format!("what can be used is {}, `%(ENV_X)s`", names.join(", ")))
                    }
                }
            }
            ExpandError::Bad { reason, .. } => {
                Self::new(format!("a `%` in it is not understood ({reason})"), original)
                    .or_else_write("write `%%` for a percent sign")
            }
        }
    }
}

/// Replaces what `text` refers to. `place` is what error messages call it.
pub(crate) fn expand<'t>(text: &'t str, scope: &Scope<'_>, place: &str) -> Result<Cow<'t, str>, ExpandError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let bad = |reason: String| ExpandError::Bad { text: text.to_owned(), place: place.to_owned(), reason };
    let mut rest = format::Template::new(text);
    let mut out = String::with_capacity(text.len());
    while let Some(conversion) = rest.next_conversion(&mut out).map_err(|it| bad(it.to_string()))? {
        expand_one(&conversion, scope, &mut out).map_err(|failure| match failure {
            Failure::Unknown(name) => ExpandError::Unknown {
                text: text.to_owned(),
                place: place.to_owned(),
                name,
                available: scope.names(),
            },
            Failure::Bad(error) => bad(error.to_string()),
        })?;
    }
    Ok(Cow::Owned(out))
}

enum Failure {
    Unknown(String),
    Bad(format::FormatError),
}

fn expand_one(conversion: &Conversion<'_>, scope: &Scope<'_>, out: &mut String) -> Result<(), Failure> {
    let value = match conversion.name {
        Some(name) => Some(scope.get(name).ok_or_else(|| Failure::Unknown(name.to_owned()))?),
        None => None,
    };
    let spec = conversion.checked(value.as_deref()).map_err(Failure::Bad)?;
    spec.write(value.as_deref(), out).map_err(Failure::Bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> BTreeMap<String, String> {
        [("HOME", "/root"), ("ODD", "50%")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    fn try_expand(text: &str) -> Result<String, String> {
        let variables = variables();
        let mut scope = Scope::new(&variables).with("here", "/etc").with("slash", "/");
        scope.set_number("process_num", 7);
        scope.set_number("minus", -7);
        expand(text, &scope, "program:x.command").map(Cow::into_owned).map_err(|it| it.to_string())
    }

    #[test]
    fn what_python_formats_is_formatted_alike() {
        let cases = [
            ("plain", "plain"),
            ("%%", "%"),
            ("%(here)s/x", "/etc/x"),
            ("%(ENV_HOME)s", "/root"),
            ("%(ENV_ODD)s", "50%"),
            ("%(process_num)02d", "07"),
            ("%(process_num)s", "7"),
            ("%(process_num)5s|", "    7|"),
            ("%(process_num)-5d|", "7    |"),
            ("%(process_num)+d", "+7"),
            ("%(process_num) d", " 7"),
            ("%(minus)05d", "-0007"),
            ("%(minus)5d", "   -7"),
            ("%(process_num).3d", "007"),
            ("%(process_num)8.3d|", "     007|"),
            ("%(process_num)#x", "0x7"),
            ("%(process_num)#06x", "0x0007"),
            ("%(process_num)#6o|", "   0o7|"),
            ("%(minus)#X", "-0X7"),
            ("%(process_num)r", "7"),
            ("%(process_num)c", "\u{7}"),
            ("%(process_num)f", "7.000000"),
            ("%(process_num).1e", "7.0e+00"),
            ("%(process_num)g", "7"),
            ("%(process_num)#g", "7.00000"),
            ("%(process_num)#.0f", "7."),
            ("%(process_num)#.0e", "7.e+00"),
            ("%(process_num)06.1f", "0007.0"),
            ("%(here)r", "'/etc'"),
            ("%(here)a", "'/etc'"),
            ("%(here)8s|", "    /etc|"),
            ("%(here)-8s|", "/etc    |"),
            ("%(here)08s|", "    /etc|"),
            ("%(here).2s", "/e"),
            ("%(here)6.2s", "    /e"),
            ("%(slash)c", "/"),
            ("%(here)ls", "/etc"),
        ];
        for (text, expected) in cases {
            assert_eq!(try_expand(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused_in_its_words() {
        let cases = [
            ("%", "incomplete format"),
            ("a %-", "incomplete format"),
            ("%(here)", "incomplete format"),
            ("%(here", "incomplete format key"),
            ("%(here)%", "unsupported format character '%' (0x25) at index 7"),
            ("%5%", "unsupported format character '%' (0x25) at index 2"),
            ("%(a(b)", "incomplete format key"),
            ("%(here)b", "unsupported format character 'b' (0x62) at index 7"),
            ("é%Y", "unsupported format character 'Y' (0x59) at index 2"),
            ("%é", "unsupported format character '?' (0xe9) at index 1"),
            ("%(here)d", "%d format: a real number is required, not str"),
            ("%(here)x", "%x format: an integer is required, not str"),
            ("%(here)f", "must be real number, not str"),
            ("%(here)c", "%c requires int or char"),
            ("%(minus)c", "%c arg not in range(0x110000)"),
            ("%d", "%d format: a real number is required, not dict"),
            ("%x", "%x format: an integer is required, not dict"),
            ("%c", "%c requires int or char"),
            ("%f", "must be real number, not dict"),
            ("%(here)*d", "* wants int"),
            ("%*d", "* wants int"),
            ("%.*d", "* wants int"),
            ("%(process_num)*d", "not enough arguments for format string"),
            ("%(here)s %s", "not enough arguments for format string"),
            ("%(here)99999999999999999999s", "width too big"),
            ("%(here).99999999999999999999s", "precision too big"),
        ];
        for (text, reason) in cases {
            let expected = format!(
                "Format string {} for 'program:x.command' is badly formatted: {reason}",
                python::repr(text)
            );
            assert_eq!(try_expand(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_all_that_are_known() {
        assert_eq!(
            try_expand("x%(heer)s").unwrap_err(),
            "Format string 'x%(heer)s' for 'program:x.command' contains names ('heer') which cannot be \
             expanded. Available names: ENV_HOME, ENV_ODD, here, minus, process_num, slash"
        );
        let variables = variables();
        let scope = Scope::new(&variables).with("here", "/etc");
        let remedy = |text: &str| Wrong::from(expand(text, &scope, "p").unwrap_err()).remedy.unwrap();
        assert_eq!(remedy("%(heer)s"), "write `%(here)s`");
        assert_eq!(remedy("%(ENV_NOPE_X)s"), "set NOPE_X in the environment or in [supervisord] environment");
    }

    #[test]
    fn the_environment_never_leaks_through_a_bare_conversion() {
        for text in ["%s", "%r", "%a", "echo %s", "%10s", "%%%s"] {
            let message = try_expand(text).unwrap_err();
            assert!(message.ends_with("not enough arguments for format string"), "{message}");
            assert!(!message.contains("/root"), "{message}");
        }
    }

    #[test]
    fn an_absurd_width_is_refused_before_memory_is_spent() {
        assert!(try_expand("%(here)999999999s").unwrap_err().ends_with("width too big"));
        assert!(try_expand("%(process_num).999999999d").unwrap_err().ends_with("precision too big"));
    }
}
