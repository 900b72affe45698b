//! The way in and the way out: the page for those who must say first who they are, and the end of a session.

use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use model::audit::Outcome;

use super::form::{field, fields};
use super::{acts, document, look, redirect};
use crate::connection::Connection;
use crate::door::BEARER;
use crate::porter::{Barred, passage};
use crate::reply::Reply;
use crate::routes::{Site, only};
use crate::visit::Visit;

/// How many bytes a form with a name and a password may have.
const FORM_BYTES_MAX: usize = 8 << 10;

/// The page where one says who one is. `refused` says why the last try failed.
pub(crate) fn page(site: &Site, parts: &Parts, status: StatusCode, refused: Option<&str>) -> Reply {
    let mut look = look::of_stranger(parts);
    look.identifier.clone_from(&site.identifier);
    let fields = fields(parts.uri.query().unwrap_or_default());
    if crate::door::path_of(parts) == "login" {
        field(&fields, "back").unwrap_or("/").clone_into(&mut look.here);
    }
    let reply = document(parts, status, web::feeds::login(&look, refused));
    if status == StatusCode::UNAUTHORIZED { reply.with(WWW_AUTHENTICATE, BEARER) } else { reply }
}

/// What a form with a name and a password leads to: a session, or the page again.
pub(super) async fn enter(
    site: &Site,
    connection: &Connection,
    request: Request<Incoming>,
) -> Result<Reply, Reply> {
    let (parts, body) = request.into_parts();
    let is_form = look::header(&parts, CONTENT_TYPE).starts_with("application/x-www-form-urlencoded");
    if !is_form || site.check_form(&parts.headers).is_err() {
        let look = look::of_stranger(&parts);
        let reason = look.words().stale;
        return Err(page(site, &parts, StatusCode::FORBIDDEN, Some(reason)));
    }
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    if length.is_some_and(|it: usize| it > FORM_BYTES_MAX) {
        return Err(Reply::last_error(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let (body, _) = site.read(&parts.headers, body, connection).await?;
    let fields = fields(&String::from_utf8_lossy(&body));
    let (name, password) = (field(&fields, "username"), field(&fields, "password"));
    let (name, password) = (name.unwrap_or_default(), password.unwrap_or_default());
    let back = field(&fields, "back").unwrap_or("/");
    let door = connection.door();
    let mut parts = parts;
    // The page that comes again must know where its reader wanted to go.
    if let Ok(uri) = format!("/login?back={}", web::html::escaped(back)).parse() {
        parts.uri = uri;
    }
    let words = look::of_stranger(&parts);
    let words = words.words();
    match site.porter.with_password(name, password, door).await {
        Ok(guest) => {
            if let Some(old) = site.proof(&parts.headers) {
                site.porter.end_proven(&old);
            }
            let proof = site.porter.begin_session(&guest).unwrap_or_default();
            site.write_down(passage(&guest.asker, "login", Outcome::Done));
            connection.is_welcome();
            Ok(with_cookie(redirect(back), site, &proof, ""))
        }
        Err(Barred::Stranger) => {
            site.write_down(site.porter.refusal(name, door));
            Err(page(site, &parts, StatusCode::UNAUTHORIZED, Some(words.login_failed)))
        }
        Err(Barred::TooOften(seconds)) => {
            let reply = page(site, &parts, StatusCode::TOO_MANY_REQUESTS, Some(words.login_later));
            Err(reply.with_value(RETRY_AFTER, HeaderValue::try_from(seconds.to_string())))
        }
        Err(Barred::Reply(reply)) => Err(reply),
    }
}

/// Ends the session of who asks for it, and goes to where one says who one is.
pub(super) fn leave(visit: &Visit, parts: &Parts, fields: &[(String, String)]) -> Result<Reply, Reply> {
    let look = look::of(visit, parts);
    let words = look.words();
    let token = field(fields, "token").unwrap_or_default();
    if visit.check_form(&parts.headers).is_err() || !acts::is_ours(visit, token) {
        let html = web::frame::notice(&look, words.refused, words.stale);
        return Err(document(parts, StatusCode::FORBIDDEN, html));
    }
    if let Some(session) = &visit.session {
        visit.porter.end_session(session);
        visit.write_down(passage(&visit.asker, "logout", Outcome::Done));
    }
    Ok(with_cookie(redirect("/"), visit, "", "; Max-Age=0"))
}

/// Has the browser keep what proves its session: from scripts, from other sites, and from the disk.
fn with_cookie(reply: Reply, site: &Site, proof: &str, more: &str) -> Reply {
    let secure = if site.is_secure { "; Secure" } else { "" };
    let cookie = format!("{}={proof}; Path=/; HttpOnly; SameSite=Strict{secure}{more}", site.cookie);
    reply.with_value(SET_COOKIE, HeaderValue::try_from(cookie))
}

/// Whether a stranger may have what is at this path.
pub(crate) fn is_for_all(request: &Request<Incoming>) -> bool {
    let path = crate::routes::decoded(request.uri().path());
    let path = path.trim_start_matches('/');
    matches!(path, "login" | "look") || super::asset(path).is_some()
}

/// The answer to a stranger where one may come.
pub(crate) async fn answer_stranger(
    site: &Site,
    connection: &Connection,
    request: Request<Incoming>,
) -> Reply {
    let path = crate::routes::decoded(request.uri().path());
    let path = path.trim_start_matches('/');
    let answer = async {
        if path == "login" {
            if request.method() == Method::POST {
                return enter(site, connection, request).await;
            }
            only(request.method(), &[Method::GET, Method::HEAD])?;
            let (parts, _) = request.into_parts();
            return Ok(page(site, &parts, StatusCode::OK, None));
        }
        only(request.method(), &[Method::GET, Method::HEAD])?;
        let (parts, _) = request.into_parts();
        Ok(match super::asset(path) {
            Some(asset) => super::file(&parts, asset),
            None => look::choose(&parts),
        })
    };
    answer.await.unwrap_or_else(|reply| reply)
}

/// Home, or where one came from: whoever is let in has nothing to do at the way in.
pub(super) fn home(parts: &Parts) -> Reply {
    let fields = fields(parts.uri.query().unwrap_or_default());
    redirect(field(&fields, "back").unwrap_or("/"))
}
