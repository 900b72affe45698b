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

/// What does here what a plug-in in Python does for Supervisor, by the package of its factory: those found in use.
const REPLACEMENTS: [(&str, &str); 12] = [
    (
        "mr.laforge",
        "`menshen signal`, and `menshen start`, which leaves alone what runs and says when the rest does",
    ),
    ("multivisor", "the page and the REST API at /api/v1 of each machine, and `menshen --server URL`"),
    ("supervisor_cache", "a file or a database: it only kept keys and values for clients"),
    ("supervisor_grace", "`menshen update`, which starts and stops what numprocs has added and taken away"),
    ("supervisor_loader", "a file in the directory of [include], and `menshen update`"),
    ("supervisor_quick", "`menshen start`, `stop` and `restart`, which act on many at once; --no-wait"),
    ("supervisor_stdout", "`stdout_logfile_also=/dev/stdout` with `stdout_logfile_format=prefix`"),
    ("supervisor_twiddler", "a file in the directory of [include], and `menshen update`"),
    ("supervisord_nagios", "`menshen status --check`"),
    (
        "supervisorserialrestart",
        "`menshen restart NAME`, once for each name: it answers when the process is up",
    ),
    ("supervisorwildcards", "patterns, which every verb of `menshen` takes: `menshen restart 'web*'`"),
    ("supvisors", "`menshen --server URL` for each machine; nothing here spreads programs over machines"),
];

/// What does here what this plug-in does for Supervisor, if anything is known to.
pub fn replacement(plugin: &str) -> Option<&'static str> {
    let is_of = |package: &str| {
        plugin.strip_prefix(package).is_some_and(|it| it.is_empty() || it.starts_with(['.', ':']))
    };
    REPLACEMENTS.iter().find(|it| is_of(it.0)).map(|it| it.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As their own documentation has them written.
    #[test]
    fn well_known_plug_ins_are_known_by_the_factories_that_people_write() {
        for factory in [
            "mr.laforge.controllerplugin:make_laforge_controllerplugin",
            "mr.laforge.rpcinterface:make_laforge_rpcinterface",
            "multivisor.rpc:make_rpc_interface",
            "supervisor_cache.controllerplugin:make_cache_controllerplugin",
            "supervisor_cache.rpcinterface:make_cache_rpcinterface",
            "supervisor_grace.rpcinterface:make_grace_rpcinterface",
            "supervisor_loader.rpcinterface:make_loader_rpcinterface",
            "supervisor_quick:make_quick_controllerplugin",
            "supervisor_stdout:event_handler",
            "supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface",
            "supervisord_nagios.controllerplugin:make_nagios_plugin",
            "supervisorserialrestart.controllerplugin:make_serialrestart_controllerplugin",
            "supervisorwildcards.controllerplugin:make_wildcards_controllerplugin",
            "supvisors.plugin:make_supvisors_rpcinterface",
            "supvisors.supvisorsctl:make_supvisors_controller_plugin",
        ] {
            assert!(replacement(factory).is_some(), "{factory}");
        }
        assert_eq!(replacement("supervisor_quickly:make"), None, "a name that only begins alike is another");
    }
}
