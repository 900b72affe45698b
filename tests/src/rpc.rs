//! XML-RPC by hand, as much as the tests need: so that neither of the two clients under test is trusted.

use std::path::Path;

use crate::http;

/// Calls `method` with string parameters; the raw body of the answer, or `None` when nobody answers.
pub fn call(socket: &Path, method: &str, parameters: &[&str]) -> Option<String> {
    let values: Vec<_> = parameters.iter().map(|it| format!("<string>{}</string>", escape(it))).collect();
    call_with(socket, method, &values)
}

/// Calls `method` with parameters of any type, each as the text between `<value>` and `</value>`.
pub fn call_with(socket: &Path, method: &str, values: &[impl AsRef<str>]) -> Option<String> {
    let value = |it: &dyn AsRef<str>| format!("<param><value>{}</value></param>", it.as_ref());
    let values = values.iter().map(|it| value(it)).collect::<Vec<_>>().concat();
    let body = format!(
        "<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params>{values}</params></methodCall>"
    );
    let answer = http::post(socket, "/RPC2", &body).ok()?;
    (answer.status == 200).then(|| answer.text())
}

/// An answer with the members of each struct in the order of their names: XML-RPC gives their order no meaning, and
/// ours are always in that order.
pub fn in_order(answer: &str) -> String {
    let sorted = |of: &str| {
        let mut members: Vec<&str> = of.split("<member>").collect();
        members[1..].sort_unstable();
        members.join("<member>")
    };
    let structs = answer.split("</struct>").map(|part| match part.split_once("<struct>") {
        Some((before, members)) => format!("{before}<struct>{}", sorted(members)),
        None => part.to_owned(),
    });
    structs.collect::<Vec<_>>().join("</struct>")
}

/// The structs of an answer: each as its text between `<struct>` and `</struct>`.
pub fn structs(answer: &str) -> impl Iterator<Item = &str> {
    answer.split("<struct>").skip(1).filter_map(|rest| rest.split("</struct>").next())
}

/// The text of `member` in a struct, whatever its type.
pub fn member(of: &str, member: &str) -> Option<String> {
    let (_, after) = of.split_once(&format!("<name>{member}</name>"))?;
    let (_, value) = after.split_once("<value>")?;
    let (value, _) = value.split_once("</value>")?;
    let text = value.split_once('>').map_or(value, |(_, rest)| rest.split('<').next().unwrap_or_default());
    Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
