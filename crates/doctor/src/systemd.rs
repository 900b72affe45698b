//! Who starts us again, and whether he would kill the programs first.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Promise::{OutlivesBoth, OutlivesKeeper};
use crate::{Finding, Subject, Verdict};

const SYSTEMD: Subject = Subject {
    name: "systemd",
    promises: &[OutlivesKeeper, OutlivesBoth],
    purpose: "starts Menshen again when all of it has died",
};

/// Where units are, the strongest first (systemd.unit(5)).
const FOLDERS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// What a unit that starts us may be called.
const UNITS: [&str; 3] = ["menshen.service", "supervisord.service", "supervisor.service"];

pub(crate) fn examine() -> Finding {
    if !Path::new("/run/systemd/system").is_dir() {
        return SYSTEMD
            .well("does not run here; whoever starts Menshen has to start it again when all of it has died");
    }
    let Some((path, text)) = unit() else {
        return SYSTEMD
            .well("runs here, and has no unit for Menshen; packaging/systemd/menshen.service is one");
    };
    judge(&path.display().to_string(), &text)
}

fn unit() -> Option<(PathBuf, String)> {
    let paths = UNITS.iter().flat_map(|unit| FOLDERS.iter().map(move |folder| Path::new(folder).join(unit)));
    paths.into_iter().find_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)))
}

fn judge(path: &str, text: &str) -> Finding {
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.trim().split_once('='));
        lines.rfind(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
    };
    let kill_mode = value("KillMode").unwrap_or_else(|| "control-group".to_owned());
    if kill_mode != "process" {
        let meaning = "when the keeper dies, systemd kills every program before it starts Menshen again";
        return SYSTEMD.found(
            Verdict::No,
            format!("{path} has KillMode={kill_mode}"),
            meaning,
            "KillMode=process in the unit",
        );
    }
    let restart = value("Restart").unwrap_or_else(|| "no".to_owned());
    if !["always", "on-failure"].contains(&restart.as_str()) {
        let meaning = "when all of it has died, nobody starts it again";
        return SYSTEMD.found(
            Verdict::Degraded,
            format!("{path} has Restart={restart}"),
            meaning,
            "Restart=always in the unit",
        );
    }
    SYSTEMD.well(format!("{path} leaves programs alone and restarts Menshen"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_kills_the_programs_is_found() {
        let cases = [
            ("", Verdict::No),
            ("[Service]\nKillMode=mixed\nRestart=always\n", Verdict::No),
            ("[Service]\nKillMode=process\n", Verdict::Degraded),
            ("[Service]\n KillMode = process\nRestart=on-failure\n", Verdict::Yes),
            ("[Service]\nKillMode=process\nRestart=always\nKillMode=mixed\n", Verdict::No),
        ];
        for (text, verdict) in cases {
            assert_eq!(judge("unit", text).verdict, verdict, "{text}");
        }
    }
}
