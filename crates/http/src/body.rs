//! The bodies of answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::connection::Connection;
use crate::stream::Stream;

/// What is sent after the headers.
enum Content {
    /// All of it, until it has been taken.
    Whole(Option<Bytes>),
    /// What comes bit by bit.
    Stream(Pin<Box<dyn Future<Output = (Stream, Option<Bytes>)>>>),
    /// Nothing more.
    Nothing,
}

/// A body, which tells its connection when it has been handed over.
pub(crate) struct Body {
    content: Content,
    connection: Rc<Connection>,
}

impl Body {
    pub(crate) fn whole(bytes: Bytes, connection: Rc<Connection>) -> Self {
        Self { content: Content::Whole(Some(bytes)), connection }
    }

    pub(crate) fn stream(stream: Stream, connection: Rc<Connection>) -> Self {
        connection.follows(stream.patience());
        Self { content: Content::Stream(Box::pin(stream.next())), connection }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.connection.rests();
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Content::Stream(_) = self.content
            && self.connection.poll_over(cx).is_ready()
        {
            self.content = Content::Nothing;
        }
        match &mut self.content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|it| Ok(Frame::data(it)))),
            Content::Nothing => Poll::Ready(None),
            Content::Stream(next) => {
                let (stream, bytes) = ready!(next.as_mut().poll(cx));
                let (content, frame) = match bytes {
                    Some(bytes) => (Content::Stream(Box::pin(stream.next())), Some(Ok(Frame::data(bytes)))),
                    None => (Content::Nothing, None),
                };
                self.content = content;
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_none(),
            Content::Stream(_) => false,
            Content::Nothing => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Content::Stream(_) => SizeHint::default(),
            Content::Nothing => SizeHint::with_exact(0),
        }
    }
}
