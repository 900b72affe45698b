//! The pages people look at: which address shows which, and what a form may do.
//!
//! A page is made of answers to the same calls that any client can make; nothing here knows more.

mod acts;
mod compat;
mod facts;
mod form;
pub(crate) mod guard;
mod login;
mod look;
mod pages;

use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, EXPIRES, HeaderValue, LOCATION, PRAGMA,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};

use crate::connection::Connection;
use crate::reply::{Reply, packed, takes_gzip};
use crate::routes::only;
use crate::visit::Visit;

pub(crate) use form::cookie;
pub(crate) use guard::Secret;
pub(crate) use login::{answer_stranger, is_for_all, page as login_page};

/// A page may use what this program serves, and nothing else in the world; nobody may put it into a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The paths of the pages; what is not among them is not here.
const PAGES: [&str; 8] = ["", "index.html", "process", "events", "machine", "listeners", "plan", "tail.html"];

/// Whether a path is one of the console's; it begins without a slash.
pub(crate) fn is_ours(path: &str) -> bool {
    matches!(path, "look" | "act" | "login" | "logout") || PAGES.contains(&path) || asset(path).is_some()
}

fn asset(path: &str) -> Option<&'static web::assets::Asset> {
    path.starts_with("assets/").then(|| web::assets::find(&format!("/{path}"))).flatten()
}

/// The answer for a path that is ours.
pub(crate) async fn answer(
    visit: &Visit,
    connection: &Connection,
    request: Request<Incoming>,
    path: &str,
) -> Result<Reply, Reply> {
    let (parts, body) = request.into_parts();
    if let Some(asset) = asset(path) {
        return only(&parts.method, &[Method::GET, Method::HEAD]).map(|()| file(&parts, asset));
    }
    match path {
        "look" => only(&parts.method, &[Method::GET]).map(|()| look::choose(&parts)),
        "login" if parts.method == Method::POST && visit.porter.asks() => {
            login::enter(visit, connection, Request::from_parts(parts, body)).await
        }
        "login" => only(&parts.method, &[Method::GET, Method::HEAD]).map(|()| login::home(&parts)),
        "logout" => {
            only(&parts.method, &[Method::POST])?;
            login::leave(visit, &parts, &posted(visit, connection, &parts, body).await?)
        }
        "act" => {
            only(&parts.method, &[Method::POST])?;
            acts::act(visit, &parts, &posted(visit, connection, &parts, body).await?).await
        }
        _ => {
            // The original's page is posted to as well.
            only(&parts.method, &[Method::GET, Method::HEAD, Method::POST])?;
            if visit.has_compat {
                let is_post = parts.method == Method::POST;
                let posted =
                    if is_post { posted(visit, connection, &parts, body).await? } else { Vec::new() };
                if let Some(reply) = compat::answer(visit, &parts, posted, path).await? {
                    return Ok(reply);
                }
            }
            pages::page(visit, &parts, path).await
        }
    }
}

/// The fields of a form that was posted.
async fn posted(
    visit: &Visit,
    connection: &Connection,
    parts: &Parts,
    body: Incoming,
) -> Result<Vec<(String, String)>, Reply> {
    let (body, _seat) = visit.read(&parts.headers, body, connection).await?;
    Ok(form::fields(&String::from_utf8_lossy(&body)))
}

/// A file of ours. Its name changes with its content, so that it may be kept for ever.
fn file(parts: &Parts, asset: &'static web::assets::Asset) -> Reply {
    let takes_gzip = takes_gzip(&parts.headers);
    let body = if takes_gzip { asset.gzip } else { asset.plain };
    let mut reply = Reply::bytes(StatusCode::OK, asset.content_type, body.into())
        .with(CACHE_CONTROL, "public, max-age=31536000, immutable")
        .with(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with(VARY, "Accept-Encoding");
    if takes_gzip {
        reply = reply.with(CONTENT_ENCODING, "gzip");
    }
    reply.with_value(ETAG, HeaderValue::try_from(format!("\"{}\"", asset.path)))
}

/// A page, with everything that keeps strangers out of it.
fn document(parts: &Parts, status: StatusCode, html: String) -> Reply {
    let takes_gzip = takes_gzip(&parts.headers);
    let body = if takes_gzip { packed(html.as_bytes()) } else { html.into_bytes() };
    let reply = Reply::bytes(status, "text/html;charset=utf-8", body.into())
        .with(CONTENT_SECURITY_POLICY, POLICY)
        .with(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with(REFERRER_POLICY, "same-origin")
        .with(VARY, "Accept-Encoding, Accept-Language, Cookie")
        .with(PRAGMA, "no-cache")
        .with(CACHE_CONTROL, "no-cache")
        .with(EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT");
    if takes_gzip { reply.with(CONTENT_ENCODING, "gzip") } else { reply }
}

/// Sends the reader to another page of ours.
fn redirect(to: &str) -> Reply {
    // An address that could lead elsewhere leads home.
    let is_ours = to.starts_with('/') && !to.starts_with("//") && !to.contains('\\');
    let to = if is_ours { to } else { "/" };
    let reply = Reply::bytes(StatusCode::SEE_OTHER, "text/plain", Vec::new().into());
    reply.with(CACHE_CONTROL, "no-store").with_value(LOCATION, HeaderValue::try_from(to))
}

/// An answer to a script. That something could not be done is no failure of the request.
fn told(is_good: bool, text: &str) -> Reply {
    let mut json = format!("{{\"ok\":{is_good},\"message\":");
    api::json::push_text(&mut json, text);
    json.push('}');
    Reply::bytes(StatusCode::OK, "application/json", json.into_bytes().into()).with(CACHE_CONTROL, "no-store")
}
