//! `check`: everything that is wrong with a configuration.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use config::compat::{self, Compat};
use config::diagnostic::{Diagnostic, Severity};
use config::settings::Overrides;
use model::outside::Outside;
use serde_json::{Value, json};

use crate::args::Format;
use crate::verbs::{DONE, Trouble, USAGE};

/// Reads the configuration named, or the one found, and prints each problem on a line of its own.
pub(crate) fn check(
    named: Option<&Path>,
    argv0: &str,
    outside: &dyn Outside,
    (with_compat, format): (bool, Format),
    out: &mut dyn Write,
) -> Result<u8, Trouble> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => config::discover(argv0, outside).map_err(Trouble::Usage)?,
    };
    let (loaded, compat) = if with_compat {
        let (loaded, compat) = config::load_with_compat(&path, &Overrides::default(), outside);
        (loaded, Some(compat))
    } else {
        (config::load(&path, &Overrides::default(), outside), None)
    };
    let count = |severity| loaded.diagnostics.iter().filter(|it| it.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let groups = loaded.config.as_ref().map(|it| it.groups.as_slice()).unwrap_or_default();
    let programs: BTreeSet<_> =
        groups.iter().flat_map(|group| &group.processes).map(|it| &it.program).collect();
    if format.json {
        let list: Vec<_> = loaded.diagnostics.iter().map(diagnostic_json).collect();
        let mut whole = json!({
            "file": path.to_string_lossy(),
            "diagnostics": list,
            "errors": errors,
            "warnings": warnings,
            "programs": programs.len(),
            "groups": groups.len(),
        });
        if let (Some(compat), Some(members)) = (&compat, whole.as_object_mut()) {
            members.insert("compat".to_owned(), compat_json(compat));
        }
        writeln!(out, "{whole:#}")?;
    } else {
        for diagnostic in &loaded.diagnostics {
            writeln!(out, "{diagnostic}")?;
        }
        if let Some(compat) = &compat {
            tell_compat(compat, out)?;
        }
        let found = if loaded.config.is_some() {
            format!("{}, {}", plural(programs.len(), "program"), plural(groups.len(), "group"))
        } else {
            path.display().to_string()
        };
        writeln!(out, "{found}; {}, {}", plural(errors, "error"), plural(warnings, "warning"))?;
    }
    out.flush()?;
    Ok(if errors == 0 && loaded.config.is_some() { DONE } else { USAGE })
}

/// One line for each plug-in and each option without effect, then how many of how many have theirs.
fn tell_compat(compat: &Compat, out: &mut dyn Write) -> io::Result<()> {
    for plugin in &compat.plugins {
        let instead = compat::replacement(&plugin.plugin).unwrap_or("nothing here replaces it");
        writeln!(out, "[{}] {}: Python, left out; instead: {instead}", plugin.section, plugin.plugin)?;
    }
    for it in compat.without_effect.iter().filter(|it| !it.is_lost) {
        writeln!(out, "{}: [{}] {}: no effect, neither here nor there", it.place, it.section, it.option)?;
    }
    writeln!(out, "{} of {} supported", compat.supported, plural(compat.options, "option"))
}

fn compat_json(compat: &Compat) -> Value {
    let plugins = compat.plugins.iter().map(|it| {
        json!({
            "section": it.section,
            "plugin": it.plugin,
            "replacement": compat::replacement(&it.plugin),
        })
    });
    let without_effect = compat.without_effect.iter().map(|it| {
        json!({
            "section": it.section,
            "option": it.option,
            "file": it.place.file.to_string(),
            "line": it.place.line,
            "has_effect_in_supervisor": it.is_lost,
        })
    });
    json!({
        "options": compat.options,
        "supported": compat.supported,
        "without_effect": without_effect.collect::<Vec<_>>(),
        "plugins": plugins.collect::<Vec<_>>(),
    })
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    let place = diagnostic.place.as_ref();
    json!({
        "severity": match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "file": place.map(|it| it.file.to_string()),
        "line": place.map(|it| it.line),
        "column": place.map(|it| it.column),
        "message": diagnostic.message,
        "remedy": diagnostic.remedy,
    })
}
