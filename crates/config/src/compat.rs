//! How much of a configuration does here what it does in the original.

use std::collections::{BTreeMap, BTreeSet};

use crate::ini::Document;
use crate::option::{self, SectionKind};
use crate::settings::Unhosted;
use crate::span::Span;

/// How many options without effect are listed; the rest are counted.
const LISTED_MAX: usize = 1000;

/// How much of a configuration does here what it does in the original.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compat {
    /// How many options are written in it.
    pub options: usize,
    /// How many of them do here what they do there.
    pub supported: usize,
    /// The others, or the first thousand of them.
    pub without_effect: Vec<WithoutEffect>,
    /// The plug-ins in Python.
    pub plugins: Vec<Unhosted>,
}

/// An option that has no effect here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithoutEffect {
    /// Its section.
    pub section: String,
    /// Its name.
    pub option: String,
    /// Where it is written.
    pub place: Span,
    /// Whether it has one in the original: it belongs to a plug-in.
    pub is_lost: bool,
}

/// Counts the options of all files.
pub(crate) fn survey(document: &Document, unhosted: &[Unhosted]) -> Compat {
    let rows = |kind| option::of(kind).map(|it| it.name).collect::<BTreeSet<_>>();
    let known: BTreeMap<_, _> = SectionKind::ALL.into_iter().map(|kind| (kind, rows(kind))).collect();
    let foreign: BTreeMap<_, _> = unhosted.iter().map(|it| (it.section.as_str(), it.option)).collect();
    let mut compat = Compat { plugins: unhosted.to_vec(), ..Compat::default() };
    for section in &document.sections {
        let kind = SectionKind::of(&section.name);
        let takes_any = kind.is_some_and(SectionKind::takes_any_option);
        let names_plugin = foreign.get(section.name.as_str());
        for field in &section.fields {
            compat.options += 1;
            let is_lost = names_plugin.is_some_and(|it| takes_any || *it == field.name);
            let rows = kind.and_then(|it| known.get(&it));
            if !is_lost && (takes_any || rows.is_some_and(|it| it.contains(field.name.as_str()))) {
                compat.supported += 1;
            } else if compat.without_effect.len() < LISTED_MAX {
                let (section, option) = (section.name.clone(), field.name.clone());
                let place = field.name_place();
                compat.without_effect.push(WithoutEffect { section, option, place, is_lost });
            }
        }
    }
    compat
}

/// What does here what a plug-in in Python does for Supervisor, by how its name begins: those found in use.
const REPLACEMENTS: [(&str, &str); 11] = [
    ("multivisor", "the REST API at /api/v1 of each machine, and `menshen --server URL`"),
    ("mr.laforge", "`menshen update`, `menshen start` and `menshen wait`"),
    ("supervisor_alias", "`menshen` takes several names and patterns at once"),
    ("supervisor_cache", "nothing is needed: answers of the API do not wait for anything"),
    ("supervisor_nagios", "`menshen status --check`"),
    ("supervisord_nagios", "`menshen status --check`"),
    ("supervisor_quick", "`menshen start`, `stop` and `restart`, which act on many at once"),
    (
        "supervisor_serialrestart",
        "`menshen restart NAME`, once for each name: it answers when the process is up",
    ),
    ("supervisor_stdout", "`stdout_logfile_also=/dev/stdout` with `stdout_logfile_format=prefix`"),
    ("supervisor_twiddler", "a file in the directory of [include], and `menshen update`"),
    ("supervisor_wildcards", "patterns, which every verb of `menshen` takes: `menshen restart 'web*'`"),
];

/// What does here what this plug-in does for Supervisor, if anything is known to.
pub fn replacement(plugin: &str) -> Option<&'static str> {
    REPLACEMENTS.iter().find(|it| plugin.starts_with(it.0)).map(|it| it.1)
}
