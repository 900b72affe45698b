//! Between the machine and those who listen to events: what they are sent, and what they say.

use logs::pump::{Report, StreamId};
use model::child::{Channel, ChildId};
use model::event::{bytes_repr, text_or_repr};
use model::level::Level;
use supervisor::input::Input;
use wire::listener::Ear;

use crate::lasting::{self, Shelf};
use crate::mailbag;
use crate::state::Daemon;
use crate::stdin::{Posted, Unsent};

impl Daemon {
    /// Sends the events that listeners are to be sent.
    pub(crate) fn post(&mut self) {
        if self.letters.is_empty() {
            return;
        }
        let make = || Shelf::of(&self.handover, self.boot_id)?.make(lasting::MAILBAG);
        if let Some(file) = self.mailbag.open(make)
            && let Err(error) = self.keepsakes.keep(&mut self.link, mailbag::KEY, b"", file)
        {
            self.note(Level::Error, &format!("cannot have the events on their way kept: {error}"));
        }
        let letters = std::mem::take(&mut self.letters);
        let posted = letters.into_iter().map(|(child, letter)| Posted {
            child,
            serial: letter.serial,
            bytes: wire::listener::encode(&self.identity.identifier, &letter),
        });
        let posted: Vec<_> = posted.collect();
        for (at, reason) in self.inputs.post(&posted, &mut self.mailbag) {
            let Some(Posted { child, serial, .. }) = posted.get(at) else { continue };
            let closed = reason == Unsent::Closed;
            self.inbox.push_back(Input::SendFailed { child: *child, serial: *serial, closed });
        }
    }

    /// A child has written something that somebody wants to see: its listeners, the log, or we, because
    /// it is itself a listener. A child that is forgotten is no longer listened to.
    pub(crate) fn wrote(&mut self, stream: &StreamId, child: ChildId, bytes: Vec<u8>) {
        if stream.channel == Channel::Stdout && self.is_heard(child) {
            self.remember_words(&[(child, &bytes)], true);
        }
        self.understand(stream, child, bytes);
    }

    /// Listeners are saying something: it is written down, and only then taken out of their pipes.
    pub(crate) fn write_down(&mut self, reports: &[Report]) {
        let said = reports.iter().filter_map(|it| match it {
            Report::Saying { child, bytes, .. } => Some((*child, bytes.as_slice())),
            Report::Chunk { .. }
            | Report::Said { .. }
            | Report::Captured { .. }
            | Report::Ended { .. }
            | Report::Stalled { .. }
            | Report::Recovered { .. }
            | Report::Dropping { .. }
            | Report::Dropped { .. }
            | Report::Trouble { .. } => None,
        });
        let said: Vec<_> = said.collect();
        if said.is_empty() {
            return;
        }
        let heard: Vec<_> = said.iter().copied().filter(|(child, _)| self.is_heard(*child)).collect();
        self.remember_words(&heard, false);
        os::failpoint::pass("daemon.words");
        for (child, _) in said {
            self.streams.pump.take_words(child);
        }
        os::failpoint::pass("daemon.words");
    }

    /// Whether anything that a child says can still mean something. What a listener says that has broken
    /// the protocol means nothing, and must not be kept: it may say it without end.
    fn is_heard(&self, child: ChildId) -> bool {
        self.children.get(&child).and_then(|it| it.ear.as_ref()).is_some_and(Ear::listens)
    }

    /// Takes in what is written down already.
    pub(crate) fn understand(&mut self, stream: &StreamId, child: ChildId, bytes: Vec<u8>) {
        let about = self.children.get_mut(&child);
        let ear = about.and_then(|it| it.ear.as_mut()).filter(|_| stream.channel == Channel::Stdout);
        let is_listener = ear.is_some();
        let said = ear.map(|it| it.hear(&bytes)).unwrap_or_default();
        if self.log.borrow().enabled(Level::Debug) {
            // A listener's words are shown as bytes, as in the original: each one counts.
            let text = if is_listener { bytes_repr(&bytes) } else { text_or_repr(&bytes) };
            self.note(Level::Debug, &format!("'{}' {} output:\n{text}", stream.name.process, stream.channel));
        }
        if !said.is_empty() {
            self.inbox.push_back(Input::Heard { child, said });
        } else if !is_listener && self.has_events(stream) {
            self.inbox.push_back(Input::Wrote { child, channel: stream.channel, bytes });
        }
    }

    /// Whether what is written to a stream is an event.
    fn has_events(&self, stream: &StreamId) -> bool {
        let spec = self.supervisor.spec(&stream.name);
        spec.is_some_and(|it| it.stream(stream.channel).events_enabled)
    }
}
