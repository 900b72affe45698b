//! What a form may do, and what its reader is told came of it.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::http::request::Parts;
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;
use web::words::Words;
use wire::value::Value;

use super::form::field;
use super::{document, facts, look, redirect, told};
use crate::reply::Reply;
use crate::visit::{CallError, Caller, Visit};

/// How long a reader waits to be told what came of it; what takes longer goes on, and is seen on the page.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Start,
    Stop,
    Restart,
    Clear,
    Signal,
    Update,
}

/// What is to be done with whom.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Order {
    act: Act,
    names: Vec<String>,
    signal: String,
}

/// Does what the form in this request says.
pub(super) async fn act(visit: &Visit, parts: &Parts, fields: &[(String, String)]) -> Result<Reply, Reply> {
    let is_form = look::header(parts, CONTENT_TYPE).starts_with("application/x-www-form-urlencoded");
    let for_script = look::header(parts, ACCEPT).starts_with("application/json");
    let look = look::of(visit, parts);
    let words = look.words();
    let token = field(fields, "token").unwrap_or_default();
    if !is_form || visit.check_form(&parts.headers).is_err() || !is_ours(visit, token) {
        let html = web::frame::notice(&look, words.refused, words.stale);
        return Err(if for_script {
            told(false, words.stale).with_status(StatusCode::FORBIDDEN)
        } else {
            document(parts, StatusCode::FORBIDDEN, html)
        });
    }
    let (is_good, text) = match order(fields) {
        Some(order) => carry_out(visit.caller(), order, words).await,
        None => (false, words.none_selected.to_owned()),
    };
    if for_script {
        return Ok(told(is_good, &text));
    }
    Ok(look::tell(redirect(field(fields, "back").unwrap_or("/")), is_good, &text))
}

/// Whether a form brought back what we gave this user.
pub(super) fn is_ours(visit: &Visit, token: &str) -> bool {
    visit.form_token().as_bytes().ct_eq(token.as_bytes()).into()
}

/// What a form says is to be done.
fn order(fields: &[(String, String)]) -> Option<Order> {
    let signal = field(fields, "signal").unwrap_or("HUP").to_owned();
    if field(fields, "update").is_some() {
        return Some(Order { act: Act::Update, names: Vec::new(), signal });
    }
    if let Some(word) = field(fields, "bulk") {
        let names = fields.iter().filter(|(name, _)| name == "selected").map(|(_, it)| it.clone());
        let order = Order { act: of_word(word)?, names: names.collect(), signal };
        return Some(order).filter(|it| !it.names.is_empty());
    }
    fields.iter().find_map(|(name, value)| {
        let act = of_word(name).filter(|it| *it != Act::Signal)?;
        Some(Order { act, names: vec![value.clone()], signal: signal.clone() })
    })
}

fn of_word(word: &str) -> Option<Act> {
    match word {
        "start" => Some(Act::Start),
        "stop" => Some(Act::Stop),
        "restart" => Some(Act::Restart),
        "clear" => Some(Act::Clear),
        "signal" => Some(Act::Signal),
        _ => None,
    }
}

impl Order {
    /// The call that does it.
    fn call(&self) -> (&'static str, Vec<Value>) {
        let names = Value::Array(self.names.iter().cloned().map(Value::String).collect());
        match self.act {
            Act::Start => ("menshen.startProcesses", vec![names, Value::Bool(true)]),
            Act::Stop => ("menshen.stopProcesses", vec![names, Value::Bool(true)]),
            Act::Restart => ("menshen.restartProcesses", vec![names, Value::Bool(true)]),
            Act::Clear => ("menshen.clearProcessLogs", vec![names]),
            Act::Signal => ("menshen.signalProcesses", vec![names, Value::String(self.signal.clone())]),
            Act::Update => ("menshen.update", vec![]),
        }
    }

    /// What to say when it is done.
    const fn praise(&self, words: &Words) -> &'static str {
        match self.act {
            Act::Start => words.did_start,
            Act::Stop => words.did_stop,
            Act::Restart => words.did_restart,
            Act::Clear => words.did_clear,
            Act::Signal => words.did_signal,
            Act::Update => words.did_update,
        }
    }
}

/// Does it, and says how it went. It goes on when nobody waits for it any more.
async fn carry_out(caller: Caller, order: Order, words: &'static Words) -> (bool, String) {
    let (slot, answer) = oneshot::channel();
    let (method, params) = order.call();
    tokio::task::spawn_local(async move {
        // Whoever asked may have gone.
        drop(slot.send(caller.call(method, params).await));
    });
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(Ok(value))) => summary(&order, &value, words),
        Ok(Ok(Err(CallError::Fault(fault)))) => (false, fault.to_string()),
        Ok(Ok(Err(CallError::Reply(_))) | Err(_)) => (false, words.refused.to_owned()),
        Err(_) => (true, words.under_way.to_owned()),
    }
}

fn summary(order: &Order, value: &Value, words: &Words) -> (bool, String) {
    /// More than a few failures are better looked for on the page.
    const TOLD_MAX: usize = 3;
    let (done, failures) = facts::outcomes(value);
    if let [first, ..] = failures.as_slice() {
        let shown = failures.get(..TOLD_MAX.min(failures.len())).unwrap_or_default().join("; ");
        let more = failures.len().saturating_sub(TOLD_MAX);
        let text = if more > 0 { format!("{shown}; +{more}") } else { shown };
        let _ = first;
        return (false, text);
    }
    let what = match (order.names.as_slice(), done) {
        (_, 0) => return (true, words.nothing_to_do.to_owned()),
        ([name], 1) => name.clone(),
        _ => words.processes.replace("{}", &done.to_string()),
    };
    (true, order.praise(words).replace("{}", &what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(body: &str) -> Option<(Act, Vec<String>)> {
        order(&super::super::form::fields(body)).map(|it| (it.act, it.names))
    }

    #[test]
    fn a_form_says_what_is_to_be_done_with_whom() {
        let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        assert_eq!(ordered("token=x&start=g%3Aa"), Some((Act::Start, names(&["g:a"]))));
        // A button of one row says it all, whatever else is selected.
        assert_eq!(ordered("selected=b&stop=g%3A*"), Some((Act::Stop, names(&["g:*"]))));
        assert_eq!(ordered("selected=b&selected=c&bulk=signal"), Some((Act::Signal, names(&["b", "c"]))));
        assert_eq!(ordered("update=yes"), Some((Act::Update, vec![])));
        for nothing in ["", "bulk=start", "bulk=dance&selected=a", "signal=HUP", "selected=a"] {
            assert_eq!(ordered(nothing), None, "{nothing}");
        }
    }
}
