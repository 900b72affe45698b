//! What is wrong with a configuration, where, and what to write instead.

use std::collections::BTreeSet;
use std::fmt;

use model::level::Level;

use crate::span::Span;

/// How many diagnostics one load gathers; after that they are only counted. A file of nothing but
/// mistakes would otherwise yield reports many times its own size.
pub const DIAGNOSTICS_MAX: usize = 1000;

/// Whether a configuration can be used in spite of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but something in it is probably not meant.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is, unless it is about something that is missing or came from the command line.
    pub place: Option<Span>,
    /// What is wrong, for example ``[program:web] stopwaitsecs: `10s` is not a whole number``.
    pub message: String,
    /// What to do about it, for example ``write `10` ``.
    pub remedy: Option<String>,
    /// What the original prints for it after `Error: `, byte for byte. An error without it is
    /// part of an earlier one for the original.
    pub original: Option<String>,
}

impl fmt::Display for Diagnostic {
    /// One line: `file:line:column: error: what is wrong; what to do`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(match self.severity {
            Severity::Error => "error: ",
            Severity::Warning => "warning: ",
        })?;
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// An error that has been reported already: whoever gets it needs only to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reported;

/// What is wrong with a value, before it is known where that value stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) remedy: Option<String>,
    pub(crate) original: String,
}

impl Wrong {
    pub(crate) fn new(message: impl Into<String>, original: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: None, original: original.into() }
    }

    pub(crate) fn or_else_write(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The same problem where the original has other words for it.
    pub(crate) fn originally(mut self, original: impl Into<String>) -> Self {
        self.original = original.into();
        self
    }
}

/// Everything that has come up so far, in the order in which the original would have met it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    diagnostics: Vec<Diagnostic>,
    seen: BTreeSet<(Option<Span>, String)>,
    errors: usize,
    dropped: usize,
    warned: Vec<String>,
    informed: Vec<String>,
}

impl Report {
    pub(crate) fn error(&mut self, place: Option<Span>, wrong: Wrong) -> Reported {
        self.errors += 1;
        self.add(Diagnostic {
            severity: Severity::Error,
            place,
            message: wrong.message,
            remedy: wrong.remedy,
            original: Some(wrong.original),
        });
        Reported
    }

    /// A further part of an error that the original reports as one.
    pub(crate) fn error_part(&mut self, place: Option<Span>, message: String) {
        self.errors += 1;
        self.add(Diagnostic { severity: Severity::Error, place, message, remedy: None, original: None });
    }

    pub(crate) fn warning(&mut self, place: Option<Span>, message: String, remedy: Option<String>) {
        self.add(Diagnostic { severity: Severity::Warning, place, message, remedy, original: None });
    }

    /// A warning that the original knows as well; it goes to the log too, every time it comes up.
    pub(crate) fn original_warning(&mut self, place: Option<Span>, text: String) {
        self.warning(place, text.clone(), None);
        self.warned.push(text);
    }

    /// Something that the original writes to its log at level info.
    pub(crate) fn info(&mut self, text: String) {
        self.informed.push(text);
    }

    /// Whether further warnings are only counted, so that nobody needs to think of a remedy.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() >= DIAGNOSTICS_MAX
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// The diagnostics, and the lines for the log in the order in which the original writes them.
    pub(crate) fn finish(mut self) -> (Vec<Diagnostic>, Vec<(Level, String)>) {
        if self.dropped > 0 {
            let severity = if self.errors > 0 { Severity::Error } else { Severity::Warning };
            let message = format!("{} more problems are not shown", self.dropped);
            self.diagnostics.push(Diagnostic {
                severity,
                place: None,
                message,
                remedy: None,
                original: None,
            });
        }
        let warned = self.warned.into_iter().map(|it| (Level::Warn, it));
        let notices = warned.chain(self.informed.into_iter().map(|it| (Level::Info, it))).collect();
        (self.diagnostics, notices)
    }

    /// The same option is read once per process and per group; its problem is told once.
    fn add(&mut self, diagnostic: Diagnostic) {
        // The first error must be kept whatever came before it: it is what the original prints.
        let first_error = diagnostic.severity == Severity::Error && self.errors == 1;
        if self.is_full() && !first_error {
            self.dropped += 1;
        } else if self.seen.insert((diagnostic.place.clone(), diagnostic.message.clone())) {
            self.diagnostics.push(diagnostic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_is_one_line_with_place_and_remedy() {
        let mut report = Report::default();
        let place = Span { file: "/etc/conf.d/web.conf".into(), line: 7, column: 14 };
        let wrong = Wrong::new("[program:web] stopwaitsecs: `10s` is not a whole number", "invalid literal");
        report.error(Some(place.clone()), wrong.clone().or_else_write("write `10`"));
        report.error(Some(place), wrong);
        report.warning(None, "no server is configured".to_owned(), None);
        let (diagnostics, _) = report.finish();
        let lines: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        /etc/conf.d/web.conf:7:14: error: [program:web] stopwaitsecs: `10s` is not a whole number; write `10`
        warning: no server is configured
        ");
    }

    #[test]
    fn diagnostics_are_limited_but_the_first_error_is_kept() {
        let mut report = Report::default();
        for number in 0..DIAGNOSTICS_MAX + 5 {
            report.warning(None, format!("warning {number}"), None);
        }
        report.error(None, Wrong::new("the error", "the error"));
        report.error(None, Wrong::new("another", "another"));
        let (diagnostics, _) = report.finish();
        assert_eq!(diagnostics.len(), DIAGNOSTICS_MAX + 2);
        assert!(diagnostics.iter().any(|it| it.original.as_deref() == Some("the error")));
        assert_eq!(diagnostics.last().unwrap().message, "6 more problems are not shown");
    }
}
