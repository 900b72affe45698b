//! `plan` and `update`: what a changed configuration would change, and the change itself.

use model::fault::FaultCode;
use serde_json::{Value, json};

use crate::args::Format;
use crate::client::CallError;
use crate::client::plan::RemotePlan;
use crate::remote::full_name;
use crate::verbs::paint::Tone;
use crate::verbs::{DONE, Desk, FAILED, Trouble, facts, orders, server};

/// Said when the server is the original, whose unit of change is the group.
const WHOLE_GROUPS: &str = "menshen: this server can only replace whole groups";

/// `plan [GROUP...]`.
pub(crate) fn plan(desk: &mut Desk<'_>, groups: &[String], format: Format) -> Result<u8, Trouble> {
    let groups = meant(groups);
    let planned = match desk.client.plan(&groups) {
        Err(error) if is_unknown(&error) => return plan_groups(desk, &groups, format),
        other => other.map_err(explain)?,
    };
    show(desk, &planned, format)?;
    Ok(DONE)
}

/// `update [GROUP...]`: the plan, its execution, and a last line that sums up.
pub(crate) fn update(desk: &mut Desk<'_>, groups: &[String], format: Format) -> Result<u8, Trouble> {
    let groups = meant(groups);
    if !format.json {
        let planned = match desk.client.plan(&groups) {
            Err(error) if is_unknown(&error) => return update_groups(desk, &groups),
            other => other.map_err(explain)?,
        };
        // What is about to happen is said before the wait for it.
        show(desk, &planned, format)?;
        desk.out.flush()?;
        if planned.is_empty() {
            return Ok(DONE);
        }
    }
    let done = match desk.client.update(&groups) {
        Err(error) if is_unknown(&error) => return update_groups(desk, &groups),
        other => other.map_err(explain)?,
    };
    let failed = done.iter().filter(|it| !succeeded(it)).count();
    if format.json {
        desk.print_json(&Value::Array(done.iter().map(outcome).collect()))?;
    } else {
        for it in done.iter().filter(|it| !succeeded(it)) {
            tell_failure(desk, it)?;
        }
        desk.say(summary(&done))?;
    }
    Ok(if failed == 0 { DONE } else { FAILED })
}

/// The groups as the server knows them: `web:*` and `web:` are `web`, and `all` is no restriction.
fn meant(groups: &[String]) -> Vec<String> {
    if groups.iter().any(|it| it == "all") {
        return Vec::new();
    }
    let bare = |it: &String| it.strip_suffix(":*").or(it.strip_suffix(':')).unwrap_or(it).to_owned();
    groups.iter().map(bare).collect()
}

fn is_unknown(error: &CallError) -> bool {
    error.fault() == Some(FaultCode::UnknownMethod)
}

fn explain(error: CallError) -> Trouble {
    match error.fault() {
        Some(FaultCode::BadName) => {
            let text = error.to_string();
            let name = text.split_once(": ").map_or("", |(_, name)| name);
            Trouble::Names(vec![format!("there is no group \"{name}\"; nothing was done")])
        }
        _ => facts::explain(error),
    }
}

fn show(desk: &mut Desk<'_>, planned: &[RemotePlan], format: Format) -> Result<(), Trouble> {
    if format.json {
        return desk.print_json(&Value::Array(planned.iter().map(item).collect()));
    }
    if planned.is_empty() {
        return desk.say("nothing to do");
    }
    let names: Vec<_> = planned.iter().map(shown_name).collect();
    let width = names.iter().map(|it| it.chars().count()).max().unwrap_or(0).max(15);
    for (it, name) in planned.iter().zip(&names) {
        let (mark, tone, words) = sense(it);
        let mark = desk.paint.text(tone, mark);
        let words = if it.options.is_empty() { words } else { format!("{words}: {}", it.options.join(", ")) };
        desk.say(format!("{mark} {name:width$}  {words}"))?;
    }
    Ok(())
}

/// The mark in front of a line, its color, and what it says.
fn sense(planned: &RemotePlan) -> (&'static str, Tone, String) {
    match planned.action.as_str() {
        "added" => ("+", Tone::Good, "added".to_owned()),
        "removed" => ("-", Tone::Bad, "removed".to_owned()),
        "changed" => ("=", Tone::Quiet, "in place".to_owned()),
        // Also what a server of the future may say.
        other => ("~", Tone::Passing, other.to_owned()),
    }
}

fn shown_name(planned: &RemotePlan) -> String {
    let is_group = planned.name.is_empty();
    if is_group { format!("{}:*", planned.group) } else { full_name(&planned.group, Some(&planned.name)) }
}

fn succeeded(planned: &RemotePlan) -> bool {
    FaultCode::from_code(planned.status) == Some(FaultCode::Success)
}

fn tell_failure(desk: &mut Desk<'_>, planned: &RemotePlan) -> Result<(), Trouble> {
    let name = shown_name(planned);
    let code = FaultCode::from_code(planned.status);
    let reason = orders::reason(&mut desk.client, &name, code, &planned.description);
    let line = format!("{name}: {}: {reason}", desk.paint.text(Tone::Bad, "failed"));
    desk.say(line)
}

fn summary(done: &[RemotePlan]) -> String {
    let count = |action: &str| done.iter().filter(|it| it.action == action && succeeded(it)).count();
    let failed = done.iter().filter(|it| !succeeded(it)).count();
    let parts = [
        (count("added"), "added"),
        (count("removed"), "removed"),
        (count("restarted"), "restarted"),
        (count("changed"), "changed in place"),
        (failed, "failed"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
}

fn item(planned: &RemotePlan) -> Value {
    json!({
        "group": planned.group,
        "name": planned.name,
        "process": shown_name(planned),
        "action": planned.action,
        "options": planned.options,
    })
}

fn outcome(done: &RemotePlan) -> Value {
    let mut value = item(done);
    value["ok"] = Value::Bool(succeeded(done));
    value["description"] = Value::String(done.description.clone());
    value
}

/// The plan of a server that only replaces whole groups.
fn plan_groups(desk: &mut Desk<'_>, groups: &[String], format: Format) -> Result<u8, Trouble> {
    let changes = desk.client.reread().map_err(facts::explain)?;
    let lists = [(changes.removed, "removed"), (changes.changed, "restarted"), (changes.added, "added")];
    let planned: Vec<_> = lists
        .into_iter()
        .flat_map(|(names, action)| names.into_iter().map(move |name| (name, action)))
        .filter(|(name, _)| groups.is_empty() || groups.contains(name))
        .map(|(group, action)| RemotePlan {
            group,
            name: String::new(),
            action: action.to_owned(),
            options: Vec::new(),
            status: 0,
            description: String::new(),
        })
        .collect();
    writeln!(desk.err, "{WHOLE_GROUPS}")?;
    show(desk, &planned, format)?;
    Ok(DONE)
}

/// The update of such a server, in the original's steps.
fn update_groups(desk: &mut Desk<'_>, groups: &[String]) -> Result<u8, Trouble> {
    writeln!(desk.err, "{WHOLE_GROUPS}")?;
    server::update(desk, groups)
}
