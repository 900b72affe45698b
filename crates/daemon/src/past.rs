//! What is remembered longer than this daemon lives: told to the history as it happens, and asked of it for those
//! who want to know. Without a history, and while it cannot be reached, everything else goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use api::call::Outcome;
use history::book::Book;
use model::audit::Record;
use model::event::Event;
use model::fault::{Fault, FaultCode};
use model::level::Level;
use model::name::{FullName, Namespec};
use model::past::{Happening, Kind, MACHINE, Past as Was, Query, Values};
use model::time::Wall;
use model::usage::{ExitRecord, MachineUsage, ProcessUsage};
use supervisor::supervisor::Found;
use tokio::sync::mpsc;

use crate::exits::EXITS_MAX;
use crate::pending::Call;
use crate::recall::Origin;
use crate::state::Daemon;
use crate::{past_figures, past_words};

/// How long the end of the daemon waits for the last words to be written.
const LAST_WORDS_WAIT: Duration = Duration::from_secs(2);

/// How many processes an order is noted for one by one; with more it is noted once, and for none in particular.
const NAMED_MAX: usize = 100;

/// The history, if one is kept, and who waits for it.
pub(crate) struct Past {
    book: Option<Book>,
    waiting: BTreeMap<u64, Call>,
    last: u64,
    results: mpsc::UnboundedReceiver<Heard>,
    sender: mpsc::UnboundedSender<Heard>,
    /// The figures before, which tell how much is read and written in a second.
    machine_before: Option<MachineUsage>,
}

/// What the history has to say.
pub(crate) enum Heard {
    /// The answer to a question.
    Answer(u64, Result<Was, String>),
    /// How the children of earlier daemons ended.
    Exits(Vec<Happening>),
    /// Something people should know: whether it is bad news, and the sentence.
    News(bool, String),
}

impl Past {
    pub(crate) fn new() -> Self {
        let (sender, results) = mpsc::unbounded_channel();
        Self { book: None, waiting: BTreeMap::new(), last: 0, results, sender, machine_before: None }
    }

    /// Whether anything is kept.
    pub(crate) const fn is_kept(&self) -> bool {
        self.book.is_some()
    }

    /// What the history says next. Cancel-safe.
    pub(crate) async fn heard(&mut self) -> Option<Heard> {
        self.results.recv().await
    }

    /// What the history has said already.
    pub(crate) fn try_heard(&mut self) -> Option<Heard> {
        self.results.try_recv().ok()
    }

    fn tell(&self, at: Wall, kind: Kind, name: String, text: String, details: String) {
        if let Some(book) = &self.book {
            book.happened(Happening { at, name, kind, text, details });
        }
    }

    fn ask(&self, query: Query, heard: impl FnOnce(Result<Was, String>) -> Heard + Send + 'static) {
        let Some(book) = &self.book else { return };
        let sender = self.sender.clone();
        // The receiver is gone only when the daemon is.
        book.ask(query, Box::new(move |was| drop(sender.send(heard(was)))));
    }

    /// Tells what was measured. `before` has the figures of each process before these.
    pub(crate) fn measured(
        &mut self,
        before: &BTreeMap<FullName, ProcessUsage>,
        now: &BTreeMap<FullName, ProcessUsage>,
        machine: Option<&MachineUsage>,
    ) {
        let Some(book) = &self.book else { return };
        let processes =
            now.iter().map(|(name, it)| (name.to_string(), past_figures::process(before.get(name), it)));
        let mut subjects: Vec<(String, Values)> = processes.collect();
        if let Some(machine) = machine {
            let values = past_figures::machine(self.machine_before.as_ref(), machine);
            subjects.push((MACHINE.to_owned(), values));
            self.machine_before = Some(machine.clone());
        }
        book.measured(os::clock::wall().seconds(), subjects);
    }
}

impl Daemon {
    /// Opens the history, if one is to be kept, and looks up how children of earlier daemons ended.
    pub(crate) fn open_past(&mut self, origin: Origin) {
        let Some(settings) = self.settings.history.clone() else { return };
        let sender = self.past.sender.clone();
        let tell = move |is_bad, text| drop(sender.send(Heard::News(is_bad, text)));
        match Book::open(settings.file, settings.bytes_max, Box::new(tell)) {
            Ok(book) => self.past.book = Some(book),
            Err(error) => return self.note(Level::Error, &format!("there is no history: {error}")),
        }
        self.figures.has_history = true;
        let now = os::clock::wall();
        let query = Query::LastExits { each: EXITS_MAX };
        self.past.ask(query, move |was| match was {
            Ok(Was::Happenings(all)) => Heard::Exits(all.into_iter().filter(|it| it.at < now).collect()),
            Ok(Was::Points(_)) => Heard::Exits(Vec::new()),
            Err(reason) => Heard::News(true, format!("cannot read the history: {reason}")),
        });
        let text = past_words::beginning(origin);
        self.past.tell(now, Kind::Supervisor, String::new(), text.to_owned(), "{}".to_owned());
        self.sampling.keep_looking();
    }

    /// Writes down what is left.
    pub(crate) fn close_past(&mut self, text: &str) {
        let at = os::clock::wall();
        self.past.tell(at, Kind::Supervisor, String::new(), text.to_owned(), "{}".to_owned());
        if let Some(book) = self.past.book.take() {
            book.close(LAST_WORDS_WAIT);
        }
    }

    /// Takes note of an event.
    pub(crate) fn keep_event(&self, event: &Event) {
        if !self.past.is_kept() {
            return;
        }
        if let Some((kind, name, text, details)) = past_words::event(event, &self.supervisor) {
            self.past.tell(os::clock::wall(), kind, name, text, details);
        }
    }

    /// Takes note of the end of a child.
    pub(crate) fn keep_exit(&self, name: &FullName, record: &ExitRecord) {
        if self.past.is_kept() {
            let details = api::json::text(&api::why::exit(record));
            let text = past_words::exit(record);
            self.past.tell(record.ended.at, Kind::Exit, name.to_string(), text, details);
        }
    }

    /// Takes note of a process whose options have changed while it runs.
    pub(crate) fn keep_change(&self, name: &FullName) {
        let text = "its options have changed, and it runs on".to_owned();
        self.past.tell(os::clock::wall(), Kind::Config, name.to_string(), text, "{}".to_owned());
    }

    /// Takes note of an order.
    pub(crate) fn keep_action(&self, record: &Record) {
        if !self.past.is_kept() {
            return;
        }
        let names = self.named(&record.about);
        let text = past_words::order(record, names.len() == 1);
        let names = if names.is_empty() || names.len() > NAMED_MAX { vec![String::new()] } else { names };
        for name in names {
            self.past.tell(record.at, Kind::Action, name, text.clone(), past_words::order_details(record));
        }
    }

    /// The processes that are named in an order.
    fn named(&self, about: &str) -> Vec<String> {
        let mut names = Vec::new();
        for word in about.split(' ') {
            match self.supervisor.find(Namespec::parse(word)) {
                Found::Process(name) => names.push(name.to_string()),
                Found::Group(group) => {
                    let infos = self.supervisor.all_info(os::clock::now());
                    names.extend(
                        infos
                            .iter()
                            .map(|it| &it.name)
                            .filter(|it| it.group == group)
                            .map(FullName::to_string),
                    );
                }
                Found::Nothing => {}
            }
        }
        names.sort();
        names.dedup();
        names
    }

    /// Asks the history for a call, which goes on when the answer comes.
    pub(crate) fn ask_past(&mut self, query: Query, mut call: Call) {
        if !self.past.is_kept() {
            let text = "no history is kept; `history_file` in [supervisord] says where to keep one";
            call.session.settle(Outcome::Failed(Fault::about(FaultCode::NoFile, text)));
            return self.advance(call);
        }
        self.past.last += 1;
        let id = self.past.last;
        self.past.waiting.insert(id, call);
        self.past.ask(query, move |was| Heard::Answer(id, was));
    }

    /// Takes what the history has to say.
    pub(crate) fn hear_past(&mut self, heard: Heard) {
        match heard {
            Heard::Answer(id, was) => {
                let Some(mut call) = self.past.waiting.remove(&id) else { return };
                call.session.settle(match was {
                    Ok(was) => Outcome::Past(was),
                    Err(reason) => Outcome::Failed(Fault::about(FaultCode::Failed, reason)),
                });
                self.advance(call);
                self.settle();
            }
            Heard::Exits(all) => {
                for it in all {
                    let Some(record) = past_words::exit_of(&it) else { continue };
                    if let Found::Process(name) = self.supervisor.find(Namespec::parse(&it.name)) {
                        self.figures.exits.recall(name, record);
                    }
                }
            }
            Heard::News(is_bad, text) => {
                self.note(if is_bad { Level::Warn } else { Level::Info }, &text);
            }
        }
    }
}
