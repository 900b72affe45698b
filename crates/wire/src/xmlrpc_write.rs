//! XML-RPC out: the same bytes as Python's `xmlrpc.client.dumps`, which some clients compare.
//!
//! Two rules go beyond it. Characters XML 1.0 does not allow become U+FFFD, so that a log with colors
//! in it does not break the document; and integers are clamped to the 32 bits the protocol has.

use std::fmt::Write;

use crate::value::{MethodCall, RemoteFault, Value};

const DECLARATION: &str = "<?xml version='1.0'?>\n";

/// How many bytes of a text are looked at together.
const BLOCK_BYTES: usize = 64;

/// What stands in for a character XML cannot carry.
const REPLACEMENT: char = '\u{fffd}';

/// A good answer.
pub fn response(value: &Value) -> String {
    let mut out = format!("{DECLARATION}<methodResponse>\n<params>\n<param>\n");
    write_value(&mut out, value);
    out.push_str("</param>\n</params>\n</methodResponse>\n");
    out
}

/// A refusal.
pub fn fault(fault: &RemoteFault) -> String {
    let mut out = format!("{DECLARATION}<methodResponse>\n<fault>\n");
    let members = [("faultCode", Value::Int(fault.code)), ("faultString", Value::String(fault.text.clone()))];
    write_value(&mut out, &Value::Struct(members.into()));
    out.push_str("</fault>\n</methodResponse>\n");
    out
}

/// A call.
pub fn call(call: &MethodCall) -> String {
    let mut out = format!("{DECLARATION}<methodCall>\n<methodName>");
    push_text(&mut out, &call.name);
    out.push_str("</methodName>\n<params>\n");
    for param in &call.params {
        out.push_str("<param>\n");
        write_value(&mut out, param);
        out.push_str("</param>\n");
    }
    out.push_str("</params>\n</methodCall>\n");
    out
}

fn write_value(out: &mut String, value: &Value) {
    out.push_str("<value>");
    match value {
        Value::Int(number) => {
            out.push_str("<int>");
            // Writing to a `String` cannot fail.
            let _ = write!(out, "{}", clamp(*number));
            out.push_str("</int>");
        }
        Value::Bool(it) => out.push_str(if *it { "<boolean>1</boolean>" } else { "<boolean>0</boolean>" }),
        Value::String(text) => {
            out.push_str("<string>");
            push_text(out, text);
            out.push_str("</string>");
        }
        Value::Double(number) => push_tagged(out, "double", &double(*number)),
        Value::DateTime(text) => push_tagged(out, "dateTime.iso8601", text),
        Value::Nil => out.push_str("<nil/>"),
        Value::Array(items) => {
            out.push_str("<array><data>\n");
            for item in items {
                write_value(out, item);
            }
            out.push_str("</data></array>");
        }
        Value::Struct(members) => {
            out.push_str("<struct>\n");
            for (name, member) in members {
                out.push_str("<member>\n<name>");
                push_text(out, name);
                out.push_str("</name>\n");
                write_value(out, member);
                out.push_str("</member>\n");
            }
            out.push_str("</struct>");
        }
    }
    out.push_str("</value>\n");
}

fn push_tagged(out: &mut String, tag: &str, text: &str) {
    out.extend(["<", tag, ">"]);
    push_text(out, text);
    out.extend(["</", tag, ">"]);
}

/// Appends `text` with `&`, `<` and `>` escaped and nothing in it that XML 1.0 does not allow.
fn push_text(out: &mut String, text: &str) {
    let mut rest = text;
    // What needs a look is rare: most texts are copied as they are, after a look at eight bytes at a time.
    while let Some((plain, character, after)) = split_at_odd(rest) {
        out.push_str(plain);
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            it if is_allowed(it) => out.push(it),
            _ => out.push(REPLACEMENT),
        }
        rest = after;
    }
    out.push_str(rest);
}

/// The text before the first character that may need something done about it, that character, and the rest.
///
/// By bytes: the characters that XML does not allow are below the space, or begin with the byte 0xEF, as a few others
/// do.
fn split_at_odd(text: &str) -> Option<(&str, char, &str)> {
    let (plain, rest) = text.split_at_checked(odd_place(text.as_bytes())?)?;
    let mut characters = rest.chars();
    let character = characters.next()?;
    Some((plain, character, characters.as_str()))
}

/// Where the first byte is that needs a look. A block is asked as a whole first, which the processor does at once.
fn odd_place(bytes: &[u8]) -> Option<usize> {
    let is_odd = |byte: &u8| *byte < b' ' || matches!(*byte, b'&' | b'<' | b'>' | 0xEF);
    let mut before = 0;
    for block in bytes.chunks(BLOCK_BYTES) {
        if block.iter().fold(false, |odd, byte| odd | is_odd(byte)) {
            return Some(before + block.iter().position(is_odd)?);
        }
        before += block.len();
    }
    None
}

/// Whether XML 1.0 lets a document hold this character (production 2, `Char`).
pub const fn is_allowed(character: char) -> bool {
    matches!(
        character,
        '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}'
    )
}

/// The nearest number the protocol can carry.
fn clamp(number: i64) -> i64 {
    number.clamp(i32::MIN.into(), i32::MAX.into())
}

/// A number as Python's `repr` shows it: the exponent with its sign and at least two digits.
fn double(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    let text = format!("{number:?}");
    match text.split_once('e') {
        None => text,
        Some((mantissa, exponent)) => {
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{digits:0>2}")
        }
    }
}

#[cfg(test)]
#[path = "xmlrpc_write_tests.rs"]
mod tests;
