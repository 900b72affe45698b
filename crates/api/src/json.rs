//! Values as JSON, and JSON as values.

use std::fmt::Write;

use wire::value::Value;

use crate::method::Kind;

/// A value as JSON. Bytes become text as far as they can, and a number that JSON has no word for (an infinity)
/// is null.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    push(&mut out, value);
    out
}

fn push(out: &mut String, value: &Value) {
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Int(number) => write!(out, "{number}"),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Double(number) if number.is_finite() => write!(out, "{number}"),
        Value::Double(_) | Value::Nil => out.write_str("null"),
        Value::String(text) | Value::DateTime(text) => {
            push_text(out, text);
            Ok(())
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                push(out, item);
            }
            out.write_char(']')
        }
        Value::Struct(members) => {
            out.push('{');
            for (index, (name, item)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                push_text(out, name);
                out.push(':');
                push(out, item);
            }
            out.write_char('}')
        }
    };
}

/// A text with its quotes. What a script element or a line of a stream could take for its end is escaped too.
pub fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        let _ = match character {
            '"' => out.write_str("\\\""),
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            '<' | '\u{2028}' | '\u{2029}' | '\u{7f}' => write!(out, "\\u{:04x}", u32::from(character)),
            it if it < ' ' => write!(out, "\\u{:04x}", u32::from(it)),
            it => out.write_char(it),
        };
    }
    out.push('"');
}

/// A piece of JSON as the value of a parameter of this kind; `None` when it is another.
pub(crate) fn value(json: &serde_json::Value, kind: Kind) -> Option<Value> {
    use serde_json::Value as Json;
    match (kind, json) {
        (Kind::String, Json::String(text)) => Some(Value::String(text.clone())),
        (Kind::Boolean, Json::Bool(truth)) => Some(Value::Bool(*truth)),
        (Kind::Int, Json::Number(number)) => number.as_i64().map(Value::Int),
        (Kind::Double, Json::Number(number)) => number.as_f64().map(Value::Double),
        (Kind::Array, Json::Array(_)) | (Kind::Struct, Json::Object(_)) => any(json),
        (
            Kind::Array | Kind::Boolean | Kind::Double | Kind::Int | Kind::String | Kind::Struct,
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_),
        ) => None,
    }
}

/// The text of an object as a value; `None` when it is none.
pub(crate) fn object(text: &str) -> Option<Value> {
    value(&serde_json::from_str(text).ok()?, Kind::Struct)
}

/// A piece of JSON as a value of its own kind. There is no value for null, nor for numbers without end.
fn any(json: &serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match json {
        Json::Null => return None,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => {
            number.as_i64().map(Value::Int).or_else(|| number.as_f64().map(Value::Double))?
        }
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(any).collect::<Option<_>>()?),
        Json::Object(members) => {
            let member = |(name, it): (&String, &Json)| Some((name.clone(), any(it)?));
            Value::Struct(members.iter().map(member).collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use wire::value::Members;

    use super::*;

    #[test]
    fn every_value_has_its_json() {
        let cases = [
            (Value::Int(-5), "-5"),
            (Value::Bool(true), "true"),
            (Value::Double(0.5), "0.5"),
            (Value::Double(1e300), &format!("1{}", "0".repeat(300))),
            (Value::Double(f64::INFINITY), "null"),
            (Value::String("a\"\\\n\u{1}<é\u{2028}".to_owned()), r#""a\"\\\n\u0001\u003cé\u2028""#),
            (Value::Array(vec![]), "[]"),
            (Value::Array(vec![Value::Int(1), Value::Int(2)]), "[1,2]"),
            (Value::Struct(Members::from([("a", Value::Int(1))])), r#"{"a":1}"#),
        ];
        for (value, wanted) in cases {
            assert_eq!(text(&value), wanted);
            assert!(serde_json::from_str::<serde_json::Value>(wanted).is_ok(), "{wanted}");
        }
    }

    #[test]
    fn a_parameter_is_of_its_kind_or_none() {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&json("5"), Kind::Int), Some(Value::Int(5)));
        assert_eq!(value(&json("[\"a\"]"), Kind::Array), Some(Value::Array(vec![Value::String("a".into())])));
        for (text, kind) in [
            ("\"5\"", Kind::Int),
            ("5.5", Kind::Int),
            ("99999999999999999999", Kind::Int),
            ("5", Kind::String),
            ("null", Kind::String),
            ("[null]", Kind::Array),
            ("1", Kind::Boolean),
        ] {
            assert_eq!(value(&json(text), kind), None, "{text}");
        }
    }
}
