//! The JSON interface: requests below `/api/v1`, and the streams among them.

use std::rc::Rc;

use api::call::{Interface, Refusal};
use api::rest::{self, Found, Verb};
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST,
    HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::{Method, Request, StatusCode};
use model::level::Level;

use crate::ask::Ask;
use crate::connection::Connection;
use crate::door::SEC_FETCH_SITE;
use crate::feed::Watcher;
use crate::follow::{From, HISTORY_BYTES, Place};
use crate::reply::{Reply, packed, takes_gzip};
use crate::routes::{Page, busy, decoded};
use crate::seat::Seat;
use crate::stream::Stream;
use crate::visit::Visit;

/// How many clients may watch the feed at once, over all sockets; one more is answered with 503.
const WATCHERS_MAX: usize = 256;

/// How much of what is there a client may ask for when it begins to follow a log.
const LOG_BYTES_MAX: u64 = 1 << 20;

/// Answers of fewer bytes travel as they are.
const PACKED_FROM_BYTES: usize = 8 << 10;

const JSON: &str = "application/json";
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells nginx to pass on what it gets as it gets it.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Parameters in a query: names and texts, in order.
type Query = Vec<(String, String)>;

impl Visit {
    /// Answers a request below [`rest::ROOT`].
    pub(crate) async fn rest(
        &self,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Result<Page, Reply> {
        let verb = match *request.method() {
            Method::GET | Method::HEAD => Verb::Get,
            Method::POST => Verb::Post,
            _ => return Err(not_allowed("GET, POST")),
        };
        let path = request.uri().path().strip_prefix(rest::ROOT).unwrap_or_default();
        let parts: Vec<String> = path.trim_start_matches('/').split('/').map(decoded).collect();
        let takes_gzip = takes_gzip(request.headers());
        let query = query(request.uri().query().unwrap_or_default());
        match rest::find(verb, &parts) {
            Found::Method(entry, captured) => {
                let (body, _seat) = if verb == Verb::Post {
                    self.check_sender(request.headers())?;
                    self.read_some(request, connection).await?
                } else {
                    (bytes::Bytes::new(), None)
                };
                let call = rest::call(entry, &captured, &query, &body).map_err(|it| bad_request(&it))?;
                self.rest_call(call, takes_gzip).await.map(Page::Reply)
            }
            Found::Stream(stream, captured) => {
                let what = format!("{}{}", rest::ROOT, stream.path);
                self.check_role(&what, stream.role)
                    .map_err(|it| with_body(StatusCode::FORBIDDEN, rest::fault(&it)))?;
                let part = |name: &str| captured.get(name).cloned().unwrap_or_default();
                match stream.path {
                    "/openapi.json" => Ok(Page::Reply(json(api::openapi::document()))),
                    "/events" => self.events(request.headers(), &query),
                    "/supervisor/log/follow" => {
                        let path = self.ask(|slot| Ask::MainLog { slot }).await?;
                        self.log_events(path, request.headers(), &query)
                    }
                    other => {
                        let (name, channel) = (part("name"), part("channel"));
                        let path = self.ask(|slot| Ask::ProcessLog { name, channel, slot }).await?;
                        if other.ends_with("/file") {
                            self.file(path, &part("name"), &part("channel"))
                        } else {
                            self.log_events(path, request.headers(), &query)
                        }
                    }
                }
            }
            Found::Only(verb) => Err(not_allowed(verb.as_str())),
            Found::Nothing => {
                Err(not_found("there is nothing at this path; /api/v1/openapi.json says what there is"))
            }
        }
    }

    /// The body of a request, which may have none.
    async fn read_some(
        &self,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Result<(bytes::Bytes, Option<Seat>), Reply> {
        let headers = request.headers();
        if headers.get(CONTENT_LENGTH).is_none_or(|it| it == "0") {
            return Ok((bytes::Bytes::new(), None));
        }
        // A form of another site can send every other type without being asked whether it may.
        let content = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        if !content.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case(JSON)) {
            return Err(failure(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                "a body must come with `Content-Type: application/json`",
            ));
        }
        let (parts, body) = request.into_parts();
        self.read(&parts.headers, body, connection).await
    }

    async fn rest_call(&self, call: wire::value::MethodCall, takes_gzip: bool) -> Result<Reply, Reply> {
        let method = call.name.clone();
        match self.make(call, Interface::Own).await? {
            Ok(value) => Ok(light(json(api::json::text(&value)), takes_gzip)),
            Err(Refusal::Fault(fault)) => {
                let status = StatusCode::from_u16(rest::status(fault.code));
                Err(with_body(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), rest::fault(&fault)))
            }
            Err(Refusal::Internal(reason)) => {
                (self.note)(Level::Error, &format!("method {method} failed: {reason}"));
                Err(bad_request(&reason))
            }
        }
    }

    fn events(&self, headers: &HeaderMap, query: &Query) -> Result<Page, Reply> {
        let samples = match value_of(query, "samples") {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => return Err(bad_request("`samples` is not true or false")),
        };
        if self.feed.watchers() >= WATCHERS_MAX {
            return Err(busy());
        }
        let watcher = Watcher::new(Rc::clone(&self.feed), since(headers, query), samples);
        // Should the daemon be too busy to be told, it will see for itself at its next turn.
        drop(self.asks.try_send(Ask::Watching));
        Ok(streaming(Stream::Events(watcher)))
    }

    fn log_events(
        &self,
        path: Option<std::path::PathBuf>,
        headers: &HeaderMap,
        query: &Query,
    ) -> Result<Page, Reply> {
        let path = path.ok_or_else(no_log)?;
        let history = match value_of(query, "bytes").map(str::parse::<u64>) {
            None => HISTORY_BYTES,
            Some(Ok(bytes)) => bytes.min(LOG_BYTES_MAX),
            Some(Err(_)) => return Err(bad_request("`bytes` is not a whole number")),
        };
        let place = since(headers, query).and_then(Place::parse);
        let from = place.map_or(From::End(history), |it| From::Place(it, history));
        let (follower, _) = self.follow(path, from).map_err(|_| no_log())?;
        Ok(streaming(Stream::LogEvents(follower)))
    }

    fn file(&self, path: Option<std::path::PathBuf>, name: &str, channel: &str) -> Result<Page, Reply> {
        let path = path.ok_or_else(no_log)?;
        let (follower, mut headers) = self.follow(path, From::Beginning).map_err(|_| no_log())?;
        let plain = |it: char| if it.is_ascii_alphanumeric() || "-_.".contains(it) { it } else { '_' };
        let name: String = name.chars().map(plain).collect();
        let disposition = format!("attachment; filename=\"{name}-{channel}.log\"");
        headers.extend(HeaderValue::try_from(disposition).ok().map(|it| (CONTENT_DISPOSITION, it)));
        headers.push(UNBUFFERED);
        Ok(Page::Stream { stream: Stream::File(follower), headers })
    }
}

/// Refuses what a page of another site asks for.
pub(crate) fn check_sender(headers: &HeaderMap) -> Result<(), Reply> {
    let text = |name: HeaderName| headers.get(name).map(|it| it.to_str().unwrap_or("?"));
    let same_site = text(SEC_FETCH_SITE).is_none_or(|it| matches!(it, "same-origin" | "none"));
    let same_origin = text(ORIGIN).is_none_or(|origin| {
        let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        host.is_some() && host == text(HOST)
    });
    if same_site && same_origin {
        return Ok(());
    }
    Err(foreign())
}

/// The answer to what a page of another site asks for.
pub(crate) fn foreign() -> Reply {
    failure(StatusCode::FORBIDDEN, "FORBIDDEN", "this was asked for by a page of another site")
}

fn since<'a>(headers: &'a HeaderMap, query: &'a Query) -> Option<&'a str> {
    let header = headers.get(LAST_EVENT_ID).and_then(|it| it.to_str().ok());
    header.or_else(|| value_of(query, "since"))
}

fn value_of<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    query.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
}

/// The parameters of a query (the URL standard, "application/x-www-form-urlencoded parsing").
fn query(text: &str) -> Query {
    let pairs = text.split('&').filter(|it| !it.is_empty());
    let plain = |it: &str| decoded(&it.replace('+', " "));
    pairs
        .map(|it| it.split_once('=').unwrap_or((it, "")))
        .map(|(name, it)| (plain(name), plain(it)))
        .collect()
}

fn streaming(stream: Stream) -> Page {
    let headers =
        vec![(CONTENT_TYPE, EVENTS), (CACHE_CONTROL, HeaderValue::from_static("no-store")), UNBUFFERED];
    Page::Stream { stream, headers }
}

fn json(body: String) -> Reply {
    Reply::ok(JSON, body).with(CACHE_CONTROL, "no-store")
}

/// An answer as light as it can travel, where that is worth the time.
fn light(reply: Reply, takes_gzip: bool) -> Reply {
    let reply = reply.with(VARY, "Accept-Encoding");
    if !takes_gzip || reply.body.len() < PACKED_FROM_BYTES {
        return reply;
    }
    Reply { body: packed(&reply.body).into(), ..reply }.with(CONTENT_ENCODING, "gzip")
}

fn with_body(status: StatusCode, body: String) -> Reply {
    Reply { status, ..json(body) }
}

fn failure(status: StatusCode, word: &str, message: &str) -> Reply {
    with_body(status, rest::failure(word, message, None))
}

fn bad_request(message: &str) -> Reply {
    failure(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
}

fn not_found(message: &str) -> Reply {
    failure(StatusCode::NOT_FOUND, "NOT_FOUND", message)
}

fn no_log() -> Reply {
    not_found("there is no such process, or no log of it that could be read")
}

fn not_allowed(allowed: &'static str) -> Reply {
    let message = format!("this path is for {allowed}");
    failure(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", &message).with(ALLOW, allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_taken_apart() {
        let pairs = |text| query(text).into_iter().map(|(a, b)| format!("{a}={b}")).collect::<Vec<_>>();
        assert_eq!(pairs("names=a%3Ab&names=c+d&x&=y&"), ["names=a:b", "names=c d", "x=", "=y"]);
        assert_eq!(pairs(""), [""; 0]);
    }

    #[test]
    fn a_change_is_refused_when_a_page_of_another_site_asks_for_it() {
        let headers = |list: &[(HeaderName, &'static str)]| -> HeaderMap {
            list.iter().map(|(name, it)| (name.clone(), HeaderValue::from_static(it))).collect()
        };
        let host = (HOST, "a:9001");
        for good in [
            headers(&[]),
            headers(&[(ORIGIN, "http://a:9001"), host.clone()]),
            headers(&[(ORIGIN, "https://a:9001"), host.clone(), (SEC_FETCH_SITE, "same-origin")]),
            headers(&[(SEC_FETCH_SITE, "none"), host.clone()]),
        ] {
            assert!(check_sender(&good).is_ok(), "{good:?}");
        }
        for bad in [
            headers(&[(ORIGIN, "http://b"), host.clone()]),
            headers(&[(ORIGIN, "null"), host.clone()]),
            headers(&[(ORIGIN, "http://a:9002"), host.clone()]),
            headers(&[(ORIGIN, "http://a:9001")]),
            headers(&[(ORIGIN, "a:9001"), host.clone()]),
            headers(&[(SEC_FETCH_SITE, "cross-site"), host.clone()]),
            headers(&[(SEC_FETCH_SITE, "same-site"), host]),
        ] {
            assert!(check_sender(&bad).is_err(), "{bad:?}");
        }
    }
}
