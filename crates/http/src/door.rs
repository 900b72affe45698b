//! Where each request comes in: who sent it, and what a stranger is told.

use std::rc::Rc;

use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use model::audit::Record;

use crate::ask::Ask;
use crate::auth::Claim;
use crate::connection::Connection;
use crate::console::{self, cookie, guard};
use crate::porter::{Barred, Guest, Porter};
use crate::reply::Reply;
use crate::rest;
use crate::routes::Site;

pub(crate) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl Site {
    /// Whom a request comes from, and the request; or the answer to one that may not be made.
    pub(crate) async fn admit(
        self: &Rc<Self>,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Result<(Guest, Request<Incoming>), Reply> {
        let door = connection.door();
        if !self.porter.asks() {
            return Ok((Porter::anybody(door), request));
        }
        let headers = request.headers();
        let claim = Claim::read(headers.get(AUTHORIZATION).map(HeaderValue::as_bytes));
        let admitted = match claim {
            Claim::Malformed => return Err(Reply::last_error(StatusCode::BAD_REQUEST)),
            Claim::Bearer(token) => self.porter.with_token(&token, door),
            Claim::Basic { name, password } => {
                let admitted = self.porter.with_password(&name, &password, door).await;
                if let Err(Barred::Stranger) = admitted {
                    self.write_down(self.porter.refusal(&name, door));
                }
                admitted
            }
            Claim::None => match self.proof(headers).and_then(|it| self.porter.with_session(&it, door)) {
                Some(guest) => Ok(guest),
                None if console::is_for_all(&request) => {
                    return Err(console::answer_stranger(self, connection, request).await);
                }
                None => Err(Barred::Stranger),
            },
        };
        match admitted {
            Ok(guest) => {
                if guest.session.is_some() && request.method() == Method::POST {
                    check_browser(request.headers())?;
                }
                Ok((guest, request))
            }
            Err(Barred::TooOften(seconds)) => Err(too_often(seconds)),
            Err(Barred::Reply(reply)) => Err(reply),
            Err(Barred::Stranger) => Err(self.turn_away(request)),
        }
    }

    /// The answer to who has not said who they are. A browser gets the page where that can be said; it must
    /// not ask by itself, or it would send what it was told for ever. Everything else is asked in the old way.
    fn turn_away(&self, request: Request<Incoming>) -> Reply {
        let (parts, _) = request.into_parts();
        let accepted = parts.headers.get(ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let looks = matches!(parts.method, Method::GET | Method::HEAD);
        if looks && accepted.contains("text/html") && parts.headers.get(AUTHORIZATION).is_none() {
            return console::login_page(self, &parts, StatusCode::UNAUTHORIZED, None);
        }
        let is_of_a_page = self.proof(&parts.headers).is_some()
            || accepted.contains("text/event-stream")
            || parts.headers.contains_key(SEC_FETCH_SITE);
        let reply = Reply::last_error(StatusCode::UNAUTHORIZED);
        if is_of_a_page {
            return reply.with(WWW_AUTHENTICATE, BEARER);
        }
        reply.with(WWW_AUTHENTICATE, "Basic realm=\"default\"")
    }

    /// What proves a session, as far as it does.
    pub(crate) fn proof(&self, headers: &HeaderMap) -> Option<String> {
        let cookies = headers.get(COOKIE).and_then(|it| it.to_str().ok())?;
        cookie(cookies, &self.cookie).filter(|it| !it.is_empty())
    }

    /// Refuses changes that a page of another site asks for in the name of a user whose browser is let in.
    ///
    /// Programs send none of these headers; browsers send them and let no page change them. Where nobody has
    /// to log in, the name under which we were called counts, too: else any page could give a name of its own
    /// our address, and be of our origin (DNS rebinding).
    pub(crate) fn check_sender(&self, headers: &HeaderMap) -> Result<(), Reply> {
        let is_browser = headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE);
        if is_browser { self.check_form(headers) } else { Ok(()) }
    }

    /// The same for a form, which only browsers send.
    pub(crate) fn check_form(&self, headers: &HeaderMap) -> Result<(), Reply> {
        rest::check_sender(headers)?;
        if !self.has_names || self.porter.asks() {
            return Ok(());
        }
        let own = rustix::system::uname();
        let own = own.nodename().to_string_lossy();
        let host = headers.get(HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
        if guard::is_local_name(host, &own) { Ok(()) } else { Err(rest::foreign()) }
    }

    /// Has the daemon write something down. Should it be too busy to listen, the log still has it.
    pub(crate) fn write_down(&self, record: Record) {
        if let Err(error) = self.asks.try_send(Ask::Audit(record))
            && let Ask::Audit(record) = error.into_inner()
        {
            (self.note)(model::level::Level::Warn, &record.to_string());
        }
    }
}

/// What a client that shows pages is told it may prove itself by: it does not ask its user then.
pub(crate) const BEARER: &str = "Bearer realm=\"menshen\"";

/// Sessions are of browsers, and those say where what they send was made. One that does not is none of those
/// we know, and could be made to send anything.
fn check_browser(headers: &HeaderMap) -> Result<(), Reply> {
    if headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE) {
        return Ok(());
    }
    Err(rest::foreign())
}

fn too_often(seconds: u64) -> Reply {
    Reply::last_error(StatusCode::TOO_MANY_REQUESTS)
        .with_value(RETRY_AFTER, HeaderValue::try_from(seconds.to_string()))
}

/// The path of a request, decoded, without its first slash.
pub(crate) fn path_of(parts: &Parts) -> String {
    crate::routes::decoded(parts.uri.path()).trim_start_matches('/').to_owned()
}
