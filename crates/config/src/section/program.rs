//! `[program:x]`, and what it shares with other sections that describe programs
//! (`options.py`, `ServerOptions._processes_from_section`).

use std::collections::BTreeMap;
use std::sync::Arc;

use model::exit::ExitCodes;
use model::name::{GroupName, ProcessName, ProgramName};
use model::signal::Signal;
use model::spec::{AutoRestart, CommandLine, GroupKind, GroupSpec, Origin, ProcessSpec, ServerUrl, UserSpec};

use crate::diagnostic::{Report, Reported, Wrong};
use crate::environment;
use crate::ini::Section;
use crate::option::process as option;
use crate::python;
use crate::section::stream::{self, Log, Watched};
use crate::section::{Context, Reader, Suffix};
use crate::shell_words;
use crate::value::{self, ValueError};

/// How many processes a configuration may ask for. A slip in `numprocs` should be told, not fill
/// the memory.
pub(crate) const PROCESSES_MAX: usize = 100_000;

/// The text that makes the names of several processes differ.
const NUMBER_IN_NAME: &str = "%(process_num)";

/// The group that a program forms when no `[group:x]` names it.
pub(crate) fn read_group(
    context: Context<'_>,
    section: &Section,
    report: &mut Report,
) -> Result<GroupSpec, Reported> {
    let mut reader = Reader::new(context, section, context.scope(), report);
    let name = own_name(&mut reader);
    let priority = reader.value(&option::PRIORITY, value::integer);
    let name = name?;
    let processes = processes(context, section, name.as_str(), report);
    Ok(GroupSpec { name, priority: priority?, kind: GroupKind::Plain, processes: processes? })
}

/// The part of a section's name after the colon.
pub(crate) fn bare_name(section: &Section) -> &str {
    section.name.split_once(':').map_or("", |(_, name)| name)
}

/// The name of a section as that of a group.
pub(crate) fn own_name(reader: &mut Reader<'_, '_>) -> Result<GroupName, Reported> {
    let checked = value::name(bare_name(reader.section));
    let name = checked.and_then(|it| GroupName::parse(it).map_err(ValueError::from));
    name.map_err(|error| reader.wrong_section(error.into()))
}

/// The processes of a section, in the order in which they are started.
pub(crate) fn processes(
    context: Context<'_>,
    section: &Section,
    group: &str,
    report: &mut Report,
) -> Result<Vec<Arc<ProcessSpec>>, Reported> {
    let mut reader = Reader::new(context, section, context.scope(), report);
    reader.suffix = Suffix::Place;
    let program = own_program_name(&mut reader)?;
    reader.scope = context
        .scope()
        .with("program_name", program.as_str())
        .with("host_node_name", &context.machine.node_name)
        .with("group_name", group);
    let shared = Shared::read(&mut reader, program);
    let (first, count) = match &shared {
        Ok(shared) => (shared.first, shared.count),
        // One process is read all the same, for what is wrong with its own options.
        Err(Reported) => (0, 1),
    };
    let mut specs = Vec::new();
    for number in first..first.saturating_add(count.max(0)) {
        reader.scope.set_number("process_num", number);
        reader.scope.set_number("numprocs", count);
        reader.scope.uncover_variables();
        count_process(&mut reader)?;
        let own = Own::read(&mut reader);
        specs.push(Arc::new(shared.as_ref().map_err(|it| *it)?.with(own?, context.for_all)));
    }
    specs.sort_by(|a, b| a.name.cmp(&b.name));
    shared.map(|_| specs)
}

fn own_program_name(reader: &mut Reader<'_, '_>) -> Result<ProgramName, Reported> {
    let checked = value::name(bare_name(reader.section));
    let name = checked.and_then(|it| ProgramName::parse(it).map_err(ValueError::from));
    name.map_err(|error| reader.wrong_section(error.into()))
}

fn count_process(reader: &mut Reader<'_, '_>) -> Result<(), Reported> {
    let processes = reader.context.processes;
    processes.set(processes.get() + 1);
    if processes.get() <= PROCESSES_MAX {
        return Ok(());
    }
    let message = format!("there are more than {PROCESSES_MAX} processes in all");
    Err(reader.wrong(&option::NUMPROCS, Wrong::new(message.clone(), message)))
}

/// What all processes of a section share.
struct Shared {
    program: ProgramName,
    origin: Origin,
    first: i64,
    count: i64,
    priority: i64,
    autostart: bool,
    autorestart: AutoRestart,
    startsecs: i64,
    startretries: i64,
    stopping: Stopping,
    exitcodes: ExitCodes,
    redirect_stderr: bool,
    stdout: Watched,
    stderr: Watched,
    serverurl: ServerUrl,
    user: Option<UserSpec>,
    umask: Option<u32>,
}

/// How a process is stopped.
#[derive(Clone, Copy)]
struct Stopping {
    signal: Signal,
    waitsecs: i64,
    stopasgroup: bool,
    killasgroup: bool,
    stopastree: bool,
}

impl Shared {
    /// Reads every option before it gives up on any, in the order of the original.
    fn read(reader: &mut Reader<'_, '_>, program: ProgramName) -> Result<Self, Reported> {
        let machine = reader.context.machine;
        let priority = reader.value(&option::PRIORITY, value::integer);
        let autostart = reader.value(&option::AUTOSTART, value::boolean);
        let autorestart = reader.value(&option::AUTORESTART, value::auto_restart);
        let startsecs = reader.value(&option::STARTSECS, value::integer);
        let startretries = reader.value(&option::STARTRETRIES, value::integer);
        let stopping = Stopping::read(reader);
        let exitcodes = reader.value(&option::EXITCODES, value::exit_codes);
        let redirect_stderr = reader.value(&option::REDIRECT_STDERR, value::boolean);
        let count = reader.value(&option::NUMPROCS, value::integer);
        let first = reader.value(&option::NUMPROCS_START, value::integer);
        let stdout = stream::read_watched(reader, &stream::STDOUT);
        let stderr = stream::read_watched(reader, &stream::STDERR);
        let serverurl = read_server_url(reader);
        let user = reader.optional(&option::USER, |text| {
            machine.user(text).map(|user| UserSpec { text: text.to_owned(), uid: user.uid })
        });
        let umask = reader.optional(&option::UMASK, value::octal);
        let named = check_process_name(reader, count);
        let stopping = stopping.and_then(|it| it.check(reader));
        named?;
        let header = &reader.section.place;
        Ok(Self {
            program,
            origin: Origin { file: Arc::clone(&header.file), line: header.line },
            first: first?,
            count: count?,
            priority: priority?,
            autostart: autostart?,
            autorestart: autorestart?,
            startsecs: startsecs?,
            startretries: startretries?,
            stopping: stopping?,
            exitcodes: exitcodes?,
            redirect_stderr: redirect_stderr?,
            stdout: stdout?,
            stderr: stderr?,
            serverurl: serverurl?,
            user: user?,
            umask: umask?,
        })
    }

    /// One process: what it shares with the others and what is its own.
    fn with(&self, own: Own, for_all: &[(String, String)]) -> ProcessSpec {
        let mut environment: BTreeMap<String, String> = for_all.iter().cloned().collect();
        environment.extend(own.environment);
        ProcessSpec {
            name: own.name,
            program: self.program.clone(),
            command: own.command,
            directory: own.directory,
            umask: self.umask,
            priority: self.priority,
            autostart: self.autostart,
            autorestart: self.autorestart,
            startsecs: self.startsecs,
            startretries: self.startretries,
            user: self.user.clone(),
            stopsignal: self.stopping.signal,
            stopwaitsecs: self.stopping.waitsecs,
            stopasgroup: self.stopping.stopasgroup,
            killasgroup: self.stopping.killasgroup,
            stopastree: self.stopping.stopastree,
            exitcodes: self.exitcodes.clone(),
            redirect_stderr: self.redirect_stderr,
            stdout: own.stdout.spec(self.stdout),
            stderr: own.stderr.spec(self.stderr),
            environment: environment.into_iter().collect(),
            serverurl: self.serverurl.clone(),
            origin: self.origin.clone(),
        }
    }
}

impl Stopping {
    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, Reported> {
        let signal = reader.value(&option::STOPSIGNAL, value::signal);
        let waitsecs = reader.value(&option::STOPWAITSECS, value::integer);
        let stopasgroup = reader.value(&option::STOPASGROUP, value::boolean);
        let killasgroup = reader.optional(&option::KILLASGROUP, value::boolean);
        let stopastree = reader.value(&option::STOPASTREE, value::boolean);
        let stopasgroup = stopasgroup?;
        let killasgroup = killasgroup?.unwrap_or(stopasgroup);
        Ok(Self { signal: signal?, waitsecs: waitsecs?, stopasgroup, killasgroup, stopastree: stopastree? })
    }

    fn check(self, reader: &mut Reader<'_, '_>) -> Result<Self, Reported> {
        if self.killasgroup || !self.stopasgroup {
            return Ok(self);
        }
        let wrong = Wrong::new(
            "it cannot be false when stopasgroup is true",
            "Cannot set stopasgroup=true and killasgroup=false",
        );
        Err(reader.wrong(&option::KILLASGROUP, wrong.or_else_write("leave killasgroup out")))
    }
}

fn read_server_url(reader: &mut Reader<'_, '_>) -> Result<ServerUrl, Reported> {
    let text = reader.text(&option::SERVERURL)?;
    Ok(match text {
        Some(text) if python::strip(&text).to_uppercase() == "AUTO" => ServerUrl::Auto,
        Some(text) => ServerUrl::Text(text.into_owned()),
        None => ServerUrl::Auto,
    })
}

/// The name is checked before it is expanded, and not after.
fn check_process_name(reader: &mut Reader<'_, '_>, count: Result<i64, Reported>) -> Result<(), Reported> {
    let template = reader.raw(&option::PROCESS_NAME).unwrap_or_default();
    let name = value::name(template).map_err(|error| reader.wrong(&option::PROCESS_NAME, error.into()))?;
    if count? > 1 && !name.contains(NUMBER_IN_NAME) {
        let wrong = Wrong::new(
            "several processes would have the same name",
            "%(process_num) must be present within process_name when numprocs > 1",
        );
        let remedy = "write for example `%(program_name)s_%(process_num)02d`";
        return Err(reader.wrong(&option::PROCESS_NAME, wrong.or_else_write(remedy)));
    }
    Ok(())
}

/// What is a process's own.
struct Own {
    name: ProcessName,
    command: CommandLine,
    directory: Option<String>,
    environment: Vec<(String, String)>,
    stdout: Log,
    stderr: Log,
}

impl Own {
    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, Reported> {
        let environment = read_environment(reader);
        if let Ok(variables) = &environment {
            reader.scope.add_variables(variables);
        }
        let directory = reader.text(&option::DIRECTORY);
        let stdout = stream::read_log(reader, &stream::STDOUT);
        let stderr = stream::read_log(reader, &stream::STDERR);
        let redirect = reader.value(&option::REDIRECT_STDERR, value::boolean);
        let stderr = match redirect {
            Ok(true) => stderr.map(|it| it.redirected(reader)),
            Ok(false) | Err(Reported) => stderr,
        };
        let command = read_command(reader);
        let name = read_process_name(reader);
        Ok(Self {
            environment: environment?,
            directory: directory?.map(std::borrow::Cow::into_owned),
            stdout: stdout?,
            stderr: stderr?,
            command: command?,
            name: name?,
        })
    }
}

fn read_environment(reader: &mut Reader<'_, '_>) -> Result<Vec<(String, String)>, Reported> {
    let raw = reader.raw(&option::ENVIRONMENT).unwrap_or_default();
    let text = reader.expand_as(&option::ENVIRONMENT, raw, "environment")?;
    environment::parse(&text).map_err(|error| reader.wrong(&option::ENVIRONMENT, error.into()))
}

fn read_command(reader: &mut Reader<'_, '_>) -> Result<CommandLine, Reported> {
    let Some(text) = reader.text(&option::COMMAND)? else {
        let original = format!("program section {} does not specify a command", reader.section.name);
        return Err(reader.missing(&option::COMMAND, original));
    };
    let text = text.into_owned();
    let words = shell_words::split(&text).map_err(|error| error.to_string());
    Ok(CommandLine { text, words })
}

fn read_process_name(reader: &mut Reader<'_, '_>) -> Result<ProcessName, Reported> {
    let raw = reader.raw(&option::PROCESS_NAME).unwrap_or_default();
    let text = reader.expand_as(&option::PROCESS_NAME, python::strip(raw), "process_name")?;
    Ok(ProcessName::expanded(&text))
}
