//! Reading options: the one door between fields and values. It takes rows of the table and nothing
//! else.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;

use crate::diagnostic::{Report, Reported, Wrong};
use crate::expand::{Scope, expand};
use crate::ini::{Document, Field, Section};
use crate::machine::Machine;
use crate::option::OptionInfo;
use crate::python;
use crate::span::Span;

/// What all sections are read against.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) machine: &'a Machine<'a>,
    pub(crate) document: &'a Document,
    /// The directory of the main file.
    pub(crate) here: &'a str,
    /// The main file as it was named.
    pub(crate) main_file: &'a str,
    /// The environment, with `[supervisord] environment` laid over it once that is known.
    pub(crate) variables: &'a BTreeMap<String, String>,
    /// The variables that `[supervisord]` gives to every process.
    pub(crate) for_all: &'a [(String, String)],
    /// How many processes there are so far.
    pub(crate) processes: &'a Cell<usize>,
}

impl<'a> Context<'a> {
    /// Names for options that know only the environment.
    pub(crate) fn bare_scope(&self) -> Scope<'a> {
        Scope::new(self.variables)
    }

    /// Names for options that know the directory as well.
    pub(crate) fn scope(&self) -> Scope<'a> {
        self.bare_scope().with("here", self.here)
    }
}

/// Reads the options of one section.
pub(crate) struct Reader<'a, 'r> {
    pub(crate) context: Context<'a>,
    pub(crate) section: &'a Section,
    pub(crate) scope: Scope<'a>,
    pub(crate) report: &'r mut Report,
    pub(crate) suffix: Suffix,
}

/// What the original adds to every message about a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Suffix {
    Nothing,
    /// The section and its file: made when there is a message, which there hardly ever is.
    Place,
    Text(String),
}

/// Notes, for tests only, that a row of the table is in use.
pub(crate) fn note_read(option: &'static OptionInfo) {
    #[cfg(test)]
    crate::option::reads::note(option);
    let _ = option;
}

impl<'a, 'r> Reader<'a, 'r> {
    pub(crate) fn new(
        context: Context<'a>,
        section: &'a Section,
        scope: Scope<'a>,
        report: &'r mut Report,
    ) -> Self {
        Self { context, section, scope, report, suffix: Suffix::Nothing }
    }

    /// The same section with other names and another end of messages.
    pub(crate) fn again<'s>(&'s mut self, scope: Scope<'a>, suffix: Suffix) -> Reader<'a, 's> {
        Reader { context: self.context, section: self.section, scope, report: &mut *self.report, suffix }
    }

    /// The field of an option, if it is written anywhere.
    pub(crate) fn field(&self, option: &'static OptionInfo) -> Option<&'a Field> {
        note_read(option);
        self.context.document.field(self.section, option.name)
    }

    /// Where an option is written, or else its section.
    pub(crate) fn place(&self, option: &'static OptionInfo) -> Span {
        self.field(option).map_or_else(|| self.section.place.clone(), Field::place)
    }

    /// An option or its default, before expansion.
    pub(crate) fn raw(&self, option: &'static OptionInfo) -> Option<&'a str> {
        self.field(option).map(|it| it.value.as_str()).or(option.default)
    }

    /// An option or its default.
    pub(crate) fn text(&mut self, option: &'static OptionInfo) -> Result<Option<Cow<'a, str>>, Reported> {
        let Some(raw) = self.raw(option) else { return Ok(None) };
        self.expanded(option, raw).map(Some)
    }

    fn expanded(&mut self, option: &'static OptionInfo, raw: &'a str) -> Result<Cow<'a, str>, Reported> {
        // Hardly any value has a percent sign, so the name for messages is made only when needed.
        if !raw.contains('%') {
            return Ok(Cow::Borrowed(raw));
        }
        let place = format!("{}.{}", self.section.name, option.name);
        expand(raw, &self.scope, &place).map_err(|error| self.wrong(option, error.into()))
    }

    /// Expands a text that has been expanded before, or that the original names without its section.
    pub(crate) fn expand_as(
        &mut self,
        option: &'static OptionInfo,
        text: &str,
        place: &str,
    ) -> Result<String, Reported> {
        let expanded = expand(text, &self.scope, place).map(Cow::into_owned);
        expanded.map_err(|error| self.wrong(option, error.into()))
    }

    /// The value of an option or of its default, if it has either.
    pub(crate) fn optional<T, E: Into<Wrong>>(
        &mut self,
        option: &'static OptionInfo,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Reported> {
        let Some(text) = self.text(option)? else { return Ok(None) };
        parse(&text).map(Some).map_err(|error| self.wrong(option, error.into()))
    }

    /// The value of an option that has a default.
    pub(crate) fn value<T, E: Into<Wrong>>(
        &mut self,
        option: &'static OptionInfo,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Reported> {
        let text = self.text(option)?.unwrap_or_default();
        parse(&text).map_err(|error| self.wrong(option, error.into()))
    }

    /// Reports a problem with an option.
    pub(crate) fn wrong(&mut self, option: &'static OptionInfo, mut wrong: Wrong) -> Reported {
        let place = self.place(option);
        wrong.message = format!("[{}] {}: {}", self.section.name, option.name, wrong.message);
        wrong.original.push_str(&self.suffix());
        self.report.error(Some(place), wrong)
    }

    /// Reports that an option is missing.
    pub(crate) fn missing(&mut self, option: &'static OptionInfo, original: String) -> Reported {
        let message = format!("[{}] has no `{}`", self.section.name, option.name);
        let wrong = Wrong::new(message, original + &self.suffix());
        self.report.error(
            Some(self.section.place.clone()),
            wrong.or_else_write(format!("write `{} = …`", option.name)),
        )
    }

    /// Reports a problem with the section as a whole.
    pub(crate) fn wrong_section(&mut self, mut wrong: Wrong) -> Reported {
        wrong.message = format!("[{}]: {}", self.section.name, wrong.message);
        wrong.original.push_str(&self.suffix());
        self.report.error(Some(self.section.place.clone()), wrong)
    }

    /// A warning that the original has too.
    pub(crate) fn original_warning(&mut self, option: &'static OptionInfo, text: String) {
        let place = self.place(option);
        self.report.original_warning(Some(place), text);
    }

    fn suffix(&self) -> Cow<'_, str> {
        match &self.suffix {
            Suffix::Nothing => Cow::Borrowed(""),
            Suffix::Text(text) => Cow::Borrowed(text),
            Suffix::Place => {
                let section = self.section;
                let file: &str = if section.included { &section.place.file } else { self.context.main_file };
                let (section, file) = (python::repr(&section.name), python::repr(file));
                Cow::Owned(format!(" in section {section} (file: {file})"))
            }
        }
    }
}
