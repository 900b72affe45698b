//! `doctor`: what this machine allows, and what that means for the promises of the house.

use std::io::Write;
use std::path::Path;

use ::doctor::{Finding, House, Standing, Verdict, examine, standings};
use config::diagnostic::Severity;
use config::settings::Overrides;
use model::outside::Outside;
use serde_json::{Value, json};

use crate::args::Format;
use crate::verbs::paint::{Paint, Tone};
use crate::verbs::{DONE, FAILED, Trouble};

/// Probes the machine for the house of the configuration named, or found, or for any house.
///
/// The exit code is 0 when every promise holds, be it in a lesser form, and 1 when one does not.
pub(crate) fn doctor(
    named: Option<&Path>,
    argv0: &str,
    outside: &dyn Outside,
    format: Format,
    paint: Paint,
    out: &mut dyn Write,
) -> Result<u8, Trouble> {
    let house = house(named, argv0, outside)?;
    let findings = examine(&house);
    let standings = standings(&findings);
    if format.json {
        let whole = json!({
            "capabilities": findings.iter().map(finding_json).collect::<Vec<_>>(),
            "promises": standings.iter().map(standing_json).collect::<Vec<_>>(),
        });
        writeln!(out, "{whole:#}")?;
    } else {
        print(&findings, &standings, paint, out)?;
    }
    out.flush()?;
    Ok(if standings.iter().any(|it| it.verdict == Verdict::No) { FAILED } else { DONE })
}

/// What the configuration says about the house. Without one there is none in particular.
fn house(named: Option<&Path>, argv0: &str, outside: &dyn Outside) -> Result<House, Trouble> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => match config::discover(argv0, outside) {
            Ok(path) => path,
            Err(_) => return Ok(House::default()),
        },
    };
    let loaded = config::load(&path, &Overrides::default(), outside);
    let mistake =
        loaded.diagnostics.iter().find(|it| it.severity == Severity::Error).map(ToString::to_string);
    match (loaded.config, mistake) {
        (Some(config), None) => {
            let processes = || config.groups.iter().flat_map(|group| &group.processes);
            Ok(House {
                runtime_directory: config.settings.runtime_directory.clone(),
                processes: processes().count(),
                switches_user: processes().any(|it| it.user.is_some()),
            })
        }
        (_, mistake) => {
            let mistake = mistake.unwrap_or_else(|| format!("{} cannot be read", path.display()));
            let text = format!("{mistake}\nmenshen check says everything that is wrong");
            Err(Trouble::Usage(text))
        }
    }
}

fn print(
    findings: &[Finding],
    standings: &[Standing],
    paint: Paint,
    out: &mut dyn Write,
) -> Result<(), Trouble> {
    writeln!(out, "What this machine allows")?;
    let width = findings.iter().map(|it| it.name.len()).max().unwrap_or(0);
    for it in findings {
        writeln!(out, "  {} {:width$}  {}", word(it.verdict, paint), it.name, it.seen)?;
        if it.verdict != Verdict::Yes {
            let margin = " ".repeat(width + 13);
            writeln!(out, "{margin}it {}", it.purpose)?;
            for (label, text) in [("so:", &it.meaning), ("do:", &it.remedy)] {
                if !text.is_empty() {
                    writeln!(out, "{margin}{label} {text}")?;
                }
            }
        }
    }
    writeln!(out, "\nWhat is promised, and whether it holds here")?;
    for it in standings {
        let because =
            if it.because.is_empty() { String::new() } else { format!(" ({})", it.because.join(", ")) };
        writeln!(out, "  {} {}{because}", word(it.verdict, paint), it.promise.sentence())?;
    }
    Ok(())
}

fn word(verdict: Verdict, paint: Paint) -> String {
    let tone = match verdict {
        Verdict::Yes => Tone::Good,
        Verdict::Degraded => Tone::Passing,
        Verdict::No => Tone::Bad,
    };
    paint.text(tone, &format!("{:8}", verdict.word()))
}

fn finding_json(it: &Finding) -> Value {
    json!({
        "name": it.name,
        "verdict": it.verdict.word(),
        "seen": it.seen,
        "purpose": it.purpose,
        "promises": it.promises.iter().map(|it| it.name()).collect::<Vec<_>>(),
        "meaning": it.meaning,
        "remedy": it.remedy,
    })
}

fn standing_json(it: &Standing) -> Value {
    json!({
        "name": it.promise.name(),
        "promise": it.promise.sentence(),
        "verdict": it.verdict.word(),
        "because": it.because,
    })
}
