//! `audit`: who changed what.

use model::time::{Wall, Zone};
use os::clock::LocalZone;
use serde_json::{Map, json};
use wire::value::Value;

use crate::args::Format;
use crate::client::CallError;
use crate::verbs::{DONE, Desk, Trouble};

/// The members of an entry that are text.
const TEXTS: [&str; 6] = ["who", "from", "what", "about", "outcome", "reason"];

/// One change.
struct Entry {
    at: i64,
    texts: [String; 6],
}

/// `audit`.
pub(crate) fn audit(desk: &mut Desk<'_>, format: Format) -> Result<u8, Trouble> {
    let shape = || CallError::Shape("menshen.getAudit");
    let Value::Array(items) = desk.client.call("menshen.getAudit", &[])? else { return Err(shape().into()) };
    let entries: Option<Vec<_>> = items.into_iter().map(Entry::read).collect();
    let entries = entries.ok_or_else(shape)?;
    if format.json {
        desk.print_json(&entries.iter().map(Entry::json).collect())?;
        return Ok(DONE);
    }
    for entry in &entries {
        desk.say(entry.line(&LocalZone))?;
    }
    Ok(DONE)
}

impl Entry {
    fn read(value: Value) -> Option<Self> {
        let Value::Struct(mut members) = value else { return None };
        let Some(Value::Int(at)) = members.remove("at") else { return None };
        let mut texts = <[String; 6]>::default();
        for (name, text) in TEXTS.iter().zip(&mut texts) {
            let Some(Value::String(it)) = members.remove(name) else { return None };
            *text = it;
        }
        Some(Self { at, texts })
    }

    fn json(&self) -> serde_json::Value {
        let texts = TEXTS.iter().zip(&self.texts).map(|(name, it)| ((*name).to_owned(), json!(it)));
        let mut members: Map<_, _> = texts.collect();
        members.insert("at".to_owned(), json!(self.at));
        serde_json::Value::Object(members)
    }

    fn line(&self, zone: &dyn Zone) -> String {
        let at = zone.civil(Wall::from_seconds(self.at));
        let [who, from, what, about, outcome, reason] = &self.texts;
        let mut line = format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02} {who} from {from}: {what}",
            at.year, at.month, at.day, at.hour, at.minute, at.second
        );
        for (mark, text) in [(" ", about), (": ", outcome), (", ", reason)] {
            if !text.is_empty() {
                line.extend([mark, text]);
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use model::time::Utc;

    use super::*;
    use crate::remote::text;

    #[test]
    fn an_entry_is_a_line() {
        let mut members: std::collections::BTreeMap<_, _> =
            TEXTS.iter().map(|it| ((*it).to_owned(), text(&it.to_uppercase()))).collect();
        members.insert("at".to_owned(), Value::Int(86_399));
        let entry = Entry::read(Value::Struct(members.clone().into_iter().collect())).unwrap();
        assert_eq!(entry.line(&Utc), "1970-01-01 23:59:59 WHO from FROM: WHAT ABOUT: OUTCOME, REASON");
        members.remove("who");
        assert!(Entry::read(Value::Struct(members.into_iter().collect())).is_none());
    }
}
