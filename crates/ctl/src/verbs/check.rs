//! `check`: everything that is wrong with a configuration.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

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
    format: Format,
    out: &mut dyn Write,
) -> Result<u8, Trouble> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => config::discover(argv0, outside).map_err(Trouble::Usage)?,
    };
    let loaded = config::load(&path, &Overrides::default(), outside);
    let count = |severity| loaded.diagnostics.iter().filter(|it| it.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let groups = loaded.config.as_ref().map(|it| it.groups.as_slice()).unwrap_or_default();
    let programs: BTreeSet<_> =
        groups.iter().flat_map(|group| &group.processes).map(|it| &it.program).collect();
    if format.json {
        let list: Vec<_> = loaded.diagnostics.iter().map(diagnostic_json).collect();
        let whole = json!({
            "file": path.to_string_lossy(),
            "diagnostics": list,
            "errors": errors,
            "warnings": warnings,
            "programs": programs.len(),
            "groups": groups.len(),
        });
        writeln!(out, "{whole:#}")?;
    } else {
        for diagnostic in &loaded.diagnostics {
            writeln!(out, "{diagnostic}")?;
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
