//! `why`: why a process is as it is, in sentences.

use serde_json::json;
use wire::value::{Members, Value};

use crate::args::Format;
use crate::client::CallError;
use crate::remote::text;
use crate::verbs::{DONE, Desk, Trouble, targets};

/// What the server says of one process.
struct Account {
    name: String,
    state: String,
    sentences: Vec<String>,
    last_lines: Vec<String>,
}

/// `why`.
pub(crate) fn why(desk: &mut Desk<'_>, names: &[String], format: Format) -> Result<u8, Trouble> {
    let all = desk.client.processes()?;
    let shown: Vec<String> =
        targets::select(&mut desk.client, names, &all)?.iter().map(|it| it.full_name()).collect();
    let mut accounts = Vec::new();
    for name in shown {
        let answer = desk.client.call("menshen.why", &[text(&name)])?;
        accounts.push(Account::read(answer).ok_or(CallError::Shape("menshen.why"))?);
    }
    if format.json {
        let list = accounts.iter().map(|it| {
            json!({ "name": it.name, "state": it.state, "sentences": it.sentences, "last_lines": it.last_lines })
        });
        desk.print_json(&list.collect())?;
        return Ok(DONE);
    }
    for account in &accounts {
        desk.say(format!("{}: {}", account.name, account.sentences.join(" ")))?;
        if !account.last_lines.is_empty() {
            desk.say("  The last it wrote to standard error:")?;
        }
        for line in &account.last_lines {
            desk.say(format!("    {}", harmless(line)))?;
        }
    }
    Ok(DONE)
}

impl Account {
    fn read(value: Value) -> Option<Self> {
        let Value::Struct(mut members) = value else { return None };
        Some(Self {
            name: take_text(&mut members, "name")?,
            state: take_text(&mut members, "state")?,
            sentences: take_texts(&mut members, "sentences")?,
            last_lines: take_texts(&mut members, "last_lines")?,
        })
    }
}

fn take_text(members: &mut Members, name: &str) -> Option<String> {
    members.remove(name).and_then(text_of)
}

fn take_texts(members: &mut Members, name: &str) -> Option<Vec<String>> {
    let Value::Array(items) = members.remove(name)? else { return None };
    items.into_iter().map(text_of).collect()
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Int(_)
        | Value::Bool(_)
        | Value::Double(_)
        | Value::DateTime(_)
        | Value::Array(_)
        | Value::Struct(_)
        | Value::Nil => None,
    }
}

/// A line of a program, which must not move the cursor or color the rest of the screen.
fn harmless(line: &str) -> String {
    line.chars().map(|it| if it.is_control() && it != '\t' { '\u{fffd}' } else { it }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_whole_or_none() {
        let whole = [
            ("name", text("a")),
            ("state", text("FATAL")),
            ("sentences", Value::Array(vec![text("It does not run.")])),
            ("last_lines", Value::Array(vec![])),
        ];
        let members = |list: &[(&str, Value)]| {
            Value::Struct(list.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect())
        };
        assert_eq!(Account::read(members(&whole)).unwrap().sentences, ["It does not run."]);
        assert!(Account::read(members(&whole[1..])).is_none());
        assert!(Account::read(Value::Int(1)).is_none());
        assert_eq!(harmless("a\u{1b}[31m\tb"), "a\u{fffd}[31m\tb");
    }
}
