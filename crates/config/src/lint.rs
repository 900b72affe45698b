//! What is accepted and probably not meant. The original says nothing about any of it.

use std::collections::{BTreeMap, BTreeSet};

use model::spec::GroupSpec;

use crate::diagnostic::Report;
use crate::ini::{Document, Section};
use crate::option::{self, SectionKind};
use crate::suggest;

/// Adds a warning for everything that looks like a slip.
pub(crate) fn check(document: &Document, groups: &[GroupSpec], report: &mut Report) {
    let known = Known::new();
    for section in &document.sections {
        match SectionKind::of(&section.name) {
            Some(kind) => check_options(section, kind, &known, report),
            None => unknown_section(section, report),
        }
    }
    check_defaults(document, &known, report);
    check_repetitions(document, report);
    check_group_names(groups, report);
}

/// The names of the options of each kind of section.
struct Known(BTreeMap<SectionKind, BTreeSet<&'static str>>);

impl Known {
    fn new() -> Self {
        let names = |kind| option::of(kind).map(|it| it.name).collect();
        Self(SectionKind::ALL.into_iter().map(|kind| (kind, names(kind))).collect())
    }

    fn of(&self, kind: SectionKind) -> impl Iterator<Item = &'static str> {
        self.0.get(&kind).into_iter().flatten().copied()
    }

    fn has(&self, kind: SectionKind, name: &str) -> bool {
        self.0.get(&kind).is_some_and(|names| names.contains(name))
    }
}

fn check_options(section: &Section, kind: SectionKind, known: &Known, report: &mut Report) {
    if kind == SectionKind::Include && section.included {
        let message = "[include] in an included file has no effect".to_owned();
        report.warning(Some(section.place.clone()), message, None);
    }
    if kind.takes_any_option() {
        return;
    }
    for field in section.fields.iter().filter(|it| !known.has(kind, &it.name)) {
        let message = format!("[{}] has no option `{}`", section.name, field.name);
        let remedy = if report.is_full() { None } else { meant_option(&field.name, kind, known) };
        report.warning(Some(field.name_place()), message, remedy);
    }
}

fn meant_option(name: &str, kind: SectionKind, known: &Known) -> Option<String> {
    let nearest = suggest::nearest(name, known.of(kind));
    nearest.map(|it| format!("did you mean `{it}`?")).or_else(|| elsewhere(name))
}

/// Where an option would have a meaning.
fn elsewhere(name: &str) -> Option<String> {
    let row = option::all().find(|it| it.name == name)?;
    let kinds: Vec<_> = row.sections.iter().map(|it| format!("[{}]", example(*it))).collect();
    Some(format!("it belongs to {}", kinds.join(", ")))
}

fn example(kind: SectionKind) -> String {
    match kind.prefix() {
        prefix if prefix.ends_with(':') => format!("{prefix}x"),
        name => name.to_owned(),
    }
}

fn unknown_section(section: &Section, report: &mut Report) {
    let message = format!("[{}] is no section that anything reads", section.name);
    report.warning(Some(section.place.clone()), message, meant_section(&section.name));
}

fn meant_section(name: &str) -> Option<String> {
    let trimmed = name.trim();
    let (head, tail) = match trimmed.split_once(':') {
        Some((head, tail)) => (head.trim_end(), Some(tail)),
        None => (trimmed, None),
    };
    let heads = SectionKind::ALL.map(|it| it.prefix().trim_end_matches(':'));
    let lower = head.to_lowercase();
    let meant = heads.into_iter().find(|it| *it == lower).or_else(|| suggest::nearest(&lower, heads))?;
    let kind = SectionKind::ALL.into_iter().find(|it| it.prefix().trim_end_matches(':') == meant)?;
    Some(match tail {
        Some(tail) => format!("did you mean `[{meant}:{}]`?", tail.trim()),
        None if kind.prefix().ends_with(':') => format!("it needs a name: `[{meant}:x]`"),
        None => format!("did you mean `[{meant}]`?"),
    })
}

/// A default that no section has an option for.
fn check_defaults(document: &Document, known: &Known, report: &mut Report) {
    for field in &document.defaults.fields {
        if !SectionKind::ALL.into_iter().any(|kind| known.has(kind, &field.name)) {
            let message = format!("[DEFAULT] {}: no section has such an option", field.name);
            report.warning(Some(field.name_place()), message, None);
        }
    }
}

fn check_repetitions(document: &Document, report: &mut Report) {
    for it in &document.repetitions {
        let message = format!("[{}] {} is set for the second time", it.section, it.option);
        let remedy = format!("this one stands, not that of line {}", it.first.line);
        report.warning(Some(it.second.clone()), message, Some(remedy));
    }
    for section in &document.sections {
        let describes_a_program = match SectionKind::of(&section.name) {
            Some(
                SectionKind::Program
                | SectionKind::FcgiProgram
                | SectionKind::EventListener
                | SectionKind::Group
                | SectionKind::User,
            ) => true,
            // Overriding these from an included file is what people include files for.
            Some(
                SectionKind::Supervisord
                | SectionKind::Include
                | SectionKind::UnixHttpServer
                | SectionKind::InetHttpServer
                | SectionKind::RpcInterface
                | SectionKind::Supervisorctl
                | SectionKind::CtlPlugin,
            )
            | None => false,
        };
        for again in section.again.iter().filter(|_| describes_a_program) {
            let message =
                format!("[{}] is also in {}; they become one section", section.name, section.place.file);
            report.warning(Some(again.clone()), message, None);
        }
    }
}

/// Of groups with the same name only the first is ever active.
fn check_group_names(groups: &[GroupSpec], report: &mut Report) {
    let mut seen = BTreeSet::new();
    for group in groups.iter().filter(|it| !seen.insert(it.name.as_str().to_owned())) {
        let message = format!("there is more than one group `{}`; only the first is started", group.name);
        report.warning(None, message, Some("give one of them another name".to_owned()));
    }
}
