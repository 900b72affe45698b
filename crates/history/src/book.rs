//! The way to the thread that has the database.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::time::Duration;

use model::past::{Happening, Past, Query, Values};

use crate::clerk::Clerk;

/// How much may wait for the thread: what 10,000 processes that start at once have to say. A look at 1,000 of them is
/// one of these. Room is taken as it is needed.
const QUEUE_MAX: usize = 32_768;

/// How much a multiple of the finest resolution an answer has at most.
pub const ROWS_MAX: usize = 10_000;

/// Takes an answer. Called on the thread of the database.
pub type Reply = Box<dyn FnOnce(Result<Past, String>) + Send>;

/// Told what people should know of the database: whether it is bad news, and the sentence. Called on its thread.
pub type Tell = Box<dyn Fn(bool, String) + Send>;

/// What the thread is told.
pub(crate) enum Word {
    /// This happened.
    Happened(Happening),
    /// This was measured at this second, of these subjects.
    Measured(i64, Vec<(String, Values)>),
    /// Somebody wants to know.
    Asked(Query, Reply),
}

/// The way to the database.
pub struct Book {
    /// There until the end, which ends the thread.
    sender: Option<Sender<Word>>,
    /// How much waits.
    waiting: Arc<AtomicUsize>,
    /// How much there was no room for and nobody has been told of.
    lost: Arc<AtomicU64>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").finish_non_exhaustive()
    }
}

impl Book {
    /// Opens the database at `path`, of `bytes_max` at most, on a thread of its own. Whatever is wrong with it is
    /// told to `tell` and keeps nothing else from working: until it can be written, the thread remembers.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn open(path: PathBuf, bytes_max: u64, tell: Tell) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let (waiting, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let (waiting_there, lost_there) = (Arc::clone(&waiting), Arc::clone(&lost));
        let thread = std::thread::Builder::new().name("menshen-history".to_owned());
        let (alive, ended) = sync_channel(0);
        thread.spawn(move || {
            Clerk::new(path, bytes_max, lost_there, tell).attend(&receiver, &waiting_there);
            drop(alive);
        })?;
        Ok(Self { sender: Some(sender), waiting, lost, ended })
    }

    /// Something happened. Lost when the queue is full, which is counted.
    pub fn happened(&self, happening: Happening) {
        self.tell(Word::Happened(happening));
    }

    /// This was measured of these subjects at this moment, in seconds since the epoch. Lost when the queue is full,
    /// which is counted.
    pub fn measured(&self, at: i64, subjects: Vec<(String, Values)>) {
        self.tell(Word::Measured(at, subjects));
    }

    /// Asks. The answer goes to `reply`, at once when the queue is full.
    pub fn ask(&self, query: Query, reply: Reply) {
        if let Err(Word::Asked(_, reply)) = self.say(Word::Asked(query, reply)) {
            reply(Err("the history is busy; ask again".to_owned()));
        }
    }

    /// Writes what is left, and waits for that, but no longer than `patience`.
    pub fn close(mut self, patience: Duration) {
        self.sender = None;
        // It never sends anything: that it is gone is the news.
        let _ = self.ended.recv_timeout(patience);
    }

    fn tell(&self, word: Word) {
        if self.say(word).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Puts a word into the queue, or gives it back.
    fn say(&self, word: Word) -> Result<(), Word> {
        let Some(sender) = &self.sender else { return Err(word) };
        if self.waiting.load(Ordering::Relaxed) >= QUEUE_MAX {
            return Err(word);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        sender.send(word).map_err(|error| error.0)
    }
}
