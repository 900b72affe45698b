//! Between the machine and those who listen to events: what they are sent, and what they say.

use logs::pump::StreamId;
use model::child::{Channel, ChildId};
use model::event::{bytes_repr, text_or_repr};
use model::level::Level;
use model::listener::Letter;
use supervisor::input::Input;
use wire::listener::Ear;

use crate::mailbag;
use crate::state::Daemon;
use crate::stdin::Unsent;

impl Daemon {
    /// Sends an event to a listener.
    pub(crate) fn post(&mut self, child: ChildId, letter: &Letter) {
        if let Some(file) = self.mailbag.open()
            && let Err(error) = self.keepsakes.keep(&mut self.link, mailbag::KEY, b"", file)
        {
            self.note(Level::Error, &format!("cannot have the events on their way kept: {error}"));
        }
        let bytes = wire::listener::encode(&self.identity.identifier, letter);
        if let Err(reason) = self.inputs.post(child, letter.serial, &bytes, &mut self.mailbag) {
            let closed = reason == Unsent::Closed;
            self.inbox.push_back(Input::SendFailed { child, serial: letter.serial, closed });
        }
    }

    /// A child has written something that somebody wants to see: its listeners, the log, or we, because
    /// it is itself a listener. A child that is forgotten is no longer listened to.
    pub(crate) fn wrote(&mut self, stream: &StreamId, child: ChildId, bytes: Vec<u8>) {
        if stream.channel == Channel::Stdout && self.is_heard(child) {
            self.remember_words(child, &bytes, true);
        }
        self.understand(stream, child, bytes);
    }

    /// A listener is saying something: it is written down, and only then taken out of its pipe.
    pub(crate) fn write_down(&mut self, child: ChildId, bytes: &[u8]) {
        if self.is_heard(child) {
            self.remember_words(child, bytes, false);
        }
        os::failpoint::pass("daemon.words");
        self.streams.pump.take_words(child);
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
