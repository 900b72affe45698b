//! How a process is configured: its options, where they were written, its environment without secrets.

use model::fault::{Fault, FaultCode};
use model::name::{FullName, Namespec};
use model::spec::{GroupSpec, Origin, ProcessSpec};
use supervisor::supervisor::Found;
use wire::value::Value;

use crate::call::{Context, Refusal};
use crate::config_info;
use crate::facts::{Member, count, structure, text};
use crate::method::Kind::{Array, String as Text, Struct};

/// What [`of`] tells.
#[rustfmt::skip]
pub(crate) const OPTIONS: &[Member] = &[
    ("name", Text, "The process."),
    ("program", Text, "The program it is one of."),
    ("section", Text, "The section that says so, for example `program:web`."),
    ("origin", Struct, "Where that section was written: `file`, `line`."),
    ("options", Struct, "What supervisor.getAllConfigInfo tells of it, and `umask`, `user`, `stopasgroup` and `stopastree` where they are set."),
    ("environment", Array, "The variables it adds: `name` and `value`; instead of a value, `hidden` for a secret."),
];

/// What the name of a variable holds that is nobody's business. People look at pages together, and paste them.
const SECRETS: [&str; 10] =
    ["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "PRIVATE", "AUTH", "COOKIE", "SALT", "DSN"];

/// The options of an active process.
pub(crate) fn of(name: &FullName, context: &Context<'_>) -> Result<Value, Refusal> {
    let gone = || Fault::about(FaultCode::BadName, name.to_string());
    let spec = context.supervisor.spec(name).ok_or_else(gone)?;
    let group = context.supervisor.groups().find(|it| it.name == name.group).ok_or_else(gone)?;
    Ok(structure(vec![
        ("name", Some(Value::String(name.to_string()))),
        ("program", Some(text(spec.program.as_str()))),
        ("section", Some(Value::String(format!("{}:{}", group.kind.section(), spec.program)))),
        ("origin", Some(origin(&spec.origin))),
        ("options", Some(options(group, spec, context))),
        ("environment", Some(Value::Array(spec.environment.iter().map(variable).collect()))),
    ]))
}

fn origin(origin: &Origin) -> Value {
    structure(vec![("file", Some(text(&origin.file))), ("line", Some(count(origin.line)))])
}

fn options(group: &GroupSpec, spec: &ProcessSpec, context: &Context<'_>) -> Value {
    let whole = Namespec { group: group.name.as_str(), process: None };
    let in_use = matches!(context.supervisor.find(whole), Found::Group(_));
    let name = FullName { group: group.name.clone(), process: spec.name.clone() };
    let mut members =
        config_info::members(group, spec, in_use, &|channel| context.files.path(&name, channel));
    members.extend(spec.umask.map(|it| ("umask", Value::String(format!("{it:03o}")))));
    members.extend(spec.user.as_ref().map(|it| ("user", text(&it.text))));
    for (name, is_set) in [("stopasgroup", spec.stopasgroup), ("stopastree", spec.stopastree)] {
        members.extend(is_set.then_some((name, Value::Bool(true))));
    }
    Value::Struct(members)
}

fn variable((name, value): &(String, String)) -> Value {
    let hidden = is_secret(name, value);
    structure(vec![
        ("name", Some(text(name))),
        ("value", (!hidden).then(|| text(value))),
        ("hidden", hidden.then_some(Value::Bool(true))),
    ])
}

/// Whether a variable looks like a secret: by its name, or as a URL with a password in it.
fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let has_password = || {
        let authority = value.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
        authority.is_some_and(|it| it.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')))
    };
    SECRETS.iter().any(|it| name.contains(it)) || has_password()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_name_or_by_the_password_in_it() {
        for (name, value) in [
            ("DB_PASSWORD", "x"),
            ("api_token", "x"),
            ("AWS_SECRET_ACCESS_KEY", ""),
            ("DATABASE_URL", "postgres://me:secret@db/x"),
        ] {
            assert!(is_secret(name, value), "{name}");
        }
        for (name, value) in
            [("PATH", "/bin:/usr/bin"), ("URL", "http://a@b/c:d"), ("TZ", "UTC"), ("X", "a://b:1/@")]
        {
            assert!(!is_secret(name, value), "{name}");
        }
    }
}
