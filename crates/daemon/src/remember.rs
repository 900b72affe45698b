//! Writing down what the next daemon must know, before anything is done that follows from it.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;

use logs::pump::StreamId;
use model::child::{Channel, ChildId};
use model::level::Level;
use supervisor::memory::{Change, Tape};

use crate::memory_file::MemoryFile;
use crate::recall::{AutoFile, Head, Record, Spoken, Words};
use crate::state::Daemon;

/// How much of the file is written anew in one turn of the loop.
const TIDY_BYTES: usize = 256 << 10;

/// The file, and what has to stand in it beside what the machine remembers.
#[derive(Debug)]
pub(crate) struct Diary {
    file: Option<MemoryFile>,
    head: Head,
    settings: Option<Tape>,
    files: BTreeMap<StreamId, PathBuf>,
    /// What listeners have said of which the machine has not taken note.
    words: BTreeMap<ChildId, Spoken>,
    /// Those of whose words it has, and that is not written down.
    heard: Vec<ChildId>,
    /// What is still to be written of a file that is written anew.
    needed: VecDeque<Change>,
    is_tidying: bool,
    /// Set while it cannot be written, so that this is told once.
    is_failing: bool,
}

impl Diary {
    /// One that nobody will read, until it [begins](Self::begin).
    pub(crate) fn new(head: Head, settings: Option<Tape>, files: BTreeMap<StreamId, PathBuf>) -> Self {
        Self {
            file: None,
            head,
            settings,
            files,
            words: BTreeMap::new(),
            heard: Vec::new(),
            needed: VecDeque::new(),
            is_tidying: false,
            is_failing: false,
        }
    }

    /// Begins a new file at `path` with all that is to be known.
    pub(crate) fn begin(&mut self, path: &std::path::Path, changes: Vec<Change>) -> io::Result<()> {
        self.file = Some(MemoryFile::create(path, self.all(changes).iter())?);
        Ok(())
    }

    /// The records of a whole file.
    fn all(&self, step: Vec<Change>) -> Vec<Vec<u8>> {
        let head = Record { head: Some(self.head.clone()), settings: self.settings, ..Record::default() };
        let files = self.files.iter().map(|(stream, path)| file_record(stream, path));
        let words = self.words.iter().flat_map(|(child, spoken)| {
            let (taken, untaken) = spoken.parts();
            [words_record(*child, taken, true), words_record(*child, untaken, false)]
        });
        let step = Record { step, ..Record::default() };
        [head].into_iter().chain(files).chain(words).chain([step]).map(|it| it.to_bytes()).collect()
    }

    /// Writes some of what is needed to the file that is written anew. Says whether that is whole and in its place.
    fn write_needed(&mut self) -> io::Result<bool> {
        let Some(file) = &mut self.file else { return Ok(true) };
        let (mut records, mut bytes) = (Vec::new(), 0);
        while bytes < TIDY_BYTES
            && let Some(change) = self.needed.pop_front()
        {
            let record = Record { step: vec![change], ..Record::default() }.to_bytes();
            bytes += record.len();
            records.push(record);
        }
        file.rewrite(records.iter())?;
        if self.needed.is_empty() { file.end_rewrite() } else { Ok(false) }
    }

    /// Where the output of a stream without a name of its own goes.
    pub(crate) fn file(&self, stream: &StreamId) -> Option<&PathBuf> {
        self.files.get(stream)
    }

    /// Takes note of it.
    pub(crate) fn note_file(&mut self, stream: &StreamId, path: PathBuf) {
        if let Some(file) = &mut self.file {
            file.add(|it| file_record(stream, &path).write_to(it));
        }
        self.files.insert(stream.clone(), path);
    }

    /// Listeners have said something: written down at once.
    fn note_words(&mut self, said: &[(ChildId, &[u8])], taken: bool) -> io::Result<()> {
        for (child, bytes) in said {
            self.words.entry(*child).or_default().add(bytes, taken);
        }
        self.write_all(said.iter().map(|(child, bytes)| words_record(*child, bytes, taken)))
    }

    /// A stream is gone for good.
    pub(crate) fn forget_file(&mut self, stream: &StreamId) {
        self.files.remove(stream);
    }

    /// Writes what a step has changed, and what listeners had only begun to say when it was made.
    fn write_step(&mut self, record: Option<Record>, mut begun: Vec<(ChildId, Vec<u8>)>) -> io::Result<()> {
        begun.retain(|(_, bytes)| !bytes.is_empty());
        for (child, bytes) in &begun {
            self.words.entry(*child).or_default().add(bytes, true);
        }
        let begun = begun.iter().map(|(child, bytes)| words_record(*child, bytes, true));
        self.write_all(record.into_iter().chain(begun))
    }

    fn write_all(&mut self, records: impl IntoIterator<Item = Record>) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        os::failpoint::pass("daemon.stepped");
        for record in records {
            file.add(|it| record.write_to(it));
        }
        let written = file.commit();
        os::failpoint::pass("daemon.remembered");
        written
    }
}

fn words_record(child: ChildId, bytes: &[u8], taken: bool) -> Record {
    Record { words: Some(Words { child, bytes: bytes.to_vec(), taken }), ..Record::default() }
}

fn file_record(stream: &StreamId, path: &std::path::Path) -> Record {
    let stderr = stream.channel == Channel::Stderr;
    let file = AutoFile { process: stream.name.clone(), stderr, path: path.to_owned() };
    Record { file: Some(file), ..Record::default() }
}

impl Daemon {
    /// Writes down what has changed.
    pub(crate) fn remember(&mut self) {
        self.owes_letters = false;
        let step = self.supervisor.take_changes();
        let heard = std::mem::take(&mut self.diary.heard);
        // Of what they have begun to say, the machine has heard that it has begun.
        let begun = heard.iter().map(|it| (*it, self.unfinished(*it))).collect();
        let is_new = !step.is_empty() || !heard.is_empty();
        let record = is_new.then(|| Record { step, heard, ..Record::default() });
        let written = self.diary.write_step(record, begun);
        self.tell_of_diary(written);
        // That those before were sent is written down by now.
        self.mailbag.settle();
        let is_leaving = self.is_leaving();
        if self.diary.file.as_ref().is_some_and(|it| it.is_due(is_leaving)) {
            self.tidy();
        }
    }

    /// Writes down what must not wait longer: the next thing to happen may be a long way off.
    pub(crate) fn remember_owed(&mut self) {
        if self.owes_letters {
            self.remember();
        }
    }

    fn unfinished(&self, child: ChildId) -> Vec<u8> {
        let ear = self.children.get(&child).and_then(|it| it.ear.as_ref());
        ear.map(wire::listener::Ear::unfinished).unwrap_or_default()
    }

    /// Listeners have said something, which is out of their pipes if it is `taken`.
    pub(crate) fn remember_words(&mut self, said: &[(ChildId, &[u8])], taken: bool) {
        let written = self.diary.note_words(said, taken);
        self.tell_of_diary(written);
    }

    /// The machine has been told of all that a listener has said so far.
    pub(crate) fn heard_words(&mut self, child: ChildId) {
        if self.diary.words.remove(&child).is_some() {
            self.diary.heard.push(child);
        }
    }

    /// The next daemon takes everything over and reads the files for the rest.
    pub(crate) fn announce_succession(&mut self) -> io::Result<()> {
        self.diary.write_all([Record { succession: true, ..Record::default() }])
    }

    /// Begins to write the file anew when most of it is history, and drops the configurations nothing is made from any more.
    fn tidy(&mut self) {
        let memory = self.supervisor.memory();
        let mut used = memory.tapes();
        used.extend(self.diary.settings);
        self.tapes.retain(&used);
        let first = self.diary.all(Vec::new());
        self.diary.needed = memory.into_changes().into();
        let begun = self.diary.file.as_mut().map_or(Ok(()), |it| {
            it.begin_rewrite()?;
            it.rewrite(first.iter())
        });
        self.diary.is_tidying = begun.is_ok();
        self.tell_of_diary(begun);
        self.tidy_on();
    }

    /// Whether the file is being written anew.
    pub(crate) const fn is_tidying(&self) -> bool {
        self.diary.is_tidying
    }

    /// Goes on with that for a moment, if it is.
    pub(crate) fn tidy_on(&mut self) {
        if !self.diary.is_tidying {
            return;
        }
        let written = self.diary.write_needed();
        self.diary.is_tidying = matches!(written, Ok(false));
        self.tell_of_diary(written.map(drop));
    }

    fn tell_of_diary(&mut self, written: io::Result<()>) {
        match written {
            Ok(()) if std::mem::take(&mut self.diary.is_failing) => {
                self.note(Level::Info, "what must outlive this daemon is written down again");
            }
            Err(error) if !std::mem::replace(&mut self.diary.is_failing, true) => {
                let text = format!("cannot write down what must outlive this daemon: {error}");
                self.note(Level::Error, &text);
            }
            Ok(()) | Err(_) => {}
        }
    }
}
