//! Answers that go on for as long as the client stays.

use bytes::Bytes;
use tokio::time::timeout;

use crate::connection::Patience;
use crate::feed::{SIGN_OF_LIFE, Watcher, event};
use crate::follow::{Follower, Piece};

/// What a client is shown bit by bit.
#[derive(Debug)]
pub(crate) enum Stream {
    /// A log, as it is.
    Log(Follower),
    /// A log, in events that say where each piece ends, so that a client can go on from there.
    LogEvents(Follower),
    /// A file, to the end it has when it is reached.
    File(Follower),
    /// What happens.
    Events(Watcher),
}

impl Stream {
    /// Whether the client may stop reading for ever. Those of the original follow logs in a pager.
    pub(crate) const fn patience(&self) -> Patience {
        match self {
            Self::Log(_) => Patience::Endless,
            Self::LogEvents(_) | Self::File(_) | Self::Events(_) => Patience::Limited,
        }
    }

    /// The next bytes, as soon as there are any; `None` at the end.
    pub(crate) async fn next(mut self) -> (Self, Option<Bytes>) {
        let bytes = match &mut self {
            Self::Log(follower) => follower.next().await.map(Piece::into_bytes),
            Self::LogEvents(follower) => match timeout(SIGN_OF_LIFE, follower.next()).await {
                Ok(piece) => piece.map(|it| Bytes::from(shown(&it, &follower.id()))),
                Err(_) => Some(Bytes::from_static(b":\n\n")),
            },
            Self::File(follower) => follower.read_on(),
            Self::Events(watcher) => Some(watcher.next().await),
        };
        (self, bytes)
    }
}

/// A piece of a log as an event.
fn shown(piece: &Piece, id: &str) -> String {
    match piece {
        Piece::Bytes(bytes) => {
            let mut data = String::with_capacity(bytes.len() + 16);
            api::json::push_text(&mut data, &String::from_utf8_lossy(bytes));
            event("log", Some(id), &data)
        }
        Piece::Truncated => event("truncated", Some(id), "{}"),
    }
}
