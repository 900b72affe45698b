//! What the names on a command line stand for.

use crate::client::Client;
use crate::client::plan::RemotePlan;
use crate::remote::{RemoteProcess, full_name};
use crate::verbs::Trouble;
use config::suggest::nearest;

/// What one name, or part of a pattern, stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pick {
    /// Every process.
    All,
    /// Every process of a group.
    Group(String),
    /// One process, by its full name.
    One(String),
}

impl Pick {
    /// Whether a process is meant.
    pub(crate) fn covers(&self, process: &RemoteProcess) -> bool {
        match self {
            Self::All => true,
            Self::Group(group) => process.group == *group,
            Self::One(name) => process.full_name() == *name,
        }
    }
}

/// What all names stand for, without what is covered twice.
///
/// # Errors
/// When one of them stands for nothing, or for too much: then nothing must be done.
pub(crate) fn pick(
    client: &mut Client,
    names: &[String],
    processes: &[RemoteProcess],
) -> Result<Vec<Pick>, Trouble> {
    let mut picks = Vec::new();
    let mut wrong = Vec::new();
    for name in names {
        match pick_one(name, processes) {
            Ok(found) if found.is_empty() => wrong.push(unknown(client, name, processes)),
            Ok(found) => picks.extend(found),
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() { Ok(reduce(picks)) } else { Err(Trouble::Names(wrong)) }
}

/// The processes that names stand for, in the order of the names; every one when there is no name.
///
/// # Errors
/// As for [`pick`].
pub(crate) fn select<'p>(
    client: &mut Client,
    names: &[String],
    processes: &'p [RemoteProcess],
) -> Result<Vec<&'p RemoteProcess>, Trouble> {
    if names.is_empty() {
        return Ok(processes.iter().collect());
    }
    let picks = pick(client, names, processes)?;
    let mut found: Vec<&RemoteProcess> = Vec::new();
    for pick in picks {
        for process in processes.iter().filter(|it| pick.covers(it)) {
            if !found.contains(&process) {
                found.push(process);
            }
        }
    }
    Ok(found)
}

/// The one process a name stands for.
///
/// # Errors
/// When it stands for none or several.
pub(crate) fn only<'p>(
    client: &mut Client,
    name: &str,
    processes: &'p [RemoteProcess],
) -> Result<&'p RemoteProcess, Trouble> {
    let found = select(client, &[name.to_owned()], processes)?;
    match found.as_slice() {
        [process] => Ok(process),
        several => Err(Trouble::Names(vec![which(name, several)])),
    }
}

fn which(name: &str, several: &[&RemoteProcess]) -> String {
    let names: Vec<_> = several.iter().map(|it| it.full_name()).collect();
    format!("\"{name}\" is more than one process; say which: {}", names.join(" or "))
}

fn pick_one(name: &str, processes: &[RemoteProcess]) -> Result<Vec<Pick>, String> {
    let one = |it: &RemoteProcess| Pick::One(it.full_name());
    if name == "all" {
        return Ok(vec![Pick::All]);
    }
    if let Some((group, process)) = name.split_once(':') {
        let of_group = processes.iter().filter(|it| matches(group, &it.group));
        if process.is_empty() || process == "*" {
            return Ok(of_group.map(|it| Pick::Group(it.group.clone())).collect());
        }
        return Ok(of_group.filter(|it| matches(process, &it.name)).map(one).collect());
    }
    if name.contains(['*', '?']) {
        let is_meant = |it: &&RemoteProcess| {
            matches(name, &it.full_name()) || matches(name, &it.group) || matches(name, &it.name)
        };
        return Ok(processes.iter().filter(is_meant).map(one).collect());
    }
    if processes.iter().any(|it| it.group == name && it.name == name) {
        return Ok(vec![Pick::One(name.to_owned())]);
    }
    if processes.iter().any(|it| it.group == name) {
        return Ok(vec![Pick::Group(name.to_owned())]);
    }
    let short: Vec<_> = processes.iter().filter(|it| it.name == name).collect();
    if short.len() > 1 { Err(which(name, &short)) } else { Ok(short.into_iter().map(one).collect()) }
}

/// Leaves out what others cover, so that nothing is asked for twice; keeps the order.
fn reduce(picks: Vec<Pick>) -> Vec<Pick> {
    if picks.contains(&Pick::All) {
        return vec![Pick::All];
    }
    let groups: Vec<_> = picks.iter().filter(|it| matches!(it, Pick::Group(_))).cloned().collect();
    let mut kept: Vec<Pick> = Vec::new();
    for pick in picks {
        let covered = match &pick {
            Pick::One(name) => {
                let of = name.split(':').next().unwrap_or(name);
                groups.iter().any(|it| matches!(it, Pick::Group(group) if group == of))
            }
            Pick::All | Pick::Group(_) => false,
        };
        if !covered && !kept.contains(&pick) {
            kept.push(pick);
        }
    }
    kept
}

/// A sentence about a name that stands for nothing.
fn unknown(client: &mut Client, name: &str, processes: &[RemoteProcess]) -> String {
    // A server that cannot tell has told less, not more.
    let waiting = client.configured().unwrap_or_default();
    let group = name.split(':').next().unwrap_or(name);
    let is_meant = |it: &str| it == name || it.split(':').next() == Some(group);
    if waiting.iter().any(|it| !it.in_use && is_meant(&it.name)) {
        return not_loaded(name, group);
    }
    // What is in the files but has not been read since; of our own servers only, whose look changes nothing.
    let planned = client.plan(&[]).unwrap_or_default();
    let is_new = |it: &RemotePlan| {
        it.action == "added"
            && (it.name == name
                || full_name(&it.group, Some(&it.name)) == name
                || it.group == group && processes.iter().all(|old| old.group != group))
    };
    if let Some(new) = planned.iter().find(|it| is_new(it)) {
        return not_loaded(name, &new.group);
    }
    let names: Vec<_> = processes.iter().map(RemoteProcess::full_name).collect();
    let parts = processes.iter().flat_map(|it| [it.group.as_str(), it.name.as_str()]);
    match nearest(name, names.iter().map(String::as_str).chain(parts)) {
        Some(meant) => format!("there is no process or group \"{name}\"; did you mean \"{meant}\"?"),
        None => format!("there is no process or group \"{name}\""),
    }
}

fn not_loaded(name: &str, group: &str) -> String {
    format!("\"{name}\" is in the configuration but not loaded; to load it: menshen update {group}")
}

/// Whether a text matches a pattern of `*` (any characters) and `?` (any one character).
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on when the last star must take one character more.
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(&it) if it == '?' || it == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => {
                let Some((star, taken)) = retry else { return false };
                retry = Some((star, taken + 1));
                p = star + 1;
                t = taken + 1;
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|it| *it == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house() -> Vec<RemoteProcess> {
        [
            ("cat", "cat"),
            ("web", "web_00"),
            ("web", "web_01"),
            ("db", "primary"),
            ("old", "primary"),
            ("db", "spare"),
        ]
        .map(|(group, name)| RemoteProcess {
            group: group.to_owned(),
            name: name.to_owned(),
            ..RemoteProcess::default()
        })
        .to_vec()
    }

    fn picked(names: &str) -> String {
        let mut all = Vec::new();
        for name in names.split(' ') {
            match pick_one(name, &house()) {
                Ok(found) => all.extend(found),
                Err(error) => return error,
            }
        }
        let words = reduce(all).into_iter().map(|it| match it {
            Pick::All => "all".to_owned(),
            Pick::Group(group) => format!("{group}:*"),
            Pick::One(name) => name,
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_name_stands_for_what_a_person_means_by_it() {
        let cases = [
            ("cat", "cat"),
            ("cat:cat", "cat"),
            ("web", "web:*"),
            ("web:", "web:*"),
            ("web:*", "web:*"),
            ("web:web_01", "web:web_01"),
            ("web_01", "web:web_01"),
            ("spare", "db:spare"),
            ("web*", "web:web_00 web:web_01"),
            ("*_0?", "web:web_00 web:web_01"),
            ("*:primary", "db:primary old:primary"),
            ("primary", "\"primary\" is more than one process; say which: db:primary or old:primary"),
            ("web_00 web cat cat", "web:* cat"),
            ("cat all", "all"),
            ("nope", ""),
            ("nope:*", ""),
        ];
        for (names, picks) in cases {
            assert_eq!(picked(names), picks, "{names}");
        }
    }

    #[test]
    fn a_pattern_matches_as_in_a_shell() {
        let cases = [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("*a*a*", "xaxxa", true),
            ("?", "é", true),
            ("?", "", false),
            ("a**", "a", true),
        ];
        for (pattern, text, matched) in cases {
            assert_eq!(matches(pattern, text), matched, "{pattern} {text}");
        }
    }
}
