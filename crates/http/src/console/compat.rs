//! The addresses of the original's page, for scripts that call them: a look at one of them changes
//! something, whoever made it look (`web.py`, `StatusView`). Only where `web_compat` says so.

use hyper::StatusCode;
use hyper::header::{HOST, HeaderValue, LOCATION};
use hyper::http::request::Parts;
use model::fault::{Fault, FaultCode};
use wire::value::Value;

use super::form::{field, fields};
use super::{document, facts, look};
use crate::reply::Reply;
use crate::visit::{CallError, Visit};

/// How much of a log `/tail.html` shows, if it is not told (`web.py`, `TailView`).
const TAIL_BYTES: i64 = 1024;

/// The answer for an address of the original; `None` for one that just shows a page.
pub(super) async fn answer(
    visit: &Visit,
    parts: &Parts,
    posted: Vec<(String, String)>,
    path: &str,
) -> Result<Option<Reply>, Reply> {
    let mut all = fields(parts.uri.query().unwrap_or_default());
    match path {
        "tail.html" => tail(visit, parts, &all).await.map(Some),
        "" | "index.html" => {
            all.extend(posted);
            let Some(action) = field(&all, "action") else { return Ok(None) };
            let message = act(visit, action, field(&all, "processname")).await?;
            Ok(Some(told(visit, parts, &message)))
        }
        _ => Ok(None),
    }
}

/// Back to the page, with what to tell there, as the original sends its readers.
fn told(visit: &Visit, parts: &Parts, message: &str) -> Reply {
    let host = look::header(parts, HOST);
    let scheme = if visit.is_secure { "https" } else { "http" };
    let to = format!("{scheme}://{host}/?message={}", web::html::escaped(message));
    let reply = Reply::bytes(StatusCode::MOVED_PERMANENTLY, "text/html", Vec::new().into());
    look::tell(reply.with_value(LOCATION, HeaderValue::try_from(to)), !message.starts_with("ERROR"), message)
}

async fn act(visit: &Visit, action: &str, name: Option<&str>) -> Result<String, Reply> {
    let refused = || Reply::error(StatusCode::INTERNAL_SERVER_ERROR);
    let now = || ctime(std::time::SystemTime::now());
    match (action, name) {
        ("refresh", _) => Ok(format!("Page refreshed at {}", now())),
        ("stopall", _) => settled(visit, &["supervisor.stopAllProcesses"])
            .await
            .map(|()| format!("All stopped at {}", now())),
        ("restartall", _) => settled(visit, &["supervisor.stopAllProcesses", "supervisor.startAllProcesses"])
            .await
            .map(|()| format!("All restarted at {}", now())),
        ("start", Some(name)) => Ok(start(visit, name).await?),
        ("stop", Some(name)) => {
            let done = one(visit, "supervisor.stopProcess", name).await?;
            Ok(done.map_or_else(|it| unexpected(&it), |()| format!("Process {name} stopped")))
        }
        ("restart", Some(name)) => {
            // The original says so whatever came of it.
            if let Err(fault) = one(visit, "supervisor.stopProcess", name).await?
                && fault.code == FaultCode::BadName
            {
                return Ok(format!("No such process named {name}"));
            }
            drop(one(visit, "supervisor.startProcess", name).await?);
            Ok(format!("Process {name} restarted"))
        }
        ("clearlog", Some(name)) => {
            let done = one(visit, "supervisor.clearProcessLogs", name).await?;
            Ok(done.map_or_else(|it| unexpected(&it), |()| format!("Log for {name} cleared")))
        }
        _ => Err(refused()),
    }
}

async fn settled(visit: &Visit, methods: &[&str]) -> Result<(), Reply> {
    for method in methods {
        if let Err(CallError::Reply(reply)) = visit.call(method, vec![]).await {
            return Err(reply);
        }
    }
    Ok(())
}

/// One call about one process.
async fn one(visit: &Visit, method: &str, name: &str) -> Result<Result<(), Fault>, Reply> {
    match visit.call(method, vec![Value::String(name.to_owned())]).await {
        Ok(_) => Ok(Ok(())),
        Err(CallError::Fault(fault)) => Ok(Err(fault)),
        Err(CallError::Reply(reply)) => Err(reply),
    }
}

async fn start(visit: &Visit, name: &str) -> Result<String, Reply> {
    let Err(fault) = one(visit, "supervisor.startProcess", name).await? else {
        return Ok(format!("Process {name} started"));
    };
    let reason = match fault.code {
        FaultCode::NoFile => "no such file",
        FaultCode::NotExecutable => "file not executable",
        FaultCode::AlreadyStarted => "already started",
        FaultCode::SpawnError => "spawn error",
        FaultCode::AbnormalTermination => "abnormal termination",
        FaultCode::UnknownMethod
        | FaultCode::IncorrectParameters
        | FaultCode::BadArguments
        | FaultCode::SignatureUnsupported
        | FaultCode::ShutdownState
        | FaultCode::BadName
        | FaultCode::BadSignal
        | FaultCode::Failed
        | FaultCode::NotRunning
        | FaultCode::Success
        | FaultCode::AlreadyAdded
        | FaultCode::StillRunning
        | FaultCode::CantReread
        | FaultCode::Forbidden => return Ok(unexpected(&fault)),
    };
    Ok(format!("ERROR: Process {name}: {reason}"))
}

fn unexpected(fault: &Fault) -> String {
    match (&fault.code, &fault.extra) {
        (FaultCode::BadName, Some(name)) => format!("No such process named {name}"),
        _ => format!("unexpected rpc fault [{}] {fault}", fault.code.code()),
    }
}

/// `/tail.html?processname=…&limit=…`.
async fn tail(visit: &Visit, parts: &Parts, fields: &[(String, String)]) -> Result<Reply, Reply> {
    let named = field(fields, "processname");
    let limit = field(fields, "limit").and_then(|it| it.parse().ok()).unwrap_or(TAIL_BYTES);
    let text = match named {
        None => "No process name found".to_owned(),
        Some(name) => {
            let offset = -limit.max(TAIL_BYTES);
            let params = vec![Value::String(name.to_owned()), Value::Int(offset), Value::Int(0)];
            match visit.call("supervisor.readProcessStdoutLog", params).await {
                Ok(text) => facts::shown(&text),
                Err(CallError::Fault(fault)) if fault.code == FaultCode::NoFile => {
                    format!("No file for {name}")
                }
                Err(CallError::Fault(fault)) => {
                    format!("ERROR: unexpected rpc fault [{}] {fault}", fault.code.code())
                }
                Err(CallError::Reply(reply)) => return Err(reply),
            }
        }
    };
    let title = format!("Supervisor tail of process {}", named.unwrap_or("None"));
    let look = look::of(visit, parts);
    Ok(document(parts, StatusCode::OK, web::plain::tail(&look, &title, &text)))
}

/// A moment as C's `ctime` shows it, in universal time.
fn ctime(at: std::time::SystemTime) -> String {
    let date = crate::date::http_date(at);
    // `Sun, 06 Nov 1994 08:49:37 GMT`
    let words: Vec<_> = date.split([' ', ',']).filter(|it| !it.is_empty()).collect();
    match words.as_slice() {
        [weekday, day, month, year, clock, ..] => {
            format!("{weekday} {month} {:>2} {clock} {year}", day.trim_start_matches('0'))
        }
        _ => date,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_moment_is_shown_as_in_c() {
        assert_eq!(ctime(UNIX_EPOCH + Duration::from_secs(784_111_777)), "Sun Nov  6 08:49:37 1994");
    }

    #[test]
    fn a_fault_is_told_in_the_words_of_the_original() {
        assert_eq!(
            unexpected(&Fault::about(FaultCode::NotRunning, "a")),
            "unexpected rpc fault [70] NOT_RUNNING: a"
        );
        assert_eq!(unexpected(&Fault::about(FaultCode::BadName, "a")), "No such process named a");
    }
}
