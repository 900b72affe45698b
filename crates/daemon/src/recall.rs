//! What a new daemon knows of the one before, and what it makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use logs::pump::StreamId;
use model::child::{Channel, ChildId};
use model::name::FullName;
use model::time::Mono;
use serde::{Deserialize, Serialize};
use supervisor::input::Departure;
use supervisor::memory::{Change, Memory, MoodMemory, Tape};

use crate::handover::Handover;
use crate::{memory_file, runtime};

/// One record of the file. Each has one of these; a later version may have more, which are ignored here.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    /// The first of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) head: Option<Head>,
    /// What one step of the machine has changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) step: Vec<Change>,
    /// A log with a name nobody has chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<AutoFile>,
    /// What a listener has said: written down before it is taken out of its pipe, since it can be taken only once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<Words>,
    /// Listeners of whose words the machine has taken note in this step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) heard: Vec<ChildId>,
    /// Another configuration is in force for everything but the groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<Tape>,
    /// The daemon has left for another one that takes everything over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) succession: bool,
}

/// Whose memory it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Head {
    /// The boot of the machine, in hexadecimal digits.
    pub(crate) boot: String,
    /// The launch of the keeper.
    pub(crate) launch: String,
}

/// What is in the file, before anything of it is understood, and how many bytes at its end make no sense; `None` where there is no
/// place for such a file.
pub(crate) struct Pages(Option<std::io::Result<(Vec<Vec<u8>>, usize)>>);

impl Pages {
    /// Reads the file.
    pub(crate) fn read(handover: &Handover) -> Self {
        Self(handover.runtime.as_deref().map(|it| memory_file::read(&path(it))))
    }

    /// The configuration that was in force when the file was begun, if it is of this launch. It is in force still, unless
    /// something later in the file says otherwise.
    pub(crate) fn first_settings(&self, launch: &str) -> Option<Tape> {
        let Some(Ok((records, _))) = &self.0 else { return None };
        let first: Record = serde_json::from_slice(records.first()?).ok()?;
        first.settings.filter(|_| first.head.is_some_and(|it| it.launch == launch))
    }
}

/// Where the output of a stream goes for which no file was named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AutoFile {
    pub(crate) process: FullName,
    pub(crate) stderr: bool,
    pub(crate) path: PathBuf,
}

/// What one listener has said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Words {
    pub(crate) child: ChildId,
    pub(crate) bytes: Vec<u8>,
    /// Whether they have left their pipe for certain.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) taken: bool,
}

/// What a listener has said of which the machine has not taken note.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Spoken {
    pub(crate) bytes: Vec<u8>,
    /// How many of them, at the end, may still be in their pipe.
    pub(crate) untaken: usize,
}

impl Spoken {
    pub(crate) fn add(&mut self, bytes: &[u8], taken: bool) {
        self.bytes.extend_from_slice(bytes);
        self.untaken = if taken { 0 } else { bytes.len() };
    }

    /// What has left the pipe for certain, and what may not have.
    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        self.bytes.split_at(self.bytes.len().saturating_sub(self.untaken))
    }
}

impl Record {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes);
        bytes
    }

    /// Writes it behind what is there.
    pub(crate) fn write_to(&self, bytes: &mut Vec<u8>) {
        // Into memory, and of what can be written: there is nothing that could fail.
        let _ = serde_json::to_writer(bytes, self);
    }
}

/// How a daemon comes into the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nothing was here before it.
    Fresh,
    /// It takes the place of one that has died under the same keeper, or under one that took that one's place: everything is to
    /// be as it was.
    Heir,
    /// It takes the place of one that left for it: programs are as they were, and everything else is as the
    /// files say now.
    Successor,
    /// The whole supervisor had died, and somebody has started it again: what still runs is ours, and the files
    /// say what is wanted.
    Finder,
}

/// What is known of the daemon before.
#[derive(Debug)]
pub(crate) struct Recalled {
    pub(crate) origin: Origin,
    pub(crate) memory: Memory,
    /// The configuration that was in force for everything but the groups.
    pub(crate) settings: Option<Tape>,
    pub(crate) files: BTreeMap<StreamId, PathBuf>,
    /// Children that are remembered and that the keeper does not know.
    pub(crate) lurkers: Vec<Lurker>,
    /// What listeners had said of which the machine had not taken note.
    pub(crate) words: BTreeMap<ChildId, Spoken>,
}

/// A child of a dead supervisor of which the keeper's journal says nothing, for want of a journal: with its pid there
/// is a process that was born no later than the child. It may be the child, and then another must not be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lurker {
    pub(crate) child: ChildId,
    pub(crate) name: FullName,
    pub(crate) pid: u32,
    pub(crate) started: Mono,
}

/// How much younger than remembered a process may look, for the coarseness of clocks.
const AGE_SLACK: Duration = Duration::from_secs(1);

/// Whether there is a process with this pid that may have been born at that moment.
fn may_be_there(pid: u32, started: Mono) -> bool {
    let age = os::clock::mono() - started;
    os::procfs::stat(pid).is_ok_and(|it| !it.is_zombie && it.age() + AGE_SLACK >= age)
}

/// What the keeper has, as far as it matters here.
pub(crate) struct Known {
    /// All its children.
    pub(crate) children: BTreeSet<u64>,
    /// Whether one of them lives.
    pub(crate) has_living: bool,
}

impl Recalled {
    fn nothing(origin: Origin) -> Self {
        let (memory, files) = (Memory::default(), BTreeMap::new());
        Self { origin, memory, settings: None, files, lurkers: Vec::new(), words: BTreeMap::new() }
    }

    /// Understands what was remembered. Where nothing lives and the supervisor is another one, too, this is a start like
    /// any other.
    ///
    /// # Errors
    /// Why it could not be read, or not to its end: what is not known otherwise is known only as far as the keeper has it.
    pub(crate) fn from_pages(
        pages: Pages,
        handover: &Handover,
        boot: &str,
        known: &Known,
    ) -> (Self, Option<std::io::Error>) {
        let found = if known.has_living { Origin::Finder } else { Origin::Fresh };
        let Some(pages) = pages.0 else { return (Self::nothing(found), None) };
        match pages {
            Ok((records, senseless)) => {
                let lurks = |child: ChildId, pid, started| {
                    !known.children.contains(&child.0) && may_be_there(pid, started)
                };
                let trouble = (senseless > 0).then(|| {
                    let text =
                        format!("its last {senseless} bytes are damaged, and what they said is forgotten");
                    std::io::Error::new(std::io::ErrorKind::InvalidData, text)
                });
                (Self::of(&records, &handover.launch, boot, found, lurks), trouble)
            }
            Err(error) => (Self::nothing(found), Some(error)),
        }
    }

    fn of(
        records: &[Vec<u8>],
        launch: &str,
        boot: &str,
        otherwise: Origin,
        lurks: impl Fn(ChildId, u32, Mono) -> bool,
    ) -> Self {
        let mut records = records.iter().map_while(|it| serde_json::from_slice::<Record>(it).ok());
        let mut first = records.next().unwrap_or_default();
        let head = first.head.take().unwrap_or_default();
        if head.boot != boot {
            return Self::nothing(otherwise);
        }
        let is_ours = head.launch == launch;
        let mut recalled = Self::nothing(if is_ours { Origin::Heir } else { Origin::Finder });
        for record in std::iter::once(first).chain(records) {
            recalled.take(record);
        }
        if !is_ours {
            recalled.lurkers = lurkers(&recalled.memory, lurks);
            if recalled.lurkers.is_empty() && otherwise == Origin::Fresh {
                return Self::nothing(Origin::Fresh);
            }
        }
        match recalled.memory.mood {
            // All was stopped, for a daemon that begins anew.
            MoodMemory::Left(Departure::Restart) => Self::nothing(otherwise),
            // Somebody else than the one who asked for the end has started it.
            MoodMemory::Leaving(_) | MoodMemory::Left(_) if recalled.origin == Origin::Finder => {
                recalled.memory.mood = MoodMemory::Running;
                recalled
            }
            MoodMemory::Running | MoodMemory::Leaving(_) | MoodMemory::Left(Departure::Shutdown) => recalled,
        }
    }

    fn take(&mut self, record: Record) {
        let Record { head: _, step, file, words, heard, settings, succession } = record;
        for change in step {
            self.memory.apply(change);
        }
        if let Some(AutoFile { process, stderr, path }) = file {
            let channel = if stderr { Channel::Stderr } else { Channel::Stdout };
            self.files.insert(StreamId { name: process, channel }, path);
        }
        for child in heard {
            self.words.remove(&child);
        }
        if let Some(Words { child, bytes, taken }) = words {
            self.words.entry(child).or_default().add(&bytes, taken);
        }
        self.settings = settings.or(self.settings);
        if succession && self.origin == Origin::Heir {
            self.origin = Origin::Successor;
        }
    }
}

/// The children of a memory that lurk.
fn lurkers(memory: &Memory, lurks: impl Fn(ChildId, u32, Mono) -> bool) -> Vec<Lurker> {
    let children = memory.processes.iter().filter_map(|(name, process)| {
        let (child, pid) = process.phase.child()?;
        Some(Lurker { child, name: name.clone(), pid: pid?, started: process.started?.mono })
    });
    children.filter(|it| lurks(it.child, it.pid, it.started)).collect()
}

/// The boot of the machine, as memories name it.
pub(crate) fn boot_name(boot_id: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(boot_id))
}

/// The file of what is remembered in this directory.
pub(crate) fn path(directory: &Path) -> PathBuf {
    directory.join(runtime::MEMORY)
}

#[cfg(test)]
mod tests {
    use model::name::{GroupName, ProcessName};
    use supervisor::memory::Counters;

    use super::*;

    fn head(launch: &str) -> Record {
        let (boot, launch) = ("b".to_owned(), launch.to_owned());
        Record { head: Some(Head { boot, launch }), ..Record::default() }
    }

    fn step(changes: Vec<Change>) -> Record {
        Record { step: changes, ..Record::default() }
    }

    fn mood(mood: MoodMemory) -> Record {
        step(vec![Change::Mood { mood }])
    }

    fn recalled(records: &[Record]) -> Recalled {
        let records: Vec<_> = records.iter().map(Record::to_bytes).collect();
        Recalled::of(&records, "now", "b", Origin::Finder, |_, _, _| false)
    }

    #[test]
    fn a_memory_is_taken_as_what_its_head_says() {
        let counted =
            || step(vec![Change::Counters { counters: Counters { event: 7, ..Counters::default() } }]);
        let heir = recalled(&[head("now"), counted()]);
        assert_eq!((heir.origin, heir.memory.counters.event), (Origin::Heir, 7));
        let finder = recalled(&[head("earlier"), counted()]);
        assert_eq!((finder.origin, finder.memory.counters.event), (Origin::Finder, 7));
        let alone = [head("earlier").to_bytes(), counted().to_bytes()];
        let alone = Recalled::of(&alone, "now", "b", Origin::Fresh, |_, _, _| false);
        assert_eq!((alone.origin, alone.memory.counters.event), (Origin::Fresh, 0), "nothing lives on");
        let succession = Record { succession: true, ..Record::default() };
        assert_eq!(recalled(&[head("now"), succession]).origin, Origin::Successor);

        let other_boot = Recalled::of(
            &[head("now").to_bytes(), counted().to_bytes()],
            "now",
            "c",
            Origin::Fresh,
            |_, _, _| false,
        );
        assert_eq!((other_boot.origin, other_boot.memory.counters.event), (Origin::Fresh, 0));
        for odd in [&b"{"[..], b"[]", b"7", b"\"x\""] {
            let records = [head("now").to_bytes(), counted().to_bytes(), odd.to_vec(), counted().to_bytes()];
            assert_eq!(
                Recalled::of(&records, "now", "b", Origin::Fresh, |_, _, _| false).memory.counters.event,
                7
            );
            assert_eq!(
                Recalled::of(&[odd.to_vec()], "now", "b", Origin::Finder, |_, _, _| false).origin,
                Origin::Finder
            );
        }
        let newer = br#"{"unheard_of":{"x":1}}"#.to_vec();
        let records = [head("now").to_bytes(), newer, counted().to_bytes()];
        assert_eq!(
            Recalled::of(&records, "now", "b", Origin::Fresh, |_, _, _| false).memory.counters.event,
            7
        );
    }

    #[test]
    fn a_wish_to_leave_belongs_to_the_launch_it_was_told_to() {
        let leaving = || mood(MoodMemory::Leaving(Departure::Shutdown));
        assert_eq!(recalled(&[head("now"), leaving()]).memory.mood, MoodMemory::Leaving(Departure::Shutdown));
        assert_eq!(recalled(&[head("earlier"), leaving()]).memory.mood, MoodMemory::Running);
        let restarted = recalled(&[head("now"), mood(MoodMemory::Left(Departure::Restart))]);
        assert_eq!((restarted.origin, restarted.memory.mood), (Origin::Finder, MoodMemory::Running));
    }

    #[test]
    fn words_are_kept_until_the_machine_has_taken_note_of_them() {
        let words = |child, text: &str| Record {
            words: Some(Words { child: ChildId(child), bytes: text.into(), taken: false }),
            ..Record::default()
        };
        let heard = |child| Record { heard: vec![ChildId(child)], ..Record::default() };
        let all = [
            head("now"),
            words(1, "RESULT 2\n"),
            words(2, "READY\n"),
            words(1, "O"),
            heard(2),
            words(2, "R"),
        ];
        let found = recalled(&all).words;
        let spoken = |text: &str, untaken| Spoken { bytes: text.into(), untaken };
        assert_eq!(
            found,
            BTreeMap::from([(ChildId(1), spoken("RESULT 2\nO", 1)), (ChildId(2), spoken("R", 1))])
        );
        assert_eq!(found[&ChildId(1)].parts(), (&b"RESULT 2\n"[..], &b"O"[..]));
        // What an earlier version wrote, and what it did not know.
        let old = br#"{"words":{"child":1,"bytes":[79,75]}}"#.to_vec();
        let newer = br#"{"words":{"child":1,"bytes":[82],"taken":true}}"#.to_vec();
        let records = [head("now").to_bytes(), old, newer];
        let words = Recalled::of(&records, "now", "b", Origin::Finder, |_, _, _| false).words;
        assert_eq!(words, BTreeMap::from([(ChildId(1), spoken("OKR", 0))]));
    }

    #[test]
    fn logs_without_a_name_and_settings_are_remembered() {
        let file = |path: &str| Record {
            file: Some(AutoFile {
                process: FullName {
                    group: GroupName::parse("g").unwrap(),
                    process: ProcessName::expanded("p"),
                },
                stderr: true,
                path: path.into(),
            }),
            ..Record::default()
        };
        let settings = Record { settings: Some(4), ..Record::default() };
        let found = recalled(&[head("now"), file("/tmp/a"), settings, file("/tmp/b")]);
        let paths: Vec<_> = found.files.iter().map(|(it, path)| (it.channel, path.clone())).collect();
        assert_eq!(paths, [(Channel::Stderr, PathBuf::from("/tmp/b"))]);
        assert_eq!(found.settings, Some(4));
    }
}
