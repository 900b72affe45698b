//! From a request to an answer: who may ask, what is asked, and how the answer is worded.

use std::convert::Infallible;
use std::path::PathBuf;
use std::rc::Rc;

use api::call::{Interface, Refusal, remote};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, RETRY_AFTER,
};
use hyper::{Method, Request, Response, StatusCode, Version};
use model::event::bytes_repr;
use model::level::Level;
use tokio::sync::mpsc;
use wire::{xmlrpc_read, xmlrpc_write};

use crate::ask::{Ask, Note};
use crate::body::Body;
use crate::connection::Connection;
use crate::console::{self, Secret};
use crate::date::http_date;
use crate::feed::Feed;
use crate::follow::{Follower, From, HISTORY_BYTES};
use crate::limits::{Limits, QUOTED_BYTES, SMALL_BODY_BYTES};
use crate::porter::Porter;
use crate::probe::Probe;
use crate::reply::{Reply, respond};
use crate::seat::{Seat, Seats};
use crate::stream::Stream;
use crate::visit::Visit;

/// What all connections of a listening socket share.
pub(crate) struct Site {
    pub(crate) asks: mpsc::Sender<Ask>,
    /// Who lets clients in.
    pub(crate) porter: Porter,
    /// What the cookie of a session is called; two supervisors of one machine have two names.
    pub(crate) cookie: String,
    /// Whether nobody on the way can read along.
    pub(crate) is_secure: bool,
    /// The `identifier` of the configuration.
    pub(crate) identifier: String,
    pub(crate) limits: Limits,
    pub(crate) note: Note,
    /// What there is a number of, over all sockets.
    pub(crate) seats: Seats,
    /// What happens.
    pub(crate) feed: Rc<Feed>,
    /// What proves that a form is ours.
    pub(crate) secret: Rc<Secret>,
    /// Whether the addresses of the original's page do what they always did.
    pub(crate) has_compat: bool,
    /// Whether it is reached by names that anybody can make.
    pub(crate) has_names: bool,
}

const TEXT: &str = "text/plain;charset=utf-8";

/// Answers one request. Cancel-safe: when the client leaves, the slot of its question closes.
pub(crate) async fn answer(
    site: Rc<Site>,
    connection: Rc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    connection.works();
    let stays = wants_to_stay(&request);
    let mut response = match site.admit(request, &connection).await {
        Err(reply) => reply.into_response(connection),
        Ok((guest, request)) => {
            let visit = Visit::new(Rc::clone(&site), guest);
            match visit.route(request, &connection).await {
                Ok(Page::Reply(reply)) | Err(reply) => {
                    site.within_bounds(reply, &connection).into_response(connection)
                }
                Ok(Page::Stream { stream, headers }) => {
                    connection.may_see(visit.lease());
                    respond(StatusCode::OK, headers, Body::stream(stream, connection))
                }
            }
        }
    };
    // A log has no length, so that its end must be the end of the connection.
    if stays && !response.headers().contains_key(CONNECTION) && response.body().size_hint().exact().is_some()
    {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Keep-Alive"));
    }
    Ok(response)
}

/// Whether a client of HTTP/1.0 asked to keep the connection.
fn wants_to_stay(request: &Request<Incoming>) -> bool {
    let header = request.headers().get(CONNECTION).map(HeaderValue::as_bytes);
    request.version() == Version::HTTP_10 && header.is_some_and(|it| it.eq_ignore_ascii_case(b"keep-alive"))
}

/// A good answer, or one that is a page of its own.
pub(crate) enum Page {
    Reply(Reply),
    Stream { stream: Stream, headers: Vec<(HeaderName, HeaderValue)> },
}

impl Visit {
    /// The original takes the first that begins so, in this order (`http.py`, `make_http_servers`).
    async fn route(&self, request: Request<Incoming>, connection: &Connection) -> Result<Page, Reply> {
        let path = decoded(request.uri().path());
        if path.starts_with("/RPC2") {
            return self.remote_call(request, connection).await.map(Page::Reply);
        }
        connection.is_welcome();
        if path.starts_with("/logtail") {
            only(request.method(), &[Method::GET])?;
            return self.process_log(&path).await;
        }
        if path.starts_with("/mainlogtail") {
            only(request.method(), &[Method::GET])?;
            return self.main_log().await;
        }
        if let Some(probe) = Probe::at(&path) {
            only(request.method(), &[Method::GET, Method::HEAD])?;
            return self.probe(probe).await.map(Page::Reply);
        }
        if request.uri().path().starts_with(api::rest::ROOT) {
            return self.rest(request, connection).await;
        }
        match path.trim_start_matches('/') {
            "ok.html" => {
                only(request.method(), &[Method::GET, Method::HEAD, Method::POST])?;
                Ok(Page::Reply(Reply::ok("text/plain", "OK".to_owned())))
            }
            path if console::is_ours(path) => {
                console::answer(self, connection, request, path).await.map(Page::Reply)
            }
            _ => {
                only(request.method(), &[Method::GET, Method::HEAD])?;
                Err(Reply::error(StatusCode::NOT_FOUND))
            }
        }
    }

    async fn remote_call(&self, request: Request<Incoming>, connection: &Connection) -> Result<Reply, Reply> {
        only(request.method(), &[Method::POST])?;
        if !self.has_compat {
            self.check_sender(request.headers())?;
        }
        let (parts, body) = request.into_parts();
        let (document, _seat) = self.read(&parts.headers, body, connection).await?;
        let call = xmlrpc_read::call(&document, xmlrpc_read::Limits::CALL).map_err(|error| {
            let is_nameless = matches!(error, xmlrpc_read::ReadError::NoMethodName);
            let what = if is_nameless { "no method name" } else { "unmarshallable" };
            (self.note)(
                Level::Error,
                &format!("XML-RPC request data {} is invalid: {what}", quoted(&document)),
            );
            Reply::error(StatusCode::BAD_REQUEST)
        })?;
        drop(document);
        connection.is_welcome();
        let method = call.name.clone();
        let body = match self.make(call, Interface::XmlRpc).await? {
            Ok(value) => xmlrpc_write::response(&value),
            Err(Refusal::Fault(fault)) => xmlrpc_write::fault(&remote(&fault)),
            Err(Refusal::Internal(reason)) => {
                (self.note)(Level::Critical, &format!("XML-RPC method {method} failed: {reason}"));
                return Err(Reply::error(StatusCode::INTERNAL_SERVER_ERROR));
            }
        };
        Ok(Reply::ok("text/xml", body))
    }
}

impl Site {
    /// The body of a request. Its length must be said beforehand, so that no client can hold us with a
    /// body that never ends.
    /// With it comes its seat, which it keeps until it is answered: what it asks for takes memory, too.
    pub(crate) async fn read(
        &self,
        headers: &HeaderMap,
        body: Incoming,
        connection: &Connection,
    ) -> Result<(Bytes, Option<Seat>), Reply> {
        let length = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
        let length: usize = length.ok_or_else(|| Reply::last_error(StatusCode::LENGTH_REQUIRED))?;
        if length > self.limits.body_bytes {
            return Err(Reply::last_error(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let seat = self.seat_for(length)?;
        connection.receives();
        let body = Limited::new(body, self.limits.body_bytes).collect();
        let body = tokio::time::timeout(self.limits.body_time, body).await;
        connection.works();
        match body {
            Ok(Ok(body)) => Ok((body.to_bytes(), seat)),
            Ok(Err(_)) => Err(Reply::last_error(StatusCode::BAD_REQUEST)),
            Err(_) => Err(Reply::last_error(StatusCode::REQUEST_TIMEOUT)),
        }
    }

    /// The answer, unless it would be too much together with others that have not been taken yet.
    fn within_bounds(&self, reply: Reply, connection: &Connection) -> Reply {
        let size = reply.body.len();
        if size <= SMALL_BODY_BYTES {
            return reply;
        }
        match Seat::take_many(&self.seats.answer_bytes, size, self.limits.answer_bytes) {
            Some(seat) => {
                connection.owes(seat);
                reply
            }
            None => busy(),
        }
    }

    /// A seat for a body of this length, if it needs one.
    fn seat_for(&self, length: usize) -> Result<Option<Seat>, Reply> {
        if length <= SMALL_BODY_BYTES {
            return Ok(None);
        }
        // The body will not be read, so no request can follow it.
        let full = || Reply::last_error(StatusCode::SERVICE_UNAVAILABLE).with(RETRY_AFTER, "1");
        Seat::take(&self.seats.large_bodies, self.limits.large_bodies).map(Some).ok_or_else(full)
    }
}

impl Visit {
    /// `/logtail/<name>` and `/logtail/<name>/<channel>`; nothing else has a log.
    async fn process_log(&self, path: &str) -> Result<Page, Reply> {
        let not_found = || Reply::error(StatusCode::NOT_FOUND);
        let (_, rest) = path.trim_start_matches('/').split_once('/').ok_or_else(not_found)?;
        let (name, channel) = rest.split_once('/').unwrap_or((rest, "stdout"));
        let (name, channel) = (name.to_owned(), channel.to_owned());
        let path = self.ask(|slot| Ask::ProcessLog { name, channel, slot }).await?.ok_or_else(not_found)?;
        let (follower, mut headers) = self.follow(path, From::End(HISTORY_BYTES))?;
        // Tells nginx to pass on what it gets as it gets it.
        headers.push((HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")));
        Ok(Page::Stream { stream: Stream::Log(follower), headers })
    }

    async fn main_log(&self) -> Result<Page, Reply> {
        self.check_role("/mainlogtail", api::method::MAIN_LOG_ROLE)
            .map_err(|_| Reply::error(StatusCode::FORBIDDEN))?;
        let path = self.ask(|slot| Ask::MainLog { slot }).await?;
        let path = path.ok_or_else(|| Reply::error(StatusCode::NOT_FOUND))?;
        let (follower, headers) = self.follow(path, From::End(HISTORY_BYTES))?;
        Ok(Page::Stream { stream: Stream::Log(follower), headers })
    }

    pub(crate) fn follow(
        &self,
        path: PathBuf,
        from: From,
    ) -> Result<(Follower, Vec<(HeaderName, HeaderValue)>), Reply> {
        let seat = Seat::take(&self.seats.followers, self.limits.followers).ok_or_else(busy)?;
        let opened = Follower::open(path, from, seat).and_then(|it| it.modified().map(|at| (it, at)));
        // A log that is not there yet may come: the original calls that not found, too.
        let (follower, at) = opened.map_err(|_| Reply::error(StatusCode::NOT_FOUND))?;
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static(TEXT))];
        headers.extend(HeaderValue::try_from(http_date(at)).ok().map(|it| (LAST_MODIFIED, it)));
        Ok((follower, headers))
    }
}

pub(crate) fn busy() -> Reply {
    Reply::error(StatusCode::SERVICE_UNAVAILABLE).with(RETRY_AFTER, "1")
}

/// Refuses other methods, with the status the original has for that.
pub(crate) fn only(method: &Method, methods: &[Method]) -> Result<(), Reply> {
    if methods.contains(method) { Ok(()) } else { Err(Reply::error(StatusCode::BAD_REQUEST)) }
}

/// A path with its `%41` and the like turned into what they stand for.
pub(crate) fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        let byte = pair.filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()));
        match byte.and_then(|it| u8::from_str_radix(it, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            Some(_) | None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The beginning of a wrong request, for the log.
fn quoted(document: &[u8]) -> String {
    let shown = bytes_repr(document.get(..QUOTED_BYTES).unwrap_or(document));
    let dots = if document.len() > QUOTED_BYTES { "..." } else { "" };
    format!("{}{dots}", shown.trim_start_matches('b'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once_and_never_fails() {
        let cases = [
            ("/logtail/g%3Ap", "/logtail/g:p"),
            ("/a%2541", "/a%41"),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/%zz", "/%zz"),
            ("/%+1", "/%+1"),
            ("/%ff", "/\u{fffd}"),
            ("/%c3%a9", "/é"),
        ];
        for (path, wanted) in cases {
            assert_eq!(decoded(path), wanted);
        }
    }

    #[test]
    fn a_wrong_request_is_quoted_in_part() {
        assert_eq!(quoted(b"<a>'\n"), r#""<a>'\n""#);
        assert_eq!(quoted(&[b'b'; 1000]).len(), QUOTED_BYTES + 5);
    }
}
