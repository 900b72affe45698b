//! `[supervisord]`: the daemon itself.

use std::path::PathBuf;

use crate::diagnostic::{Report, Reported, Wrong};
use crate::environment;
use crate::ini::Field;
use crate::option::supervisord as option;
use crate::section::{Context, Reader, Suffix, history};
use crate::settings::{MainLog, Overrides, RunAs, Settings};
use crate::value;

/// What the section says. The user is looked up last of all, as in the original.
pub(crate) struct Daemon {
    /// Everything but the user.
    pub(crate) settings: Result<Settings, Reported>,
    /// The user as written.
    pub(crate) user: Option<String>,
    /// The variables for all processes; none when they cannot be read.
    pub(crate) environment: Vec<(String, String)>,
}

impl Daemon {
    const NOTHING: Self = Self { settings: Err(Reported), user: None, environment: Vec::new() };
}

/// Reads the section.
pub(crate) fn read(context: Context<'_>, overrides: &Overrides, report: &mut Report) -> Daemon {
    let Some(section) = context.document.section("supervisord") else {
        let wrong = Wrong::new(
            format!("{} has no [supervisord] section", context.main_file),
            ".ini file does not include supervisord section",
        );
        report.error(None, wrong.or_else_write("add a line `[supervisord]`"));
        return Daemon::NOTHING;
    };
    let mut reader = Reader::new(context, section, context.scope(), report);
    let mut daemon = read_settings(&mut reader, overrides);
    daemon.environment = read_environment(&mut reader).unwrap_or_default();
    if let Ok(settings) = &mut daemon.settings {
        settings.environment.clone_from(&daemon.environment);
        settings.environment.sort();
    }
    daemon
}

/// Reads all but the environment. Every option of the file is checked, also one that the command
/// line replaces.
fn read_settings(reader: &mut Reader<'_, '_>, over: &Overrides) -> Daemon {
    let context = reader.context;
    let machine = context.machine;
    let directory = |text: &str| machine.existing_directory(text);
    let file = |text: &str| machine.existing_dirpath(text);
    // The order is the original's, as the first error is the one it prints.
    let minfds = reader.value(&option::MINFDS, value::integer);
    let minprocs = reader.value(&option::MINPROCS, value::integer);
    let given_directory = reader.optional(&option::DIRECTORY, directory);
    let user = reader.text(&option::USER);
    let umask = reader.value(&option::UMASK, value::octal);
    let logfile = reader.value(&option::LOGFILE, file);
    let logfile_maxbytes = reader.value(&option::LOGFILE_MAXBYTES, value::byte_size);
    let logfile_backups = reader.value(&option::LOGFILE_BACKUPS, value::integer);
    let loglevel = reader.value(&option::LOGLEVEL, value::level);
    let pidfile = reader.value(&option::PIDFILE, file);
    let identifier = reader.text(&option::IDENTIFIER);
    let nodaemon = reader.value(&option::NODAEMON, value::boolean);
    let silent = reader.value(&option::SILENT, value::boolean);
    let childlogdir = reader.optional(&option::CHILDLOGDIR, directory);
    let nocleanup = reader.value(&option::NOCLEANUP, value::boolean);
    let strip_ansi = reader.value(&option::STRIP_ANSI, value::boolean);
    let orphans = reader.value(&option::ORPHANS, value::orphans);
    let cgroups = reader.value(&option::CGROUPS, value::cgroups);
    let runtime_directory = reader.optional(&option::RUNTIME_DIRECTORY, file);
    let history = history::read(reader);
    let sample_interval_secs = reader.value(&option::SAMPLE_INTERVAL, history::interval);
    let user_text = user.as_ref().ok().and_then(|it| it.as_deref().map(str::to_owned));
    let settings = (|| {
        user?;
        let logfile = over.logfile.clone().unwrap_or(logfile?);
        let pidfile = over.pidfile.clone().unwrap_or(pidfile?);
        Ok(Settings {
            logfile: main_log(context, &logfile),
            logfile_maxbytes: over.logfile_maxbytes.unwrap_or(logfile_maxbytes?),
            logfile_backups: over.logfile_backups.unwrap_or(logfile_backups?),
            loglevel: over.loglevel.unwrap_or(loglevel?),
            pidfile: machine.full_path(&pidfile).into(),
            umask: over.umask.unwrap_or(umask?),
            nodaemon: nodaemon? || over.nodaemon,
            silent: silent? || over.silent,
            minfds: over.minfds.unwrap_or(minfds?),
            minprocs: over.minprocs.unwrap_or(minprocs?),
            nocleanup: nocleanup? || over.nocleanup,
            childlogdir: match over.childlogdir.clone().or(childlogdir?) {
                Some(path) => path.into(),
                None => machine.temporary_directory().into(),
            },
            user: None,
            directory: over.directory.clone().or(given_directory?).map(PathBuf::from),
            strip_ansi: strip_ansi? || over.strip_ansi,
            environment: Vec::new(),
            identifier: over.identifier.clone().unwrap_or(identifier?.unwrap_or_default().into_owned()),
            here: context.here.into(),
            orphans: orphans?,
            cgroups: cgroups?,
            runtime_directory: runtime_directory?.map(|it| machine.full_path(&it).into()),
            history: history?,
            sample_interval_secs: sample_interval_secs?,
        })
    })();
    Daemon { settings, user: over.user.clone().or(user_text), environment: Vec::new() }
}

fn main_log(context: Context<'_>, path: &str) -> MainLog {
    match path {
        "syslog" => MainLog::Syslog,
        path => MainLog::File(context.machine.full_path(path).into()),
    }
}

/// The variables for all processes, the last of each key.
fn read_environment(reader: &mut Reader<'_, '_>) -> Result<Vec<(String, String)>, Reported> {
    let raw = reader.raw(&option::ENVIRONMENT).unwrap_or_default();
    let scope = reader.scope.clone().with("host_node_name", &reader.context.machine.node_name);
    let mut reader = reader.again(scope, Suffix::Nothing);
    let text = reader.expand_as(&option::ENVIRONMENT, raw, "environment")?;
    environment::parse(&text).map_err(|error| reader.wrong(&option::ENVIRONMENT, error.into()))
}

/// Looks up whom to become.
pub(crate) fn find_user(
    context: Context<'_>,
    text: Option<String>,
    report: &mut Report,
) -> Result<Option<RunAs>, Reported> {
    let Some(text) = text else { return Ok(None) };
    match context.machine.user(&text) {
        Ok(user) => Ok(Some(RunAs { text, user })),
        Err(error) => {
            let section = context.document.section("supervisord");
            let field = section.and_then(|it| context.document.field(it, option::USER.name));
            let mut wrong = Wrong::from(error);
            // What the command line says stands nowhere in the file.
            let field = field.filter(|it| it.value == text);
            wrong.message = match field {
                Some(_) => format!("[supervisord] user: {}", wrong.message),
                None => wrong.message,
            };
            Err(report.error(field.map(Field::place), wrong))
        }
    }
}
