//! Answers: their headers, and the pages that say what went wrong.

use std::io::Write;
use std::rc::Rc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SERVER};
use hyper::{Response, StatusCode};

use crate::body::Body;
use crate::connection::Connection;

/// The original's server calls itself so. No client asks, but monitors and scanners recognize a
/// supervisor by it, and a new name would tell them nothing true that matters.
const SERVER_NAME: HeaderValue = HeaderValue::from_static("Medusa/1.12");

/// An answer without its connection: what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

impl Reply {
    /// A good answer.
    pub(crate) fn ok(content_type: &'static str, body: String) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { status: StatusCode::OK, headers, body: Bytes::from(body) }
    }

    /// An answer of any kind.
    pub(crate) fn bytes(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))], body }
    }

    /// The page for an error.
    pub(crate) fn error(status: StatusCode) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("text/html"))];
        Self { status, headers, body: Bytes::from(error_page(status)) }
    }

    /// The page for an error after which no further request can be understood or is wanted.
    pub(crate) fn last_error(status: StatusCode) -> Self {
        Self::error(status).with(CONNECTION, "close")
    }

    pub(crate) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With a header whose value may turn out to be none; then without it.
    pub(crate) fn with_value<E>(mut self, name: HeaderName, value: Result<HeaderValue, E>) -> Self {
        self.headers.extend(value.ok().map(|it| (name, it)));
        self
    }

    /// Ready to be sent.
    pub(crate) fn into_response(self, connection: Rc<Connection>) -> Response<Body> {
        respond(self.status, self.headers, Body::whole(self.body, connection))
    }

    /// All of it as bytes, to be sent where no request could be read.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let reason = reason(self.status);
        let length = self.body.len();
        let mut bytes = format!(
            "HTTP/1.1 {} {reason}\r\nServer: Medusa/1.12\r\nContent-Type: text/html\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n",
            self.status.as_u16()
        )
        .into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Bytes as a client that takes gzip gets them. With this effort a page of a thousand rows becomes a twentieth of itself
/// in a few milliseconds; the least saves half of those and sends half as much again.
pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::new(4));
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Whether a client says that it takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let header = headers.get(ACCEPT_ENCODING).and_then(|it| it.to_str().ok());
    header.is_some_and(|it| {
        it.split(',').any(|it| {
            let (coding, weight) = it.split_once(';').unwrap_or((it, ""));
            coding.trim().eq_ignore_ascii_case("gzip")
                && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        })
    })
}

/// An answer ready to be sent.
pub(crate) fn respond(
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(SERVER, SERVER_NAME);
    response.headers_mut().extend(headers);
    response
}

/// The page of the original (`http_server.py`, `DEFAULT_ERROR_MESSAGE`).
fn error_page(status: StatusCode) -> String {
    let lines = [
        "<head>",
        "<title>Error response</title>",
        "</head>",
        "<body>",
        "<h1>Error response</h1>",
        &format!("<p>Error code {}.", status.as_u16()),
        &format!("<p>Message: {}.", reason(status)),
        "</body>",
        "",
    ];
    lines.join("\r\n")
}

/// The words of the original, which are those of an old draft for a few.
fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::REQUEST_TIMEOUT => "Request Time-out",
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        other => other.canonical_reason().unwrap_or("Error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_page_is_that_of_the_original() {
        let page = "<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n<h1>Error response</h1>\r\n\
                    <p>Error code 404.\r\n<p>Message: Not Found.\r\n</body>\r\n";
        assert_eq!(Reply::error(StatusCode::NOT_FOUND).body, page);
    }
}
