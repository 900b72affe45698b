//! The pages: what each is made of.

use hyper::StatusCode;
use hyper::http::request::Parts;
use web::frame::Look;
use web::overview::{Overview, Query};
use web::process::{Process, Tail};
use wire::value::Value;

use super::form::{field, fields};
use super::{document, facts, look, redirect};
use crate::reply::Reply;
use crate::visit::{CallError, Visit};

/// How much of a log is on a page before a script fetches more.
const TAIL_BYTES: i64 = 16 << 10;

/// The page at `path`, which is one of ours.
pub(super) async fn page(visit: &Visit, parts: &Parts, path: &str) -> Result<Reply, Reply> {
    let mut look = look::of(visit, parts);
    let fields = fields(parts.uri.query().unwrap_or_default());
    if path == "tail.html" {
        let name = field(&fields, "processname").unwrap_or_default();
        return Ok(redirect(&format!("/process?name={}", web::html::escaped(name))));
    }
    let about = match visit.call("menshen.getSupervisor", vec![]).await {
        Ok(about) => about,
        Err(error) => return failed(parts, &look, error),
    };
    look.identifier = facts::text(&about, "identifier");
    look.version = facts::text(&about, "version");
    look.has_history = facts::text(&about, "history") == "true";
    let html = match path {
        "events" => Ok(web::feeds::events(&look)),
        "machine" => visit
            .call("menshen.getMachine", vec![])
            .await
            .map(|it| web::feeds::machine(&look, facts::machine(&it).as_ref())),
        "listeners" => visit.call("menshen.getListeners", vec![]).await.map(|it| {
            let pools: Vec<_> = facts::items(&it).iter().map(facts::pool).collect();
            web::feeds::listeners(&look, &pools)
        }),
        "plan" => plan(visit, &look).await,
        "process" => process(visit, &look, field(&fields, "name").unwrap_or_default()).await,
        _ => overview(visit, &look, &fields).await,
    };
    match html {
        Ok(html) => Ok(look::told(document(parts, StatusCode::OK, html), &look)),
        Err(error) => failed(parts, &look, error),
    }
}

/// A page that says why there is no other.
fn failed(parts: &Parts, look: &Look, error: CallError) -> Result<Reply, Reply> {
    match error {
        CallError::Reply(reply) => Err(reply),
        CallError::Fault(fault) if fault.code == model::fault::FaultCode::BadName => {
            let words = look.words();
            let html = web::frame::notice(look, words.not_found, words.not_found_how);
            Ok(document(parts, StatusCode::NOT_FOUND, html))
        }
        CallError::Fault(fault) => {
            let html = web::frame::notice(look, look.words().refused, &fault.to_string());
            Ok(document(parts, StatusCode::SERVICE_UNAVAILABLE, html))
        }
    }
}

async fn overview(visit: &Visit, look: &Look, fields: &[(String, String)]) -> Result<String, CallError> {
    let all = visit.call("menshen.getProcesses", vec![]).await?;
    let rows = facts::items(&all).iter().filter_map(|it| facts::row(it, look.language)).collect();
    let query = Query::from_fields(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    Ok(web::overview::overview(look, &Overview { rows }, &query))
}

async fn process(visit: &Visit, look: &Look, name: &str) -> Result<String, CallError> {
    let named = || vec![Value::String(name.to_owned())];
    let about = visit.call("menshen.getProcess", named()).await?;
    let options = facts::options(&visit.call("menshen.getProcessOptions", named()).await?);
    let Some(row) = facts::row(&about, look.language) else {
        return Err(CallError::Fault(model::fault::FaultCode::BadName.into()));
    };
    let language = Value::String(look.language.tag().to_owned());
    let why = visit.call("menshen.why", vec![Value::String(name.to_owned()), language]).await?;
    let why = facts::why(&why, look.language);
    let stdout = tail(visit, "supervisor.tailProcessStdoutLog", name).await?;
    let is_joined = options.values.iter().any(|(name, it)| name == "redirect_stderr" && it == "true");
    let stderr =
        if is_joined { Tail::Joined } else { tail(visit, "supervisor.tailProcessStderrLog", name).await? };
    Ok(web::process::process(look, &Process { row, options, stdout, stderr, why }))
}

/// The end of a log. One that is missing, or cannot be read, is no reason to show nothing at all.
async fn tail(visit: &Visit, method: &str, name: &str) -> Result<Tail, CallError> {
    let params = vec![Value::String(name.to_owned()), Value::Int(0), Value::Int(TAIL_BYTES)];
    match visit.call(method, params).await {
        Ok(answer) => {
            let text = facts::items(&answer).first().map(facts::shown).unwrap_or_default();
            Ok(Tail::Text(web::plain::without_escapes(&text)))
        }
        Err(CallError::Fault(_)) => Ok(Tail::None),
        Err(error) => Err(error),
    }
}

async fn plan(visit: &Visit, look: &Look) -> Result<String, CallError> {
    let plan = match visit.call("menshen.plan", vec![]).await {
        Ok(answer) => Ok(facts::items(&answer).iter().map(facts::change).collect()),
        Err(CallError::Fault(fault)) => Err(fault.extra.unwrap_or_else(|| fault.code.as_str().to_owned())),
        Err(error) => return Err(error),
    };
    Ok(web::feeds::plan(look, &plan))
}
