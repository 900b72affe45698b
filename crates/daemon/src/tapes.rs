//! The configurations that something running was made from, each on its tape, by number.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use config::diagnostic::Severity;
use config::settings::Overrides;
use config::{Config, Invocation, supervisord_arguments};
use model::outside::Outside;
use model::python::repr;
use os::outside::Machine;

use crate::digest::Digest;
use crate::handover::Handover;
use crate::runtime;
use crate::tape::{Recorder, Replay, Tape};

/// All tapes of this supervisor.
#[derive(Debug)]
pub(crate) struct Tapes {
    /// Where they are; `None`: nowhere, and numbers are only numbers.
    directory: Option<PathBuf>,
    next: u32,
    /// The last one that was kept, and what it looks like. Reading a file that has not changed makes no new tape.
    latest: Option<(u32, u64)>,
}

/// A configuration without a mistake, and how it was read.
pub(crate) struct Reading {
    pub(crate) config: Config,
    pub(crate) notices: Vec<(model::level::Level, String)>,
    pub(crate) tape: Tape,
}

impl Tapes {
    /// The tapes of an earlier daemon, if there was one.
    pub(crate) fn open(directory: Option<PathBuf>) -> Self {
        let numbers = directory.as_deref().map(numbers).unwrap_or_default();
        let next = numbers.last().map_or(0, |it| it.wrapping_add(1));
        Self { directory, next, latest: None }
    }

    /// Keeps a configuration, and gives it its number.
    ///
    /// # Errors
    /// When it cannot be written. A daemon that dies then has to read the files again.
    pub(crate) fn keep(&mut self, tape: &Tape) -> io::Result<u32> {
        let bytes = tape.to_bytes();
        let look = look_of(&bytes);
        if let Some((number, latest)) = self.latest
            && latest == look
        {
            return Ok(number);
        }
        let number = self.next;
        if let Some(directory) = &self.directory {
            let path = runtime::tape(directory, number);
            let beside = path.with_extension("new");
            let _ = std::fs::remove_file(&beside);
            // There may be passwords in it.
            runtime::private_file(&beside)?.write_all(&bytes)?;
            std::fs::rename(&beside, path)?;
        }
        self.next = number.wrapping_add(1);
        self.latest = Some((number, look));
        Ok(number)
    }

    /// A number for a configuration that could not be kept.
    pub(crate) fn unkept(&mut self) -> u32 {
        self.latest = None;
        let number = self.next;
        self.next = number.wrapping_add(1);
        number
    }

    /// A tape by its number, if it is there and whole.
    pub(crate) fn load(&self, number: u32) -> Option<Tape> {
        Tape::from_bytes(&bytes_of(self.directory.as_deref()?, number)?)
    }

    /// Takes note that the latest configuration is kept already.
    pub(crate) fn know(&mut self, number: u32, look: u64) {
        self.latest = Some((number, look));
    }

    /// Drops all tapes but these and the latest.
    pub(crate) fn retain(&self, used: &BTreeSet<u32>) {
        let Some(directory) = &self.directory else { return };
        let latest = self.latest.as_ref().map(|(number, _)| *number);
        for number in numbers(directory).into_iter().filter(|it| !used.contains(it) && latest != Some(*it)) {
            // One that stays is tried again the next time.
            let _ = std::fs::remove_file(runtime::tape(directory, number));
        }
    }
}

fn bytes_of(directory: &Path, number: u32) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    runtime::existing_file(&runtime::tape(directory, number)).ok()?.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// A configuration read from its tape.
pub(crate) struct Kept {
    pub(crate) number: u32,
    /// What its tape looks like, if reading it has asked nothing that is not on it: it need not be kept again.
    pub(crate) look: Option<u64>,
    pub(crate) reading: Reading,
}

impl Kept {
    /// Reads the configuration on the tape of this number; nothing where the tape is lost, or not understood any more.
    pub(crate) fn read(handover: &Handover, number: u32) -> Option<Self> {
        let bytes = bytes_of(handover.runtime.as_deref()?, number)?;
        let tape = Tape::from_bytes(&bytes)?;
        let reading = replay(handover, &tape).ok()?;
        let look = (reading.tape == tape).then(|| look_of(&bytes));
        Some(Self { number, look, reading })
    }
}

fn look_of(bytes: &[u8]) -> u64 {
    Digest::new().word(bytes).number()
}

/// The numbers of the tapes in a directory, ascending.
fn numbers(directory: &Path) -> BTreeSet<u32> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|it| it.file_name().to_str()?.strip_prefix("tape.")?.parse().ok()).collect()
}

/// The first mistake of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// In the original's words.
    pub(crate) original: String,
    /// With its place, and what to write instead.
    pub(crate) placed: String,
}

impl Mistake {
    fn new(text: impl Into<String>) -> Self {
        let original = text.into();
        Self { placed: original.clone(), original }
    }
}

/// Reads the configuration on a tape.
///
/// # Errors
/// What is wrong with it. It was right once: another version of this program may see it otherwise.
pub(crate) fn replay(handover: &Handover, tape: &Tape) -> Result<Reading, Mistake> {
    read_with(handover, &Replay { outside: &Machine, tape })
}

/// Reads the configuration as it is on disk.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(handover: &Handover) -> Result<Reading, Mistake> {
    read_with(handover, &Machine)
}

fn read_with(handover: &Handover, outside: &dyn Outside) -> Result<Reading, Mistake> {
    let recorder = Recorder::new(outside);
    // The command line once more: the launcher has found it in order.
    let (given, overrides) = match supervisord_arguments(&handover.arguments, &recorder) {
        Ok(Invocation::Run { config, overrides }) => (config, overrides),
        Ok(Invocation::Help | Invocation::Version) => (None, Overrides::default()),
        Err(error) => return Err(Mistake::new(error.to_string())),
    };
    let loaded = config::load(&handover.config, &overrides, &recorder);
    if let Some(original) = loaded.first_error() {
        let mut errors = loaded.diagnostics.iter().filter(|it| it.severity == Severity::Error);
        let placed = errors.next().map_or_else(|| original.to_owned(), ToString::to_string);
        return Err(Mistake { original: as_given(original, &handover.config, given.as_deref()), placed });
    }
    let missing = || Mistake::new(format!("could not read config file {}", handover.config.display()));
    let config = loaded.config.ok_or_else(missing)?;
    Ok(Reading { config, notices: loaded.notices, tape: recorder.into_tape() })
}

/// The words of the original, which names the file as it was given. It is read by its absolute name, since the
/// directory may have changed.
fn as_given(original: &str, path: &Path, given: Option<&Path>) -> String {
    let Some(given) = given.map(Path::to_string_lossy) else { return original.to_owned() };
    let path = path.to_string_lossy();
    match original.strip_suffix(&*path) {
        Some(before) => format!("{before}{given}"),
        None => original.replace(&repr(&path), &repr(&given)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handover(config: PathBuf) -> Handover {
        Handover {
            config,
            runtime: None,
            launch: String::new(),
            notices: Vec::new(),
            called: "supervisord".to_owned(),
            arguments: vec!["-n".to_owned()],
        }
    }

    fn names(reading: &Reading) -> Vec<String> {
        reading.config.groups.iter().map(|it| it.name.to_string()).collect()
    }

    #[test]
    fn a_tape_is_found_again_by_its_number_until_nothing_needs_it() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("main.conf");
        let write = |name: &str| {
            std::fs::write(&file, format!("[supervisord]\n[program:{name}]\ncommand=cat\n")).unwrap();
        };
        let handover = handover(file.clone());
        let mut tapes = Tapes::open(Some(room.path().to_owned()));
        let mut kept = Vec::new();
        for name in ["a", "a", "b", "c"] {
            write(name);
            kept.push(tapes.keep(&read(&handover).unwrap().tape).unwrap());
        }
        assert_eq!(kept, [0, 0, 1, 2], "what has not changed is kept once");
        std::fs::remove_file(&file).unwrap();
        assert!(read(&handover).is_err());

        let mut later = Tapes::open(Some(room.path().to_owned()));
        let second = replay(&handover, &later.load(1).unwrap()).unwrap();
        assert_eq!(names(&second), ["b"]);
        assert_eq!(
            later.keep(&second.tape).unwrap(),
            3,
            "the numbers of an earlier daemon are not used again"
        );
        later.retain(&BTreeSet::from([0]));
        let left: Vec<_> = (0..4).filter(|it| later.load(*it).is_some()).collect();
        assert_eq!(left, [0, 3]);
        std::fs::write(runtime::tape(room.path(), 0), "{").unwrap();
        assert!(later.load(0).is_none(), "a damaged tape is none");
    }

    #[test]
    fn a_tape_that_says_all_that_is_asked_need_not_be_kept_again() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("main.conf");
        std::fs::write(&file, "[supervisord]\n[program:a]\ncommand=cat\n").unwrap();
        let handover = Handover { runtime: Some(room.path().to_owned()), ..handover(file.clone()) };
        let mut tapes = Tapes::open(handover.runtime.clone());
        let number = tapes.keep(&read(&handover).unwrap().tape).unwrap();
        let Kept { look, reading, .. } = Kept::read(&handover, number).unwrap();
        assert_eq!(names(&reading), ["a"]);
        // The next daemon knows it for what it is, so that a look at files that have not changed makes no tape.
        let mut later = Tapes::open(handover.runtime.clone());
        later.know(number, look.unwrap());
        assert_eq!(later.keep(&read(&handover).unwrap().tape).unwrap(), number);

        // One that lacks an answer, as an earlier version left it, is to be kept anew with it.
        let path = runtime::tape(room.path(), number);
        let bytes = std::fs::read(&path).unwrap();
        let mut answers: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
        answers.retain(|question, _| question.starts_with("read "));
        std::fs::write(&path, serde_json::to_vec(&answers).unwrap()).unwrap();
        assert_eq!(Kept::read(&handover, number).unwrap().look, None);
        std::fs::remove_file(&path).unwrap();
        assert!(Kept::read(&handover, number).is_none());
    }

    #[test]
    fn a_mistake_is_told_with_the_name_that_was_given() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("main.conf");
        let arguments = ["-c", "main.conf"].map(str::to_owned).to_vec();
        let named = Handover { arguments, ..handover(file.clone()) };
        let said = |handover: &Handover| read(handover).err().unwrap().original;
        assert_eq!(said(&named), "could not find config file main.conf");
        std::fs::write(&file, "[supervisord]\n[program:a]\n").unwrap();
        assert!(said(&named).ends_with("in section 'program:a' (file: 'main.conf')"), "{}", said(&named));
        std::fs::write(&file, "[supervisord]\nrubbish\n").unwrap();
        let begin = "Source contains parsing errors: 'main.conf'";
        assert!(said(&named).starts_with(begin), "{}", said(&named));
        let unnamed = said(&handover(file.clone()));
        assert!(unnamed.contains(file.to_str().unwrap()), "{unnamed}");
    }

    #[test]
    fn without_a_place_a_tape_is_a_number() {
        let mut tapes = Tapes::open(None);
        assert_eq!(tapes.keep(&Tape::default()).unwrap(), 0);
        assert!(tapes.load(0).is_none());
        tapes.retain(&BTreeSet::new());
    }
}
