//! What happens, for those who watch: the last events, and who waits for the next.
//!
//! It keeps nothing until somebody watches, and forgets all when nobody has for a while: a daemon nobody looks at
//! pays for this with one comparison per event. Those who watch share one list; a client that is slow
//! loses events, is told so, and holds up nobody.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How many events are kept for those who were away for a moment.
const EVENTS_MAX: usize = 4096;

/// How many bytes they may have together.
const EVENTS_BYTES_MAX: usize = 1 << 20;

/// How long events are kept after the last client has left, so that a page that is loaded again misses nothing.
const KEEP: Duration = Duration::from_mins(2);

/// How many bytes a client is handed at once.
const CHUNK_BYTES: usize = 64 << 10;

/// How often a stream in which nothing happens says that it is alive, so that those between us and the client keep
/// the connection, and a client that is gone is noticed.
pub(crate) const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// What happens. The daemon writes it, streams read it.
#[derive(Debug)]
pub struct Feed {
    /// Tells the ids of this life of the daemon from those of others.
    epoch: u64,
    state: RefCell<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Each with its number; they follow each other without gaps.
    events: VecDeque<Rc<str>>,
    bytes: usize,
    /// The number of the next event.
    next: u64,
    watchers: usize,
    samplers: usize,
    last_left: Option<Instant>,
    samples: Option<Samples>,
}

/// The latest figures; older ones are of no use to anybody.
#[derive(Debug, Clone)]
struct Samples {
    number: u64,
    text: Bytes,
}

impl Feed {
    /// An empty feed. `epoch` must differ from that of every other daemon a client may have seen.
    pub fn new(epoch: u64) -> Self {
        Self { epoch, state: RefCell::default(), changed: Notify::new() }
    }

    /// Whether anybody would miss an event that is not published.
    pub fn is_watched(&self) -> bool {
        let mut state = self.state.borrow_mut();
        if state.watchers > 0 {
            return true;
        }
        if state.last_left.is_some_and(|it| it.elapsed() < KEEP) {
            return true;
        }
        state.events = VecDeque::new();
        state.bytes = 0;
        state.last_left = None;
        false
    }

    /// How many watch.
    pub(crate) fn watchers(&self) -> usize {
        self.state.borrow().watchers
    }

    /// Whether anybody wants figures.
    pub fn wants_samples(&self) -> bool {
        self.state.borrow().samplers > 0
    }

    /// Something has happened: `data` is JSON, in one line.
    pub fn publish(&self, kind: &str, data: &str) {
        if !self.is_watched() {
            return;
        }
        let mut state = self.state.borrow_mut();
        let number = state.next;
        state.next += 1;
        let event: Rc<str> = event(kind, Some(&self.id(number)), data).into();
        state.bytes += event.len();
        state.events.push_back(event);
        while state.events.len() > EVENTS_MAX || state.bytes > EVENTS_BYTES_MAX {
            let Some(oldest) = state.events.pop_front() else { break };
            state.bytes -= oldest.len();
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// There are new figures: `data` is JSON, in one line.
    pub fn publish_samples(&self, data: &str) {
        let mut state = self.state.borrow_mut();
        let number = state.samples.as_ref().map_or(0, |it| it.number) + 1;
        state.samples = Some(Samples { number, text: Bytes::from(event("samples", None, data)) });
        drop(state);
        self.changed.notify_waiters();
    }

    fn id(&self, number: u64) -> String {
        format!("{:x}-{number}", self.epoch)
    }

    /// The number of the event with this id, if it is one of ours.
    fn number(&self, id: &str) -> Option<u64> {
        let (epoch, number) = id.split_once('-')?;
        let ours = u64::from_str_radix(epoch, 16).ok()? == self.epoch;
        number.parse().ok().filter(|_| ours)
    }
}

/// An event as it travels (the HTML standard, "server-sent events").
pub(crate) fn event(kind: &str, id: Option<&str>, data: &str) -> String {
    let mut text = String::with_capacity(kind.len() + data.len() + 48);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "event: {kind}");
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
    let _ = writeln!(text, "data: {data}\n");
    text
}

/// One client's view of the feed.
#[derive(Debug)]
pub(crate) struct Watcher {
    feed: Rc<Feed>,
    /// The number of the next event it is to be told.
    next: u64,
    /// The number of the figures it was told last; `None` for who wants none.
    sampled: Option<u64>,
    /// What it is told first.
    greeting: Option<String>,
}

impl Watcher {
    /// Begins to watch, after the event with the id `since` if that is given and still known.
    pub(crate) fn new(feed: Rc<Feed>, since: Option<&str>, samples: bool) -> Self {
        let mut state = feed.state.borrow_mut();
        let first = state.next - u64::try_from(state.events.len()).unwrap_or(0);
        state.watchers += 1;
        state.samplers += usize::from(samples);
        let next = state.next;
        drop(state);
        let known = since.and_then(|it| feed.number(it)).and_then(|it| it.checked_add(1));
        let known = known.filter(|it| (first..=next).contains(it));
        let start = known.unwrap_or(next);
        let kind = if since.is_some() && known.is_none() { "reset" } else { "hello" };
        // The id of the greeting is that of the event before, so that it is where to go on from.
        let id = start.checked_sub(1).map(|it| feed.id(it));
        let greeting = Some(format!("retry: 2000\n{}", event(kind, id.as_deref(), "{}")));
        Self { feed, next: start, sampled: samples.then_some(0), greeting }
    }

    /// What comes next, as soon as there is something. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Bytes {
        loop {
            // Made before the look, so that nothing that happens in between is missed.
            let feed = Rc::clone(&self.feed);
            let changed = feed.changed.notified();
            if let Some(bytes) = self.look() {
                return bytes;
            }
            if tokio::time::timeout(SIGN_OF_LIFE, changed).await.is_err() {
                return Bytes::from_static(b":\n\n");
            }
        }
    }

    fn look(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(Bytes::from(greeting));
        }
        let feed = Rc::clone(&self.feed);
        let state = feed.state.borrow();
        let first = state.next - u64::try_from(state.events.len()).unwrap_or(0);
        if self.next < first {
            self.next = first;
            let id = first.checked_sub(1).map(|it| feed.id(it));
            return Some(Bytes::from(event("reset", id.as_deref(), "{}")));
        }
        let mut text = String::new();
        let skip = usize::try_from(self.next - first).unwrap_or(usize::MAX);
        for event in state.events.iter().skip(skip).take_while({
            let mut bytes = 0;
            move |it| {
                let fits = bytes == 0 || bytes + it.len() <= CHUNK_BYTES;
                bytes += it.len();
                fits
            }
        }) {
            text.push_str(event);
            self.next += 1;
        }
        if !text.is_empty() {
            return Some(Bytes::from(text));
        }
        let samples =
            state.samples.as_ref().filter(|it| self.sampled.is_some_and(|told| told < it.number))?;
        self.sampled = Some(samples.number);
        Some(samples.text.clone())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut state = self.feed.state.borrow_mut();
        state.watchers = state.watchers.saturating_sub(1);
        state.samplers = state.samplers.saturating_sub(usize::from(self.sampled.is_some()));
        if state.watchers == 0 {
            state.last_left = Some(Instant::now());
        }
        if state.samplers == 0 {
            state.samples = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(watcher: &mut Watcher) -> String {
        let mut all = String::new();
        while let Some(bytes) = watcher.look() {
            all.push_str(&String::from_utf8_lossy(&bytes));
        }
        all.replace("retry: 2000\n", "").replace('\n', "|")
    }

    #[test]
    fn nothing_is_kept_while_nobody_watches() {
        let feed = Rc::new(Feed::new(10));
        feed.publish("state", "1");
        assert!(!feed.is_watched());
        let mut watcher = Watcher::new(Rc::clone(&feed), None, false);
        assert_eq!(told(&mut watcher), "event: hello|data: {}||");
        feed.publish("state", "2");
        assert_eq!(told(&mut watcher), "event: state|id: a-0|data: 2||");
        assert_eq!(told(&mut watcher), "");
    }

    #[test]
    fn who_comes_back_is_told_what_it_missed_or_that_it_missed_something() {
        let feed = Rc::new(Feed::new(10));
        drop(Watcher::new(Rc::clone(&feed), None, false));
        for number in ["0", "1", "2"] {
            feed.publish("state", number);
        }
        let resumed = |since| told(&mut Watcher::new(Rc::clone(&feed), Some(since), false));
        assert_eq!(
            resumed("a-0"),
            "event: hello|id: a-0|data: {}||event: state|id: a-1|data: 1||event: state|id: a-2|data: 2||"
        );
        assert_eq!(resumed("a-2"), "event: hello|id: a-2|data: {}||");
        for foreign in ["b-0", "a-3", "a-99", "", "x", "a-", "-1", "a-18446744073709551615"] {
            assert_eq!(resumed(foreign), "event: reset|id: a-2|data: {}||", "{foreign}");
        }
    }

    #[test]
    fn who_is_slow_is_told_so_and_the_list_stays_short() {
        let feed = Rc::new(Feed::new(10));
        let mut watcher = Watcher::new(Rc::clone(&feed), None, false);
        for _ in 0..EVENTS_MAX + 10 {
            feed.publish("state", "0");
        }
        assert_eq!(feed.state.borrow().events.len(), EVENTS_MAX);
        let told = told(&mut watcher);
        assert!(
            told.starts_with("event: hello|data: {}||event: reset|id: a-9|data: {}||event: state|id: a-10|")
        );
        feed.publish("state", &"x".repeat(EVENTS_BYTES_MAX));
        assert!(feed.state.borrow().bytes <= EVENTS_BYTES_MAX);
    }

    #[test]
    fn only_the_latest_figures_are_told_and_only_to_those_who_want_them() {
        let feed = Rc::new(Feed::new(10));
        let mut plain = Watcher::new(Rc::clone(&feed), None, false);
        assert!(!feed.wants_samples());
        let mut curious = Watcher::new(Rc::clone(&feed), None, true);
        assert!(feed.wants_samples());
        feed.publish_samples("1");
        feed.publish_samples("2");
        assert_eq!(told(&mut curious), "event: hello|data: {}||event: samples|data: 2||");
        assert_eq!(told(&mut plain), "event: hello|data: {}||");
        drop(curious);
        assert!(!feed.wants_samples());
    }
}
