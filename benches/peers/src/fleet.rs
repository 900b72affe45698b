//! A contender at work: its folder, its configuration, its processes.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use crate::arguments::Arguments;
use crate::contender::Contender;
use crate::procs;
use crate::records::{self, Record};

/// How long a start may take before it counts as failed.
const START_MAX: Duration = Duration::from_secs(90);

/// How long a stop may take.
const STOP_MAX: Duration = Duration::from_mins(1);

/// How long a contender must not have used the processor before it counts as settled.
const QUIET: Duration = Duration::from_millis(300);

/// How often its status is looked at until all programs run.
const LOOKS_MAX: usize = 60;

/// What a contender is given to look after.
pub(crate) struct Scene {
    /// A folder of its own.
    pub(crate) folder: PathBuf,
    /// Where children leave their notes; in memory, so that no disk takes part.
    pub(crate) records: PathBuf,
    /// What is run.
    pub(crate) programs: Vec<Program>,
    /// Whether programs have logs.
    pub(crate) logs: bool,
    /// The program of the children.
    pub(crate) child: PathBuf,
    /// More sections for a contender that reads Supervisor's file.
    pub(crate) more: String,
    rooms: [Option<tempfile::TempDir>; 2],
}

/// Folders of scenes that are over.
///
/// ext4 does not use the place of a file again that was removed within the last minutes, and looks at each such place
/// before it finds another: whoever makes a thousand files after somebody else has removed a thousand pays for those.
static PAST: Mutex<Vec<tempfile::TempDir>> = Mutex::new(Vec::new());

/// What is larger than this is removed with its scene: nobody has thousands of such files.
const KEPT_BYTES_MAX: u64 = 1 << 20;

/// Removes what all scenes have left.
pub(crate) fn tidy() {
    PAST.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

impl Drop for Scene {
    fn drop(&mut self) {
        for room in self.rooms.iter_mut().filter_map(Option::take) {
            for file in fs::read_dir(room.path()).into_iter().flatten().flatten() {
                if file.metadata().is_ok_and(|it| it.is_file() && it.len() > KEPT_BYTES_MAX) {
                    let _ = fs::remove_file(file.path());
                }
            }
            PAST.lock().unwrap_or_else(PoisonError::into_inner).push(room);
        }
    }
}

/// One program to look after.
#[derive(Clone)]
pub(crate) struct Program {
    /// Its name.
    pub(crate) name: String,
    /// Its command, word for word.
    pub(crate) words: Vec<String>,
}

impl Scene {
    /// So many programs that note their start and then wait.
    pub(crate) fn of(count: usize, arguments: &Arguments) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("bench-").tempdir()?;
        let memory = Path::new("/dev/shm");
        let notes = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
        let mut scene = Self {
            folder: folder.path().to_owned(),
            records: notes.path().join("notes"),
            programs: Vec::new(),
            logs: true,
            child: arguments.child.clone(),
            more: String::new(),
            rooms: [Some(folder), Some(notes)],
        };
        for id in 0..count {
            scene.add(id, "note", &[]);
        }
        Ok(scene)
    }

    /// Adds a program.
    pub(crate) fn add(&mut self, id: usize, what: &str, more: &[&str]) {
        let mut words = vec![
            self.child.display().to_string(),
            what.to_owned(),
            self.records.display().to_string(),
            id.to_string(),
        ];
        words.extend(more.iter().map(|it| (*it).to_owned()));
        self.programs.push(Program { name: format!("p{id:05}"), words });
    }

    /// A file of this scene.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file of this scene, with the folders it needs.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.file(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A contender that runs. It and all it has started end with this value.
pub(crate) struct Fleet<'a> {
    pub(crate) contender: &'a dyn Contender,
    pub(crate) scene: &'a Scene,
    /// Its first process.
    pub(crate) root: i32,
    /// When it was executed, on the monotonic clock.
    pub(crate) began: u64,
}

impl<'a> Fleet<'a> {
    /// Writes the configuration and executes the contender.
    pub(crate) fn launch(contender: &'a dyn Contender, scene: &'a Scene) -> Result<Self> {
        contender.prepare(scene)?;
        let mut command = contender.launch(scene);
        let said = fs::File::create(scene.file("said"))?;
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said).process_group(0);
        let began = records::now();
        let child = command.spawn().with_context(|| format!("cannot run {}", contender.name()))?;
        let root = i32::try_from(child.id())?;
        Ok(Self { contender, scene, root, began })
    }

    /// Waits until all programs have noted their start; the time of the last, in milliseconds.
    pub(crate) fn until_started(&self) -> Result<f64> {
        let wanted = self.scene.programs.len();
        let notes = records::until(&self.scene.records, wanted, START_MAX).with_context(|| self.said())?;
        ensure_complete(&notes, wanted)?;
        let last = notes.iter().map(|it| it.at).max().unwrap_or(self.began);
        Ok(records::millis(self.began, last))
    }

    /// Waits until its status says of every program that it runs; false if it has no such command.
    pub(crate) fn until_running(&self) -> Result<bool> {
        let (wanted, mark) = (self.scene.programs.len(), self.contender.status_mark());
        let mut running = 0;
        for _ in 0..LOOKS_MAX {
            let Some(mut command) = self.contender.status(self.scene) else { return Ok(false) };
            // Supervisor's client has an exit status for "not all run".
            let text = command.stdin(Stdio::null()).output()?.stdout;
            running = String::from_utf8_lossy(&text).matches(mark).count();
            if mark.is_empty() || running == wanted {
                return Ok(true);
            }
            std::thread::sleep(QUIET);
        }
        bail!("its status says that {running} of {wanted} run")
    }

    /// What it has said on its standard output, for whoever must mend it.
    fn said(&self) -> String {
        let text = fs::read_to_string(self.scene.file("said")).unwrap_or_default();
        let end: Vec<&str> = text.lines().rev().take(3).collect();
        format!("{}: {}", self.contender.name(), end.join(" / "))
    }

    /// Waits until none of its processes uses the processor any more.
    pub(crate) fn settle(&self) {
        let used = || procs::usage(&procs::own(self.root)).cpu_ns;
        let mut before = used();
        // One that is never quiet is measured as it is.
        for _ in 0..40 {
            std::thread::sleep(QUIET);
            let now = used();
            if now.saturating_sub(before) < 1_000_000 {
                return;
            }
            before = now;
        }
    }

    /// Asserts that each program lives, once; for when no other fleet is out.
    pub(crate) fn check_alive(&self) -> Result<()> {
        // Not of its root: some leave their children to whoever takes them.
        let (alive, wanted) = (procs::programs(procs::ours()).len(), self.scene.programs.len());
        ensure!(alive == wanted, "{}: {alive} programs live instead of {wanted}", self.contender.name());
        Ok(())
    }

    /// Stops everything in its own way; how long that took, in milliseconds.
    pub(crate) fn stop(self) -> Result<f64> {
        let all: BTreeSet<i32> = procs::tree(self.root).into_keys().collect();
        let began = records::now();
        match self.contender.stop(self.scene, self.root) {
            Some(mut command) => drop(output(&mut command)?),
            None => procs::signal(self.root, Signal::TERM),
        }
        procs::until_gone(&all, STOP_MAX)?;
        Ok(records::millis(began, records::now()))
    }
}

impl Drop for Fleet<'_> {
    fn drop(&mut self) {
        procs::end_everything();
    }
}

/// Asserts that every program has started, and none twice.
fn ensure_complete(notes: &[Record], wanted: usize) -> Result<()> {
    let ids: BTreeSet<u64> = notes.iter().map(|it| it.id).collect();
    ensure!(ids.len() == wanted && notes.len() == wanted, "{} notes of {} programs", notes.len(), ids.len());
    Ok(())
}

/// Runs a command to its end; an error shows what it said.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {shown}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{shown} ended with {}: {text}{error}", output.status);
    Ok(text)
}

/// How long a command takes, in milliseconds, and what it says.
pub(crate) fn timed(command: &mut Command) -> Result<(f64, String)> {
    let began = records::now();
    let text = output(command)?;
    Ok((records::millis(began, records::now()), text))
}
